package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rollcall-scim/rollcall"

// elsewhere is the pattern for packages of other modules.
const elsewhere = "MODULE/..."

// A rule forbids packages to depend on others. Packages of this module are
// named by their folder (./internal/scim), others by their import path; a
// pattern that ends in /... includes the folder and everything below it.
type rule struct {
	packages  []string
	except    []string
	forbidden []string
	allowed   []string // exceptions to forbidden
	// directly means that only import declarations count; otherwise all
	// dependencies do, however indirect.
	directly bool
	reason   string
}

var rules = []rule{
	{
		packages:  []string{"./internal/scim/filter"},
		forbidden: []string{"./internal/...", elsewhere},
		reason:    "the grammar of filters and paths depends on the standard library only, so that it can be read, fuzzed and reused by itself",
	},
	{
		packages: []string{"./internal/scim/..."},
		forbidden: []string{
			"./internal/tenant", "./internal/access", "./internal/cause", "./internal/journal", "./internal/provlog", "./internal/directory", "./internal/store", "./internal/table/...", "net/http",
		},
		reason: "the standard is values and pure functions; it knows neither this product nor HTTP nor storage",
	},
	{
		packages:  []string{"./internal/scim"},
		forbidden: []string{"./internal/scim/..."},
		allowed:   []string{"./internal/scim"},
		reason:    "what the packages of the standard share depends on none of them",
	},
	{
		packages:  []string{"./internal/scim/schema"},
		forbidden: []string{"./internal/scim/..."},
		allowed:   []string{"./internal/scim", "./internal/scim/filter", "./internal/scim/schema"},
		reason:    "schemas say what names and types mean, before anything is decoded or compared",
	},
	{
		packages:  []string{"./internal/scim/match", "./internal/scim/bulk"},
		forbidden: []string{"./internal/scim/resource"},
		reason:    "paths of a PATCH have filters in them, so match is below resource; bulk puts ids into requests, whose operations are decoded afterwards",
	},
	{
		packages:  []string{"./internal/directory/...", "./internal/representation", "./internal/tenant"},
		forbidden: []string{"net/http", "./internal/httpapi", "./internal/adminapi", "./internal/store", "./internal/table/...", "./internal/app"},
		reason:    "the product's rules do not depend on the protocol or the storage; directory declares the interface of its storage",
	},
	{
		packages:  []string{"./internal/table"},
		forbidden: []string{"./internal/...", "net/http", elsewhere},
		allowed:   []string{"./internal/table"},
		reason:    "the contract of a table depends neither on an engine nor on SCIM",
	},
	{
		packages: []string{"./internal/table/..."},
		forbidden: []string{
			"./internal/scim/...", "./internal/tenant", "./internal/access", "./internal/cause", "./internal/journal", "./internal/provlog", "./internal/directory", "./internal/store", "./internal/httpapi", "./internal/app",
		},
		reason: "an engine stores items and knows nothing of users",
	},
	{
		packages:  []string{"./internal/store/..."},
		forbidden: []string{"net/http", "./internal/httpapi", "./internal/adminapi", "./internal/app", "./internal/table/dynamo", "./internal/table/embedded"},
		reason:    "keys and transactions are written once, for every engine",
	},
	{
		packages:  []string{"./internal/httpapi/...", "./internal/adminapi/..."},
		forbidden: []string{"./internal/store", "./internal/table/...", "./internal/app"},
		allowed:   []string{"./internal/table"},
		directly:  true,
		reason:    "handlers call the directory; one that reads the table itself would have rules of its own (of table they know the usage in a request's event)",
	},
	{
		packages:  []string{"./..."},
		except:    []string{"./internal/store/...", "./internal/table/...", "./internal/app", "./internal/httpapi/...", "./internal/adminapi/...", "./internal/dev/...", "./internal/check/...", "./internal/e2e/...", "./cmd/..."},
		forbidden: []string{"./internal/table/..."},
		directly:  true,
		reason:    "store is the only package that builds a key; app and cmd choose its engine",
	},
	{
		packages:  []string{"./..."},
		except:    []string{"./internal/table/dynamo", "./internal/app", "./cmd/..."},
		forbidden: []string{"github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/..."},
		directly:  true,
		reason:    "the AWS SDK's types, errors and retries end in one package",
	},
	{
		packages: []string{"./..."},
		except:   []string{"./internal/lambdahttp", "./functions/..."},
		forbidden: []string{
			"github.com/aws/aws-lambda-go/...", "github.com/awslabs/aws-lambda-go-api-proxy/...",
		},
		directly: true,
		reason:   "handlers are net/http; only the outermost package knows that they run on Lambda",
	},
	{
		packages:  []string{"./functions/..."},
		forbidden: []string{"./internal/table/embedded", "./internal/table/tabletest", "./internal/adminclient", "./internal/console", "go.etcd.io/bbolt/...", "github.com/spf13/...", "github.com/invopop/...", "testing"},
		reason:    "code for developers' machines is not deployed: it would slow cold starts and could be misused",
	},
	{
		packages:  []string{"./functions/...", "./internal/..."},
		except:    []string{"./internal/dev/...", "./internal/check/...", "./internal/e2e/..."},
		forbidden: []string{"./internal/dev/...", "./internal/check/...", "./internal/e2e/..."},
		reason:    "the product does not depend on what develops, checks and tries it: none of it is deployed",
	},
	{
		packages:  []string{"./functions/..."},
		forbidden: []string{"github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/service/sts/...", "github.com/aws/aws-sdk-go-v2/service/cloudformation/..."},
		reason:    "Lambda sets region and credentials as variables; code that looks for them elsewhere makes a binary a sixth larger and slower to start",
	},
	{
		packages:  []string{"./functions/..."},
		forbidden: []string{"./internal/..."},
		allowed:   []string{"./internal/app", "./internal/lambdahttp"},
		directly:  true,
		reason:    "a function's main is configuration, wiring and Start; everything else is tested without it",
	},
	{
		packages:  []string{"./internal/adminclient"},
		forbidden: []string{"./internal/...", "github.com/aws/..."},
		allowed:   []string{"./internal/adminclient", "./internal/adminwire", "./internal/errortext", "./internal/credential"},
		reason:    "a client of the admin API knows its documents, and nothing of its implementation",
	},
	{
		packages:  []string{"./internal/adminwire"},
		forbidden: []string{"./internal/...", elsewhere},
		allowed:   []string{"./internal/adminwire", "github.com/go-json-experiment/json/..."},
		reason:    "the documents of the admin API are the same for the service and its clients, and depend on neither",
	},
	{
		packages:  []string{"./internal/console"},
		forbidden: []string{"./internal/...", elsewhere},
		allowed:   []string{"./internal/console", "./internal/adminclient", "./internal/adminwire", "./internal/errortext", "./internal/credential", "./internal/idp", "./internal/amount", "./internal/web", "./internal/logline", "github.com/go-json-experiment/json/..."},
		reason:    "the console shows what the admin API answers, of any deployment: it has no other access to the data, and its pages load nothing from other sites",
	},
	{
		packages:  []string{"./..."},
		forbidden: []string{"github.com/chromedp/..."},
		reason:    "only tests drive a browser: neither a function nor the command links the code for it",
	},
	{
		packages:  []string{"./internal/lambdahttp"},
		forbidden: []string{"./internal/..."},
		allowed:   []string{"./internal/lambdahttp", "./internal/web", "./internal/logline", "./internal/credential"},
		reason:    "the code between events and net/http does not know what is served",
	},
	{
		packages:  []string{"./internal/logline"},
		forbidden: []string{"./internal/...", elsewhere},
		allowed:   []string{"./internal/logline", "./internal/credential"},
		reason:    "the format of a line does not depend on its content",
	},
	{
		packages:  []string{"./internal/credential"},
		forbidden: []string{"./internal/...", elsewhere},
		allowed:   []string{"./internal/credential"},
		reason:    "every package that writes texts knows what no text may show; that package knows none of them",
	},
	{
		packages:  []string{"./internal/cause"},
		forbidden: []string{"./internal/...", "net/http"},
		allowed:   []string{"./internal/cause", "./internal/scim/...", "./internal/idp"},
		reason:    "every package that names a cause takes it from the one table, which knows neither requests nor the log",
	},
	{
		packages:  []string{"./internal/journal"},
		forbidden: []string{"./internal/...", "net/http"},
		allowed:   []string{"./internal/journal", "./internal/cause", "./internal/tenant", "./internal/scim/...", "./internal/idp"},
		reason:    "every package that causes, stores, reads or shows an entry uses the same types: they know none of those packages",
	},
	{
		packages:  []string{"./internal/idp"},
		forbidden: []string{"./internal/...", "net/http", elsewhere},
		allowed:   []string{"./internal/idp"},
		reason:    "packages that show or log identity providers know their names, which decide nothing",
	},
	{
		packages:  []string{"./internal/amount"},
		forbidden: []string{"./internal/...", "net/http", elsewhere},
		allowed:   []string{"./internal/amount"},
		reason:    "what writes numbers for people knows nothing of what they count",
	},
	{
		packages:  []string{"./internal/web"},
		forbidden: []string{"./internal/...", elsewhere},
		allowed:   []string{"./internal/web", "./internal/logline", "./internal/credential"},
		reason:    "what the HTTP APIs have in common knows nothing of what they serve, so that all of them can have it, deployed or not",
	},
	{
		packages:  []string{"./internal/dev/lambdaruntime/..."},
		forbidden: []string{"./internal/...", elsewhere},
		allowed:   []string{"./internal/dev/lambdaruntime/..."},
		reason:    "the code that runs a function's binary takes Lambda's place: it knows processes and bytes, not the service",
	},
	{
		packages:  []string{"./internal/dev/eventfile"},
		forbidden: []string{"./internal/...", elsewhere},
		allowed:   []string{"./internal/dev/eventfile"},
		reason:    "expected answers are compared from outside, without the code that produced them",
	},
	{
		packages:  []string{"./internal/dev/demo"},
		forbidden: []string{"./internal/...", elsewhere},
		allowed:   []string{"./internal/dev/demo"},
		reason:    "the demo sends requests as identity providers and the application do: it shows nothing that they could not cause",
	},
	{
		packages:  []string{"./internal/dev/local"},
		forbidden: []string{"./internal/..."},
		allowed:   []string{"./internal/dev/local", "./internal/lambdahttp", "./internal/web", "./internal/logline", "./internal/credential"},
		reason:    "the local gateway takes API Gateway's place: it knows events and routes, not the service",
	},
	{
		packages:  []string{"./internal/..."},
		except:    []string{"./internal/app", "./internal/e2e/provoke"},
		forbidden: []string{"./internal/app"},
		directly:  true,
		reason:    "app assembles the parts, so no part may know it (provoke is for tests)",
	},
}

func TestImports_FollowTheRules(t *testing.T) {
	packages := listPackages(t)
	for _, r := range rules {
		var found bool
		for _, from := range packages.own {
			if !matchesAny(r.packages, from) || matchesAny(r.except, from) {
				continue
			}
			found = true
			for _, to := range packages.seenBy(from, r.directly) {
				if matchesAny(r.forbidden, to) && !matchesAny(r.allowed, to) {
					t.Errorf("%s depends on %s\n\tby %s\n\tbut %s", from, to, strings.Join(packages.chain(from, to), " → "), r.reason)
				}
			}
		}
		if !found && !strings.HasSuffix(r.packages[0], "...") {
			t.Errorf("a rule names the unknown packages %v", r.packages)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"./...", ".", true},
		{"./...", "./internal/scim", true},
		{"./...", "net/http", false},
		{"./internal/scim", "./internal/scim", true},
		{"./internal/scim", "./internal/scim/filter", false},
		{"./internal/scim/...", "./internal/scim", true},
		{"./internal/scim/...", "./internal/scim/filter", true},
		{"./internal/scim/...", "./internal/scimmer", false},
		{elsewhere, "golang.org/x/text/cases", true},
		{elsewhere, "net/http", false},
		{elsewhere, "./internal/scim", false},
		{"net/http", "net/http", true},
	} {
		if got := matches(tt.pattern, tt.name); got != tt.want {
			t.Errorf("matches(%q, %q) = %t", tt.pattern, tt.name, got)
		}
	}
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func matches(pattern, name string) bool {
	if pattern == elsewhere {
		host, _, _ := strings.Cut(name, "/")
		return host != "." && strings.Contains(host, ".")
	}
	if folder, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == folder || strings.HasPrefix(name, folder+"/")
	}
	return name == pattern
}

// A graph has the imports of packages, without their tests.
type graph struct {
	own     []string
	imports map[string][]string
}

func listPackages(t *testing.T) *graph {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,ImportMap,Standard", "./...")
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	g := &graph{imports: make(map[string][]string)}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
			ImportMap  map[string]string
			Standard   bool
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return g
		} else if err != nil {
			t.Fatal(err)
		}
		name := short(p.ImportPath)
		if name != p.ImportPath {
			g.own = append(g.own, name)
		}
		for _, i := range p.Imports {
			if mapped, ok := p.ImportMap[i]; ok {
				i = mapped
			}
			g.imports[name] = append(g.imports[name], short(i))
		}
	}
}

// short returns a package's folder in this module, or its import path.
func short(importPath string) string {
	if importPath == module {
		return "."
	}
	if folder, ok := strings.CutPrefix(importPath, module+"/"); ok {
		return "./" + folder
	}
	return importPath
}

func (g *graph) seenBy(from string, directly bool) []string {
	if directly {
		return g.imports[from]
	}
	seen := map[string]bool{from: true}
	var all []string
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, to := range g.imports[queue[0]] {
			if !seen[to] {
				seen[to] = true
				all, queue = append(all, to), append(queue, to)
			}
		}
	}
	return all
}

// chain returns the shortest path from one package to another.
func (g *graph) chain(from, to string) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g.imports[queue[0]] {
			if _, ok := before[next]; ok {
				continue
			}
			before[next] = queue[0]
			queue = append(queue, next)
		}
	}
	var names []string
	for at := to; at != ""; at = before[at] {
		names = append(names, at)
	}
	slices.Reverse(names)
	return names
}
