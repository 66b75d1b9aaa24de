package directory

// The size of a page. A page beyond either limit has fewer records than
// requested, and the next one begins where it ends.
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

// Size is the size of records on a page, in bytes: as JSON, and as a string
// inside JSON.
type Size struct{ Plain, Printed int }

func (s Size) plus(other Size) Size {
	return Size{s.Plain + other.Plain, s.Printed + other.Printed}
}

// fits reports whether records of the size fit on a page.
func (s Size) fits() bool {
	return s.Plain <= MaxPageBytes-pageHead && s.Printed <= maxPrintedBytes-pageHead
}

// fitting returns how many of the records fit into the rest of the page: at
// least one, unless there are others on it.
func (l *list[R]) fitting(records []R) int {
	used := l.used
	for i, r := range records {
		if used = used.plus(l.size(r)); !used.fits() && (i > 0 || l.used != Size{}) {
			return i
		}
	}
	return len(records)
}
