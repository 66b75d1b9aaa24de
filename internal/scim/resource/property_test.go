package resource

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// The generators use few names and values on purpose, so that operations meet
// each other and existing values.
var (
	someText   = rapid.SampledFrom([]string{"a@x", "b@x", "A@X", "é", "", " ", "work", "home", "True", "</>\"\n"})
	someType   = rapid.SampledFrom([]string{"work", "home", "other"})
	someScalar = rapid.OneOf(
		rapid.Map(someText, func(s string) any { return s }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.SampledFrom([]any{nil, scim.Number("1"), []any{}, map[string]any{}, `{"value":"Admin","displayName":"A"}`}),
	)
	someElement = rapid.Custom(func(t *rapid.T) any {
		element := map[string]any{}
		for _, name := range []string{"value", "type", "primary", "display", "$ref", "locality", "familyName", "Unknown"} {
			if rapid.IntRange(0, 2).Draw(t, "has") == 0 {
				element[name] = someScalar.Draw(t, name)
			}
		}
		return element
	})
	someValue = rapid.OneOf(
		someScalar, someElement,
		rapid.Map(rapid.SliceOfN(someElement, 0, 4), func(list []any) any { return list }),
	)
	someName = rapid.SampledFrom([]string{
		"userName", "USERNAME", "externalId", "title", "active", "name", "name.familyName", "emails", "roles", "addresses",
		"phoneNumbers", "password", "groups", "id", "meta", "schemas", "isTeamAccount", "unknown", "emails.type",
		scim.EnterpriseURN, scim.EnterpriseURN + ":department", scim.EnterpriseURN + ":manager", scim.EnterpriseURN + ":manager.value",
		scim.RollcallURN, scim.RollcallURN + ":isTeamAccount", scim.CoreUserURN + ":title", scim.CoreUserURN,
	})
	somePath = rapid.OneOf(someName, rapid.Custom(func(t *rapid.T) string {
		attribute := rapid.SampledFrom([]string{"emails", "roles", "addresses", "phoneNumbers", "name"}).Draw(t, "attribute")
		filter := rapid.SampledFrom([]string{
			`type eq "work"`, `type eq "home"`, `primary eq true`, `primary eq "True"`, `value eq "a@x"`, `value pr`,
			`type eq "work" and primary eq false`, `type eq "work" or value pr`, `not (type pr)`, `type`, `nick pr`,
		}).Draw(t, "filter")
		sub := rapid.SampledFrom([]string{"", ".value", ".primary", ".type", ".locality", ".nick"}).Draw(t, "sub")
		return attribute + "[" + filter + "]" + sub
	}))
	someObject = rapid.Custom(func(t *rapid.T) any {
		object := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			object[rapid.OneOf(someName, somePath).Draw(t, "name")] = someValue.Draw(t, "value")
		}
		return object
	})
	someOperation = rapid.Custom(func(t *rapid.T) any {
		operation := map[string]any{"op": rapid.SampledFrom([]string{"add", "replace", "Replace", "remove"}).Draw(t, "op")}
		if rapid.IntRange(0, 3).Draw(t, "pathless") > 0 {
			operation["path"] = somePath.Draw(t, "path")
			operation["value"] = someValue.Draw(t, "value")
		} else {
			operation["value"] = someObject.Draw(t, "object")
		}
		return operation
	})
)

// drawUser creates a user as requests do: by decoding what was sent.
func drawUser(t *rapid.T) scim.Resource {
	for {
		body := map[string]any{"userName": "a@x", "active": rapid.Bool().Draw(t, "active")}
		emails := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "emails") {
			emails = append(emails, map[string]any{
				"value": someText.Draw(t, "email"), "type": someType.Draw(t, "type"), "primary": rapid.Bool().Draw(t, "primary"),
			})
		}
		body["emails"] = emails
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			body[someName.Draw(t, "name")] = someValue.Draw(t, "value")
		}
		r, _, err := Decode(scimtest.UserType(), scim.EncodeValue(body))
		if err == nil {
			r["id"] = "1"
			return r
		}
	}
}

// Covers: 7643-2.4-3, 7644-3.5.2-12
func TestPatch_Properties(t *testing.T) {
	rt := scimtest.UserType()
	rapid.Check(t, func(t *rapid.T) {
		before := drawUser(t)
		kept := string(Encode(rt, before))
		operations := rapid.SliceOfN(someOperation, 0, 4).Draw(t, "operations")
		after, _, err := applyBody(rt, before, patchBody(operations))
		got := string(Encode(rt, before))
		require.Equalf(t, kept, got, "before became %s, was %s", got, kept)

		// One request with several operations has the effect of several
		// requests.
		stepwise, ok := before, true
		for _, o := range operations {
			next, _, err := applyBody(rt, stepwise, patchBody([]any{o}))
			if ok = err == nil; !ok {
				break
			}
			stepwise = next
		}
		require.Equalf(t, err == nil, ok, "at once %v, in steps %v", err, ok)
		if err != nil {
			return
		}
		doc := string(Encode(rt, after))
		got = string(Encode(rt, stepwise))
		require.Equalf(t, doc, got, "at once %s, in steps %s", doc, got)

		changed := Changed(rt, before, after)
		require.Equalf(t, doc == kept, len(changed) == 0, "changed %v from %s to %s", changed, kept, doc)
		checkStored(t, rt, after)
	})
}

// checkStored checks that a resource is one that could have been sent: a PATCH
// keeps every rule that a POST has.
func checkStored(t *rapid.T, rt *schema.ResourceType, r scim.Resource) {
	doc := Encode(rt, r)
	decoded, err := scim.DecodeStored(doc)
	require.Truef(t, err == nil && scim.EqualValue(map[string]any(decoded), map[string]any(r)), "Decode(Encode(r)) = %v, %v of %s", decoded, err, doc)
	sent, notices, err := Decode(rt, doc)
	// A reference that is not a URI is stored as sent, and reported each time.
	notices = slices.DeleteFunc(notices, func(n scim.Notice) bool { return n.Kind == scim.NoticeNotURI })
	require.Truef(t, err == nil && len(notices) == 0, "%v, %v of %s", err, notices, doc)
	sent["id"] = r["id"]
	got := string(Encode(rt, sent))
	require.Equalf(t, string(doc), got, "sent again %s becomes %s", doc, got)
}

func TestReplace_Properties(t *testing.T) {
	rt := scimtest.UserType()
	rapid.Check(t, func(t *rapid.T) {
		before, sent := drawUser(t), drawUser(t)
		delete(sent, "id")
		keptBefore, keptSent := string(Encode(rt, before)), string(Encode(rt, sent))
		after, err := Replace(rt, before, sent)
		require.NoError(t, err)
		require.True(t, string(Encode(rt, before)) == keptBefore && string(Encode(rt, sent)) == keptSent, "an argument was altered")
		checkStored(t, rt, after)
		again, err := Replace(rt, after, sent)
		if err != nil || len(Changed(rt, after, again)) > 0 {
			t.Fatalf("the same PUT again changes %v, %v", Changed(rt, after, again), err)
		}
	})
}
