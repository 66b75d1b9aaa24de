package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table/embedded"
)

// kept returns a folder in which rollcall local has stored bob, and its tokens.
func kept(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data", folder)
	status, _ := s.send("POST", "/Users", bob)
	require.Equal(t, 201, status, "POST")
	s.end()
	return folder
}

// contents returns the contents of a folder.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	})
	require.False(t, err != nil && !os.IsNotExist(err), err)
	return all
}

// wantRefused starts rollcall local, and verify, on a folder: both end with status 1 and
// say what happened, that nothing was changed, and what to do. Nothing is changed.
func wantRefused(t *testing.T, folder string, words ...string) {
	t.Helper()
	before := contents(t, folder)
	for _, args := range [][]string{
		{"local", "--listen", "127.0.0.1:0", "--data", folder},
		{"verify", "--tenant", "acme", "--data", folder},
	} {
		want := exitFailure
		if args[0] == "verify" {
			want = exitUnchecked
		}
		var stdout, stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel() // of one that is served
		status := run(ctx, args, strings.NewReader(""), &stdout, &stderr)
		said := stderr.String()
		assert.Truef(t, status == want && strings.Count(said, "\n") == 1 && !strings.Contains(said, "goroutine"), "%s: status %d, %q", args[0], status, said)
		for _, word := range append(words, folder) {
			assert.Containsf(t, said, word, "%s: %q, want %q in it", args[0], said, word)
		}
		assert.Truef(t, stdout.Len() == 0, "%s prints %q", args[0], &stdout)
	}
	after := contents(t, folder)
	assert.Lenf(t, after, len(before), "there were %d files, and are %d", len(before), len(after))
	for path, content := range before {
		assert.Equalf(t, content, after[path], "%s was changed", path)
	}
}

func TestLocal_RefusesDamagedData(t *testing.T) {
	folder := kept(t)
	db := filepath.Join(folder, "rollcall.db")
	sound, err := os.ReadFile(db)
	require.NoError(t, err)
	garbage := bytes.Repeat([]byte("garbage "), 8<<10)
	for name, tt := range map[string]struct {
		content []byte // nil for no file
		says    []string
	}{
		"cut off":         {sound[:5*os.Getpagesize()], []string{"damaged", "cut off"}},
		"cut to nothing":  {[]byte{}, []string{"damaged", "it is empty"}},
		"garbage":         {garbage, []string{"damaged"}},
		"overwritten":     {append(bytes.Clone(sound[:8<<10]), garbage...), []string{"damaged"}},
		"missing":         {nil, []string{"missing", "token-acme"}},
		"another's pages": {append(bytes.Clone(sound[:8<<10]), make([]byte, len(sound)-8<<10)...), []string{"damaged"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.content == nil {
				err = os.Remove(db)
			} else {
				err = os.WriteFile(db, tt.content, 0o600)
			}
			require.NoError(t, err)
			wantRefused(t, folder, append(tt.says, "nothing was changed", "Restore rollcall.db from a copy", "move the whole folder away")...)
		})
	}
	// One token is enough.
	require.NoError(t, os.Remove(filepath.Join(folder, "token-acme")))
	require.NoError(t, os.RemoveAll(db))
	wantRefused(t, folder, "missing", "admin-token")
	// The restored data is complete.
	require.NoError(t, os.WriteFile(db, sound, 0o600))
	s := start(t, "--data", folder)
	status, _ := s.send("POST", "/Users", bob)
	assert.Equal(t, 409, status, "POST of a user who is there")
	s.end()
	// Without tokens there is nothing to lose.
	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, os.MkdirAll(folder, 0o700))
	require.NoError(t, os.WriteFile(db, nil, 0o600))
	start(t, "--data", folder).end()
}

func TestLocal_RefusesDataInUse(t *testing.T) {
	folder := kept(t)
	held, err := embedded.Open(filepath.Join(folder, "rollcall.db"))
	require.NoError(t, err)
	wantRefused(t, folder, "another process has it open", "stop 'rollcall local' there")
	require.NoError(t, held.Close())
}

// Root may write anywhere, so the test's thread runs as another user for a
// while.
func TestLocal_RefusesDataItMayNotWrite(t *testing.T) {
	folder := kept(t)
	db := filepath.Join(folder, "rollcall.db")
	for _, path := range []string{filepath.Dir(filepath.Dir(folder)), filepath.Dir(folder), folder, db} {
		require.NoError(t, os.Chmod(path, 0o555))
	}
	t.Cleanup(func() {
		for _, path := range []string{filepath.Dir(filepath.Dir(folder)), filepath.Dir(folder), folder} {
			assert.NoError(t, os.Chmod(path, 0o755))
		}
	})
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its user
		if os.Getuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				ended <- err
				return
			}
		}
		flags := engineFlags{data: folder, create: true}
		opened, err := flags.openFile()
		if err == nil {
			opened.close()
		}
		ended <- err
	}()
	err := <-ended
	for _, word := range []string{"can only be read", "nothing was changed", "--data DIR"} {
		assert.Truef(t, err != nil && strings.Contains(err.Error(), word), "got %v, want %q in it", err, word)
	}
}

// A server whose file is truncated while it runs answers 503 and continues.
func TestLocal_OutlivesItsData(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data", folder)
	status, _ := s.send("POST", "/Users", bob)
	require.Equal(t, 201, status, "POST")
	require.NoError(t, os.Truncate(filepath.Join(folder, "rollcall.db"), 8<<10))
	for range 3 {
		for _, request := range [][3]string{{"GET", "/Users", ""}, {"POST", "/Users", strings.Replace(bob, "bob", "ann", 1)}, {"GET", "/Groups", ""}} {
			status, answer := s.send(request[0], request[1], request[2])
			assert.Truef(t, status == 503 && answer["detail"] != nil, "%s %s: %d %v, want 503", request[0], request[1], status, answer)
		}
	}
	assert.Contains(t, s.stderr.String(), "the storage fails", "the log does not say why")
	s.end()
	// The file stays locked until the process ends.
	copied := filepath.Join(t.TempDir(), "copied")
	require.NoError(t, os.CopyFS(copied, os.DirFS(folder)))
	wantRefused(t, copied, "damaged")
}
