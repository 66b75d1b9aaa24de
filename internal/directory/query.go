package directory

import (
	"github.com/rollcall-scim/rollcall/internal/scim/match"
)

// Query is a request for a list.
type Query struct {
	// Filter is nil for all records.
	Filter *match.Filter
	// Sort is nil for the order of creation. RFC 7644 §3.4.2.3
	Sort *Sort
	// StartIndex is 1-based. RFC 7644 §3.4.2.4
	StartIndex int
	// Cursor is where a page begins in a walk by cursors, nil in a walk by
	// startIndex. RFC 9865
	Cursor *Cursor
	// Count is the page wanted, at most MaxCount; 0 asks for the total only.
	Count int
}

// Found is a page of records, and how many there are on all pages.
type Found[R any] struct {
	Records []R
	Total   int
	// Uncounted reports that the total is unknown: a walk by cursors, with a filter
	// without a lookup by key, reads no further than its page.
	Uncounted bool
	// Next and Previous are the cursors of the pages after and before, nil if
	// there is none.
	Next, Previous *Cursor
}

// Cursor is a position in a walk: after a record or, with Back, before it. The
// zero Cursor is the beginning. The record may have been deleted since.
type Cursor struct {
	// Key is the record's sort key in the requested order, "" in an order by id
	// alone, and ID its id.
	Key, ID string
	// Back asks for the page before the record.
	Back bool
	// Of is the resource type of the record in an unsorted walk over several
	// types, "" for the first.
	Of string
}

// Sort is an order of records: by an attribute, and by id among records with
// the same value. RFC 7644 §3.4.2.3
type Sort struct{ *match.Sort }

// Order is an order that the table keeps, which costs nothing: by id, which is
// the order of creation, or by name.
type Order struct {
	// ByName is the order of users by their userName, and of groups by their
	// displayName, folded.
	ByName     bool
	Descending bool
}

// Range is a page of records in an order: at most Limit, or as many as fit into
// a round trip if Limit is 0.
type Range struct {
	Order Order
	// After is the position after which the page begins, an id or a folded
	// name; "" is the beginning.
	After string
	Limit int
}

// kept returns the table's order in which records are read, and reports whether
// it is the requested order. name is their naming attribute.
func (s *Sort) kept(name string) (Order, bool) {
	if s == nil {
		return Order{}, true
	}
	switch s.Attribute() {
	case name:
		return Order{ByName: true, Descending: s.Descending}, true
	case "id", "meta.created":
		return Order{Descending: s.Descending}, true
	}
	return Order{}, false
}
