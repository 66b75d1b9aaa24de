package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bare returns a machine with these programs only.
func bare(programs ...string) machine {
	return machine{
		find: func(name string) (string, error) {
			for _, p := range programs {
				if p == name {
					return "/usr/bin/" + name, nil
				}
			}
			return "", exec.ErrNotFound
		},
		env:    func(string) string { return "" },
		system: "linux", processor: "amd64",
	}
}

func TestRun_ExplainsWrongUse(t *testing.T) {
	for _, tt := range []struct {
		args, want string
	}{
		{"", "Usage:"},
		{"serve", `unknown command "serve"; 'samlocal help' lists them`},
		{"api extra", `"extra" is not a flag; 'samlocal api --help' lists the flags`},
		{"api --nope", "'samlocal api --help' lists the flags"},
		{"api --image theirs", `--image "theirs": choose aws, own or auto`},
		{"api --dynamodb 127.0.0.1", "an endpoint looks like http://127.0.0.1:8000"},
		{"invoke", "give --event FILE"},
		{"invoke --event nowhere.json", "nowhere.json: no such file"},
		{"invoke --event ../../events/okta/create_user.json --function nobody", "unknown function nobody; the functions are AdminFunction, BulkFunction, DeliverFunction, DiscoveryFunction, FeedFunction, GroupsFunction, OAuthFunction, PortalFunction, SweepFunction, UsersFunction"},
		{"table --env-vars nowhere.json", "nowhere.json cannot be read"},
		{"test --without-docker maybe", `--without-docker "maybe": choose fail or report`},
	} {
		var out, problems bytes.Buffer
		status := run(t.Context(), strings.Fields(tt.args), bare(), &out, &problems)
		if status != exitUsage || !strings.Contains(problems.String(), tt.want) {
			t.Errorf("%q: status %d: %s, want %q", tt.args, status, problems.String(), tt.want)
		}
	}
}

func TestRun_PrintsHelp(t *testing.T) {
	for _, args := range []string{"help", "api --help", "invoke -h", "table --help", "test --help"} {
		var out, problems bytes.Buffer
		status := run(t.Context(), strings.Fields(args), bare(), &out, &problems)
		text := out.String() + problems.String()
		assert.Truef(t, status == exitDone && strings.Contains(text, "samlocal"), "%q: status %d: %s", args, status, text)
	}
}

func TestNeed_NamesEachMissingToolInALine(t *testing.T) {
	all := []tool{docker, python, gnu, golang, java, static}
	assert.NoError(t, bare("docker", "python3", "make", "go", "java", "busybox").need(all...), "with all of them")
	lines := strings.Split(bare("make").need(all...).Error(), "\n")
	require.Lenf(t, lines, len(all)-1, "%q, want %d lines", lines, len(all)-1)
	for i, want := range []string{"docker", "python3", "go", "java", "busybox"} {
		if !strings.HasPrefix(lines[i], want+" not found (") || !strings.Contains(lines[i], "): install") {
			t.Errorf("%q does not name %s and what to install", lines[i], want)
		}
	}
}

func TestTest_WithoutDockerSaysSoLoudly(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "template.yaml", "")
	for _, tt := range []struct {
		without string
		want    int
	}{{"fail", exitFailed}, {"report", exitDone}} {
		var out, problems bytes.Buffer
		status := run(t.Context(), []string{"test", "--without-docker", tt.without}, bare("make", "go", "python3", "java"), &out, &problems)
		text := out.String()
		if status != tt.want || !strings.Contains(text, "NOT RUN: sam local") || !strings.Contains(text, "docker not found") ||
			!strings.Contains(text, "install Docker") || strings.Contains(text, "passed") {
			t.Errorf("%s: status %d, want %d\n%s%s", tt.without, status, tt.want, text, problems.String())
		}
	}
}
