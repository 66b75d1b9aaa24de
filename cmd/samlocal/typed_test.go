package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
)

func TestGuide_HasCommandsThatAreTried(t *testing.T) {
	commands := guideCommands(t)
	tries := (&typed{}).tries()
	seen := map[string]bool{}
	for _, command := range commands {
		kind, err := kindOf(command)
		assert.NoError(t, err)
		_, ok := tries[kind]
		assert.NotEqualf(t, (beside[kind] != ""), ok, "%s: is either tested, or has a reason why not", command)
		seen[kind] = true
	}
	for _, kind := range []string{typedDynamoDB, typedTable, typedBuild, typedInvoke, typedStartAPI, typedStartLambda, typedRequest} {
		assert.Truef(t, seen[kind], "%s has no command %s", guide, kind)
	}
	asked := request.FindStringSubmatch((&typed{commands: commands}).command(typedRequest))
	assert.Truef(t, asked != nil && asked[1] == fixture.Token, "the request of the guide has another token than make sam-table prints: %v", asked)
	_, err := kindOf("sam sync")
	assert.Error(t, err, "a command that is not tested is accepted")
	for _, wrong := range []string{"", "## SAM's own commands\n", "\n## SAM's own commands\ntext\n## Next\n```sh\nsam build\n```\n"} {
		got, err := commandsOf(wrong)
		assert.Errorf(t, err, "%q has the commands %q", wrong, got)
	}
}

func guideCommands(t *testing.T) []string {
	t.Helper()
	commands, err := commandsOf(checkoutFile(t, guide))
	require.NoError(t, err)
	return commands
}

func checkoutFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(b)
}

// Every SAM command that another document prints is one of the guide's.
func TestDocuments_PrintTheCommandsOfTheGuide(t *testing.T) {
	commands := guideCommands(t)
	printed := regexp.MustCompile("(?:`|&& |(?m:^))(sam local (?:invoke|start-api|start-lambda)[^`\n&]*)")
	found := 0
	for _, name := range []string{"README.md", "events/README.md", "CONTRIBUTING.md", "docs/how-to/deploy.md", "docs/how-to/runbook.md", "docs/how-to/verify.md", "docs/reference/log-events.md", guide} {
		for _, m := range printed.FindAllStringSubmatch(checkoutFile(t, name), -1) {
			command := strings.TrimSpace(m[1])
			if command == "sam local invoke" { // its name
				continue
			}
			found++
			assert.Truef(t, slices.Contains(commands, command), "%s has %q, which is not in the guide", name, command)
		}
	}
	assert.Truef(t, found >= 4, "only %d commands are found", found)
}

// env.json, samconfig.toml and the guide agree on the ports and the folders.
func TestConfiguration_IsThatOfTheGuide(t *testing.T) {
	e, err := readEnvVars(filepath.Join("..", "..", envFile))
	require.NoError(t, err)
	if e.DynamoDB != "http://"+hostName+":8000" || e.fromHere() != "http://127.0.0.1:8000" || e.BaseURL != baseURL("127.0.0.1:3000") {
		t.Errorf("%+v, want DynamoDB at port 8000 and the API at 3000", e)
	}
	text := checkoutFile(t, guide)
	for _, want := range []string{"-p 8000:8000", "`" + e.Table + "`", "`" + envFile + "`"} {
		assert.Containsf(t, text, want, "%s lacks %s", guide, want)
	}
	config := checkoutFile(t, "samconfig.toml")
	for _, section := range []string{"local_invoke", "local_start_api", "local_start_lambda"} {
		_, parameters, found := strings.Cut(config, "[default."+section+".parameters]\n")
		parameters, _, _ = strings.Cut(parameters, "\n[")
		for _, want := range []string{`template = ".aws-sam/local/template.yaml"`, `env_vars = "env.json"`, `add_host = ["` + hostName + `:host-gateway"]`} {
			assert.Truef(t, found && strings.Contains(parameters, want), "%s lacks %s", section, want)
		}
	}
}

func TestSamconfig_GetsPortsAndImage(t *testing.T) {
	config := checkoutFile(t, "samconfig.toml")
	c := &typed{session: &session{image: image{"own:x86_64", true}}}
	got := c.samconfig(config, "3456")
	n := strings.Count(got, "invoke_image = [\"own:x86_64\"]")
	assert.Equalf(t, 3, n, "%d sections have the image", n)
	n = strings.Count(got, "port = 3456")
	assert.Equalf(t, 2, n, "%d sections have the port", n)
	c.image.ours = false
	if got := c.samconfig(config, "3456"); strings.Contains(got, "image") || len(got) <= len(config) {
		t.Error("AWS's image is named")
	}
}

func TestCloneTo_LeavesOutWhatIsBuilt(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "clone")
	for _, name := range []string{"template.yaml", "scripts/sam.sh", "docs/bin/x", "bin/rollcall", ".aws-sam/build/x", ".git/config"} {
		file := filepath.Join(from, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		write(t, file, name)
	}
	require.NoError(t, os.Chmod(filepath.Join(from, "scripts", "sam.sh"), 0o700))
	require.NoError(t, cloneTo(from, to))
	for name, want := range map[string]bool{"template.yaml": true, "scripts/sam.sh": true, "docs/bin/x": true, "bin": false, ".aws-sam": false, ".git": false} {
		_, err := os.Stat(filepath.Join(to, name))
		assert.Equalf(t, want, err == nil, "%s: %v, want it there %t", name, err, want)
	}
	info, err := os.Stat(filepath.Join(to, "scripts", "sam.sh"))
	assert.Truef(t, err == nil && info.Mode().Perm()&0o100 != 0, "a program cannot be run: %v", err)
}

func TestReadEnvVars_SaysWhatIsWrong(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"no JSON": "x", "nothing": "{}", "no address": `{"Parameters":{"ROLLCALL_TABLE":"t","ROLLCALL_BASE_URL":"b"}}`} {
		write(t, envFile, content)
		_, err := readEnvVars(envFile)
		assert.Truef(t, err != nil && strings.Contains(err.Error(), envFile), "%s: %v", name, err)
	}
	write(t, envFile, `{"Parameters":{"ROLLCALL_TABLE":"t","ROLLCALL_BASE_URL":"b","AWS_ENDPOINT_URL_DYNAMODB":"http://dynamodb.test:1"}}`)
	e, err := readEnvVars(envFile)
	assert.Truef(t, err == nil && e.fromHere() == "http://dynamodb.test:1", "%+v %v", e, err)
}

// No variable of make reaches the commands that are typed.
func TestShell_IsAsADeveloperHasIt(t *testing.T) {
	s := newTestSession(t)
	cmd := s.shell(t.Context(), `printf '%s' "${ARGS-none} ${MAKEFLAGS-none} ${ROLLCALL_TEST_DYNAMODB-none} $KEPT"`,
		[]string{"ARGS=--only", "MAKEFLAGS=s", "ROLLCALL_TEST_DYNAMODB=http://x", "KEPT=kept"})
	cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"))
	out, err := cmd.Output()
	assert.Truef(t, err == nil && string(out) == "none none none kept", "%q %v", out, err)
}
