package directory

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Directory is the users and groups of all tenants, and the rules by which they
// change. It is safe for concurrent use.
type Directory struct {
	store Store
	// users and groups are the built-in resource types, used where a tenant's
	// extensions do not matter. usersOf and groupsOf return those of a tenant.
	users     *schema.ResourceType
	groups    *schema.ResourceType
	extension string
	documents Documents
	newID     func(made time.Time) string
	now       func() time.Time
	maxWalk   int
	walkTime  time.Duration
	hints     hints
}

// Config has the parts from which New builds a Directory.
type Config struct {
	Store Store
	// Users and Groups are the built-in resource types. A Caller carries those
	// of its tenant.
	Users, Groups *schema.ResourceType
	// Extension is the URN of the schema that defines isTeamAccount.
	Extension string
	// Documents returns records as filters see them, and their sizes on a page.
	Documents Documents
	// NewID creates the id of a record created at a time: a UUIDv7 of that
	// time, so that the order of ids is the order of creation.
	NewID func(made time.Time) string
	Now   func() time.Time
	// MaxWalk is the largest number of records that one request reads without a
	// key; 0 stands for the constant MaxWalk.
	MaxWalk int
}

// Documents writes records as they are served. The directory searches and
// measures what it writes, and knows no more of the protocol.
type Documents interface {
	// User returns a user with groups, as filters see it.
	User(u *User, groups []*Group) (scim.Resource, error)
	// Group returns a group, with members unless they are nil.
	Group(g *Group, members []string) (scim.Resource, error)
	// UserSize and GroupSize return what a record alone takes on a page.
	UserSize(u *User) Size
	GroupSize(g *Group) Size
	// UserLocation returns the $ref of a member.
	UserLocation(id string) string
}

// New returns a Directory.
func New(c Config) *Directory {
	if c.MaxWalk == 0 {
		c.MaxWalk = MaxWalk
	}
	return &Directory{
		store: c.Store, users: c.Users, groups: c.Groups, extension: c.Extension, documents: c.Documents,
		newID: c.NewID, now: c.Now, maxWalk: c.MaxWalk, walkTime: walkTime,
	}
}

// usersOf returns the user type of the caller's tenant.
func (d *Directory) usersOf(by Caller) *schema.ResourceType { return d.typesOf(by).User }

// groupsOf returns the group type of the caller's tenant.
func (d *Directory) groupsOf(by Caller) *schema.ResourceType { return d.typesOf(by).Group }

func (d *Directory) typesOf(by Caller) schema.Types {
	return by.Types.Or(schema.Types{User: d.users, Group: d.groups})
}

// Result is the effect of an operation.
type Result struct {
	User   *User
	Action journal.Action
	// Changed are the names of the attributes that differ.
	Changed []string
	// Warning is a cause that did not stop the change, or "" if there is none, and
	// Detail explains it.
	Warning cause.Cause
	Detail  string
	Notices []scim.Notice
	// Seats and Readers are the numbers that the change added to the counts.
	Seats, Readers int64
	// Groups are the groups of a changed user, if the caller shows them.
	Groups []*Group
	// Asked are the values on which the rules depend, of a request that failed.
	Asked journal.Asked
}

// accountType returns the account type that a resource's isTeamAccount stands
// for.
func (d *Directory) accountType(r scim.Resource) (tenant.AccountType, bool) {
	extension, _ := r[d.extension].(map[string]any)
	team, ok := extension[teamAccount].(bool)
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
	extension[teamAccount] = kind == tenant.User
	out["id"] = id
	out["active"] = active
	out[d.extension] = extension
	return out
}

// record returns the record that a resource and a decision describe, with the
// document it keeps. from carries the document and the claims of the record
// before the change; both are empty for a new record, and for one that claims
// all values again.
func (d *Directory) record(by Caller, r scim.Resource, from User) (*User, scim.Resource) {
	document := d.complete(r, from.ID, from.Active, from.Type)
	from.Held, from.Former = claimsAfter(from.Held, ClaimsOf(document), FormerClaims(document), from.Doc, ClaimsOf)
	from.Doc = resource.Encode(d.usersOf(by), document)
	return &from, document
}
