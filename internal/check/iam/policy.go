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
			return !slices.ContainsFunc(s.Keys, func(pattern string) bool { return matches(inTag(pattern, partitions), partition) })
		})
}

// inTag returns a pattern of a session whose tag names the tenant that a call is about.
func inTag(pattern string, partitions []string) string {
	if !strings.Contains(pattern, tenantTag) {
		return pattern
	}
	for _, partition := range partitions {
		if rest, ok := strings.CutPrefix(partition, "T#"); ok {
			tenant, _, _ := strings.Cut(rest, "#")
			return strings.ReplaceAll(pattern, tenantTag, tenant)
		}
	}
	return pattern
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
// statement about the table in an unknown form are errors. A function that assumes a
// role for a tenant has its permissions too, in each tenant.
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
		role, err := ownRole(&resource.Properties)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
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
	for name, resource := range doc.Resources {
		function := owner[assumedBy(&resource.Properties)]
		if resource.Type != "AWS::IAM::Role" || function == "" {
			continue
		}
		policy, err := readRole(&resource.Properties)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		policies[function] = append(policies[function], policy...)
	}
	if len(policies) == 0 {
		return nil, errors.New("the template has no functions")
	}
	return policies, nil
}

// ownRole returns the role of a function, which has no permissions beside it.
func ownRole(properties *yaml.Node) (string, error) {
	var function struct {
		Role     yaml.Node `yaml:"Role"`
		Policies yaml.Node `yaml:"Policies"`
	}
	if err := properties.Decode(&function); err != nil {
		return "", err
	}
	role := strings.TrimSuffix(function.Role.Value, ".Arn")
	if role == "" || !function.Policies.IsZero() {
		return "", errors.New("no Role: !GetAtt, or Policies beside it")
	}
	return role, nil
}

// tenantTag stands in a pattern for the tenant that a session is of.
const tenantTag = "${aws:PrincipalTag/tenant}"

// of returns the policy of a session with a tenant in its tag.
func (p Policy) of(tenant string) Policy {
	all := make(Policy, len(p))
	for i, s := range p {
		all[i] = Statement{Sid: s.Sid, Actions: s.Actions}
		for _, key := range s.Keys {
			all[i].Keys = append(all[i].Keys, strings.ReplaceAll(key, tenantTag, tenant))
		}
	}
	return all
}

// SessionPolicy returns the permissions of a session of a role whose tag names a tenant. A role
// that anybody but one role of the template may assume, or without naming a tenant in the tag, is
// an error.
func SessionPolicy(template []byte, role, tenant string) (Policy, error) {
	var doc struct {
		Resources map[string]struct {
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(template, &doc); err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	properties := doc.Resources[role].Properties
	if assumedBy(&properties) == "" {
		return nil, fmt.Errorf("%s is not assumed by one role, for a tenant in its tag", role)
	}
	policy, err := readRole(&properties)
	return policy.of(tenant), err
}

// assumedBy returns the role that alone may assume a role, with a tag that names a tenant and no
// other tag; "" for any other role.
func assumedBy(properties *yaml.Node) string {
	var role struct {
		AssumeRolePolicyDocument struct {
			Statement []struct {
				Effect    string                          `yaml:"Effect"`
				Action    texts                           `yaml:"Action"`
				Principal map[string]yaml.Node            `yaml:"Principal"`
				Condition map[string]map[string]yaml.Node `yaml:"Condition"`
			} `yaml:"Statement"`
		} `yaml:"AssumeRolePolicyDocument"`
	}
	if properties.Decode(&role) != nil || len(role.AssumeRolePolicyDocument.Statement) != 1 {
		return ""
	}
	s := role.AssumeRolePolicyDocument.Statement[0]
	principal, named := s.Principal["AWS"]
	tag := s.Condition["StringLike"]["aws:RequestTag/tenant"]
	keys := s.Condition["ForAllValues:StringEquals"]["aws:TagKeys"]
	var tags []string
	if !named || len(s.Principal) != 1 || s.Effect != "Allow" || len(s.Condition) != 2 || tag.Value != "?*" || keys.Decode(&tags) != nil || !slices.Equal(tags, []string{"tenant"}) {
		return ""
	}
	if principal.Tag != "!GetAtt" {
		return ""
	}
	return strings.TrimSuffix(principal.Value, ".Arn")
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
