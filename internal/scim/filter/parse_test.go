package filter

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	requests "github.com/rollcall-scim/rollcall/internal/e2e/corpus"
)

func text(s string) Value { return Value{Kind: String, Text: s} }

func eq(attribute, value string) *Compare {
	return &Compare{Path: Path{Attribute: attribute}, Op: Eq, Value: text(value)}
}

func pr(attribute string) *Present { return &Present{Path: Path{Attribute: attribute}} }

// Covers: 7644-3.4.2.2-2, 7644-3.4.2.2-12, 7644-3.4.2.2-13, 7644-3.4.2.2-16
func TestParse(t *testing.T) {
	const core = "urn:ietf:params:scim:schemas:core:2.0:User"
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	tests := []struct {
		text string
		want Expr
	}{
		{`userName eq "bjensen"`, eq("userName", "bjensen")},
		{`  userName   EQ  "bjensen"  `, eq("userName", "bjensen")},
		{`userName Ne "b"`, &Compare{Path: Path{Attribute: "userName"}, Op: Ne, Value: text("b")}},
		{`a co "x"`, &Compare{Path: Path{Attribute: "a"}, Op: Co, Value: text("x")}},
		{`a SW "x"`, &Compare{Path: Path{Attribute: "a"}, Op: Sw, Value: text("x")}},
		{`a ew "x"`, &Compare{Path: Path{Attribute: "a"}, Op: Ew, Value: text("x")}},
		{`a gt 1`, &Compare{Path: Path{Attribute: "a"}, Op: Gt, Value: Value{Kind: Number, Text: "1"}}},
		{`a ge -1.50`, &Compare{Path: Path{Attribute: "a"}, Op: Ge, Value: Value{Kind: Number, Text: "-1.50"}}},
		{`a lt true`, &Compare{Path: Path{Attribute: "a"}, Op: Lt, Value: Value{Kind: Bool, Bool: true}}},
		{`a le false`, &Compare{Path: Path{Attribute: "a"}, Op: Le, Value: Value{Kind: Bool}}},
		{`a eq null`, &Compare{Path: Path{Attribute: "a"}, Op: Eq, Value: Value{}}},
		{`title Pr`, pr("title")},

		{`a pr and b pr or c pr`, &Or{&And{pr("a"), pr("b")}, pr("c")}},
		{`a pr or b pr and c pr`, &Or{pr("a"), &And{pr("b"), pr("c")}}},
		{`a pr OR b pr or c pr`, &Or{&Or{pr("a"), pr("b")}, pr("c")}},
		{`a pr AND b pr and c pr`, &And{&And{pr("a"), pr("b")}, pr("c")}},
		{`a pr and (b pr and c pr)`, &And{pr("a"), &And{pr("b"), pr("c")}}},
		{`(a pr or b pr) and c pr`, &And{&Or{pr("a"), pr("b")}, pr("c")}},
		{`((a pr))`, pr("a")},
		{`not (a pr)`, &Not{pr("a")}},
		{`NOT(a pr) and b pr`, &And{&Not{pr("a")}, pr("b")}},
		{`not (not (a pr))`, &Not{&Not{pr("a")}}},
		{`(a pr)and(b pr)`, &And{pr("a"), pr("b")}},
		{`a eq"x"and b pr`, &And{eq("a", "x"), pr("b")}},

		{`not pr`, pr("not")},
		{`not eq "x"`, eq("not", "x")},
		{`pr pr and and pr or or pr`, &Or{&And{pr("pr"), pr("and")}, pr("or")}},
		{`true eq true`, &Compare{Path: Path{Attribute: "true"}, Op: Eq, Value: Value{Kind: Bool, Bool: true}}},

		{`name.givenName pr`, &Present{Path{Attribute: "name", Sub: "givenName"}}},
		{`$ref pr`, pr("$ref")},
		{`manager.$ref pr`, &Present{Path{Attribute: "manager", Sub: "$ref"}}},
		{core + `:userName pr`, &Present{Path{URN: core, Attribute: "userName"}}},
		{core + `:name.givenName pr`, &Present{Path{URN: core, Attribute: "name", Sub: "givenName"}}},
		{enterprise + `:manager.value pr`, &Present{Path{URN: enterprise, Attribute: "manager", Sub: "value"}}},
		{enterprise + ` pr`, &Present{Path{URN: strings.TrimSuffix(enterprise, ":User"), Attribute: "User"}}},

		{`emails[type eq "work"]`, &ValuePath{Path{Attribute: "emails"}, eq("type", "work")}},
		{`emails[ type eq "work" ]`, &ValuePath{Path{Attribute: "emails"}, eq("type", "work")}},
		{core + `:emails[type pr]`, &ValuePath{Path{URN: core, Attribute: "emails"}, pr("type")}},
		{
			`emails[type eq "work" and (value pr or not (primary pr))] or a pr`,
			&Or{
				&ValuePath{Path{Attribute: "emails"}, &And{eq("type", "work"), &Or{pr("value"), &Not{pr("primary")}}}},
				pr("a"),
			},
		},
		{`a[b pr] and c[d pr]`, &And{&ValuePath{Path{Attribute: "a"}, pr("b")}, &ValuePath{Path{Attribute: "c"}, pr("d")}}},
		{
			`emails[type eq "work"].value eq "x"`,
			&Compare{Path{Attribute: "emails", Filter: eq("type", "work"), Sub: "value"}, Eq, text("x")},
		},
		{`emails[type eq "work"].value pr`, &Present{Path{Attribute: "emails", Filter: eq("type", "work"), Sub: "value"}}},
	}
	for _, tt := range tests {
		got, err := Parse(tt.text, Limits{})
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		assert.Equalf(t, tt.want, withoutPositions(got), "Parse(%q)", tt.text)
	}
}

func TestParse_KeepsPositionsOfPaths(t *testing.T) {
	e, err := Parse(` userName pr and emails[ type pr]`, Limits{})
	require.NoError(t, err)
	and := e.(*And)
	vp := and.Right.(*ValuePath)
	got := [3]int{and.Left.(*Present).Path.Pos, vp.Path.Pos, vp.Filter.(*Present).Path.Pos}
	assert.Equal(t, [3]int{1, 17, 25}, got, "positions")
}

// Covers: 7644-3.4.2.2-3, 7644-3.4.2.2-4, 7644-3.4.2.2-16
func TestParse_Bad(t *testing.T) {
	tests := []struct {
		text string
		want string
	}{
		{``, `at position 1: expected an attribute, not or "(", found the end`},
		{`  `, `at position 3: expected an attribute, not or "(", found the end`},
		{`()`, `at position 2: expected an attribute, not or "(", found ")"`},
		{`(a pr`, `at position 6: expected and, or, or ")", found the end`},
		{`(a pr]`, `at position 6: expected and, or, or ")", found "]"`},
		{`a pr)`, `at position 5: expected and, or, or the end, found ")"`},
		{`a pr b pr`, `at position 6: expected and, or, or the end, found a word`},
		{`a eq "x" "y"`, `at position 10: expected and, or, or the end, found a string`},
		{`a pr and`, `at position 9: expected an attribute, not or "(", found the end`},
		{`and pr a`, `at position 8: expected and, or, or the end, found a word`},
		{`"x" eq a`, `at position 1: expected an attribute, not or "(", found a string`},
		{`5 eq a`, `at position 1: expected an attribute, not or "(", found a number`},
		{`@x pr`, `at position 1: expected an attribute, not or "(", found "@"`},

		{`userName`, `at position 9: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found the end`},
		{`userName zz "a"`, `at position 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found zz`},
		{`userName "secret"`, `at position 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found a string`},
		{`userName = "secret"`, `at position 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found "="`},
		{
			`a ` + strings.Repeat("z", 50),
			`at position 3: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found ` + strings.Repeat("z", 40) + `…`,
		},
		{`not userName pr`, `at position 5: expected "(" after not, found a word`},
		{`not`, `at position 4: expected "(" after not, found the end`},

		{`userName eq`, `at position 12: expected a value, found the end`},
		{`userName eq ("secret")`, `at position 13: expected a value, found "("`},
		{`userName eq secret`, `at position 13: expected a value, found text without quotes: put it in double quotes`},
		{`userName eq 'secret'`, `at position 13: expected a value, found text without quotes: put it in double quotes`},
		{`userName eq “secret”`, `at position 13: expected a value, found text without quotes: put it in double quotes`},
		{`userName eq 5ecret`, `at position 13: expected a number of JSON, found text without quotes: put it in double quotes`},
		{`active eq True`, `at position 11: expected true, false and null in lower case, found capitals`},
		{`userName eq "secret`, `at position 13: expected a closing double quote, found the end`},
		{`userName eq "secret\user"`, `at position 20: expected four hexadecimal digits after \u (a backslash itself is \\)`},
		{`userName eq "secret\domain"`, `at position 20: expected an escape of JSON (a backslash itself is \\)`},
		{`userName eq "\ud800"`, `at position 14: expected both halves of a surrogate pair, found one`},
		{"userName eq \"\x01\"", `at position 14: expected control characters in a string as escapes (\n, \t, \u0001), found one as it is`},
		{"userName eq \"\xff\"", `at position 14: expected UTF-8 in a string, found a byte that is not`},
		{"userName\teq", `at position 9: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found a control character`},

		{`a.b.c pr`, `at position 1: expected at most one sub-attribute, found a.b.c`},
		{`urn:x:2.0:User:a.b.c pr`, `at position 16: expected at most one sub-attribute, found a.b.c`},
		{`a. pr`, `at position 3: expected a sub-attribute after the dot, found nothing`},
		{`a.1 pr`, `at position 3: expected a sub-attribute after the dot, found 1`},
		{`a$b pr`, `at position 1: expected an attribute (a letter, then letters, digits, - or _), found a$b`},
		{`_a pr`, `at position 1: expected an attribute (a letter, then letters, digits, - or _), found _a`},
		{`urn:x:2.0 pr`, `at position 7: expected an attribute (a letter, then letters, digits, - or _), found 2`},
		{`urn:x: pr`, `at position 7: expected an attribute (a letter, then letters, digits, - or _), found nothing`},
		{`:a pr`, `at position 1: expected a URN before the last colon, found nothing`},
		{`urn::x:a pr`, `at position 1: expected a URN before the last colon, found urn::x`},

		{`[a pr]`, `at position 1: expected an attribute, not or "(", found "["`},
		{`a[]`, `at position 3: expected an attribute, not or "(", found "]"`},
		{`a[b pr`, `at position 7: expected and, or, or "]", found the end`},
		{`a[b pr)`, `at position 7: expected and, or, or "]", found ")"`},
		{`a[b[c pr]]`, `at position 4: expected an operator, found brackets inside brackets`},
		{`a[not (b pr and c[d pr])]`, `at position 18: expected an operator, found brackets inside brackets`},
		{`a.b[c pr]`, `at position 4: expected brackets after an attribute, found them after a sub-attribute`},
		{`a [b pr]`, `at position 3: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found "["`},
		{`a[b pr] pr`, `at position 9: expected and, or, or the end, found a word`},
		{`a[b pr].c`, `at position 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found the end`},
		{`a[b pr]. eq "x"`, `at position 9: expected one sub-attribute, found nothing`},
		{`a[b pr].c.d eq "x"`, `at position 9: expected one sub-attribute, found c.d`},
		{`a[b pr] .c eq "x"`, `at position 9: expected and, or, or the end, found a dot`},
		{`a[b pr].c[d pr]`, `at position 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found "["`},
	}
	for _, tt := range tests {
		e, err := Parse(tt.text, Limits{})
		if err == nil {
			t.Errorf("Parse(%q) = %v, want an error", tt.text, e)
			continue
		}
		assert.Equalf(t, tt.want, err.Error(), "Parse(%q)\n got %s\nwant %s", tt.text, err, tt.want)
		assert.NotContainsf(t, err.Error(), "secret", "Parse(%q) repeats a literal: %v", tt.text, err)
	}
}

func TestParse_Limits(t *testing.T) {
	tests := []struct {
		name   string
		text   string
		limits Limits
		want   string
	}{
		{"length", `a eq "xxxx"`, Limits{Length: 10}, `at position 11: expected at most 10 bytes, found 11`},
		{"length by default", strings.Repeat("(", 8193), Limits{}, `at position 8193: expected at most 8192 bytes, found 8193`},
		{"depth", `((a pr))`, Limits{Depth: 1}, `at position 2: expected at most 1 levels of parentheses and brackets, found more`},
		{"depth of not", `not (not (a pr))`, Limits{Depth: 1}, `at position 10: expected at most 1 levels of parentheses and brackets, found more`},
		{"depth of brackets", `(a[b pr])`, Limits{Depth: 1}, `at position 3: expected at most 1 levels of parentheses and brackets, found more`},
		{"depth by default", strings.Repeat("(", 41) + "a pr", Limits{}, `at position 41: expected at most 40 levels of parentheses and brackets, found more`},
		{"terms", `a pr or b pr`, Limits{Terms: 1}, `at position 9: expected at most 1 comparisons, found more`},
		{"terms in brackets", `a[b pr or c pr]`, Limits{Terms: 1}, `at position 11: expected at most 1 comparisons, found more`},
		{"terms by default", strings.Repeat("a pr or ", 201) + "a pr", Limits{}, `at position 1601: expected at most 200 comparisons, found more`},
	}
	for _, tt := range tests {
		_, err := Parse(tt.text, tt.limits)
		assert.Truef(t, err != nil && err.Error() == tt.want, "%s:\n got %v\nwant %s", tt.name, err, tt.want)
	}
	for _, at := range []string{
		strings.Repeat("(", 40) + "a pr" + strings.Repeat(")", 40),
		strings.Repeat("a pr or ", 199) + "a pr",
	} {
		_, err := Parse(at, Limits{})
		assert.NoError(t, err, "at the limit")
	}
}

// A stack overflow kills the process, so unlimited nesting must be refused
// before it is parsed, at any length that the caller allows.
func TestParse_StopsAtDepthInLongText(t *testing.T) {
	for _, unit := range []string{"(", "not (", "a[", "not("} {
		text := strings.Repeat(unit, 3_000_000/len(unit))
		allocs := testing.AllocsPerRun(1, func() {
			_, err := Parse(text, Limits{Length: len(text)})
			assert.Errorf(t, err, "%s…: parsed", unit)
		})
		if allocs > 100 {
			t.Errorf("%s…: %v allocations", unit, allocs)
		}
	}
}

func TestParsePath(t *testing.T) {
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	tests := []struct {
		text string
		want Path
	}{
		{`active`, Path{Attribute: "active"}},
		{` name.familyName `, Path{Attribute: "name", Sub: "familyName", Pos: 1}},
		{`members`, Path{Attribute: "members"}},
		{`emails[type eq "work"]`, Path{Attribute: "emails", Filter: eq("type", "work")}},
		{`emails[type eq "work"].value`, Path{Attribute: "emails", Filter: eq("type", "work"), Sub: "value"}},
		{`members[value eq "1"].$ref`, Path{Attribute: "members", Filter: eq("value", "1"), Sub: "$ref"}},
		{enterprise + `:department`, Path{URN: enterprise, Attribute: "department"}},
		{enterprise + `:manager.value`, Path{URN: enterprise, Attribute: "manager", Sub: "value"}},
		{enterprise, Path{URN: strings.TrimSuffix(enterprise, ":User"), Attribute: "User"}},
		{`test:Entity:values[a eq "v"].a`, Path{URN: "test:Entity", Attribute: "values", Filter: eq("a", "v"), Sub: "a"}},
	}
	for _, tt := range tests {
		got, err := ParsePath(tt.text, Limits{})
		if err != nil {
			t.Errorf("ParsePath(%q): %v", tt.text, err)
			continue
		}
		got.Filter = withoutPositions(got.Filter)
		assert.Equalf(t, tt.want, got, "ParsePath(%q)", tt.text)
	}
}

// Covers: 7644-3.5.2-7
func TestParsePath_Bad(t *testing.T) {
	tests := []struct {
		text string
		want string
	}{
		{``, `at position 1: expected an attribute, found the end`},
		{`"active"`, `at position 1: expected an attribute, found a string`},
		{`(active)`, `at position 1: expected an attribute, found "("`},
		{`active eq true`, `at position 8: expected the end of the path, found a word`},
		{`not (active)`, `at position 5: expected the end of the path, found "("`},
		{`name.a.b`, `at position 1: expected at most one sub-attribute, found name.a.b`},
		{`emails[type eq "work"`, `at position 22: expected and, or, or "]", found the end`},
		{`emails[type eq "work.value`, `at position 16: expected a closing double quote, found the end`},
		{`emails[' eq true].value`, `at position 8: expected an attribute, not or "(", found a single quote`},
		{`emails[name eq]`, `at position 15: expected a value, found "]"`},
		{`emails[]`, `at position 8: expected an attribute, not or "(", found "]"`},
		{`emails[value eq 123abc]`, `at position 17: expected a number of JSON, found text without quotes: put it in double quotes`},
		{`emails[a[b pr]]`, `at position 9: expected an operator, found brackets inside brackets`},
		{`emails[a pr].b.c`, `at position 14: expected one sub-attribute, found b.c`},
		{`emails[a pr].`, `at position 14: expected one sub-attribute, found nothing`},
		{`emails[a pr]b`, `at position 13: expected the end of the path, found a word`},
		{`emails[a pr] .b`, `at position 14: expected the end of the path, found a dot`},
	}
	for _, tt := range tests {
		path, err := ParsePath(tt.text, Limits{})
		if err == nil {
			t.Errorf("ParsePath(%q) = %v, want an error", tt.text, path)
			continue
		}
		assert.Equalf(t, tt.want, err.Error(), "ParsePath(%q)\n got %s\nwant %s", tt.text, err, tt.want)
	}
}

// A URN contains dots, so that an attribute after a dot is found only if the
// URN is known.
func TestParsePath_DotAfterAURN(t *testing.T) {
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	urns := []string{enterprise, "urn:w", "urn:x:y.z", "urn:x:y"}
	tests := []struct {
		text string
		want Path
	}{
		{enterprise + `.department`, Path{URN: enterprise, Attribute: "department", Dotted: true}},
		{enterprise + `.manager.value`, Path{URN: enterprise, Attribute: "manager", Sub: "value", Dotted: true}},
		{enterprise + `.manager[value pr].value`, Path{URN: enterprise, Attribute: "manager", Filter: pr("value"), Sub: "value", Dotted: true}},
		{strings.ToUpper(enterprise) + `.a`, Path{URN: strings.ToUpper(enterprise), Attribute: "a", Dotted: true}},
		{enterprise + `:department`, Path{URN: enterprise, Attribute: "department"}},
		{enterprise, Path{URN: strings.TrimSuffix(enterprise, ":User"), Attribute: "User"}},
		{`urn:x:y.z.a`, Path{URN: "urn:x:y.z", Attribute: "a", Dotted: true}},
		{`urn:x:y.z:a`, Path{URN: "urn:x:y.z", Attribute: "a"}},
		{`urn:x:y.z`, Path{URN: "urn:x", Attribute: "y", Sub: "z"}},
		{`urn:w.a`, Path{URN: "urn:w", Attribute: "a", Dotted: true}},
		{`urn:other:y.z`, Path{URN: "urn:other", Attribute: "y", Sub: "z"}},
		{`name.givenName`, Path{Attribute: "name", Sub: "givenName"}},
	}
	for _, tt := range tests {
		got, err := ParsePath(tt.text, Limits{}, urns...)
		got.Filter = withoutPositions(got.Filter)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParsePath(%q) = %+v, %v, want %+v", tt.text, got, err, tt.want)
			continue
		}
		again, err := ParsePath(got.String(), Limits{}, urns...)
		again.Filter, got.Dotted = withoutPositions(again.Filter), false
		assert.Truef(t, err == nil && reflect.DeepEqual(again, got), "%q is printed as %s, which is %+v, %v", tt.text, got, again, err)
	}
	for _, bad := range []string{enterprise + ".", enterprise + ".a.b.c", enterprise + ".a:b", enterprise + "..a", enterprise + ".1"} {
		path, err := ParsePath(bad, Limits{}, urns...)
		assert.Errorf(t, err, "ParsePath(%q) = %+v", bad, path)
	}
	e, _, err := Read(enterprise+`.department eq "x" and urn:w.a pr`, Limits{}, urns...)
	want := enterprise + `:department eq "x" and urn:w:a pr`
	assert.Truef(t, err == nil && e.String() == want, "%v, %v, want %s", e, err, want)
}

// An error says whether the fault is in the brackets, or around them.
func TestParsePath_ErrorsInside(t *testing.T) {
	for text, inside := range map[string]bool{
		`a[`: true, `a[]`: true, `a[b`: true, `a[b eq`: true, `a[b eq "x`: true, `a[b pr`: true, `a[b eq x]`: true, `a[b pr)]`: true,
		`a[b[c pr]]`: true, `a[(b pr]`: true, `a[b pr and]`: true,
		``: false, `a.`: false, `a b`: false, `1`: false, `a.b[c pr]`: false, `a[b pr]c`: false, `a[b pr]"`: false, `a[b pr].`: false,
		`a[b pr].c.d`: false, `a[b pr][c pr]`: false, `a[b pr]'`: false,
	} {
		_, err := ParsePath(text, Limits{})
		var e *Error
		assert.Truef(t, errors.As(err, &e) && e.Inside == inside, "%q: %v, inside %t", text, err, e != nil && e.Inside)
	}
}

// corpusEntry is a filter of testdata/filters.json.
type corpusEntry struct {
	Filter  string
	Verdict string
	Ours    string
	Reason  string
	Path    string
}

func corpus(tb testing.TB) []corpusEntry {
	tb.Helper()
	data, err := os.ReadFile("testdata/filters.json")
	require.NoError(tb, err)
	var c struct{ Filters []corpusEntry }
	require.NoError(tb, json.Unmarshal(data, &c))
	return c.Filters
}

// Covers: 7644-3.4.2.2-16
func TestParse_Corpus(t *testing.T) {
	entries := corpus(t)
	assert.Lenf(t, entries, 616, "%d filters, want 616", len(entries))
	for _, c := range entries {
		want := c.Verdict
		if want == "disputed" || want == "unlabelled" {
			want = c.Ours
			assert.NotEmptyf(t, c.Reason, "%q: %s without a reason for our choice", c.Filter, c.Verdict)
		} else if c.Ours != "" {
			t.Errorf("%q is agreed, and listed as an exception", c.Filter)
		}
		e, err := Parse(c.Filter, Limits{})
		got := "valid"
		if err != nil {
			got = "invalid"
		}
		assert.Equalf(t, want, got, "Parse(%q) is %s (%v), want %s", c.Filter, got, err, want)
		if err == nil {
			roundTrip(t, e)
		}
		if c.Path == "valid" {
			_, err := ParsePath(c.Filter, Limits{})
			assert.NoErrorf(t, err, "ParsePath(%q)", c.Filter)
		}
	}
}

func TestString(t *testing.T) {
	tests := []struct{ text, want string }{
		{`((a pr)) AND (b PR)`, `a pr and b pr`},
		{`a pr and (b pr and c pr)`, `a pr and (b pr and c pr)`},
		{`a pr or (b pr or c pr)`, `a pr or (b pr or c pr)`},
		{`(a pr and b pr) or c pr`, `a pr and b pr or c pr`},
		{`NOT((a pr or b pr) and c pr)`, `not ((a pr or b pr) and c pr)`},
		{`a EQ "\u0041\/\"\\\n\u0001é"`, `a eq "A/\"\\\n\u0001é"`},
		{`a eq 1.50E+2`, `a eq 1.50E+2`},
		{`emails[type eq "work"].value ne null`, `emails[type eq "work"].value ne null`},
		{`urn:a:2.0:User:b.c[d pr]`, ``},
		{`urn:a:2.0:User:b[d pr]`, `urn:a:2.0:User:b[d pr]`},
	}
	for _, tt := range tests {
		e, err := Parse(tt.text, Limits{})
		if tt.want == "" {
			assert.Errorf(t, err, "Parse(%q) = %v, want an error", tt.text, e)
			continue
		}
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
		} else if got := e.String(); got != tt.want {
			t.Errorf("Parse(%q) prints %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestString_ParsesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { roundTrip(t, expressions(4, true).Draw(t, "filter")) })
}

func TestPathString_ParsesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := paths.Draw(t, "path")
		if rapid.Bool().Draw(t, "filtered") {
			want.Filter = expressions(3, false).Draw(t, "filter")
		}
		pathRoundTrip(t, want)
	})
}

func FuzzParse(f *testing.F) {
	for _, c := range corpus(f) {
		f.Add(c.Filter)
	}
	for _, filter := range requests.Read(f, "../../..").Filters {
		f.Add(filter)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text, Limits{})
		if err != nil {
			checkError(t, text, err)
			return
		}
		roundTrip(t, e)
	})
}

func FuzzParsePath(f *testing.F) {
	for _, c := range corpus(f) {
		f.Add(c.Filter)
	}
	for _, path := range []string{
		`members`, `name.familyName`, `addresses[type eq "work"]`, `members[value eq "1"].displayName`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`,
	} {
		f.Add(path)
	}
	for _, path := range requests.Read(f, "../../..").Paths {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := ParsePath(text, Limits{})
		if err != nil {
			checkError(t, text, err)
			return
		}
		pathRoundTrip(t, path)
	})
}

// failer has the methods of *testing.T and *rapid.T that roundTrip needs.
type failer interface{ Fatalf(string, ...any) }

// printed is the limit for a printed text, which may be longer than its source
// by the spaces that the source left out.
var printed = Limits{Length: 1 << 20}

func roundTrip(t failer, e Expr) {
	text := e.String()
	got, err := Parse(text, printed)
	if err != nil {
		t.Fatalf("printed filter %q: %v", text, err)
	}
	if got, want := withoutPositions(got), withoutPositions(e); !reflect.DeepEqual(got, want) {
		t.Fatalf("printed filter %q parses to %v", text, got)
	}
}

func pathRoundTrip(t failer, path Path) {
	text := path.String()
	got, err := ParsePath(text, printed)
	if err != nil {
		t.Fatalf("printed path %q: %v", text, err)
	}
	if got, want := pathWithoutPosition(got), pathWithoutPosition(path); !reflect.DeepEqual(got, want) {
		t.Fatalf("printed path %q parses to %v", text, got)
	}
}

func checkError(t *testing.T, text string, err error) {
	var e *Error
	require.ErrorAsf(t, err, &e, "error of type %T", err)
	require.Truef(t, e.Pos >= 0 && e.Pos <= len(text) && e.Problem != "", "%q: error at %d: %s", text, e.Pos, e.Problem)
}

// withoutPositions copies a filter with every Pos zero, to compare what was
// parsed with what was meant.
func withoutPositions(e Expr) Expr {
	switch e := e.(type) {
	case *And:
		return &And{withoutPositions(e.Left), withoutPositions(e.Right)}
	case *Or:
		return &Or{withoutPositions(e.Left), withoutPositions(e.Right)}
	case *Not:
		return &Not{withoutPositions(e.Expr)}
	case *Compare:
		return &Compare{pathWithoutPosition(e.Path), e.Op, e.Value}
	case *Present:
		return &Present{pathWithoutPosition(e.Path)}
	case *ValuePath:
		return &ValuePath{pathWithoutPosition(e.Path), withoutPositions(e.Filter)}
	}
	return e
}

func pathWithoutPosition(p Path) Path {
	p.Pos = 0
	p.Filter = withoutPositions(p.Filter)
	return p
}

var (
	names  = rapid.OneOf(rapid.SampledFrom([]string{"$ref", "not", "and", "or", "pr", "eq", "true"}), rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,8}`))
	urns   = rapid.SampledFrom([]string{"", "", "urn:ietf:params:scim:schemas:core:2.0:User", "urn:x:1.0", "a"})
	paths  = rapid.Custom(path)
	ops    = rapid.SampledFrom([]Op{Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le})
	values = rapid.OneOf(
		rapid.SampledFrom([]Value{{}, {Kind: Bool}, {Kind: Bool, Bool: true}}),
		rapid.Map(rapid.StringMatching(`-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?`), func(s string) Value {
			return Value{Kind: Number, Text: s}
		}),
		rapid.Map(rapid.String(), text),
	)
)

func path(t *rapid.T) Path {
	p := Path{URN: urns.Draw(t, "urn"), Attribute: names.Draw(t, "attribute")}
	if rapid.Bool().Draw(t, "dotted") {
		p.Sub = names.Draw(t, "sub")
	}
	return p
}

// expressions draws filters of some depth, with value paths unless they are for
// the inside of brackets.
func expressions(depth int, outside bool) *rapid.Generator[Expr] {
	return rapid.Custom(func(t *rapid.T) Expr {
		most := 5
		if depth == 0 {
			most = 1
		} else if !outside {
			most = 4
		}
		under := func() Expr { return expressions(depth-1, outside).Draw(t, "operand") }
		switch rapid.IntRange(0, most).Draw(t, "kind") {
		case 0:
			return &Present{paths.Draw(t, "path")}
		case 1:
			return &Compare{paths.Draw(t, "path"), ops.Draw(t, "op"), values.Draw(t, "value")}
		case 2:
			return &And{under(), under()}
		case 3:
			return &Or{under(), under()}
		case 4:
			return &Not{under()}
		}
		p := paths.Draw(t, "path")
		inner := expressions(depth-1, false).Draw(t, "filter")
		if p.Sub == "" {
			return &ValuePath{p, inner}
		}
		p.Filter = inner
		return &Compare{p, ops.Draw(t, "op"), values.Draw(t, "value")}
	})
}

func benchmark(b *testing.B, text string) {
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, err := Parse(text, Limits{})
		require.NoError(b, err)
	}
}

func BenchmarkParse_Eq(b *testing.B) { benchmark(b, `userName eq "bjensen@example.com"`) }

func BenchmarkParse_Escapes(b *testing.B) { benchmark(b, `userName eq "O\u0027Brien \"Bob\""`) }

func BenchmarkParse_EntraEmail(b *testing.B) {
	benchmark(b, `emails[type eq "work"].value eq "bjensen@example.com"`)
}

func BenchmarkParse_Nested(b *testing.B) {
	benchmark(b, `userType eq "Employee" and (emails co "example.com" or not (emails[type eq "work" and value sw "a"]))`)
}

func BenchmarkParse_MostTerms(b *testing.B) {
	benchmark(b, strings.Repeat(`userName eq "a" or `, 199)+`userName eq "a"`)
}

func BenchmarkParsePath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, err := ParsePath(`emails[type eq "work"].value`, Limits{})
		require.NoError(b, err)
	}
}
