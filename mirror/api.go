package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// An API calls rollcall's admin API.
type API struct {
	// URL ends in /admin/v1.
	URL string
	// Authorize adds the authorization to a request, which has no body: on AWS a signature
	// (SigV4 for execute-api), and with rollcall local a bearer token. It may be nil.
	Authorize func(r *http.Request) error
	// Client sends the requests. Nil is one that follows no redirect and waits 35 seconds.
	Client *http.Client
	// wait replaces waiting in tests.
	wait func(ctx context.Context, d time.Duration) error
}

// Bearer returns a function for an API's Authorize that sends a token: rollcall local prints
// one as its admin token.
func Bearer(token string) func(r *http.Request) error {
	return func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
}

// A Problem is a refusal of the admin API. RFC 9457
type Problem struct {
	Status    int    `json:"status"`
	Type      string `json:"type"`
	Detail    string `json:"detail"`
	RequestID string `json:"requestId"`
	// Next is, of a cursor that has expired, the one to continue with.
	Next string `json:"next"`
}

// Error returns the detail, and the id of the request.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = "the admin API answered " + strconv.Itoa(p.Status) + " " + http.StatusText(p.Status)
	}
	if p.RequestID != "" {
		text += " (request " + p.RequestID + ")"
	}
	return text
}

var errAuthorize = errors.New("mirror: the request cannot be authorized")

// missing reports whether an error is of a user or group that there is not.
func missing(err error) bool {
	var p *Problem
	return errors.As(err, &p) && p.Status == http.StatusNotFound && strings.HasSuffix(p.Type, "#not-found")
}

const (
	requestTime = 35 * time.Second // API Gateway waits 30 seconds for a function
	maxAnswer   = 16 << 20
	maxTries    = 5
	maxWait     = 20 * time.Second
)

var defaultClient = &http.Client{
	Timeout: requestTime,
	// A redirect would send the authorization elsewhere.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// get reads a document. What is refused for haste, or gets no answer, is tried again.
func (a *API) get(ctx context.Context, path string, query url.Values, to any) error {
	for try := 1; ; try++ {
		body, after, err := a.once(ctx, path, query)
		if err == nil {
			if err := json.Unmarshal(body, to); err != nil {
				return fmt.Errorf("mirror: %w: the answer for %s: %w", ErrMalformed, path, err)
			}
			return nil
		}
		var p *Problem
		refused := errors.As(err, &p)
		again := !refused && !errors.Is(err, errAuthorize) || refused && (p.Status == http.StatusTooManyRequests || p.Status >= http.StatusInternalServerError)
		if !again || try == maxTries || ctx.Err() != nil {
			return err
		}
		if a.pause(ctx, max(after, time.Duration(try*try)*200*time.Millisecond)) != nil {
			return err
		}
	}
}

func (a *API) once(ctx context.Context, path string, query url.Values) (body []byte, after time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(a.URL, "/")+path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Accept", "application/json")
	if a.Authorize != nil {
		if err := a.Authorize(r); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", errAuthorize, err)
		}
	}
	client := a.Client
	if client == nil {
		client = defaultClient
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, 0, fmt.Errorf("mirror: the admin API does not answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, 0, fmt.Errorf("mirror: the admin API does not answer: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		return body, 0, nil
	}
	p := &Problem{}
	_ = json.Unmarshal(body, p) // an answer of something in between has no problem
	p.Status = response.StatusCode
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return nil, min(time.Duration(max(seconds, 0))*time.Second, maxWait), p
}

func (a *API) pause(ctx context.Context, d time.Duration) error {
	if a.wait != nil {
		return a.wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A page is a page of events.
type page struct {
	Events []Event `json:"events"`
	Next   string  `json:"next"`
	More   bool    `json:"more"`
}

// events reads a page of events after a cursor, "" for the oldest ones.
func (a *API) events(ctx context.Context, tenant, after, types string) (page, error) {
	query := url.Values{"limit": {"500"}}
	if after != "" {
		query.Set("after", after)
	}
	if types != "" {
		query.Set("types", types)
	}
	var p page
	if err := a.get(ctx, tenantPath(tenant)+"/events", query, &p); err != nil {
		return page{}, err
	}
	if p.Next == "" {
		return page{}, fmt.Errorf("mirror: %w: a page of events has no next", ErrMalformed)
	}
	return p, nil
}

func tenantPath(tenant string) string { return "/tenants/" + url.PathEscape(tenant) }

// A listed document has the time of its last change besides.
type listed[T any] struct {
	document T
	modified time.Time
}

// UnmarshalJSON decodes the document and the time.
func (l *listed[T]) UnmarshalJSON(text []byte) error {
	var m struct {
		Modified time.Time `json:"modified"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	l.modified = m.Modified
	return json.Unmarshal(text, &l.document)
}

// listUsers calls visit with each page of the users, deleted ones too.
func (a *API) listUsers(ctx context.Context, tenant string, visit func([]listed[User]) error) error {
	return a.list(ctx, tenantPath(tenant)+"/users", url.Values{"deleted": {"true"}}, func(ctx context.Context, path string, q url.Values) (string, error) {
		var p struct {
			Users []listed[User] `json:"users"`
			Next  string         `json:"next"`
		}
		if err := a.get(ctx, path, q, &p); err != nil {
			return "", err
		}
		return p.Next, visit(p.Users)
	})
}

// listGroups calls visit with each page of the groups.
func (a *API) listGroups(ctx context.Context, tenant string, visit func([]listed[Group]) error) error {
	return a.list(ctx, tenantPath(tenant)+"/groups", url.Values{}, func(ctx context.Context, path string, q url.Values) (string, error) {
		var p struct {
			Groups []listed[Group] `json:"groups"`
			Next   string          `json:"next"`
		}
		if err := a.get(ctx, path, q, &p); err != nil {
			return "", err
		}
		return p.Next, visit(p.Groups)
	})
}

// A memberPage is a page of a group's members, with the group as it was before them.
type memberPage struct {
	group      listed[Group]
	generation int64
	members    []string
}

// listMembers calls visit with each page of the members of a group.
func (a *API) listMembers(ctx context.Context, tenant, group string, visit func(memberPage) error) error {
	return a.list(ctx, tenantPath(tenant)+"/groups/"+url.PathEscape(group)+"/members", url.Values{}, func(ctx context.Context, path string, q url.Values) (string, error) {
		var p struct {
			Group   json.RawMessage `json:"group"`
			Members []struct {
				ID string `json:"id"`
			} `json:"members"`
			Next string `json:"next"`
		}
		if err := a.get(ctx, path, q, &p); err != nil {
			return "", err
		}
		var page memberPage
		var g struct {
			Generation int64 `json:"generation"`
		}
		if err := errors.Join(json.Unmarshal(p.Group, &page.group), json.Unmarshal(p.Group, &g)); err != nil {
			return "", fmt.Errorf("mirror: %w: %w", ErrMalformed, err)
		}
		page.generation = g.Generation
		for _, m := range p.Members {
			page.members = append(page.members, m.ID)
		}
		return p.Next, visit(page)
	})
}

// list reads pages until there is no next one.
func (a *API) list(ctx context.Context, path string, query url.Values, read func(context.Context, string, url.Values) (next string, err error)) error {
	query.Set("limit", "200")
	for {
		next, err := read(ctx, path, query)
		if err != nil || next == "" {
			return err
		}
		query.Set("after", next)
	}
}
