package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// ErrDamaged says that a file is not, or not completely, what a Table wrote.
var ErrDamaged = errors.New("the file is damaged")

// A bbolt file is mapped into memory by the kernel and followed as it is: a
// damaged pointer ends the process, or leads into an endless loop. So inspect
// follows all pointers first, by plain reads. It reads each page once, and
// takes about two seconds for each gigabyte in the kernel's cache.
//
// The format of the file is that of bbolt's version 2, in the byte order of the
// machine: pages of a header (id, kind, count, number of further pages) and
// elements, which their keys and values follow in the same order without gaps;
// pages 0 and 1 are the two newest states, of which the one with a correct
// checksum and the higher transaction is used.
const (
	pageHeader    = 16
	element       = 16 // of a branch, and of a leaf
	bucketHeader  = 16
	metaSize      = 64
	boltMagic     = 0xED0CDAED
	boltVersion   = 2
	kindBranch    = 0x01
	kindLeaf      = 0x02
	kindFree      = 0x10
	noFreelist    = ^uint64(0)
	fingerprinted = timeSize + 32 // the value of a token
	// maxDepth is more than any tree has: each branch has at least two
	// elements.
	maxDepth = 48
	// maxNode is more than one page and its further ones have: two of the
	// largest items.
	maxNode = 4 << 20
)

// damage is a damaged place of a file.
type damage string

func (d damage) Error() string { return ErrDamaged.Error() + ": " + string(d) }

// Is reports that every damage is an ErrDamaged.
func (d damage) Is(target error) bool { return target == ErrDamaged }

func damaged(format string, args ...any) error { return damage(fmt.Sprintf(format, args...)) }

// inspection is the inspection of one file.
type inspection struct {
	file     io.ReaderAt
	pageSize uint64
	pages    uint64 // all page ids are below
	used     []uint64
	buckets  int
}

// inspect reads all of a file. empty reports a file of a table that was never
// prepared. The error is ErrDamaged, or that of reading.
func inspect(file *os.File) (empty bool, err error) {
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() == 0 {
		return true, nil
	}
	size := uint64(info.Size()) //nolint:gosec // of a file
	meta, err := newestMeta(file, size)
	if err != nil {
		return false, err
	}
	i := &inspection{file: file, pageSize: uint64(meta.pageSize), pages: meta.pages}
	if i.pages < 2 || i.pages > size/i.pageSize {
		return false, damaged("it is cut off: it has %d bytes of %d", size, saturated(i.pages, i.pageSize))
	}
	i.used = make([]uint64, i.pages/64+1)
	for id := range uint64(2) {
		if err := i.use(id, 0); err != nil {
			return false, err
		}
	}
	if err := i.tree(meta.root, tree{visit: i.bucket, buckets: true}); err != nil {
		return false, err
	}
	if err := i.freelist(meta.freelist); err != nil {
		return false, err
	}
	return i.buckets == 0, nil
}

func saturated(a, b uint64) uint64 {
	if a > (1<<62)/b {
		return 1 << 62
	}
	return a * b
}

// meta is a state of the file.
type meta struct {
	pageSize                        uint32
	root, freelist, pages, changeID uint64
}

// newestMeta reads the two states at the beginning of the file.
func newestMeta(file io.ReaderAt, size uint64) (meta, error) {
	first, ok := readMeta(file, 0)
	// The second state is on the second page, whose size only the first one
	// gives; page sizes are powers of two from 1 KB.
	var second meta
	found := false
	if ok {
		second, found = readMeta(file, int64(first.pageSize))
	}
	for at := uint64(1 << 10); !ok && !found && at <= 1<<24 && at < size; at <<= 1 {
		second, found = readMeta(file, int64(at))
		found = found && uint64(second.pageSize) == at
	}
	switch {
	case !ok && !found:
		return meta{}, damaged("it does not begin like a data file of rollcall")
	case !ok || found && second.changeID > first.changeID:
		return second, nil
	}
	return first, nil
}

func readMeta(file io.ReaderAt, at int64) (meta, bool) {
	page := make([]byte, pageHeader+metaSize)
	if _, err := file.ReadAt(page, at); err != nil {
		return meta{}, false
	}
	b, order := page[pageHeader:], binary.NativeEndian
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSize-8])
	m := meta{
		pageSize: order.Uint32(b[8:]), root: order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]), pages: order.Uint64(b[40:]), changeID: order.Uint64(b[48:]),
	}
	ok := order.Uint32(b) == boltMagic && order.Uint32(b[4:]) == boltVersion && order.Uint64(b[56:]) == sum.Sum64() &&
		m.pageSize >= 1<<10 && m.pageSize <= 1<<24 && m.pageSize&(m.pageSize-1) == 0
	return m, ok
}

// use marks a page and its further ones as used.
func (i *inspection) use(id, further uint64) error {
	if id >= i.pages || further >= i.pages-id {
		return damaged("page %d lies beyond the end", id)
	}
	for page := id; page <= id+further; page++ {
		if i.used[page/64]&(1<<(page%64)) != 0 {
			return damaged("page %d is used twice", page)
		}
		i.used[page/64] |= 1 << (page % 64)
	}
	return nil
}

// page reads a page with its further ones.
func (i *inspection) page(id uint64, most uint64) (kind, count uint16, page []byte, err error) {
	if id >= i.pages {
		return 0, 0, nil, damaged("page %d lies beyond the end", id)
	}
	header := make([]byte, pageHeader)
	at := int64(id * i.pageSize) //nolint:gosec // within the file
	if _, err := i.file.ReadAt(header, at); err != nil {
		return 0, 0, nil, unreadable(id, err)
	}
	order := binary.NativeEndian
	further := uint64(order.Uint32(header[12:]))
	if order.Uint64(header) != id || (further+1)*i.pageSize > max(most, i.pageSize) {
		return 0, 0, nil, damaged("page %d has the wrong kind", id)
	}
	if err := i.use(id, further); err != nil {
		return 0, 0, nil, err
	}
	page = make([]byte, (further+1)*i.pageSize)
	if _, err := i.file.ReadAt(page, at); err != nil {
		return 0, 0, nil, unreadable(id, err)
	}
	return order.Uint16(header[8:]), order.Uint16(header[10:]), page, nil
}

func unreadable(id uint64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("page %d is cut off", id)
	}
	return fmt.Errorf("page %d cannot be read: %w", id, err)
}

// tree describes a tree, or a part of it.
type tree struct {
	// low and high are the limits of its keys, high exclusive; nil means no limit.
	low, high []byte
	depth     int
	// buckets reports whether its leaves are buckets, or keys with values.
	buckets bool
	visit   func(key, value []byte) error
}

// tree follows a tree from its root.
func (i *inspection) tree(root uint64, t tree) error {
	if t.depth > maxDepth {
		return damaged("page %d lies too deep", root)
	}
	kind, count, page, err := i.page(root, maxNode)
	if err != nil {
		return err
	}
	switch kind {
	case kindLeaf:
		if count == 0 && t.depth > 0 {
			return damaged("page %d is empty", root)
		}
		_, err := t.leaf(root, count, page)
		return err
	case kindBranch:
		return i.branch(root, count, page, t)
	}
	return damaged("page %d is of no known kind", root)
}

// part returns a slice of a page, at an offset that is relative to an element.
func part(page []byte, base, offset, size uint64) ([]byte, bool) {
	start := base + offset
	if start > uint64(len(page)) || size > uint64(len(page))-start {
		return nil, false
	}
	return page[start : start+size], true
}

// within reports whether a key comes after the last one and is within the
// limits. A nil last marks the first key, which may equal the lower limit.
func (t tree) within(key, last []byte) bool {
	return len(key) > 0 && (last == nil || bytes.Compare(last, key) < 0) &&
		bytes.Compare(t.low, key) <= 0 && (t.high == nil || bytes.Compare(key, t.high) < 0)
}

func (i *inspection) branch(id uint64, count uint16, page []byte, t tree) error {
	order := binary.NativeEndian
	type child struct {
		key []byte
		id  uint64
	}
	children := make([]child, 0, count)
	var last []byte
	follows := pageHeader + uint64(count)*element
	for n := range uint64(count) {
		base := pageHeader + n*element
		e, ok := part(page, base, 0, element)
		if !ok {
			return damaged("page %d has too many elements", id)
		}
		offset, size := uint64(order.Uint32(e)), uint64(order.Uint32(e[4:]))
		key, ok := part(page, base, offset, size)
		if !ok || base+offset != follows || !t.within(key, last) {
			return damaged("page %d has a key where none can be", id)
		}
		last, follows = key, follows+size
		children = append(children, child{key, order.Uint64(e[8:])})
	}
	if len(children) == 0 {
		return damaged("page %d leads nowhere", id)
	}
	for n, c := range children {
		next := t
		next.depth++
		next.low, next.high = c.key, t.high
		if n+1 < len(children) {
			next.high = children[n+1].key
		}
		if err := i.tree(c.id, next); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks the keys and values of a leaf, and returns where the last one ends.
func (t tree) leaf(id uint64, count uint16, page []byte) (end uint64, err error) {
	order := binary.NativeEndian
	var last []byte
	end = pageHeader + uint64(count)*element
	for n := range uint64(count) {
		base := pageHeader + n*element
		e, ok := part(page, base, 0, element)
		if !ok {
			return 0, damaged("page %d has too many elements", id)
		}
		offset, size := uint64(order.Uint32(e[4:])), uint64(order.Uint32(e[8:]))
		key, ok := part(page, base, offset, size)
		if !ok || base+offset != end || !t.within(key, last) || (order.Uint32(e) == 1) != t.buckets || order.Uint32(e) > 1 {
			return 0, damaged("page %d has a key where none can be", id)
		}
		length := uint64(order.Uint32(e[12:]))
		value, ok := part(page, base, offset+size, length)
		if !ok {
			return 0, damaged("page %d has a value where none can be", id)
		}
		last, end = key, end+size+length
		if err := t.visit(key, value); err != nil {
			return 0, fmt.Errorf("%w, in page %d", err, id)
		}
	}
	return end, nil
}

// bucket follows the tree of one bucket, which is in its value if it is small.
func (i *inspection) bucket(name, value []byte) error {
	check := map[string]func(key, value []byte) error{
		string(itemBucket): checkItem, string(tokenBucket): checkToken, string(expiryBucket): checkExpiry, string(metaBucket): checkFormat,
		string(streamBucket): checkRecord,
	}[string(name)]
	if check == nil || len(value) < bucketHeader {
		return damaged("it has a bucket that rollcall does not write")
	}
	i.buckets++
	t := tree{visit: check}
	root := binary.NativeEndian.Uint64(value)
	if root != 0 {
		return i.tree(root, t)
	}
	page := value[bucketHeader:]
	if len(page) < pageHeader || binary.NativeEndian.Uint16(page[8:]) != kindLeaf {
		return damaged("it has an unreadable bucket")
	}
	end, err := t.leaf(0, binary.NativeEndian.Uint16(page[10:]), page)
	if err == nil && end != uint64(len(page)) {
		err = damaged("it has an unreadable bucket")
	}
	return err
}

// freelist checks that no used page is listed as free.
func (i *inspection) freelist(id uint64) error {
	if id == noFreelist {
		return nil
	}
	kind, counted, page, err := i.page(id, i.pages*i.pageSize)
	if err != nil {
		return err
	}
	if kind != kindFree {
		return damaged("page %d is of no known kind", id)
	}
	order := binary.NativeEndian
	count, base := uint64(counted), uint64(pageHeader)
	if counted == 0xFFFF {
		count, base = order.Uint64(page[pageHeader:]), pageHeader+8
	}
	if count > (uint64(len(page))-base)/8 {
		return damaged("page %d has too many elements", id)
	}
	for n := range count {
		if err := i.use(order.Uint64(page[base+n*8:]), 0); err != nil {
			return err
		}
	}
	return nil
}

var errItem = damaged("an unreadable item")

func checkItem(key, value []byte) error {
	if len(key) < 2 || int(binary.BigEndian.Uint16(key)) > len(key)-2 {
		return errItem
	}
	return checkAttributes(value)
}

func checkAttributes(value []byte) error {
	d := decoder{rest: value}
	n := d.uvarint()
	if n > uint64(len(value)) {
		return errItem
	}
	for range n {
		d.pass()
		switch d.byte() {
		case kindText:
			d.pass()
		case kindNumber:
			d.varint()
		default:
			return errItem
		}
	}
	if d.damaged || len(d.rest) > 0 {
		return errItem
	}
	return nil
}

// pass skips a text without copying it.
func (d *decoder) pass() {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.damaged, d.rest = true, nil
		return
	}
	d.rest = d.rest[n:]
}

func checkToken(_, value []byte) error {
	if len(value) != fingerprinted {
		return errItem
	}
	return nil
}

func checkExpiry(key, _ []byte) error {
	if len(key) <= timeSize {
		return errItem
	}
	return nil
}

func checkFormat([]byte, []byte) error { return nil } // prepare compares it
