package directory

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Store keeps the records of all tenants. Implemented by package store. All
// reads are consistent: what an acknowledged Commit wrote is read by every call
// that begins after it. Asked for no ids or no claims, a read answers nothing and
// costs nothing.
//
// Reads return ErrBusy when the table gave no answer in time.
type Store interface {
	// User reads a live user, nil when there is none.
	User(ctx context.Context, t tenant.ID, id string) (*User, error)
	// LiveUsers reads live users by id, in the order of the ids; those that are
	// not live are left out.
	LiveUsers(ctx context.Context, t tenant.ID, ids []string) ([]*User, error)
	// Records reads users by id, live or deleted; an unknown id has no entry.
	Records(ctx context.Context, t tenant.ID, ids []string) (map[string]*User, error)
	// Holders tells which record holds each of the claims.
	Holders(ctx context.Context, t tenant.ID, claims Claims) (map[Kind]string, error)
	// EmailHolders lists the ids of records that may have the folded email,
	// unique or other. Some of them may be deleted or have it no more.
	EmailHolders(ctx context.Context, t tenant.ID, folded string) ([]string, error)
	// Users reads a page of live users behind an id, in the order of ids.
	Users(ctx context.Context, t tenant.ID, after string, limit int) (Page, error)
	// Ledger reads the tenant's counts.
	Ledger(ctx context.Context, t tenant.ID) (Ledger, error)
	// LedgerAndUsers is Ledger and Users in one round trip.
	LedgerAndUsers(ctx context.Context, t tenant.ID, after string, limit int) (Ledger, Page, error)
	// LedgerAndBookmark reads the counts and the id behind which a page begins,
	// "" when that is not known (any more), in one round trip.
	LedgerAndBookmark(ctx context.Context, t tenant.ID, mark Bookmark) (Ledger, string, error)
	// SaveBookmark remembers behind which id a page begins. Losing it costs
	// a walk, nothing else.
	SaveBookmark(ctx context.Context, t tenant.ID, mark Bookmark, after string) error
	// Commit applies a change with its log entry, or nothing: *CommitError,
	// ErrBusy, or ErrUnresolved.
	Commit(ctx context.Context, t tenant.ID, c Change) error
}

// Page is a page of live users.
type Page struct {
	Users []*User
	// More tells that further users may follow.
	More bool
}

// Bookmark names a page of a walk by startIndex: the walk belongs to one token
// and one filter.
type Bookmark struct {
	TokenID    string
	Filter     string
	StartIndex int
	// Now is the time by which the bookmark's age is judged.
	Now time.Time
}

// Change is a decision: a record before and after, committed only if the record
// is still at Before's version and every claim that After adds is free.
type Change struct {
	// Before is nil for a new record.
	Before *User
	After  *User
	// Lose are claims that deleted records give up to After, each with the
	// record as it was read.
	Lose []Loss
	// OtherBefore and OtherAfter are the folded emails beside the unique one,
	// of the documents before and after.
	OtherBefore, OtherAfter []string
	Entry                   Entry
	// Expires is when the log entry may be forgotten.
	Expires time.Time
	// NotAfter is the latest time at which the change may be sent.
	NotAfter time.Time
}

// Loss is one claim taken from one deleted record.
type Loss struct {
	Kind   Kind
	Loser  *User
	Losing string
}
