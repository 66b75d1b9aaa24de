package match_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// matchType is the User type with attributes of the data types that no built-in
// schema has.
var matchType = func() *schema.ResourceType {
	rt := scimtest.UserType()
	rt.Extensions = append(rt.Extensions, schema.Extension{Schema: &schema.Schema{
		ID: "urn:x:test:1.0:User",
		Attributes: []*schema.Attribute{
			{Name: "count", Type: schema.TypeInteger},
			{Name: "weight", Type: schema.TypeDecimal},
			{Name: "weights", Type: schema.TypeDecimal, MultiValued: true},
			{Name: "labels", Type: schema.TypeString, MultiValued: true},
			{Name: "born", Type: schema.TypeDateTime},
			{Name: "key", Type: schema.TypeBinary, CaseExact: true},
		},
	}})
	return rt
}()

const matchX = "urn:x:test:1.0:User:"

func matchResource(tb testing.TB, text string) scim.Resource {
	tb.Helper()
	r, err := matchDecode([]byte(text))
	require.NoErrorf(tb, err, "%s", text)
	return r
}

// matchDecode decodes any JSON object as a resource, whatever its attributes.
func matchDecode(data []byte) (scim.Resource, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	r, _ := matchNumbers(m).(map[string]any)
	return r, nil
}

func matchNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return scim.Number(v)
	case []any:
		for i := range v {
			v[i] = matchNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = matchNumbers(v[k])
		}
	}
	return v
}

const matchUser = `{
	"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
	"id": "2819c223-7f76", "externalId": "Ext-1",
	"userName": "BJensen@example.com",
	"name": {"familyName": "Jensen", "givenName": "Bärbel"},
	"displayName": "Babs Straße", "nickName": "", "active": true,
	"profileUrl": "https://example.com/BJ",
	"emails": [
		{"value": "bjensen@example.com", "type": "work", "primary": true},
		{"value": "babs@home.example", "type": "home"},
		{"value": "untyped@example.com"}
	],
	"x509Certificates": [{"value": "TUlJ"}],
	"addresses": [{"country": "US"}],
	"groups": [{"value": "g1", "display": "Tour Guides"}],
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
		"department": "Tours", "manager": {"value": "Mgr-1", "displayName": "Boss"}
	},
	"urn:x:test:1.0:User": {
		"count": 12345678901234567890, "weight": 2.50, "weights": [1, 20], "labels": ["a", "b"],
		"born": "2011-05-13T04:42:34Z", "key": "QUJD"
	},
	"meta": {
		"resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34.5Z",
		"version": "W/\"3\"", "location": "https://example.com/scim/v2/Users/2819c223-7f76"
	}
}`

// Covers: 7643-2.1-3, 7643-2.3.5-2, 7643-2.3.7-6, 7643-3-6, 7643-7-10, 7644-3.4.2.2-2, 7644-3.4.2.2-5, 7644-3.4.2.2-6, 7644-3.4.2.2-7, 7644-3.4.2.2-8
// Covers: 7644-3.4.2.2-9, 7644-3.4.2.2-10, 7644-3.4.2.2-12, 7644-3.4.2.2-13, 7644-3.4.2.2-14, 7644-3.4.2.2-18, 7644-3.4.2.2-22, 7644-3.4.2.2-23
// Covers: 7644-3.10-1, 7644-3.10-2, 7644-3.10-3
func TestMatch(t *testing.T) {
	user := matchResource(t, matchUser)
	const core = "urn:ietf:params:scim:schemas:core:2.0:User:"
	tests := []struct {
		filter string
		want   bool
	}{
		// Strings that are not case exact.
		{`userName eq "bjensen@EXAMPLE.com"`, true},
		{`USERNAME Eq "BJENSEN@example.com"`, true},
		{`userName eq "  bjensen@example.com "`, true},
		{`userName eq "bjensen"`, false},
		{`userName ne "bjensen@example.com"`, false},
		{`userName ne "x"`, true},
		{`userName co "JENSEN@"`, true},
		{`userName co " bjensen"`, false},
		{`userName sw "bj"`, true},
		{`userName sw "jensen"`, false},
		{`userName ew ".COM"`, true},
		{`userName ew ".org"`, false},
		{`userName co ""`, true},
		{`userName gt "bjensen"`, true},
		{`userName gt "BJENSEN@EXAMPLE.COM"`, false},
		{`userName ge "BJENSEN@EXAMPLE.COM"`, true},
		{`userName lt "C"`, true},
		{`userName le "b"`, false},
		{`displayName eq "BABS STRASSE"`, true},
		{`displayName ew "SSE"`, true},
		{`name.givenName eq "BÄRBEL"`, true},
		{`name.givenName eq "Ba\u0308rbel"`, true},
		{`name.givenName gt "Barbel"`, true},
		{core + `userName sw "b"`, true},
		{strings.ToUpper(core) + `name.familyName eq "jensen"`, true},

		// Case exact strings, references, binary values.
		{`id eq "2819c223-7f76"`, true},
		{`id eq "2819C223-7F76"`, false},
		{`id sw "2819c"`, true},
		{`externalId eq "Ext-1"`, true},
		{`externalId eq "ext-1"`, false},
		{`externalId eq " Ext-1"`, false},
		{`externalId ne "ext-1"`, true},
		{`externalId co "xt"`, true},
		{`externalId co "XT"`, false},
		{`externalId ew "-1"`, true},
		{`externalId lt "a"`, true},
		{`profileUrl eq "https://example.com/BJ"`, true},
		{`profileUrl eq "https://example.com/bj"`, false},
		{`profileUrl sw "https:"`, true},
		{`x509Certificates eq "TUlJ"`, true},
		{`x509Certificates.value eq "tulj"`, false},
		{matchX + `key ne "QUJE"`, true},

		// Booleans.
		{`active eq true`, true},
		{`active eq false`, false},
		{`active ne false`, true},
		{`active ne true`, false},
		{`emails.primary eq true`, true},
		{`emails.primary eq false`, true},
		{matchX + `count pr and active pr`, true},

		// Numbers, exactly.
		{matchX + `count eq 12345678901234567890`, true},
		{matchX + `count eq 12345678901234567891`, false},
		{matchX + `count lt 12345678901234567891`, true},
		{matchX + `weight eq 2.5`, true},
		{matchX + `weight eq 25e-1`, true},
		{matchX + `weight ne 2.500`, false},
		{matchX + `weight gt 2.49`, true},
		{matchX + `weight ge 2.5`, true},
		{matchX + `weight le 2.5`, true},
		{matchX + `weight lt 2.5`, false},
		{matchX + `weight gt -1e300`, true},
		{matchX + `weights gt 10`, true},
		{matchX + `weights lt 1`, false},

		// Instants.
		{`meta.created eq "2010-01-23T04:56:22Z"`, true},
		{`meta.created eq "2010-01-23T04:56:22.000Z"`, true},
		{`meta.created eq "2010-01-23T05:56:22+01:00"`, true},
		{`meta.created eq "2010-01-23T04:56:22"`, true},
		{`meta.created ne "2010-01-23T04:56:22"`, false},
		{`meta.lastModified gt "2011-05-13T04:42:34Z"`, true},
		{`meta.lastModified ge "2011-05-13T04:42:34.5Z"`, true},
		{`meta.lastModified gt "2011-05-13T05:42:34+01:00"`, true},
		{`meta.lastModified lt "2011-05-13T04:42:34.25Z"`, false},
		{`meta.lastModified le "2011-05-13T03:42:34.5-01:00"`, true},
		{`meta.lastModified pr`, true},

		// Common attributes.
		{`meta.resourceType eq "User"`, true},
		{`meta.version eq "W/\"3\""`, true},
		{`meta.location ew "/Users/2819c223-7f76"`, true},
		{`meta pr`, true},
		{`schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`, true},
		{`schemas eq "urn:x:test:1.0:User"`, false},
		{`schemas ew ":User"`, true},
		{core + `id pr`, true},

		// Multi-valued attributes: any value.
		{`emails.value eq "BABS@home.example"`, true},
		{`emails eq "babs@HOME.example"`, true},
		{`emails co "home."`, true},
		{`emails.type eq "other"`, false},
		{`emails.type ne "work"`, true},
		{`emails.type eq "work" and emails.value eq "babs@home.example"`, true},
		{`emails.type eq "work" and not (emails.type eq "home")`, false},
		{`emails pr`, true},
		{`emails.display pr`, false},
		{`emails.type eq null`, false},
		{`emails.display eq null`, true},
		{`addresses.country eq "us"`, true},
		{`groups.value eq "g1"`, true},
		{matchX + `labels eq "B"`, true},
		{matchX + `labels ne "a"`, true},
		{matchX + `labels co "c"`, false},

		// Brackets: one element for all.
		{`emails[type eq "work"]`, true},
		{`emails[type eq "work" and value co "@example"]`, true},
		{`emails[type eq "work" and value eq "babs@home.example"]`, false},
		{`emails[not (type pr)]`, true},
		{`emails[type eq null and value sw "untyped"]`, true},
		{`emails[type eq "other" or primary eq true]`, true},
		{core + `emails[TYPE eq "HOME"]`, true},
		{`emails[type eq "work"].value eq "bjensen@example.com"`, true},
		{`emails[type eq "home"].value eq "bjensen@example.com"`, false},
		{`emails[type eq "work"].value ne "x"`, true},
		{`emails[type eq "work"].value ne "bjensen@example.com"`, false},
		{`emails[type eq "other"].value ne "x"`, true},
		{`emails[type eq "home"].primary pr`, false},
		{`emails[type eq "home"].primary eq null`, true},
		{`emails[type eq "other"].value ne null`, false},
		{`name[familyName eq "jensen"]`, true},
		{`name[familyName eq "x"]`, false},

		// Extensions.
		{scim.EnterpriseURN + `:department eq "tours"`, true},
		{strings.ToUpper(scim.EnterpriseURN) + `:Department eq "tours"`, true},
		{scim.EnterpriseURN + `:manager eq "Mgr-1"`, true},
		{scim.EnterpriseURN + `:manager eq "mgr-1"`, false},
		{scim.EnterpriseURN + `:manager.displayName eq "BOSS"`, true},
		{scim.EnterpriseURN + `:manager[value eq "Mgr-1"]`, true},
		{scim.EnterpriseURN + `:division pr`, false},
		{scim.EnterpriseURN + ` pr`, true},
		{scim.EnterpriseURN + ` eq null`, false},
		{scim.RollcallURN + ` pr`, false},
		{scim.RollcallURN + ` eq null`, true},
		{scim.RollcallURN + `:isTeamAccount eq true`, false},
		{scim.RollcallURN + `:isTeamAccount ne true`, true},

		// Logic.
		{`active eq true or userName eq "x" and userName eq "y"`, true},
		{`(active eq true or userName eq "x") and userName eq "y"`, false},
		{`not (active eq true)`, false},
		{`not (not (active eq true))`, true},
	}
	for _, tt := range tests {
		f, err := match.CompileFilter(matchType, tt.filter)
		if err != nil {
			t.Errorf("CompileFilter(%q): %v", tt.filter, err)
			continue
		}
		assert.Equalf(t, tt.want, f.Match(user), "%s", tt.filter)
		again, err := match.CompileFilter(matchType, f.String())
		if err != nil || again.String() != f.String() || again.Match(user) != tt.want {
			t.Errorf("%s is printed as %s, which is another filter (%v)", tt.filter, f, err)
		}
	}
}

// The table in the comment on Filter.
//
// Covers: 7643-2.5-1, 7644-3.4.2.2-7
func TestMatch_AbsentValues(t *testing.T) {
	users := []struct {
		name string
		user scim.Resource
	}{
		{"absent", scim.Resource{}},
		{"null", scim.Resource{"nickName": nil, "emails": nil, "name": nil}},
		{"empty", scim.Resource{"emails": []any{}, "name": map[string]any{}}},
		{"without content", scim.Resource{"emails": []any{map[string]any{}}, "name": map[string]any{"givenName": nil}}},
	}
	tests := []struct {
		rest string
		want bool
	}{
		{`pr`, false},
		{`eq null`, true},
		{`ne null`, false},
		{`eq "x"`, false},
		{`eq ""`, false},
		{`ne "x"`, true},
		{`co ""`, false},
		{`sw ""`, false},
		{`ew ""`, false},
		{`gt ""`, false},
		{`ge ""`, false},
		{`lt "x"`, false},
		{`le "x"`, false},
	}
	for _, tt := range tests {
		for _, attribute := range []string{
			"nickName", "name.givenName", "emails.value", "emails", `emails[type eq null].value`, scim.EnterpriseURN + ":manager",
			matchX + "labels", "meta.version",
		} {
			text := attribute + " " + tt.rest
			f, err := match.CompileFilter(matchType, text)
			if err != nil {
				t.Errorf("CompileFilter(%q): %v", text, err)
				continue
			}
			negated, err := match.CompileFilter(matchType, "not ("+text+")")
			require.NoError(t, err)
			for _, u := range users {
				assert.Equalf(t, tt.want, f.Match(u.user), "%s, %s", text, u.name)
				got := negated.Match(u.user)
				assert.NotEqualf(t, tt.want, got, "not (%s), %s: %t, want %t", text, u.name, got, !tt.want)
			}
		}
	}
	empty := scim.Resource{"nickName": ""}
	for text, want := range map[string]bool{
		`nickName pr`: false, `nickName eq null`: true, `nickName ne null`: false, `nickName eq "x"`: false,
		`nickName eq ""`: true, `nickName ne "x"`: true, `nickName ne ""`: false, `nickName co ""`: true,
		`nickName le "x"`: true, `nickName gt "x"`: false,
	} {
		f, err := match.CompileFilter(matchType, text)
		require.NoError(t, err)
		assert.Equalf(t, want, f.Match(empty), "%s, empty string", text)
	}
}

func TestCompileFilter_Refuses(t *testing.T) {
	tests := []struct {
		filter string
		want   string
	}{
		{``, `Invalid filter, at position 1: expected an attribute, not or "(", found the end.`},
		// Covers: 7644-3.4.2.2-21
		{`userName zz "secret"`, `Invalid filter, at position 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found zz.`},
		{`userName eq secret`, `Invalid filter, at position 13: expected a value, found text without quotes: put it in double quotes.`},

		{`nope eq "secret"`, `The filter is refused at position 1: User has no attribute nope.`},
		{`active eq true or nope pr`, `The filter is refused at position 19: User has no attribute nope.`},
		{`name.nope pr`, `The filter is refused at position 1: name has no sub-attribute nope; it has formatted, familyName, givenName, middleName, honorificPrefix, honorificSuffix.`},
		{`userName.value eq "secret"`, `The filter is refused at position 1: userName has no sub-attributes; write userName alone.`},
		{`members pr`, `The filter is refused at position 1: User has no attribute members.`},
		{`department.nope eq "secret"`, `The filter is refused at position 1: department has no sub-attributes; write department alone.`},
		{`isTeamAccount eq "secret"`, `The filter is refused at position 1: isTeamAccount is of type boolean; compare it with true or false, without quotes.`},
		{scim.EnterpriseURN + `:userName pr`, `The filter is refused at position 1: the schema urn:ietf:params:scim:schemas:extension:enterprise:2.0:User has no attribute userName.`},
		{scim.EnterpriseURN + `.nope pr`, `The filter is refused at position 1: the schema urn:ietf:params:scim:schemas:extension:enterprise:2.0:User has no attribute nope.`},
		{scim.EnterpriseURN + `[department pr]`, `The filter is refused at position 1: write an attribute of urn:ietf:params:scim:schemas:extension:enterprise:2.0:User after its URN and a colon.`},
		{scim.EnterpriseURN + ` eq "secret"`, `The filter is refused at position 1: a whole extension has no value to compare; write one of its attributes after its URN and a colon.`},
		{`urn:x:other:userName pr`, `The filter is refused at position 1: User has no attribute urn:x:other:userName; write userName.`},
		{`urn:x:other:2.0:nope.part eq "secret"`, `The filter is refused at position 1: User has no attribute urn:x:other:2.0:nope.part.`},
		{scim.CoreGroupURN + `.displayName pr`, `The filter is refused at position 1: User has no attribute urn:ietf:params:scim:schemas:core:2.0:Group.displayName; write displayName.`},
		{scim.CoreUserURN + ` pr`, `The filter is refused at position 1: urn:ietf:params:scim:schemas:core:2.0:User is a whole schema; write one of its attributes after it and a colon.`},
		{scim.CoreUserURN + ` eq "secret"`, `The filter is refused at position 1: urn:ietf:params:scim:schemas:core:2.0:User is a whole schema; write one of its attributes after it and a colon.`},
		{strings.Repeat("x", 100) + ` pr`, `The filter is refused at position 1: User has no attribute ` + strings.Repeat("x", 80) + `….`},

		// Covers: 7644-3.4.2.2-15
		{`emails[nope eq "secret"]`, `The filter is refused at position 8: emails has no sub-attribute nope; it has value, display, type, primary.`},
		{`emails[emails.type eq "secret"]`, `The filter is refused at position 8: inside the brackets of emails, write its sub-attributes without a prefix: value, display, type, primary.`},
		{`schemas[value eq "secret"]`, `The filter is refused at position 1: schemas has no sub-attributes, so it cannot have a filter in brackets.`},
		// Covers: 7644-3.4.2.2-19
		{`name eq "secret"`, `The filter is refused at position 1: name is complex and cannot be compared as a whole; after a dot, write one of its sub-attributes: formatted, familyName, givenName, middleName, honorificPrefix, honorificSuffix.`},
		{`addresses co "secret"`, `The filter is refused at position 1: addresses is complex and cannot be compared as a whole; after a dot, write one of its sub-attributes: formatted, streetAddress, locality, region, postalCode, country, type, primary.`},

		{`active eq "true"`, `The filter is refused at position 1: active is of type boolean; compare it with true or false, without quotes.`},
		{`emails[primary eq "True"]`, `The filter is refused at position 8: primary is of type boolean; compare it with true or false, without quotes.`},
		// Covers: 7644-3.4.2.2-11
		{`active gt true`, `The filter is refused at position 1: active is of type boolean, to which only eq, ne and pr apply.`},
		{`active co true`, `The filter is refused at position 1: active is of type boolean, to which only eq, ne and pr apply.`},
		{`active lt null`, `The filter is refused at position 1: null can only be compared with eq and ne.`},
		{`userName eq 5`, `The filter is refused at position 1: userName is of type string; compare it with a value in double quotes.`},
		{`userName eq true`, `The filter is refused at position 1: userName is of type string; compare it with a value in double quotes.`},
		{`emails eq 5`, `The filter is refused at position 1: emails.value is of type string; compare it with a value in double quotes.`},
		{`userName eq "secret\u0000"`, `The filter is refused at position 1: userName is of type string, and no value contains the character U+0000.`},
		// Covers: 7644-3.4.2.2-11
		{`x509Certificates gt "secret"`, `The filter is refused at position 1: x509Certificates.value is of type binary, to which only eq, ne and pr apply.`},
		{`x509Certificates co "secret"`, `The filter is refused at position 1: x509Certificates.value is of type binary, to which only eq, ne and pr apply.`},
		{`meta.created sw "2011"`, `The filter is refused at position 1: meta.created is of type dateTime, to which co, sw and ew do not apply; compare it by gt, ge, lt and le.`},
		{`meta.created gt "secret"`, `The filter is refused at position 1: meta.created is of type dateTime; compare it with one in double quotes, for example "2011-05-13T04:42:34Z" (the + of an offset is %2B in a URL).`},
		{matchX + `count eq "secret"`, `The filter is refused at position 1: count is of type integer; compare it with a number, without quotes.`},
		{matchX + `weight sw 1`, `The filter is refused at position 1: weight is of type decimal, to which co, sw and ew do not apply.`},
		{matchX + `weight lt 1e400`, `The filter is refused at position 1: weight is of type decimal; a number of that size or precision is out of range.`},
		{matchX + `weight lt 1e999999999`, `The filter is refused at position 1: weight is of type decimal; a number of that size or precision is out of range.`},
		{matchX + `weight lt 1e-99999999999999999999`, `The filter is refused at position 1: weight is of type decimal; a number of that size or precision is out of range.`},
		{matchX + `weight lt ` + strings.Repeat("9", 401), `The filter is refused at position 1: weight is of type decimal; a number of that size or precision is out of range.`},
	}
	for _, tt := range tests {
		f, err := match.CompileFilter(matchType, tt.filter)
		var e *scim.Error
		if !errors.As(err, &e) {
			t.Errorf("CompileFilter(%q) = %v, %v, want an *Error", tt.filter, f, err)
			continue
		}
		assert.Truef(t, e.Type == scim.InvalidFilter && e.Detail == tt.want, "CompileFilter(%q)\n got %v\nwant %s", tt.filter, e, tt.want)
		assert.NotContainsf(t, e.Detail, "secret", "CompileFilter(%q) repeats a value", tt.filter)
	}
}

// Covers: 7643-2.3.5-1
func TestCompileFilter_RefusesOtherSpellingsOfDateTime(t *testing.T) {
	for _, literal := range []string{
		``, `2011-05-13`, `2019-10-17T`, `2011-05-13T04:42`, `2011-05-13T4:42:34Z`, `2011-05-13T04:42:34,5Z`,
		`2011-05-13 04:42:34Z`, `2011-05-13T04:42:34 01:00`, `2011-05-13T04:42:34+0100`, `2011-13-13T04:42:34Z`,
		`2011-02-30T04:42:34Z`, `Fri, 13 May 2011 04:42:34 GMT`,
	} {
		f, err := match.CompileFilter(matchType, `meta.created gt "`+literal+`"`)
		assert.Errorf(t, err, "CompileFilter(%s), want an error", f)
	}
}

// Covers: 7644-7.5.2-1
func TestCompileFilter_NeverAsksForPasswords(t *testing.T) {
	for _, text := range []string{
		`password sw "a"`, `password pr`, `PASSWORD eq null`, `userName eq "a" or password eq "secret"`,
		scim.CoreUserURN + `:password ne "a"`, `not (password co "a")`,
	} {
		_, err := match.CompileFilter(matchType, text)
		var e *scim.Error
		if !errors.As(err, &e) || e.Type != scim.Sensitive || strings.Contains(e.Detail, "secret") {
			t.Errorf("CompileFilter(%q): %v, want an error of type sensitive", text, err)
		}
	}
}

func TestFilterString(t *testing.T) {
	tests := []struct{ text, want string }{
		{`USERNAME EQ "A"`, `userName eq "A"`},
		{`(urn:ietf:params:scim:schemas:CORE:2.0:User:username Pr)`, `userName pr`},
		{`emails eq "a"`, `emails.value eq "a"`},
		{`EMAILS[TYPE eq "work" AND (primary EQ true)]`, `emails[type eq "work" and primary eq true]`},
		{`emails[Type eq "work"].VALUE eq "a"`, `emails[type eq "work"].value eq "a"`},
		{`emails eq null`, `emails eq null`},
		{strings.ToLower(scim.EnterpriseURN) + `:manager eq "a"`, scim.EnterpriseURN + `:manager.value eq "a"`},
		{strings.ToLower(scim.EnterpriseURN) + ` pr`, scim.EnterpriseURN + ` pr`},
		{`not(META.created gt "2011-05-13T04:42:34Z")`, `not (meta.created gt "2011-05-13T04:42:34Z")`},
	}
	for _, tt := range tests {
		f, err := match.CompileFilter(matchType, tt.text)
		if err != nil {
			t.Errorf("CompileFilter(%q): %v", tt.text, err)
			continue
		}
		assert.Equalf(t, tt.want, f.String(), "%s is printed as %s, want %s", tt.text, f, tt.want)
	}
}

func TestFilterUses(t *testing.T) {
	f, err := match.CompileFilter(matchType, `GROUPS[value eq "a"] or not (emails.type pr) or `+scim.EnterpriseURN+`:division pr`)
	require.NoError(t, err)
	for name, want := range map[string]bool{"groups": true, "emails": true, "userName": false, "value": false, "division": false} {
		assert.Equalf(t, want, f.Uses(name), "Uses(%s)", name)
	}
}

func TestLookups(t *testing.T) {
	user, group := matchType, schema.GroupType()
	tests := []struct {
		rt     *schema.ResourceType
		filter string
		want   []match.Lookup
	}{
		{user, `userName eq "A"`, []match.Lookup{{Attribute: "userName", Value: "A"}}},
		{user, `USERNAME EQ "A"`, []match.Lookup{{Attribute: "userName", Value: "A"}}},
		{user, scim.CoreUserURN + `:userName eq "A"`, []match.Lookup{{Attribute: "userName", Value: "A"}}},
		{user, `id eq "1"`, []match.Lookup{{Attribute: "id", Value: "1"}}},
		{user, `externalId eq "1"`, []match.Lookup{{Attribute: "externalId", Value: "1"}}},
		{user, `displayName eq "1"`, []match.Lookup{{Attribute: "displayName", Value: "1"}}},
		{user, `emails eq "a@b"`, []match.Lookup{{Attribute: "emails.value", Value: "a@b"}}},
		{user, `emails.value eq "a@b"`, []match.Lookup{{Attribute: "emails.value", Value: "a@b"}}},
		{user, `emails[value eq "a@b" and type eq "work"]`, []match.Lookup{{Attribute: "emails.value", Value: "a@b"}}},
		{user, `emails[type eq "work"].value eq "a@b"`, []match.Lookup{{Attribute: "emails.value", Value: "a@b"}}},
		{user, `emails[value eq "a"].value eq "b"`, []match.Lookup{{Attribute: "emails.value", Value: "b"}, {Attribute: "emails.value", Value: "a"}}},
		{user, `emails[value eq "a"].type sw "w"`, []match.Lookup{{Attribute: "emails.value", Value: "a"}}},
		{user, `emails[value eq "a"].type pr`, []match.Lookup{{Attribute: "emails.value", Value: "a"}}},
		{user, `emails[value eq "a"].type ne null`, []match.Lookup{{Attribute: "emails.value", Value: "a"}}},
		{user, `groups eq "1"`, []match.Lookup{{Attribute: "groups.value", Value: "1"}}},
		{user, `groups[value eq "1" and type eq "direct"] and active eq true`, []match.Lookup{{Attribute: "groups.value", Value: "1"}}},
		{group, `displayName eq "G"`, []match.Lookup{{Attribute: "displayName", Value: "G"}}},
		{group, `members eq "1"`, []match.Lookup{{Attribute: "members.value", Value: "1"}}},
		{group, `id eq "g" and members[value eq "1"]`, []match.Lookup{{Attribute: "id", Value: "g"}, {Attribute: "members.value", Value: "1"}}},
		{
			user, `userName eq "a" and (active eq true and (externalId eq "b" and title pr))`,
			[]match.Lookup{{Attribute: "userName", Value: "a"}, {Attribute: "externalId", Value: "b"}},
		},
		{user, `userName eq "a" and (id eq "b" or id eq "c")`, []match.Lookup{{Attribute: "userName", Value: "a"}}},

		{user, `userName eq "a" or active eq true`, nil},
		{user, `not (userName eq "a")`, nil},
		{user, `not (not (userName eq "a"))`, nil},
		{user, `userName ne "a"`, nil},
		{user, `userName sw "a"`, nil},
		{user, `userName eq null`, nil},
		{user, `userName pr`, nil},
		{user, `emails[value eq "a" or type eq "work"]`, nil},
		{user, `emails[not (value eq "a")]`, nil},
		{user, `emails[value eq "a"].type ne "work"`, nil},
		{user, `emails[value eq "a"].type eq null`, nil},
		{user, `not (groups eq "1")`, nil},
		{user, `groups.display eq "1"`, nil},
		{user, `phoneNumbers eq "1"`, nil},
		{user, `phoneNumbers[value eq "1"]`, nil},
		{user, `emails.display eq "1"`, nil},
		{user, scim.EnterpriseURN + `:manager.displayName eq "1"`, nil},
		{user, scim.EnterpriseURN + `:manager[displayName eq "1"]`, nil},
	}
	for _, tt := range tests {
		f, err := match.CompileFilter(tt.rt, tt.filter)
		if err != nil {
			t.Errorf("CompileFilter(%q): %v", tt.filter, err)
			continue
		}
		got := f.Lookups()
		assert.Truef(t, slices.Equal(got, tt.want), "%s: %v, want %v", tt.filter, got, tt.want)
	}
}

// matchFilters draws filters on users from few names and values, so that they
// often match.
func matchFilters(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		value := func() string { return rapid.SampledFrom([]string{`"a"`, `"B"`, `null`}).Draw(t, "value") }
		op := func() string { return rapid.SampledFrom([]string{"eq", "eq", "eq", "ne"}).Draw(t, "op") }
		sub := func() string { return rapid.SampledFrom([]string{"value", "type"}).Draw(t, "sub") }
		most := 6
		if depth == 0 {
			most = 3
		}
		under := func() string { return matchFilters(depth-1).Draw(t, "operand") }
		switch rapid.IntRange(0, most).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"userName", "externalId", "displayName", "emails"}).Draw(t, "name") + " " + op() + " " + value()
		case 1:
			return "emails[" + sub() + " " + op() + " " + value() + " and " + sub() + " " + op() + " " + value() + "]"
		case 2:
			return "emails[" + sub() + " " + op() + " " + value() + "]." + sub() + " " + op() + " " + value()
		case 3:
			return "emails." + sub() + " pr"
		case 4:
			return "(" + under() + ") and (" + under() + ")"
		case 5:
			return under() + " or " + under()
		}
		return "not (" + under() + ")"
	})
}

func matchUsers() *rapid.Generator[scim.Resource] {
	text := rapid.SampledFrom([]string{"", "a", "A", "b", "c"})
	return rapid.Custom(func(t *rapid.T) scim.Resource {
		r := scim.Resource{}
		for _, name := range []string{"userName", "externalId", "displayName"} {
			if s := text.Draw(t, name); s != "" {
				r[name] = s
			}
		}
		var emails []any
		for range rapid.IntRange(0, 3).Draw(t, "emails") {
			email := map[string]any{}
			for _, name := range []string{"value", "type"} {
				if s := text.Draw(t, name); s != "" {
					email[name] = s
				}
			}
			emails = append(emails, email)
		}
		if emails != nil {
			r["emails"] = emails
		}
		return r
	})
}

// Every match must satisfy all lookups: the store reads only what the lookups
// find.
func TestLookups_HoldForEveryMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := matchFilters(3).Draw(t, "filter")
		f, err := match.CompileFilter(matchType, text)
		require.NoError(t, err)
		again, err := match.CompileFilter(matchType, f.String())
		require.NoError(t, err)
		for _, user := range rapid.SliceOfN(matchUsers(), 1, 10).Draw(t, "users") {
			require.Equalf(t, f.Match(user), again.Match(user), "%s is printed as %s, which says otherwise of %v", text, f, user)
			if !f.Match(user) {
				continue
			}
			for _, l := range f.Lookups() {
				lookup, err := match.CompileFilter(matchType, fmt.Sprintf("%s eq %q", l.Attribute, l.Value))
				require.NoError(t, err)
				require.Truef(t, lookup.Match(user), "%s matches %v, which the lookup %v does not find", text, user, l)
			}
		}
	})
}

func TestCompileElement(t *testing.T) {
	emails := matchType.Schema.Attribute("emails")
	work := map[string]any{"value": "a@example.com", "type": "work", "primary": true}
	bare := map[string]any{"value": "b@example.com"}
	tests := []struct {
		filter     string
		work, bare bool
	}{
		{`type eq "WORK"`, true, false},
		{`type ne "work"`, false, true},
		{`type eq null`, false, true},
		{`primary eq true`, true, false},
		{`primary eq "True"`, true, false},
		{`primary eq "false"`, false, true},
		{`primary ne "FALSE"`, true, false},
		{`type eq "work" and value ew "example.com"`, true, false},
		{`not (type pr)`, false, true},
	}
	for _, tt := range tests {
		match := matchElement(t, emails, tt.filter)
		got := match(work)
		assert.Equalf(t, tt.work, got, "%s: %t of the work email, want %t", tt.filter, got, tt.work)
		got = match(bare)
		assert.Equalf(t, tt.bare, got, "%s: %t of the bare email, want %t", tt.filter, got, tt.bare)
	}
}

func matchElement(t *testing.T, attr *schema.Attribute, text string) func(map[string]any) bool {
	t.Helper()
	e, err := filter.Parse(text, filter.Limits{})
	require.NoError(t, err)
	match, err := match.CompileElement(attr, e, &scim.Notices{})
	require.NoError(t, err)
	return match
}

func TestCompileElement_Refuses(t *testing.T) {
	tests := []struct{ attribute, filter, want string }{
		{"emails", `nope eq "a"`, `The filter is refused at position 1: emails has no sub-attribute nope; it has value, display, type, primary.`},
		{"emails", `type pr and primary eq "yes"`, `The filter is refused at position 13: primary is of type boolean; compare it with true or false, without quotes.`},
		{"emails", `emails[type pr]`, `The filter is refused at position 1: emails has no sub-attribute emails; it has value, display, type, primary.`},
		{"userName", `value eq "a"`, `The filter is refused at position 1: userName has no sub-attributes, so it cannot have a filter in brackets.`},
	}
	for _, tt := range tests {
		parsed, err := filter.Parse(tt.filter, filter.Limits{})
		require.NoError(t, err)
		_, err = match.CompileElement(matchType.Schema.Attribute(tt.attribute), parsed, &scim.Notices{})
		var e *scim.Error
		if !errors.As(err, &e) || e.Type != scim.InvalidFilter || e.Detail != tt.want {
			t.Errorf("%s[%s]\n got %v\nwant %s", tt.attribute, tt.filter, err, tt.want)
		}
	}
}

func TestElementEqualities(t *testing.T) {
	tests := []struct {
		filter string
		want   map[string]any
		ok     bool
	}{
		{`type eq "work"`, map[string]any{"type": "work"}, true},
		{`type eq "work" and (primary eq true and weight eq 1.50)`, map[string]any{"type": "work", "primary": true, "weight": scim.Number("1.50")}, true},
		{`primary eq "True"`, map[string]any{"primary": "True"}, true},
		{`$ref eq null and value eq "1"`, map[string]any{"value": "1"}, true},
		{`type eq "work" and Type eq "work"`, map[string]any{"type": "work"}, true},
		{`type eq "work" and TYPE eq "home"`, nil, false},
		{`type eq "work" and type eq null`, nil, false},
		{`type eq "work" or type eq "home"`, nil, false},
		{`not (type eq "work")`, nil, false},
		{`type ne "work"`, nil, false},
		{`type sw "work"`, nil, false},
		{`type pr`, nil, false},
		{`type eq "work" and value pr`, nil, false},
		{`a.b eq "work"`, nil, false},
		{`urn:x:a eq "work"`, nil, false},
		{`a[b eq "work"]`, nil, false},
		{`a[b eq "work"].c eq "x"`, nil, false},
	}
	for _, tt := range tests {
		e, err := filter.Parse(tt.filter, filter.Limits{})
		require.NoError(t, err)
		got, ok := match.ElementEqualities(e)
		assert.Truef(t, ok == tt.ok && reflect.DeepEqual(got, tt.want), "%s: %v, %t, want %v, %t", tt.filter, got, ok, tt.want, tt.ok)
	}
}

func TestMatch_Datasets(t *testing.T) {
	data, err := os.ReadFile("testdata/match_datasets.json")
	require.NoError(t, err)
	var file struct {
		Datasets []struct {
			Users []json.RawMessage
			Cases []struct {
				Filter string
				Expect []string
				Ours   *[]string
				Rule   string
			}
		}
	}
	require.NoError(t, json.Unmarshal(data, &file))
	cases := 0
	for _, d := range file.Datasets {
		var users []scim.Resource
		for _, text := range d.Users {
			user := matchResource(t, string(text))
			schemas := []any{matchType.Schema.ID}
			for _, x := range matchType.Extensions {
				if user[x.Schema.ID] != nil {
					schemas = append(schemas, x.Schema.ID)
				}
			}
			user["schemas"] = schemas
			users = append(users, user)
		}
		for _, c := range d.Cases {
			cases++
			want := c.Expect
			if c.Rule != "" && c.Ours != nil {
				want = *c.Ours
				if slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(c.Expect))) {
					t.Errorf("%s is listed as an exception, and is none", c.Filter)
				}
			}
			assert.Falsef(t, c.Rule == "" && c.Ours != nil, "%s is an exception without a rule", c.Filter)
			f, err := match.CompileFilter(matchType, c.Filter)
			if c.Rule != "" && c.Ours == nil {
				assert.Errorf(t, err, "%s is not refused", c.Filter)
				continue
			}
			if err != nil {
				t.Errorf("CompileFilter(%q): %v", c.Filter, err)
				continue
			}
			var got []string
			for _, user := range users {
				if f.Match(user) {
					got = append(got, user.Text("userName"))
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			assert.Truef(t, slices.Equal(got, want), "%s matches %v, want %v", c.Filter, got, want)
		}
	}
	assert.Equalf(t, 107, cases, "%d cases, want 107", cases)
}

// The filters of RFC 7644 §3.4.2.2, figure 1, that name attributes of users.
var matchExamples = []string{
	`userName eq "bjensen"`,
	`name.familyName co "O'Malley"`,
	`userName sw "J"`,
	`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`,
	`title pr`,
	`meta.lastModified gt "2011-05-13T04:42:34Z"`,
	`meta.lastModified ge "2011-05-13T04:42:34Z"`,
	`meta.lastModified lt "2011-05-13T04:42:34Z"`,
	`meta.lastModified le "2011-05-13T04:42:34Z"`,
	`title pr and userType eq "Employee"`,
	`title pr or userType eq "Intern"`,
	`schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`,
	`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`,
	`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`,
	`userType eq "Employee" and (emails.type eq "work")`,
	`userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`,
	`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`,
}

// Covers: 7644-3.4.2.2-24
func TestCompileFilter_TakesTheExamplesOfTheRFC(t *testing.T) {
	for _, text := range matchExamples {
		_, err := match.CompileFilter(matchType, text)
		assert.NoErrorf(t, err, "CompileFilter(%q)", text)
	}
}

func TestMatch_TakesAnyResource(t *testing.T) {
	nested := any("deep")
	for range 1000 {
		nested = []any{map[string]any{"value": nested}}
	}
	loop := map[string]any{}
	loop["value"] = []any{loop}
	odd := []any{
		nil, "", "a", true, 1, 1.5, scim.Number(""), scim.Number("1e999999999"), scim.Number("x"), scim.Number("1/3"),
		[]any{},
		[]any{nil},
		[]any{[]any{"a"}},
		map[string]any{},
		map[string]any(nil), []any(nil),
		map[string]any{"value": 1},
		map[string]any{"value": []any{nil, 1}},
		[]string{"a"},
		struct{}{},
		func() {},
		scim.Resource{"value": "a"},
		nested, loop, "\xff",
	}
	var filters []*match.Filter
	for _, text := range append(matchExamples,
		`meta pr`, `emails eq null`, `emails[type eq "a" and primary ne true].value ne "a"`, `emails.value pr`, `name[givenName pr]`,
		matchX+`count gt 1`, matchX+`weights ne 1`, matchX+`born le "2011-05-13T04:42:34Z"`, matchX+`key eq "a"`, scim.EnterpriseURN+` pr`,
		scim.EnterpriseURN+`:manager eq "a"`, `x509Certificates ne "a"`,
	) {
		f, err := match.CompileFilter(matchType, text)
		require.NoError(t, err)
		filters = append(filters, f)
	}
	for _, v := range odd {
		r := scim.Resource{}
		for _, name := range []string{"schemas", "userName", "active", "emails", "ims", "name", "meta", "userType", "title", scim.EnterpriseURN, "x509Certificates"} {
			r[name] = v
		}
		r["urn:x:test:1.0:User"] = map[string]any{"count": v, "weights": v, "born": v, "key": v}
		for _, f := range filters {
			f.Match(r)
		}
	}
	for _, f := range filters {
		f.Match(nil)
	}
}

func FuzzMatch(f *testing.F) {
	for _, text := range matchExamples {
		f.Add(text, []byte(matchUser))
	}
	f.Add(`emails[type eq "work"].value ne "a"`, []byte(`{"emails": [null, {"type": ["work"]}, "a"]}`))
	for _, text := range corpus.Read(f, "../../..").Filters {
		f.Add(text, []byte(matchUser))
	}
	f.Add(matchX+`weights gt 1e308`, []byte(`{"urn:x:test:1.0:User": {"weights": [1e999999999, -0.0]}}`))
	f.Fuzz(func(t *testing.T, text string, body []byte) {
		r, err := matchDecode(body)
		if err != nil {
			r = scim.Resource{}
		}
		compiled, err := match.CompileFilter(matchType, text)
		if err != nil {
			var e *scim.Error
			require.Truef(t, errors.As(err, &e) && e.Detail != "" && (e.Type == scim.InvalidFilter || e.Type == scim.Sensitive), "%q: %v", text, err)
			return
		}
		got := compiled.Match(r)
		compiled.Lookups()
		if printed := compiled.String(); len(printed) < 8000 {
			again, err := match.CompileFilter(matchType, printed)
			require.NoErrorf(t, err, "%q is printed as %q", text, compiled)
			require.Truef(t, again.String() == printed && again.Match(r) == got, "%q is printed as %q, which is another filter", text, printed)
		}
	})
}

func BenchmarkCompileFilter_Eq(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, err := match.CompileFilter(matchType, `userName eq "bjensen@example.com"`)
		require.NoError(b, err)
	}
}

func BenchmarkMatch_10000Users(b *testing.B) {
	users := make([]scim.Resource, 10_000)
	for i := range users {
		users[i] = matchResource(b, strings.ReplaceAll(matchUser, "ensen", fmt.Sprintf("ensen%d", i)))
	}
	for _, text := range []string{
		`userName eq "bjensen7@example.com"`,
		`userName sw "bjensen7"`,
		`externalId eq "x"`,
		`emails[type eq "work" and value eq "bjensen7@example.com"]`,
		`meta.lastModified gt "2020-01-01T00:00:00Z"`,
	} {
		f, err := match.CompileFilter(matchType, text)
		require.NoError(b, err)
		b.Run(text[:strings.IndexByte(text, ' ')], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, user := range users {
					f.Match(user)
				}
			}
		})
	}
}

// Covers: 7643-2.4-4
func TestMatch_PrimaryIsFalseWhereItIsAbsent(t *testing.T) {
	rt := scimtest.UserType()
	for attributes, want := range map[string]map[string]bool{
		`"emails":[{"value":"a@x"}]`: {
			`emails[primary eq false]`: true, `emails.primary eq false`: true, `emails[primary ne true]`: true, `emails.primary ne true`: true,
			`emails[primary eq true]`: false, `emails.primary eq true`: false, `emails[primary ne false]`: false, `emails.primary ne false`: false,
			`emails[primary pr]`: false, `emails[primary eq null]`: true, `emails[primary eq false].value eq "a@x"`: true,
			`emails[not (primary eq true) and value sw "a"]`: true,
		},
		`"emails":[{"value":"a@x","primary":true}]`: {
			`emails[primary eq false]`: false, `emails.primary eq false`: false, `emails.primary eq true`: true, `emails[primary ne false]`: true,
		},
		`"title":"T"`: {
			`emails[primary eq false]`: false, `emails.primary eq false`: false, `emails.primary ne true`: true, `emails[primary ne true]`: false,
		},
	} {
		r, _, err := resource.Decode(rt, []byte(`{"schemas":["`+scim.CoreUserURN+`"],"userName":"u",`+attributes+`}`))
		require.NoError(t, err)
		for text, want := range want {
			f, err := match.CompileFilter(rt, text)
			require.NoErrorf(t, err, "%s", text)
			assert.Equalf(t, want, f.Match(r), "%s on %s", text, attributes)
		}
	}
}

func TestFilter_Notices(t *testing.T) {
	rt := scimtest.UserType()
	for text, want := range map[string][]string{
		`userName eq "a" and (active eq true or not (title pr))`: nil,
		`emails[type eq "work" and value co "@x"]`:               nil,
		`emails.value eq "a"`:                                    nil,
		`emails[type eq "work"].value eq "a"`:                    {"filter_form emails"},
		`emails[type eq "work"].value pr`:                        {"filter_form emails"},
		`name[givenName eq "a"]`:                                 {"filter_form name"},
		scim.EnterpriseURN + ` pr`:                               {"filter_form " + scim.EnterpriseURN},
		scim.EnterpriseURN + `:department pr`:                    nil,
		`userName eq"a"`:                                         {"filter_spaces filter"},
		`userName eq "a"and active eq true`:                      {"filter_spaces filter"},
		`(userName eq "a")or(active eq true)`:                    {"filter_spaces filter"},
		`(userName eq "a") or (active eq true)`:                  nil,
		`( userName eq "a" )`:                                    nil,
		`not(title pr)`:                                          nil,
		`emails[type eq "work"and primary eq true].value eq"a"`:  {"filter_spaces filter", "filter_form emails"},
	} {
		f, err := match.CompileFilter(rt, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, n := range f.Notices() {
			got = append(got, n.Kind+" "+n.Attribute)
		}
		assert.Truef(t, slices.Equal(got, want), "%s: notices %q, want %q", text, got, want)
	}
}

// A filter computes the fold of a value once, however many comparisons need it.
func TestFilter_FoldsAValueOnce(t *testing.T) {
	long := map[string]string{"ASCII": strings.Repeat("Abc ", 1000), "letters": strings.Repeat("Äbc ", 1000)}
	for name, value := range long {
		for _, op := range []string{"co", "sw", "ew", "eq", "ne", "gt", "le"} {
			var terms []string
			for i := range 180 {
				terms = append(terms, fmt.Sprintf(`displayName %s "zz%d"`, op, i))
			}
			f, err := match.CompileFilter(scimtest.UserType(), strings.Join(terms, map[bool]string{true: " and ", false: " or "}[op == "ne" || op == "le"]))
			require.NoError(t, err)
			r := scim.Resource{"displayName": value}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f.Match(r)
			runtime.ReadMemStats(&after)
			bytes := after.TotalAlloc - before.TotalAlloc
			assert.Truef(t, bytes <= 20*uint64(len(value)), "%s %s: %d bytes for a value of %d", name, op, bytes, len(value))
		}
	}
}
