// Package table is the part of DynamoDB that rollcall relies on, as an
// interface of three methods: a batch read by key, a range read of one
// partition, and a transaction of conditional operations. Two engines keep its
// contract, table/dynamo and table/embedded; table/tabletest is the contract as
// a test suite.
//
// It knows nothing of SCIM, users or tenants, and imports no engine.
package table

import (
	"context"
	"time"
)

// Table is one table of items. All reads are consistent: a reader sees every
// write that was acknowledged before the read began. Implementations are safe
// for concurrent use.
type Table interface {
	// Get reads up to MaxGetKeys items by key in one round trip. The answer has
	// the items that exist; an absent one has no entry. The same key twice is a
	// *LimitError, as in DynamoDB.
	Get(ctx context.Context, keys ...Key) (map[Key]Item, error)

	// Query reads one page of a partition in the order of its sort keys.
	Query(ctx context.Context, q Query) (Page, error)

	// Write applies all operations of a transaction, or none of them.
	//
	// Its errors: *ConditionError if a condition did not hold (do not send it
	// again unchanged: decide again), *LimitError if DynamoDB refuses such a
	// transaction, ErrConflict or ErrThrottled if nothing was applied and the
	// same transaction may be sent again, ErrUnreachable if no call can succeed,
	// ErrTokenReused if the token was used for another transaction,
	// ErrUnknownOutcome if the answer was lost: only the same transaction with
	// the same token reveals the outcome.
	Write(ctx context.Context, tx Transaction) error
}

// Key is the primary key of an item: a partition of 1 to 2,048 bytes and a
// sort key of 1 to 1,024 bytes. Items of a partition are ordered by the bytes
// of the sort key.
type Key struct {
	Partition string
	Sort      string
}

// Item is a key with its attributes. An attribute may not be named
// PartitionName or SortName: the engines store the key there.
type Item struct {
	Key
	Attributes Attributes
}

// Attributes are the named values of an item.
type Attributes map[string]Value

// Text returns the text of an attribute, "" if it is absent or a number.
func (a Attributes) Text(name string) string { return a[name].text }

// Number returns the number of an attribute, 0 if it is absent or a text.
func (a Attributes) Number(name string) int64 { return a[name].number }

// Has reports whether the attribute exists.
func (a Attributes) Has(name string) bool { _, ok := a[name]; return ok }

// The names under which the engines store a key beside the attributes, and the
// attribute that DynamoDB's time to live reads (seconds since 1970).
const (
	PartitionName = "pk"
	SortName      = "sk"
	ExpiryName    = "ttl"
)

// Value is a text or a whole number. The zero Value is the empty text.
type Value struct {
	text     string
	number   int64
	isNumber bool
}

// Text returns a text value.
func Text(s string) Value { return Value{text: s} }

// Number returns a number value.
func Number(n int64) Value { return Value{number: n, isNumber: true} }

// IsNumber reports whether the value is a number.
func (v Value) IsNumber() bool { return v.isNumber }

// Text returns the value's text, "" for a number.
func (v Value) Text() string { return v.text }

// Number returns the value's number, 0 for a text.
func (v Value) Number() int64 { return v.number }

// Query is a request for one page of one partition. Prefix and From/To exclude
// each other, as in DynamoDB's key conditions.
type Query struct {
	Partition string
	// Prefix selects the sort keys that begin with it.
	Prefix string
	// From and To are the first and last sort key wanted, both inclusive; an
	// empty one is open.
	From, To string
	// After is the sort key after which the page begins. It is within the
	// range; the item need not exist any more.
	After string
	// Limit is the largest number of items wanted; 0 is as many as fit into
	// MaxPageBytes.
	Limit int
	// Descending reads from the end.
	Descending bool
}

// Page is the result of one round trip of a Query: at most Limit items, and
// none after the item with which the page reaches MaxPageBytes. More reports
// that the range may have further items, although the next page may be empty;
// Last is then the sort key to continue After.
type Page struct {
	Items []Item
	More  bool
	Last  string
}

// Transaction is a list of operations on distinct items, applied together or
// not at all.
type Transaction struct {
	// Token makes it harmless to send the transaction again: while it is
	// remembered (10 minutes), a second Write with the same token and the same
	// operations returns what the first did and changes nothing. One token per
	// decision: a transaction with other operations needs another token. 1 to
	// 36 bytes.
	Token string
	// NotAfter is the time after which the transaction may not be sent, or zero if
	// there is none. Retrying obeys it; engines ignore it.
	NotAfter time.Time
	Ops      []Op
	// Movable is the number of an operation, from 1, whose effect the caller can
	// as well have on another item, or 0. Retrying gives up at the second
	// conflict on its item (*ConflictError); engines ignore it.
	Movable int
	// Optional says that the caller does without the transaction, rather than wait:
	// Retrying gives up at its first conflict. Engines ignore it.
	Optional bool
}

// Op is one operation on one item. Create it with Put, Update, Delete or Check.
type Op struct {
	Kind OpKind
	Key  Key
	// Attributes are the attributes that Put stores.
	Attributes Attributes
	// Change is the change of an Update.
	Change Change
	// When are conditions that must all hold, or the whole transaction fails.
	When []Condition
}

// OpKind is the kind of an operation.
type OpKind int

// The kinds of operation.
const (
	OpPut OpKind = iota + 1
	OpUpdate
	OpDelete
	OpCheck
)

// Change is the effect of an Update: attributes set, numbers added to (an
// absent one counts as 0), attributes removed. An attribute may be named once.
// An Update of an absent item creates it, unless a condition forbids it.
type Change struct {
	Set    Attributes
	Add    map[string]int64
	Remove []string
}

// Put stores a whole item.
func Put(item Item, when ...Condition) Op {
	return Op{Kind: OpPut, Key: item.Key, Attributes: item.Attributes, When: when}
}

// Update changes attributes of an item.
func Update(key Key, change Change, when ...Condition) Op {
	return Op{Kind: OpUpdate, Key: key, Change: change, When: when}
}

// Delete removes an item; without a condition an absent one is not an error.
func Delete(key Key, when ...Condition) Op {
	return Op{Kind: OpDelete, Key: key, When: when}
}

// Check changes nothing and fails the transaction unless its conditions hold.
// It must have at least one.
func Check(key Key, when ...Condition) Op {
	return Op{Kind: OpCheck, Key: key, When: when}
}

// Condition is a fact about one item that must hold when a transaction is
// applied. Create it with Absent, Present, Is, Below or Under.
type Condition struct {
	Kind      ConditionKind
	Attribute string
	Value     Value
	Other     string
}

// ConditionKind is the kind of a condition.
type ConditionKind int

// The kinds of condition.
const (
	CondAbsent ConditionKind = iota + 1
	CondPresent
	CondIs
	CondBelow
	CondUnder
)

// Absent holds if the item does not exist.
func Absent() Condition { return Condition{Kind: CondAbsent} }

// Present holds if the item exists.
func Present() Condition { return Condition{Kind: CondPresent} }

// Is holds if the item exists and its attribute has exactly this value.
func Is(attribute string, value Value) Condition {
	return Condition{Kind: CondIs, Attribute: attribute, Value: value}
}

// Below holds if the item exists, both attributes are numbers, and the first is
// smaller than the second.
func Below(attribute, other string) Condition {
	return Condition{Kind: CondBelow, Attribute: attribute, Other: other}
}

// Under holds if the item exists, and its attribute is a number smaller than the
// given one.
func Under(attribute string, number int64) Condition {
	return Condition{Kind: CondUnder, Attribute: attribute, Value: Number(number)}
}
