package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const module = "github.com/rollcall-scim/rollcall"

// elsewhere is the pattern for packages of other modules.
const elsewhere = "MODULE/..."

// A room is a part of the tree. Its packages import one another, packages of the
// rooms that it names, and modules that it names; the standard library except net/http
// is free. A package belongs to the first room with a pattern for it, so a new package
// outside of all others is a leaf.
type room struct {
	name     string
	packages []string
	imports  []string // names of rooms; "*" means all
	modules  []string // patterns of import paths, also for net/http; elsewhere means all
	reason   string
}

// rooms are all rooms, from the bottom of the house to its top.
var rooms = []room{
	{
		name: "grammar", packages: []string{"./internal/scim/filter"},
		reason: "the grammar of filters and paths depends on the standard library only, so that it can be read, fuzzed and reused by itself",
	},
	{
		name: "tests", packages: []string{"./internal/check/...", "./internal/e2e/...", "./internal/dev/fixture", "./internal/...test"},
		imports: []string{"*"}, modules: []string{"net/http", elsewhere},
		reason: "what tries the product may use all of it",
	},
	{
		name: "standard", packages: []string{"./internal/scim/..."},
		imports: []string{"grammar", "leaves"}, modules: []string{"golang.org/x/text/...", "golang.org/x/net/idna", jsonLibrary},
		reason: "the standard is values and pure functions; it knows neither this product nor HTTP nor storage",
	},
	{
		name: "rules", packages: []string{"./internal/tenant", "./internal/access", "./internal/throttle", "./internal/cause", "./internal/journal", "./internal/event", "./internal/watch", "./internal/subscription", "./internal/setting", "./internal/directory/...", "./internal/representation", "./internal/provlog", "./internal/effect"},
		imports: []string{"standard", "leaves"}, modules: []string{"github.com/google/uuid", "golang.org/x/time/rate"},
		reason: "the product's rules do not depend on the protocol or the storage; directory declares the interface of its storage",
	},
	{
		name: "table", packages: []string{"./internal/table"},
		reason: "the contract of a table depends neither on an engine nor on SCIM",
	},
	{
		name: "dynamo", packages: []string{"./internal/table/dynamo"},
		imports: []string{"table"}, modules: []string{"net/http", "github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/..."},
		reason: "the AWS SDK's types, errors and retries end in one package",
	},
	{
		name: "engines", packages: []string{"./internal/table/..."},
		imports: []string{"table"}, modules: []string{"go.etcd.io/bbolt/..."},
		reason: "an engine stores items and knows nothing of users",
	},
	{
		name: "storage", packages: []string{"./internal/store/..."},
		imports: []string{"rules", "standard", "table", "leaves"}, modules: []string{"github.com/google/uuid"},
		reason: "keys and transactions are written once, for every engine",
	},
	{
		name: "mirror", packages: []string{"./mirror"}, modules: []string{"net/http"},
		reason: "the package is for applications: it brings nothing along, and knows rollcall by its documents only",
	},
	{
		name: "web", packages: []string{"./internal/web"},
		imports: []string{"leaves"}, modules: []string{"net/http"},
		reason: "routes and answers are the same whatever is served",
	},
	{
		name: "documents", packages: []string{"./internal/adminwire", "./internal/sheet", "./internal/guide"},
		imports: []string{"leaves"}, modules: []string{jsonLibrary},
		reason: "the documents of the admin API are the same for the service and its clients, and depend on neither",
	},
	{
		name: "events", packages: []string{"./internal/admindoc", "./internal/feed", "./internal/webhook"},
		imports: []string{"documents", "rules", "standard", "table", "leaves"}, modules: []string{"net/http", "github.com/google/uuid", "github.com/standard-webhooks/standard-webhooks/libraries/go", jsonLibrary},
		reason: "what becomes of a change after its commit depends on the rules and the documents, neither on storage nor on AWS (of table it knows the records of a stream)",
	},
	{
		name: "assertions", packages: []string{"./internal/assertion"},
		imports: []string{"leaves"}, modules: []string{"net/http", "github.com/go-jose/go-jose/v4/...", jsonLibrary},
		reason: "what identity providers sign, and their keys, are read in one package, which knows neither clients nor tenants",
	},
	{
		name: "bus", packages: []string{"./internal/bus"},
		imports: []string{"events", "rules", "leaves"},
		modules: []string{"net/http", "github.com/aws/aws-sdk-go-v2/aws/...", "github.com/aws/aws-sdk-go-v2/service/eventbridge/...", "github.com/aws/aws-sdk-go-v2/service/sqs/..."},
		reason:  "the AWS SDK's clients of the bus and the queue end in one package, which knows no event's content",
	},
	{
		name: "handlers", packages: []string{"./internal/httpapi/...", "./internal/adminapi/...", "./internal/oauth"},
		imports: []string{"web", "events", "documents", "assertions", "rules", "standard", "table", "leaves"}, modules: []string{"net/http", "github.com/google/uuid", "golang.org/x/time/rate", jsonLibrary},
		reason: "handlers call the directory; one that reads the table itself would have rules of its own (of table they know the usage in a request's event)",
	},
	{
		name: "clients", packages: []string{"./internal/adminclient", "./internal/console"},
		imports: []string{"web", "documents", "leaves"}, modules: []string{"net/http", jsonLibrary},
		reason: "a client of the admin API, as the console is, knows its documents and nothing of its implementation; its pages load nothing from other sites",
	},
	{
		name: "simulator", packages: []string{"./internal/simulate"},
		imports: []string{"rules", "standard", "leaves"}, modules: []string{"net/http"},
		reason: "a simulated identity provider knows requests and the names of causes, and nothing of the service that answers: it works with any SCIM server",
	},
	{
		name: "edge", packages: []string{"./internal/lambdahttp"},
		imports: []string{"web", "leaves"},
		modules: []string{"net/http", "github.com/aws/aws-lambda-go/...", "github.com/awslabs/aws-lambda-go-api-proxy/...", "github.com/google/uuid"},
		reason:  "handlers are net/http; the code between events and net/http does not know what is served",
	},
	{
		name: "stream's edge", packages: []string{"./internal/lambdastream"},
		imports: []string{"edge", "table", "leaves"},
		modules: []string{"github.com/aws/aws-lambda-go/..."},
		reason:  "the code between the stream and its consumer does not know what the records mean",
	},
	{
		name: "queue's edge", packages: []string{"./internal/lambdaqueue"},
		imports: []string{"edge", "leaves"},
		modules: []string{"github.com/aws/aws-lambda-go/..."},
		reason:  "the code between a queue and its worker does not know what the messages mean",
	},
	{
		name: "stand-ins", packages: []string{"./internal/dev/..."},
		imports: []string{"edge", "web", "leaves"}, modules: []string{"net/http", elsewhere},
		reason: "what takes the place of API Gateway, Lambda or an identity provider knows processes, events and requests, not the service",
	},
	{
		name: "app", packages: []string{"./internal/app"},
		imports: []string{"handlers", "events", "documents", "assertions", "web", "storage", "rules", "standard", "dynamo", "engines", "table", "leaves"},
		modules: []string{"net/http", "github.com/google/uuid"},
		reason:  "app assembles the product, so no part of it may import app",
	},
	{
		name: "rights", packages: []string{"./internal/assumed"},
		imports: []string{"dynamo", "table", "rules", "leaves"}, modules: []string{"github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/service/dynamodb/...", "github.com/aws/aws-sdk-go-v2/service/sts/..."},
		reason: "rights that reach one tenant are got in one package, which only the portal links",
	},
	{
		name: "portal", packages: []string{"./internal/portal"},
		imports: []string{"app", "rights", "dynamo", "clients", "handlers", "web", "storage", "rules", "table", "leaves"},
		modules: []string{"net/http", "golang.org/x/time/rate"},
		reason:  "the pages meet the service in one package, so that neither knows the other, and no other function links the pages",
	},
	{
		name: "canary", packages: []string{"./internal/canary"},
		imports: []string{"leaves"},
		modules: []string{"github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/service/lambda/...", "github.com/aws/aws-sdk-go-v2/service/codedeploy/..."},
		reason:  "what tries a new version of a function knows events and answers, as a client does, and nothing of the service",
	},
	{
		name: "functions", packages: []string{"./functions/..."},
		imports: []string{"app", "portal", "bus", "edge", "stream's edge", "queue's edge", "canary", "leaves"},
		reason:  "a function's main is configuration, wiring and Start; everything else is tested without it",
	},
	{
		name: "leaves", packages: []string{".", "./internal/..."},
		reason: "a package without a room depends on the standard library and other leaves: it knows texts, numbers and names, not the product",
	},
	{
		name: "commands", packages: []string{"./cmd/...", "./scripts/..."},
		imports: []string{"*"}, modules: []string{"net/http", elsewhere},
		reason: "a command is for developers and operators, on their machines",
	},
}

const jsonLibrary = "github.com/go-json-experiment/json/..."

// A ban forbids packages to depend on others, however indirectly.
type ban struct {
	packages  []string
	forbidden []string
	directly  bool // only import declarations count
	reason    string
}

var bans = []ban{
	{
		packages:  []string{"./functions/..."},
		forbidden: []string{"./internal/dev/...", "./internal/check/...", "./internal/e2e/...", "./internal/...test", "./internal/table/embedded", "go.etcd.io/bbolt/...", "github.com/spf13/...", "github.com/invopop/...", "testing"},
		reason:    "code for developers' machines is not deployed: it would slow cold starts and could be misused",
	},
	{
		packages:  []string{"./internal/app", "./functions/users", "./functions/groups", "./functions/bulk", "./functions/admin", "./functions/discovery", "./functions/oauth", "./functions/sweep", "./functions/feed", "./functions/deliver", "./functions/hook"},
		forbidden: []string{"./internal/portal", "./internal/console", "./internal/adminclient"},
		reason:    "only the portal shows pages; no other function links them",
	},
	{
		packages:  []string{"./internal/app", "./functions/users", "./functions/groups", "./functions/bulk", "./functions/admin", "./functions/discovery", "./functions/oauth", "./functions/sweep", "./functions/feed", "./functions/deliver", "./functions/hook"},
		forbidden: []string{"github.com/aws/aws-sdk-go-v2/service/sts/..."},
		reason:    "only the portal assumes a role; the client makes a binary a tenth larger",
	},
	{
		packages:  []string{"./functions/..."},
		forbidden: []string{"github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/service/cloudformation/..."},
		reason:    "Lambda sets region and credentials as variables; code that looks for them elsewhere makes a binary a sixth larger and slower to start",
	},
	{
		packages:  []string{"./internal/app", "./functions/users", "./functions/groups", "./functions/bulk", "./functions/admin", "./functions/discovery", "./functions/oauth", "./functions/sweep"},
		forbidden: []string{"./internal/canary", "github.com/aws/aws-sdk-go-v2/service/lambda/...", "github.com/aws/aws-sdk-go-v2/service/codedeploy/..."},
		reason:    "only the hook of a deployment invokes functions; its clients would double the other binaries",
	},
	{
		packages:  []string{"./internal/app", "./functions/users", "./functions/groups", "./functions/bulk", "./functions/discovery", "./functions/oauth", "./functions/sweep", "./functions/hook"},
		forbidden: []string{"./internal/bus", "github.com/aws/aws-sdk-go-v2/service/eventbridge/...", "github.com/aws/aws-sdk-go-v2/service/sqs/..."},
		reason:    "only the functions that hand events on, and the admin API, which asks for redeliveries, talk to the bus and the queue; the clients make a binary a tenth larger",
	},
	{
		packages:  []string{"./internal/scim/...", "./internal/directory/...", "./internal/tenant", "./internal/store/...", "./internal/table"},
		forbidden: []string{"net/http"},
		reason:    "neither the standard nor the product's rules nor the storage depend on the protocol, not even by a module",
	},
	{
		packages:  []string{"./internal/scim/bulk"},
		forbidden: []string{"./internal/scim/resource"},
		reason:    "bulk puts ids into requests, whose operations are decoded afterwards",
	},
	{
		packages:  []string{"./..."},
		forbidden: []string{"github.com/chromedp/..."},
		reason:    "only tests drive a browser: neither a function nor the command links the code for it",
	},
	{
		packages:  []string{"./cmd/...", "./internal/check/...", "./internal/e2e/...", "./internal/dev/..."},
		forbidden: []string{"github.com/aws/aws-lambda-go/...", "github.com/awslabs/aws-lambda-go-api-proxy/..."},
		directly:  true,
		reason:    "only the outermost package of the product knows that it runs on Lambda",
	},
}

// roomOf returns the room of a package of this module.
func roomOf(name string) room {
	i := slices.IndexFunc(rooms, func(r room) bool { return matchesAny(r.packages, name) })
	if i < 0 {
		return room{name: "no room"}
	}
	return rooms[i]
}

func TestImports_FollowTheRules(t *testing.T) {
	g := listPackages(t)
	for _, fault := range g.faults() {
		t.Error(fault)
	}
	for _, r := range rooms {
		for _, p := range r.packages {
			if r.name != "rules" && !slices.ContainsFunc(g.own, func(name string) bool { return matches(p, name) }) {
				t.Errorf("the room %s has the pattern %s of no package", r.name, p)
			}
		}
	}
}

// faults returns the dependencies that no room allows, or a ban forbids.
func (g *graph) faults() []string {
	var faults []string
	for _, from := range g.own {
		r := roomOf(from)
		for _, to := range g.imports[from] {
			if !r.allows(to) {
				faults = append(faults, fmt.Sprintf("%s imports %s\n\tbut is in the room of %s: %s", from, to, r.name, r.reason))
			}
		}
		for _, b := range bans {
			if !matchesAny(b.packages, from) {
				continue
			}
			for _, to := range g.seenBy(from, b.directly) {
				if matchesAny(b.forbidden, to) {
					faults = append(faults, fmt.Sprintf("%s depends on %s\n\tby %s\n\tbut %s", from, to, strings.Join(g.chain(from, to), " → "), b.reason))
				}
			}
		}
	}
	return faults
}

// allows reports whether packages of the room may import another one.
func (r room) allows(to string) bool {
	switch {
	case to == "net/http" || matches(elsewhere, to):
		return matchesAny(r.modules, to)
	case to == "." || strings.HasPrefix(to, "./"):
		other := roomOf(to).name
		return other == r.name || slices.Contains(r.imports, other) || slices.Contains(r.imports, "*")
	}
	return true
}

// Each rule can fail: an import that it forbids is reported, with its reason.
func TestImports_EachRuleCanFail(t *testing.T) {
	one := func(from, to string) []string {
		return (&graph{own: []string{from}, imports: map[string][]string{from: {to}}}).faults()
	}
	example := func(pattern string) string {
		return strings.Replace(pattern, "...", "x", 1)
	}
	for _, r := range rooms {
		from := example(r.packages[0])
		if roomOf(from).name != r.name {
			t.Errorf("%s is in the room %s, want %s", from, roomOf(from).name, r.name)
		}
		forbidden := []string{"net/http", "example.com/x"}
		for _, other := range rooms {
			forbidden = append(forbidden, example(other.packages[0]))
		}
		for _, to := range forbidden {
			got := one(from, to)
			assert.Falsef(t, !r.allows(to) && (len(got) == 0 || !strings.Contains(got[0], r.reason)), "%s imports %s: %q", from, to, got)
		}
	}
	for _, b := range bans {
		for _, forbidden := range b.forbidden {
			from, to := example(b.packages[0]), example(forbidden)
			got := one(from, to)
			assert.Truef(t, slices.ContainsFunc(got, func(fault string) bool { return strings.Contains(fault, b.reason) }), "%s imports %s: %q", from, to, got)
		}
	}
	got := one("./internal/new", "./internal/store")
	assert.Lenf(t, got, 1, "a new package imports the storage: %q", got)
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
		{"./internal/...test", "./internal/text/texttest", true},
		{"./internal/...test", "./internal/text", false},
		{"./internal/...test", "./cmd/test", false},
	} {
		assert.Equalf(t, tt.want, matches(tt.pattern, tt.name), "matches(%q, %q)", tt.pattern, tt.name)
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
	if folder, ok := strings.CutSuffix(pattern, "...test"); ok {
		return strings.HasPrefix(name, folder) && strings.HasSuffix(name, "test")
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
