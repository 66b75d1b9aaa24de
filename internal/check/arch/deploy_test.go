package arch

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	rollcall "github.com/rollcall-scim/rollcall"
)

// A deployment is the parameters and outputs of the template.
type deployment struct {
	Metadata struct {
		Interface struct {
			ParameterGroups []struct {
				Parameters []string `yaml:"Parameters"`
			} `yaml:"ParameterGroups"`
		} `yaml:"AWS::CloudFormation::Interface"`
	} `yaml:"Metadata"`
	Parameters map[string]struct {
		Default     *string `yaml:"Default"`
		Description string  `yaml:"Description"`
	} `yaml:"Parameters"`
	Resources map[string]struct {
		Type      string `yaml:"Type"`
		Condition string `yaml:"Condition"`
	} `yaml:"Resources"`
	Outputs map[string]yaml.Node `yaml:"Outputs"`
}

func readDeployment(t *testing.T) deployment {
	t.Helper()
	var d deployment
	require.NoError(t, yaml.Unmarshal(rollcall.Template, &d))
	return d
}

// A first deployment needs no input: every parameter has a default, a
// description, a place in the console's form and a row in docs/how-to/deploy.md.
func TestParameters_AreDocumentedAndHaveDefaults(t *testing.T) {
	d := readDeployment(t)
	names := slices.Collect(maps.Keys(d.Parameters))
	for name, p := range d.Parameters {
		assert.Truef(t, p.Default != nil && p.Description != "", "the parameter %s has no default or no description", name)
	}
	var grouped []string
	for _, g := range d.Metadata.Interface.ParameterGroups {
		grouped = append(grouped, g.Parameters...)
	}
	compare(t, "parameter in a group", grouped, "parameter", names)

	_, table, _ := strings.Cut(file(t, filepath.Join("docs", "how-to", "deploy.md")), "| parameter | default |")
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []string
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) > 2 {
			for _, m := range regexp.MustCompile("`([A-Z]\\w+)`").FindAllStringSubmatch(cells[1], -1) {
				documented = append(documented, m[1])
			}
		}
	}
	compare(t, "parameter in docs/how-to/deploy.md", documented, "parameter", names)
}

// samconfig.toml sets only parameters of the template.
func TestSamconfig_SetsParametersThatThereAre(t *testing.T) {
	d := readDeployment(t)
	config := file(t, "samconfig.toml")
	stages := 0
	for _, m := range regexp.MustCompile(`(?m)^parameter_overrides = "(.*)"$`).FindAllStringSubmatch(config, -1) {
		stages++
		for _, override := range strings.Fields(m[1]) {
			name, _, _ := strings.Cut(override, "=")
			_, ok := d.Parameters[name]
			assert.Truef(t, ok, "samconfig.toml sets %s, which is not a parameter", name)
		}
	}
	assert.Equalf(t, 3, stages, "%d stages set parameters, want dev, staging and prod", stages)
	for _, stage := range []string{"default", "staging", "prod"} {
		for _, section := range []string{"global", "validate", "build", "deploy"} {
			assert.Containsf(t, config, "\n["+stage+"."+section+".parameters]\n", "samconfig.toml has no [%s.%s.parameters]", stage, section)
		}
	}
}

// Outputs that the documents refer to exist.
func TestOutputs_NamedInDocumentsAreThere(t *testing.T) {
	d := readDeployment(t)
	for _, document := range []string{"deploy.md", "runbook.md", "verify.md"} {
		text := file(t, filepath.Join("docs", "how-to", document))
		for _, m := range regexp.MustCompile("(?:output|Outputs\\[\\?OutputKey==') ?`?([A-Z]\\w+)").FindAllStringSubmatch(text, -1) {
			_, ok := d.Outputs[m[1]]
			assert.Truef(t, ok, "docs/how-to/%s speaks of the output %s", document, m[1])
		}
	}
}

// Every function has a log group with a retention, an alarm for its failures,
// and an output with its name.
func TestFunctions_HaveWhatAnOperatorNeeds(t *testing.T) {
	d := readDeployment(t)
	functions := 0
	for name, r := range d.Resources {
		base, ok := strings.CutSuffix(name, "Function")
		if !ok || r.Type != "AWS::Serverless::Function" {
			continue
		}
		functions++
		for resource, kind := range map[string]string{
			base + "LogGroup": "AWS::Logs::LogGroup", base + "Role": "AWS::IAM::Role", base + "ErrorsAlarm": "AWS::CloudWatch::Alarm",
		} {
			if resource == "HookErrorsAlarm" {
				continue // a hook that fails is the end of a deployment, which somebody watches
			}
			assert.Equalf(t, kind, d.Resources[resource].Type, "%s: %s", name, resource)
		}
		if _, ok := d.Outputs[name]; !ok {
			t.Errorf("no output names %s", name)
		}
	}
	assert.NotEqual(t, 0, functions, "no functions")
	for name, r := range d.Resources {
		assert.Falsef(t, r.Type == "AWS::CloudWatch::Alarm" && r.Condition != "HasAlarms" && r.Condition != "HasAlarmsAndWebhooks" && !strings.HasSuffix(name, "CanaryAlarm"), "%s has an action without a topic", name)
		if r.Type == "AWS::Logs::LogGroup" && !regexp.MustCompile(`\n  `+name+`:\n(    .*\n)*      RetentionInDays: !Ref LogRetentionDays\n      KmsKeyId: !If \[HasKmsKey, !Ref KmsKeyArn, !Ref AWS::NoValue\]\n`).Match(rollcall.Template) {
			t.Errorf("%s has no retention, or is not under the key", name)
		}
	}
}

// API Gateway refuses two changes of one API at the same time, so CloudFormation makes its
// integrations and routes one after the other, and the stage, which deploys every change,
// after them.
func TestAPI_IsChangedInOneSequence(t *testing.T) {
	var doc struct {
		Resources yaml.Node `yaml:"Resources"`
	}
	require.NoError(t, yaml.Unmarshal(rollcall.Template, &doc))
	type resource struct {
		Type       string    `yaml:"Type"`
		DependsOn  yaml.Node `yaml:"DependsOn"`
		Properties struct {
			Target string `yaml:"Target"`
		} `yaml:"Properties"`
	}
	previous, stage, length := "", "", 0
	for i := 0; i+1 < len(doc.Resources.Content); i += 2 {
		name := doc.Resources.Content[i].Value
		var r resource
		if doc.Resources.Content[i+1].Decode(&r) != nil {
			continue // a resource of another kind, with a property of another form
		}
		after := []string{r.DependsOn.Value, strings.TrimSuffix(strings.TrimPrefix(r.Properties.Target, "integrations/${"), "}")}
		for _, node := range r.DependsOn.Content {
			after = append(after, node.Value)
		}
		switch base, isIntegration := strings.CutSuffix(name, "Integration"); {
		case r.Type == "AWS::ApiGatewayV2::Stage":
			stage = r.DependsOn.Value
		case r.Type != "AWS::ApiGatewayV2::Integration" && r.Type != "AWS::ApiGatewayV2::Route":
		default:
			assert.Truef(t, previous == "" || slices.Contains(after, previous), "%s may be made beside %s", name, previous)
			assert.Truef(t, !isIntegration || slices.Contains(after, base+"Permission"), "%s may lead to a function that API Gateway may not call", name)
			previous, length = name, length+1
		}
	}
	assert.Equal(t, previous, stage, "the stage is made after the last route")
	assert.Truef(t, length > 20, "%d integrations and routes", length)
}
