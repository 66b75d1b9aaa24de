package supply_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scripts returns the texts of everything that could install a tool, by name.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"Makefile": read(t, "Makefile"), ".ci/run": read(t, ".ci/run")}
	for _, pattern := range []string{"scripts/*.sh", "scripts/*/*.sh"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, file := range files {
			name, err := filepath.Rel(root, file)
			require.NoError(t, err)
			all[filepath.ToSlash(name)] = strings.ReplaceAll(read(t, filepath.ToSlash(name)), "\\\n", " ")
		}
	}
	return all
}

// Every installation names what it may install by content.
func TestInstallations_AreHashed(t *testing.T) {
	calls := map[string]int{}
	for name, text := range scripts(t) {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "#") {
				continue
			}
			for command, needs := range map[string][]string{
				`pip" install`: {"--require-hashes", "-r "},
				`mvn -`:        {"--strict-checksums", "maven-dependency-plugin:3.8.1:copy-dependencies"},
			} {
				if !strings.Contains(line, command) {
					continue
				}
				calls[command]++
				for _, need := range needs {
					assert.Contains(t, line, need, "%s: %s", name, line)
				}
			}
			for _, word := range []string{"npm ", "npx ", "go install ", "@latest", "wget ", "curl -", "pip3 ", "git clone"} {
				assert.False(t, strings.Contains(line, word) && !strings.Contains(line, "command -v"), "%s installs without a hash: %s", name, line)
			}
		}
	}
	assert.GreaterOrEqual(t, calls[`pip" install`], 3, "the installations are written in another way")
	assert.GreaterOrEqual(t, calls[`mvn -`], 3, "the installations are written in another way")
}

// The files that Maven fetches are compared with their sums, and the sums are for the
// versions in pom.xml.
func TestJars_AreListed(t *testing.T) {
	version := regexp.MustCompile(`<version>([\d.]+)</version>|\.version>([\d.]+)</`)
	for folder, script := range map[string]string{
		"scripts/dynamodb-local": "scripts/dynamodb-local/run.sh", "scripts/conformance/sdk": "scripts/conformance.sh", "scripts/conformance/unboundid": "scripts/conformance.sh",
	} {
		list := strings.Split(strings.TrimSpace(read(t, folder+"/jars.sha256")), "\n")
		assert.Greater(t, len(list), 10, folder)
		for _, line := range list {
			assert.Regexp(t, `^[0-9a-f]{64}  [\w.@+-]+$`, line, folder)
		}
		assert.Regexp(t, `checksums\.sh" [^\n]+jars\.sha256"`, read(t, script))
		for _, m := range version.FindAllStringSubmatch(read(t, folder+"/pom.xml"), -1) {
			v := m[1] + m[2]
			assert.True(t, v == "1" || slices.ContainsFunc(list, func(line string) bool { return strings.Contains(line, "-"+v+".") }), "%s: no file has the version %s of pom.xml", folder, v)
		}
	}
}

// Every Python package has one version and the hashes of its files; the packages that are
// requested directly have the requested version.
func TestRequirements_AreHashed(t *testing.T) {
	line := regexp.MustCompile(`^([\w.-]+(?:\[[\w,]+\])?)==([\w.+]+)(?: ; [^\\]+)? \\$`)
	name := func(s string) string {
		return strings.ToLower(strings.ReplaceAll(regexp.MustCompile(`\[.*`).ReplaceAllString(s, ""), "_", "-"))
	}
	for _, folder := range []string{"tools", "scripts/conformance"} {
		versions, hashes, current := map[string]string{}, map[string]int{}, ""
		for _, l := range strings.Split(read(t, folder+"/requirements.txt"), "\n") {
			switch m := line.FindStringSubmatch(l); {
			case m != nil:
				current = name(m[1])
				versions[current] = m[2]
			case regexp.MustCompile(`^    --hash=sha256:[0-9a-f]{64}( \\)?$`).MatchString(l):
				hashes[current]++
			default:
				assert.True(t, l == "" || strings.HasPrefix(strings.TrimSpace(l), "#"), "%s: %s", folder, l)
			}
		}
		for package_ := range versions {
			assert.Positive(t, hashes[package_], "%s: %s has no hash", folder, package_)
		}
		asked := 0
		for _, l := range strings.Split(read(t, folder+"/requirements.in"), "\n") {
			if package_, version, ok := strings.Cut(l, "=="); ok && !strings.HasPrefix(l, "#") {
				asked++
				assert.Equal(t, version, versions[name(package_)], "%s: run scripts/pins.sh: %s", folder, l)
			}
		}
		assert.GreaterOrEqual(t, asked, 2, folder)
	}
}

// The sums of the Go modules of the product and of the tools are committed, and nothing
// turns their check off.
func TestGoSums_AreChecked(t *testing.T) {
	for _, mod := range []string{"go.mod", "tools/go.mod", "tools/sbom.mod"} {
		sums := read(t, strings.TrimSuffix(mod, "mod")+"sum")
		for _, m := range regexp.MustCompile(`(?m)^\s+(\S+) (v\S+)( // indirect)?$`).FindAllStringSubmatch(read(t, mod), -1) {
			assert.Contains(t, sums, m[1]+" "+m[2], "%s has no sum of %s", mod, m[1])
		}
	}
	for name, text := range scripts(t) {
		for _, off := range []string{"GONOSUMDB", "GONOSUMCHECK", "GOFLAGS=-insecure", "GOINSECURE", "GONOPROXY", "GOPRIVATE", "GOSUMDB=off", "--trusted-host", "-Dmaven.wagon.http.ssl.insecure"} {
			assert.NotContains(t, text, off, name)
		}
	}
	_, err := os.Stat(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
}
