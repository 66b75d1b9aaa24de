package httpapi

import (
	"context"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

func (s *Service) users() *scim.ResourceType { return s.Types[0] }

// document is a user's resource as JSON. Without a projection it is what is
// stored, with meta put in.
func (s *Service) document(p scim.Projection, u *directory.User) ([]byte, error) {
	if p.IsDefault() {
		return s.Directory.Document(u), nil
	}
	served, err := s.Directory.Served(u)
	if err != nil {
		return nil, err
	}
	return scim.Encode(s.users(), p.Apply(s.users(), served)), nil
}

// createUser: POST /Users. RFC 7644 §3.3
func (s *Service) createUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about("create", "")
	projection, err := q.projection(s.users())
	if err != nil {
		return nil, err
	}
	sent, err := q.resource(s.users(), "create")
	if err != nil {
		return nil, err
	}
	result, err := s.Directory.Provision(ctx, q.grant.Tenant, q.caller(), sent)
	if err != nil {
		return nil, err
	}
	q.event.did(result)
	status := http.StatusOK
	if result.Action == directory.Created {
		status = http.StatusCreated
	}
	answer, err := s.user(projection, status, result.User)
	if err == nil {
		answer.location = s.Directory.Location(result.User.ID)
	}
	return answer, err
}

// readUser: GET /Users/{id}. RFC 7644 §3.4.1
func (s *Service) readUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about("read", q.pathID)
	projection, err := q.projection(s.users())
	if err != nil {
		return nil, err
	}
	u, err := s.Directory.User(ctx, q.grant.Tenant, q.pathID)
	if err != nil {
		return nil, err
	}
	if q.notModified(u.Version) {
		return &reply{status: http.StatusNotModified, etag: directory.Version(u)}, nil
	}
	return s.user(projection, http.StatusOK, u)
}

// replaceUser: PUT /Users/{id}. RFC 7644 §3.5.1
func (s *Service) replaceUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about("replace", q.pathID)
	projection, err := q.projection(s.users())
	if err != nil {
		return nil, err
	}
	sent, err := q.resource(s.users(), "replace")
	if err != nil {
		return nil, err
	}
	result, err := s.Directory.Replace(ctx, q.grant.Tenant, q.caller(), q.pathID, q.ifMatch(), sent)
	return s.changed(q, projection, result, err)
}

// modifyUser: PATCH /Users/{id}. RFC 7644 §3.5.2
func (s *Service) modifyUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about("modify", q.pathID)
	projection, err := q.projection(s.users())
	if err != nil {
		return nil, err
	}
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	patch, err := scim.DecodePatch(body)
	if err != nil {
		return nil, err
	}
	result, err := s.Directory.Modify(ctx, q.grant.Tenant, q.caller(), q.pathID, q.ifMatch(), patch)
	return s.changed(q, projection, result, err)
}

func (s *Service) changed(q *request, projection scim.Projection, result directory.Result, err error) (*reply, error) {
	q.event.named(result.User)
	if err != nil {
		return nil, err
	}
	q.event.did(result)
	return s.user(projection, http.StatusOK, result.User)
}

// deleteUser: DELETE /Users/{id}. RFC 7644 §3.6
func (s *Service) deleteUser(ctx context.Context, q *request) (*reply, error) {
	q.event.about("delete", q.pathID)
	result, err := s.Directory.Delete(ctx, q.grant.Tenant, q.caller(), q.pathID, q.ifMatch())
	q.event.named(result.User)
	if err != nil {
		return nil, err
	}
	q.event.did(result)
	return &reply{status: http.StatusNoContent}, nil
}

// listUsers: GET /Users. RFC 7644 §3.4.2
func (s *Service) listUsers(ctx context.Context, q *request) (*reply, error) {
	q.event.about("list", "")
	projection, err := q.projection(s.users())
	if err != nil {
		return nil, err
	}
	startIndex, count, err := q.page()
	if err != nil {
		return nil, err
	}
	text, err := q.parameter("filter")
	if err != nil {
		return nil, err
	}
	query := directory.Query{StartIndex: startIndex, Count: count}
	if q.query.Has("filter") {
		if query.Filter, err = scim.CompileFilter(s.users(), text); err != nil {
			return nil, err
		}
	}
	found, err := s.Directory.Search(ctx, q.grant.Tenant, q.caller(), query)
	if err != nil {
		return nil, err
	}
	documents := make([][]byte, len(found.Users))
	for i, u := range found.Users {
		if documents[i], err = s.document(projection, u); err != nil {
			return nil, err
		}
	}
	if count == 0 {
		documents = nil // the total alone was asked for: there are no Resources
	}
	return &reply{status: http.StatusOK, body: scim.ListDocument(found.Total, startIndex, documents)}, nil
}

// resource decodes the body as a resource, and tells the event whom it is about.
func (q *request) resource(rt *scim.ResourceType, operation string) (scim.Resource, error) {
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	q.event.about(operation, q.pathID)
	sent, notices, err := scim.DecodeResource(rt, body)
	if err != nil {
		q.event.Subject, q.event.ExternalID = scim.Subject(body)
		return nil, err
	}
	q.event.Subject, q.event.ExternalID = sent.Subject()
	q.event.tolerated(notices)
	return sent, directory.CheckNotices(q.grant.Settings, notices)
}
