package resource

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// MemberChangeKind is the kind of a MemberChange.
type MemberChangeKind string

// The kinds of MemberChange.
const (
	// MembersAdd: IDs join.
	MembersAdd MemberChangeKind = "add"
	// MembersRemove: IDs leave. Ids that are not members are ignored: removing
	// is idempotent, internal/e2e/replay entra-g09-remove-absent.
	MembersRemove MemberChangeKind = "remove"
	// MembersReplace: the members are exactly IDs; with no IDs, the group is
	// empty.
	MembersReplace MemberChangeKind = "replace"
	// MembersRemoveWhere: those of IDs, or of all members if it is nil, that
	// Matches selects leave.
	MembersRemoveWhere MemberChangeKind = "removeWhere"
	// MembersSwap: those of IDs, or of all members if it is nil, that Matches
	// selects (all if it is nil) leave, and Joins replaces them. There must be
	// at least one.
	MembersSwap MemberChangeKind = "swap"
)

// MemberChange is the effect of one operation on the set of a group's
// member ids. Only that set is stored: a member is a user, and its display,
// type and $ref follow from the user. RFC 7643 §4.2
type MemberChange struct {
	Kind MemberChangeKind
	// IDs are distinct and in the order sent. They need not be users' ids.
	IDs []string
	// Matches applies the filter of the path to a member as it is served,
	// without display: {"value", "type", "$ref"}. It is nil if the filter only
	// names ids.
	Matches func(member map[string]any) bool
	// Joins is the id that joins by MembersSwap.
	Joins string
	// Number is the operation's position in the request, from 1, for error
	// details.
	Number int
	// cost is how long Matches takes, by the length of the filter.
	cost int
}

// MemberChanges reads the operations on members that Split takes out of a patch
// of a group. They do to the set of members what Apply would do to a resource
// that contains them; those without effect are left out. Whether the ids are
// users' is not known here.
//
// A value is an array of members, or one member; null, "", an empty array and
// an empty object mean no members. A remove without a value, or with null,
// removes all; with a value it removes only those sent, none for an empty
// array. A member is an id, or an object with value or, without that, with a
// $ref whose path ends in the id. Anything else is refused rather than ignored,
// because a replace would remove the members whose ids an IdP failed to fill
// in. The type of a member is ignored: a member is the user with the id.
//
// A replace turns the members that a filter selects into another one, and is
// noTarget if it selects none; replacing only their value does the same. A null
// value adds none and is a remove. An add only names the member that the filter
// describes, which joins. display is read-only; operations on type and $ref are
// checked and have no effect. The value of all members at once cannot be set,
// and that of no member can be removed: it is immutable.
//
// RFC 7644 §3.5.2
func MemberChanges(rt *schema.ResourceType, operations []Operation) ([]MemberChange, []scim.Notice, error) {
	r := memberReader{coercer{rt: rt}}
	var changes []MemberChange
	for _, o := range operations {
		c, err := r.change(o)
		if err != nil {
			return nil, nil, scim.InOperation(o.Number, err)
		}
		if c != nil {
			c.Number = o.Number
			changes = append(changes, *c)
		}
	}
	return changes, r.notices, nil
}

// MembersOf returns the ids of the members in a resource that Decode
// returned, checked as MemberChanges checks them; distinct, in the order sent.
func MembersOf(r scim.Resource) ([]string, error) {
	c := coercer{}
	return c.memberIDs(membersAttribute, r["members"])
}

// membersAttribute is the definition of members that all groups have.
var membersAttribute = schema.GroupType().Schema.Attribute("members")

// memberReader reads operations on members.
type memberReader struct{ coercer }

// change returns what an operation does to the set of members, nil for nothing.
func (r *memberReader) change(o Operation) (*MemberChange, error) {
	defer r.leaveText(r.inText)
	r.inText = o.inText
	l, err := r.locate(o.Path)
	switch {
	case err != nil:
		return nil, err
	case l.Attribute == nil || l.Extension != nil || l.Attribute.Name != "members":
		return nil, &scim.Error{Type: scim.InvalidPath, Detail: "the path is not a path of members."}
	case l.ReadOnly() && o.named:
		return nil, nil
	case l.ReadOnly():
		return nil, &scim.Error{Type: scim.NotMutable, Detail: l.String() + " is read-only."}
	case l.filter == nil && l.Sub == nil:
		return r.whole(o, l)
	}
	return r.chosen(o, l)
}

// whole reads an operation on all members. RFC 7644 §3.5.2.1, §3.5.2.2,
// §3.5.2.3
func (r *memberReader) whole(o Operation, l location) (*MemberChange, error) {
	ids, err := r.memberIDs(l.Attribute, o.Value)
	switch {
	case err != nil:
		return nil, err
	case o.Op == OpReplace, o.Op == OpRemove && o.Value == nil:
		return &MemberChange{Kind: MembersReplace, IDs: ids}, nil
	case len(ids) == 0:
		return nil, nil
	case o.Op == OpRemove:
		r.notices.Add(scim.NoticeRemovedValues, "members")
		return &MemberChange{Kind: MembersRemove, IDs: ids}, nil
	}
	return &MemberChange{Kind: MembersAdd, IDs: ids}, nil
}

// chosen reads an operation on the members that the path selects, or on one
// sub-attribute of them. RFC 7644 §3.5.2.1, §3.5.2.2, §3.5.2.3
func (r *memberReader) chosen(o Operation, l location) (*MemberChange, error) {
	parts, _, err := r.sentParts(o.Op, l, o.Value)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(parts, isNil)
	id, _ := parts["value"].(string)
	switch {
	case l.Sub != nil && l.Sub.Name != "value":
		return nil, nil
	case l.Sub != nil && (l.filter == nil || id == ""):
		return nil, fixedMember(l)
	case l.Sub != nil:
		return swapped(l, id)
	case o.Op == OpAdd:
		return r.described(l, id)
	case o.Op == OpRemove || scim.IsNone(o.Value):
		return removed(l), nil
	}
	member, err := r.member(l.Attribute, pathOf(l.Target), 1, parts)
	if err != nil {
		return nil, err
	}
	id, _ = member.(map[string]any)["value"].(string)
	return swapped(l, id)
}

// removed returns the change that removes the members a filter selects.
func removed(l location) *MemberChange {
	ids, only, named := namedMembers(l.filter)
	switch {
	case named && len(ids) == 0:
		return nil
	case only:
		return &MemberChange{Kind: MembersRemove, IDs: ids}
	}
	return &MemberChange{Kind: MembersRemoveWhere, IDs: ids, Matches: l.matches, cost: l.cost}
}

// swapped returns the change that replaces the members a filter selects by one
// member.
func swapped(l location, joins string) (*MemberChange, error) {
	ids, only, named := namedMembers(l.filter)
	if named && len(ids) == 0 {
		return nil, noMember()
	}
	c := &MemberChange{Kind: MembersSwap, IDs: ids, Joins: joins, Matches: l.matches, cost: l.cost}
	if only {
		c.Matches = nil
	}
	return c, nil
}

// described returns the change by an add to a member that a filter selects: the
// member joins if the filter describes it, because it either exists or is
// created. Sent with another value it would change that of a member.
func (r *memberReader) described(l location, id string) (*MemberChange, error) {
	if id == "" {
		return nil, nil
	}
	clauses, ok := match.ElementEqualities(l.filter)
	if !ok {
		return nil, fixedMember(l)
	}
	element, err := r.parts(l.Attribute, pathOf(l.Target), clauses)
	if err != nil {
		return nil, err
	}
	if element["value"] != id {
		return nil, fixedMember(l)
	}
	return &MemberChange{Kind: MembersAdd, IDs: []string{id}}, nil
}

// fixedMember refuses to change the value of a member.
func fixedMember(l location) error {
	return immutableError(schema.Target{Attribute: l.Attribute, Sub: l.Attribute.Sub("value")})
}

func noMember() error {
	return &scim.Error{Type: scim.NoTarget, Detail: "members has no value that matches the path."}
}

// namedMembers returns the ids of which every match of a filter has one, if
// there are such; only reports that the filter asks for nothing else. An empty
// value matches no member.
func namedMembers(e filter.Expr) (ids []string, only, named bool) {
	switch e := e.(type) {
	case *filter.Or:
		left, leftOnly, leftNamed := namedMembers(e.Left)
		right, rightOnly, rightNamed := namedMembers(e.Right)
		if !leftNamed || !rightNamed {
			return nil, false, false
		}
		return distinctIDs(append(left, right...)), leftOnly && rightOnly, true
	case *filter.And:
		if ids, _, named = namedMembers(e.Left); !named {
			ids, _, named = namedMembers(e.Right)
		}
		return ids, false, named
	case *filter.Compare:
		if e.Op != filter.Eq || e.Value.Kind != filter.String || !scim.EqualName(e.Path.Attribute, "value") {
			return nil, false, false
		}
		if e.Value.Text == "" {
			return []string{}, true, true
		}
		return []string{e.Value.Text}, true, true
	}
	return nil, false, false
}

// memberIDs returns the ids in a value of members.
func (c *coercer) memberIDs(a *schema.Attribute, v any) ([]string, error) {
	list, err := c.elements(a, a.Name, v)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, v := range list {
		ids[i], _, _ = identity(v)
	}
	return distinctIDs(ids), nil
}

func distinctIDs(ids []string) []string {
	seen := make(map[string]struct{}, len(ids))
	kept := ids[:0:0]
	for _, id := range ids {
		if _, ok := seen[id]; !ok {
			seen[id] = struct{}{}
			kept = append(kept, id)
		}
	}
	return kept
}

// member completes the n-th element of members: without a value it takes the id
// from its $ref. An element without either is refused.
func (c *coercer) member(a *schema.Attribute, path string, n int, element map[string]any) (any, error) {
	if element["value"] != nil {
		return element, nil
	}
	ref, _ := element["$ref"].(string)
	_, id := referenced(ref)
	if id == "" {
		return nil, &scim.Error{Type: scim.InvalidValue, Detail: fmt.Sprintf(
			"%s: member %d has no value: send the id of a user. Check what the identity provider maps to the value of a member.", path, n)}
	}
	value, err := c.single(a.Sub("value"), path+".value", id)
	if err != nil {
		return nil, err
	}
	c.notices.Add(scim.NoticeReference, path)
	element["value"] = value
	return element, nil
}

// otherThanUser reports whether a sub-attribute of a member says that it is not
// a user: by a type that is not User, or a $ref to a group. Its id decides
// whether it is one: PingFederate sends users of the type "value".
func otherThanUser(path, text string) bool {
	return path == "members.type" && !scim.EqualName(text, "User") || path == "members.$ref" && leadsToGroup(text)
}

// leadsToGroup reports whether a $ref, relative or absolute, is that of a
// group.
func leadsToGroup(ref string) bool {
	endpoint, id := referenced(ref)
	return scim.EqualName(endpoint, "Groups") && id != ""
}

// referenced returns the last two segments of the path of a $ref: Users and u1
// for https://example.com/v2/Users/u1. RFC 7643 §2.4
func referenced(ref string) (endpoint, id string) {
	u, err := url.Parse(ref)
	if err != nil {
		return "", ""
	}
	segments := strings.Split(u.EscapedPath(), "/")
	last := len(segments) - 1
	if id, err = url.PathUnescape(segments[last]); err != nil || !utf8.ValidString(id) {
		return "", ""
	}
	if last > 0 {
		endpoint = segments[last-1]
	}
	return endpoint, id
}
