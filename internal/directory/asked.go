package directory

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// asked returns the values of a POST or PUT of a user on which the rules depend.
func (d *Directory) asked(sent scim.Resource) journal.Asked {
	a := journal.Asked{
		journal.AskedUserName: sent.Text("userName"), journal.AskedExternalID: sent.Text("externalId"), journal.AskedEmail: ownEmail(sent),
	}
	if active, ok := sent["active"].(bool); ok {
		a[journal.AskedActive] = strconv.FormatBool(active)
	}
	if kind, ok := d.accountType(sent); ok {
		a[journal.AskedTeamAccount] = strconv.FormatBool(kind == tenant.User)
	}
	return a
}

// ownEmail returns the unique email of a resource that has emails, else "".
func ownEmail(r scim.Resource) string {
	if !hasEmail(r) {
		return ""
	}
	return UniqueEmail(r)
}

// askedChange returns those of the values that a PATCH of a user names or changes.
func (d *Directory) askedChange(old, wanted scim.Resource, specified []string) journal.Asked {
	names := map[string]bool{}
	for _, name := range specified {
		name = strings.TrimPrefix(name, d.extension+":")
		name, _, _ = strings.Cut(name, ".")
		names[strings.ToLower(name)] = true
	}
	was, is := d.asked(old), d.asked(wanted)
	for name, value := range is {
		attribute := name
		if name == journal.AskedEmail {
			attribute = "emails"
		}
		if was[name] == value && !names[strings.ToLower(attribute)] {
			delete(is, name)
		}
	}
	return is
}

// askedUser returns the resource of a POST with the values that were asked for.
func (d *Directory) askedUser(a journal.Asked) scim.Resource { return d.withAsked(scim.Resource{}, a) }

// withAsked returns a user's resource with the values that were asked for.
func (d *Directory) withAsked(r scim.Resource, a journal.Asked) scim.Resource {
	after := withNames(r, a, journal.AskedUserName, journal.AskedExternalID)
	if email, ok := a[journal.AskedEmail]; ok && email != ownEmail(r) {
		if delete(after, "emails"); email != "" {
			after["emails"] = []any{map[string]any{"value": email, "primary": true}}
		}
	}
	if active, ok := a[journal.AskedActive]; ok {
		after["active"] = active == strconv.FormatBool(true)
	}
	if team, ok := a[journal.AskedTeamAccount]; ok {
		extension := map[string]any{}
		if old, ok := r[d.extension].(map[string]any); ok {
			maps.Copy(extension, old)
		}
		extension[teamAccount] = team == strconv.FormatBool(true)
		after[d.extension] = extension
	}
	return after
}

// withNames returns a copy of a resource with the names that were asked for.
func withNames(r scim.Resource, a journal.Asked, names ...string) scim.Resource {
	after := scim.Resource{}
	maps.Copy(after, r)
	for _, name := range names {
		value, ok := a[name]
		if !ok {
			continue
		}
		if delete(after, name); value != "" {
			after[name] = value
		}
	}
	return after
}

// askedOfGroup returns the values of a POST or PUT of a group on which the rules depend,
// and of a PATCH those that it changes.
func askedOfGroup(old, wanted scim.Resource) journal.Asked {
	a := journal.Asked{}
	for _, name := range []string{journal.AskedDisplayName, journal.AskedExternalID} {
		if value := wanted.Text(name); old == nil || value != old.Text(name) {
			a[name] = value
		}
	}
	return a
}

// keptMembers is how many ids of members are kept of a request.
const keptMembers = 8

// askMembers adds the members of a request for a group to its values, if they are few. The
// values have none yet.
func askMembers(a journal.Asked, joins, leaves []string, whole bool) {
	delete(a, journal.AskedMembers)
	if len(joins)+len(leaves) > keptMembers || slices.ContainsFunc(slices.Concat(joins, leaves), func(id string) bool { return !ValidID(id) }) {
		a[journal.AskedMembers] = strconv.FormatBool(true)
		joins, leaves = nil, nil
	}
	for name, ids := range map[string][]string{journal.AskedJoins: joins, journal.AskedLeaves: leaves} {
		if len(ids) > 0 {
			a[name] = strings.Join(ids, ",")
		}
	}
	if whole {
		a[journal.AskedWhole] = strconv.FormatBool(true)
	}
}

// ask keeps the values of a request that failed.
func (r *GroupResult) ask(asked journal.Asked, err error) {
	if err != nil {
		askRefused(asked, err)
		r.Asked = asked
	}
}

// askRefused keeps the members that a refusal is about where the others are too many.
func askRefused(a journal.Asked, err error) {
	if a[journal.AskedMembers] == "" {
		return
	}
	var unknown *UnknownMembersError
	var protected *ProtectedError
	switch {
	case errors.As(err, &unknown):
		ids := slices.DeleteFunc(slices.Clone(unknown.IDs), func(id string) bool { return !ValidID(id) })
		a[journal.AskedJoins] = strings.Join(ids[:min(len(ids), keptMembers)], ",")
	case errors.As(err, &protected):
		a[journal.AskedLeaves] = protected.ID
	}
}
