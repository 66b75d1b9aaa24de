package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// cloudFormation answers DescribeStacks with the outputs of the named stack, in the
// form of CloudFormation's query protocol.
func cloudFormation(t *testing.T, stack string, outputs map[string]string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		assert.Truef(t, err == nil && r.Form.Get("Action") == "DescribeStacks", "CloudFormation is asked for %q: %v", r.Form, err)
		w.Header().Set("Content-Type", "text/xml")
		if asked := r.Form.Get("StackName"); asked != stack {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id %s does not exist</Message></Error></ErrorResponse>`, asked)
			return
		}
		var members strings.Builder
		for key, value := range outputs {
			fmt.Fprintf(&members, `<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>`, key, value)
		}
		fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>%s</StackName>`+
			`<Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, stack, members.String())
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", server.URL)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
}

func TestVerify_FindsTheTableOfAStack(t *testing.T) {
	endpoint := tabletest.Endpoint(t)
	name := "rollcall-stack-" + strings.ToLower(time.Now().UTC().Format("20060102t150405.000000000"))
	s := start(t, "--dynamodb", endpoint, "--table", name)
	populate(s)
	cloudFormation(t, "rollcall-prod", map[string]string{"BaseUrl": "https://scim.example.com/scim/v2", "TableName": name})
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
	status, stdout, stderr := verify(t, "--stack", "rollcall-prod")
	assert.Truef(t, status == 0 && strings.Contains(stdout, "users 2, groups 1"), "status %d, printed %q, said %q", status, stdout, stderr)
	s.end()
}

func TestVerify_StackThatDoesNotHelp(t *testing.T) {
	cloudFormation(t, "another", map[string]string{"Bucket": "b"})
	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--stack", "rollcall"}, exitUnchecked, "there is no stack rollcall in us-east-1: give the stack_name that samconfig.toml has"},
		{[]string{"--stack", "another"}, exitUnchecked, "the stack another has no output TableName"},
		{[]string{"--stack", "rollcall", "--table", "t"}, 2, "--stack names the table"},
		{[]string{"--stack", ""}, 2, "--stack is empty"},
	} {
		status, stdout, stderr := verify(t, tt.args...)
		if status != tt.status || stdout != "" || !strings.Contains(stderr, tt.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: status %d, printed %q, said %q", tt.args, status, stdout, stderr)
		}
	}
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	status, _, stderr := verify(t, "--stack", "rollcall")
	assert.Truef(t, status == exitUnchecked && strings.Contains(stderr, "AWS_REGION"), "without a region: status %d, said %q", status, stderr)
}

// The outputs that the command reads are outputs of the template.
func TestStack_OutputsAreThere(t *testing.T) {
	_, outputs, _ := strings.Cut(string(rollcall.Template), "\nOutputs:\n")
	for _, name := range []string{outputTable, outputAdmin} {
		assert.Truef(t, regexp.MustCompile(`(?m)^  `+name+`:$`).MatchString(outputs), "template.yaml has no output %s", name)
	}
}
