package scim

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every kind of notice has its own error for a tenant that accepts no dialect.
func TestNotice_EveryKindHasItsRefusal(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "notice.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Notice") {
			kind, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, kind)
		}
		return true
	})
	slices.Sort(kinds)
	if got := NoticeKinds(); !slices.Equal(got, kinds) {
		t.Errorf("refusals of %q, and notices are %q", got, kinds)
	}
	seen := map[string]string{}
	for _, kind := range kinds {
		e := Notice{Kind: kind, Attribute: "nickName"}.Refusal()
		if e.Type == "" || !strings.HasPrefix(e.Detail, "nickName ") || !strings.Contains(e.Detail, "This tenant accepts only") {
			t.Errorf("%s: %v", kind, e)
		}
		if other := seen[e.Detail]; other != "" {
			t.Errorf("%s and %s say the same: %s", kind, other, e.Detail)
		}
		seen[e.Detail] = kind
	}
}

func TestFilter_Notices(t *testing.T) {
	rt := UserType("")
	for text, want := range map[string][]string{
		`userName eq "a" and (active eq true or not (title pr))`: nil,
		`emails[type eq "work" and value co "@x"]`:               nil,
		`emails.value eq "a"`:                                    nil,
		`emails[type eq "work"].value eq "a"`:                    {"filter_form emails"},
		`emails[type eq "work"].value pr`:                        {"filter_form emails"},
		`name[givenName eq "a"]`:                                 {"filter_form name"},
		EnterpriseURN + ` pr`:                                    {"filter_form " + EnterpriseURN},
		EnterpriseURN + `:department pr`:                         nil,
		`userName eq"a"`:                                         {"filter_spaces filter"},
		`userName eq "a"and active eq true`:                      {"filter_spaces filter"},
		`(userName eq "a")or(active eq true)`:                    {"filter_spaces filter"},
		`(userName eq "a") or (active eq true)`:                  nil,
		`( userName eq "a" )`:                                    nil,
		`not(title pr)`:                                          nil,
		`emails[type eq "work"and primary eq true].value eq"a"`:  {"filter_spaces filter", "filter_form emails"},
	} {
		f, err := CompileFilter(rt, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, n := range f.Notices() {
			got = append(got, n.Kind+" "+n.Attribute)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: notices %q, want %q", text, got, want)
		}
	}
}
