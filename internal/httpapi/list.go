package httpapi

import (
	"errors"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// list returns the query of a request for a list. of names the list in cursors,
// and others are the types listed beside rt. RFC 7644 §3.4.2
func (q *request) list(of string, rt *schema.ResourceType, others ...*schema.ResourceType) (query directory.Query, err error) {
	if query.Filter, err = q.filter(rt, others); err != nil {
		return directory.Query{}, err
	}
	if query.Sort, err = q.sort(rt, others); err != nil {
		return directory.Query{}, err
	}
	cursor, err := q.parameter("cursor")
	if err != nil {
		return directory.Query{}, err
	}
	byCursor := q.has("cursor")
	query.StartIndex, query.Count, err = q.page()
	var invalid *scim.Error
	switch {
	case byCursor && query.StartIndex > 1:
		return directory.Query{}, &scim.Error{
			Type: scim.InvalidValue, Detail: "cursor and startIndex exclude each other: leave one of them out.",
		}
	case byCursor && errors.As(err, &invalid):
		return directory.Query{}, &scim.Error{Type: scim.InvalidCount, Detail: invalid.Detail}
	case err != nil || !byCursor:
		return query, err
	}
	query.Cursor = &directory.Cursor{}
	if cursor != "" {
		query.Cursor, err = q.open(cursor, of, query)
	}
	return query, err
}

// filter returns the request's filter, or nil. RFC 7644 §3.4.2.2
func (q *request) filter(rt *schema.ResourceType, others []*schema.ResourceType) (*match.Filter, error) {
	text, err := q.parameter("filter")
	if err != nil || !q.has("filter") {
		return nil, err
	}
	filter, err := match.CompileFilterAcross(rt, others, text)
	if err != nil {
		return nil, err
	}
	q.filters = append(q.filters, filter)
	q.event.tolerated(filter.Notices())
	return filter, directory.CheckNotices(q.grant.Settings, filter.Notices())
}

// sort returns the request's order, or nil for the order of creation. RFC 7644
// §3.4.2.3
func (q *request) sort(rt *schema.ResourceType, others []*schema.ResourceType) (*directory.Sort, error) {
	by, err := q.parameter("sortBy")
	if err != nil {
		return nil, err
	}
	order, err := q.parameter("sortOrder")
	if err != nil || by == "" {
		return nil, err
	}
	compiled, err := match.CompileSort(rt, others, by, order)
	if err != nil {
		return nil, err
	}
	q.event.tolerated(compiled.Notices())
	return &directory.Sort{Sort: compiled}, directory.CheckNotices(q.grant.Settings, compiled.Notices())
}

// listReply answers with a page of resources of a type.
func (q *request) listReply(of string, query directory.Query, page found) (*reply, error) {
	if query.Cursor == nil {
		return &reply{status: http.StatusOK, body: scim.ListDocument(page.total, query.StartIndex, page.documents)}, nil
	}
	next, err := q.seal(page.next, of, query)
	if err != nil {
		return nil, err
	}
	previous, err := q.seal(page.previous, of, query)
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusOK, body: scim.CursorListDocument(page.total, next, previous, page.documents)}, nil
}
