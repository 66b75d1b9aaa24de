package directory

import "github.com/rollcall-scim/rollcall/internal/scim"

// Query is what a list asks for.
type Query struct {
	// Filter is nil for all records.
	Filter *scim.Filter
	// Sort is nil for the order of creation. RFC 7644 §3.4.2.3
	Sort *Sort
	// StartIndex is 1-based. RFC 7644 §3.4.2.4
	StartIndex int
	// Cursor is where a page begins in a walk by cursors, nil in one by
	// startIndex. RFC 9865
	Cursor *Cursor
	// Count is the page wanted, at most MaxCount; 0 asks for the total alone.
	Count int
}

// Found is a page of records, and how many there are on all pages.
type Found[R any] struct {
	Records []R
	Total   int
	// Uncounted tells that the total is not known: a walk by cursors through a
	// filter that no key answers reads no further than its page.
	Uncounted bool
	// Next and Previous are where the pages behind and before begin in a walk by
	// cursors, nil where there is none.
	Next, Previous *Cursor
}

// Cursor is a place in a walk: behind a record, or, Back, before one. The zero
// Cursor is the beginning. The record need not be there any more.
type Cursor struct {
	// Key is the record's place in the order that was asked for, "" in an order
	// that needs the id alone, and ID its id.
	Key, ID string
	// Back asks for the page before the record.
	Back bool
	// Of is the resource type of the record in an unsorted walk over several, "" for
	// the first.
	Of string
}

// Sort is an order of records: by an attribute, and among those with the same
// value by id. RFC 7644 §3.4.2.3
type Sort struct{ *scim.Sort }

// Order is an order that the table keeps, which costs nothing: by id, which is
// that of creation, or by name.
type Order struct {
	// ByName is the order of users by their userName, and of groups by their
	// displayName, folded.
	ByName     bool
	Descending bool
}

// Range is a page of records in an order: as many as Limit, or as fit into a round
// trip when it is 0.
type Range struct {
	Order Order
	// After is the place behind which the page begins, an id or a folded name; ""
	// is the beginning.
	After string
	Limit int
}

// order is the one of the table's orders in which records are read: name is the
// attribute that names them.
func (s *Sort) order(name string) Order {
	o, _ := s.kept(name)
	return o
}

// kept tells whether the order is one that the table keeps.
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
