package arch

import (
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// release matches a Go release with a patch number: 1.26.8.
var release = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

// The modules and the documents name one Go release, and the tests run with
// that release or a later one: a binary has the standard library of the
// toolchain that built it.
func TestGo_OneReleaseEverywhere(t *testing.T) {
	wanted := goDirective(t, "go.mod")
	require.Truef(t, release.MatchString(wanted), "go.mod has go %s: name a release with its patch number, for example 1.26.8", wanted)
	tools := goDirective(t, "tools/go.mod")
	assert.Equalf(t, wanted, tools, "tools/go.mod has go %s, go.mod has go %s", tools, wanted)
	for _, document := range []string{"README.md", "CONTRIBUTING.md", "docs/how-to/deploy.md"} {
		named := regexp.MustCompile(`\bGo (\d+\.\d+[.\d]*\d)`).FindAllStringSubmatch(file(t, filepath.FromSlash(document)), -1)
		assert.NotEmptyf(t, named, "%s names no Go release", document)
		for _, n := range named {
			assert.Equalf(t, wanted, n[1], "%s names Go %s, go.mod has go %s", document, n[1], wanted)
		}
	}
	if ci := file(t, filepath.Join(".ci", "run")); !strings.Contains(ci, `sed -n 's/^go //p' go.mod`) || regexp.MustCompile(`\b1\.\d\d\b`).MatchString(ci) {
		t.Error(".ci/run does not take the Go release from go.mod")
	}
	have := strings.TrimPrefix(runtime.Version(), "go")
	assert.Falsef(t, older(have, wanted), "the tests are run by Go %s, go.mod has go %s", have, wanted)
}

func goDirective(t *testing.T, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(file(t, filepath.FromSlash(name)))
	require.NotNilf(t, m, "%s has no go directive", name)
	return m[1]
}

// older reports whether a release is older than another. A version that is not
// a release, from a toolchain under development, is not older.
func older(have, wanted string) bool {
	have, _, _ = strings.Cut(have, " ")
	if !release.MatchString(have) {
		return false
	}
	a, b := strings.Split(have, "."), strings.Split(wanted, ".")
	for i := range a {
		x, _ := strconv.Atoi(a[i])
		y, _ := strconv.Atoi(b[i])
		if x != y {
			return x < y
		}
	}
	return false
}

func TestOlder(t *testing.T) {
	for _, tt := range []struct {
		have, wanted string
		want         bool
	}{
		{"1.26.8", "1.26.8", false},
		{"1.26.7", "1.26.8", true},
		{"1.26.10", "1.26.8", false},
		{"1.25.12", "1.26.8", true},
		{"1.27.0", "1.26.8", false},
		{"1.26.7 X:nocoverageredesign", "1.26.8", true},
		{"devel +abc", "1.26.8", false},
	} {
		assert.Equalf(t, tt.want, older(tt.have, tt.wanted), "%s is older than %s", tt.have, tt.wanted)
	}
}
