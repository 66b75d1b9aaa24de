package supply_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// A workflow is a workflow of GitHub Actions.
type workflow struct {
	On          yaml.Node      `yaml:"on"`
	Permissions *permissions   `yaml:"permissions"`
	Jobs        map[string]job `yaml:"jobs"`
}

// permissions are those of a job's token, by scope.
type permissions map[string]string

// A job is a job of a workflow, or a call of another workflow.
type job struct {
	Uses        string       `yaml:"uses"`
	RunsOn      string       `yaml:"runs-on"`
	Timeout     int          `yaml:"timeout-minutes"`
	Environment string       `yaml:"environment"`
	Permissions *permissions `yaml:"permissions"`
	Steps       []struct {
		Uses string         `yaml:"uses"`
		Run  string         `yaml:"run"`
		With map[string]any `yaml:"with"`
	} `yaml:"steps"`
}

var (
	// pinnedAction is a use of an action by a commit, with its version for people.
	pinnedAction = regexp.MustCompile(`^uses: ([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$`)
	// usesLine is a line that uses an action or a workflow.
	usesLine = regexp.MustCompile(`(?m)^ *(?:- )?(uses: .*)$`)
)

// triggers are the events that may start a workflow. Others, for example
// pull_request_target, give a stranger's text or code the rights of the repository.
var triggers = []string{"pull_request", "push", "workflow_call", "workflow_dispatch"}

// writes are the rights beyond reading, by file, job and scope, with what they are for.
var writes = map[string]string{
	"release.yml publish contents":     "creates the release",
	"release.yml publish id-token":     "signs the attestation",
	"release.yml publish attestations": "stores the attestation",
	"deploy.yml plan id-token":         "assumes the role that creates change sets",
	"deploy.yml execute id-token":      "assumes the role that executes them",
	"rollback.yml former id-token":     "passes the right to deploy.yml",
}

// faults returns what a workflow may not have.
func faults(t *testing.T, name, text string) (found []string) {
	t.Helper()
	fault := func(format string, args ...any) { found = append(found, name+": "+fmt.Sprintf(format, args...)) }
	var w workflow
	require.NoError(t, yaml.Unmarshal([]byte(text), &w), name)
	on := map[string]any{}
	require.NoError(t, w.On.Decode(&on), "%s: on is not a list by name", name)
	for event := range on {
		if !slices.Contains(triggers, event) {
			fault("%s may not start it", event)
		}
	}
	for _, m := range usesLine.FindAllStringSubmatch(text, -1) {
		if !pinnedAction.MatchString(m[1]) && !strings.HasPrefix(m[1], "uses: ./.github/workflows/") {
			fault("%s is not pinned by a commit with its version", m[1])
		}
	}
	if strings.Contains(text, "secrets") && regexp.MustCompile(`\$\{\{[^}]*\bsecrets\b|secrets: inherit`).MatchString(text) {
		fault("uses a secret")
	}
	if w.Permissions == nil || len(*w.Permissions) > 0 {
		fault("the workflow has rights; its jobs have their own")
	}
	_, strangers := on["pull_request"]
	for _, id := range slices.Sorted(maps.Keys(w.Jobs)) {
		for _, f := range w.Jobs[id].faults(name+" "+id, strangers) {
			fault("%s %s", id, f)
		}
	}
	return found
}

// faults returns what a job may not have. Strangers start it with a pull request.
func (j job) faults(id string, strangers bool) (found []string) {
	fault := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if j.Permissions == nil {
		fault("does not name its rights")
		j.Permissions = &permissions{}
	}
	for scope, right := range *j.Permissions {
		switch {
		case right == "read":
		case writes[id+" "+scope] == "" || right != "write":
			fault("may %s %s", right, scope)
		case strangers:
			fault("is started by pull requests, and may write %s", scope)
		}
	}
	if j.Uses != "" {
		return found
	}
	if (*j.Permissions)["id-token"] != "" && j.Environment == "" {
		fault("has an identity without an environment")
	}
	if j.Timeout == 0 || j.RunsOn == "" || strings.Contains(j.RunsOn, "latest") {
		fault("has no time limit, or no fixed system")
	}
	for _, s := range j.Steps {
		if strings.Contains(s.Run, "${{") {
			fault("inserts a value into a script; pass it in env: %s", s.Run)
		}
		if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
			fault("leaves the token in the checkout")
		}
		if strings.HasPrefix(s.Uses, "actions/setup-go@") && s.With["cache"] != false {
			fault("builds from a cache that other runs write")
		}
	}
	return found
}

// workflows returns the texts of the repository's workflows, by name.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*"))
	require.NoError(t, err)
	all := map[string]string{}
	for _, f := range files {
		all[filepath.Base(f)] = read(t, ".github/workflows/"+filepath.Base(f))
	}
	require.GreaterOrEqual(t, len(all), 4)
	return all
}

// Workflows run pinned actions with the rights that they need, and no text of a stranger
// becomes a part of a script.
func TestWorkflows_AreSafe(t *testing.T) {
	used := map[string]bool{}
	commits := map[string]string{}
	for name, text := range workflows(t) {
		assert.Empty(t, faults(t, name, text))
		for _, m := range usesLine.FindAllStringSubmatch(text, -1) {
			action := pinnedAction.FindStringSubmatch(m[1])
			if action == nil {
				continue
			}
			pin := action[2] + " " + action[3]
			before, ok := commits[action[1]]
			assert.True(t, !ok || before == pin, "%s is used as %s and as %s", action[1], before, pin)
			commits[action[1]] = pin
		}
		var w workflow
		require.NoError(t, yaml.Unmarshal([]byte(text), &w))
		for id, j := range w.Jobs {
			for scope := range *j.Permissions {
				used[name+" "+id+" "+scope] = true
			}
		}
	}
	assert.GreaterOrEqual(t, len(commits), 4, "the actions are written in another way")
	for right := range writes {
		assert.True(t, used[right], "%s is not used: remove it from the list", right)
	}
}

// Each fault of a workflow is noticed.
func TestWorkflows_AreSafe_CanFail(t *testing.T) {
	const sound = `
on:
  pull_request:
permissions: {}
jobs:
  check:
    runs-on: ubuntu-24.04
    timeout-minutes: 1
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@0123456789012345678901234567890123456789 # v7.0.1
        with:
          persist-credentials: false
      - run: echo "$TITLE"
        env:
          TITLE: ${{ github.event.pull_request.title }}
`
	require.Empty(t, faults(t, "new.yml", sound))
	for name, change := range map[string][2]string{
		"another event":                {"pull_request:", "pull_request_target:"},
		"an event after another":       {"pull_request:", "workflow_run:"},
		"a tag":                        {"@0123456789012345678901234567890123456789 # v7.0.1", "@v7"},
		"a short commit":               {"@0123456789012345678901234567890123456789", "@0123456"},
		"no version":                   {" # v7.0.1", ""},
		"another repository's action":  {"actions/checkout@", "actions/checkout/sub@"},
		"rights of the workflow":       {"permissions: {}", "permissions: {contents: read}"},
		"default rights":               {"permissions: {}\n", ""},
		"default rights of a job":      {"    permissions:\n      contents: read\n", ""},
		"a right to write":             {"contents: read", "contents: write"},
		"a secret":                     {"github.event.pull_request.title", "secrets.TOKEN"},
		"a value in a script":          {`echo "$TITLE"`, `echo "${{ github.event.pull_request.title }}"`},
		"a token in the checkout":      {"persist-credentials: false", "fetch-depth: 0"},
		"no time limit":                {"    timeout-minutes: 1\n", ""},
		"a system that changes":        {"ubuntu-24.04", "ubuntu-latest"},
		"an identity for strangers":    {"contents: read", "id-token: write"},
		"a cache that others write to": {"actions/checkout@", "actions/setup-go@"},
	} {
		broken := strings.Replace(sound, change[0], change[1], 1)
		require.NotEqual(t, sound, broken, name)
		assert.NotEmpty(t, faults(t, "new.yml", broken), name)
	}
	// A right that another workflow has is refused if pull requests start this one.
	strangers := strings.Replace(strings.Replace(sound, "contents: read", "id-token: write", 1), "  check:", "  plan:", 1)
	assert.NotEmpty(t, faults(t, "deploy.yml", strangers))
}
