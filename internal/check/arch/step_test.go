package arch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	rollcall "github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/sabotage"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/oauth"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// API Gateway sends each request to the function whose handler serves it.
// A request of the admin API that no route names by its depth goes to its function too.
func TestRoutes_TemplateIsInStepWithTheHandlers(t *testing.T) {
	deployed, err := local.Routes(rollcall.Template)
	require.NoError(t, err)
	functions := map[string]local.LambdaHandler{}
	unused := map[string]bool{}
	for _, r := range deployed {
		functions[r.Function] = func(context.Context, lambdahttp.Event) (lambdahttp.Response, error) {
			return lambdahttp.Response{}, nil
		}
		unused[r.Key()] = true
		assert.Equalf(t, r.Function == logicalID("admin"), r.IAM, "%s leads to %s; signed: %t", r.Key(), r.Function, r.IAM)
	}
	gateway, err := local.NewGateway(deployed, functions)
	require.NoError(t, err)
	check := func(method, path, folder string) {
		t.Helper()
		got := gateway.Route(method, regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "x"))
		assert.Equalf(t, logicalID(folder), got.Function, "%s %s goes by %s", method, path, got.Key())
		assert.NotEqualf(t, local.DefaultPath, got.Key(), "%s %s has no route", method, path)
		delete(unused, got.Key())
	}
	for _, r := range httpapi.Routes() {
		check(r.Method, r.Path, r.Function)
		check(http.MethodHead, r.Path, r.Function)
	}
	for _, r := range adminapi.Routes() {
		check(r.Method, r.Path, "admin")
	}
	for _, r := range oauth.Routes() {
		check(r.Method, r.Path, "oauth")
	}
	for _, path := range []string{web.PortalPrefix, web.PortalPrefix + "/open", web.PortalPrefix + "/clients/x/secret"} {
		check("GET", path, "portal")
		check("POST", path, "portal")
	}
	deep := adminapi.Prefix + strings.Repeat("/x", 9)
	check("PUT", deep, "admin")
	assert.Equal(t, logicalID("bulk"), gateway.Route("GET", "/other").Function, "other paths")
	delete(unused, local.DefaultPath)
	assert.Empty(t, unused, "routes of template.yaml that no handler needs")
}

// An encoded slash in a value of the admin API stays in the value: a path with as many
// segments as one of the API's has a route with as many variables.
func TestRoutes_AdminHasOneForEachDepth(t *testing.T) {
	deployed, err := local.Routes(rollcall.Template)
	require.NoError(t, err)
	var got, want []string
	for _, r := range deployed {
		if r.IAM {
			got = append(got, r.Key())
		}
	}
	deepest := 0
	for _, r := range adminapi.Routes() {
		deepest = max(deepest, strings.Count(strings.TrimPrefix(r.Path, adminapi.Prefix), "/"))
	}
	key := "ANY " + adminapi.Prefix
	for i := range deepest {
		key += fmt.Sprintf("/{s%d}", i+1)
		want = append(want, key)
	}
	assert.Equal(t, append(want, "ANY "+adminapi.Prefix+"/{proxy+}"), got)
}

// Every folder under functions/ is a function of the template and has a make
// target that builds it, and vice versa.
func TestFunctions_TemplateAndMakefileAreInStepWithTheFolders(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root(t), "functions"))
	require.NoError(t, err)
	var folders []string
	for _, e := range entries {
		folders = append(folders, logicalID(e.Name()))
	}
	var resources []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+):\n    Type: AWS::Serverless::Function$`).FindAllSubmatch(rollcall.Template, -1) {
		resources = append(resources, string(m[1]))
	}
	compare(t, "function of template.yaml", resources, "folder under functions/", folders)

	var targets []string
	makefile := file(t, "Makefile")
	for _, m := range regexp.MustCompile(`(?m)^build-(\w+):\n\t\$\(call build,(\w+)\)`).FindAllStringSubmatch(makefile, -1) {
		assert.Equalf(t, logicalID(m[2]), m[1], "build-%s builds functions/%s", m[1], m[2])
		targets = append(targets, m[1])
		if !regexp.MustCompile(`(?m)^FUNCTIONS := .*\bbuild-` + m[1] + `\b`).MatchString(makefile) {
			t.Errorf("FUNCTIONS in the Makefile leaves out build-%s", m[1])
		}
	}
	compare(t, "build target", targets, "folder under functions/", folders)
}

// The schedule in the template is the interval at which rollcall local sweeps,
// and a sweep ends before the next one begins.
func TestSweep_TemplateIsInStepWithTheInterval(t *testing.T) {
	_, function, _ := strings.Cut(string(rollcall.Template), "\n  SweepFunction:\n")
	function, _, _ = strings.Cut(function, "\n\n")
	for _, want := range []string{
		fmt.Sprintf("Schedule: rate(%d minutes)\n", app.SweepInterval/time.Minute),
		fmt.Sprintf("Timeout: %d\n", app.SweepInterval/time.Second),
	} {
		assert.Containsf(t, function, want, "SweepFunction in template.yaml has no %q", want)
	}
}

// resource returns the text of a resource of the template.
func resource(t *testing.T, name string) string {
	t.Helper()
	_, text, ok := strings.Cut(string(rollcall.Template), "\n  "+name+":\n")
	require.True(t, ok, name)
	text, _, _ = strings.Cut(text, "\n\n")
	return text
}

// number returns the number that a resource has in a line.
func number(t *testing.T, name, property string) int {
	t.Helper()
	m := regexp.MustCompile(`(?m)^ +` + property + `: (\d+)$`).FindStringSubmatch(resource(t, name))
	require.NotNilf(t, m, "%s has no %s", name, property)
	n, err := strconv.Atoi(m[1])
	require.NoError(t, err)
	return n
}

// The stream's filter lets the records through that the feed reads, and keeps their order.
func TestFeed_TemplateIsInStepWithTheStream(t *testing.T) {
	m := regexp.MustCompile(`(?m)^ +- Pattern: '(.*)'$`).FindStringSubmatch(resource(t, "FeedMapping"))
	require.NotNil(t, m)
	var filter struct {
		DynamoDB struct {
			NewImage struct {
				PK struct{ S []map[string]string } `json:"pk"`
			}
		} `json:"dynamodb"`
	}
	require.NoError(t, json.Unmarshal([]byte(m[1]), &filter))
	var suffixes []string
	for _, rule := range filter.DynamoDB.NewImage.PK.S {
		require.Len(t, rule, 1)
		suffixes = append(suffixes, rule["suffix"])
	}
	assert.ElementsMatch(t, app.StreamSuffixes, suffixes)
	assert.Equal(t, 1, number(t, "FeedMapping", "ParallelizationFactor"), "a higher one keeps the order of an item only")
	assert.Contains(t, resource(t, "FeedMapping"), "FunctionResponseTypes: [ReportBatchItemFailures]")
}

// A message of the queue comes again after all attempts of Lambda to invoke the function, and
// there is room for a slow worker of each endpoint, and for wake-ups beside them.
func TestDeliver_TemplateIsInStepWithTheEndpoints(t *testing.T) {
	assert.Equal(t, 6*number(t, "DeliverFunction", "Timeout"), number(t, "WakeQueue", "VisibilityTimeout"))
	assert.Greater(t, number(t, "DeliverMapping", "MaximumConcurrency"), subscription.MaxEndpoints)
	assert.Greater(t, number(t, "WakeQueue", "MessageRetentionPeriod"), number(t, "WakeQueue", "VisibilityTimeout")*number(t, "WakeQueue", "maxReceiveCount"))
	assert.Contains(t, resource(t, "DeliverMapping"), "FunctionResponseTypes: [ReportBatchItemFailures]")
	assert.Contains(t, resource(t, "DeliverFunction"), "Schedule: rate(1 minute)\n")
}

// Make targets that a document names exist.
func TestDocuments_NameMakeTargetsThatExist(t *testing.T) {
	targets := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^([a-zA-Z][\w-]*):`).FindAllStringSubmatch(file(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	require.Truef(t, targets["run"] && targets["test"] && targets["check"], "targets %v", targets)
	documents, err := filepath.Glob(filepath.Join(root(t), "*.md"))
	require.NoError(t, err)
	more, err := filepath.Glob(filepath.Join(root(t), "docs", "[^d]*", "*.md"))
	require.NoError(t, err)
	command := regexp.MustCompile("(?m)(?:^\\s*(?:\\$ )?|`)make ([a-z][\\w-]*)")
	for _, document := range append(documents, more...) {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, m := range command.FindAllStringSubmatch(string(text), -1) {
			if !targets[m[1]] {
				t.Errorf("%s has make %s, which is not a target", filepath.Base(document), m[1])
			}
		}
	}
}

// A command that runs selected tests names tests that exist: go test passes if a
// pattern selects none.
func TestCommands_SelectExistingTests(t *testing.T) {
	command := regexp.MustCompile("go test ([^`\n]*)")
	option := regexp.MustCompile(`-run '?([^' ]+)`)
	folder := regexp.MustCompile(`\./[\w/]+`)
	var checked int
	for _, name := range commandFiles(t) {
		for _, m := range command.FindAllStringSubmatch(strings.ReplaceAll(file(t, name), "$$", "$"), -1) {
			pattern, in := option.FindStringSubmatch(m[1]), folder.FindString(m[1])
			if pattern == nil || in == "" || pattern[1] == "^$" {
				continue
			}
			tests := testsIn(t, in)
			for _, p := range alternatives(pattern[1]) {
				checked++
				assert.Truef(t, slices.ContainsFunc(tests, regexp.MustCompile(p).MatchString), "%s: -run %s selects no test of %s", name, p, in)
			}
		}
	}
	assert.Truef(t, checked >= 8, "%d patterns were checked: the commands are written in another way", checked)
}

// commandFiles returns the files that have commands for make or for a shell.
func commandFiles(t *testing.T) []string {
	t.Helper()
	files := []string{"Makefile"}
	for _, pattern := range []string{"*.md", "scripts/*.sh", "events/*.md", "docs/[^d]*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root(t), pattern))
		require.NoError(t, err)
		for _, path := range found {
			name, err := filepath.Rel(root(t), path)
			require.NoError(t, err)
			files = append(files, name)
		}
	}
	return files
}

// testsIn returns the names of the test functions of a folder.
func testsIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), folder, "*_test.go"))
	require.NoError(t, err)
	var names []string
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
}

// alternatives returns the patterns of a|b, or of x(a|b).
func alternatives(pattern string) []string {
	before, inside, ok := strings.Cut(strings.TrimSuffix(pattern, ")"), "(")
	if !ok {
		before, inside = "", pattern
	}
	var all []string
	for a := range strings.SplitSeq(inside, "|") {
		all = append(all, before+a)
	}
	return all
}

// logicalID returns the function's name in template.yaml: functions/users is
// UsersFunction.
func logicalID(folder string) string {
	if folder == "oauth" {
		return "OAuthFunction"
	}
	return strings.ToUpper(folder[:1]) + folder[1:] + "Function"
}

// compare reports what is in one list and not in the other.
func compare(t *testing.T, gotWhat string, got []string, wantWhat string, want []string) {
	t.Helper()
	for _, s := range got {
		assert.Truef(t, slices.Contains(want, s), "%s %s: no such %s", gotWhat, s, wantWhat)
	}
	for _, s := range want {
		assert.Truef(t, slices.Contains(got, s), "%s %s: no such %s", wantWhat, s, gotWhat)
	}
	assert.NotEmptyf(t, got, "no %s found", gotWhat)
}

// file returns a file of the repository, or what a sabotage makes of it.
func file(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(root(t), name)
	if overlay := os.Getenv(sabotage.Overlay); overlay != "" {
		text, err := os.ReadFile(overlay)
		require.NoError(t, err)
		var changed struct{ Replace map[string]string }
		require.NoError(t, json.Unmarshal(text, &changed))
		if other, ok := changed.Replace[path]; ok {
			path = other
		}
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// root returns the module's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	return dir
}
