package replaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// A place is a position in a request where a form can occur.
type place int

const (
	inPOST place = iota
	inPUT
	inPath
	inValue
	inNames
	inFilter
	inSortBy
	inAttributes
	inExcluded
	inSearch
	inBulk
	places
)

var placeNames = [places]string{
	"POST body", "PUT body", "PATCH path", "PATCH value with a path", "PATCH value without a path",
	"filter", "sortBy", "attributes", "excludedAttributes", "`/.search` body", "Bulk data",
}

// A tolerance is a form that the RFCs do not have, or that servers often handle
// wrongly.
type tolerance struct {
	// sent is the form, in Markdown.
	sent string
	// notices are the kinds that the event names, none if the RFCs have the
	// form.
	notices []string
	cells   cells
}

// A cells value has the result of a form in each place. The /.search body and
// Bulk data are derived from the others unless they are given.
type cells map[place]cell

// A cell is the result of a form in a place: it is tried, or it cannot occur.
type cell struct {
	tries []try
	// never is why the form cannot occur.
	never string
	// derived cells use the tries of others.
	derived bool
}

// A try is a request with the form, and what must be true of its answer.
type try struct {
	setup              []step
	method, path, body string
	// accepted are checks of an accepted request, refused those of a refused one.
	accepted, refused []step
	// notices are the kinds in the event, if they are not the tolerance's.
	notices []string
	// reason is why every tenant refuses it, and scimType the type of the
	// error.
	reason, scimType string
	// strict is the scimType of a strict tenant's error, for a form without a
	// notice.
	strict string
	// search is the query of a GET.
	search *search
	// bulk is set if the answer is that of an operation in a bulk request.
	bulk bool
}

// A step is a step or a check of a replay.Case.
type step map[string]any

// A search is a query in the words of a search request.
type search struct {
	collection, filter, sortBy, attributes, excluded string
}

// A change is a change of one resource.
type change struct {
	group bool
	// has are the resource's members before, in the form of the RFCs; a group
	// may name the users {{a}} and {{b}} and the group {{other}}.
	has string
	// sends are members of a body, or operations of a PATCH.
	sends string
	// then are matchers of the resource afterwards, by pointer.
	then string
	// schemas is the list in the body, if it is not that of the RFCs.
	schemas string
	notices []string
	strict  string
}

const (
	coreUser   = "urn:ietf:params:scim:schemas:core:2.0:User"
	coreGroup  = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchOp    = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// collection returns the endpoint of the resource, and core the schema of its
// type.
func (c change) collection() string {
	if c.group {
		return "/Groups"
	}
	return "/Users"
}

func (c change) core() string {
	if c.group {
		return coreGroup
	}
	return coreUser
}

// body returns a resource with its name and these members. {{k}} is different
// in each try.
func (c change) body(schemas, members string) string {
	name := `"userName":"{{k}}@example.com"`
	if c.group {
		name = `"displayName":"{{k}}"`
	}
	parts := []string{name}
	switch schemas {
	case "":
		parts = append(parts, `"schemas":["`+c.core()+`"]`)
	case noSchemas:
	default:
		parts = append(parts, `"schemas":`+schemas)
	}
	if members != "" {
		parts = append(parts, members)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// noSchemas stands for a body without schemas.
const noSchemas = "none"

// people returns the steps that create the possible members of a group.
func (c change) people() []step {
	if !c.group {
		return nil
	}
	created := func(path, body, name string) step {
		return step{"request": "POST " + path, "with": json.RawMessage(body), "capture": map[string]string{name: "/id"}}
	}
	return []step{
		created("/Users", `{"schemas":["`+coreUser+`"],"userName":"{{k}}-a"}`, "a"),
		created("/Users", `{"schemas":["`+coreUser+`"],"userName":"{{k}}-b"}`, "b"),
		created("/Groups", `{"schemas":["`+coreGroup+`"],"displayName":"{{k}} other"}`, "other"),
	}
}

// before returns the steps that create the resource {{u}}.
func (c change) before() []step {
	return append(c.people(), step{
		"request": "POST " + c.collection(), "with": json.RawMessage(c.body("", c.has)), "capture": map[string]string{"u": "/id"},
	})
}

// find returns the list that has the resource with the name of the try.
func (c change) find() string {
	if c.group {
		return "GET /Groups?attributes=displayName,externalId,members&filter=" + escaped(`displayName eq "{{k}}"`)
	}
	return "GET /Users?filter=" + escaped(`userName eq "{{k}}@example.com"`)
}

// escaped returns a text for a query, with its variables unescaped.
func escaped(text string) string {
	return strings.NewReplacer("+", "%20", "%7B%7B", "{{", "%7D%7D", "}}").Replace(url.QueryEscape(text))
}

func (c change) matchers(prefix string) map[string]json.RawMessage {
	var then, out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(c.then), &then); err != nil {
		panic(fmt.Sprintf("%s: %v", c.then, err))
	}
	out = make(map[string]json.RawMessage, len(then))
	for pointer, m := range then {
		out[prefix+pointer] = m
	}
	return out
}

func (c change) try(t try) try {
	t.notices, t.strict = c.notices, c.strict
	return t
}

// post creates a resource with what the change sends.
func (c change) post() try {
	then := c.matchers("/Resources/0")
	then["/totalResults"] = json.RawMessage("1")
	return c.try(try{
		setup: c.people(), method: "POST", path: c.collection(), body: c.body(c.schemas, c.sends),
		accepted: []step{{"request": c.find(), "body": then}},
		refused:  []step{{"request": c.find(), "body": map[string]any{"/totalResults": 0}}},
	})
}

// existing changes the resource {{u}}.
func (c change) existing(method, body string) try {
	return c.try(try{
		setup: c.before(), method: method, path: c.collection() + "/{{u}}", body: body,
		accepted: []step{{"request": "GET " + c.collection() + "/{{u}}", "body": c.matchers("")}},
		refused:  []step{{"request": "GET " + c.collection() + "/{{u}}", "body": map[string]any{"/meta/version": `W/"1"`}}},
	})
}

func (c change) put() try { return c.existing("PUT", c.body(c.schemas, c.sends)) }

// patch sends the change as operations.
func (c change) patch(operations string) try {
	schemas := `"schemas":["` + patchOp + `"],`
	switch c.schemas {
	case "":
	case noSchemas:
		schemas = ""
	default:
		schemas = `"schemas":` + c.schemas + ","
	}
	return c.existing("PATCH", "{"+schemas+`"Operations":`+operations+"}")
}

// names sends the change as the value of an operation without a path.
func (c change) names() try { return c.patch(`[{"op":"replace","value":{` + c.sends + `}}]`) }

// all returns a cell with the tries of several changes.
func all(changes []change, tried func(change) try) cell {
	var c cell
	for _, one := range changes {
		c.tries = append(c.tries, tried(one))
	}
	return c
}

// posted, replaced, named and patched return cells in which changes are
// accepted.
func posted(changes ...change) cell   { return all(changes, change.post) }
func replaced(changes ...change) cell { return all(changes, change.put) }
func named(changes ...change) cell    { return all(changes, change.names) }
func patched(changes ...change) cell {
	return all(changes, func(c change) try { return c.patch(c.sends) })
}

// bodies returns the cells of what is the same in all bodies.
func bodies(changes ...change) cells {
	return cells{inPOST: posted(changes...), inPUT: replaced(changes...), inNames: named(changes...)}
}

// refused returns the cell with an error for every tenant.
func (c cell) refused(scimType, reason string) cell {
	for i := range c.tries {
		c.tries[i].scimType, c.tries[i].reason = scimType, reason
	}
	return c
}

// and returns the cell with the tries of another one added.
func (c cell) and(more cell) cell {
	c.tries = append(c.tries, more.tries...)
	return c
}

// never returns a cell for a form that cannot occur.
func never(reason string) cell { return cell{never: reason} }

// with returns the cells with those of more.
func (c cells) with(more cells) cells {
	for p, cell := range more {
		c[p] = cell
	}
	return c
}

// neverIn returns the cells, and cells for places in which the form cannot
// occur.
func (c cells) neverIn(reason string, in ...place) cells {
	for _, p := range in {
		c[p] = never(reason)
	}
	return c
}

// A query is a search that finds one of two resources, or returns a part of
// one.
type query struct {
	group bool
	// one and other are members of two resources, in the form of the RFCs: one
	// is found, sorted first, or projected.
	one, other string
	// by is the filter, the sort key or the list of attributes.
	by string
	// shows and hides are pointers into the resource that is projected.
	shows, hides []string
	notices      []string
}

// two returns the steps that create the resources {{other}} and {{one}}, in
// this order.
func (q query) two() []step {
	c := change{group: q.group}
	created := func(members, name string) step {
		body := strings.Replace(c.body("", members), "{{k}}", "{{k}}-"+name, 1)
		return step{"request": "POST " + c.collection(), "with": json.RawMessage(body), "capture": map[string]string{name: "/id"}}
	}
	return []step{created(q.other, "second"), created(q.one, "first")}
}

func (q query) try(s search, holds step) try {
	s.collection = change{group: q.group}.collection()
	return try{
		setup: q.two(), method: "GET", path: s.collection + "?" + s.text(), search: &s,
		accepted: []step{holds}, notices: q.notices,
	}
}

// text returns the search as a query.
func (s search) text() string {
	var parts []string
	for _, p := range []struct{ name, value string }{
		{"filter", s.filter}, {"sortBy", s.sortBy}, {"attributes", s.attributes}, {"excludedAttributes", s.excluded},
	} {
		if p.value != "" {
			parts = append(parts, p.name+"="+escaped(p.value))
		}
	}
	return strings.Join(parts, "&")
}

// message returns the search as a search request.
func (s search) message() string {
	m := map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}}
	for name, value := range map[string]string{"filter": s.filter, "sortBy": s.sortBy} {
		if value != "" {
			m[name] = value
		}
	}
	for name, value := range map[string]string{"attributes": s.attributes, "excludedAttributes": s.excluded} {
		if value != "" {
			m[name] = strings.Split(value, ",")
		}
	}
	return marshalled(m)
}

func marshalled(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// filtered returns a cell of filters that find one of two.
func filtered(queries ...query) cell {
	var c cell
	for _, q := range queries {
		c.tries = append(c.tries, q.try(search{filter: q.by}, step{"body": map[string]any{"/Resources/*/id": []string{"{{first}}"}}}))
	}
	return c
}

// named returns a filter for the two resources of a try.
func (q query) named() string {
	if q.group {
		return `displayName sw "{{k}}-"`
	}
	return `userName sw "{{k}}-"`
}

// sorted returns a cell of orders in which one comes first, although it was
// created last.
func sorted(queries ...query) cell {
	var c cell
	for _, q := range queries {
		c.tries = append(c.tries, q.try(search{filter: q.named(), sortBy: q.by}, step{"body": map[string]any{"/Resources/*/id": []string{"{{first}}", "{{second}}"}}}))
	}
	return c
}

// projected returns a cell of projections that show some parts of a resource
// and hide others.
func projected(by func(names string) search, queries ...query) cell {
	var c cell
	for _, q := range queries {
		s := by(q.by)
		s.filter = strings.Replace(q.named(), "{{k}}-", "{{k}}-first", 1)
		holds := map[string]any{"/totalResults": 1}
		for _, pointer := range q.shows {
			holds["/Resources/0"+pointer] = map[string]any{"present": true}
		}
		for _, pointer := range q.hides {
			holds["/Resources/0"+pointer] = map[string]any{"present": false}
		}
		c.tries = append(c.tries, q.try(s, step{"body": holds}))
	}
	return c
}

func attributes(queries ...query) cell {
	return projected(func(by string) search { return search{attributes: by} }, queries...)
}

func excluded(queries ...query) cell {
	return projected(func(by string) search { return search{excluded: by} }, queries...)
}

// derive fills the cells of the /.search body and of Bulk data, unless they are
// given, with the tries of the others.
func (c cells) derive() {
	if _, ok := c[inSearch]; !ok {
		c[inSearch] = c.derived([]place{inFilter, inSortBy, inAttributes, inExcluded}, inSearchBody)
	}
	if _, ok := c[inBulk]; !ok {
		c[inBulk] = c.derived([]place{inPOST, inPUT, inPath, inValue, inNames}, inBulkData)
	}
}

// derived returns a cell with the tries of other cells.
func (c cells) derived(from []place, again func(try) try) cell {
	out := cell{derived: true}
	for _, p := range from {
		for _, t := range c[p].tries {
			out.tries = append(out.tries, again(t))
		}
	}
	if len(out.tries) == 0 {
		return never(c[from[0]].never)
	}
	return out
}

func inSearchBody(t try) try {
	t.method, t.path, t.body = "POST", t.search.collection+"/.search", t.search.message()
	return t
}

func inBulkData(t try) try {
	operation := map[string]any{"method": t.method, "path": t.path, "data": json.RawMessage(t.body)}
	if t.method == "POST" {
		operation["bulkId"] = "k"
	}
	t.method, t.path, t.bulk = "POST", "/Bulk", true
	t.body = marshalled(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": []any{operation}})
	return t
}

// nothing is the list of notices of a request without any, where other requests
// of the tolerance have one.
var nothing = []string{}

// kinds returns the notices of a try.
func (t try) kinds(of tolerance) []string {
	if t.notices != nil {
		return t.notices
	}
	return of.notices
}

// tables returns the table with the derived cells.
func tables() []tolerance {
	table := tolerances()
	for _, of := range table {
		of.cells.derive()
	}
	return table
}
