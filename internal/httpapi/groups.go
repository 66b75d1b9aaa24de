package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/representation"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

func (s *Service) groups(q *request) *schema.ResourceType { return s.types(q).Group }

// groupDocument returns a group as JSON. Without a projection it is the stored
// document with members and meta added. nil members are left out.
func (s *Service) groupDocument(q *request, p resource.Projection, g *directory.Group, members []string) ([]byte, error) {
	if p.AsStored(s.groups(q)) {
		return s.Documents.GroupJSON(g, members)
	}
	if !p.Wants("members") {
		members = nil
	}
	served, err := s.Documents.Group(g, members)
	if err != nil {
		return nil, err
	}
	return resource.Encode(s.groups(q), p.Apply(s.groups(q), served)), nil
}

// group returns an answer with a group.
func (s *Service) group(q *request, p resource.Projection, status int, g *directory.Group, members []string) (*reply, error) {
	body, err := s.groupDocument(q, p, g, members)
	if err != nil {
		return nil, err
	}
	return &reply{status: status, body: body, etag: representation.Tag(g.Version), location: s.Documents.GroupLocation(g.ID)}, nil
}

// adviseOnMembers sets the advice for the case that a group's members are too many
// to return.
func (q *request) adviseOnMembers(group string) {
	q.largeGroup, q.wayOut = group, cause.AnswerMembers
	if q.acceptsGzip() {
		q.wayOut = cause.AnswerMembersZip
	}
}

// createGroup answers POST /Groups. RFC 7644 §3.3
func (s *Service) createGroup(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.groups(q), journal.Create, "")
	projection, err := q.projection(s.groups(q))
	if err != nil {
		return nil, err
	}
	sent, err := q.resource(s.groups(q), journal.Create)
	if err != nil {
		return nil, err
	}
	projection = projection.Answering(s.groups(q), resource.Specified(s.groups(q), sent))
	s.watch(ctx, q, q.subject())
	by := q.caller()
	by.ShowMembers = projection.Wants("members")
	result, err := s.Directory.ProvisionGroup(ctx, q.grant.Tenant, by, sent)
	if err != nil {
		q.event.skipped(result)
		q.event.asked = result.Asked
		return nil, err
	}
	q.event.didGroup(result)
	return s.group(q, projection, http.StatusCreated, result.Group, shown(result))
}

// readGroup answers GET /Groups/{id}. RFC 7644 §3.4.1
func (s *Service) readGroup(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.groups(q), journal.Read, q.pathID)
	projection, err := q.projection(s.groups(q))
	if err != nil {
		return nil, err
	}
	if q.Header.Get("If-None-Match") != "" {
		g, resting, err := s.Directory.Resting(ctx, q.grant.Tenant, q.pathID)
		if err != nil {
			return nil, err
		}
		if resting && q.notModified(g.Version) {
			return &reply{status: http.StatusNotModified, etag: representation.Tag(g.Version)}, nil
		}
	}
	return s.showGroup(ctx, q, projection)
}

// showGroup reads a group and answers with it, with its members if the
// projection wants them.
func (s *Service) showGroup(ctx context.Context, q *request, projection resource.Projection) (*reply, error) {
	if !projection.Wants("members") {
		g, err := s.Directory.Group(ctx, q.grant.Tenant, q.pathID)
		if err != nil {
			return nil, err
		}
		return s.group(q, projection, http.StatusOK, g, nil)
	}
	q.adviseOnMembers(q.pathID)
	g, members, err := s.Directory.Members(ctx, q.grant.Tenant, q.pathID, s.maxMembers(q))
	if err != nil {
		return nil, err
	}
	return s.group(q, projection, http.StatusOK, g, orEmpty(members))
}

// shown returns the members that a change has read, or nil if it has read none.
func shown(result directory.GroupResult) []string {
	if !result.Shown {
		return nil
	}
	return orEmpty(result.Members)
}

// orEmpty returns members that were read: never nil, even when there are none.
func orEmpty(members []string) []string {
	if members == nil {
		return []string{}
	}
	return members
}

// showChanged does what showGroup does, after a change: a group that cannot be
// read does not make the change fail, and a group that was deleted since is shown as
// the change left it, without members.
func (s *Service) showChanged(ctx context.Context, q *request, projection resource.Projection, result directory.GroupResult) (*reply, error) {
	a, err := s.showGroup(ctx, q, projection)
	if errors.Is(err, directory.ErrNoGroup) {
		return s.group(q, projection, http.StatusOK, result.Group, nil)
	}
	if errors.Is(err, directory.ErrBusy) || errors.Is(err, directory.ErrUnreachable) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = fmt.Errorf("%w: %w", directory.ErrUnresolved, err)
	}
	return a, err
}

// maxMembers returns the largest number of members that fits in an answer: more
// are not read.
func (s *Service) maxMembers(q *request) int {
	if q.acceptsGzip() {
		return directory.MaxMembersRead
	}
	return maxAnswer / s.Documents.MemberSize()
}

// replaceGroup answers PUT /Groups/{id}. RFC 7644 §3.5.1
func (s *Service) replaceGroup(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.groups(q), journal.Replace, q.pathID)
	s.watch(ctx, q, q.subject())
	projection, err := q.projection(s.groups(q))
	if err != nil {
		return nil, err
	}
	sent, err := q.resource(s.groups(q), journal.Replace)
	if err != nil {
		return nil, err
	}
	projection = projection.Answering(s.groups(q), resource.Specified(s.groups(q), sent))
	result, err := s.Directory.ReplaceGroup(ctx, q.grant.Tenant, q.caller(), q.pathID, q.ifMatch(), sent)
	if err := q.event.changedGroup(result, err); err != nil {
		return nil, err
	}
	// The group is read again: its members may have changed since the version
	// that was replaced, by requests that this one did not wait for.
	return s.showChanged(ctx, q, projection, result)
}

// modifyGroup answers PATCH /Groups/{id} with the group. Its members are
// included when they are few or when attributes names them: a client that sent
// one member has no use for a body of 100,000. RFC 7644 §3.5.2
func (s *Service) modifyGroup(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.groups(q), journal.Modify, q.pathID)
	s.watch(ctx, q, q.subject())
	projection, err := q.projection(s.groups(q))
	if err != nil {
		return nil, err
	}
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	patch, err := resource.DecodePatch(body)
	if err != nil {
		return nil, err
	}
	q.suspectPatch(patch)
	projection = projection.Answering(s.groups(q), patch.Specified(s.groups(q)))
	by := q.caller()
	by.ShowMembers = projection.Wants("members") && !projection.Names("members")
	result, err := s.Directory.ModifyGroup(ctx, q.grant.Tenant, by, q.pathID, q.ifMatch(), patch)
	if err := q.event.changedGroup(result, err); err != nil {
		return nil, err
	}
	if projection.Names("members") {
		return s.showChanged(ctx, q, projection, result)
	}
	return s.group(q, projection, http.StatusOK, result.Group, shown(result))
}

// deleteGroup answers DELETE /Groups/{id}. RFC 7644 §3.6
func (s *Service) deleteGroup(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.groups(q), journal.Delete, q.pathID)
	s.watch(ctx, q, q.subject())
	result, err := s.Directory.DeleteGroup(ctx, q.grant.Tenant, q.caller(), q.pathID, q.ifMatch())
	if err := q.event.changedGroup(result, err); err != nil {
		return nil, err
	}
	return &reply{status: http.StatusNoContent}, nil
}

// listGroups answers GET /Groups. Members are included only if attributes names
// them. RFC 7644 §3.4.2
func (s *Service) listGroups(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.groups(q), journal.List, "")
	return s.groupsPage(ctx, q)
}

// searchGroups answers POST /Groups/.search. RFC 7644 §3.4.3
func (s *Service) searchGroups(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.groups(q), journal.Search, "")
	if err := q.search(); err != nil {
		return nil, err
	}
	return s.groupsPage(ctx, q)
}

// groupsPage answers with a page of groups.
func (s *Service) groupsPage(ctx context.Context, q *request) (*reply, error) {
	projection, err := q.projection(s.groups(q))
	if err != nil {
		return nil, err
	}
	query, err := q.list(s.groups(q).Name, s.groups(q))
	if err != nil {
		return nil, err
	}
	page, err := s.findGroups(ctx, q, projection, query)
	if err != nil {
		return nil, err
	}
	return q.listReply(s.groups(q).Name, query, page)
}

func (s *Service) findGroups(ctx context.Context, q *request, projection resource.Projection, query directory.Query) (found, error) {
	if projection.Names("members") {
		query.Count = min(query.Count, maxDeepPage)
	}
	groups, err := s.Directory.SearchGroups(ctx, q.grant.Tenant, q.caller(), query)
	if err != nil {
		return found{}, err
	}
	page := pageOf(groups)
	documents, err := s.groupDocuments(ctx, q, projection, groups.Records)
	page.documents = append(page.documents, slices.DeleteFunc(documents, func(b []byte) bool { return b == nil })...)
	return page, err
}

// groupDocuments returns groups as JSON, nil for one that was deleted while the
// others were read.
func (s *Service) groupDocuments(ctx context.Context, q *request, projection resource.Projection, groups []*directory.Group) ([][]byte, error) {
	documents := make([][]byte, len(groups))
	withMembers := projection.Names("members")
	left := s.maxMembers(q)
	for i, g := range groups {
		var members []string
		if withMembers {
			q.adviseOnMembers(g.ID)
			now, all, err := s.Directory.Members(ctx, q.grant.Tenant, g.ID, left)
			switch {
			case errors.Is(err, directory.ErrNoGroup):
				continue
			case err != nil:
				return nil, err
			}
			g, members = now, orEmpty(all)
			left -= len(members)
		}
		var err error
		if documents[i], err = s.groupDocument(q, projection, g, members); err != nil {
			return nil, err
		}
	}
	return documents, nil
}
