package httpapi

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// listAll answers GET of the base URL: searchAll with its parameters in the
// query. RFC 7644 §3.4.2.1
func (s *Service) listAll(ctx context.Context, q *request) (*reply, error) {
	q.event.Operation = journal.Search
	return s.allPage(ctx, q)
}

// searchAll answers POST /.search with users and groups in one list, users
// first. RFC 7644 §3.4.2.1, §3.4.3
func (s *Service) searchAll(ctx context.Context, q *request) (*reply, error) {
	q.event.Operation = journal.Search
	if err := q.search(); err != nil {
		return nil, err
	}
	return s.allPage(ctx, q)
}

// allPage answers with a page of users and groups.
func (s *Service) allPage(ctx context.Context, q *request) (*reply, error) {
	shownUsers, err := q.projection(s.users(q))
	if err != nil {
		return nil, err
	}
	shownGroups, err := q.projection(s.groups(q))
	if err != nil {
		return nil, err
	}
	asked, err := q.list(everything, s.users(q), s.groups(q))
	if err != nil {
		return nil, err
	}
	forGroups := asked
	if forGroups.Filter, err = q.filter(s.groups(q), []*schema.ResourceType{s.users(q)}); err != nil {
		return nil, err
	}
	if forGroups.Sort, err = q.sort(s.groups(q), []*schema.ResourceType{s.users(q)}); err != nil {
		return nil, err
	}
	if shownUsers.Names("groups") || shownGroups.Names("members") {
		asked.Count = min(asked.Count, maxDeepPage)
	}
	records, err := s.Directory.SearchResources(ctx, q.grant.Tenant, q.caller(), asked, forGroups)
	if err != nil {
		return nil, err
	}
	page := pageOf(records)
	if page.documents, err = s.documents(ctx, q, shownUsers, shownGroups, records.Records); err != nil {
		return nil, err
	}
	return q.listReply(everything, asked, page)
}

// everything names the list of users and groups together, in cursors.
const everything = "User Group"

// documents returns users and groups as JSON.
func (s *Service) documents(ctx context.Context, q *request, ofUsers, ofGroups resource.Projection, records []directory.Resource) ([][]byte, error) {
	var users []*directory.User
	var groups []*directory.Group
	for _, r := range records {
		if r.User != nil {
			users = append(users, r.User)
		} else {
			groups = append(groups, r.Group)
		}
	}
	userDocuments, err := s.userDocuments(ctx, q, ofUsers, users)
	if err != nil {
		return nil, err
	}
	groupDocuments, err := s.groupDocuments(ctx, q, ofGroups, groups)
	if err != nil {
		return nil, err
	}
	documents := make([][]byte, 0, len(records))
	for _, r := range records {
		from := &groupDocuments
		if r.User != nil {
			from = &userDocuments
		}
		if document := (*from)[0]; document != nil {
			documents = append(documents, document)
		}
		*from = (*from)[1:]
	}
	return documents, nil
}

// search reads the parameters from the body instead of the query, which must be
// empty of them. RFC 7644 §3.4.3
func (q *request) search() error {
	inQuery, err := parseQuery(q.URL.RawQuery)
	if err != nil {
		return err
	}
	if len(inQuery) > 0 {
		return &scim.Error{Type: scim.InvalidSyntax, Detail: "A search has its parameters in the body: leave out the query."}
	}
	body, err := q.body()
	if err != nil {
		return err
	}
	sent, notices, err := scim.DecodeSearch(body)
	if err != nil {
		return err
	}
	q.query = parameters{}
	for name, value := range sent {
		q.query[name] = []string{value}
	}
	q.event.tolerated(notices)
	return directory.CheckNotices(q.grant.Settings, notices)
}
