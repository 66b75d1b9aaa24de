//go:build unix

package example

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/portal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// What the example in Go takes from its application: a client of the admin API, its address, and
// who is signed in.
var (
	signed   *http.Client
	adminURL string
	user     func(r *http.Request) person
)

type person struct{ Email, Tenant string }

// openPortal is the example in Go of docs/how-to/add-the-portal.md.
func openPortal(w http.ResponseWriter, r *http.Request) {
	body, _ := json.Marshal(map[string]any{
		"actor": user(r).Email, "permissions": []string{"view", "setup"}, "returnUrl": "https://app.example.com/settings",
	})
	answer, err := signed.Post(adminURL+"/tenants/"+user(r).Tenant+"/portal-links", "application/json", bytes.NewReader(body))
	if err != nil {
		http.Error(w, "The portal cannot be opened now.", http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	var link struct{ URL string }
	if answer.StatusCode != http.StatusCreated || json.NewDecoder(answer.Body).Decode(&link) != nil {
		http.Error(w, "The portal cannot be opened now.", http.StatusBadGateway)
		return
	}
	http.Redirect(w, r, link.URL, http.StatusSeeOther)
}

// pythonApplication is what the example in Python takes from its application, in place of Flask and
// of a library that signs. It prints the answers to people of two tenants, of which the first does not exist.
const pythonApplication = `
import json, sys, types, urllib.request, urllib.error
ADMIN_URL = sys.argv[1]
current_user = types.SimpleNamespace(email="anna@acme.example")
handlers = {}
class app:
    def post(path): return lambda handler: handlers.setdefault(path, handler)
class Refused(Exception): pass
def abort(status, text): raise Refused(status)
def redirect(url, code): return (code, url)
class signed:
    def post(url, json):
        request = urllib.request.Request(url, dumps(json).encode(), {"Authorization": "Bearer admin", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read()
        return types.SimpleNamespace(status_code=status, json=lambda: loads(text))
dumps, loads = json.dumps, json.loads
EXAMPLE
for current_user.tenant in ["nobody", "acme"]:
    try:
        print(*handlers["/settings/provisioning"]())
    except Refused as refused:
        print(refused)
`

// typescriptApplication is the same for TypeScript.
const typescriptApplication = `
const adminUrl = process.argv[2];
const handlers = {};
const app = { post: (path, handler) => { handlers[path] = handler; } };
const signedFetch = (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: "Bearer admin" } });
EXAMPLE
const response = {
  status(code) { this.code = code; return this; },
  send() { console.log(this.code); },
  redirect(code, url) { console.log(code, url); },
};
for (const tenant of ["nobody", "acme"]) {
  await handlers["/settings/provisioning"]({ user: { tenant, email: "anna@acme.example" } }, response);
}
`

// interpreter returns a program that runs an example. Without it the test is skipped, and fails in
// CI.
func interpreter(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		require.Empty(t, os.Getenv("CI"), "there is no %s", name)
		t.Skipf("there is no %s", name)
	}
	return path
}

// The examples of the page create a link that opens the portal for who is signed in, and answer
// 502 if there is none.
func TestPortalPage_ExamplesWork(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "how-to", "add-the-portal.md"))
	require.NoError(t, err)
	examples := map[string]string{}
	for _, found := range regexp.MustCompile("(?s)```(go|typescript|python)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		examples[found[1]] += found[2]
	}
	require.Len(t, examples, 3)

	source, err := os.ReadFile("portal_test.go")
	require.NoError(t, err)
	require.Contains(t, string(source), strings.Replace(examples["go"], "func portal(", "func openPortal(", 1), "the page has another example than this file")

	admin, pages := servePortal(t)
	script := func(program, ending, application, language string) func(t *testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			file := filepath.Join(t.TempDir(), "example."+ending)
			require.NoError(t, os.WriteFile(file, []byte(strings.Replace(application, "EXAMPLE", examples[language], 1)), 0o600))
			out, err := exec.CommandContext(t.Context(), interpreter(t, program), file, admin).CombinedOutput()
			require.NoError(t, err, "%s", out)
			return string(out)
		}
	}
	for name, press := range map[string]func(t *testing.T) string{
		"go": func(t *testing.T) string {
			t.Helper()
			return pressInGo(t, admin, "nobody") + pressInGo(t, admin, "acme")
		},
		"typescript": script("node", "mjs", typescriptApplication, "typescript"),
		"python":     script("python3", "py", pythonApplication, "python"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			printed := strings.Fields(press(t))
			require.Len(t, printed, 3)
			require.Equal(t, []string{"502", "303"}, printed[:2])
			link := printed[2]
			w := httptest.NewRecorder()
			pages.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody))
			assert.Equal(t, http.StatusOK, w.Code, w.Body)
			assert.Contains(t, w.Body.String(), "anna@acme.example")
		})
	}
}

// servePortal returns the URL of an admin API, and the portal beside it.
func servePortal(t *testing.T) (admin string, pages http.Handler) {
	t.Helper()
	engine, config, log := enginetest.Memory(t), app.Config{BaseURL: "https://scim.test/scim/v2"}, logline.New(t.Output())
	a, err := app.New(engine, config, log)
	require.NoError(t, err)
	stage.Tenant(t, a.Store, "acme", 5)
	pages, err = portal.Local(engine, config, portal.Config{Brand: console.Brand{Name: "Example"}}, log, app.Options{})
	require.NoError(t, err)
	api := a.WithPortal().AdminHandler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer admin" {
			r.Header.Set(web.OperatorHeader, "arn:aws:iam::123456789012:role/application")
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/admin/v1", pages
}

// bearer sends the token of the admin API, in place of a signature.
type bearer struct{}

func (bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer admin")
	return http.DefaultTransport.RoundTrip(r)
}

// pressInGo returns the status and the link of the example in Go.
func pressInGo(t *testing.T, admin, tenant string) string {
	t.Helper()
	signed, adminURL = &http.Client{Transport: bearer{}}, admin
	user = func(*http.Request) person { return person{"anna@acme.example", tenant} }
	w := httptest.NewRecorder()
	openPortal(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/settings/provisioning", http.NoBody))
	return fmt.Sprintln(w.Code, w.Header().Get("Location"))
}
