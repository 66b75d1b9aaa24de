package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/mirror"
)

const listenSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// An awaited output hands on what a command writes.
type awaited struct {
	output
	lines chan string
}

func (a *awaited) Write(p []byte) (int, error) {
	n, err := a.output.Write(p)
	a.lines <- string(p)
	return n, err
}

// until waits for a line with a text.
func (a *awaited) until(t *testing.T, text string) {
	t.Helper()
	end := time.After(time.Minute)
	for {
		select {
		case line := <-a.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-end:
			require.Fail(t, "it does not print "+text, a.String())
		}
	}
}

// quickly shortens the waits of listen.
func quickly(t *testing.T) {
	t.Helper()
	every, waits := listenEvery, forwardWaits
	listenEvery, forwardWaits = 10*time.Millisecond, []time.Duration{time.Millisecond, time.Millisecond}
	t.Cleanup(func() { listenEvery, forwardWaits = every, waits })
}

// A receiver is an application: it counts requests whose signature is right, and answers the
// given statuses, then 204.
type receiver struct {
	*httptest.Server
	verified atomic.Int32
	bodies   chan string
}

func receive(t *testing.T, statuses ...int) *receiver {
	t.Helper()
	r := &receiver{bodies: make(chan string, 100)}
	answers := make(chan int, len(statuses))
	for _, status := range statuses {
		answers <- status
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		if mirror.Verify(q.Header, body, []string{listenSecret}, time.Now()) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.verified.Add(1)
		r.bodies <- string(body)
		select {
		case status := <-answers:
			w.WriteHeader(status)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// listenTo runs the command until the returned function is called.
func listenTo(t *testing.T, args ...string) (out *awaited, end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out = &awaited{lines: make(chan string, 1000)}
	said := &output{}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"listen"}, args...), strings.NewReader(""), out, said)
	}()
	end = func() {
		stop()
		require.Equal(t, 0, <-ended, said)
	}
	select {
	case line := <-out.lines:
		require.Contains(t, line, "Events of acme, until Ctrl-C.\n")
	case status := <-ended:
		require.Fail(t, "it ended", "status %d: %s", status, said)
	}
	return out, end
}

func TestListen_ForwardsWhatHappensFromNowOn(t *testing.T) {
	quickly(t)
	s := provoke.New(t, enginetest.Memory(t), 9)
	path := onStage(t, s)
	s.Send("POST", "/Users", stage.User(`"userName":"before@example.com"`))
	s.Pass(time.Minute)
	r := receive(t, 500, 404)
	out, end := listenTo(t, "--tenant", "acme", "--types", "user.created,user.deleted", "--forward-to", r.URL, "--secret", listenSecret, "--info", path)
	s.Send("POST", "/Users", stage.User(`"userName":"ann@example.com"`))
	s.Send("POST", "/Groups", stage.Group("Team"))
	s.Pass(time.Minute)
	out.until(t, "204")
	end()
	require.Regexp(t, `^Events of acme, until Ctrl-C.
Forwarded to http://127.0.0.1:\d+, signed with `+regexp.QuoteMeta(listenSecret)+`
\S+  user.created +ann@example.com  version 1  changed: .* by \S+
  → 500 Internal Server Error in \d+ ms; again in 1ms
  → 404 Not Found in \d+ ms; again in 1ms
  → 204 No Content in \d+ ms
$`, out.String())
	first := <-r.bodies
	assert.Contains(t, first, `"type":"user.created"`)
	assert.Equal(t, first, <-r.bodies)
	assert.Equal(t, int32(3), r.verified.Load())
}

func TestListen_GivesUpAfterAFewTries(t *testing.T) {
	quickly(t)
	s := provoke.New(t, enginetest.Memory(t), 9)
	path := onStage(t, s)
	r := receive(t)
	url := r.URL
	r.Close()
	out, end := listenTo(t, "--tenant", "acme", "--forward-to", url, "--info", path)
	s.Send("POST", "/Users", stage.User(`"userName":"ann@example.com"`))
	s.Pass(time.Minute)
	out.until(t, "given up")
	end()
	assert.Equal(t, 3, strings.Count(out.String(), "→ no answer"))
	secret := regexp.MustCompile(`signed with (whsec_\S+)\n`).FindStringSubmatch(out.String())
	require.Len(t, secret, 2, out.String())
	require.NoError(t, mirror.Sign(http.Header{}, "1", nil, secret[1:], time.Now()), "a new secret")
}

func TestListen_RefusesWrongUse(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 9)
	path := onStage(t, s)
	for want, args := range map[string][]string{
		"is not a URL that begins with http": {"--forward-to", "localhost:3000"},
		"--secret is not whsec_":             {"--secret", "secret!"},
		`--types "user.made" is not a type`:  {"--types", "user.created,user.made"},
		"Usage: rollcall listen":             {"acme"},
		"exclude each other":                 {"--stack", "x"},
	} {
		checkPrints(t, path, exitUsage, []string{want}, append([]string{"listen", "--tenant", "acme"}, args...)...)
	}
	checkPrints(t, path, exitNotFound, []string{"Tenant not found"}, "listen", "--tenant", "nobody")
}

// With --json the output is events only.
func TestListen_PrintsEventsAsJSON(t *testing.T) {
	quickly(t)
	s := provoke.New(t, enginetest.Memory(t), 9)
	path := onStage(t, s)
	ctx, stop := context.WithCancel(t.Context())
	out, said := &output{}, &awaited{lines: make(chan string, 1000)}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"listen", "--tenant", "acme", "--forward-to", receive(t).URL, "--secret", listenSecret, "--info", path, "--json"}, strings.NewReader(""), out, said)
	}()
	said.until(t, "Events of acme")
	s.Send("POST", "/Users", stage.User(`"userName":"ann@example.com"`))
	s.Pass(time.Minute)
	said.until(t, "204")
	stop()
	require.Equal(t, 0, <-ended, said)
	require.Regexp(t, `^\{"id":".*"type":"user.created".*\}\n$`, out.String())
}

// A server on this machine brings events at once: the list is not read here.
func TestListen_GetsEventsAtOnceFromThisMachine(t *testing.T) {
	quickly(t)
	listenEvery = time.Hour
	s := start(t)
	defer s.end()
	r := receive(t)
	out, end := listenTo(t, "--forward-to", r.URL, "--secret", listenSecret, "--info", s.path)
	s.send(http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann@example.com"}`)
	out.until(t, "204")
	require.Contains(t, out.String(), "ann@example.com")
	require.Contains(t, <-r.bodies, `"type":"user.created"`)
	hooks, _ := s.command(0, "webhooks", "list")
	require.Contains(t, hooks, listenLabel)
	end()
	s.says("No webhooks found.", "webhooks", "list")
}

var (
	readmeListen = regexp.MustCompile("(?s)```console\n\\$ bin/rollcall (listen .*?)\n(.*?)```")
	listenVaries = regexp.MustCompile(`whsec_\S+|\d{4}-\d\d-\d\dT[0-9:.]+Z|in \d+ ms|http://127.0.0.1:\d+(/webhooks)?|again in \S+|by (curl|other)`)
)

// What the README shows of listen is what it prints.
func TestREADME_ShowsListen(t *testing.T) {
	quickly(t)
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	shown := readmeListen.FindStringSubmatch(string(text))
	require.Len(t, shown, 3)
	s := start(t)
	defer s.end()
	r := receive(t, 500)
	args := strings.Fields(strings.Replace(shown[1], "http://127.0.0.1:3000/webhooks", r.URL, 1))
	out, end := listenTo(t, append(args[1:], "--secret", listenSecret, "--info", s.path)...)
	_, created := s.send(http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"alice@example.com","active":true,
		"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{"isTeamAccount":true}}`)
	out.until(t, "204")
	s.send(http.MethodPatch, "/Users/"+created["id"].(string), `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`)
	out.until(t, "204")
	end()
	require.Equal(t, listenVaries.ReplaceAllString(shown[2], "*"), listenVaries.ReplaceAllString(out.String(), "*"))
}
