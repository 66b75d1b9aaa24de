package arch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	rollcall "github.com/rollcall-scim/rollcall"
)

// A gradual is what the template says of moving requests to new versions.
type gradual struct {
	Parameters struct {
		DeploymentType struct {
			Default       string   `yaml:"Default"`
			AllowedValues []string `yaml:"AllowedValues"`
		} `yaml:"DeploymentType"`
	} `yaml:"Parameters"`
	Mappings struct {
		DeploymentTypes map[string]struct {
			Gradual string `yaml:"Gradual"`
		} `yaml:"DeploymentTypes"`
	} `yaml:"Mappings"`
	Resources map[string]yaml.Node `yaml:"Resources"`
}

// property returns a property of a resource as text: its tag and value, and those in it.
func property(t *testing.T, resource yaml.Node, path ...string) string {
	t.Helper()
	node := resource
	for _, name := range append([]string{"Properties"}, path...) {
		var entries map[string]yaml.Node
		require.NoErrorf(t, node.Decode(&entries), "%v", path)
		node = entries[name]
	}
	return spelled(&node)
}

// spelled returns a node as text: !Ref A, !If [A, [!Ref B]].
func spelled(node *yaml.Node) string {
	text := node.Value
	if node.Kind == yaml.SequenceNode {
		var all []string
		for _, child := range node.Content {
			all = append(all, spelled(child))
		}
		text = "[" + strings.Join(all, ", ") + "]"
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		return node.Tag + " " + text
	}
	return text
}

// With every type of deployment, requests reach a function by its alias; with all but
// AllAtOnce CodeDeploy moves the alias, after the hook and under the alarms, and with AllAtOnce
// nothing of this is there.
func TestDeployment_MovesEveryServedFunction(t *testing.T) {
	var d gradual
	require.NoError(t, yaml.Unmarshal(rollcall.Template, &d))
	kind := d.Parameters.DeploymentType
	assert.Contains(t, kind.AllowedValues, kind.Default)
	require.Len(t, d.Mappings.DeploymentTypes, len(kind.AllowedValues))
	for _, name := range kind.AllowedValues {
		want := map[bool]string{true: "false", false: "true"}[name == "AllAtOnce"]
		assert.Equalf(t, want, d.Mappings.DeploymentTypes[name].Gradual, "%s", name)
	}
	assert.Contains(t, string(rollcall.Template), "  IsGradual: !Equals [!FindInMap [DeploymentTypes, !Ref DeploymentType, Gradual], 'true']\n")
	served := 0
	for name := range d.Resources {
		base, ok := strings.CutSuffix(name, "Integration")
		if !ok {
			continue
		}
		served++
		function := d.Resources[base+"Function"]
		assert.Equal(t, "!Sub ${"+base+"Function.Arn}:live", property(t, d.Resources[name], "IntegrationUri"))
		assert.Equal(t, "!Ref "+base+"Function.Alias", property(t, d.Resources[base+"Permission"], "FunctionName"))
		for want, path := range map[string][]string{
			"live": {"AutoPublishAlias"}, "true": {"AutoPublishAliasAllProperties"},
			"!FindInMap [DeploymentTypes, !Ref DeploymentType, Gradual]": {"DeploymentPreference", "Enabled"},
			"!Ref DeploymentType":    {"DeploymentPreference", "Type"},
			"!GetAtt DeployRole.Arn": {"DeploymentPreference", "Role"},
			"!Ref HookFunction":      {"DeploymentPreference", "Hooks", "PreTraffic"},
			"!If [IsGradual, [!Ref " + base + "CanaryAlarm, !Ref ApiCanaryAlarm], [!Ref AWS::NoValue]]": {"DeploymentPreference", "Alarms"},
		} {
			assert.Equalf(t, want, property(t, function, path...), "%sFunction: %v", base, path)
		}
		for _, alarm := range []string{base + "CanaryAlarm", "ApiCanaryAlarm"} {
			var r struct {
				Condition string `yaml:"Condition"`
			}
			node := d.Resources[alarm]
			require.NoErrorf(t, node.Decode(&r), "%s", alarm)
			assert.Equalf(t, "IsGradual", r.Condition, "%s", alarm)
		}
		variable := "ROLLCALL_NEW_" + strings.ToUpper(base)
		assert.Equal(t, "!Ref "+base+"Function.Version", property(t, d.Resources["HookFunction"], "Environment", "Variables", variable))
		for _, role := range []string{"HookRole", "DeployRole"} {
			node := d.Resources[role]
			text, err := yaml.Marshal(&node)
			require.NoError(t, err)
			assert.Containsf(t, string(text), "!Sub ${"+base+"Function.Arn}:*", "%s", role)
		}
	}
	assert.GreaterOrEqual(t, served, 5)
}
