package system

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
)

// openAPI is the description of the admin API, compiled.
var openAPI = sync.OnceValues(func() (*jsonschema.Compiler, map[string]any) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(adminapi.OpenAPI))
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("openapi.json", document); err != nil {
		panic(err)
	}
	return c, document.(map[string]any)
})

// described returns the description of a request's operation.
func described(method, path string) (pointer string, operation map[string]any) {
	_, document := openAPI()
	path, _, _ = strings.Cut(path, "?")
	segments := strings.Split(path, "/")
	for name, item := range document["paths"].(map[string]any) {
		pattern := strings.Split(name, "/")
		if len(pattern) != len(segments) || !slices.EqualFunc(pattern, segments, func(p, s string) bool {
			return p == s || strings.HasPrefix(p, "{") && s != ""
		}) {
			continue
		}
		if found, ok := item.(map[string]any)[strings.ToLower(method)].(map[string]any); ok {
			escaped := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
			return "openapi.json#/paths/" + escaped + "/" + strings.ToLower(method), found
		}
	}
	return "", nil
}

// conform fails the test if an answer is not as described, or if a request that
// is not as described is accepted.
func conform(t *testing.T, method, path, body string, a answer) {
	t.Helper()
	pointer, operation := described(method, path)
	if operation == nil {
		if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s is not described, and was answered with %d", method, path, a.status)
		}
		return
	}
	kind := "application~1json"
	status := "default"
	if a.status < 400 {
		status = strings.TrimSpace(http.StatusText(a.status))
		status = map[string]string{"OK": "200", "Created": "201", "Accepted": "202", "No Content": "204"}[status]
	} else {
		kind = "application~1problem+json"
	}
	response, ok := operation["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		t.Errorf("%s %s: the answer %d is not described", method, path, a.status)
		return
	}
	if response["content"] == nil {
		assert.Nilf(t, a.body, "%s %s: %d has a body", method, path, a.status)
	} else if err := judge(pointer+"/responses/"+status+"/content/"+kind+"/schema", a.body); err != nil {
		t.Errorf("%s %s: the answer is not as described: %v", method, path, err)
	}
	if requested, ok := operation["requestBody"].(map[string]any); ok && a.status < 400 {
		if body == "" {
			assert.Truef(t, requested["required"] != true, "%s %s: accepted without the required body", method, path)
			return
		}
		sent, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err == nil {
			err = judge(pointer+"/requestBody/content/application~1json/schema", sent)
		}
		assert.NoErrorf(t, err, "%s %s: accepted a body that is not as described", method, path)
	}
}

// judging is held while a schema is compiled: tests run in parallel, and a compiler is
// not safe for concurrent use.
var judging sync.Mutex

func judge(pointer string, value any) error {
	c, _ := openAPI()
	judging.Lock()
	schema, err := c.Compile(pointer)
	judging.Unlock()
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// Every route is described, and nothing else is.
func TestOpenAPI_MatchesTheRoutes(t *testing.T) {
	_, document := openAPI()
	v := document["openapi"]
	assert.Truef(t, v == "3.1.0", "openapi %v", v)
	var want, got []string
	for _, r := range adminapi.Routes() {
		want = append(want, r.Method+" "+strings.TrimPrefix(r.Path, adminapi.Prefix))
	}
	ids := map[any]bool{}
	for path, item := range document["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			got = append(got, strings.ToUpper(method)+" "+path)
			o := operation.(map[string]any)
			id := o["operationId"]
			assert.Truef(t, id != nil && !ids[id] && o["summary"] != "", "%s %s: operationId %v", method, path, id)
			ids[o["operationId"]] = true
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	assert.Truef(t, slices.Equal(want, got), "described: %v\nserved: %v", got, want)
}
