package directory

import (
	"errors"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Directory is the users and groups of all tenants, and the rules by which they
// change.
// Safe for concurrent use.
type Directory struct {
	store Store
	// users and groups are the resource types as every tenant has them: for what
	// their extensions have no part in. usersOf and groupsOf are a tenant's.
	users     *scim.ResourceType
	groups    *scim.ResourceType
	extension string
	baseURL   string
	newID     func(made time.Time) string
	now       func() time.Time
	maxWalk   int
	walkTime  time.Duration
}

// Config is what a Directory is made of.
type Config struct {
	Store Store
	// Users and Groups are the resource types as every tenant has them; a Caller
	// has its tenant's.
	Users, Groups *scim.ResourceType
	// Extension is the URN of the schema that has isTeamAccount.
	Extension string
	// BaseURL begins every location, without a slash at its end. It comes from
	// configuration, never from a request.
	BaseURL string
	// NewID makes the id of a record made at a time: UUIDv7 of that time, so that
	// the order of ids is the order of creation.
	NewID func(made time.Time) string
	Now   func() time.Time
	// MaxWalk is the largest number of records that one request reads without a
	// key; 0 is the service's own MaxWalk.
	MaxWalk int
}

// New makes a Directory.
func New(c Config) *Directory {
	if c.MaxWalk == 0 {
		c.MaxWalk = MaxWalk
	}
	return &Directory{
		store: c.Store, users: c.Users, groups: c.Groups, extension: c.Extension, baseURL: c.BaseURL,
		newID: c.NewID, now: c.Now, maxWalk: c.MaxWalk, walkTime: walkTime,
	}
}

// usersOf are the users as the caller's tenant has them.
func (d *Directory) usersOf(by Caller) *scim.ResourceType {
	return by.Types.Or(scim.Types{User: d.users, Group: d.groups}).User
}

// groupsOf are the groups as the caller's tenant has them.
func (d *Directory) groupsOf(by Caller) *scim.ResourceType {
	return by.Types.Or(scim.Types{User: d.users, Group: d.groups}).Group
}

// maxDecisions is how often one request decides anew because another changed
// what it had read. Each time another request has made progress, so that up to
// five requests at once on one record all succeed; beyond, a busy one is told
// to come again.
const maxDecisions = 5

// Result is what an operation did.
type Result struct {
	User   *User
	Action Action
	// Changed are the names of the attributes that differ.
	Changed []string
	// Warning is a cause that did not stop the change, "" for none, and Note what it
	// is about.
	Warning, Note string
	Notices       []scim.Notice
	// Seats and Readers are what the change added to the counts.
	Seats, Readers int64
	// Groups are the groups of a user that was changed, if the caller shows
	// them.
	Groups []*Group
}

// The warnings of a Result, as named in the log.
const (
	// WarnRehire: a record was found again by userName or email, under another
	// externalId: a rehire, or an address that was given to someone else.
	WarnRehire = "external_id_changed"
	// WarnIdentity: a PUT or PATCH linked one of the application's users and changed
	// its userName or unique email.
	WarnIdentity = "identity_changed"
	// WarnUnknownMembers: members were sent that are no user's; the others were
	// taken.
	WarnUnknownMembers = "unknown_members"
	// WarnTolerated: something was not taken as it was sent.
	WarnTolerated = "tolerated"
)

// retryable sorts the answer of a Commit: a *CommitError is decided again.
func retryable(err error) (*CommitError, bool) {
	var failed *CommitError
	ok := errors.As(err, &failed)
	return failed, ok
}

// accountType reads isTeamAccount from a resource.
func (d *Directory) accountType(r scim.Resource) (tenant.AccountType, bool) {
	extension, _ := r[d.extension].(map[string]any)
	team, ok := extension["isTeamAccount"].(bool)
	if !ok {
		return "", false
	}
	if team {
		return tenant.User, true
	}
	return tenant.Reader, true
}

// complete returns a copy of a resource with id, active and isTeamAccount set:
// they are always served, whatever was sent.
func (d *Directory) complete(r scim.Resource, id string, active bool, kind tenant.AccountType) scim.Resource {
	out := make(scim.Resource, len(r)+3)
	for name, value := range r {
		out[name] = value
	}
	extension := map[string]any{}
	if old, ok := r[d.extension].(map[string]any); ok {
		for name, value := range old {
			extension[name] = value
		}
	}
	extension["isTeamAccount"] = kind == tenant.User
	out["id"] = id
	out["active"] = active
	out[d.extension] = extension
	return out
}

// record makes the record that a resource and a decision describe, and returns
// it with the document it keeps. from has the document and the claims of the record
// as it was, none of a new one, or of one that claims all values again.
func (d *Directory) record(by Caller, r scim.Resource, from User) (*User, scim.Resource) {
	document := d.complete(r, from.ID, from.Active, from.Type)
	from.Held, from.Former = settle(from.Held, ClaimsOf(document), FormerClaims(document), from.Doc, ClaimsOf)
	from.Doc = scim.Encode(d.usersOf(by), document)
	return &from, document
}

// holdingDelta is what a change adds to the ledger's seats and readers.
func holdingDelta(before, after *User) (seats, readers int64) {
	count := func(u *User, h Holding) int64 {
		if u.Holds() == h {
			return 1
		}
		return 0
	}
	return count(after, HoldsSeat) - count(before, HoldsSeat),
		count(after, HoldsReader) - count(before, HoldsReader)
}

// change assembles what is committed, and the result that tells of it.
func (d *Directory) change(by Caller, operation string, action Action, before, after *User,
	resources [2]scim.Resource, lose []Loss, warning, note string,
) (Change, Result) {
	var changed []string
	switch action {
	case Created:
		changed = scim.Changed(d.usersOf(by), nil, resources[1])
	case Deleted:
	default:
		changed = scim.Changed(d.usersOf(by), resources[0], resources[1])
	}
	seats, readers := holdingDelta(before, after)
	e := by.entry(operation, action)
	e.ResourceType, e.ResourceID, e.Version = d.users.Name, after.ID, after.Version
	e.Subject, e.ExternalID = resources[1].Text("userName"), resources[1].Text("externalId")
	e.Changed, e.Seats, e.Readers = changed, seats, readers
	if warning != "" {
		e.Warning, e.Note = warning, note
	}
	c := Change{
		Before: before, After: after, Lose: lose,
		OtherBefore: indexed(resources[0], resources[1]), OtherAfter: OtherEmails(resources[1]),
		Entry:    e,
		Expires:  by.Time.Add(by.Settings.LogRetention()),
		NotAfter: by.Time.Add(WriteTime),
	}
	return c, Result{
		User: after, Action: action, Changed: changed, Warning: warning, Note: note,
		Seats: seats, Readers: readers,
	}
}

// full is the error of a ledger without a free place for what a change adds.
func full(l *Ledger, seats int64) error {
	if seats > 0 {
		return &FullError{Type: tenant.User, Used: l.Seats, Limit: l.SeatLimit}
	}
	return &FullError{Type: tenant.Reader, Used: l.Readers, Limit: l.ReaderLimit}
}
