package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	soundReports = `[{"check_type": "dockerfile", "results": {}, "summary": {"passed": 11}},
		{"check_type": "cloudformation", "results": {"failed_checks": [
			{"check_id": "CKV_AWS_1", "check_name": "a queue", "resource": "AWS::Serverless::Function.UsersFunction"},
			{"check_id": "CKV_AWS_1", "check_name": "a queue", "resource": "AWS::Serverless::Function.SweepFunction"}
		]}, "summary": {"passed": 54}}]`
	soundExceptions = `[{check: CKV_AWS_1, resources: ['*Function'], reason: nothing is left for a queue after a synchronous call}]`
)

func TestCheckov_EachExceptionIsReasonedAndNeeded(t *testing.T) {
	summary, err := checkov([]byte(soundReports), []byte(soundExceptions))
	require.NoError(t, err)
	assert.Equal(t, "checkov: 65 checks passed, 2 findings are accepted exceptions", summary)
	for want, tt := range map[string]struct{ reports, exceptions string }{
		"CKV_AWS_1 AWS::Serverless::Function.SweepFunction: a queue": {soundReports, strings.Replace(soundExceptions, "*Function", "UsersFunction", 1)},
		"CKV_AWS_2 AWS::Serverless::Function.SweepFunction: a queue": {
			strings.Replace(soundReports, `"CKV_AWS_1", "check_name": "a queue", "resource": "AWS::Serverless::Function.SweepFunction"`, `"CKV_AWS_2", "check_name": "a queue", "resource": "AWS::Serverless::Function.SweepFunction"`, 1), soundExceptions,
		},
		"needs resources and a reason":                                        {soundReports, strings.Replace(soundExceptions, "nothing is left for a queue after a synchronous call", "not needed", 1)},
		"no finding needs the exception from CKV_AWS_1 for *Table: remove it": {soundReports, strings.Replace(soundExceptions, "'*Function'", "'*Function', '*Table'", 1)},
		"checkov on cloudformation: 0 checks passed":                          {strings.Replace(soundReports, `"passed": 54`, `"passed": 0`, 1), soundExceptions},
		"1 files are not understood":                                          {strings.Replace(soundReports, `"passed": 54`, `"passed": 54, "parsing_errors": 1`, 1), soundExceptions},
		"1 checks are skipped by comments":                                    {strings.Replace(soundReports, `"passed": 54`, `"passed": 54, "skipped": 1`, 1), soundExceptions},
		"checkov has no report on dockerfile":                                 {strings.Replace(soundReports, "dockerfile", "secrets", 1), soundExceptions},
		"checkov has no reports on cloudformation, dockerfile":                {`{"passed": 0}`, soundExceptions},
		"checkov has no reports":                                              {"", soundExceptions},
		"checkov.yaml":                                                        {soundReports, "[{"},
	} {
		_, err := checkov([]byte(tt.reports), []byte(tt.exceptions))
		assert.ErrorContains(t, err, want)
	}
}

func TestCfnLint_EachExceptionIsReasonedAndNeeded(t *testing.T) {
	const template = "Resources:\n  A:\n    Metadata:\n      cfn-lint:\n        config:\n          # A rule requires it.\n          ignore_checks: [W1030, E3012]\n"
	const found = `[{"Rule": {"Id": "W1030"}}, {"Rule": {"Id": "E3012"}}]`
	summary, err := cfnLint([]byte(found), []byte(template))
	require.NoError(t, err)
	assert.Equal(t, "cfn-lint: 2 exceptions, each needed", summary)
	assert.Equal(t, strings.Replace(template, "[W1030, E3012]", "[]", 1), string(strip([]byte(template))))
	for want, tt := range map[string]struct{ found, template string }{
		"does not find E3012 without its exception": {`[{"Rule": {"Id": "W1030"}}]`, template},
		"has no comment with the reason":            {found, strings.Replace(template, "# A rule requires it.", "a: b", 1)},
		"cfn-lint: unexpected end":                  {"", template},
	} {
		_, err := cfnLint([]byte(tt.found), []byte(tt.template))
		assert.ErrorContains(t, err, want)
	}
	// One finding justifies one exception.
	_, err = cfnLint([]byte(`[{"Rule": {"Id": "W1030"}}]`), []byte(strings.Replace(template, "E3012", "W1030", 1)))
	require.Error(t, err)
}

// Every list of ignored checks in the template has the form that strip and cfnLint know.
func TestTemplate_HasExceptionsThatAreRead(t *testing.T) {
	template, err := os.ReadFile("../../template.yaml")
	require.NoError(t, err)
	assert.Equal(t, strings.Count(string(template), "ignore_checks"), len(ignored.FindAll(template, -1)))
}

func TestRun_RefusesAnUnknownLinter(t *testing.T) {
	t.Chdir("../..")
	assert.ErrorContains(t, run([]string{"other"}, strings.NewReader(""), nil), "unknown linter")
	assert.ErrorContains(t, run(nil, strings.NewReader(""), nil), "usage")
	var out strings.Builder
	require.NoError(t, run([]string{"strip"}, strings.NewReader(""), &out))
	assert.NotContains(t, out.String(), "ignore_checks: [W")
}
