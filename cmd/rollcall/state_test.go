package main

import (
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain keeps the state files of the tests' servers out of the developer's own folder.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "rollcall-state-")
	if err != nil {
		panic(err)
	}
	for name, value := range map[string]string{"XDG_STATE_HOME": folder, "LocalAppData": folder, "ROLLCALL_ADMIN_URL": "", "ROLLCALL_ADMIN_TOKEN": ""} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	status := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(status)
}

// ownState creates a folder of state files for a test, and returns its path.
func ownState(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", home)
	t.Setenv("LocalAppData", home)
	return filepath.Join(home, "rollcall")
}

// stateFiles returns the state files in a folder.
func stateFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "local-*.json"))
	require.NoError(t, err)
	return files
}

// asks runs a command that names no service.
func asks(t *testing.T, args ...string) (status int, out, said string) {
	t.Helper()
	stdout, stderr := &output{}, &output{}
	status = run(t.Context(), args, strings.NewReader(""), stdout, stderr)
	return status, stdout.String(), stderr.String()
}

func TestState_CommandsFindTheServer(t *testing.T) {
	folder := ownState(t)
	if status, _, said := asks(t, "tenant", "list"); status != exitUsage || !strings.Contains(said, "no server found") || !strings.Contains(said, "rollcall local") {
		t.Errorf("without a server: %d %s", status, said)
	}
	s := start(t)
	files := stateFiles(t, folder)
	require.Truef(t, len(files) == 1 && strings.Contains(s.stdout.String(), "  state file   "+files[0]+"\n"), "state files %v; printed\n%s", files, s.stdout)
	for path, want := range map[string]fs.FileMode{files[0]: 0o600, folder: 0o700 | fs.ModeDir} {
		if found, err := os.Lstat(path); err != nil || runtime.GOOS != "windows" && found.Mode() != want {
			t.Errorf("%s: mode %v, want %v, %v", path, found.Mode(), want, err)
		}
	}
	status, out, said := asks(t, "tenant", "list")
	assert.Truef(t, status == 0 && strings.Contains(out, "acme"), "with a server: %d %s%s", status, out, said)
	t.Setenv("ROLLCALL_ADMIN_URL", "http://127.0.0.1:1/admin/v1")
	t.Setenv("ROLLCALL_ADMIN_TOKEN", "x")
	status, _, said = asks(t, "token", "create", "acme")
	assert.Equalf(t, exitUnavailable, status, "the environment does not win: %d %s", status, said)
	status, _, said = asks(t, "tenant", "list", "--info", files[0])
	assert.Equalf(t, 0, status, "--info with a state file: %d %s", status, said)
	s.end()
	assert.Empty(t, stateFiles(t, folder), "left")
}

// A command does not choose among servers: it might change the wrong one.
func TestState_SeveralServersAreListed(t *testing.T) {
	folder := ownState(t)
	one := start(t)
	two := start(t, "--tenant", "globex", "--data", filepath.Join(t.TempDir(), "kept"))
	status, out, said := asks(t, "tenant", "list")
	if status != exitUsage || out != "" || strings.Count(said, "--info ") != 2 || !strings.Contains(said, "tenant globex, data in "+string(filepath.Separator)) || !strings.Contains(said, "tenant acme, data in memory") {
		t.Errorf("%d %s%s", status, out, said)
	}
	for _, path := range stateFiles(t, folder) {
		assert.Containsf(t, said, "\n  --info "+path+"\n", "%s is not listed in %s", path, said)
	}
	two.end()
	if status, out, said := asks(t, "tenant", "list"); status != 0 || !strings.Contains(out, "acme") {
		t.Errorf("with one left: %d %s", status, said)
	}
	one.end()
}

// plant writes a state file, as left by a server that no longer runs.
func plant(t *testing.T, folder, name string, s state) string {
	t.Helper()
	encoded, err := json.Marshal(s)
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	path := filepath.Join(folder, name)
	if err == nil {
		err = os.WriteFile(path, encoded, 0o600)
	}
	require.NoError(t, err)
	return path
}

// free returns an address on which no program listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// The file of a killed server is removed, whatever program has its address now.
// A program that has not proved to be that server is sent no token.
func TestState_StaleFilesAreIgnored(t *testing.T) {
	var sent []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.URL.Path+r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, strings.Repeat("a", 64))
	}))
	defer other.Close()
	here, err := os.Hostname()
	require.NoError(t, err)
	const key = "the key of the server that is no more"
	// A proof is accepted only from the address to which the token would be sent.
	holder := httptest.NewServer(state{Key: key}.withProof(http.NotFoundHandler()))
	defer holder.Close()
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.URL.Path+r.Header.Get("Authorization"))
		http.Redirect(w, r, holder.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	defer redirecting.Close()
	for name, tt := range map[string]struct {
		state
		removed bool
	}{
		"nothing answers":         {state{info: info{AdminURL: "http://" + free(t) + "/admin/v1", AdminToken: "secret"}, Key: key, Host: here}, true},
		"another program answers": {state{info: info{AdminURL: other.URL + "/admin/v1", AdminToken: "secret"}, Key: key, Host: here}, true},
		"another one redirects":   {state{info: info{AdminURL: redirecting.URL + "/admin/v1", AdminToken: "secret"}, Key: key, Host: here}, true},
		"another machine's":       {state{info: info{AdminURL: "http://" + free(t) + "/admin/v1", AdminToken: "secret"}, Key: key, Host: here + "-other"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			folder := ownState(t)
			path := plant(t, folder, "local-1-1.json", tt.state)
			written := filepath.Join(t.TempDir(), "info")
			require.NoError(t, writeInfo(written, infoFile{tt.info, tt.Key}))
			for _, file := range []string{path, written} {
				status, _, said := asks(t, "tenant", "list", "--info", file)
				assert.Truef(t, status == exitUnavailable && strings.Contains(said, file), "--info: %d %s", status, said)
			}
			status, _, said := asks(t, "tenant", "list")
			assert.Truef(t, status == exitUsage && strings.Contains(said, "no server found"), "%d %s", status, said)
			_, err := os.Stat(path)
			assert.Equalf(t, tt.removed, os.IsNotExist(err), "the file: %v, want it removed", err)
		})
	}
	if len(sent) == 0 || slices.ContainsFunc(sent, func(s string) bool { return s != proofPath }) {
		t.Errorf("the other program was sent %q, want %s alone", sent, proofPath)
	}
	t.Run("a server is there too", func(t *testing.T) {
		folder := ownState(t)
		path := plant(t, folder, "local-1-1.json", state{info: info{AdminURL: "http://" + free(t) + "/admin/v1"}, Key: key, Host: here})
		s := start(t) // removes it
		_, err := os.Stat(path)
		assert.Truef(t, os.IsNotExist(err), "the file: %v", err)
		status, _, said := asks(t, "tenant", "list")
		assert.Equalf(t, 0, status, "%d %s", status, said)
		s.end()
	})
}

// A file that others could have written or can read is refused, and named.
func TestState_RefusesWhatIsNotPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	good := state{info: info{AdminURL: "http://" + free(t) + "/admin/v1"}, Key: "key"}
	for name, tt := range map[string]struct {
		spoil func(folder, path string) error
		says  string
	}{
		"a file that others can read":   {func(_, path string) error { return os.Chmod(path, 0o640) }, "chmod 600"},
		"a file that others can write":  {func(_, path string) error { return os.Chmod(path, 0o602) }, "chmod 600"},
		"a folder that others can read": {func(folder, _ string) error { return os.Chmod(folder, 0o755) }, "chmod 700"},
		"a file that is a link": {func(_, path string) error {
			elsewhere := path + ".elsewhere"
			if err := os.Rename(path, elsewhere); err != nil {
				return err
			}
			return os.Symlink(elsewhere, path)
		}, "symbolic link"},
		"a folder that is a link": {func(folder, _ string) error {
			if err := os.Rename(folder, folder+"2"); err != nil {
				return err
			}
			return os.Symlink(folder+"2", folder)
		}, "symbolic link"},
		"a folder in place of a file": {func(_, path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o700)
		}, "not a file"},
		"a file of another form": {func(_, path string) error { return os.WriteFile(path, []byte(`{"adminUrl":"x"}`), 0o600) }, "not a state file"},
		"an empty file":          {func(_, path string) error { return os.WriteFile(path, nil, 0o600) }, "not a state file"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := ownState(t)
			path := plant(t, folder, "local-1-1.json", good)
			require.NoError(t, tt.spoil(folder, path))
			status, _, said := asks(t, "tenant", "list")
			if status != exitFailure || !strings.Contains(said, tt.says) || !strings.Contains(said, folder) {
				t.Errorf("%d %s, want %q and the path", status, said, tt.says)
			}
		})
	}
	t.Run("another user's file", func(t *testing.T) {
		path := plant(t, ownState(t), "local-1-1.json", good)
		found, err := os.Lstat(path)
		require.NoError(t, err)
		err = checkPrivate(path, found, 0, os.Geteuid()+1)
		assert.Truef(t, err != nil && strings.Contains(err.Error(), "another user"), "%v", err)
	})
}

// A server that cannot write a state file, or only into a folder that is not
// private, works and says that commands do not find it.
func TestState_ServesWithoutAFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	open := filepath.Join(t.TempDir(), "open")
	require.NoError(t, os.MkdirAll(filepath.Join(open, "rollcall"), 0o755))
	for name, tt := range map[string]struct {
		home   string
		listen string
		says   string
	}{
		"no HOME":                     {"", "127.0.0.1:0", "neither HOME nor XDG_STATE_HOME"},
		"a folder that others see":    {open, "127.0.0.1:0", "chmod 700"},
		"a file in place of a folder": {os.Args[0], "127.0.0.1:0", "no state file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", tt.home)
			t.Setenv("HOME", "")
			s := start(t, "--listen", tt.listen)
			said := s.stderr.String()
			assert.Truef(t, strings.Contains(said, tt.says) && strings.Contains(said, "no state file was written"), "said %s, want %q", said, tt.says)
			printed := s.stdout.String()
			assert.Truef(t, strings.Contains(printed, "  state file   -\n") && !strings.Contains(printed, " failures "), "printed %s", printed)
			status, _ := s.send("POST", "/Users", bob)
			assert.Equal(t, 201, status, "POST")
			s.end()
		})
	}
}

// A server that listens on all addresses is reached at this machine's own.
func TestState_OfAServerOnAllAddresses(t *testing.T) {
	ownState(t)
	s := start(t, "--listen", "0.0.0.0:0")
	status, _, said := asks(t, "tenant", "list")
	assert.Equalf(t, 0, status, "%d %s", status, said)
	s.end()
}

// The proof is valid for one nonce only, and does not reveal the key.
func TestState_Proof(t *testing.T) {
	s := state{Key: "key"}
	handler := s.withProof(http.NotFoundHandler())
	for target, want := range map[string]int{
		"/rollcall-local/proof?nonce=a": 200, "/rollcall-local/proof": 400, "/rollcall-local/proof?nonce=" + strings.Repeat("a", maxNonce+1): 400, "/Users": 404,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody))
		assert.Truef(t, w.Code == want && !strings.Contains(w.Body.String(), s.Key), "%s: %d %s, want %d", target, w.Code, w.Body, want)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/rollcall-local/proof?nonce=a", http.NoBody))
	assert.Equalf(t, 400, w.Code, "POST: %d %s", w.Code, w.Body)
	a, b := s.proof("a"), s.proof("b")
	assert.Truef(t, a != b && a != (state{Key: "other"}).proof("a") && len(a) == 64, "proofs %s, %s", a, b)
}

// Both tokens are the same after a restart with the same data, and no other
// user can read the files that keep them.
func TestLocal_TokensSurviveARestart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data", data)
	before := s.info
	s.end()
	for _, name := range []string{tokenFile("acme"), adminTokenFile} {
		found, err := os.Stat(filepath.Join(data, name))
		if err != nil || runtime.GOOS != "windows" && found.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, found.Mode(), err)
		}
	}
	s = start(t, "--data", data)
	assert.True(t, s.info.Token == before.Token && s.info.AdminToken == before.AdminToken, "a token changed with the restart")
	s.end()
	if runtime.GOOS != "windows" {
		testKeptFiles(t, data, before)
	}
	// A file that others could read, with invalid content, is replaced by one
	// that only this user can read.
	kept := filepath.Join(data, adminTokenFile)
	require.NoError(t, os.WriteFile(kept, []byte("spoiled"), 0o600))
	require.NoError(t, os.Chmod(kept, 0o644))
	s = start(t, "--data", data)
	if found, err := os.Stat(kept); err != nil || runtime.GOOS != "windows" && found.Mode().Perm() != 0o600 || s.info.AdminToken == before.AdminToken {
		t.Errorf("after a spoiled file: %v, %v", found.Mode(), err)
	}
	s.end()
}

// The permissions of a file that others can read are narrowed. A symbolic link is
// replaced, and its token with it, because somebody else may have written the target.
func testKeptFiles(t *testing.T, data string, before info) {
	t.Helper()
	tokens := func(i info) map[string]string {
		return map[string]string{tokenFile("acme"): i.Token, adminTokenFile: i.AdminToken}
	}
	for name := range tokens(before) {
		require.NoError(t, os.Chmod(filepath.Join(data, name), 0o666))
	}
	s := start(t, "--data", data)
	s.end()
	for name, token := range tokens(s.info) {
		if found, err := os.Stat(filepath.Join(data, name)); err != nil || found.Mode().Perm() != 0o600 || token != tokens(before)[name] {
			t.Errorf("%s after it was widened: %v, %v, the same token: %t", name, found.Mode(), err, token == tokens(before)[name])
		}
	}
	for name := range tokens(before) {
		kept, elsewhere := filepath.Join(data, name), filepath.Join(t.TempDir(), name)
		require.NoError(t, os.Rename(kept, elsewhere))
		require.NoError(t, os.Symlink(elsewhere, kept))
	}
	s = start(t, "--data", data)
	s.end()
	for name, token := range tokens(s.info) {
		if found, err := os.Lstat(filepath.Join(data, name)); err != nil || found.Mode() != 0o600 || token == tokens(before)[name] {
			t.Errorf("%s after it was a link: %v, %v, the same token: %t", name, found.Mode(), err, token == tokens(before)[name])
		}
	}
}

// Printed lines fit into 80 columns, except values, which have lines of their
// own.
func TestLocal_StartFitsTheTerminal(t *testing.T) {
	s := start(t)
	defer s.end()
	printed := s.stdout.String()
	for line := range strings.Lines(printed) {
		line = strings.TrimSuffix(line, "\n")
		if _, value, ok := strings.Cut(strings.TrimLeft(line, " "), "  "); ok && strings.HasPrefix(line, "  ") && !strings.Contains(strings.TrimLeft(value, " "), " ") {
			continue
		}
		// A test's program has a long name.
		line = strings.ReplaceAll(line, program(), "bin/rollcall")
		assert.Truef(t, len(line) <= 80, "%d columns: %s", len(line), line)
	}
	n := strings.Count(printed, "\n")
	assert.Truef(t, n <= 24, "%d lines do not fit a terminal of 24: %s", n, printed)
}

func TestShellWord(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("quotes of another kind")
	}
	for text, want := range map[string]string{"bin/rollcall": "bin/rollcall", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$(x)": "'$(x)'", "~/x": "'~/x'", "ü": "'ü'"} {
		assert.Equalf(t, want, shellWord(text), "%q is written", text)
	}
}
