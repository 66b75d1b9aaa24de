//go:build unix

package example

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

// patience is for how long a test waits for what must happen: far longer than it takes, also when a
// delivery is tried a third time, after a minute.
const patience = 3 * time.Minute

// A process is a program that a test has started.
type process struct {
	t       *testing.T
	command *exec.Cmd
	output  *output
	ended   chan struct{}
}

// An output collects what a program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start starts a program, with variables beside those of the test.
func start(t *testing.T, environment []string, name string, arguments ...string) *process {
	t.Helper()
	p := &process{t: t, command: exec.Command(name, arguments...), output: &output{}, ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), environment...)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal reaches what it starts too
	require.NoError(t, p.command.Start())
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.stop)
	return p
}

// stop ends the program, and waits until it has ended.
func (p *process) stop() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGINT) // as Ctrl-C does
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
		<-p.ended
		assert.Fail(p.t, "the program did not end", p.output)
	}
}

// await waits until a condition holds. It fails the test if the program ends before.
func (p *process) await(what string, holds func() bool) {
	p.t.Helper()
	end := time.After(patience)
	for !holds() {
		select {
		case <-p.ended:
			require.Fail(p.t, "the program has ended before: "+what, p.output)
		case <-end:
			require.Fail(p.t, "it did not happen: "+what, p.output)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// A server is rollcall local.
type server struct {
	*process
	BaseURL    string `json:"baseUrl"`
	Token      string `json:"token"`
	AdminURL   string `json:"adminUrl"`
	AdminToken string `json:"adminToken"`
}

// built returns the program rollcall, which it builds once.
var built = sync.OnceValues(func() (string, error) {
	program := filepath.Join(*prepared, "bin", "rollcall")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", program, "./cmd/rollcall")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

// serve starts a server with a new tenant.
func serve(t *testing.T) *server {
	t.Helper()
	program, err := built()
	require.NoError(t, err)
	folder := t.TempDir()
	info := filepath.Join(folder, "info.json")
	s := &server{process: start(t, []string{"XDG_STATE_HOME=" + folder}, program, "local", "--listen", "127.0.0.1:0", "--info", info)}
	s.await("the server answers", func() bool {
		text, err := os.ReadFile(info)
		return err == nil && json.Unmarshal(text, s) == nil
	})
	return s
}

// request sends a request, and decodes the answer.
func (s *server) request(method, url, token, body string, status int, answer any) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	require.Equalf(s.t, status, response.StatusCode, "%s %s: %s", method, url, text)
	if answer != nil {
		require.NoErrorf(s.t, json.Unmarshal(text, answer), "%s", text)
	}
}

// scim sends a request of an identity provider, and returns the id of the resource.
func (s *server) scim(method, path, body string, status int) string {
	s.t.Helper()
	var resource struct{ ID string }
	if status == http.StatusNoContent {
		s.request(method, s.BaseURL+path, s.Token, body, status, nil)
	} else {
		s.request(method, s.BaseURL+path, s.Token, body, status, &resource)
	}
	return resource.ID
}

// create creates a user.
func (s *server) create(name string, status int) string {
	s.t.Helper()
	return s.scim(http.MethodPost, "/Users", fmt.Sprintf(
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"%s@example.com","displayName":"%s"}`, name, name), status)
}

// patch changes a user or group.
func (s *server) patch(path, operations string) {
	s.t.Helper()
	s.scim(http.MethodPatch, path, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+operations+`]}`, http.StatusOK)
}

// webhook registers a URL, and returns the secret.
func (s *server) webhook(url string) string {
	s.t.Helper()
	var registered struct{ Secret string }
	s.request(http.MethodPost, s.AdminURL+"/webhooks", s.AdminToken, `{"url":"`+url+`","tenants":["acme"]}`, http.StatusCreated, &registered)
	require.NotEmpty(s.t, registered.Secret)
	return registered.Secret
}
