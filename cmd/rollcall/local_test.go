package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// output is written by the server while the test reads it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// server is a running rollcall local.
type server struct {
	t      *testing.T
	info   info
	path   string
	stdout *output
	stderr *output
	stop   context.CancelFunc
	status chan int
}

// start runs rollcall local on a free port, until its info file is there and all is
// printed.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &server{
		t: t, path: filepath.Join(t.TempDir(), "info.json"), stop: cancel,
		stdout: &output{}, stderr: &output{}, status: make(chan int, 1),
	}
	args = append([]string{"local", "--listen", "127.0.0.1:0", "--info", s.path}, args...)
	go func() { s.status <- run(ctx, args, strings.NewReader(""), s.stdout, s.stderr) }()
	for range 200 {
		if encoded, err := os.ReadFile(s.path); err == nil && strings.Contains(s.stdout.String(), "Ctrl-C") {
			err := json.Unmarshal(encoded, &s.info)
			require.NoErrorf(t, err, "the info file is not whole: %v: %s", err, encoded)
			return s
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	t.Fatalf("no info file: status %d, %s", <-s.status, s.stderr)
	return nil
}

func (s *server) end() {
	s.t.Helper()
	s.stop()
	status := <-s.status
	assert.Equalf(s.t, 0, status, "exit status %d: %s", status, s.stderr)
	_, err := os.Stat(s.path)
	assert.Truef(s.t, os.IsNotExist(err), "the info file is still there: %v", err)
}

func (s *server) send(method, path, body string) (int, map[string]any) {
	s.t.Helper()
	status, encoded := s.raw(method, path, body)
	var document map[string]any
	if len(encoded) > 0 {
		err := json.Unmarshal([]byte(encoded), &document)
		require.NoErrorf(s.t, err, "%v: %s", err, encoded)
	}
	return status, document
}

const bob = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bob@example.com"}`

func TestLocal_Serves(t *testing.T) {
	s := start(t, "--tenant", "acme-1", "--seats", "1")
	file, err := os.Stat(s.path)
	if err != nil || file.Mode().Perm() != 0o600 {
		t.Errorf("info file: mode %v, %v; want 0600", file.Mode(), err)
	}
	assert.Truef(t, s.info.Tenant == "acme-1" && s.info.PID == os.Getpid() && strings.HasSuffix(s.info.BaseURL, "/scim/v2"), "info = %+v", s.info)
	printed := s.stdout.String()
	for _, want := range []string{s.info.BaseURL, s.info.Token, "acme-1", "1 seats", "curl "} {
		assert.Contains(t, printed, want)
	}
	status, created := s.send("POST", "/Users", bob)
	location, _ := created["meta"].(map[string]any)["location"].(string)
	assert.Truef(t, status == 201 && strings.HasPrefix(location, s.info.BaseURL+"/Users/"), "POST: %d, location %s", status, location)
	if status, refused := s.send("POST", "/Users", strings.Replace(bob, "bob", "ann", 1)); status != 403 || !strings.Contains(refused["detail"].(string), "1 of 1 seats") {
		t.Errorf("POST beyond the seats: %d %v", status, refused)
	}
	if status, found := s.send("GET", `/Users?filter=userName+eq+"bob%40example.com"`, ""); status != 200 || found["totalResults"] != 1.0 {
		t.Errorf("filter: %d %v", status, found)
	}
	if status, _ := s.send("GET", "/Nothing", ""); status != 404 {
		t.Errorf("no route: %d", status)
	}
	s.end()
	for _, line := range strings.Split(strings.TrimSpace(s.stderr.String()), "\n") {
		assert.Truef(t, json.Valid([]byte(line)), "a log line is not JSON: %s", line)
	}
	assert.NotContains(t, s.stderr.String(), s.info.Token, "the log shows the token")
}

func TestLocal_RegistersSchemas(t *testing.T) {
	s := start(t, "--schema", "../../docs/examples/hr-person.json")
	defer s.end()
	const urn = "urn:example:hr:1.0:Person"
	if status, schema := s.send("GET", "/Schemas/"+urn, ""); status != 200 || schema["name"] != "HR person" {
		t.Errorf("/Schemas: %d %v", status, schema)
	}
	body := strings.TrimSuffix(bob, "}") + `,"` + urn + `":{"badge":"B-1","desk":{"building":"north"},"pin":"1234","salaryBand":3}}`
	status, created := s.send("POST", "/Users", body)
	want := map[string]any{"badge": "B-1", "desk": map[string]any{"building": "north"}, "salaryBand": 3.0}
	assert.Truef(t, status == 201 && reflect.DeepEqual(created[urn], want), "POST: %d %v, want %v", status, created[urn], want)
	if status, refused := s.send("POST", "/Users", strings.Replace(body, `{"building":"north"}`, `{"floor":1}`, 1)); status != 400 || !strings.Contains(refused["detail"].(string), urn+":desk.building is required") {
		t.Errorf("POST without what is required: %d %v", status, refused)
	}
}

func TestLocal_RefusesASchema(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schema.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"id":"urn:example:a","attributes":[{"name":"a","uniqueness":"server"}]}`), 0o600))
	stderr := &output{}
	status := run(t.Context(), []string{"local", "--listen", "127.0.0.1:0", "--schema", file}, strings.NewReader(""), io.Discard, stderr)
	if said := stderr.String(); status != 1 || !strings.Contains(said, file) || !strings.Contains(said, "use none") {
		t.Errorf("status %d, %q, want the file and what is wrong with it", status, said)
	}
}

func TestLocal_DataIsKept(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data", data, "--seats", "2")
	_, created := s.send("POST", "/Users", bob)
	token := s.info.Token
	s.end()

	s = start(t, "--data", data)
	assert.Contains(t, s.stdout.String(), "with 2 seats", "the restart changed the seats")
	s.end()

	s = start(t, "--data", data, "--seats", "7")
	assert.Contains(t, s.stdout.String(), "with 7 seats", "--seats does not change the seats")
	assert.Equal(t, token, s.info.Token, "the token changed with the restart")
	status, again := s.send("GET", "/Users/"+created["id"].(string), "")
	assert.Truef(t, status == 200 && again["userName"] == "bob@example.com", "GET after the restart: %d %v", status, again)
	other := &output{}
	status = run(t.Context(), []string{"local", "--listen", "127.0.0.1:0", "--data", data}, strings.NewReader(""), io.Discard, other)
	assert.Truef(t, status == 1 && strings.Contains(other.String(), "another process has it open"), "a second server on the data: status %d, %s", status, other)
	s.end()

	s = start(t)
	status, _ = s.send("GET", "/Users/"+created["id"].(string), "")
	assert.Equal(t, 404, status, "GET from memory")
	s.end()
}

func TestLocal_ServesOnDynamoDB(t *testing.T) {
	ownState(t)
	endpoint := tabletest.Endpoint(t)
	name := "rollcall-local-" + strings.ToLower(time.Now().UTC().Format("20060102t150405.000000000"))
	s := start(t, "--dynamodb", endpoint, "--table", name)
	status, created := s.send("POST", "/Users", bob)
	assert.Equalf(t, 201, status, "POST: %d %v", status, created)
	before := s.info
	s.end()
	s = start(t, "--dynamodb", endpoint, "--table", name)
	assert.True(t, s.info.Token == before.Token && s.info.AdminToken == before.AdminToken, "a token changed with the restart")
	if status, _ := s.send("GET", "/Users/"+created["id"].(string), ""); status != 200 {
		t.Errorf("GET after the restart: %d", status)
	}
	s.end()
}

// A start that cannot work prints one line that says what to do.
func TestLocal_Mistakes(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = busy.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, tt := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"busy port":            {[]string{"local", "--listen", busy.Addr().String()}, 1, "--listen"},
		"unwritable data":      {[]string{"local", "--listen", "127.0.0.1:0", "--data", filepath.Join(file, "x")}, 1, "--data DIR"},
		"unwritable info":      {[]string{"local", "--listen", "127.0.0.1:0", "--info", filepath.Join(file, "x")}, 1, "--info FILE"},
		"unreachable endpoint": {[]string{"local", "--listen", "127.0.0.1:0", "--dynamodb", "http://127.0.0.1:1"}, 1, "--dynamodb ENDPOINT"},
		"no endpoint":          {[]string{"local", "--dynamodb", "nonsense"}, 1, "http://127.0.0.1:8000"},
		"bad tenant":           {[]string{"local", "--tenant", "Acme Inc"}, 2, "lower-case letters"},
		"bad seats":            {[]string{"local", "--seats", "-1"}, 2, "from 0"},
		"two places":           {[]string{"local", "--memory", "--data", "x"}, 2, "exclude each other"},
		"unknown flag":         {[]string{"local", "--nonsense"}, 2, "--help"},
		"stray word":           {[]string{"local", "nonsense"}, 2, "--help"},
		"enterprise URN":       {[]string{"local", "--listen", "127.0.0.1:0", "--extension", "urn:ietf:params:scim:schemas:extension:Enterprise:2.0:User"}, 1, "another schema"},
		"empty folder":         {[]string{"local", "--data", ""}, 2, "--data is empty"},
		"bad URN":              {[]string{"local", "--listen", "127.0.0.1:0", "--extension", "nonsense"}, 1, "URN"},
		"unknown command":      {[]string{"nonsense"}, 2, "rollcall help"},
		"no command":           {nil, 2, "Usage"},
	} {
		t.Run(name, func(t *testing.T) {
			stderr := &output{}
			status := run(t.Context(), tt.args, strings.NewReader(""), io.Discard, stderr)
			assert.Equal(t, tt.status, status, "status")
			said := strings.TrimSpace(stderr.String())
			if !strings.Contains(said, tt.says) || tt.args != nil && strings.Contains(said, "\n") {
				t.Errorf("said %q, want one line with %q", said, tt.says)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"local", "--help"}} {
		out := &output{}
		status := run(t.Context(), args, strings.NewReader(""), out, out)
		assert.Truef(t, status == 0 && strings.Contains(out.String(), "rollcall local"), "%v: status %d, %s", args, status, out)
	}
}

func TestReadable_PrintsARequestInOneLine(t *testing.T) {
	out := &output{}
	h := &readable{w: out, mu: &sync.Mutex{}}
	logTo(h)
	want := `201  POST /scim/v2/Users               created  u1  "a\nb"  1.5 ms, 1 trip, 0 RRU, 14 WRU`
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 3 || !strings.Contains(lines[0], want) ||
		!strings.Contains(lines[1], "403  ") || !strings.Contains(lines[2], "50 of 50 seats") {
		t.Errorf("printed %q, want %q", out, want)
	}
}

// A server whose address others can reach unencrypted says so.
func TestLocal_WarnsOfPlainHTTP(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:8080": false, "127.9.9.9:1": false, "[::1]:8080": false,
		"0.0.0.0:8080": true, "[::]:8080": true, "192.0.2.7:80": true, "[2001:db8::1]:80": true,
	} {
		var out bytes.Buffer
		printStart(&out, serving{listens: address, info: info{Token: "T", Tenant: "acme"}}, "memory")
		got := strings.Contains(out.String(), "tokens travel to it in plain HTTP")
		assert.Equalf(t, want, got, "%s: warned %t: %s", address, got, out.String())
	}
	s := start(t, "--listen", "0.0.0.0:0")
	s.end()
	assert.Contains(t, s.stdout.String(), "plain HTTP")
	s = start(t)
	s.end()
	assert.NotContains(t, s.stdout.String(), "plain HTTP")
}

// A server on every address of the machine is known by one that a program can connect to, in
// what it prints and in the locations that it serves.
func TestLocal_OnEveryAddressIsReachedAtThisMachines(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		s := start(t, "--listen", listen)
		assert.Regexp(t, `^http://127\.0\.0\.1:\d+/scim/v2$`, s.info.BaseURL, listen)
		assert.Contains(t, s.stdout.String(), "  "+s.info.BaseURL+"\n", listen)
		status, body := s.raw(http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann@example.com"}`)
		assert.Equal(t, http.StatusCreated, status, body)
		assert.Contains(t, body, `"location":"`+s.info.BaseURL+"/Users/", listen)
		s.end()
	}
}

// raw sends a request and returns the status, and the body as it came.
func (s *server) raw(method, path, body string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.info.BaseURL+path, strings.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+s.info.Token)
	r.Header.Set("Content-Type", "application/scim+json")
	response, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	encoded, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return response.StatusCode, string(encoded)
}
