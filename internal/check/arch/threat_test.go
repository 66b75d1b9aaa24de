package arch

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allTests returns the names of all tests and fuzz targets, and the ids of the hostile
// requests.
func allTests(t *testing.T) (tests, attacks map[string]bool) {
	t.Helper()
	tests, attacks = map[string]bool{}, map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	require.NoError(t, filepath.WalkDir(root(t), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(text, -1) {
			tests[string(m[1])] = true
		}
		return err
	}))
	for line := range strings.Lines(file(t, "internal/e2e/attack/testdata/cases.jsonl")) {
		var c struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(line), &c))
		attacks[c.ID] = true
	}
	return tests, attacks
}

// Every test that the threat model names exists, and every claim about an attacker and every
// published vulnerability names one.
func TestThreatModel_NamesExistingTests(t *testing.T) {
	tests, attacks := allTests(t)
	page := file(t, "docs/threat-model.md")
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*|[a-z]+-\\d{3})`")
	found := named.FindAllStringSubmatch(page, -1)
	assert.Greater(t, len(found), 100, "the page names its tests in another way")
	for _, m := range found {
		assert.True(t, m[1] == "TestName" || m[1] == "FuzzName" || tests[m[1]] || attacks[m[1]], "docs/threat-model.md names %s, which does not exist", m[1])
	}

	heading := ""
	rows := map[string]int{}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "#") {
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| |") || strings.Contains(line, "| shown by |") {
			continue
		}
		switch heading {
		case "Published vulnerabilities of others":
			assert.Regexp(t, `\]\(https://`, line, "without a source")
			fallthrough
		case "Denial of service", "A hostile or compromised identity provider, or a thief of its token":
			rows[heading]++
			assert.Regexp(t, named, line, "without a test")
		}
	}
	assert.GreaterOrEqual(t, rows["Published vulnerabilities of others"], 12)
	assert.Len(t, rows, 3)
}

// Every test that the page of galleries names exists, and every requirement names one.
func TestGallery_NamesExistingTests(t *testing.T) {
	tests, _ := allTests(t)
	page := file(t, "docs/gallery.md")
	named := regexp.MustCompile("`(Test[A-Z]\\w*)`")
	for _, m := range named.FindAllStringSubmatch(page, -1) {
		assert.True(t, m[1] == "TestName" || tests[m[1]], "docs/gallery.md names %s, which does not exist", m[1])
	}
	rows := 0
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| ") && !strings.Contains(line, "| shown by |") {
			rows++
			assert.True(t, named.MatchString(line) || strings.Contains(line, "`make conformance`"), "%s: no test", line)
		}
	}
	assert.Greater(t, rows, 20)
}
