package table

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of Table that carry no data.
var (
	// ErrConflict: another transaction touched an item at the same time.
	// Nothing was applied; the same transaction may be sent again.
	ErrConflict = errors.New("table: transaction conflict")
	// ErrThrottled: the table refused for lack of capacity. Nothing was applied;
	// the same call may be sent again.
	ErrThrottled = errors.New("table: throttled")
	// ErrUnreachable: the table cannot be used at all: no connection to it can be
	// made, it does not exist, or it refuses the caller's credentials. Nothing was
	// applied. The call may be sent again only if the error is also
	// ErrNoConnection.
	ErrUnreachable = errors.New("table: cannot be reached")
	// ErrNoConnection is an ErrUnreachable whose reason may be temporary: the
	// address is unknown, refuses the connection, or does not answer in time.
	ErrNoConnection = fmt.Errorf("%w: no connection", ErrUnreachable)
	// ErrUnavailable: a read got no answer. It may be sent again.
	ErrUnavailable = errors.New("table: no answer")
	// ErrUnknownOutcome: a write's answer was lost, and it may or may not have
	// been applied. Only the same transaction, sent again with the same token,
	// reveals which.
	ErrUnknownOutcome = errors.New("table: outcome unknown")
	// ErrTokenReused: the token belongs to a transaction with other operations.
	ErrTokenReused = errors.New("table: token used for another transaction")
	// ErrStorage: the storage of the table is damaged, full, or cannot be read
	// or written. Nothing was applied, and nothing should be sent again before
	// an operator has repaired it.
	ErrStorage = errors.New("table: the storage fails")
	// ErrTooLate: the transaction's NotAfter has passed; it was not sent again.
	ErrTooLate = errors.New("table: too late to write")
)

// ConditionError reports which conditions of a transaction did not hold.
// Nothing was applied.
type ConditionError struct {
	// Failed has one entry for each operation whose conditions did not hold,
	// in the order of the operations.
	Failed []FailedCondition
	// Incomplete reports that other operations were not checked, because of a
	// conflict or a throttle: an operation that is not in Failed may have
	// failed too.
	Incomplete bool
}

// FailedCondition is one operation whose conditions did not hold.
type FailedCondition struct {
	// Op is the index in Transaction.Ops.
	Op int
	// Item is the item at that time, nil if it did not exist.
	Item *Item
}

// Error names the operations by index, without keys, which may contain personal
// data.
func (e *ConditionError) Error() string {
	var b strings.Builder
	b.WriteString("table: condition failed for operation")
	for i, f := range e.Failed {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %d", f.Op)
	}
	return b.String()
}

// ConflictError is an ErrConflict that names the operations on whose items other
// transactions were in progress.
type ConflictError struct {
	// Ops are indexes in Transaction.Ops. A conflict may have hidden others.
	Ops []int
}

// Error names the operations by index.
func (e *ConflictError) Error() string {
	var b strings.Builder
	b.WriteString(ErrConflict.Error() + ": operation")
	for i, op := range e.Ops {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %d", op)
	}
	return b.String()
}

// Unwrap returns ErrConflict.
func (e *ConflictError) Unwrap() error { return ErrConflict }

// LimitError reports that a call breaks a limit of DynamoDB. Every engine
// checks limits before it sends anything, except limits that depend on the
// stored item (see Reason…). Nothing was applied.
type LimitError struct {
	// Op is the index of the operation or key at fault, -1 for the whole call.
	Op     int
	Reason string
}

// Error says which limit was broken.
func (e *LimitError) Error() string {
	if e.Op < 0 {
		return "table: refused: " + e.Reason
	}
	return fmt.Sprintf("table: refused: operation %d: %s", e.Op, e.Reason)
}

// Reasons of a LimitError that an engine may learn only when it reads the item.
const (
	ReasonItemSize  = "an item of more than 400 KB"
	ReasonNotNumber = "an addition to an attribute that is a text"
)

// DynamoDB's limits, which both engines keep.
const (
	MaxOps           = 100
	MaxGetKeys       = 100
	MaxTransaction   = 4 << 20   // bytes of all items of a transaction
	MaxItem          = 400 << 10 // bytes of one item, names and key included
	MaxPageBytes     = 1 << 20   // bytes of a query page
	MaxPartitionSize = 2048      // bytes
	MaxSortSize      = 1024      // bytes
	MaxToken         = 36        // bytes
)
