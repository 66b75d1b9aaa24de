package supply_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fakeCloud takes the place of the AWS CLI and of curl for scripts/deploy.sh.
type fakeCloud struct {
	folder string
	env    []string
}

// newCloud returns a fakeCloud in which a version runs, "" for no stack, and a change set has
// changes of the named tables.
func newCloud(t *testing.T, metadata, deployed, tables string) fakeCloud {
	t.Helper()
	c := fakeCloud{folder: t.TempDir()}
	programs := filepath.Join(c.folder, "bin")
	require.NoError(t, os.Mkdir(programs, 0o700))
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(c.folder, name), []byte(text), 0o700))
	}
	write("bin/aws", `#!/bin/bash
printf '%s\n' "$*" >>"$CLOUD/calls"
case "$*" in
*get-template-summary*) [ -s "$CLOUD/metadata" ] || exit 254; cat "$CLOUD/metadata" ;;
*"cloudformation package"*) while [ "$1" != --output-template-file ]; do shift; done; cp "$CLOUD/release/planned.yaml" "$2" ;;
*"cloudformation deploy"*) cat "$CLOUD/deployed" ;;
*describe-stacks*ExistingTable*) echo "${RUNNING_TABLE:-None}" ;;
*describe-change-set*ExistingTable*) echo "${PLANNED_TABLE:-None}" ;;
*describe-change-set*Type:*) echo "| Modify | UsersFunction |" ;;
*describe-change-set*) cat "$CLOUD/tables" ;;
*StackStatus*) echo "${STATUS:-UPDATE_COMPLETE}" ;;
*OutputKey*) echo https://scim.test/scim/v2 ;;
*wait*) [ -z "${WAIT_FAILS:-}" ] ;;
*describe-stack-events*) echo "UsersFunctionAliaslive UPDATE_FAILED an alarm" ;;
esac
`)
	write("bin/curl", "#!/bin/bash\nprintf '%s' \"$ANSWER\"\n")
	write("metadata", metadata)
	write("deployed", deployed)
	write("tables", tables)
	require.NoError(t, os.Mkdir(filepath.Join(c.folder, "release"), 0o700))
	write("release/template.yaml", "Metadata:\n  rollcall:\n    Version: v1.3.0\n    Commit: abc\n    Former: none\n")
	c.env = []string{"CLOUD=" + c.folder, "PATH=" + programs + ":" + os.Getenv("PATH"), "ROLLCALL_TABLE_CHANGE="}
	return c
}

// deploy runs scripts/deploy.sh.
func (c fakeCloud) deploy(t *testing.T, env []string, args ...string) (code int, out, calls string) {
	t.Helper()
	code, out = run(t, append(c.env, env...), filepath.Join(root, "scripts", "deploy.sh"), args...)
	b, err := os.ReadFile(filepath.Join(c.folder, "calls"))
	require.True(t, err == nil || os.IsNotExist(err), "%v", err)
	return code, out, string(b)
}

const (
	runningMetadata = `{"AWS::CloudFormation::Interface":{"ParameterGroups":[]},"rollcall":{"Version":"v1.2.0","Commit":"123","Former":"v1.1.0"}}`
	sameMetadata    = `{"rollcall":{"Version":"v1.3.0","Commit":"abc","Former":"v1.2.0"}}`
	created         = `
Waiting for changeset to be created..
Changeset created successfully. Run the following command to review changes:
aws cloudformation describe-change-set --change-set-name arn:aws:cloudformation:eu-west-1:111122223333:changeSet/awscli-cloudformation-package-deploy-1796/0a1b
`
)

func TestDeploy_PlansAChangeSet(t *testing.T) {
	for name, tt := range map[string]struct{ metadata, former string }{
		"a new stack":      {"", "none"},
		"another version":  {runningMetadata, "v1.2.0"},
		"the same version": {sameMetadata, "v1.2.0"},
		"no release":       {`{"AWS::CloudFormation::Interface":{}}`, "none"},
	} {
		c := newCloud(t, tt.metadata, created, "None\n")
		code, out, calls := c.deploy(t, nil, "plan", filepath.Join(c.folder, "release"), "rollcall-prod", "bucket", "Stage=prod", "LogRetentionDays=90")
		require.Zero(t, code, "%s: %s", name, out)
		assert.True(t, strings.HasSuffix(out, "\nchangeset: awscli-cloudformation-package-deploy-1796\n"), "%s: %s", name, out)
		assert.NotContains(t, out, "111122223333", name)
		assert.Contains(t, out, "UsersFunction", name)
		assert.Contains(t, calls, "--no-execute-changeset --no-fail-on-empty-changeset --parameter-overrides Stage=prod LogRetentionDays=90\n", name)
		assert.NotContains(t, calls, "execute-change-set", name)
		packaged, err := os.ReadFile(filepath.Join(c.folder, "release", "packaged.yaml"))
		require.NoError(t, err)
		assert.Contains(t, string(packaged), "    Former: "+tt.former+"\n", name)
	}
}

func TestDeploy_RefusesToLeaveTheTable(t *testing.T) {
	c := newCloud(t, runningMetadata, created, "Table\n")
	args := []string{"plan", filepath.Join(c.folder, "release"), "rollcall-prod", "bucket"}
	code, out, calls := c.deploy(t, nil, args...)
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "leave the table Table")
	assert.Contains(t, calls, "delete-change-set")
	code, out, _ = c.deploy(t, []string{"ROLLCALL_TABLE_CHANGE=allowed"}, args...)
	assert.Zero(t, code, out)
	assert.Contains(t, out, "changeset: awscli")
}

// The stack's own table does not change with ExistingTable, only who uses it.
func TestDeploy_RefusesAnotherExistingTable(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		lost string // "" if the plan is accepted
	}{
		"set":       {[]string{"PLANNED_TABLE=restored"}, "Table"},
		"changed":   {[]string{"RUNNING_TABLE=restored", "PLANNED_TABLE=other"}, "restored"},
		"cleared":   {[]string{"RUNNING_TABLE=restored"}, "restored"},
		"kept":      {[]string{"RUNNING_TABLE=restored", "PLANNED_TABLE=restored"}, ""},
		"allowed":   {[]string{"PLANNED_TABLE=restored", "ROLLCALL_TABLE_CHANGE=allowed"}, ""},
		"new stack": {[]string{"PLANNED_TABLE=restored", "STATUS=REVIEW_IN_PROGRESS"}, ""},
	} {
		c := newCloud(t, runningMetadata, created, "\n")
		code, out, calls := c.deploy(t, tt.env, "plan", filepath.Join(c.folder, "release"), "rollcall-prod", "bucket")
		if tt.lost == "" {
			assert.Zero(t, code, "%s: %s", name, out)
			assert.NotContains(t, calls, "delete-change-set", name)
			continue
		}
		assert.Equal(t, 1, code, "%s: %s", name, out)
		assert.Contains(t, out, "leave the table "+tt.lost+" for", name)
		assert.Contains(t, calls, "delete-change-set", name)
	}
}

func TestDeploy_WithoutAChangeSet(t *testing.T) {
	c := newCloud(t, sameMetadata, "No changes to deploy. Stack rollcall-prod is up to date\n", "")
	code, out, _ := c.deploy(t, nil, "plan", filepath.Join(c.folder, "release"), "rollcall-prod", "bucket")
	assert.Zero(t, code, out)
	assert.True(t, strings.HasSuffix(out, "changeset: none\n"), out)

	c = newCloud(t, sameMetadata, "something new\n", "")
	code, out, _ = c.deploy(t, nil, "plan", filepath.Join(c.folder, "release"), "rollcall-prod", "bucket")
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "no change set was created: something new")

	require.NoError(t, os.WriteFile(filepath.Join(c.folder, "release", "template.yaml"), []byte("Resources: {}\n"), 0o600))
	code, out, _ = c.deploy(t, nil, "plan", filepath.Join(c.folder, "release"), "rollcall-prod", "bucket")
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "is not of a release")
}

func TestDeploy_ExecutesAndWaits(t *testing.T) {
	c := newCloud(t, runningMetadata, "", "")
	code, out, calls := c.deploy(t, nil, "execute", "rollcall-prod", "changes")
	assert.Zero(t, code, out)
	assert.Contains(t, calls, "execute-change-set --stack-name rollcall-prod --change-set-name changes\n")
	assert.Contains(t, calls, "wait stack-update-complete --stack-name rollcall-prod\n")
	_, _, calls = c.deploy(t, []string{"STATUS=REVIEW_IN_PROGRESS"}, "execute", "rollcall-prod", "changes")
	assert.Contains(t, calls, "wait stack-create-complete")

	// A wait that ends before the deployment is repeated.
	c = newCloud(t, runningMetadata, "", "")
	code, out, calls = c.deploy(t, []string{"WAIT_FAILS=1", "STATUS=UPDATE_IN_PROGRESS"}, "execute", "rollcall-prod", "changes")
	assert.Equal(t, 1, code, out)
	assert.Equal(t, 3, strings.Count(calls, "wait stack-update-complete"), calls)

	c = newCloud(t, runningMetadata, "", "")
	code, out, calls = c.deploy(t, []string{"WAIT_FAILS=1", "STATUS=UPDATE_ROLLBACK_COMPLETE"}, "execute", "rollcall-prod", "changes")
	assert.Equal(t, 1, code, out)
	assert.Equal(t, 1, strings.Count(calls, "wait stack-update-complete"), calls)
	assert.Contains(t, out, "failed (UPDATE_ROLLBACK_COMPLETE)")
	assert.Contains(t, out, "UPDATE_FAILED an alarm")
	assert.Contains(t, out, "returns to the version before")
}

func TestDeploy_ChecksTheService(t *testing.T) {
	c := newCloud(t, runningMetadata, "", "")
	for answer, want := range map[string]int{
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"401"}` + "\n401": 0,
		`{"message":"Unauthorized"}` + "\n401":                                                 1,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"503"}` + "\n503": 1,
	} {
		code, out, _ := c.deploy(t, []string{"ANSWER=" + answer}, "check", "rollcall-prod")
		assert.Equal(t, want, code, "%s: %s", answer, out)
	}
}

func TestDeploy_KnowsTheVersions(t *testing.T) {
	c := newCloud(t, runningMetadata, "", "")
	_, out, _ := c.deploy(t, nil, "version", "rollcall-prod")
	assert.Equal(t, "v1.2.0\n", out)
	_, out, _ = c.deploy(t, nil, "former", "rollcall-prod")
	assert.Equal(t, "v1.1.0\n", out)
	c = newCloud(t, "", "", "")
	code, out, _ := c.deploy(t, nil, "former", "rollcall-prod")
	assert.Zero(t, code)
	assert.Empty(t, out)
	code, out, _ = c.deploy(t, nil, "undo")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "deploy.sh plan FOLDER STACK BUCKET")
}
