//go:build unix

package example

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var prepared = flag.String("prepared", "", "the `FOLDER` in which make sdk has prepared the applications")

// maxLines is how many lines an application may have that are not blank.
const maxLines = 60

// applications are those under examples, by folder: the file that counts, the command in the
// prepared folder, and a statement that falsifies what the application has of its users.
var applications = map[string]struct {
	file    string
	command []string
	falsify string
}{
	"typescript": {"app.ts", []string{"node", "--disable-warning=ExperimentalWarning", "examples/typescript/app.ts"}, falsifyUsers},
	"python":     {"app.py", []string{"python", "examples/python/app.py"}, falsifyUsers},
	// Its users are a view of the mirror's tables.
	"go": {"main.go", []string{"example-go"}, `UPDATE rollcall_users SET active = 0, version = 1`},
}

const falsifyUsers = `UPDATE users SET role = 'owner', active = 0`

func TestExamples_AreShort(t *testing.T) {
	for folder, a := range applications {
		text, err := os.ReadFile(filepath.Join(root, "examples", folder, a.file))
		require.NoError(t, err)
		lines := 0
		for line := range strings.Lines(string(text)) {
			if strings.TrimSpace(line) != "" {
				lines++
			}
			assert.LessOrEqual(t, len(line), 150, "%s: %s", folder, line)
		}
		assert.LessOrEqual(t, lines, maxLines, folder)
		assert.Greater(t, lines, 20, folder)
	}
}

// A row is a row of an application's table of users.
type row struct {
	ID, Email, Name, Role string
	Active                int
}

func (r row) String() string { return fmt.Sprintf("%s %s active=%d", r.Email, r.Role, r.Active) }

// An application is one under examples, with its own database.
type application struct {
	*process
	t           *testing.T
	url         string
	command     []string
	environment []string
	database    string
}

// newApplication registers a webhook for an application, which is not started.
func newApplication(t *testing.T, s *server, command []string) *application {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	a := &application{t: t, url: "http://" + address + "/", database: filepath.Join(t.TempDir(), "app.db")}
	a.command = []string{filepath.Join(*prepared, "bin", command[0])}
	for _, argument := range command[1:] {
		if strings.HasPrefix(argument, "examples/") {
			argument = filepath.Join(*prepared, argument)
		}
		a.command = append(a.command, argument)
	}
	a.environment = []string{
		"PYTHONPATH=" + filepath.Join(*prepared, "wheel"), "PORT=" + port, "DATABASE=" + a.database, "WEBHOOK_SECRET=" + s.webhook(a.url),
		"ROLLCALL_ADMIN_URL=" + s.AdminURL, "ROLLCALL_ADMIN_TOKEN=" + s.AdminToken,
	}
	return a
}

func (a *application) start() {
	a.process = start(a.t, a.environment, a.command[0], a.command[1:]...)
	a.await("the application serves", func() bool { return strings.Contains(a.output.String(), "serving on") })
}

// reconcile runs the application's nightly command, and returns what it prints.
func (a *application) reconcile() string {
	a.t.Helper()
	c := exec.CommandContext(a.t.Context(), a.command[0], append(a.command[1:], "reconcile")...)
	c.Env = append(os.Environ(), a.environment...)
	out, err := c.CombinedOutput()
	require.NoErrorf(a.t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// users returns the application's table.
func (a *application) users() string {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, a.url+"users", http.NoBody)
	require.NoError(a.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(a.t, err, a.output)
	defer func() { _ = response.Body.Close() }()
	var rows []row
	require.NoError(a.t, json.NewDecoder(response.Body).Decode(&rows), a.output)
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = r.String()
	}
	return strings.Join(lines, ", ")
}

func (a *application) awaitUsers(want string) {
	a.t.Helper()
	a.await(want, func() bool { return a.users() == want })
}

// sql runs a statement in the application's database, and returns the first value.
func (a *application) sql(statement string) string {
	a.t.Helper()
	const program = `import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=60)
with db:
    row = db.execute(sys.argv[2]).fetchone()
print(row[0] if row else "")`
	out, err := exec.CommandContext(a.t.Context(), filepath.Join(*prepared, "bin", "python"), "-c", program, a.database, statement).CombinedOutput()
	require.NoErrorf(a.t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// post sends a request to the application's webhook, and returns the status.
func (a *application) post(headers map[string]string, body string) int {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.url, strings.NewReader(body))
	require.NoError(a.t, err)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(a.t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(a.t, response.Body.Close())
	return response.StatusCode
}

// The table of users follows what an identity provider does: creations, updates,
// deactivations, groups; also what happened before the application was there, and while it was
// stopped. Somebody who may no longer use the application has no session.
func TestExamples_FollowTheIdentityProvider(t *testing.T) {
	if *prepared == "" {
		t.Skip("make sdk prepares the applications, and runs this")
	}
	for name, a := range applications {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			follows(t, a.command, a.falsify)
		})
	}
}

const (
	deactivate = `{"op":"replace","path":"active","value":false}`
	activate   = `{"op":"replace","path":"active","value":true}`
	group      = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Admins","members":[{"value":"%s"}]}`
)

func follows(t *testing.T, command []string, falsify string) {
	s := serve(t)
	bob := s.create("bob", http.StatusCreated)
	a := newApplication(t, s, command)
	a.start()
	require.Equal(t, "bob@example.com member active=1", a.users(), "who was there before")

	ada := s.create("ada", http.StatusCreated)
	a.awaitUsers("ada@example.com member active=1, bob@example.com member active=1")
	admins := s.scim(http.MethodPost, "/Groups", fmt.Sprintf(group, ada), http.StatusCreated)
	a.awaitUsers("ada@example.com admin active=1, bob@example.com member active=1")
	s.patch("/Users/"+bob, `{"op":"replace","path":"userName","value":"robert@example.com"}`)
	a.awaitUsers("ada@example.com admin active=1, robert@example.com member active=1")
	s.patch("/Groups/"+admins, `{"op":"add","path":"members","value":[{"value":"`+bob+`"}]}`)
	a.awaitUsers("ada@example.com admin active=1, robert@example.com admin active=1")

	a.sql(`INSERT INTO sessions VALUES ('ada-1', '` + ada + `'), ('bob-1', '` + bob + `')`)
	s.patch("/Users/"+ada, deactivate)
	a.awaitUsers("ada@example.com admin active=0, robert@example.com admin active=1")
	assert.Equal(t, "bob-1", a.sql(`SELECT group_concat(token) FROM sessions`))

	forged := map[string]string{"webhook-id": "1", "webhook-timestamp": "1764547200", "webhook-signature": "v1,AAAA"}
	assert.Equal(t, http.StatusUnauthorized, a.post(forged, `{"id":"1","type":"user.purged"}`))
	assert.Equal(t, http.StatusUnauthorized, a.post(nil, `{}`))

	// Pull and reconciliation, after the application was stopped.
	a.stop()
	s.patch("/Users/"+ada, activate)
	s.scim(http.MethodDelete, "/Groups/"+admins, "", http.StatusNoContent)
	s.scim(http.MethodDelete, "/Users/"+bob, "", http.StatusNoContent)
	a.sql(falsify)
	assert.Regexp(t, `^[1-9]\d* records differed$`, a.reconcile())
	assert.Equal(t, "0 records differed", a.reconcile())
	assert.Equal(t, "0", a.sql(`SELECT count(*) FROM sessions`))
	a.start()
	require.Equal(t, "ada@example.com member active=1, robert@example.com member active=0", a.users())
	s.create("cy", http.StatusCreated)
	a.awaitUsers("ada@example.com member active=1, cy@example.com member active=1, robert@example.com member active=0")
}
