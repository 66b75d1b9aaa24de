package directory

import "bytes"

// The size of a page. Beyond either a page has fewer records than were asked for,
// and the next one begins where it ends.
const (
	// MaxPageBytes is the largest page as JSON.
	MaxPageBytes = 5 << 20
	// maxPrintedBytes is the largest page as a text inside JSON, which is how a Lambda
	// function returns it: at most 6 MB, of which some are left to status and headers.
	// A page of many short values reaches it first.
	maxPrintedBytes = 6<<20 - 128<<10
	// pageHead is what surrounds the records of a page at most: the total, and two
	// cursors with a name of MaxClaim bytes in each.
	pageHead = 8 << 10
)

// size is what some records take on a page, in bytes: as JSON, and as a text inside
// JSON.
type size struct{ plain, printed int }

func (s size) plus(other size) size {
	return size{s.plain + other.plain, s.printed + other.printed}
}

// fits reports whether records of the size fit on a page.
func (s size) fits() bool {
	return s.plain <= MaxPageBytes-pageHead && s.printed <= maxPrintedBytes-pageHead
}

// sizeOf is what a stored document takes on a page, whole: with meta, and with the
// comma after it.
func (d *Directory) sizeOf(doc []byte, s stamp) size {
	meta := d.metaDocument(s)
	n := len(doc) + len(`,"meta":`) + len(meta) + len(",")
	return size{plain: n, printed: n + escapes(doc) + escapes(meta) + len(`""`)}
}

// escapes is how many bytes a document of ours grows by as a text inside JSON. It has
// no control characters; the two separators of JavaScript are three bytes and become
// six.
func escapes(doc []byte) int {
	return bytes.Count(doc, []byte{'"'}) + bytes.Count(doc, []byte{'\\'}) +
		3*(bytes.Count(doc, []byte("\u2028"))+bytes.Count(doc, []byte("\u2029")))
}

func (d *Directory) userSize(u *User) size   { return d.sizeOf(u.Doc, d.stampOf(u)) }
func (d *Directory) groupSize(g *Group) size { return d.sizeOf(g.Doc, d.stampOfGroup(g)) }

// fitting is how many of some records fit on what is left of the page: one at least,
// unless there are others on it.
func (l *list[R]) fitting(records []R) int {
	used := l.used
	for i, r := range records {
		if used = used.plus(l.size(r)); !used.fits() && (i > 0 || l.used != size{}) {
			return i
		}
	}
	return len(records)
}
