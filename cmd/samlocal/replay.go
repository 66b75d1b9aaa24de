package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
)

const (
	// workers is how many lines run concurrently, each with its own tenants.
	// More are not faster: SAM has one container for a function.
	workers = 6
	// localRate is the rate limit of a tenant under rollcall local, in requests
	// a second: less than the lines that test the limit send, and more than the
	// others.
	localRate = 60
	// replaySeats is the number of seats of a tenant: few, because lines fill
	// them.
	replaySeats = 12
)

// A pair has the tokens of a line's tenant and of a second one.
type pair struct{ token, other string }

// addPairs creates the tenants of the workers.
func (s *session) addPairs(ctx context.Context, name string) ([]pair, error) {
	pairs := make([]pair, workers)
	for i := range pairs {
		var err error
		if pairs[i].token, err = s.addTenant(ctx, fmt.Sprintf("%s-%d", name, i), replaySeats); err != nil {
			return nil, err
		}
		if pairs[i].other, err = s.addTenant(ctx, fmt.Sprintf("%s-%d-other", name, i), replaySeats); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// replayAll sends all lines to a server and returns their results, in order.
// Times of answers are not checked.
func replayAll(ctx context.Context, base string, pairs []pair, cases []replay.Case) []replay.Result {
	results := make([]replay.Result, len(cases))
	next := make(chan int)
	var group sync.WaitGroup
	for _, p := range pairs {
		group.Go(func() {
			target := replay.Target{Client: until{ctx, client()}, Base: base, Token: p.token, Other: p.other, Shared: true}
			for i := range next {
				results[i] = replay.Run(ctx, target, cases[i])
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	group.Wait()
	return results
}

// An until sends nothing after its context has ended: an interrupted line would
// otherwise delete its resources, from a table that is deleted anyway.
type until struct {
	ctx context.Context
	replay.Doer
}

// Do implements replay.Doer.
func (u until) Do(q *http.Request) (*http.Response, error) {
	if err := u.ctx.Err(); err != nil {
		return nil, err
	}
	return u.Doer.Do(q)
}

// client returns a client that follows no redirects: an identity provider would
// not send its token elsewhere.
func client() *http.Client {
	return &http.Client{
		Timeout:       time.Minute,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// serveLocally serves the session's table as rollcall local does, while do
// runs.
func (s *session) serveLocally(ctx context.Context, do func(ctx context.Context, base string)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var base string
	return local.Serve(ctx, local.ServerConfig{
		Listen: "127.0.0.1:0",
		Build: func(address string) (http.Handler, error) {
			base = baseURL(address)
			a, err := app.New(s.table, app.Config{BaseURL: base, TenantRate: localRate}, slog.New(slog.DiscardHandler))
			if err != nil {
				return nil, err
			}
			return local.FromTemplate(rollcall.Template, func(function string) http.Handler { return a.FunctionHandler(function) })
		},
		Ready: func(string) error {
			go func() {
				defer stop()
				do(ctx, base)
			}()
			return nil
		},
	})
}

// status sends the request of a difference and returns the status of the
// answer, or 0 if there is none.
func (d difference) status(ctx context.Context, base, token string) int {
	u, err := url.Parse(base)
	if err != nil {
		return 0
	}
	var body io.Reader
	if d.body != "" {
		body = strings.NewReader(d.body)
	}
	q, err := http.NewRequestWithContext(ctx, d.method, base, body)
	if err != nil {
		return 0
	}
	q.URL = &url.URL{Scheme: u.Scheme, Host: u.Host, Opaque: u.EscapedPath() + d.path}
	q.Header.Set("Authorization", "Bearer "+token)
	if d.body != "" {
		q.Header.Set("Content-Type", "application/scim+json")
	}
	if d.header[0] != "" {
		q.Header.Set(d.header[0], d.header[1])
	}
	r, err := client().Do(q)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return r.StatusCode
}
