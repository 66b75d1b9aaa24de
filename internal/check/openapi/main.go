// Command openapi writes internal/adminapi/openapi.json, the OpenAPI description of the admin
// API, from the routes of package adminapi and the types of package adminwire: their fields,
// tags and comments.
package main

//go:generate go run .

import (
	"bytes"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/invopop/jsonschema"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// The paths are relative to this folder, in which go generate and go test run.
const (
	output  = "../../adminapi/openapi.json"
	types   = "../../adminwire"
	thisPkg = "github.com/rollcall-scim/rollcall/internal/check/openapi"
)

func main() {
	text, err := describe()
	if err == nil {
		err = os.WriteFile(output, text, 0o600)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// object is a part of the document.
type object = map[string]any

// describe returns the document.
func describe() ([]byte, error) {
	d := description{reflector: jsonschema.Reflector{Anonymous: true}, schemas: jsonschema.Definitions{}}
	if err := d.reflector.AddGoComments(thisPkg, types, jsonschema.WithFullComment()); err != nil {
		return nil, err
	}
	for name, comment := range d.reflector.CommentMap {
		d.reflector.CommentMap[name] = strings.ReplaceAll(comment, "\n", " ")
	}
	d.reflector.Mapper = mapped
	paths := map[string]object{}
	for _, r := range adminapi.Routes() {
		path := strings.TrimPrefix(r.Path, adminapi.Prefix)
		if paths[path] == nil {
			paths[path] = object{}
			if inPath := pathParameters(path); inPath != nil {
				paths[path]["parameters"] = inPath
			}
		}
		paths[path][strings.ToLower(r.Method)] = d.operation(r)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "rollcall admin API", "version": "1",
			"description": "Tenants, tokens, schemas, users, groups, the provisioning log and webhooks, for the SaaS application that owns the users. Requests are signed for AWS (SigV4, service execute-api); rollcall local takes the admin token that it printed, as a bearer token.",
		},
		"servers":  []object{{"url": adminapi.Prefix}},
		"security": []object{{"sigv4": []string{}}, {"local": []string{}}},
		"paths":    paths,
		"components": object{
			"schemas":    d.schemas,
			"parameters": object{"Actor": actor},
			"securitySchemes": object{
				"sigv4": object{
					"type": "apiKey", "name": "Authorization", "in": "header", "description": "AWS Signature Version 4", "x-amazon-apigateway-authtype": "awsSigv4",
				},
				"local": object{"type": "http", "scheme": "bearer", "description": "For rollcall local only"},
			},
		},
	})
	return bytes.ReplaceAll(text.Bytes(), []byte("#/$defs/"), []byte("#/components/schemas/")), err
}

// actor is a parameter of every operation that sends something.
var actor = object{
	"name": adminapi.ActorHeader, "in": "header",
	"description": "The person of the application for whom the request is sent, in one line: named in the log, and in the error that an identity provider gets for a group that was deleted. Without it the operator is named in the log.",
	"schema":      object{"type": "string", "maxLength": 128},
}

// inPath describes the parameters of paths.
var inPath = map[string]string{ //nolint:gosec // a token's description is no token
	"tenant":  "The tenant's id: 1 to 63 lower-case letters, digits and inner hyphens.",
	"request": "The request's id: X-Request-Id, and at the end of each error's detail.",
	"token":   "The token's id; of a rotation, the id of the token that is replaced.",
	"client":  "The client's id, whole (rcc_TENANT_ID) or only its last part.",
	"secret":  "The secret's id.",
	"schema":  "The schema's URN.",
	"user":    "The user's id.",
	"group":   "The group's id.",
	"webhook": "The webhook's id.",
}

func pathParameters(path string) []object {
	var list []object
	for segment := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			list = append(list, object{"name": name, "in": "path", "required": true, "description": inPath[name], "schema": object{"type": "string"}})
		}
	}
	return list
}

// A description is the document while it is written.
type description struct {
	reflector jsonschema.Reflector
	schemas   jsonschema.Definitions
}

// operation describes a route.
func (d *description) operation(r adminapi.Route) object {
	o := object{"operationId": r.ID, "summary": r.Summary}
	if parameters := d.parameters(r); len(parameters) > 0 {
		o["parameters"] = parameters
	}
	if r.Body != nil {
		schema := d.schema(r.Body)
		body := d.schemas[reflect.TypeOf(r.Body).Name()]
		// A request without a body means an empty object, except for PATCH.
		o["requestBody"] = object{"required": len(body.Required) > 0 || r.Method == http.MethodPatch, "content": content("application/json", schema)}
		if _, ok := r.Body.(adminwire.NewSchema); ok {
			o["requestBody"].(object)["content"] = content("application/json", object{"anyOf": []any{schema, object{"type": "object", "required": []string{"id", "attributes"}}}})
		}
	}
	responses := object{}
	for _, a := range r.Answers {
		answer := object{"description": a.Description}
		if a.Document != nil {
			answer["content"] = content("application/json", d.schema(a.Document))
		}
		responses[strconv.Itoa(a.Status)] = answer
	}
	if r.ID != "readOpenAPI" {
		responses["default"] = object{"description": "The request is refused.", "content": content("application/problem+json", d.schema(adminwire.Problem{}))}
	}
	o["responses"] = responses
	return o
}

func content(mediaType string, schema any) object {
	return object{mediaType: object{"schema": schema}}
}

// schema describes a document, and adds the types in it to the components.
func (d *description) schema(document any) any {
	root := d.reflector.Reflect(document)
	root.Version = ""
	for name, schema := range root.Definitions {
		if schema.Properties != nil {
			nullable(schema)
		}
		d.schemas[name] = schema
	}
	root.Definitions = nil
	return root
}

// parameters describes the parameters of the query and the headers.
func (d *description) parameters(r adminapi.Route) []object {
	var list []object
	if r.Parameters != nil {
		kind := reflect.TypeOf(r.Parameters)
		schema := d.reflector.ReflectFromType(kind).Definitions[kind.Name()]
		for _, f := range reflect.VisibleFields(kind) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			property, ok := schema.Properties.Get(name)
			if !ok {
				continue
			}
			p := object{"name": name, "in": "query", "description": property.Description, "schema": property}
			if in := f.Tag.Get("in"); in != "" {
				p["in"] = in
			}
			property.Description = ""
			list = append(list, p)
		}
	}
	if r.Method != http.MethodGet {
		list = append(list, object{"$ref": "#/components/parameters/Actor"})
	}
	return list
}

// mapped describes the types with a JSON form of their own.
func mapped(t reflect.Type) *jsonschema.Schema {
	switch {
	case t == reflect.TypeFor[adminwire.NullableString]():
		return &jsonschema.Schema{Type: "string"}
	case t == reflect.TypeFor[map[string]int]():
		return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "integer", Minimum: "1"}}
	case strings.HasPrefix(t.Name(), "Optional["):
		value, _ := t.FieldByName("Value")
		switch value.Type.Elem().Kind() {
		case reflect.String:
			return &jsonschema.Schema{Type: "string"}
		case reflect.Bool:
			return &jsonschema.Schema{Type: "boolean"}
		case reflect.Slice:
			return &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "string"}}
		default:
			return &jsonschema.Schema{Type: "integer"}
		}
	case t == reflect.TypeFor[jsontext.Value](): // the data of an event
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Ref: "#/$defs/User"}, {Ref: "#/$defs/Group"}, {Type: "null"}}}
	case t == reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	}
	return nil
}

// nullable writes the type of each property that can be null as a list of two types.
func nullable(schema *jsonschema.Schema) {
	for p := schema.Properties.Oldest(); p != nil; p = p.Next() {
		if len(p.Value.OneOf) != 2 {
			continue
		}
		property := p.Value.OneOf[0]
		property.Extras = map[string]any{"type": []string{property.Type, "null"}}
		if property.Type = ""; property.Enum != nil {
			property.Enum = append(property.Enum, nil)
		}
		p.Value = property
	}
}
