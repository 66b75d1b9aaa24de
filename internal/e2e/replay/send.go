package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/recording"
)

// A message is a request with its variables filled in.
type message struct {
	method, path string
	headers      map[string]string
	body         []byte
	// other sends with the second tenant's token.
	other bool
	// base is another base path than the target's; nil for the target's.
	base *string
}

func (m message) String() string { return m.method + " " + m.path }

// An answer is an answer that was received.
type answer struct {
	to       message
	status   int
	header   http.Header
	body     []byte
	document any // the body as JSON, nil without one
	broken   error
	elapsed  time.Duration
}

func (a *answer) requestID() string { return a.header.Get("X-Request-Id") }

// mediaType is the type of every body. RFC 7644 §8.1
const mediaType = "application/scim+json"

// maxAnswer is the longest answer that is read: longer than Lambda can return.
const maxAnswer = 16 << 20

// send sends a message once, unchanged.
func (r *runner) send(m message) (*answer, error) {
	q, err := r.request(m)
	if err != nil {
		return nil, err
	}
	client := r.target.Client
	if client == nil {
		client = http.DefaultClient
	}
	start := time.Now()
	response, err := client.Do(q)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s: reading the answer: %w", m, err)
	}
	a := &answer{to: m, status: response.StatusCode, header: response.Header, body: body, elapsed: time.Since(start)}
	if len(body) > 0 {
		a.document, a.broken = match.Decode(body)
	}
	r.note(a)
	return a, nil
}

// request returns the HTTP request. Path and query are in the URL's Opaque, so
// that nothing encodes them again: Entra's validator sends quotes and plus
// signs unescaped (entra-003-match-plus-encoding).
func (r *runner) request(m message) (*http.Request, error) {
	base, err := url.Parse(r.target.Base)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("the base URL %q has no host", r.target.Base)
	}
	q, err := http.NewRequestWithContext(r.ctx, m.method, base.String(), bytes.NewReader(m.body))
	if err != nil {
		return nil, err
	}
	basePath := strings.TrimSuffix(base.EscapedPath(), "/")
	if m.base != nil {
		basePath = *m.base
	}
	q.URL = &url.URL{Scheme: base.Scheme, Host: base.Host, Opaque: basePath + m.path}
	if m.body == nil {
		q.Body, q.GetBody, q.ContentLength = nil, nil, 0
	} else {
		q.Header.Set("Content-Type", mediaType)
	}
	token := r.target.Token
	if m.other {
		token = r.target.Other
	}
	q.Header.Set("Accept", mediaType)
	q.Header.Set("Authorization", "Bearer "+token)
	q.Header.Set("User-Agent", userAgent)
	if agent, ok := recording.UserAgents[idp.Provider(r.c.IdP)]; ok {
		q.Header.Set("User-Agent", agent)
	}
	for name, value := range m.headers {
		q.Header.Del(name)
		if value != "" {
			q.Header.Set(name, value)
		}
	}
	return q, nil
}

// The limits for sending a request again after a 429.
const (
	patienceTimes = 10
	patienceMost  = 30 * time.Second
)

// sendPatiently sends a request again after a 429, as identity providers do,
// unless a 429 is expected.
func (r *runner) sendPatiently(m message, expected statuses) (*answer, error) {
	for try := 1; ; try++ {
		a, err := r.send(m)
		if err != nil || a.status != http.StatusTooManyRequests || try == patienceTimes ||
			slices.Contains(expected, http.StatusTooManyRequests) {
			return a, err
		}
		wait, ok := retryAfter(a)
		if !ok {
			return a, nil
		}
		if err := sleep(r.ctx, wait); err != nil {
			return nil, err
		}
	}
}

// retryAfter returns the time in Retry-After, if it is given in seconds.
func retryAfter(a *answer) (time.Duration, bool) {
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	return min(time.Duration(seconds)*time.Second, patienceMost), err == nil && seconds >= 0
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

// A made is a resource that the line created.
type made struct {
	path  string
	other bool
}

// note keeps what was created, to delete it later.
func (r *runner) note(a *answer) {
	collection, _, _ := strings.Cut(a.to.path, "?")
	if a.to.method != http.MethodPost || a.status/100 != 2 || collection != "/Users" && collection != "/Groups" {
		return
	}
	if id := a.id(); id != "" {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.made = append(r.made, made{collection + "/" + id, a.to.other})
	}
}

// id returns the id of the resource in an answer, or "".
func (a *answer) id() string {
	resource, _ := a.document.(map[string]any)
	id, _ := resource["id"].(string)
	return id
}

// cleanUp deletes what the line created, even if the context has been
// cancelled.
func (r *runner) cleanUp() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 5*time.Minute)
	defer cancel()
	r.ctx = ctx
	var left []error
	for _, m := range slices.Backward(r.made) {
		a, err := r.sendPatiently(message{method: http.MethodDelete, path: m.path, other: m.other}, nil)
		if err == nil && a.status != http.StatusNoContent && a.status != http.StatusNotFound {
			err = fmt.Errorf("DELETE %s: %d %s", m.path, a.status, match.Show(a.document))
		}
		if err != nil {
			left = append(left, err)
		}
	}
	return errors.Join(left...)
}

// errorURN is the schema of error documents. RFC 7644 §3.12
const errorURN = "urn:ietf:params:scim:api:messages:2.0:Error"

// manners checks the form of every answer: JSON with SCIM's media type, a SCIM
// error in every refusal, no body in a 204.
func (a *answer) manners() error {
	if a.status == http.StatusNoContent {
		if len(a.body) > 0 {
			return fmt.Errorf("a 204 has a body: %s", match.Show(string(a.body)))
		}
		return nil
	}
	if a.broken != nil {
		return fmt.Errorf("the body is not JSON: %w: %s", a.broken, match.Show(string(a.body)))
	}
	if len(a.body) > 0 {
		sent := a.header.Get("Content-Type")
		if kind, _, err := mime.ParseMediaType(sent); err != nil || kind != mediaType {
			return fmt.Errorf("the media type of the body is %q, want %s", sent, mediaType)
		}
	}
	if a.status < 400 || a.to.method == http.MethodHead {
		return nil
	}
	return a.checkError(nil)
}

// checkError checks an error document: the status as a string, a detail, and
// the scimType, unless it is nil.
func (a *answer) checkError(scimType *string) error {
	document, _ := a.document.(map[string]any)
	urns, _ := document["schemas"].([]any)
	detail, _ := document["detail"].(string)
	found, has := document["scimType"]
	switch {
	case !slices.Contains(urns, errorURN):
		return fmt.Errorf("the body is not a SCIM error: %s", match.Show(a.document))
	case document["status"] != strconv.Itoa(a.status):
		return fmt.Errorf("the error's status is %s, want the string %q", match.Show(document["status"]), strconv.Itoa(a.status))
	case strings.TrimSpace(detail) == "":
		return fmt.Errorf("the error has no detail: %s", match.Show(a.document))
	case scimType == nil:
		return nil
	case *scimType == "" && has:
		return fmt.Errorf("the scimType is %s, want none", match.Show(found))
	case *scimType != "" && found != *scimType:
		return fmt.Errorf("the scimType is %s, want %q: %s", match.Show(found), *scimType, match.Show(a.document))
	}
	return nil
}

// sortedNames returns the sorted keys of a map, so that failures are in a fixed
// order.
func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
