package resource

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

var (
	someID     = rapid.SampledFrom([]string{"u1", "u2", "u3", "u4", "U1"})
	someMember = rapid.Custom(func(t *rapid.T) any {
		id := someID.Draw(t, "id")
		member := map[string]any{}
		switch rapid.IntRange(0, 9).Draw(t, "form") {
		case 0:
			member["$ref"] = userRef(id)
		case 1:
			member["value"] = nil
		case 2:
			member["value"], member["type"] = id, "Group"
		case 3, 4:
			member["value"], member["type"], member["$ref"] = id, "User", userRef(id)
		default:
			member["value"] = id
		}
		if rapid.Bool().Draw(t, "display") {
			member["display"] = "N"
		}
		return member
	})
	someMembers = rapid.OneOf(
		rapid.SampledFrom([]any{nil, []any{}, "", map[string]any{}, "u1"}),
		someMember,
		rapid.Map(rapid.SliceOfN(someMember, 0, 4), func(list []any) any { return list }),
		rapid.Map(rapid.SliceOfN(someMember, 0, 2), func(list []any) any { return map[string]any{"members": list} }),
	)
	someClause = rapid.OneOf(
		rapid.Map(someID, func(id string) string { return `value eq "` + id + `"` }),
		rapid.Map(someID, func(id string) string { return `$ref eq "` + userRef(id) + `"` }),
		rapid.SampledFrom([]string{
			`type eq "user"`, `type ne "User"`, `value ne "u1"`, `value sw "u"`, `display pr`, `display eq null`, `$ref pr`,
			`value eq ""`, `value eq null`, `nope pr`,
		}),
	)
	someMemberPath = rapid.Custom(func(t *rapid.T) string {
		path := rapid.SampledFrom([]string{"members", "Members", scim.CoreGroupURN + ":members"}).Draw(t, "members")
		if rapid.IntRange(0, 2).Draw(t, "filter") > 0 {
			filter := someClause.Draw(t, "clause")
			for range rapid.IntRange(0, 2).Draw(t, "clauses") {
				switch rapid.IntRange(0, 3).Draw(t, "joined") {
				case 0, 1:
					filter = "(" + filter + ") or " + someClause.Draw(t, "clause")
				case 2:
					filter = "(" + filter + ") and " + someClause.Draw(t, "clause")
				default:
					filter = "not (" + filter + ")"
				}
			}
			path += "[" + filter + "]"
		}
		return path + rapid.SampledFrom([]string{"", "", "", "", ".value", ".display", ".type", ".$ref"}).Draw(t, "sub")
	})
	someMemberOperation = rapid.Custom(func(t *rapid.T) any {
		operation := map[string]any{"op": rapid.SampledFrom([]string{"add", "replace", "remove"}).Draw(t, "op")}
		value := rapid.OneOf(
			someMembers,
			rapid.Map(someID, func(id string) any { return id }),
			rapid.SampledFrom([]any{"User", "Group", userRef("u1")}),
		).Draw(t, "value")
		path := someMemberPath.Draw(t, "path")
		if operation["op"] != "remove" && rapid.IntRange(0, 3).Draw(t, "named") == 0 {
			operation["value"] = map[string]any{path: value, "displayName": "D"}
			return operation
		}
		operation["path"] = path
		if operation["op"] != "remove" || rapid.Bool().Draw(t, "sent") {
			operation["value"] = value
		}
		return operation
	})
)

// asServed returns a group with its members as they are served, without
// display. An element without a value is one that Apply created from a $ref.
func asServed(r scim.Resource) scim.Resource {
	out, seen := maps.Clone(r), map[string]bool{}
	delete(out, "members")
	var list []any
	members, _ := r["members"].([]any)
	for _, v := range members {
		element := scim.Object(v)
		id, _, _ := identity(v)
		if ref, ok := element["$ref"].(string); ok && id == "" {
			_, id = referenced(ref)
		}
		if id != "" && !seen[id] {
			seen[id] = true
			list = append(list, map[string]any{"value": id, "type": "User", "$ref": userRef(id)})
		}
	}
	if list != nil {
		out["members"] = list
	}
	return out
}

func membersOf(r scim.Resource) []string {
	var ids []string
	members, _ := r["members"].([]any)
	for _, v := range members {
		id, _, _ := identity(v)
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// apply returns the set of members after a plan, sorted.
func (p MemberPlan) apply(present []string) []string {
	var after []string
	if !p.Reset {
		after = slices.DeleteFunc(slices.Clone(present), func(id string) bool { return slices.Contains(p.Remove, id) })
	}
	for _, id := range p.Add {
		if !slices.Contains(after, id) {
			after = append(after, id)
		}
	}
	slices.Sort(after)
	return after
}

// MemberChanges changes the set of members as Apply changes a resource that
// contains them, and both refuse the same requests, with the exceptions in
// departs.
func TestMemberChanges_DoWhatApplyDoes(t *testing.T) {
	rt := schema.GroupType()
	rapid.Check(t, func(t *rapid.T) {
		var list []any
		present := rapid.SliceOfNDistinct(someID, 0, 4, rapid.ID[string]).Draw(t, "present")
		for _, id := range present {
			list = append(list, map[string]any{"value": id})
		}
		before := asServed(scim.Resource{"displayName": "G", "members": list})
		p, err := DecodePatch(patchBody(rapid.SliceOfN(someMemberOperation, 0, 5).Draw(t, "operations")))
		if err != nil {
			t.Skip(err)
		}

		// Step by step, as long as the two agree.
		resource, set := before, present
		var reached []Operation
		for _, o := range p.Operations {
			one := &Patch{Operations: []Operation{o}}
			own, _ := one.Split(rt, "members")
			changes, _, err := MemberChanges(rt, own)
			var plan MemberPlan
			if err == nil {
				known := set
				if !NeedsMembers(changes) {
					known = []string{"not to be looked at"}
				}
				plan, err = PlanMembers(changes, known, userRef)
			}
			after, _, applyErr := one.Apply(rt, resource)
			if departs(own, set, err, applyErr) {
				break
			}
			require.Equalf(t, errorType(applyErr), errorType(err), "%v of %v: got %v, Apply says %v", own, set, err, applyErr)
			if err != nil {
				break
			}
			reached = append(reached, own...)
			resource, set = asServed(after), plan.apply(set)
			want := membersOf(resource)
			require.Truef(t, slices.Equal(set, want), "%v: got %v, Apply makes %v", own, set, want)
		}

		// All at once, up to the step reached.
		changes, _, err := MemberChanges(rt, reached)
		require.NoError(t, err)
		known := present
		if !NeedsMembers(changes) {
			known = []string{"not to be looked at"}
		}
		plan, err := PlanMembers(changes, known, userRef)
		require.NoError(t, err)
		slices.Sort(set)
		got := plan.apply(present)
		require.Truef(t, slices.Equal(got, set), "at once %v, in steps %v", got, set)
		if plan.Reset && plan.Remove != nil || slices.ContainsFunc(plan.Add, func(id string) bool { return slices.Contains(plan.Remove, id) }) {
			t.Fatalf("%s contradicts itself", showPlan(plan))
		}
	})
}

func errorType(err error) scim.ErrorType {
	var e *scim.Error
	if errors.As(err, &e) {
		return e.Type
	}
	return ""
}

// departs reports whether MemberChanges differs from Apply on purpose.
func departs(own []Operation, present []string, err, applyErr error) bool {
	for _, o := range own {
		l, locateErr := (&coercer{rt: schema.GroupType()}).locate(o.Path)
		if locateErr != nil || l.Sub == nil && l.filter == nil {
			continue
		}
		found := slices.ContainsFunc(present, func(id string) bool {
			return l.matches == nil || l.matches(map[string]any{"value": id, "type": "User", "$ref": userRef(id)})
		})
		parts, bare, _ := (&coercer{rt: schema.GroupType()}).sentParts(o.Op, l, o.Value)
		hasValue := parts["value"] != nil
		got, want := errorType(err), errorType(applyErr)
		var departs bool
		switch {
		case l.Sub != nil && l.Sub.Name != "value":
			// type and $ref are not stored. Apply refuses to change or to
			// remove them, and creates the member that the filter describes.
			departs = got == "" && (want == scim.NotMutable || want == scim.NoTarget || !found)
		case l.filter != nil && hasValue && (l.Sub != nil || bare && o.Op == OpReplace):
			// A value is replaced together with its member. Apply finds it
			// immutable, or creates the member that the filter describes.
			departs = got == "" && want == scim.NotMutable || got == scim.NoTarget && !found
		case l.Sub != nil:
			// The value stays. Apply has nothing to refuse if no member is
			// selected, or if the value is the same.
			departs = got == scim.NotMutable && (want == "" || want == scim.NoTarget)
		case o.Op == OpReplace && scim.IsNone(o.Value):
			// A member without a replacement is removed, and removing is
			// idempotent.
			departs = got == "" && want == scim.NoTarget && !found
		case o.Op == OpReplace && !hasValue:
			// Apply removes a member that is replaced by a member without a value.
			departs = got == scim.InvalidValue
		case o.Op == OpAdd && !hasValue:
			// A value without an id adds no member. Apply creates the member
			// that the filter describes, and refuses to change type and $ref.
			departs = got == "" && (want == scim.NotMutable || !found)
		case o.Op == OpAdd:
			// A value that the filter does not describe is refused, whichever
			// member is selected; a different type or $ref is not compared.
			departs = got == scim.NotMutable || got == "" && want == scim.NotMutable
		}
		if departs {
			return true
		}
	}
	return false
}
