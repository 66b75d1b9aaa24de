// Package runtimetest provides tests with the functions' binaries, and with
// processes of them that end with the test.
package runtimetest

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime"
)

// BinariesVariable names a folder of built functions in the layout of sam
// build, for example .aws-sam/build, by its absolute path. They are for this
// machine. Without it they are built.
const BinariesVariable = "ROLLCALL_TEST_BINARIES"

// grace is how long a process may take to handle SIGTERM at the end of a test.
const grace = 5 * time.Second

var built struct {
	dir  string // "" outside of Run
	once sync.Once
	err  error

	mu    sync.Mutex
	other map[string]error // programs that are not deployed
}

// Run runs a package's tests and removes what was built for them. TestMain
// exits with its result.
func Run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rollcall-binaries-*")
	if err != nil {
		panic(err)
	}
	built.dir, built.other = dir, make(map[string]error)
	defer func() { _ = os.RemoveAll(dir) }()
	return m.Run()
}

// Binary returns the path of the binary of the program in a folder of this
// module. The deployed functions are taken from the folder that
// BinariesVariable names, or all built at once when the first is requested. The
// package's TestMain calls Run.
func Binary(t testing.TB, folder string) string {
	t.Helper()
	require.NotEmpty(t, built.dir, "the package's TestMain does not call runtimetest.Run")
	deployed := folder == lambdaruntime.Hook || slices.Contains(lambdaruntime.Functions, folder)
	if given := os.Getenv(BinariesVariable); given != "" && deployed {
		require.Truef(t, filepath.IsAbs(given), "%s=%s is not an absolute path; tests run in the folders of their packages", BinariesVariable, given)
		path := lambdaruntime.Bootstrap(given, folder)
		_, err := os.Stat(path)
		require.NoErrorf(t, err, "%s", BinariesVariable)
		return path
	}
	var err error
	if deployed {
		built.once.Do(func() {
			built.err = lambdaruntime.Build(t.Context(), built.dir, "", "", append(slices.Clone(lambdaruntime.Functions), lambdaruntime.Hook)...)
		})
		err = built.err
	} else {
		err = other(t, folder)
	}
	require.NoError(t, err)
	return lambdaruntime.Bootstrap(built.dir, folder)
}

// other builds a program once.
func other(t testing.TB, folder string) error {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	err, ok := built.other[folder]
	if !ok {
		err = lambdaruntime.Build(t.Context(), built.dir, "", "", folder)
		built.other[folder] = err
	}
	return err
}

// Start starts the program in a folder of this module, with its own variables,
// and ends it with the test.
func Start(t testing.TB, folder string, env map[string]string) *lambdaruntime.Function {
	t.Helper()
	f, err := lambdaruntime.Start(t.Context(), lambdaruntime.Process{
		Binary: Binary(t, folder), Env: env, Name: lambdaruntime.FunctionName(folder),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		exit, err := f.Shutdown(grace)
		assert.NoError(t, err)
		assert.Falsef(t, exit.Killed, "%s had to be killed: %s", folder, exit)
	})
	return f
}

// Invoke lets a function serve an event, and fails the test if there was no
// invocation.
func Invoke(t testing.TB, f *lambdaruntime.Function, event []byte) lambdaruntime.Result {
	t.Helper()
	r, err := f.Invoke(t.Context(), event)
	require.NoError(t, err)
	return r
}
