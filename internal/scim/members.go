package scim

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// MemberChangeKind is what a MemberChange does.
type MemberChangeKind string

// The kinds of MemberChange.
const (
	// MembersAdd: IDs join.
	MembersAdd MemberChangeKind = "add"
	// MembersRemove: IDs leave. Who is no member is passed over: removing is
	// idempotent, internal/replay entra-g09-remove-absent.
	MembersRemove MemberChangeKind = "remove"
	// MembersReplace: the members are IDs from now on; with no IDs, nobody is.
	MembersReplace MemberChangeKind = "replace"
	// MembersRemoveWhere: those of IDs leave, or of all members when it is nil,
	// whom Matches chooses.
	MembersRemoveWhere MemberChangeKind = "removeWhere"
	// MembersSwap: those of IDs, or of all members when it is nil, whom Matches
	// chooses if it is not nil, leave, and Joins comes for them. There must be
	// one at least.
	MembersSwap MemberChangeKind = "swap"
)

// MemberChange is what one operation on members does to the set of ids that a
// group's members are. Only that set is kept: a member is a user, and its
// display, type and $ref follow from the user. RFC 7643 §4.2
type MemberChange struct {
	Kind MemberChangeKind
	// IDs are distinct and in the order sent. No user need have them.
	IDs []string
	// Matches judges a member as it is served, but for display, by the filter of
	// the path: {"value", "type", "$ref"}. nil when the filter names the ids and
	// asks for nothing else.
	Matches func(member map[string]any) bool
	// Joins is who comes by MembersSwap.
	Joins string
	// Number is the operation's place in the request, from 1: details name it.
	Number int
	// cost is how long Matches takes, by the length of the filter.
	cost int
}

// MemberChanges reads the operations on members that Split takes out of a patch
// of a group. They do to the set of members what Apply would do to a resource
// that holds them; those that do nothing to it are left out. Whether the ids are
// users' is not known here.
//
// A value is an array of members, or one member; null, "", an empty array and an
// empty object are none. remove without a value, or with null, removes all, and with
// a value only those sent, none for an empty array. A member is an id, or an object
// with value or, when that is missing, with a $ref whose path ends in the id;
// anything else is refused and not left out, for a replace would remove the members
// whose ids an IdP failed to fill in. The type of a member means nothing: a member is
// the user with the id.
//
// Of members that a filter chooses, replace makes another, and is noTarget when
// it chooses nobody; replacing the value alone does the same. null makes nobody
// and is a remove. add only names whom the filter describes, who then joins.
// display is read-only; operations on type and $ref are checked and do nothing.
// The value of all members at once cannot be set, and that of none be removed:
// it is immutable.
//
// RFC 7644 §3.5.2
func MemberChanges(rt *ResourceType, operations []Operation) ([]MemberChange, []Notice, error) {
	r := memberReader{coercer{rt: rt}}
	var changes []MemberChange
	for _, o := range operations {
		c, err := r.change(o)
		if err != nil {
			return nil, nil, inOperation(o.Number, err)
		}
		if c != nil {
			c.Number = o.Number
			changes = append(changes, *c)
		}
	}
	return changes, r.notices, nil
}

// MembersOf are the ids of the members in a resource that DecodeResource made,
// checked as MemberChanges checks them; distinct, in the order sent.
func MembersOf(r Resource) ([]string, error) {
	c := coercer{}
	return c.memberIDs(membersAttribute, r["members"])
}

// membersAttribute is the definition of members that all groups have.
var membersAttribute = groupSchema().Attribute("members")

// memberReader reads operations on members.
type memberReader struct{ coercer }

// change is what an operation does to the set of members, nil for nothing.
func (r *memberReader) change(o Operation) (*MemberChange, error) {
	defer r.leaveText(r.inText)
	r.inText = o.inText
	l, err := r.locate(o.Path)
	switch {
	case err != nil:
		return nil, err
	case l.attr == nil || l.extension != nil || l.attr.Name != "members":
		return nil, &Error{InvalidPath, "the path does not lead to members."}
	case l.readOnly() && o.named:
		return nil, nil
	case l.readOnly():
		return nil, &Error{NotMutable, l.String() + " is read-only."}
	case l.filter == nil && l.sub == nil:
		return r.whole(o, l)
	}
	return r.chosen(o, l)
}

// whole reads an operation on all members.
// RFC 7644 §3.5.2.1, §3.5.2.2, §3.5.2.3
func (r *memberReader) whole(o Operation, l location) (*MemberChange, error) {
	ids, err := r.memberIDs(l.attr, o.Value)
	switch {
	case err != nil:
		return nil, err
	case o.Op == OpReplace, o.Op == OpRemove && o.Value == nil:
		return &MemberChange{Kind: MembersReplace, IDs: ids}, nil
	case len(ids) == 0:
		return nil, nil
	case o.Op == OpRemove:
		r.notices.add(NoticeRemovedValues, "members")
		return &MemberChange{Kind: MembersRemove, IDs: ids}, nil
	}
	return &MemberChange{Kind: MembersAdd, IDs: ids}, nil
}

// chosen reads an operation on the members that the path chooses, or on one
// sub-attribute of them. RFC 7644 §3.5.2.1, §3.5.2.2, §3.5.2.3
func (r *memberReader) chosen(o Operation, l location) (*MemberChange, error) {
	parts, _, err := r.sentParts(o.Op, l, o.Value)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(parts, isNil)
	id, _ := parts["value"].(string)
	switch {
	case l.sub != nil && l.sub.Name != "value":
		return nil, nil
	case l.sub != nil && (l.filter == nil || id == ""):
		return nil, fixedMember(l)
	case l.sub != nil:
		return swapped(l, id)
	case o.Op == OpAdd:
		return r.described(l, id)
	case o.Op == OpRemove || isNone(o.Value):
		return removed(l), nil
	}
	member, err := r.member(l.attr, pathOf(l.target), 1, parts)
	if err != nil {
		return nil, err
	}
	id, _ = member.(map[string]any)["value"].(string)
	return swapped(l, id)
}

// removed is the change that takes away whom a filter chooses.
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

// swapped is the change that puts one member in the place of whom a filter
// chooses.
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

// described is the change by an add of a member that a filter chooses: it joins
// if the filter describes it, for it is either there or made. Sent with another
// value it would change that of a member.
func (r *memberReader) described(l location, id string) (*MemberChange, error) {
	if id == "" {
		return nil, nil
	}
	clauses, ok := elementEqualities(l.filter)
	if !ok {
		return nil, fixedMember(l)
	}
	element, err := r.parts(l.attr, pathOf(l.target), clauses)
	if err != nil {
		return nil, err
	}
	if element["value"] != id {
		return nil, fixedMember(l)
	}
	return &MemberChange{Kind: MembersAdd, IDs: []string{id}}, nil
}

// fixedMember refuses to make one member another.
func fixedMember(l location) error {
	return immutableError(target{attr: l.attr, sub: l.attr.Sub("value")})
}

func noMember() error {
	return &Error{NoTarget, "members has no value that the path chooses."}
}

// namedMembers reads off a filter the ids without which it cannot hold, if there
// are such; only tells that it asks for nothing else. An empty value is nobody's.
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
		if e.Op != filter.Eq || e.Value.Kind != filter.String || !equalName(e.Path.Attribute, "value") {
			return nil, false, false
		}
		if e.Value.Text == "" {
			return []string{}, true, true
		}
		return []string{e.Value.Text}, true, true
	}
	return nil, false, false
}

// memberIDs are the ids in a value of members.
func (c *coercer) memberIDs(a *Attribute, v any) ([]string, error) {
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

// member completes an element of members, the n-th one sent: without a value it
// takes the id from its $ref. One without either is refused.
func (c *coercer) member(a *Attribute, path string, n int, element map[string]any) (any, error) {
	if element["value"] != nil {
		return element, nil
	}
	ref, _ := element["$ref"].(string)
	_, id := referenced(ref)
	if id == "" {
		return nil, &Error{InvalidValue, fmt.Sprintf(
			"%s: member %d has no value: send the id of a user. Check what the identity provider maps to the value of a member.", path, n)}
	}
	value, err := c.single(a.Sub("value"), path+".value", id)
	if err != nil {
		return nil, err
	}
	c.notices.add(NoticeReference, path)
	element["value"] = value
	return element, nil
}

// otherThanUser reports whether a sub-attribute of a member says that it is no user:
// by a type that is not User, or a $ref to a group. Whether it is one is decided by
// its id: PingFederate sends users of the type "value".
func otherThanUser(path, text string) bool {
	return path == "members.type" && !equalName(text, "User") || path == "members.$ref" && leadsToGroup(text)
}

// leadsToGroup tells a $ref to a group, relative or absolute.
func leadsToGroup(ref string) bool {
	endpoint, id := referenced(ref)
	return equalName(endpoint, "Groups") && id != ""
}

// referenced are the last two segments of the path of a $ref: of
// https://example.com/v2/Users/u1 they are Users and u1. RFC 7643 §2.4
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
