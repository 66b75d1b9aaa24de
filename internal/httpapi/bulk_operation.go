package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/bulk"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// bulkRoutes returns the routes that an operation may have: those that change a
// resource.
func bulkRoutes() []Route {
	return slices.DeleteFunc(Routes(), func(r Route) bool {
		resource := r.Function == functionUsers || r.Function == functionGroups
		return !resource || r.Method == http.MethodGet || strings.HasSuffix(r.Path, "/.search")
	})
}

// bulkPath returns an operation's path in the letter case of the routes, so
// that two operations on one resource are recognized however their paths are
// spelled.
func bulkPath(path string) string {
	if !strings.HasPrefix(path, "/") {
		return path
	}
	parts := web.Segments(path)
	if len(parts) > 0 {
		for _, endpoint := range []string{"Users", "Groups"} {
			if scim.EqualName(parts[0], endpoint) {
				parts[0] = endpoint
			}
		}
	}
	return "/" + strings.Join(parts, "/")
}

// bulkRoute returns the route of an operation.
func (s *Service) bulkRoute(method, path string) (route *Route, id string, err error) {
	if strings.ContainsAny(path, "?#") {
		return nil, "", badOperation(scim.InvalidSyntax, "The operation's path has a query or a fragment.")
	}
	route, values, allowed := s.bulkRouter.Find(method, Prefix+path)
	switch {
	case route != nil:
		return route, values["id"], nil
	case len(allowed) > 0:
		return nil, "", &problem{
			cause: cause.MethodNotAllowed, what: "Method not allowed: the operation's path takes " + strings.Join(allowed, ", ") + ".",
			remedy: cause.InvalidOperation,
		}
	}
	return nil, "", badOperation(scim.InvalidSyntax,
		"The operation's path must be /Users, /Users/{id}, /Groups or /Groups/{id}, relative to the base URL.")
}

// badOperation returns the problem of an invalid operation.
func badOperation(kind scim.ErrorType, what string) *problem {
	return &problem{cause: cause.Validation, scimType: kind, what: what, remedy: cause.InvalidOperation}
}

// bulkType returns the resource type of an operation, or nil for an invalid
// path.
func (s *Service) bulkType(q *request, o *bulk.Operation) *schema.ResourceType {
	route, _, err := s.bulkRoute(o.Method, o.Endpoint())
	if err != nil {
		return nil
	}
	return s.typeOf(q, route)
}

func (s *Service) typeOf(q *request, route *Route) *schema.ResourceType {
	if route.Function == functionGroups {
		return s.groups(q)
	}
	return s.users(q)
}

// A bulkCall is one step of a bulk request, run as a request of its own.
type bulkCall struct {
	b    *bulkRun
	step bulk.Step
	q    *request
}

// begin returns the call for a step, with its own id and start time.
func (b *bulkRun) begin(step bulk.Step) *bulkCall {
	o := b.plan.Operation(step.Operation)
	r := &http.Request{URL: &url.URL{}, Header: http.Header{}, Body: http.NoBody}
	switch {
	case step.Completes:
		r.Method = http.MethodPatch
	case bulkNames[o.Method] != "": // only known methods are logged
		r.Method = o.Method
	}
	// The sender and the invocation are those of the bulk request. The
	// precondition comes from the operation only.
	for _, name := range []string{"User-Agent", web.InvocationHeader, web.APIRequestHeader, web.TraceHeader} {
		if value := b.q.Header.Get(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	q := &request{Request: r, id: b.s.NewID(), start: b.s.Now(), grant: b.q.grant, accepted: true}
	q.event = newEvent(q)
	q.event.Tenant, q.event.TokenID, q.event.IdP = b.q.event.Tenant, b.q.event.TokenID, b.q.event.IdP
	q.event.BulkRequestID, q.event.BulkOperation = b.q.id, step.Operation+1
	return &bulkCall{b: b, step: step, q: q}
}

// do runs the step and logs its event.
func (c *bulkCall) do(ctx context.Context) *bulkResult {
	s := c.b.s
	s.limits.Charge(ctx, c.q.grant.Tenant, s.Now(), 1)
	ctx, usage := table.WithUsage(ctx)
	result := &bulkResult{}
	answer, err := c.answer(ctx, result)
	if c.step.Completes {
		err = c.incomplete(err)
	}
	answer = s.conclude(ctx, c.q, answer, err)
	s.charge(ctx, c.q, usage)
	result.status = answer.status
	if answer.refusal != nil {
		result.response = answer.body
	} else {
		result.version = answer.etag
		c.created(answer, result)
	}
	s.log(ctx, c.q, answer, usage)
	return result
}

// created keeps the id that a POST created, for the operations that refer to
// it.
func (c *bulkCall) created(answer *reply, result *bulkResult) {
	o := c.b.plan.Operation(c.step.Operation)
	if o.Method == http.MethodPost && !c.step.Completes {
		result.location = answer.location
		c.b.ids[o.BulkID] = c.q.event.ResourceID
	}
}

// answer runs the step as if it had been sent alone.
func (c *bulkCall) answer(ctx context.Context, result *bulkResult) (answer *reply, err error) {
	defer web.Recovered(&err)
	s, q, plan := c.b.s, c.q, c.b.plan
	o := plan.Operation(c.step.Operation)
	route, id, refused := c.route(result)
	switch {
	case c.step.Completes && c.b.ended():
		return nil, &problem{cause: cause.BulkReference, what: "The request had already reached failOnErrors."}
	case c.b.timeOver(ctx):
		return nil, &problem{cause: cause.BulkTime}
	case o.Fault == nil && refused != nil:
		return nil, refused
	}
	body, err := plan.Body(c.step, c.b.ids)
	if err != nil {
		return nil, bulkProblem(err)
	}
	if bulkID, missing := plan.Missing(c.step, c.b.ids); missing {
		return nil, &problem{cause: cause.BulkReference, what: "The operation with the bulkId " + bulk.ShortID(bulkID) +
			", which this one refers to, was not done."}
	}
	if o.Version != nil {
		if _, sent := parseTags([]string{*o.Version}); !sent {
			return nil, badOperation(scim.InvalidValue, `The operation's version is not an entity tag, for example W/"3".`)
		}
		q.Header.Set("If-Match", *o.Version)
	}
	q.route, q.pathID = route, id
	q.event.Route = route.Method + " " + route.Path
	q.URL = &url.URL{Path: route.Path, RawQuery: notShown(s.typeOf(q, route))}
	if body != nil {
		q.Body = io.NopCloser(bytes.NewReader(body))
	}
	return route.handler(s, ctx, q)
}

// route returns where a step goes, and records its subject in the event and the
// result as far as it is known before the step runs.
func (c *bulkCall) route(result *bulkResult) (route *Route, id string, err error) {
	s := c.b.s
	o := c.b.plan.Operation(c.step.Operation)
	path, known := c.b.plan.Path(c.step, c.b.ids)
	if route, id, err = s.bulkRoute(c.q.Method, path); err != nil {
		return nil, "", err
	}
	rt := s.typeOf(c.q, route)
	if !known {
		id = ""
	}
	c.q.event.about(rt, bulkNames[c.q.Method], id)
	if o.Method == http.MethodPost || o.Method == http.MethodPut {
		c.q.event.Subject, c.q.event.ExternalID = scim.Resource(o.Data).Subject()
	}
	if known && o.Method != http.MethodPost {
		result.location = s.BaseURL + rt.Endpoint + path[strings.LastIndexByte(path, '/'):]
	}
	return route, id, nil
}

// bulkNames are the names of operations in events, by method.
var bulkNames = map[string]journal.Operation{
	http.MethodPost: journal.Create, http.MethodPut: journal.Replace, http.MethodPatch: journal.Modify, http.MethodDelete: journal.Delete,
}

// notShown returns a projection that leaves out what would be read for the
// answer only: a successful bulk operation is answered without its resource.
func notShown(rt *schema.ResourceType) string {
	if rt.Name == "Group" {
		return "excludedAttributes=members"
	}
	return "excludedAttributes=groups"
}

// bulkProblem returns the reason for which an operation is not tried.
func bulkProblem(err error) error {
	var (
		invalid *scim.Error
		circle  *bulk.CircleError
	)
	switch {
	case errors.As(err, &invalid):
		return badOperation(invalid.Type, invalid.Detail)
	case errors.As(err, &circle):
		return &problem{
			cause: cause.BulkReference, what: "By " + circle.Attribute + ", the operation refers to one that refers back to it, " +
				"and this attribute cannot be set later. Nothing was changed.",
			remedy: cause.BulkCircle,
		}
	}
	return err
}

// incomplete reports that an operation's first step was done and its second was
// not.
func (c *bulkCall) incomplete(err error) error {
	if err == nil {
		return nil
	}
	p := *problemOf(err)
	if p.what == "" {
		p.what = p.cause.Meaning().Summary
	}
	o := c.b.plan.Operation(c.step.Operation)
	p.what = "The resource was created with the id " + c.b.ids[o.BulkID] +
		", but its references to other operations could not be added: " + p.what
	p.remedy, p.named = cause.BulkIncomplete, nil
	return &p
}
