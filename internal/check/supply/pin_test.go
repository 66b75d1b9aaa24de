package supply_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An installer is a way to bring software of others onto the machine.
type installer struct {
	name    string
	pattern *regexp.Regexp
	// needs are what a line must have that uses it with hashes. Without any, only the places
	// in allowed may use it.
	needs []string
	// allowed are files, each with the reason.
	allowed map[string]string
	// examples are lines that install without a hash.
	examples []string
}

var installers = []installer{
	{
		name: "pip", pattern: regexp.MustCompile(`\bpip[\d.]*["']? +(?:-\S+ +)*(?:install|download|sync|wheel)\b|-m pip\b|\bpipx\b|\buvx\b|\buv["']? +(?:tool|add|run|sync)\b`),
		needs: []string{"--require-hashes", "-r "},
		examples: []string{
			`pip install requests`, `pip3 install -r requirements.txt`, `"$venv/bin/pip" install --quiet x`, `"$venv/bin/pip3" install x`,
			`uv pip install x`, `"$work/uv" pip sync requirements.txt`, `python3 -m pip install x`, `python3 -m pip --quiet install x`, `uvx ruff`, `pip --quiet install x`,
		},
	},
	{
		name: "Maven", pattern: regexp.MustCompile(`\bmvn +-`),
		needs:    []string{"--strict-checksums", "maven-dependency-plugin:3.8.1:copy-dependencies"},
		examples: []string{`mvn -q package`, `mvn -q -B --strict-checksums dependency:get`},
	},
	{
		name: "Go", pattern: regexp.MustCompile(`\bgo (?:run|get) [^#]*\S@|\bgo install\b|@latest\b`),
		examples: []string{`go run example.com/x@v1.2.3`, `go run -mod=mod example.com/x@latest`, `go install example.com/x@v1`, `go get example.com/x@v1`},
	},
	{
		name: "a distribution's packages", pattern: regexp.MustCompile(`\b(?:apt|apt-get|dnf|yum|brew|gem|cargo)(?: +-\S+)* +install\b|\bapk add\b`),
		allowed: map[string]string{
			".ci/run":                     "Debian's signed packages, on the machine of the tests",
			".github/workflows/check.yml": "Ubuntu's signed packages, on the machine of the tests",
			"scripts/docker.sh":           "Debian's signed packages, on the machine of the tests",
		},
		examples: []string{`apt-get install -y jq`, `apt-get -qq -y install jq`, `apt install jq`, `brew install jq`, `apk add jq`, `cargo install x`},
	},
	{
		name: "npm", pattern: regexp.MustCompile(`\bp?npm +(?:i|install|ci|add|exec)\b|\bnpx\b|\byarn +(?:add|install)\b`),
		needs:    []string{"npm ci", "--ignore-scripts"},
		allowed:  map[string]string{"scripts/pins.sh": "writes package-lock.json with the hashes, and installs nothing"},
		examples: []string{`npm i`, `npm install x`, `npm ci`, `npx x`, `pnpm add x`},
	},
	{
		name: "a download", pattern: regexp.MustCompile(`\b(?:curl|wget) +(?:-|["']?(?:\$|https?:))|\bgit +clone\b`),
		allowed: map[string]string{
			"cmd/rollcall/local.go": "a command for the user, to this server",
			"cmd/samlocal/api.go":   "a command for the user, to this server",
			"scripts/deploy.sh":     "a request to the deployed service",
		},
		examples: []string{`curl -sSfL https://example.com/x | sh`, `curl https://example.com/x`, `wget -q "$url"`, `wget "$url"`, `git clone https://example.com/x`},
	},
	{
		name: "a container image", pattern: regexp.MustCompile(`\bdocker +(?:pull|run)\b|^FROM `),
		allowed: map[string]string{
			"Dockerfile":            "FROM scratch, which is nothing",
			"cmd/samlocal/image.go": "AWS's image for sam local, which is Lambda's runtime of today",
			"cmd/samlocal/typed.go": "recognizes a command in the guide, and runs another one",
		},
		examples: []string{`docker pull alpine`, `docker run --rm alpine true`, `exec.Command("docker", "pull", name)`, `FROM alpine:3`},
	},
}

// fault reports whether a line of a file installs in a way that is not allowed there.
func (i installer) fault(file, line string) bool {
	if !i.pattern.MatchString(line) {
		return false
	}
	if _, ok := i.allowed[file]; ok {
		return false
	}
	return len(i.needs) == 0 || slices.ContainsFunc(i.needs, func(need string) bool { return !strings.Contains(line, need) })
}

// statements returns the lines of a program, without comments. A command that is given as a
// list of texts becomes one text.
func statements(text string) (lines []string) {
	text = strings.NewReplacer("\\\n", " ", `", "`, " ").Replace(text)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "//") {
			lines = append(lines, line)
		}
	}
	return lines
}

// programs returns the statements of everything that could install something, by file: scripts
// of all kinds, and Go code that is no test.
func programs(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		if e.IsDir() && (slices.Contains([]string{".git", ".aws-sam", "bin"}, name) || e.Name() == "node_modules") {
			return filepath.SkipDir
		}
		isProgram := slices.Contains([]string{".sh", ".py", ".go", ".mk", ".yml"}, filepath.Ext(name)) && !strings.HasSuffix(name, "_test.go")
		if !e.IsDir() && (isProgram || name == ".ci/run" || e.Name() == "Makefile" || strings.HasPrefix(e.Name(), "Dockerfile")) {
			all[name] = statements(read(t, name))
		}
		return err
	}))
	return all
}

// Every installation names what it may install by content, or is in the list of exceptions.
func TestInstallations_AreHashed(t *testing.T) {
	found := map[string]int{}
	used := map[string]bool{}
	for name, lines := range programs(t) {
		for _, line := range lines {
			for _, i := range installers {
				assert.False(t, i.fault(name, line), "%s installs by %s without a hash: %s", name, i.name, line)
				if i.pattern.MatchString(line) {
					found[i.name]++
					used[i.name+" "+name] = true
				}
			}
		}
	}
	assert.GreaterOrEqual(t, found["pip"], 3, "the installations are written in another way")
	assert.GreaterOrEqual(t, found["Maven"], 3, "the installations are written in another way")
	assert.GreaterOrEqual(t, found["npm"], 4, "the installations are written in another way")
	for _, i := range installers {
		for name := range i.allowed {
			assert.True(t, used[i.name+" "+name], "%s does not install by %s: remove it from the list", name, i.name)
		}
	}
}

// Each way to install is noticed in a script, and what only names a program is none.
func TestInstallations_AreHashed_CanFail(t *testing.T) {
	fault := func(line string) bool {
		return slices.ContainsFunc(statements(line), func(line string) bool {
			return slices.ContainsFunc(installers, func(i installer) bool { return i.fault("scripts/new.sh", line) })
		})
	}
	for _, i := range installers {
		require.NotEmpty(t, i.examples, i.name)
		for _, line := range i.examples {
			assert.True(t, slices.ContainsFunc(statements(line), func(line string) bool { return i.fault("scripts/new.sh", line) }), "%s: %s is allowed", i.name, line)
		}
	}
	assert.True(t, fault("pip install \\\n\tx"), "a command of two lines")
	for _, line := range []string{
		`"$venv/bin/pip" install --require-hashes -r requirements.txt`, `"$uv" pip compile requirements.in`, `command -v curl >/dev/null || missing+=(curl ca-certificates)`,
		`command -v npm`, `go run ./scripts/testreport -- ./...`, `# curl -s https://example.com`, `"$venv/bin/pip" check --quiet`, `npm ci --ignore-scripts`,
	} {
		assert.False(t, fault(line), "%s is refused", line)
	}
}

// The Makefile builds all functions in one way: without cgo and without the machine's paths.
func TestFunctions_AreBuiltWithoutCgoAndPaths(t *testing.T) {
	makefile := read(t, "Makefile")
	assert.Regexp(t, `(?m)^BUILD = CGO_ENABLED=0 GOOS=linux go build -trimpath `, makefile)
	assert.Regexp(t, `(?m)^define build\n[^\n]*\n\tGOARCH=\$\(LAMBDA_ARCH\) \$\(BUILD\) `, makefile)
	recipes := regexp.MustCompile(`(?m)^build-\w+Function:\n\t(.*)$`).FindAllStringSubmatch(makefile, -1)
	assert.Len(t, recipes, 11)
	for _, recipe := range recipes {
		assert.Regexp(t, `^\$\(call build,\w+\)$`, recipe[1])
	}
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

// Every package of npm has one version, the requested one, and a hash; none names the registry
// that it came from.
func TestPackages_AreLocked(t *testing.T) {
	type manifest struct {
		Dependencies    map[string]string
		DevDependencies map[string]string
	}
	for _, folder := range []string{"tools/axe", "sdk/typescript", "examples/typescript", "scripts/conformance/webhooks"} {
		var asked manifest
		var locked struct {
			LockfileVersion int
			Packages        map[string]struct {
				Version, Resolved, Integrity string
				Link                         bool
			}
		}
		require.NoError(t, json.Unmarshal([]byte(read(t, folder+"/package.json")), &asked))
		require.NoError(t, json.Unmarshal([]byte(read(t, folder+"/package-lock.json")), &locked))
		assert.Equal(t, 3, locked.LockfileVersion, folder)
		all := maps.Clone(asked.DevDependencies)
		maps.Copy(all, asked.Dependencies)
		assert.NotEmpty(t, all, folder)
		const own = "../../sdk/typescript" // the package beside it, which has a lock of its own
		for name, version := range all {
			if p := locked.Packages["node_modules/"+name]; p.Link {
				assert.Equal(t, "file:"+own, version, "%s: %s", folder, name)
				continue
			}
			assert.Equal(t, version, locked.Packages["node_modules/"+name].Version, "%s: %s: run scripts/pins.sh", folder, name)
		}
		for name, p := range locked.Packages {
			if name == "" || name == own || p.Link && p.Resolved == own {
				continue
			}
			assert.Regexp(t, `^\d+\.\d+\.\d+$`, p.Version, "%s: %s", folder, name)
			assert.Regexp(t, `^sha512-[\w+/]{86}==$`, p.Integrity, "%s: %s", folder, name)
			assert.Empty(t, p.Resolved, "%s: %s", folder, name)
		}
	}
}

// The packages for applications depend on the library of signatures alone.
func TestSDK_DependsOnTheSignatureLibraryOnly(t *testing.T) {
	var npm struct{ Dependencies map[string]string }
	require.NoError(t, json.Unmarshal([]byte(read(t, "sdk/typescript/package.json")), &npm))
	assert.Len(t, npm.Dependencies, 1)
	assert.Contains(t, npm.Dependencies, "standardwebhooks")
	dependencies := regexp.MustCompile(`(?m)^dependencies = \["standardwebhooks==([\d.]+)"\]$`).FindStringSubmatch(read(t, "sdk/python/pyproject.toml"))
	require.NotNil(t, dependencies)
	assert.Contains(t, read(t, "sdk/requirements.in"), "\nstandardwebhooks=="+dependencies[1]+"\n", "another version is tested")
}

// Every Python package has one version and the hashes of its files; the packages that are
// requested directly have the requested version.
func TestRequirements_AreHashed(t *testing.T) {
	line := regexp.MustCompile(`^([\w.-]+(?:\[[\w,]+\])?)==([\w.+]+)(?: ; [^\\]+)? \\$`)
	name := func(s string) string {
		return strings.ToLower(strings.ReplaceAll(regexp.MustCompile(`\[.*`).ReplaceAllString(s, ""), "_", "-"))
	}
	for _, folder := range []string{"tools", "tools/checkov", "scripts/conformance", "sdk", "examples/python"} {
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
		asked, least := 0, 2
		if folder == "tools/checkov" || folder == "examples/python" {
			least = 1
		}
		for _, l := range strings.Split(read(t, folder+"/requirements.in"), "\n") {
			if package_, version, ok := strings.Cut(l, "=="); ok && !strings.HasPrefix(l, "#") {
				asked++
				assert.Equal(t, version, versions[name(package_)], "%s: run scripts/pins.sh: %s", folder, l)
			}
		}
		assert.GreaterOrEqual(t, asked, least, folder)
	}
}

// The sums of the Go modules of the product and of the tools are committed, and nothing
// turns their check off.
func TestGoSums_AreChecked(t *testing.T) {
	for _, mod := range []string{"go.mod", "tools/go.mod", "tools/sbom.mod", "tools/actionlint.mod"} {
		sums := read(t, strings.TrimSuffix(mod, "mod")+"sum")
		for _, m := range regexp.MustCompile(`(?m)^\s+(\S+) (v\S+)( // indirect)?$`).FindAllStringSubmatch(read(t, mod), -1) {
			assert.Contains(t, sums, m[1]+" "+m[2], "%s has no sum of %s", mod, m[1])
		}
	}
	for name, lines := range programs(t) {
		text := strings.Join(lines, "\n")
		for _, off := range []string{"GONOSUMDB", "GONOSUMCHECK", "GOFLAGS=-insecure", "GOINSECURE", "GONOPROXY", "GOPRIVATE", "GOSUMDB=off", "--trusted-host", "-Dmaven.wagon.http.ssl.insecure"} {
			assert.NotContains(t, text, off, name)
		}
	}
	_, err := os.Stat(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
}
