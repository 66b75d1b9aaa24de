package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clocks has the files of the product that read a clock themselves, with the
// reason. All others are given one: in a deployment
// app.WallClock, which has no monotonic reading. The monotonic clock stops
// while a Lambda function is frozen, and what is cached until a time would be
// used for longer.
var clocks = map[string]string{
	"internal/app/app.go":                 "WallClock itself",
	"internal/console/site.go":            "the time of day, if no clock is given",
	"internal/table/embedded/embedded.go": "tokens of transactions, on one machine that is never frozen",
	"internal/table/retry.go":             "waits within one call; times that were given to it are compared by the time of day",
	"internal/store/pace.go":              "waits within one sweep",
	"internal/store/sweep.go":             "how long one sweep takes",
}

func TestClocks_AreGiven(t *testing.T) {
	reads := regexp.MustCompile(`\btime\.(Now|Since|Until)\b`)
	seen := map[string]bool{}
	for _, folder := range []string{"internal", "functions"} {
		err := filepath.WalkDir(filepath.Join(root(t), folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			code, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root(t), path)
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			if room := roomOf("./" + filepath.ToSlash(filepath.Dir(name))).name; room == "tests" || room == "stand-ins" {
				return nil
			}
			for line := range strings.Lines(string(code)) {
				line, _, _ = strings.Cut(line, "//")
				if !reads.MatchString(line) {
					continue
				}
				if seen[name] = true; clocks[name] == "" {
					t.Errorf("%s reads a clock itself; give it one:\n%s", name, line)
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	for name := range clocks {
		assert.Truef(t, seen[name], "%s reads no clock: remove it from the list", name)
	}
}
