package adminapi

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/directory"
)

// groupDocument is a group as the application sees it.
func groupDocument(g *directory.Group) (map[string]any, error) {
	r, err := g.Resource()
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"id": g.ID, "displayName": r.Text("displayName"), "externalId": emptyIsNull(r.Text("externalId")),
		"origin": string(g.Origin), "version": g.Version,
		"created": instant(g.Created), "modified": instant(g.Modified),
	}, nil
}

// listGroups: GET /tenants/{tenant}/groups, in the order of their creation. subject
// lists only the groups whose id, displayName or externalId it is, all on one page.
func (s *Service) listGroups(ctx context.Context, q *request) (*reply, error) {
	limit, after, err := q.list("subject")
	if err != nil {
		return nil, err
	}
	if _, err := s.tenantOf(ctx, q); err != nil {
		return nil, err
	}
	if q.query.Has("subject") {
		groups, err := s.Directory.MatchGroups(ctx, q.tenant, q.parameter("subject"))
		if err != nil {
			return nil, err
		}
		return groupPage(groups, "")
	}
	found, err := s.Directory.SearchGroups(ctx, q.tenant, directory.Caller{Time: q.start}, directory.Query{
		Cursor: &directory.Cursor{ID: after}, Count: limit,
	})
	if err != nil {
		return nil, err
	}
	next := ""
	if found.Next != nil {
		next = found.Next.ID
	}
	return groupPage(found.Records, next)
}

func groupPage(groups []*directory.Group, next string) (*reply, error) {
	documents := make([]any, len(groups))
	for i, g := range groups {
		document, err := groupDocument(g)
		if err != nil {
			return nil, err
		}
		documents[i] = document
	}
	return page("groups", documents, next)
}

// readGroup: GET /tenants/{tenant}/groups/{group}
func (s *Service) readGroup(ctx context.Context, q *request) (*reply, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	g, err := s.Directory.Group(ctx, q.tenant, q.parameters["group"])
	if err != nil {
		return nil, err
	}
	document, err := groupDocument(g)
	if err != nil {
		return nil, err
	}
	return ok(document)
}

// deleteGroup: DELETE /tenants/{tenant}/groups/{group} deletes a group in the
// application. A marker stays, from which the identity provider gets its error.
func (s *Service) deleteGroup(ctx context.Context, q *request) (*reply, error) {
	if err := q.known(); err != nil {
		return nil, err
	}
	by, err := s.by(ctx, q)
	if err != nil {
		return nil, err
	}
	id := q.about("group")
	q.action = "deleted"
	_, err = s.Directory.DeleteGroupInApp(ctx, q.tenant, by, id)
	return noContent(), err
}

// listDeletedGroups: GET /tenants/{tenant}/deleted-groups lists the markers of groups
// that the application deleted.
func (s *Service) listDeletedGroups(ctx context.Context, q *request) (*reply, error) {
	limit, after, err := q.list()
	if err != nil {
		return nil, err
	}
	if _, err := s.tenantOf(ctx, q); err != nil {
		return nil, err
	}
	found, err := s.Directory.DeletedGroups(ctx, q.tenant, after, limit)
	if err != nil {
		return nil, err
	}
	documents := make([]any, len(found.Records))
	for i, g := range found.Records {
		documents[i] = map[string]any{
			"id": g.ID, "displayName": g.DisplayName, "deletedAt": instant(g.Deleted), "deletedBy": emptyIsNull(g.Who),
		}
	}
	next := ""
	if found.More {
		next = found.Last
	}
	return page("deletedGroups", documents, next)
}
