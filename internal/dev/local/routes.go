package local

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Route says which function a request goes to. Method is ANY for every
// method, and Path may have {variables}, the last of them greedy: {proxy+}.
// Method "" and Path $default is the route of all other requests.
type Route struct {
	Method   string
	Path     string
	Function string // logical id in the template
	// IAM is set if API Gateway accepts only requests signed for AWS.
	IAM bool
}

// DefaultPath is the path of the route for requests that no other route
// matches.
const DefaultPath = "$default"

// Key returns the route's key, as API Gateway writes it into an event.
func (r Route) Key() string {
	if r.Path == DefaultPath {
		return DefaultPath
	}
	return r.Method + " " + r.Path
}

// Routes returns the routes of a template, in its order: its
// AWS::ApiGatewayV2::Route resources, followed through their integrations to
// the functions, and the HttpApi events of its functions.
func Routes(template []byte) ([]Route, error) {
	var doc struct {
		Resources yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(template, &doc); err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	var names []string
	resources := make(map[string]resource)
	err := pairs(&doc.Resources, func(name string, value *yaml.Node) error {
		var r resource
		if err := value.Decode(&r); err != nil {
			return fmt.Errorf("resource %s: %w", name, err)
		}
		names, resources[name] = append(names, name), r
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}

	var routes []Route
	seen := make(map[string]string)
	for _, name := range names {
		added, err := routesOf(name, resources)
		if err != nil {
			return nil, fmt.Errorf("read the template: %s: %w", name, err)
		}
		for _, r := range added {
			if !validRoute(r) {
				return nil, fmt.Errorf("read the template: %s: %q is not a route", name, r.Key())
			}
			if other, ok := seen[r.Key()]; ok {
				return nil, fmt.Errorf("read the template: %s and %s are both %q", other, name, r.Key())
			}
			seen[r.Key()] = name
			routes = append(routes, r)
		}
	}
	if len(routes) == 0 {
		return nil, errors.New("read the template: it has no routes")
	}
	sort.SliceStable(routes, func(i, j int) bool { return routes[i].Path != DefaultPath && routes[j].Path == DefaultPath })
	return routes, nil
}

// routesOf returns the routes of one resource.
func routesOf(name string, resources map[string]resource) ([]Route, error) {
	switch r := resources[name]; r.Type {
	case "AWS::ApiGatewayV2::Route":
		route, err := plainRoute(r, resources)
		return []Route{route}, err
	case "AWS::Serverless::Function":
		return eventRoutes(name, r)
	}
	return nil, nil
}

// A resource has the parts of a template's resource that routes need. Nodes stay undecoded, so that
// intrinsic functions (!Ref, !Sub, !If …) elsewhere do not matter.
type resource struct {
	Type       string               `yaml:"Type"`
	Properties map[string]yaml.Node `yaml:"Properties"`
}

// plainRoute returns the route of an AWS::ApiGatewayV2::Route.
func plainRoute(r resource, resources map[string]resource) (Route, error) {
	key := scalar(r.Properties["RouteKey"])
	target := scalar(r.Properties["Target"])
	integration, ok := strings.CutPrefix(target, "integrations/")
	if !ok {
		return Route{}, fmt.Errorf("the target %q is not !Sub integrations/${INTEGRATION}", target)
	}
	integration = reference(integration)
	i, ok := resources[integration]
	if !ok || i.Type != "AWS::ApiGatewayV2::Integration" {
		return Route{}, fmt.Errorf("unknown integration %s", integration)
	}
	uri := scalar(i.Properties["IntegrationUri"])
	name, alias, _ := strings.Cut(uri, ":")
	function := strings.TrimSuffix(reference(name), ".Arn")
	f, ok := resources[function]
	if !ok || f.Type != "AWS::Serverless::Function" {
		return Route{}, fmt.Errorf("the integration %s leads to %q, which is not a function", integration, function)
	}
	if published := scalar(f.Properties["AutoPublishAlias"]); alias != published {
		return Route{}, fmt.Errorf("the integration %s leads to the alias %q of %s, which publishes %q", integration, alias, function, published)
	}
	if key == DefaultPath {
		return Route{Path: DefaultPath, Function: function}, nil
	}
	method, path, _ := strings.Cut(key, " ")
	switch authorization := scalar(r.Properties["AuthorizationType"]); authorization {
	case "", "NONE":
		return Route{Method: method, Path: path, Function: function}, nil
	case "AWS_IAM":
		return Route{Method: method, Path: path, Function: function, IAM: true}, nil
	default:
		return Route{}, fmt.Errorf("unknown authorization %q", authorization)
	}
}

// eventRoutes returns the routes of a function's HttpApi events.
func eventRoutes(name string, r resource) ([]Route, error) {
	events, ok := r.Properties["Events"]
	if !ok {
		return nil, nil
	}
	var routes []Route
	err := pairs(&events, func(event string, value *yaml.Node) error {
		var e resource
		if err := value.Decode(&e); err != nil {
			return fmt.Errorf("event %s: %w", event, err)
		}
		if e.Type != "HttpApi" {
			return nil
		}
		method, path := scalar(e.Properties["Method"]), scalar(e.Properties["Path"])
		if path == "" || path == DefaultPath {
			routes = append(routes, Route{Path: DefaultPath, Function: name})
			return nil
		}
		routes = append(routes, Route{Method: strings.ToUpper(method), Path: path, Function: name})
		return nil
	})
	return routes, err
}

// pairs calls f for the entries of a mapping, in order.
func pairs(node *yaml.Node, f func(name string, value *yaml.Node) error) error {
	if node.IsZero() {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: not a mapping", node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if err := f(node.Content[i].Value, node.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// scalar returns a node's text with or without a tag: plain, !Sub text, !GetAtt
// A.Arn; "" for anything else.
func scalar(node yaml.Node) string {
	if node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// reference returns the name in ${NAME}, or the text itself.
func reference(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(s, "${"), "}")
}

var (
	routeMethod   = regexp.MustCompile(`^(ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$`)
	routeVariable = regexp.MustCompile(`^\{[A-Za-z0-9._:-]+\}$`)
)

// validRoute reports whether API Gateway would accept the route.
func validRoute(r Route) bool {
	if r.Path == DefaultPath {
		return r.Method == ""
	}
	if !routeMethod.MatchString(r.Method) || !strings.HasPrefix(r.Path, "/") {
		return false
	}
	segments := strings.Split(r.Path[1:], "/")
	names := make(map[string]bool)
	for i, s := range segments {
		if !strings.ContainsAny(s, "{}") {
			continue
		}
		if greedy, ok := strings.CutSuffix(s, "+}"); ok {
			if i != len(segments)-1 {
				return false
			}
			s = greedy + "}"
		}
		if !routeVariable.MatchString(s) || names[s] {
			return false
		}
		names[s] = true
	}
	return true
}
