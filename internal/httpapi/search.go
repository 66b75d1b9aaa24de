package httpapi

import (
	"context"
	"net/url"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// searchAll: POST /.search, over users and groups in one list: the users come
// first. RFC 7644 §3.4.2.1, §3.4.3
func (s *Service) searchAll(ctx context.Context, q *request) (*reply, error) {
	q.event.Operation = "search"
	if err := q.search(); err != nil {
		return nil, err
	}
	shownUsers, err := q.projection(s.users())
	if err != nil {
		return nil, err
	}
	shownGroups, err := q.projection(s.groups())
	if err != nil {
		return nil, err
	}
	asked, err := q.list(s.users(), s.groups())
	if err != nil {
		return nil, err
	}
	forGroups, err := q.list(s.groups(), s.users())
	if err != nil {
		return nil, err
	}
	if shownUsers.Names("groups") || shownGroups.Names("members") {
		asked.Count = min(asked.Count, maxDeepPage)
	}
	var users, groups found
	if asked.Filter == nil || !asked.Filter.MatchesNothing() {
		if users, err = s.findUsers(ctx, q, shownUsers, asked); err != nil {
			return nil, err
		}
	}
	// A page of users that ended early, or is full, has no room for groups: only
	// how many there are is asked.
	forGroups.StartIndex = max(asked.StartIndex-users.total, 1)
	forGroups.Count = 0
	if asked.StartIndex+len(users.documents) > users.total {
		forGroups.Count = asked.Count - len(users.documents)
	}
	if forGroups.Filter == nil || !forGroups.Filter.MatchesNothing() {
		if groups, err = s.findGroups(ctx, q, shownGroups, forGroups); err != nil {
			return nil, err
		}
	}
	return listReply(asked, users.total+groups.total, append(users.documents, groups.documents...)), nil
}

// search takes the parameters from the body instead of the query, which must have
// none. RFC 7644 §3.4.3
func (q *request) search() error {
	if q.URL.RawQuery != "" {
		return &scim.Error{Type: scim.InvalidSyntax, Detail: "A search has its parameters in the body: leave out the query."}
	}
	body, err := q.body()
	if err != nil {
		return err
	}
	parameters, notices, err := scim.DecodeSearch(body)
	if err != nil {
		return err
	}
	q.query = url.Values{}
	for name, value := range parameters {
		q.query.Set(name, value)
	}
	q.event.tolerated(notices)
	return directory.CheckNotices(q.grant.Settings, notices)
}
