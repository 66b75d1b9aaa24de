package adminapi

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
)

// listGroups: GET /tenants/{tenant}/groups, in the order of their creation. subject
// lists only the groups whose id, displayName or externalId it is, all on one page.
func (s *Service) listGroups(ctx context.Context, q *request) (*reply, error) {
	limit, after, err := q.list()
	if err != nil {
		return nil, err
	}
	if err := s.mustHave(ctx, q); err != nil {
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
	page := adminwire.Groups{Groups: make([]adminwire.Group, len(groups)), Next: sealPosition(next)}
	var err error
	for i, g := range groups {
		if page.Groups[i], err = admindoc.Group(g); err != nil {
			return nil, err
		}
	}
	return ok(page)
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
	document, err := admindoc.Group(g)
	if err != nil {
		return nil, err
	}
	return ok(document)
}

// listMembers: GET /tenants/{tenant}/groups/{group}/members, in the order of their ids.
func (s *Service) listMembers(ctx context.Context, q *request) (*reply, error) {
	limit, after, err := q.list()
	if err != nil {
		return nil, err
	}
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	g, found, err := s.Directory.MemberPage(ctx, q.tenant, q.parameters["group"], after, limit)
	if err != nil {
		return nil, err
	}
	members, err := s.Provisioning.Members(ctx, q.tenant, found.Records)
	if err != nil {
		return nil, err
	}
	page := adminwire.GroupMembers{Members: listOf(members, memberDocument)}
	if page.Group, err = admindoc.Group(g); err != nil {
		return nil, err
	}
	if found.More {
		page.Next = sealPosition(found.Last)
	}
	return ok(page)
}

// deleteGroup: DELETE /tenants/{tenant}/groups/{group} deletes a group in the
// application. A marker stays, from which the identity provider gets its error.
func (s *Service) deleteGroup(ctx context.Context, q *request) (*reply, error) {
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
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	found, err := s.Directory.DeletedGroups(ctx, q.tenant, after, limit)
	if err != nil {
		return nil, err
	}
	page := adminwire.DeletedGroups{DeletedGroups: make([]adminwire.DeletedGroup, len(found.Records))}
	for i, g := range found.Records {
		page.DeletedGroups[i] = adminwire.DeletedGroup{
			ID: g.ID, DisplayName: g.DisplayName, DeletedAt: instant(g.Deleted), DeletedBy: adminwire.NullableString(g.Who),
		}
	}
	if found.More {
		page.Next = sealPosition(found.Last)
	}
	return ok(page)
}
