package supply_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(b)
}

// run runs a command, and returns its exit code and what it printed.
func run(t *testing.T, env []string, name string, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	b, err := cmd.CombinedOutput()
	if failed := (*exec.ExitError)(nil); err != nil {
		require.True(t, errors.As(err, &failed), "%v: %s", err, b)
		code = failed.ExitCode()
	}
	return code, string(b)
}

// The script succeeds without a search for vulnerabilities only if there is no
// connection, and never where a result is required.
func TestVuln_FailsClosed(t *testing.T) {
	const fetching = `govulncheck: fetching vulnerabilities: Get "https://vuln.example/index/modules.json.gz": `
	for _, tt := range []struct {
		name, out string
		status    int
		want      int
		says      string
	}{
		{"nothing found", "No vulnerabilities found.", 0, 0, "no known vulnerability is called"},
		{"found", "Vulnerability #1: GO-2026-0001", 3, 3, "GO-2026-0001"},
		{"found, and a text about a network", "Vulnerability #1: a timeout in dial tcp: no such host", 3, 3, "Vulnerability #1"},
		{"no name server", fetching + "dial tcp: lookup vuln.example: no such host", 1, 0, "NOT CHECKED"},
		{"no route", fetching + "dial tcp 192.0.2.1:443: connect: network is unreachable", 1, 0, "NOT CHECKED"},
		{"no proxy", fetching + "proxyconnect tcp: dial tcp 192.0.2.1:8080: connect: connection refused", 1, 0, "NOT CHECKED"},
		{"no answer", fetching + "net/http: TLS handshake timeout", 1, 0, "NOT CHECKED"},
		{"another host's certificate", fetching + "tls: failed to verify certificate: x509: certificate is valid for other.example", 1, 1, "FAILED"},
		{"refused by the database", "govulncheck: fetching vulnerabilities: HTTP GET /index/modules.json.gz returned unexpected status: 403 Forbidden", 1, 1, "FAILED"},
		{"a damaged database", "govulncheck: fetching vulnerabilities: invalid character '<' looking for beginning of value", 1, 1, "FAILED"},
		{"the code does not compile", "govulncheck: loading packages: \n./x.go:1:1: timeout undeclared (dial tcp)", 1, 1, "FAILED"},
		{"two errors", fetching + "dial tcp: no such host\ngovulncheck: loading packages: errors", 1, 1, "FAILED"},
		{"a tool that cannot be built", "go: example.com/x@v1: dial tcp: lookup proxy.example: no such host", 1, 1, "FAILED"},
		{"a tool that ends without a word", "", 2, 2, "FAILED"},
		{"a tool that is killed", "signal: killed", 137, 137, "FAILED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(folder, "scripts"), 0o700))
			write := func(name, text string) {
				require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.FromSlash(name)), []byte(text), 0o700))
			}
			write("go.mod", regexp.MustCompile(`(?m)^go .*`).FindString(read(t, "go.mod"))+"\n")
			write("scripts/vuln.sh", read(t, "scripts/vuln.sh"))
			write("out", tt.out+"\n")
			write("scripts/tool.sh", "#!/bin/sh\ncat out\nexit "+strconv.Itoa(tt.status)+"\n")
			code, out := run(t, []string{"ROLLCALL_VULN="}, filepath.Join(folder, "scripts", "vuln.sh"))
			assert.Equal(t, tt.want, code, out)
			assert.Contains(t, out, tt.says)
			if tt.says != "NOT CHECKED" {
				return
			}
			code, out = run(t, []string{"ROLLCALL_VULN=required"}, filepath.Join(folder, "scripts", "vuln.sh"))
			assert.NotZero(t, code, out)
			assert.Contains(t, out, "FAILED: NOT CHECKED")
		})
	}
}

// A folder with another file, another content or one file less is refused.
func TestChecksums_RefuseOtherFiles(t *testing.T) {
	folder, list := t.TempDir(), filepath.Join(t.TempDir(), "list")
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	write("a.jar", "a")
	write("b.jar", "b")
	script := filepath.Join(root, "scripts", "checksums.sh")
	code, sums := run(t, nil, script, folder)
	require.Zero(t, code, sums)
	require.Len(t, strings.Split(strings.TrimSpace(sums), "\n"), 2)
	require.NoError(t, os.WriteFile(list, []byte(sums), 0o600))
	check := func(want int, what string) {
		t.Helper()
		code, out := run(t, nil, script, folder, list)
		assert.Equal(t, want, code, "%s: %s", what, out)
	}
	check(0, "the same files")
	write("a.jar", "A")
	check(1, "another content")
	write("a.jar", "a")
	write("c.jar", "c")
	check(1, "another file")
	require.NoError(t, os.Remove(filepath.Join(folder, "c.jar")))
	require.NoError(t, os.Remove(filepath.Join(folder, "b.jar")))
	check(1, "a missing file")
}
