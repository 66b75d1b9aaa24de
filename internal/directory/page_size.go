package directory

import "bytes"

// The size of a page. A page beyond either limit has fewer records than were
// asked for, and the next one begins where it ends.
const (
	// MaxPageBytes is the largest page as JSON.
	MaxPageBytes = 5 << 20
	// maxPrintedBytes is the largest page as a string inside JSON, which is how
	// a Lambda function returns it: at most 6 MB, minus room for status and
	// headers. A page of many short values reaches this limit first.
	maxPrintedBytes = 6<<20 - 128<<10
	// pageHead is the most that surrounds the records of a page: the total, and
	// two cursors with a name of MaxClaim bytes in each.
	pageHead = 8 << 10
)

// size is what records take on a page, in bytes: as JSON, and as a string
// inside JSON.
type size struct{ plain, printed int }

func (s size) plus(other size) size {
	return size{s.plain + other.plain, s.printed + other.printed}
}

// fits reports whether records of the size fit on a page.
func (s size) fits() bool {
	return s.plain <= MaxPageBytes-pageHead && s.printed <= maxPrintedBytes-pageHead
}

// sizeOf returns what a whole stored document takes on a page: with meta, and
// with the comma after it.
func (d *Directory) sizeOf(doc []byte, s stamp) size {
	meta := d.metaDocument(s)
	n := len(doc) + len(`,"meta":`) + len(meta) + len(",")
	return size{plain: n, printed: n + escapes(doc) + escapes(meta) + len(`""`)}
}

// escapes returns how many bytes a stored document grows by as a string inside
// JSON. It has no control characters; JavaScript's two line separators grow
// from three bytes to six.
func escapes(doc []byte) int {
	return bytes.Count(doc, []byte{'"'}) + bytes.Count(doc, []byte{'\\'}) +
		3*(bytes.Count(doc, []byte("\u2028"))+bytes.Count(doc, []byte("\u2029")))
}

func (d *Directory) userSize(u *User) size   { return d.sizeOf(u.Doc, d.stampOf(u)) }
func (d *Directory) groupSize(g *Group) size { return d.sizeOf(g.Doc, d.stampOfGroup(g)) }

// fitting returns how many of the records fit into the rest of the page: at
// least one, unless there are others on it.
func (l *list[R]) fitting(records []R) int {
	used := l.used
	for i, r := range records {
		if used = used.plus(l.size(r)); !used.fits() && (i > 0 || l.used != size{}) {
			return i
		}
	}
	return len(records)
}
