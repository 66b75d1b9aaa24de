package embedded

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// An item's key is its partition, after its length in two bytes, and its sort
// key: the items of a partition are adjacent, in the order of their sort keys.
// Its value is the number of attributes and, in the order of their names, each
// name, the kind of its value, and the value; texts follow their lengths.

const (
	kindText   = 't'
	kindNumber = 'n'
)

var errDamaged = errors.New("damaged item")

func encodePartition(partition string) []byte {
	b := make([]byte, 0, 2+len(partition)+table.MaxSortSize+1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(partition))) //nolint:gosec // at most MaxPartitionSize
	return append(b, partition...)
}

func encodeKey(key table.Key) []byte { return append(encodePartition(key.Partition), key.Sort...) }

func encodeAttributes(attributes table.Attributes) []byte {
	size := binary.MaxVarintLen64
	for name, v := range attributes {
		size += len(name) + len(v.Text()) + 2*binary.MaxVarintLen64 + 1
	}
	return appendAttributes(make([]byte, 0, size), attributes)
}

func appendAttributes(b []byte, attributes table.Attributes) []byte {
	b = binary.AppendUvarint(b, uint64(len(attributes)))
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		b = appendValue(appendText(b, name), attributes[name])
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendValue(b []byte, v table.Value) []byte {
	if v.IsNumber() {
		return binary.AppendVarint(append(b, kindNumber), v.Number())
	}
	return appendText(append(b, kindText), v.Text())
}

// decodeAttributes copies what it reads: the store's memory is only valid
// during its transaction.
func decodeAttributes(b []byte) (table.Attributes, error) {
	d := decoder{rest: b}
	n := d.uvarint()
	if n > uint64(len(b)) {
		return nil, errDamaged
	}
	attributes := make(table.Attributes, n)
	for range n {
		name := d.text()
		switch d.byte() {
		case kindText:
			attributes[name] = table.Text(d.text())
		case kindNumber:
			attributes[name] = table.Number(d.varint())
		default:
			return nil, errDamaged
		}
	}
	if d.damaged || len(d.rest) > 0 {
		return nil, errDamaged
	}
	return attributes, nil
}

// decoder reads values from the front of rest, and zero values once it is
// damaged.
type decoder struct {
	rest    []byte
	damaged bool
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	d.skip(size)
	return n
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.rest)
	d.skip(size)
	return n
}

func (d *decoder) skip(size int) {
	if size <= 0 {
		d.damaged, d.rest = true, nil
		return
	}
	d.rest = d.rest[size:]
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.damaged = true
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.damaged, d.rest = true, nil
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

// fingerprint returns the same for two lists of operations exactly if they are
// equal.
func fingerprint(ops []table.Op) []byte {
	var b []byte
	for _, op := range ops {
		b = binary.AppendVarint(b, int64(op.Kind))
		b = appendText(appendText(b, op.Key.Partition), op.Key.Sort)
		b = appendAttributes(b, op.Attributes)
		b = appendAttributes(b, op.Change.Set)
		b = binary.AppendUvarint(b, uint64(len(op.Change.Add)))
		for _, name := range slices.Sorted(maps.Keys(op.Change.Add)) {
			b = binary.AppendVarint(appendText(b, name), op.Change.Add[name])
		}
		b = binary.AppendUvarint(b, uint64(len(op.Change.Remove)))
		for _, name := range op.Change.Remove {
			b = appendText(b, name)
		}
		b = binary.AppendUvarint(b, uint64(len(op.When)))
		for _, c := range op.When {
			b = appendText(binary.AppendVarint(b, int64(c.Kind)), c.Attribute)
			b = appendText(appendValue(b, c.Value), c.Other)
		}
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

const timeSize = 8

// encodeTime keeps the order of times.
func encodeTime(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(t.UnixNano()))
}

// usedAt reads the time at the front of a record.
func usedAt(record []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(record))) //nolint:gosec // written by encodeTime
}
