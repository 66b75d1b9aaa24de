package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// The stream of the file: sequence → record. Its records are written in the transactions of
// their changes. Which partitions have records is in the file too, so that whatever changes
// the file while the consumer is away adds to the stream.
var (
	streamBucket = []byte("stream")
	suffixesKey  = []byte("stream") // in metaBucket: suffixes of partitions, one a line
)

// The limits of a stream that nobody consumes. StreamAge is how long DynamoDB keeps a record.
const (
	StreamAge     = 24 * time.Hour
	StreamRecords = 100_000
)

// trimAtOnce limits the records that one write removes, for the reason of forgetAtOnce. It is
// more than the records that one write adds.
const trimAtOnce = 4 * table.MaxOps

// The kinds of records, the byte after the time.
const (
	recordChanged  = 0
	recordInserted = 1
	recordRemoved  = 2
)

// KeepRecords begins a stream of the changes in all partitions that end in one of the
// suffixes, from the next write on, or changes which partitions it has.
func (t *Table) KeepRecords(suffixes ...string) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	if slices.Equal(t.suffixes, suffixes) {
		return nil
	}
	err := t.guard(func() error {
		return t.db.Update(func(tx *bbolt.Tx) error {
			if _, err := tx.CreateBucketIfNotExists(streamBucket); err != nil {
				return err
			}
			return tx.Bucket(metaBucket).Put(suffixesKey, []byte(strings.Join(suffixes, "\n")))
		})
	})
	if err != nil {
		return failed(err)
	}
	t.suffixes = suffixes
	return nil
}

// readSuffixes reads which partitions have records, nil without a stream.
func readSuffixes(tx *bbolt.Tx) []string {
	if text := tx.Bucket(metaBucket).Get(suffixesKey); len(text) > 0 && tx.Bucket(streamBucket) != nil {
		return strings.Split(string(text), "\n")
	}
	return nil
}

// Changed receives a value after a transaction that added records; one value may stand for
// several transactions. It is for one consumer.
func (t *Table) Changed() <-chan struct{} { return t.changed }

// Records returns up to limit records after the one with the given sequence, oldest first;
// after "" those that are not trimmed.
func (t *Table) Records(ctx context.Context, after string, limit int) ([]table.Record, error) {
	position := t.trimmed.Load()
	if after != "" {
		given, err := strconv.ParseUint(after, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("embedded: %q is no sequence of a record", after)
		}
		position = max(position, given)
	}
	var records []table.Record
	err := t.view(ctx, func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(streamBucket)
		if bucket == nil {
			return nil
		}
		cursor := bucket.Cursor()
		for k, v := cursor.Seek(encodeSequence(position + 1)); k != nil && len(records) < limit; k, v = cursor.Next() {
			record, err := decodeRecord(k, v)
			if err != nil {
				return err
			}
			records = append(records, record)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// Trim removes the records up to the one with the given sequence: the consumer is done with
// them. They are removed from the file by the next writes and by Close, so that trimming
// costs no write of its own: after a crash a few of them may come again.
func (t *Table) Trim(upTo string) error {
	sequence, err := strconv.ParseUint(upTo, 10, 64)
	if err != nil {
		return fmt.Errorf("embedded: %q is no sequence of a record", upTo)
	}
	for last := t.trimmed.Load(); last < sequence && !t.trimmed.CompareAndSwap(last, sequence); last = t.trimmed.Load() {
	}
	return nil
}

// changed is the change of one item by a transaction.
type changed struct {
	key           table.Key
	before, after *table.Item
}

// keep adds the records of a transaction to the stream, and removes old ones. It reports
// whether it added some.
func (t *Table) keep(tx *bbolt.Tx, changes []changed, now time.Time) (added bool, err error) {
	bucket := tx.Bucket(streamBucket)
	if t.suffixes == nil || bucket == nil {
		return false, nil
	}
	if err := t.trim(bucket, now, trimAtOnce); err != nil {
		return false, err
	}
	for _, c := range changes {
		if !t.selects(c.key.Partition) || c.after == nil && c.before == nil ||
			c.after != nil && c.before != nil && maps.Equal(c.after.Attributes, c.before.Attributes) {
			continue
		}
		sequence, err := bucket.NextSequence()
		if err != nil {
			return false, err
		}
		if err := bucket.Put(encodeSequence(sequence), encodeRecord(c, now)); err != nil {
			return false, err
		}
		added = true
	}
	return added, nil
}

func (t *Table) selects(partition string) bool {
	return slices.ContainsFunc(t.suffixes, func(suffix string) bool { return strings.HasSuffix(partition, suffix) })
}

// trim removes records that are trimmed, too old, or too many, at most a number of them.
func (t *Table) trim(bucket *bbolt.Bucket, now time.Time, most int) error {
	var over [][]byte
	trimmed, last := t.trimmed.Load(), bucket.Sequence()
	cursor := bucket.Cursor()
	for k, v := cursor.First(); k != nil && len(over) < most; k, v = cursor.Next() {
		sequence := binary.BigEndian.Uint64(k)
		if sequence > trimmed && last-sequence < t.most && now.Sub(usedAt(v)) < StreamAge {
			break
		}
		over = append(over, bytes.Clone(k))
	}
	for _, k := range over {
		if err := bucket.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// settle removes all trimmed records before the table is closed.
func (t *Table) settle() error {
	if t.suffixes == nil || t.trimmed.Load() == 0 {
		return nil
	}
	return t.guard(func() error {
		return t.db.Update(func(tx *bbolt.Tx) error {
			if bucket := tx.Bucket(streamBucket); bucket != nil {
				return t.trim(bucket, t.now(), StreamRecords)
			}
			return nil
		})
	})
}

func encodeSequence(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

// A record is the time, its kind, the key, and the attributes unless the item was removed.
func encodeRecord(c changed, now time.Time) []byte {
	kind := byte(recordChanged)
	switch {
	case c.after == nil:
		kind = recordRemoved
	case c.before == nil:
		kind = recordInserted
	}
	b := appendText(appendText(append(encodeTime(now), kind), c.key.Partition), c.key.Sort)
	if c.after != nil {
		b = appendAttributes(b, c.after.Attributes)
	}
	return b
}

func decodeRecord(sequence, value []byte) (table.Record, error) {
	if checkRecord(sequence, value) != nil {
		return table.Record{}, errDamaged
	}
	d := decoder{rest: value[timeSize:]}
	kind := d.byte()
	r := table.Record{
		Sequence: fmt.Sprintf("%020d", binary.BigEndian.Uint64(sequence)), Inserted: kind == recordInserted,
		Key: table.Key{Partition: d.text(), Sort: d.text()}, Time: usedAt(value),
	}
	if kind == recordRemoved {
		return r, nil
	}
	attributes, err := decodeAttributes(d.rest)
	if err != nil {
		return table.Record{}, err
	}
	r.Item = &table.Item{Key: r.Key, Attributes: attributes}
	return r, nil
}

func checkRecord(sequence, value []byte) error {
	if len(sequence) != 8 || len(value) <= timeSize {
		return errItem
	}
	d := decoder{rest: value[timeSize:]}
	kind := d.byte()
	d.pass()
	d.pass()
	if d.damaged || kind > recordRemoved {
		return errItem
	}
	if kind == recordRemoved {
		if len(d.rest) > 0 {
			return errItem
		}
		return nil
	}
	return checkAttributes(d.rest)
}
