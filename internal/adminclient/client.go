// Package adminclient is a client of the admin API of a running service, which
// internal/adminapi serves. It knows neither AWS nor the command line: a function
// authorizes its requests.
package adminclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// Authorize adds the authorization to a request; body is the request's body.
type Authorize func(r *http.Request, body []byte) error

// Bearer authorizes by the admin token of `rollcall local`.
func Bearer(token string) Authorize {
	return func(r *http.Request, _ []byte) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
}

// A Client calls one service. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	authorize Authorize
	http      *http.Client
	wait      func(ctx context.Context, d time.Duration) error
}

// New returns a Client for the URL that ends in /admin/v1. It has to be https, except
// on this machine: credentials are sent.
func New(base string, authorize Authorize) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || u.Host == "" || !strings.HasSuffix(u.Path, "/admin/v1") || u.RawQuery != "" {
		return nil, fmt.Errorf("%q is not the URL of an admin API, which ends in /admin/v1", base)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fmt.Errorf("%s needs an https URL: credentials are not sent without TLS", u.Host)
	}
	return &Client{base: u, authorize: authorize, http: &http.Client{
		Timeout: requestTime,
		// A redirect would send the credential elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, wait: sleep}, nil
}

// requestTime is longer than API Gateway waits for a function.
const requestTime = 35 * time.Second

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A Problem is a refusal of the service, as an error. RFC 9457
type Problem adminwire.Problem

// Error returns the detail, and the request id.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = fmt.Sprintf("the service answered %d %s", p.Status, http.StatusText(p.Status))
	}
	if p.RequestID != "" {
		text += " (request " + p.RequestID + ")"
	}
	return text
}

// Kind returns the kind of problem, "" for a refusal that is not the service's own.
func (p *Problem) Kind() string {
	_, kind, _ := strings.Cut(p.Type, "#")
	return kind
}

// A CredentialsError reports that a request could not be authorized, and was not sent.
type CredentialsError struct{ error }

// Unwrap returns the reason.
func (e *CredentialsError) Unwrap() error { return e.error }

// ErrUnreachable reports that the service did not answer.
var ErrUnreachable = errors.New("the service does not answer")

// The largest answer, and how often a request is sent that is refused for haste or
// gets no answer: what changes something the same way each time.
const (
	maxAnswer = 16 << 20
	maxTries  = 4
	maxWait   = 10 * time.Second
)

// Create creates a resource by PUT, and fails with a *Problem (412) when it
// exists. It is sent once: a second request would find what the first one created.
func (c *Client) Create(ctx context.Context, path string, body any) (answer []byte, err error) {
	sent, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	answer, _, _, err = c.once(ctx, http.MethodPut, path, nil, sent, "If-None-Match", "*")
	return answer, err
}

// Do sends a request for a path below the base URL, with its segments escaped, and
// returns the body of the answer, or nil if there is none, and its status. A
// refusal is a *Problem.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body any) (answer []byte, status int, err error) {
	var sent []byte
	if body != nil {
		if sent, err = json.Marshal(body, json.Deterministic(true)); err != nil {
			return nil, 0, err
		}
	}
	for try := 1; ; try++ {
		answer, status, after, err := c.once(ctx, method, path, query, sent)
		var problem *Problem
		again := errors.Is(err, ErrUnreachable) && method != http.MethodPost ||
			errors.As(err, &problem) && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable && method != http.MethodPost)
		if !again || try == maxTries || ctx.Err() != nil {
			return answer, status, err
		}
		if waited := c.wait(ctx, max(after, time.Duration(try)*300*time.Millisecond)); waited != nil {
			return nil, 0, err
		}
	}
}

func (c *Client) once(ctx context.Context, method, path string, query url.Values, sent []byte,
	headers ...string,
) (answer []byte, status int, after time.Duration, err error) {
	target := *c.base
	target.RawPath = c.base.EscapedPath() + path
	if target.Path, err = url.PathUnescape(target.RawPath); err != nil {
		return nil, 0, 0, err
	}
	target.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(sent))
	if err != nil {
		return nil, 0, 0, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "rollcall")
	if sent != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if err := c.authorize(r, sent); err != nil {
		return nil, 0, 0, &CredentialsError{err}
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.base.Host, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, response.StatusCode, 0, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.base.Host, err)
	case len(answer) > maxAnswer:
		return nil, response.StatusCode, 0, fmt.Errorf("the answer of %s is larger than %d bytes", c.base.Host, maxAnswer)
	case response.StatusCode < http.StatusMultipleChoices:
		return answer, response.StatusCode, 0, nil
	}
	problem := &Problem{Status: response.StatusCode}
	var document struct {
		Problem
		Message string `json:"message"` // API Gateway's own
	}
	if json.Unmarshal(answer, &document) == nil {
		*problem = document.Problem
		problem.Status = response.StatusCode
		if problem.Detail == "" && document.Message != "" {
			problem.Detail = fmt.Sprintf("%s (%d)", document.Message, response.StatusCode)
		}
	}
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return nil, response.StatusCode, min(time.Duration(max(seconds, 0))*time.Second, maxWait), problem
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
