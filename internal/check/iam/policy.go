package iam

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Statement allows actions on items of the table whose partition matches one of
// the patterns.
type Statement struct {
	Sid     string
	Actions []string
	Keys    []string
}

// Policy has the permissions of one function on the table.
type Policy []Statement

// Allows reports whether a call is granted. IAM requires one statement that
// allows the action with all of the partitions.
func (p Policy) Allows(action string, partitions ...string) bool {
	return slices.ContainsFunc(p, func(s Statement) bool { return s.allows(action, partitions) })
}

func (s Statement) allows(action string, partitions []string) bool {
	return slices.Contains(s.Actions, action) &&
		!slices.ContainsFunc(partitions, func(partition string) bool {
			return !slices.ContainsFunc(s.Keys, func(pattern string) bool { return matches(pattern, partition) })
		})
}

// matches compares as IAM's StringLike does: * is any text, ? any character.
func matches(pattern, text string) bool {
	star, again := -1, 0 // the last *, and how far it has matched
	i := 0
	for j := 0; j < len(text); {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, again = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == text[j]):
			i++
			j++
		case star >= 0:
			again++
			i, j = star+1, again
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// Policies returns the policies of all functions of a template, by logical id.
// A function without a role of its own, a role of two functions, and a
// statement about the table in an unknown form are errors.
func Policies(template []byte) (map[string]Policy, error) {
	var doc struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(template, &doc); err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	policies, owner := map[string]Policy{}, map[string]string{}
	for name, resource := range doc.Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		var function struct {
			Role     yaml.Node `yaml:"Role"`
			Policies yaml.Node `yaml:"Policies"`
		}
		if err := resource.Properties.Decode(&function); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		role := strings.TrimSuffix(function.Role.Value, ".Arn")
		if role == "" || !function.Policies.IsZero() {
			return nil, fmt.Errorf("%s has no Role: !GetAtt, or Policies beside it", name)
		}
		if other, exists := owner[role]; exists {
			return nil, fmt.Errorf("%s and %s share the role %s", name, other, role)
		}
		owner[role] = name
		properties := doc.Resources[role].Properties
		policy, err := readRole(&properties)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", role, err)
		}
		policies[name] = policy
	}
	if len(policies) == 0 {
		return nil, errors.New("the template has no functions")
	}
	return policies, nil
}

func readRole(properties *yaml.Node) (Policy, error) {
	var role struct {
		ManagedPolicyArns yaml.Node `yaml:"ManagedPolicyArns"`
		Policies          []struct {
			PolicyDocument struct {
				Statement []yaml.Node `yaml:"Statement"`
			} `yaml:"PolicyDocument"`
		} `yaml:"Policies"`
	}
	if err := properties.Decode(&role); err != nil {
		return nil, err
	}
	if !role.ManagedPolicyArns.IsZero() {
		return nil, errors.New("a managed policy grants what cannot be checked here")
	}
	var policy Policy
	for _, p := range role.Policies {
		for i := range p.PolicyDocument.Statement {
			s, ours, err := readStatement(&p.PolicyDocument.Statement[i])
			if err != nil {
				return nil, err
			}
			if ours {
				policy = append(policy, s)
			}
		}
	}
	return policy, nil
}

// readStatement decodes a statement about the table; ours is false for other
// statements.
func readStatement(node *yaml.Node) (s Statement, ours bool, err error) {
	if node.Tag == "!If" && len(node.Content) == 3 {
		node = node.Content[1]
	}
	var raw struct {
		Sid       string                          `yaml:"Sid"`
		Effect    string                          `yaml:"Effect"`
		Action    texts                           `yaml:"Action"`
		Resource  yaml.Node                       `yaml:"Resource"`
		Condition map[string]map[string]yaml.Node `yaml:"Condition"`
	}
	if err := node.Decode(&raw); err != nil {
		return s, false, fmt.Errorf("line %d: %w", node.Line, err)
	}
	if isStream(raw.Action) {
		if raw.Effect != "Allow" || len(raw.Condition) != 0 || !isOf(raw.Resource, "/stream/*") {
			return s, false, fmt.Errorf("%s: not an Allow of reading the table's stream only", raw.Sid)
		}
		return s, false, nil
	}
	s = Statement{Sid: raw.Sid}
	for _, action := range raw.Action {
		name, dynamo := strings.CutPrefix(action, "dynamodb:")
		if !dynamo {
			if action == "*" || strings.Contains(name, ":*") {
				return s, false, fmt.Errorf("%s: %q is not an action", raw.Sid, action)
			}
			continue
		}
		if strings.ContainsAny(name, "*?") {
			return s, false, fmt.Errorf("%s: %q is not one action", raw.Sid, action)
		}
		s.Actions = append(s.Actions, name)
	}
	if len(s.Actions) == 0 {
		return s, false, nil
	}
	if raw.Effect != "Allow" || len(s.Actions) != len(raw.Action) || !isOf(raw.Resource, "") {
		return s, false, fmt.Errorf("%s: not an Allow of actions on the table only", raw.Sid)
	}
	s.Keys, err = leadingKeys(raw.Condition)
	if err != nil {
		return s, false, fmt.Errorf("%s: %w", raw.Sid, err)
	}
	return s, true, nil
}

// leadingKeys returns the leading keys to which a condition limits a statement.
func leadingKeys(conditions map[string]map[string]yaml.Node) (keys []string, err error) {
	condition := conditions["ForAllValues:StringLike"]
	node, ok := condition["dynamodb:LeadingKeys"]
	if !ok || len(conditions) != 1 || len(condition) != 1 {
		return nil, errors.New("the condition is not ForAllValues:StringLike on dynamodb:LeadingKeys")
	}
	if err := node.Decode(&keys); err != nil || len(keys) == 0 {
		return nil, errors.New("the leading keys are not a list")
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(keys))); len(unique) != len(keys) {
		return nil, errors.New("a leading key occurs twice")
	}
	return keys, nil
}

// streamActions read a stream, which has no leading keys.
var streamActions = []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}

// isStream reports whether all actions are those of a reader of a stream.
func isStream(actions []string) bool {
	return len(actions) > 0 && !slices.ContainsFunc(actions, func(a string) bool { return !slices.Contains(streamActions, a) })
}

// isOf reports whether a resource is the table, or what its ARN with an ending names: of the
// stack's table, or of the one that the parameter ExistingTable names.
func isOf(resource yaml.Node, ending string) bool {
	if resource.Tag == "!If" && len(resource.Content) == 3 && resource.Content[0].Value == "HasExistingTable" &&
		strings.HasSuffix(resource.Content[1].Value, ":table/${ExistingTable}"+ending) {
		resource = *resource.Content[2]
	}
	if ending != "" {
		return resource.Tag == "!Sub" && resource.Value == "${Table.Arn}"+ending
	}
	return resource.Tag == "!GetAtt" && resource.Value == "Table.Arn"
}

// texts is one string or a list of them.
type texts []string

// UnmarshalYAML decodes either form.
func (t *texts) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*t = texts{node.Value}
		return nil
	}
	return node.Decode((*[]string)(t))
}
