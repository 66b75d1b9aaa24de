package httpapi

import (
	"context"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/representation"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// types returns the resource types of the request's tenant; without a token,
// those that every tenant has.
func (s *Service) types(q *request) schema.Types { return q.grant.Types.Or(s.Types) }

func (s *Service) users(q *request) *schema.ResourceType { return s.types(q).User }

// document returns a user as JSON. Without a projection it is the stored
// document with groups and meta added.
func (s *Service) document(q *request, p resource.Projection, u *directory.User, groups []*directory.Group) ([]byte, error) {
	if p.AsStored(s.users(q)) {
		return s.Documents.UserJSON(u, groups)
	}
	served, err := s.Documents.User(u, groups)
	if err != nil {
		return nil, err
	}
	return resource.Encode(s.users(q), p.Apply(s.users(q), served)), nil
}

// user returns an answer with a user.
func (s *Service) user(q *request, p resource.Projection, status int, u *directory.User, groups []*directory.Group) (*reply, error) {
	body, err := s.document(q, p, u, groups)
	if err != nil {
		return nil, err
	}
	return &reply{status: status, body: body, etag: representation.Tag(u.Version), location: s.Documents.UserLocation(u.ID)}, nil
}

// showing returns the caller for an answer with what the projection wants.
func (q *request) showing(p resource.Projection) directory.Caller {
	by := q.caller()
	by.ShowGroups = p.Wants("groups")
	return by
}

// createUser answers POST /Users. RFC 7644 §3.3
func (s *Service) createUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.users(q), journal.Create, "")
	projection, err := q.projection(s.users(q))
	if err != nil {
		return nil, err
	}
	sent, err := q.resource(s.users(q), journal.Create)
	if err != nil {
		return nil, err
	}
	projection = projection.Answering(s.users(q), resource.Specified(s.users(q), sent))
	// A refusal for a value in use is about its holder.
	holder := journal.Subject{}
	if id := s.Directory.LikelyHolder(q.grant.Tenant, sent); id != "" {
		holder = journal.Subject{Type: q.event.Type, ID: id}
	}
	s.watch(ctx, q, q.subject(), holder)
	result, err := s.Directory.Provision(ctx, q.grant.Tenant, q.showing(projection), sent)
	if err != nil {
		q.event.asked = result.Asked
		return nil, err
	}
	q.did(result)
	status := http.StatusOK
	if result.Action == journal.Created {
		status = http.StatusCreated
	}
	return s.user(q, projection, status, result.User, result.Groups)
}

// readUser answers GET /Users/{id}. RFC 7644 §3.4.1
func (s *Service) readUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.users(q), journal.Read, q.pathID)
	projection, err := q.projection(s.users(q))
	if err != nil {
		return nil, err
	}
	read := s.Directory.UserAndGroups
	if !projection.Wants("groups") {
		read = func(ctx context.Context, t tenant.ID, id string) (*directory.User, []*directory.Group, error) {
			u, err := s.Directory.User(ctx, t, id)
			return u, nil, err
		}
	}
	u, groups, err := read(ctx, q.grant.Tenant, q.pathID)
	if err != nil {
		return nil, err
	}
	if q.notModified(u.Version) {
		return &reply{status: http.StatusNotModified, etag: representation.Tag(u.Version)}, nil
	}
	return s.user(q, projection, http.StatusOK, u, groups)
}

// replaceUser answers PUT /Users/{id}. RFC 7644 §3.5.1
func (s *Service) replaceUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.users(q), journal.Replace, q.pathID)
	s.watch(ctx, q, q.subject())
	projection, err := q.projection(s.users(q))
	if err != nil {
		return nil, err
	}
	sent, err := q.resource(s.users(q), journal.Replace)
	if err != nil {
		return nil, err
	}
	projection = projection.Answering(s.users(q), resource.Specified(s.users(q), sent))
	result, err := s.Directory.Replace(ctx, q.grant.Tenant, q.showing(projection), q.pathID, q.ifMatch(), sent)
	return s.changed(q, projection, result, err)
}

// modifyUser answers PATCH /Users/{id}. RFC 7644 §3.5.2
func (s *Service) modifyUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.users(q), journal.Modify, q.pathID)
	s.watch(ctx, q, q.subject())
	projection, err := q.projection(s.users(q))
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
	projection = projection.Answering(s.users(q), patch.Specified(s.users(q)))
	result, err := s.Directory.Modify(ctx, q.grant.Tenant, q.showing(projection), q.pathID, q.ifMatch(), patch)
	return s.changed(q, projection, result, err)
}

func (s *Service) changed(q *request, projection resource.Projection, result directory.Result, err error) (*reply, error) {
	q.event.named(result.User)
	if err != nil {
		q.event.asked = result.Asked
		return nil, err
	}
	q.did(result)
	return s.user(q, projection, http.StatusOK, result.User, result.Groups)
}

// deleteUser answers DELETE /Users/{id}. RFC 7644 §3.6
func (s *Service) deleteUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.users(q), journal.Delete, q.pathID)
	s.watch(ctx, q, q.subject())
	result, err := s.Directory.Delete(ctx, q.grant.Tenant, q.caller(), q.pathID, q.ifMatch())
	q.event.named(result.User)
	if err != nil {
		q.event.asked = result.Asked
		return nil, err
	}
	q.did(result)
	return &reply{status: http.StatusNoContent}, nil
}

// listUsers answers GET /Users. RFC 7644 §3.4.2
func (s *Service) listUsers(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.users(q), journal.List, "")
	return s.usersPage(ctx, q)
}

// searchUsers answers POST /Users/.search. RFC 7644 §3.4.3
func (s *Service) searchUsers(ctx context.Context, q *request) (*reply, error) {
	q.event.about(s.users(q), journal.Search, "")
	if err := q.search(); err != nil {
		return nil, err
	}
	return s.usersPage(ctx, q)
}

// usersPage answers with a page of users.
func (s *Service) usersPage(ctx context.Context, q *request) (*reply, error) {
	projection, err := q.projection(s.users(q))
	if err != nil {
		return nil, err
	}
	query, err := q.list(s.users(q).Name, s.users(q))
	if err != nil {
		return nil, err
	}
	q.event.imports = query.Filter == nil && query.Count > probeCount
	page, err := s.findUsers(ctx, q, projection, query)
	if err != nil {
		return nil, err
	}
	return q.listReply(s.users(q).Name, query, page)
}

// probeCount is the largest count with which identity providers list users to test the
// connection, and not to import users: Okta sends 1 and 2.
const probeCount = 2

// A found is a page of resources as JSON.
type found struct {
	documents [][]byte
	// total is negative if it was not counted.
	total          int
	next, previous *directory.Cursor
}

// pageOf returns a page of records whose documents are not encoded yet.
func pageOf[R any](records directory.Found[R]) found {
	page := found{
		documents: make([][]byte, 0, len(records.Records)), total: records.Total,
		next: records.Next, previous: records.Previous,
	}
	if records.Uncounted {
		page.total = -1
	}
	return page
}

func (s *Service) findUsers(ctx context.Context, q *request, projection resource.Projection, query directory.Query) (found, error) {
	// A list includes groups only if attributes names them: each user's need
	// reads of their own.
	if projection.Names("groups") {
		query.Count = min(query.Count, maxDeepPage)
	}
	users, err := s.Directory.Search(ctx, q.grant.Tenant, q.caller(), query)
	if err != nil {
		return found{}, err
	}
	page := pageOf(users)
	page.documents, err = s.userDocuments(ctx, q, projection, users.Records)
	return page, err
}

// userDocuments returns users as JSON.
func (s *Service) userDocuments(ctx context.Context, q *request, projection resource.Projection, users []*directory.User) ([][]byte, error) {
	var groups map[string][]*directory.Group
	var err error
	if projection.Names("groups") {
		if groups, err = s.Directory.GroupsOfUsers(ctx, q.grant.Tenant, users); err != nil {
			return nil, err
		}
	}
	documents := make([][]byte, len(users))
	for i, u := range users {
		if documents[i], err = s.document(q, projection, u, groups[u.ID]); err != nil {
			return nil, err
		}
	}
	return documents, nil
}

// maxDeepPage is the largest page of records whose documents need reads of
// their own.
const maxDeepPage = 20

// resource decodes the body as a resource, and records its subject in the
// event.
func (q *request) resource(rt *schema.ResourceType, operation journal.Operation) (scim.Resource, error) {
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	q.event.about(rt, operation, q.pathID)
	decoded, err := resource.DecodeWhole(rt, body)
	sent, notices := decoded.Resource, decoded.Notices
	if err != nil {
		q.event.Subject, q.event.ExternalID = scim.Subject(body)
		return nil, err
	}
	q.suspect(setting.OfResource(sent))
	if rt.Name == journal.TypeUser {
		isNew := operation == journal.Create
		q.suspect(setting.Whole{By: q.event.IdP, New: isNew, User: sent, Ignored: decoded.Ignored}.Findings())
		if isNew {
			q.faults = setting.Add(q.faults, setting.OfAccountType(sent, notices)...)
		}
	}
	q.event.Subject, q.event.ExternalID = sent.Subject()
	q.event.tolerated(notices)
	q.notices = notices
	return sent, directory.CheckNotices(q.grant.Settings, notices)
}

// did records the result of a change, and counts it.
func (q *request) did(result directory.Result) {
	q.event.did(result)
	q.grant.AddSeats(result.Seats)
}
