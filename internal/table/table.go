// Package table is the slice of DynamoDB that rollcall relies on, as an
// interface of three methods: a batch read by key, a range read of one
// partition, and a transaction of conditional operations. Two engines keep its
// contract, table/dynamo and table/embedded; table/tabletest is the contract
// as a suite.
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
	// Get reads up to MaxGetKeys items by key in one round trip. The answer
	// holds the items that exist; an absent one has no entry. The same key
	// twice is a *LimitError, as it is for DynamoDB.
	Get(ctx context.Context, keys ...Key) (map[Key]Item, error)

	// Query reads one page of a partition in the order of its sort keys.
	Query(ctx context.Context, q Query) (Page, error)

	// Write applies all operations of a transaction, or none of them.
	//
	// Its errors: *ConditionError when a condition did not hold (never sent
	// again as it is: decide again), *LimitError when the transaction is one
	// that DynamoDB refuses, ErrConflict or ErrThrottled when nothing was
	// applied and the same transaction may be sent again, ErrUnreachable when no
	// call can succeed, ErrTokenReused when the token was used for another
	// transaction, ErrUnknownOutcome when the answer was lost: only the same
	// transaction with the same token tells.
	Write(ctx context.Context, tx Transaction) error
}

// Key is the primary key of an item: a partition of 1 to 2,048 bytes and a
// sort key of 1 to 1,024 bytes. Items of a partition are ordered by the bytes
// of the sort key.
type Key struct {
	Partition string
	Sort      string
}

// Item is a key with its attributes. An attribute may not be named PartitionName
// or SortName: the engines keep the key there.
type Item struct {
	Key
	Attributes Attributes
}

// Attributes are the named values of an item.
type Attributes map[string]Value

// Text is the text of an attribute, "" when it is absent or a number.
func (a Attributes) Text(name string) string { return a[name].text }

// Number is the number of an attribute, 0 when it is absent or a text.
func (a Attributes) Number(name string) int64 { return a[name].number }

// Has tells whether the attribute exists.
func (a Attributes) Has(name string) bool { _, ok := a[name]; return ok }

// The names under which the engines keep a key beside the attributes, and the
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

// Text makes a text value.
func Text(s string) Value { return Value{text: s} }

// Number makes a number value.
func Number(n int64) Value { return Value{number: n, isNumber: true} }

// IsNumber tells a number from a text.
func (v Value) IsNumber() bool { return v.isNumber }

// Text is the value's text, "" for a number.
func (v Value) Text() string { return v.text }

// Number is the value's number, 0 for a text.
func (v Value) Number() int64 { return v.number }

// Query names one page of one partition. Prefix and From/To exclude each
// other, as in DynamoDB's key conditions.
type Query struct {
	Partition string
	// Prefix keeps the sort keys that begin with it.
	Prefix string
	// From and To are the first and last sort key wanted, both inclusive;
	// an empty one is open.
	From, To string
	// After is the sort key behind which the page begins, exclusive. It lies in
	// the range; the item need not exist any more.
	After string
	// Limit is the largest number of items wanted; 0 is as many as fit in
	// MaxPageBytes.
	Limit int
	// Descending reads from the end.
	Descending bool
}

// Page is what one round trip of a Query returned: at most Limit items, and none
// behind the item with which the page reaches MaxPageBytes. More tells that the
// range may hold further items, and the page behind it may yet be empty; Last is
// then the sort key to continue After.
type Page struct {
	Items []Item
	More  bool
	Last  string
}

// Transaction is a list of operations on distinct items, applied together or
// not at all.
type Transaction struct {
	// Token makes sending the transaction again harmless: while it is
	// remembered (10 minutes), a second Write with the same token and the same
	// operations answers as the first did and changes nothing. One token per
	// decision: a transaction with other operations needs another token.
	// 1 to 36 bytes.
	Token string
	// NotAfter is the time after which the transaction may not be sent, zero
	// for none. Retrying obeys it; engines ignore it.
	NotAfter time.Time
	Ops      []Op
}

// Op is one operation on one item. Make it with Put, Update, Delete or Check.
type Op struct {
	Kind OpKind
	Key  Key
	// Attributes is what Put stores.
	Attributes Attributes
	// Change is what Update does.
	Change Change
	// When must all hold, or the whole transaction fails.
	When []Condition
}

// OpKind says what an operation does.
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
// An Update of an absent item makes it, unless a condition forbids it.
type Change struct {
	Set    Attributes
	Add    map[string]int64
	Remove []string
}

// Put stores an item whole.
func Put(item Item, when ...Condition) Op {
	return Op{Kind: OpPut, Key: item.Key, Attributes: item.Attributes, When: when}
}

// Update changes attributes of an item.
func Update(key Key, change Change, when ...Condition) Op {
	return Op{Kind: OpUpdate, Key: key, Change: change, When: when}
}

// Delete removes an item; an absent one is no error without a condition.
func Delete(key Key, when ...Condition) Op {
	return Op{Kind: OpDelete, Key: key, When: when}
}

// Check changes nothing and fails the transaction unless its conditions hold.
// It must have at least one.
func Check(key Key, when ...Condition) Op {
	return Op{Kind: OpCheck, Key: key, When: when}
}

// Condition is a fact about one item that must hold when a transaction is
// applied. Make it with Absent, Present, Is or Below.
type Condition struct {
	Kind      ConditionKind
	Attribute string
	Value     Value
	Other     string
}

// ConditionKind says what a condition compares.
type ConditionKind int

// The kinds of condition.
const (
	CondAbsent ConditionKind = iota + 1
	CondPresent
	CondIs
	CondBelow
)

// Absent holds when there is no item.
func Absent() Condition { return Condition{Kind: CondAbsent} }

// Present holds when there is an item.
func Present() Condition { return Condition{Kind: CondPresent} }

// Is holds when the item exists and its attribute has exactly this value.
func Is(attribute string, value Value) Condition {
	return Condition{Kind: CondIs, Attribute: attribute, Value: value}
}

// Below holds when the item exists, both attributes are numbers, and the first
// is smaller than the second.
func Below(attribute, other string) Condition {
	return Condition{Kind: CondBelow, Attribute: attribute, Other: other}
}
