package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/recording"
)

// A Doer sends a request and returns its answer, as an *http.Client does.
type Doer interface {
	Do(r *http.Request) (*http.Response, error)
}

// A Target is the server to which a simulation is sent, and its clock.
type Target struct {
	Client Doer
	// Base is the URL before every path; it usually ends in /scim/v2.
	Base string
	// Token returns the bearer token of the next request. Requests of one simulation
	// may need it at the same time.
	Token func(ctx context.Context) (string, error)
	Now   func() time.Time
	// Wait waits for a time, or until the context is done.
	Wait func(ctx context.Context, d time.Duration) error
	// Progress is called after each step of a scenario; nil for nobody who looks.
	Progress func(done, of int)
}

// A sender sends requests as an identity provider does, and counts the answers.
type sender struct {
	ctx     context.Context //nolint:containedctx // of one run
	target  Target
	dialect dialect
	speed   float64
	started time.Time
	sent    bool
	counts
}

func newSender(ctx context.Context, t Target, d dialect, speed float64) *sender {
	t.Base = strings.TrimRight(t.Base, "/")
	return &sender{ctx: ctx, target: t, dialect: d, speed: speed, started: t.Now()}
}

// maxAnswer is the largest part of an answer that is read.
const maxAnswer = 8 << 20

// An answer is the answer to a request.
type answer struct {
	status     int
	requestID  string
	retryAfter time.Duration
	body       struct {
		ID        string `json:"id"`
		ScimType  string `json:"scimType"`
		Detail    string `json:"detail"`
		Resources []struct {
			ID string `json:"id"`
		} `json:"Resources"`
	}
}

func (a answer) id() string { return a.body.ID }

// first returns the id of the first resource of a list.
func (a answer) first() (id string, found bool) {
	if len(a.body.Resources) == 0 {
		return "", false
	}
	return a.body.Resources[0].ID, true
}

// send sends a request after the pause that the identity provider makes. After 429
// and 5xx it waits and sends it again.
func (s *sender) send(r Request) (answer, error) {
	if s.sent {
		if err := s.wait(s.dialect.gap); err != nil {
			return answer{}, err
		}
	}
	s.sent = true
	a, err := s.once(r)
	for limited, failed := 0, 0; err == nil; {
		wait := a.retryAfter
		switch {
		case a.status == http.StatusTooManyRequests && limited < mostLimited:
			limited++
		case a.status >= 500 && a.status != http.StatusNotImplemented && failed < mostFailed:
			failed++
		default:
			s.count(r, a)
			return a, nil
		}
		s.retries++
		if wait > 0 { // the server's own time, whatever the speed
			err = s.target.Wait(s.ctx, min(wait, longestWait))
		} else {
			err = s.wait(min(firstWait<<(limited+failed-1), longestWait))
		}
		if err == nil {
			a, err = s.once(r)
		}
	}
	return a, err
}

// once sends a request without a retry.
func (s *sender) once(r Request) (a answer, err error) {
	token, err := s.target.Token(s.ctx)
	if err != nil {
		return a, err
	}
	request, err := http.NewRequestWithContext(s.ctx, r.Method, s.url(r.Path), strings.NewReader(r.Body))
	if err != nil {
		return a, fmt.Errorf("the request cannot be sent: %w", err)
	}
	h := request.Header
	h.Set("Accept", "application/scim+json")
	h.Set("Authorization", "Bearer "+token)
	h.Set("User-Agent", recording.UserAgents[s.dialect.provider])
	if r.Body != "" {
		h.Set("Content-Type", "application/scim+json")
	}
	for i := 0; i+1 < len(r.Headers); i += 2 {
		h.Set(r.Headers[i], strings.ReplaceAll(r.Headers[i+1], tokenMark, token))
	}
	response, err := s.target.Client.Do(request)
	if err != nil {
		return a, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return a, err
	}
	_ = json.Unmarshal(text, &a.body) // an answer of another program is counted by its status
	a.status, a.requestID = response.StatusCode, response.Header.Get("X-Request-Id")
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 && seconds < 1<<20 {
		a.retryAfter = time.Duration(seconds) * time.Second
	}
	return a, nil
}

// url returns the URL of a path.
func (s *sender) url(path string) string {
	if strings.HasPrefix(path, "/scim/") {
		return strings.TrimSuffix(s.target.Base, "/scim/v2") + path
	}
	return s.target.Base + path
}
