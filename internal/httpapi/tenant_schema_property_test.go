package httpapi_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const ownURN = "urn:example:hr:1.0:Person"

// TestTenantSchemas_DoWhatTheySay draws schemas of all kinds, registers them
// for one of two tenants, and sends requests with valid and invalid values: the
// answers must be those of a model that knows only the text of the schema.
//
// Covers: 7643-3.3-2, 7643-3.3-4, 7643-6-5, 7643-6-6, 7643-6-7, 7643-7-10
// Covers: 7643-7-11, 7643-7-12, 7643-7-13, 7643-7-14, 7643-7-15, 7643-7-16, 7643-7-18
func TestTenantSchemas_DoWhatTheySay(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, e enginetest.Engine) {
		engine, runs := e.Open(t), 0
		rapid.Check(t, func(rt *rapid.T) {
			// DynamoDB Local takes seconds for what takes milliseconds in memory.
			if runs++; e.Name == "dynamodb" && runs > 4 {
				return
			}
			for _, endpoint := range []string{"/Users", "/Groups"} {
				newSchemaRun(t, rt, engine, fmt.Sprintf("t%d-%s", runs, strings.ToLower(endpoint[1:])), endpoint).play()
			}
		})
	})
}

// A schemaRun is two tenants, of which the first has a schema.
type schemaRun struct {
	t          *testing.T
	rt         *rapid.T
	engine     table.Table
	app        *app.App
	handler    http.Handler
	own, other tenantAccess
	endpoint   string
	schema     schemaModel
	id, name   string
	values     map[string]any
}

type tenantAccess struct {
	id    tenant.ID
	token string
}

func newSchemaRun(t *testing.T, rt *rapid.T, engine table.Table, name, endpoint string) *schemaRun {
	r := &schemaRun{t: t, rt: rt, engine: engine, endpoint: endpoint, name: "subject of " + name}
	r.restart()
	r.own, r.other = r.tenant(name), r.tenant(name+"-other")
	r.schema = drawSchema(rt, "schema")
	r.register(r.schema)
	return r
}

// restart replaces the service by an instance that has cached nothing.
func (r *schemaRun) restart() {
	var err error
	r.app, err = app.New(r.engine, app.Config{BaseURL: baseURL}, slog.New(slog.DiscardHandler))
	require.NoError(r.rt, err)
	r.handler = r.app.Handler()
}

func (r *schemaRun) tenant(name string) tenantAccess {
	id, err := tenant.ParseID(name)
	require.NoError(r.rt, err)
	token, record := access.Mint(id)
	// A failing draw is run again, on the tenants of the run before.
	require.NoError(r.rt, r.app.Store.CreateTenant(r.t.Context(), id, tenant.DefaultSettings(), 1000, tenant.Unlimited, time.Now()))
	require.NoError(r.rt, r.app.Store.SaveToken(r.t.Context(), id, record))
	return tenantAccess{id: id, token: token}
}

func (r *schemaRun) register(s schemaModel) {
	parsed, err := schema.Parse(s.document())
	if err != nil {
		r.rt.Fatalf("%s: %v", s.document(), err)
	}
	kind := map[string]string{"/Users": "User", "/Groups": "Group"}[r.endpoint]
	if _, err := r.app.Store.PutSchema(r.t.Context(), r.own.id, r.app.Types(), schema.Registration{
		ResourceType: kind, Required: s.required, Schema: parsed,
	}, time.Now()); err != nil {
		r.rt.Fatal(err)
	}
	r.schema = s
	r.restart()
}

type reply struct {
	status int
	body   map[string]any
	raw    string
}

func (r *schemaRun) send(as tenantAccess, method, path string, body any) reply {
	text := ""
	if body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(r.rt, err)
		text = string(encoded)
	}
	q := httptest.NewRequestWithContext(r.t.Context(), method, "https://elsewhere.example/scim/v2"+path, strings.NewReader(text))
	q.Header.Set("Authorization", "Bearer "+as.token)
	q.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	a := reply{status: w.Code, raw: w.Body.String()}
	if a.raw != "" {
		err := json.Unmarshal(w.Body.Bytes(), &a.body)
		require.NoErrorf(r.rt, err, "%s %s: %v: %s", method, path, err, a.raw)
	}
	require.Truef(r.rt, a.status < 500, "%s %s %s: %d %s", method, path, text, a.status, a.raw)
	return a
}

func (r *schemaRun) play() {
	r.create()
	r.isServed()
	for range rapid.IntRange(3, 8).Draw(r.rt, "steps") {
		step := rapid.SampledFrom([]func(){r.replace, r.patch, r.patch, r.read, r.filter, r.sort}).Draw(r.rt, "step")
		step()
	}
	r.read()
	r.isApart()
	r.changeSchema()
}

// core returns a body without the extension.
func (r *schemaRun) core() map[string]any {
	if r.endpoint == "/Groups" {
		return map[string]any{"schemas": []any{scim.CoreGroupURN}, "displayName": r.name}
	}
	return map[string]any{"schemas": []any{scim.CoreUserURN}, "userName": r.name}
}

func (r *schemaRun) bodyWith(values map[string]any) map[string]any {
	body := r.core()
	if values != nil {
		body[ownURN] = values
		body["schemas"] = append(body["schemas"].([]any), ownURN)
	}
	return body
}

// create creates the resource, with drawn values until some are accepted.
func (r *schemaRun) create() {
	for try := 0; ; try++ {
		sent := drawValues(r.rt, r.schema, try > 2)
		want, ok := r.schema.written(nil, sent)
		a := r.send(r.own, "POST", r.endpoint, r.bodyWith(sent))
		if !ok {
			r.refused(a, "POST", sent)
			if try < 10 {
				continue
			}
			r.rt.Skip("no values that the schema accepts were drawn")
		}
		require.Equalf(r.rt, http.StatusCreated, a.status, "POST %v: %d %s, want 201", sent, a.status, a.raw)
		r.id, r.values = a.body["id"].(string), want
		r.shows(a, askedModel{}, r.written(sent))
		return
	}
}

// written returns the mentions of a body: those of the values that are stored.
func (r *schemaRun) written(sent map[string]any) mentions {
	m := mentions{}
	for name, v := range sent {
		if kept, _ := named(r.schema.Attributes, name).keeps(v); kept != nil {
			m.add(name, kept)
		}
	}
	return m
}

func (r *schemaRun) refused(a reply, what string, sent any) {
	r.rt.Helper()
	if a.status != http.StatusBadRequest || a.body["scimType"] == nil || a.body["detail"] == nil {
		encoded, _ := json.Marshal(sent)
		r.rt.Fatalf("%s %s on %v: %d %s, want 400 by\n%s", what, encoded, r.values, a.status, a.raw, r.schema.document())
	}
}

// shows compares an answer with the answer of the model.
func (r *schemaRun) shows(a reply, q askedModel, m mentions) {
	r.rt.Helper()
	want := r.schema.shown(r.values, q, m)
	got, _ := a.body[ownURN].(map[string]any)
	if len(want) != 0 || len(got) != 0 {
		if !sameValues(got, want) {
			r.rt.Fatalf("the answer to %+v (written %v) is %s\nwant %s: %v\nby %s\nstored %v", q, m, a.raw, ownURN, want, r.schema.document(), r.values)
		}
	}
	listed, _ := a.body["schemas"].([]any)
	require.Equalf(r.rt, len(r.values) > 0, slices.Contains(listed, any(ownURN)), "schemas is %v, while the values are %v", listed, r.values)
}

// sameValues compares the values in an answer with the wanted ones; values of
// one attribute have no order.
func sameValues(got, want map[string]any) bool {
	for name, v := range want {
		a, ok1 := v.(map[string]any)
		b, ok2 := got[name].(map[string]any)
		if ok1 && ok2 {
			if !sameValues(b, a) {
				return false
			}
		} else if !same(v, got[name]) {
			return false
		}
	}
	return len(got) == len(want)
}

func (r *schemaRun) replace() {
	sent := drawValues(r.rt, r.schema, rapid.Bool().Draw(r.rt, "careful"))
	want, ok := r.schema.written(r.values, sent)
	a := r.send(r.own, "PUT", r.endpoint+"/"+r.id, r.bodyWith(sent))
	if !ok {
		r.refused(a, "PUT", sent)
		return
	}
	if a.status != http.StatusOK {
		r.rt.Fatalf("PUT %v on %v: %d %s\nby %s", sent, r.values, a.status, a.raw, r.schema.document())
	}
	r.values = want
	r.shows(a, askedModel{}, r.written(sent))
}

func (r *schemaRun) patch() {
	p := drawPatch(r.rt, r.schema)
	path := ownURN
	m := mentions{}
	switch {
	case p.sub != "":
		path += ":" + p.attribute + "." + p.sub
		m.addSub(p.attribute, p.sub)
	case p.attribute != "":
		path += ":" + p.attribute
		m.add(p.attribute, p.value)
	default:
		values, _ := p.value.(map[string]any)
		for name, v := range values {
			m.add(name, v)
		}
	}
	operation := map[string]any{"op": p.op, "path": path}
	if p.op != "remove" {
		operation["value"] = p.value
	}
	want, ok := r.schema.allowed(r.values, p)
	a := r.send(r.own, "PATCH", r.endpoint+"/"+r.id, map[string]any{"schemas": []any{scim.PatchURN}, "Operations": []any{operation}})
	if !ok {
		r.refused(a, "PATCH", operation)
		r.read()
		return
	}
	if a.status != http.StatusOK {
		encoded, _ := json.Marshal(operation)
		r.rt.Fatalf("PATCH %s on %v: %d %s\nby %s", encoded, r.values, a.status, a.raw, r.schema.document())
	}
	r.values = want
	r.shows(a, askedModel{}, m)
}

// read asks for some attributes, or excludes some.
func (r *schemaRun) read() {
	q := drawAsked(r.rt, r.schema)
	path := r.endpoint + "/" + r.id
	if q.parameter != "" {
		path += "?" + q.parameter + "=" + url.QueryEscape(q.text())
	}
	a := r.send(r.own, "GET", path, nil)
	require.Equalf(r.rt, http.StatusOK, a.status, "GET %s: %d %s", path, a.status, a.raw)
	r.shows(a, q, nil)
	list := r.send(r.own, "GET", r.endpoint+"?count=1"+strings.Replace(strings.TrimPrefix(path, r.endpoint+"/"+r.id), "?", "&", 1), nil)
	shown, _ := list.body["Resources"].([]any)
	require.Lenf(r.rt, shown, 1, "the list is %s", list.raw)
	r.shows(reply{body: shown[0].(map[string]any), raw: list.raw}, q, nil)
}

func (q askedModel) text() string {
	names := []string{"meta"}
	if q.whole {
		names = append(names, ownURN)
	}
	for name, subs := range q.names {
		if subs == nil {
			names = append(names, ownURN+":"+name)
		}
		for sub := range subs {
			names = append(names, strings.ToUpper(ownURN)+":"+name+"."+sub)
		}
	}
	return strings.Join(names, ",")
}

func (r *schemaRun) filter() {
	attribute, sub := drawPath(r.rt, r.schema, true)
	a := named(r.schema.Attributes, attribute)
	leaf := a
	path := ownURN + ":" + attribute
	if sub != "" {
		leaf, path = named(a.SubAttributes, sub), path+"."+sub
	}
	op := rapid.SampledFrom([]string{"eq", "ne", "gt", "le", "co", "pr"}).Draw(r.rt, "op")
	want := drawRight(r.rt, leaf, "want")
	text := path + " " + op
	if op != "pr" {
		encoded, _ := json.Marshal(want)
		if leaf.Type == "complex" {
			encoded = []byte(`"x"`)
		}
		text += " " + string(encoded)
	}
	yes, ok := r.schema.matches(r.values, attribute, sub, op, want)
	answer := r.send(r.own, "GET", r.endpoint+"?filter="+url.QueryEscape(text), nil)
	if !ok && (a.Returned == "never" || leaf.Returned == "never") {
		if answer.status != http.StatusForbidden || answer.body["scimType"] != "sensitive" {
			r.rt.Fatalf("%s: %d %s, want 403 sensitive", text, answer.status, answer.raw)
		}
		return
	}
	if !ok {
		r.refused(answer, "filter", text)
		return
	}
	total, _ := answer.body["totalResults"].(float64)
	if answer.status != http.StatusOK || yes != (total == 1) {
		r.rt.Fatalf("%s: %d, %v of %v\nwant a match: %v\nby %s", text, answer.status, total, r.values, yes, r.schema.document())
	}
}

// sort sends a list request that sorts by an attribute. An attribute without an
// order, and an attribute that is never returned, are refused.
func (r *schemaRun) sort() {
	attribute, sub := drawPath(r.rt, r.schema, true)
	a := named(r.schema.Attributes, attribute)
	path, leaf := ownURN+":"+attribute, a
	if sub != "" {
		path, leaf = path+"."+sub, named(a.SubAttributes, sub)
	}
	want := http.StatusOK
	switch {
	case a.Returned == "never" || leaf.Returned == "never":
		want = http.StatusForbidden
	case leaf.Type == "complex", a.MultiValued && a.Mutability == "readOnly":
		want = http.StatusBadRequest
	}
	answer := r.send(r.own, "GET", r.endpoint+"?sortBy="+url.QueryEscape(path), nil)
	if answer.status != want || want == http.StatusOK && answer.body["totalResults"] != 1.0 {
		r.rt.Fatalf("sortBy %s: %d %s, want %d\nby %s", path, answer.status, answer.raw, want, r.schema.document())
	}
}

// isServed compares /Schemas and /ResourceTypes with the registered schema.
func (r *schemaRun) isServed() {
	a := r.send(r.own, "GET", "/Schemas/"+strings.ToUpper(ownURN), nil)
	var served schemaModel
	err := json.Unmarshal([]byte(a.raw), &served)
	require.Truef(r.rt, err == nil && a.status == http.StatusOK, "/Schemas: %d %v", a.status, err)
	served.required = r.schema.required
	if !reflect.DeepEqual(served, r.schema) {
		r.rt.Fatalf("/Schemas serves %s\nwant %s", served.document(), r.schema.document())
	}
	types := r.send(r.own, "GET", "/ResourceTypes", nil)
	listed := fmt.Sprintf(`{"required":%v,"schema":%q}`, r.schema.required, ownURN)
	require.Equalf(r.rt, 1, strings.Count(types.raw, listed), "/ResourceTypes is %s\nwant %s in it, once", types.raw, listed)
	all := r.send(r.own, "GET", "/Schemas", nil)
	require.Equalf(r.rt, 1, strings.Count(all.raw, `"id":"`+ownURN+`"`), "/Schemas is %s", all.raw)
}

// isApart checks that the other tenant sees nothing of the schema.
func (r *schemaRun) isApart() {
	for _, path := range []string{"/Schemas", "/ResourceTypes", r.endpoint} {
		a := r.send(r.other, "GET", path, nil)
		require.NotContainsf(r.rt, strings.ToLower(a.raw), strings.ToLower(ownURN), "another tenant's %s has the schema: %s", path, a.raw)
	}
	require.Equal(r.rt, http.StatusNotFound, r.send(r.other, "GET", "/Schemas/"+ownURN, nil).status, "another tenant's /Schemas")
	a := r.send(r.other, "POST", r.endpoint, r.bodyWith(drawValues(r.rt, r.schema, false)))
	require.Truef(r.rt, a.status == http.StatusCreated && !strings.Contains(a.raw, ownURN), "another tenant's POST: %d %s", a.status, a.raw)
	filter := url.QueryEscape(ownURN + ":" + r.schema.Attributes[0].Name + " pr")
	if a := r.send(r.other, "GET", r.endpoint+"?filter="+filter, nil); a.status != http.StatusBadRequest {
		r.rt.Fatalf("another tenant's filter: %d %s", a.status, a.raw)
	}
	if a := r.send(r.other, "PATCH", r.endpoint+"/"+a.body["id"].(string), map[string]any{
		"schemas":    []any{scim.PatchURN},
		"Operations": []any{map[string]any{"op": "add", "path": ownURN + ":" + r.schema.Attributes[0].Name, "value": "x"}},
	}); a.status != http.StatusOK || strings.Contains(a.raw, ownURN) {
		r.rt.Fatalf("another tenant's PATCH: %d %s", a.status, a.raw)
	}
}

// changeSchema registers another schema under the same URN, and removes it:
// values that do not fit are not served, and nothing fails. With the first
// schema again, the values are what they were.
func (r *schemaRun) changeSchema() {
	first := r.schema
	r.register(drawSchema(r.rt, "second"))
	path := r.endpoint + "/" + r.id
	a := r.send(r.own, "GET", path, nil)
	shown, _ := a.body[ownURN].(map[string]any)
	for name, v := range shown {
		if !slices.ContainsFunc(r.schema.Attributes, func(a attributeModel) bool { return a.Name == name }) {
			r.rt.Fatalf("%s of a removed schema is served: %s", name, a.raw)
		}
		if kept, ok := named(r.schema.Attributes, name).asReadWrite().keeps(v); !ok || !same(kept, v) {
			r.rt.Fatalf("%s is served with %v, which is not of its type\nby %s", name, v, r.schema.document())
		}
	}
	r.filterAnything()
	title := map[string]any{"op": "replace", "path": "externalId", "value": "new"}
	patch := map[string]any{"schemas": []any{scim.PatchURN}, "Operations": []any{title}}
	if a := r.send(r.own, "PATCH", path, patch); a.status != http.StatusOK {
		r.rt.Fatalf("PATCH of another attribute: %d %s", a.status, a.raw)
	}
	require.NoError(r.rt, r.app.Store.RemoveSchema(r.t.Context(), r.own.id, ownURN, time.Now()))
	r.restart()
	for _, path := range []string{path, path + "?attributes=" + ownURN, r.endpoint, "/Schemas", "/ResourceTypes"} {
		a := r.send(r.own, "GET", path, nil)
		require.Truef(r.rt, a.status == http.StatusOK && !strings.Contains(a.raw, ownURN), "%s of a removed schema: %d %s", path, a.status, a.raw)
	}
	title["value"] = "newer"
	if a := r.send(r.own, "PATCH", path, patch); a.status != http.StatusOK || strings.Contains(a.raw, ownURN) {
		r.rt.Fatalf("PATCH without the schema: %d %s", a.status, a.raw)
	}
	body := r.core()
	body["externalId"] = "newest"
	if a := r.send(r.own, "PUT", path, body); a.status != http.StatusOK || strings.Contains(a.raw, ownURN) {
		r.rt.Fatalf("PUT without the schema: %d %s", a.status, a.raw)
	}
	r.register(first)
	r.read()
}

// filterAnything filters on each attribute: no filter fails, whatever is
// stored.
func (r *schemaRun) filterAnything() {
	for _, a := range r.schema.Attributes {
		filter := url.QueryEscape(ownURN + ":" + a.Name + " pr")
		answer := r.send(r.own, "GET", r.endpoint+"?filter="+filter, nil)
		require.Equalf(r.rt, answer.status == http.StatusForbidden, a.Returned == "never", "%s pr: %d %s", a.Name, answer.status, answer.raw)
	}
}

func (a attributeModel) asReadWrite() attributeModel {
	a.Mutability = "readWrite"
	subs := slices.Clone(a.SubAttributes)
	for i := range subs {
		subs[i] = subs[i].asReadWrite()
	}
	a.SubAttributes = subs
	return a
}

// drawSchema draws a schema of one to four attributes.
func drawSchema(rt *rapid.T, label string) schemaModel {
	s := schemaModel{ID: ownURN, Name: "Person", required: rapid.IntRange(0, 4).Draw(rt, label+" required") == 0}
	for i := range rapid.IntRange(1, 4).Draw(rt, label+" attributes") {
		s.Attributes = append(s.Attributes, drawAttribute(rt, fmt.Sprintf("a%d", i), false))
	}
	return s
}

func drawAttribute(rt *rapid.T, name string, isSub bool) attributeModel {
	types := []string{"string", "string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex", "complex"}
	if isSub {
		types = types[:len(types)-2]
	}
	a := attributeModel{
		Name:        name,
		Type:        rapid.SampledFrom(types).Draw(rt, name+" type"),
		MultiValued: rapid.Bool().Draw(rt, name+" multiValued"),
		Required:    rapid.IntRange(0, 2).Draw(rt, name+" required") == 0,
		CaseExact:   rapid.Bool().Draw(rt, name+" caseExact"),
		Mutability:  rapid.SampledFrom([]string{"readWrite", "readWrite", "immutable", "readOnly", "writeOnly"}).Draw(rt, name+" mutability"),
		Returned:    rapid.SampledFrom([]string{"default", "default", "always", "request", "never"}).Draw(rt, name+" returned"),
	}
	// Combinations that exclude each other are refused by the parser, which has
	// its own test.
	switch {
	case a.Mutability == "writeOnly":
		a.Returned = "never"
	case a.Returned == "never":
		a.Mutability = "readWrite"
	}
	if a.Returned == "never" || a.Mutability == "readOnly" {
		a.Required = false
	}
	switch a.Type {
	case "binary", "reference":
		a.CaseExact = true
	case "string":
	default:
		a.CaseExact = false
	}
	if a.Type == "complex" {
		for i := range rapid.IntRange(1, 3).Draw(rt, name+" parts") {
			sub := drawAttribute(rt, fmt.Sprintf("s%d", i), true)
			sub.Required = sub.Required && a.Mutability != "readOnly"
			a.SubAttributes = append(a.SubAttributes, sub)
		}
	}
	return a
}

// drawValues draws values of some attributes; careful draws valid ones,
// including everything required. nil sends no extension.
func drawValues(rt *rapid.T, s schemaModel, careful bool) map[string]any {
	if !(careful && s.required) && rapid.IntRange(0, 4).Draw(rt, "left out") == 0 {
		return nil
	}
	values := map[string]any{}
	for _, a := range s.Attributes {
		if careful && (a.Required || s.required && a.Mutability != "readOnly") || rapid.Bool().Draw(rt, a.Name+" sent") {
			values[a.Name] = drawValue(rt, a, careful)
		}
	}
	return values
}

func drawValue(rt *rapid.T, a attributeModel, careful bool) any {
	if !careful {
		switch rapid.IntRange(0, 12).Draw(rt, a.Name+" fault") {
		case 0:
			return nil
		case 1:
			return drawWrong(rt, a)
		}
	}
	if !a.MultiValued {
		return drawOne(rt, a, careful)
	}
	least := 0
	if careful {
		least = 1
	}
	list := []any{}
	for range rapid.IntRange(least, 3).Draw(rt, a.Name+" values") {
		list = append(list, drawOne(rt, a, careful))
	}
	return list
}

func drawOne(rt *rapid.T, a attributeModel, careful bool) any {
	if a.Type != "complex" {
		return drawRight(rt, a, a.Name)
	}
	parts := map[string]any{}
	for i, sub := range a.SubAttributes {
		if i == 0 || careful && sub.Required || rapid.Bool().Draw(rt, sub.Name+" sent") {
			parts[sub.Name] = drawValue(rt, sub, careful)
		}
	}
	return parts
}

// drawRight draws one value of a simple type, from few, so that values repeat.
func drawRight(rt *rapid.T, a attributeModel, label string) any {
	return rapid.SampledFrom(map[string][]any{
		"string":    {"alpha", "Alpha", "ALPHABET", "beta"},
		"boolean":   {true, false},
		"decimal":   {0.5, 1.5, 2.0, -3.5},
		"integer":   {0.0, 1.0, 2.0, -3.0},
		"dateTime":  {"2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00", "2025-06-07T08:09:10Z"},
		"binary":    {"AQ==", "aq==", "AgI="},
		"reference": {"https://example.com/A", "https://example.com/a", "https://example.com/b"},
		"complex":   {nil},
	}[a.Type]).Draw(rt, label+" value")
}

func drawWrong(_ *rapid.T, a attributeModel) any {
	wrong := map[string]any{
		"string": 5.0, "boolean": 7.0, "decimal": "x", "integer": 1.5, "dateTime": "yesterday", "binary": "%%", "reference": false, "complex": 5.0,
	}[a.Type]
	if a.MultiValued {
		return []any{wrong}
	}
	return wrong
}

// drawPath draws an attribute, and also a sub-attribute of a complex one that
// has a single value, or of any with ofAny.
func drawPath(rt *rapid.T, s schemaModel, ofAny bool) (attribute, sub string) {
	a := rapid.SampledFrom(s.Attributes).Draw(rt, "attribute")
	if a.Type == "complex" && (ofAny || !a.MultiValued) && rapid.Bool().Draw(rt, "into") {
		sub = rapid.SampledFrom(a.SubAttributes).Draw(rt, "sub").Name
	}
	return a.Name, sub
}

func drawPatch(rt *rapid.T, s schemaModel) patchModel {
	p := patchModel{op: rapid.SampledFrom([]string{"add", "replace", "remove"}).Draw(rt, "op")}
	if rapid.IntRange(0, 4).Draw(rt, "whole") == 0 {
		if p.op != "remove" {
			values := drawValues(rt, s, rapid.Bool().Draw(rt, "careful"))
			if values == nil {
				values = map[string]any{}
			}
			p.value = values
		}
		return p
	}
	p.attribute, p.sub = drawPath(rt, s, false)
	if p.op == "remove" {
		return p
	}
	a := named(s.Attributes, p.attribute)
	if p.sub != "" {
		a = named(a.SubAttributes, p.sub)
	}
	p.value = drawValue(rt, a, rapid.Bool().Draw(rt, "careful"))
	return p
}

func drawAsked(rt *rapid.T, s schemaModel) askedModel {
	q := askedModel{
		parameter: rapid.SampledFrom([]string{"", "attributes", "excludedAttributes"}).Draw(rt, "parameter"),
		names:     mentions{},
	}
	if q.parameter == "" {
		return q
	}
	q.whole = rapid.IntRange(0, 3).Draw(rt, "whole") == 0
	for _, a := range s.Attributes {
		switch rapid.IntRange(0, 2).Draw(rt, a.Name+" named") {
		case 0:
			q.names[a.Name] = nil
		case 1:
			for _, sub := range a.SubAttributes {
				if rapid.Bool().Draw(rt, sub.Name+" named") {
					q.names.addSub(a.Name, sub.Name)
				}
			}
		}
	}
	return q
}
