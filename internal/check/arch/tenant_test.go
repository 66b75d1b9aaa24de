package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// tenantSource is a function that turns a text into a tenant, or into what has one.
type tenantSource struct {
	folder, name string
	// from are the functions that may use it, as folder and function, a method with its
	// receiver's type, each with where the text comes from. No function among them has seen
	// the body of a request.
	from map[string]string
}

// tenantSources are all ways to a tenant's id. A handler that could make one from what a
// client sends would let the client choose whose data it sees.
var tenantSources = []tenantSource{
	{"internal/tenant", "ParseID", map[string]string{
		"internal/access parse":                  "the text of a token or of a client secret, which its secret proves",
		"internal/access parseAccess":            "the text of an access token, which its authentication code proves",
		"internal/access ParseClientID":          "the id of a client, which its secret or its assertion proves",
		"internal/adminapi parseTenant":          "the path of a signed request",
		"internal/adminapi Service.parseTenants": "the tenants of a webhook, in a signed request; the caller may act for every tenant",
		"internal/e2e/sim customer.id":           "the simulation's own name for a tenant",
		"internal/store sweep.finish":            "the name of a stored task",
		"internal/store Store.expiring":          "the name of a stored credential that ends",
		"internal/store Store.addExpiring":       "the stored list of all tenants",
		"internal/store SourceOf":                "the key of a stored entry or signal",
		"internal/store FactOf":                  "the key of a stored entry or ledger",
		"internal/store Store.Tenants":           "the stored list of all tenants",
		"internal/store Store.tenantAfter":       "the stored list of all tenants",
		"internal/store storedTenant":            "a stored event that waits for a webhook, or its delivery",
		"internal/store decodeEndpoint":          "the stored registration of a webhook",
		"cmd/rollcall localOptions.run":          "an operator's command line",
		"cmd/rollcall verifyOptions.check":       "an operator's command line",
		"cmd/rollcall tenantLine.check":          "the stored list of all tenants",
		"cmd/samlocal session.addTenant":         "a developer's command line",
		"internal/dev/fixture filler.begin":      "the data of the events",
		"internal/e2e/stage ID":                  "a test",
		"internal/check/cost newBench":           "a measurement",
		"internal/e2e/contention newWorld":       "an experiment",
	}},
	{"internal/access", "Parse", map[string]string{
		"internal/access parseCredential": "the header Authorization; Authenticate compares the secret",
		"internal/e2e/provoke set":        "a test",
	}},
	{"internal/access", "parseCredential", map[string]string{
		"internal/access parseHeader": "the header Authorization; Authenticate compares the secret or the code",
		"internal/access isToken":     "whether a header is a token without a scheme; the token is dropped",
	}},
	{"internal/access", "ParseClientID", map[string]string{
		"internal/access Issuer.Find": "the client that a request names; its secret or its assertion proves it before it gets a token",
	}},
	{"internal/adminapi", "parseTenant", map[string]string{
		"internal/adminapi Service.answer":         "the path of a signed request, before its body is read",
		"internal/adminapi request.deliverySearch": "whether the tenant that a list is limited to is one; the list is of a webhook",
	}},
	// What carries a tenant is made where the secret was compared, and given to requests
	// where it was authenticated.
	{"internal/access", "Grant", map[string]string{
		"internal/access Authenticator.Authenticate": "as claimed, with an error",
		"internal/access grantOf":                    "after the secret or the code was compared",
	}},
	// A field of any type, because a file alone does not have the types of its values: the
	// functions are listed with the value that they change.
	{"internal/access", "Grant.Tenant", map[string]string{
		"internal/adminapi Service.ServeHTTP q.event.Tenant":   "a field of the log line",
		"internal/oauth event.found e.Tenant":                  "a field of the log line",
		"internal/httpapi Service.authenticate q.event.Tenant": "a field of the log line",
		"internal/httpapi bulkRun.begin q.event.Tenant":        "a field of the log line",
		"internal/event Of drafts[i].Tenant":                   "the tenant of a stored source",
		"internal/console site.render f.Tenant":                "a text of the page",
		"internal/console Portal.enterSession q.event.Tenant":  "a field of the log line",
		"internal/console Portal.showLink q.event.Tenant":      "a field of the log line",
		"internal/console Portal.beginSession q.event.Tenant":  "a field of the log line",
	}},
}

// TestTenant_IsNeverTakenFromABody holds the list of functions that make a tenant of a
// text.
func TestTenant_IsNeverTakenFromABody(t *testing.T) {
	used := map[string]bool{}
	for _, folder := range []string{"cmd", "functions", "internal"} {
		err := filepath.WalkDir(filepath.Join(root(t), folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			name, err := filepath.Rel(root(t), path)
			require.NoError(t, err)
			name = filepath.ToSlash(name)
			uses, err := tenantUses(name, file(t, name))
			require.NoError(t, err)
			for _, use := range uses {
				used[use.String()] = true
				if fault := use.fault(); fault != "" {
					t.Error(fault)
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	for _, source := range tenantSources {
		for from := range source.from {
			if use := from + " uses " + source.folder + " " + source.name; !used[use] {
				t.Errorf("%s: not so; remove it from the list", use)
			}
		}
	}
}

// The rule finds a use in a function and outside of one, as a call and as a value, and
// under another name of the package.
func TestTenant_IsNeverTakenFromABody_CanFail(t *testing.T) {
	for name, code := range map[string]string{
		"a call":           `import "MODULE/internal/tenant"; func (s *Service) createUser() { t, _ := tenant.ParseID(sent["tenant"]) }`,
		"a value":          `import "MODULE/internal/tenant"; func x() { parse(tenant.ParseID) }`,
		"a variable":       `import "MODULE/internal/tenant"; var parse = tenant.ParseID`,
		"another name":     `import other "MODULE/internal/tenant"; func x() { other.ParseID(body) }`,
		"a dot":            `import . "MODULE/internal/tenant"; func x() { ParseID(body) }`,
		"a token":          `import "MODULE/internal/access"; func x() { t, _ := access.Parse(body); return t.Tenant }`,
		"a grant":          `import "MODULE/internal/access"; func x() { q.grant = access.Grant{Tenant: t} }`,
		"grants":           `import "MODULE/internal/access"; func x() { q.grants = []access.Grant{{Tenant: t}} }`,
		"a type of it":     `import "MODULE/internal/access"; type grant access.Grant`,
		"another type":     `import "MODULE/internal/access"; type grant = access.Grant`,
		"a grant's tenant": `import "MODULE/internal/access"; func x(q *request) { q.grant.Tenant = other }`,
		"an argument's":    `import "MODULE/internal/access"; func f(g *access.Grant) { g.Tenant = t }`,
		"without import":   `func f(q *request) { g := &q.grant; g.Tenant = t }`,
		"one of several":   `func f(q *request) { err, (q.g).Tenant = nil, t }`,
		"in a loop":        `func f(q *request) { for _, q.g.Tenant = range all {} }`,
		"by its address":   `func f(q *request) { p := &q.g.Tenant; *p = t }`,
	} {
		uses, err := tenantUses("internal/httpapi/users.go", "package httpapi; "+strings.ReplaceAll(code, "MODULE", module))
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(uses, func(u tenantUse) bool { return u.fault() != "" }), "%s is allowed", name)
	}
	uses, err := tenantUses("internal/adminapi/tenants.go", `package adminapi; func (s *Service) create() { t, err := parseTenant(body.ID) }`)
	require.NoError(t, err)
	require.Len(t, uses, 1)
	require.NotEmpty(t, uses[0].fault())

	// A function that may change the tenant of its log line may not change another one.
	uses, err = tenantUses("internal/httpapi/service.go", `package httpapi; func (s *Service) authenticate() { q.event.Tenant, q.grant.Tenant = t, t }`)
	require.NoError(t, err)
	require.Len(t, uses, 2)
	require.Empty(t, uses[0].fault())
	require.NotEmpty(t, uses[1].fault())

	// A function of an allowed name, or a method of it of another type, is not allowed.
	for code, allowed := range map[string]bool{
		`func (a *Authenticator) Authenticate() { g := Grant{Tenant: t} }`: true,
		`func Authenticate() { g := Grant{Tenant: t} }`:                    false,
		`func (o other[T]) Authenticate() { g := Grant{Tenant: t} }`:       false,
	} {
		uses, err := tenantUses("internal/access/authenticate.go", "package access; "+code)
		require.NoError(t, err)
		require.Len(t, uses, 1)
		require.Equal(t, allowed, uses[0].fault() == "", code)
	}
}

// A tenant's id, and what carries one, has no method by which a decoder of JSON or text
// could make one, and package tenant has one function that does.
func TestTenant_HasNoDecoder(t *testing.T) {
	for _, carrier := range []reflect.Type{reflect.TypeFor[*tenant.ID](), reflect.TypeFor[*access.Token](), reflect.TypeFor[*access.Grant]()} {
		for i := range carrier.NumMethod() {
			name := carrier.Method(i).Name
			require.False(t, strings.HasPrefix(name, "Unmarshal") || name == "Scan" || name == "Set", "%s has the method %s", carrier, name)
		}
	}
	for i := range reflect.TypeFor[tenant.ID]().NumField() {
		require.False(t, reflect.TypeFor[tenant.ID]().Field(i).IsExported(), "a decoder can set a field of tenant.ID")
	}
	made := regexpFind(t, `(?m)^func (?:\([^)]*\) )?(\w+)\([^)]*\) \(?(?:\w+ )?\*?ID\b`, "internal/tenant/*.go")
	require.Equal(t, []string{"ParseID"}, made, "functions that return an ID")
}

// regexpFind returns the first group of all matches in files that are not tests.
func regexpFind(t *testing.T, pattern, files string) (found []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root(t), files))
	require.NoError(t, err)
	for _, path := range names {
		name, err := filepath.Rel(root(t), path)
		require.NoError(t, err)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(file(t, name), -1) {
			found = append(found, m[1])
		}
	}
	return found
}

// tenantUse is the use of a source in a function.
type tenantUse struct {
	folder, function string
	of               tenantSource
	line             int
}

func (u tenantUse) String() string {
	return u.folder + " " + u.function + " uses " + u.of.folder + " " + u.of.name
}

func (u tenantUse) fault() string {
	if _, ok := u.of.from[u.folder+" "+u.function]; ok {
		return ""
	}
	return fmt.Sprintf("%s, at line %d of its file: a tenant comes from a proved token or from the operator, never from a request. "+
		"If the text can be no client's, add the function to tenantSources with the reason.", u, u.line)
}

// tenantUses returns the uses of the sources in a file.
func tenantUses(name, code string) (uses []tenantUse, err error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, code, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	folder := filepath.ToSlash(filepath.Dir(name))
	imported := map[string]string{} // folder by the name in this file
	for _, spec := range parsed.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if of, ok := strings.CutPrefix(path, module+"/"); ok {
			as := filepath.Base(of)
			if spec.Name != nil {
				as = spec.Name.Name
			}
			imported[as] = of
		}
	}
	for _, decl := range parsed.Decls {
		function := ""
		if f, ok := decl.(*ast.FuncDecl); ok {
			function = functionName(f)
		}
		declared := declaredNames(decl)
		ast.Inspect(decl, func(n ast.Node) bool {
			for _, source := range tenantSources {
				line := 0
				if n != nil {
					line = files.Position(n.Pos()).Line
				}
				if source.name == "Grant.Tenant" {
					for _, field := range changedTenants(n) {
						uses = append(uses, tenantUse{folder, function + " " + types.ExprString(field), source, line})
					}
				} else if source.usedBy(n, folder, imported, declared) {
					uses = append(uses, tenantUse{folder, function, source, line})
				}
			}
			return true
		})
	}
	return uses, nil
}

// declaredNames returns the identifiers in declarations, which do not count as
// uses.
func declaredNames(decl ast.Decl) map[*ast.Ident]bool {
	declared := map[*ast.Ident]bool{}
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			declared[n.Name] = true
		case *ast.TypeSpec:
			declared[n.Name] = true
		case *ast.SelectorExpr:
			declared[n.Sel] = true // of a package or a value: matched with it
		}
		return true
	})
	return declared
}

// functionName returns the name of a function; a method's begins with the type of its
// receiver.
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	for {
		switch e := of.(type) {
		case *ast.StarExpr:
			of = e.X
		case *ast.IndexExpr:
			of = e.X
		case *ast.IndexListExpr:
			of = e.X
		case *ast.Ident:
			return e.Name + "." + f.Name.Name
		default:
			return "?." + f.Name.Name
		}
	}
}

// usedBy reports whether a node uses the source, a function or a type. A type is used by
// composite literals of it, of lists and maps of it, and by types that are made of it.
func (s tenantSource) usedBy(n ast.Node, folder string, imported map[string]string, declared map[*ast.Ident]bool) bool {
	isType := s.name == "Grant"
	switch n := n.(type) {
	case *ast.CompositeLit:
		return isType && n.Elts != nil && s.named(elementType(n.Type), folder, imported)
	case *ast.TypeSpec:
		return isType && s.named(n.Type, folder, imported)
	case *ast.SelectorExpr:
		return !isType && s.named(n, folder, imported)
	case *ast.Ident:
		return !isType && !declared[n] && s.named(n, folder, imported)
	}
	return false
}

// elementType returns the type of the values in a list or map, and any other type itself.
func elementType(e ast.Expr) ast.Expr {
	for {
		switch of := e.(type) {
		case *ast.ArrayType:
			e = of.Elt
		case *ast.MapType:
			e = of.Value
		case *ast.StarExpr:
			e = of.X
		default:
			return e
		}
	}
}

// named reports whether an expression is the source's name in this file.
func (s tenantSource) named(e ast.Expr, folder string, imported map[string]string) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		x, ok := e.X.(*ast.Ident)
		return ok && e.Sel.Name == s.name && imported[x.Name] == s.folder
	case *ast.Ident:
		return e.Name == s.name && (folder == s.folder || imported["."] == s.folder)
	}
	return false
}

// changedTenants returns the fields named Tenant that a node changes, or could change by their
// address.
func changedTenants(n ast.Node) (fields []ast.Expr) {
	var changed []ast.Expr
	switch n := n.(type) {
	case *ast.AssignStmt:
		changed = n.Lhs
	case *ast.RangeStmt:
		changed = []ast.Expr{n.Key, n.Value}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			changed = []ast.Expr{n.X}
		}
	}
	for _, e := range changed {
		if field, ok := ast.Unparen(e).(*ast.SelectorExpr); ok && field.Sel.Name == "Tenant" {
			fields = append(fields, field)
		}
	}
	return fields
}
