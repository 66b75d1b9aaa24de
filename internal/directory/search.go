package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The limits of a search without a lookup by key. If a search exceeds one, the
// error says how to search instead. Without limits the request would time out,
// or each page would cost a read of the whole tenant.
const (
	// MaxWalk is the largest number of records that one request reads.
	MaxWalk = 10_000
	// maxDeepWalk replaces MaxWalk if each record needs further reads.
	maxDeepWalk = 1_000
	// MaxMembersRead is the largest number of members that one request reads,
	// and MaxGroupsRead the largest number of groups of one user.
	MaxMembersRead = 200_000
	MaxGroupsRead  = 10_000
	// maxGroupsEach replaces MaxGroupsRead if the groups of several users are read.
	maxGroupsEach = 1_000
	// MaxFilterWork is the most that one request's filter may cost, in units of
	// match.Filter.Work: fifty comparisons with each of MaxWalk users.
	MaxFilterWork = 1_000_000
	// walkTime is the longest time that one request reads.
	walkTime = 5 * time.Second
	// MaxCount is the largest page. Okta asks for 100 and treats a smaller page
	// as the last one.
	MaxCount = 1_000
	// bookmarkPatience is how long a list waits for its bookmark to be saved.
	bookmarkPatience = 300 * time.Millisecond
)

// Search lists live users in the order of their creation, or in another. A
// filter with a lookup by key costs two round trips. A page of all users costs
// three, wherever it is in the list, and four in the order of userNames. Any
// other search reads up to MaxWalk users. If there are more, it returns a
// *TooManyError, or, in a walk by cursors, ends the page there; the next page
// continues.
func (d *Directory) Search(ctx context.Context, t tenant.ID, by Caller, q Query) (Found[*User], error) {
	l, err := d.userList(ctx, t, by, q)
	if err != nil {
		return Found[*User]{}, err
	}
	return l.run(ctx)
}

// userList returns the list for a request for users.
func (d *Directory) userList(ctx context.Context, t tenant.ID, by Caller, q Query) (l *list[*User], err error) {
	l = &list[*User]{
		d: d, tenant: t, by: by, query: q,
		total: func(l Ledger) int64 { return l.Users },
		page:  d.store.Users, byID: d.store.LiveUsers, size: d.documents.UserSize,
		served: func(_ context.Context, users []*User) ([]scim.Resource, error) {
			return served(users, func(u *User) (scim.Resource, error) { return d.documents.User(u, nil) })
		},
	}
	l.order, l.kept = q.Sort.kept("userName")
	if q.Filter == nil {
		return l, nil
	}
	if l.ids, l.key, err = d.candidates(ctx, t, q.Filter); err != nil {
		return nil, err
	}
	values, only := q.Filter.OnlyLooksUp("groups")
	switch {
	case !q.Filter.Uses("groups"):
	case only:
		l.served = func(ctx context.Context, users []*User) ([]scim.Resource, error) {
			return d.servedInGroups(ctx, t, users, values, l.key)
		}
	default:
		// The groups of a user are read one by one.
		l.deep = true
		l.served = func(ctx context.Context, users []*User) ([]scim.Resource, error) {
			return d.servedWithGroups(ctx, t, users)
		}
	}
	l.decided = l.key == "groups.value" && isLookup(q.Filter)
	return l, nil
}

// SearchGroups lists groups as Search lists users. No members are read, unless
// the filter compares other attributes of members than their ids.
func (d *Directory) SearchGroups(ctx context.Context, t tenant.ID, by Caller, q Query) (Found[*Group], error) {
	l, err := d.groupList(ctx, t, by, q)
	if err != nil {
		return Found[*Group]{}, err
	}
	return l.run(ctx)
}

// groupList does for groups what userList does for users.
func (d *Directory) groupList(ctx context.Context, t tenant.ID, by Caller, q Query) (*list[*Group], error) {
	l := &list[*Group]{
		d: d, tenant: t, by: by, query: q, of: d.groups.Name,
		total: func(l Ledger) int64 { return l.Groups },
		page:  d.store.Groups, byID: d.store.GroupsByID, size: d.documents.GroupSize,
		served: func(_ context.Context, groups []*Group) ([]scim.Resource, error) {
			return served(groups, func(g *Group) (scim.Resource, error) { return d.documents.Group(g, nil) })
		},
	}
	l.order, l.kept = q.Sort.kept("displayName")
	if q.Filter == nil {
		return l, nil
	}
	ids, known, found, err := d.groupCandidates(ctx, t, q.Filter)
	if err != nil {
		return nil, err
	}
	l.ids, l.key = ids, found
	values, only := q.Filter.OnlyLooksUp("members")
	switch {
	case !q.Filter.Uses("members"):
	case only:
		l.served = func(ctx context.Context, groups []*Group) ([]scim.Resource, error) {
			return d.servedOfMembers(ctx, t, groups, values, l.key)
		}
	default:
		l.deep = true
		l.served = func(ctx context.Context, groups []*Group) ([]scim.Resource, error) {
			return d.servedWithMembers(ctx, t, groups)
		}
	}
	l.decided = l.key == "members.value" && isLookup(q.Filter)
	if known != nil {
		l.byID = func(_ context.Context, _ tenant.ID, ids []string) ([]*Group, error) {
			return among(known, ids), nil
		}
	}
	return l, nil
}

// among returns the groups with the given ids.
func among(groups []*Group, ids []string) []*Group {
	wanted := setOf(ids)
	return slices.DeleteFunc(slices.Clone(groups), func(g *Group) bool { return !wanted[g.ID] })
}

func served[R any](records []R, serve func(R) (scim.Resource, error)) ([]scim.Resource, error) {
	resources := make([]scim.Resource, len(records))
	for i, r := range records {
		var err error
		if resources[i], err = serve(r); err != nil {
			return nil, err
		}
	}
	return resources, nil
}

// User reads one live user.
func (d *Directory) User(ctx context.Context, t tenant.ID, id string) (*User, error) {
	u, err := d.store.User(ctx, t, id)
	if err == nil && u == nil {
		err = ErrNotFound
	}
	return u, err
}

// lookup is a comparison by eq in a filter that is looked up by key: found is
// the attribute, and value the value compared with it.
type lookup struct{ found, value string }

// candidates finds the ids of all records that can match, if a comparison by eq
// in the filter can be looked up by key: found is its attribute, or "" if there
// is none. The caller evaluates the whole filter on them.
func (d *Directory) candidates(ctx context.Context, t tenant.ID, f *match.Filter) (ids []string, found string, err error) {
	switch l := firstLookup(f, "id", "userName", "externalId", "emails.value", "groups.value"); l.found {
	case "id":
		return validIDs(l.value), l.found, nil
	case "userName":
		ids, err = d.named(ctx, t, UserName, l.value)
		return ids, l.found, err
	case "externalId":
		ids, err = d.externalID(ctx, t, ExternalID, l.value)
		return ids, l.found, err
	case "emails.value":
		ids, err = inForms(l.value, func(folded string) ([]string, error) { return d.store.EmailHolders(ctx, t, folded) })
		return ids, l.found, err
	case "groups.value":
		_, ids, err = d.Members(ctx, t, l.value, MaxMembersRead)
		if errors.Is(err, ErrNoGroup) {
			err = nil
		}
		return ids, l.found, err
	}
	// Leading and trailing spaces are not part of a key: a name that begins
	// with the text has a key that begins with the text without them.
	prefix, ok := f.StartsWith("userName")
	if !ok || FoldName(prefix) == "" {
		return nil, "", nil
	}
	ids, err = inForms(prefix, func(folded string) ([]string, error) {
		return d.store.NameHolders(ctx, t, folded, d.maxWalk+1)
	})
	return ids, "userName", err
}

// groupCandidates does for groups what candidates does for users. known are the
// groups of a member, which have been read already.
func (d *Directory) groupCandidates(ctx context.Context, t tenant.ID, f *match.Filter) (
	ids []string, known []*Group, found string, err error,
) {
	switch l := firstLookup(f, "id", "displayName", "externalId", "members.value"); l.found {
	case "id":
		return validIDs(l.value), nil, l.found, nil
	case "displayName":
		ids, err = d.named(ctx, t, GroupName, l.value)
		return ids, nil, l.found, err
	case "externalId":
		ids, err = d.externalID(ctx, t, GroupExternalID, l.value)
		return ids, nil, l.found, err
	case "members.value":
		known, err = d.GroupsOf(ctx, t, l.value)
		for _, g := range known {
			ids = append(ids, g.ID)
		}
		return ids, known, l.found, err
	}
	return nil, nil, "", nil
}

// firstLookup returns the first of the attributes that a filter looks up.
func firstLookup(f *match.Filter, attributes ...string) lookup {
	lookups := f.Lookups()
	for _, name := range attributes {
		for _, l := range lookups {
			if l.Attribute == name {
				return lookup{found: name, value: l.Value}
			}
		}
	}
	return lookup{}
}

func validIDs(id string) []string {
	if !ValidID(id) {
		return nil
	}
	return []string{id}
}

func (d *Directory) externalID(ctx context.Context, t tenant.ID, kind Kind, id string) ([]string, error) {
	if id == "" {
		return nil, nil
	}
	return d.holder(ctx, t, kind, HashExternalID(id))
}

// named finds the record that holds a name.
func (d *Directory) named(ctx context.Context, t tenant.ID, kind Kind, name string) ([]string, error) {
	return inForms(name, func(folded string) ([]string, error) { return d.holder(ctx, t, kind, folded) })
}

// inForms looks a name up in the current form and, where it differs, in the
// form of an earlier version: each id once.
func inForms(name string, look func(folded string) ([]string, error)) (ids []string, err error) {
	forms := []string{FoldName(name)}
	if former, differs := FormerName(name); differs {
		forms = append(forms, former)
	}
	for _, folded := range forms {
		if !validClaim(folded) {
			continue
		}
		found, err := look(folded)
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			if len(forms) == 1 || !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

func (d *Directory) holder(ctx context.Context, t tenant.ID, kind Kind, value string) ([]string, error) {
	holders, err := d.store.Holders(ctx, t, Claims{kind: value})
	if err != nil {
		return nil, err
	}
	id := holders[kind]
	d.hints.note(t, kind, value, id)
	if id == "" {
		return nil, nil
	}
	return []string{id}, nil
}

// MaxClaim is the longest folded userName or email, in bytes. It fits, with an
// id after it, into a sort key of at most 1,024 bytes.
const MaxClaim = scim.MaxFolded

// validClaim reports whether any record can hold the value: looked-up values
// are not limited in length as stored ones are.
func validClaim(value string) bool { return value != "" && len(value) <= MaxClaim }

// ValidID reports whether a text can be the id of a resource: 1 to 64 letters,
// digits, hyphens and underscores.
func ValidID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
