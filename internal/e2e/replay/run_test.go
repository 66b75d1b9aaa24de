package replay

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A doer answers requests without a connection.
type doer func(*http.Request) (int, http.Header, string)

func (d doer) Do(q *http.Request) (*http.Response, error) {
	status, header, body := d(q)
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func errorBody(status int, scimType, detail string) string {
	kind := ""
	if scimType != "" {
		kind = `"scimType":"` + scimType + `",`
	}
	return fmt.Sprintf(`{"schemas":["%s"],"status":"%d",%s"detail":"%s"}`, errorURN, status, kind, detail)
}

// A fake is a service that has only users and seats. It is safe for concurrent
// use.
type fake struct {
	mu    sync.Mutex
	seats int
	next  int
	users map[string]string // bodies as sent, by id
	// bodies and requests are all that were received, in order.
	bodies   []string
	requests []*http.Request
	// hasty is the number of requests to refuse with 429 before one is
	// accepted.
	hasty int
	// keeps makes every deletion fail.
	keeps bool
}

func newFake(t *testing.T, seats int) (*fake, Target) {
	t.Helper()
	f := &fake{seats: seats, users: make(map[string]string)}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, Target{Client: server.Client(), Base: server.URL + "/scim/v2", Token: "secret-token"}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	f.bodies, f.requests = append(f.bodies, string(body)), append(f.requests, r)
	w.Header().Set("Content-Type", mediaType)
	id := strings.TrimPrefix(r.URL.Path, "/scim/v2/Users/")
	refuse := func(status int, detail string) {
		w.WriteHeader(status)
		fmt.Fprint(w, errorBody(status, "", detail))
	}
	switch {
	case f.hasty > 0:
		f.hasty--
		w.Header().Set("Retry-After", "0")
		refuse(http.StatusTooManyRequests, "slower")
	case r.Method == http.MethodPost && len(f.users) == f.seats:
		refuse(http.StatusForbidden, "all seats are in use")
	case r.Method == http.MethodPost:
		f.next++
		id := strconv.Itoa(f.next)
		f.users[id] = string(body)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"id":"%s"}`, id)
	case r.Method == http.MethodGet && f.users[id] != "":
		fmt.Fprintf(w, `{"id":"%s"}`, id)
	case r.Method == http.MethodDelete && f.users[id] != "" && !f.keeps:
		delete(f.users, id)
		w.WriteHeader(http.StatusNoContent)
	case f.keeps && r.Method == http.MethodDelete:
		refuse(http.StatusInternalServerError, "kept")
	case r.URL.Path == "/scim/v2/Users":
		fmt.Fprint(w, `{"totalResults":0}`)
	default:
		refuse(http.StatusNotFound, "there is none")
	}
}

func load(t *testing.T, line string) Case {
	t.Helper()
	cases, err := Load(strings.NewReader(line))
	require.NoError(t, err)
	return cases[0]
}

func wantPassed(t *testing.T, r Result) {
	t.Helper()
	assert.Equalf(t, Passed, r.Outcome, "%s: %v", r.Outcome, r.Reasons)
}

func TestRun_SendsPathAndQueryAsTheyStand(t *testing.T) {
	for _, path := range []string{
		`/Users?filter=userName+eq+"dale%40example.com"`, `/Users?filter=a%20eq%20%22o'b%5Cu0027%22&x=;|`, `/Users?cursor&count=1`, `/Users%2F..//x`,
	} {
		f, target := newFake(t, 1)
		c := oneCase(t, `{"lacks":["x-y-z"]}`)
		c.IdP, c.Path, c.Expect.Status = "okta", path, statuses{200, 404}
		wantPassed(t, Run(t.Context(), target, c))
		q := f.requests[0]
		assert.Equalf(t, "/scim/v2"+path, q.RequestURI, "%s arrives as %s", path, q.RequestURI)
		if q.UserAgent() != "Okta SCIM Client 1.0.0" || q.Header.Get("Authorization") != "Bearer secret-token" || q.Header.Get("Content-Type") != "" {
			t.Errorf("headers %v", q.Header)
		}
	}
}

func TestRun_SendsABodyWithItsKeysAsTheyStand(t *testing.T) {
	f, target := newFake(t, 1)
	c := load(t, `{"id":"a","idp":"entra","method":"POST","path":"/Users","headers":{"Content-Type":"application/json","X-T":"{{token}}"},`+
		`"body":{"userName":"a{{run}}","USERNAME":"b","{{extUrn}}":{"x":"{{extUrn}}:y"}},"expect":{"status":201,"notes":""},"checks":[{"lacks":["x-y"]}]}`)
	wantPassed(t, Run(t.Context(), target, c))
	want := `{"userName":"a","USERNAME":"b","` + DefaultExtension + `":{"x":"` + DefaultExtension + `:y"}}`
	assert.Equal(t, want, f.bodies[0], "sent")
	q := f.requests[0]
	if q.Header.Get("Content-Type") != "application/json" || q.Header.Get("X-T") != "secret-token" || !strings.HasPrefix(q.UserAgent(), "Microsoft") {
		t.Errorf("headers %v", q.Header)
	}
}

func TestRun_OnASharedTenantNamesAreRandomAndNothingIsLeft(t *testing.T) {
	f, target := newFake(t, 10)
	target.Shared = true
	c := load(t, `{"id":"a","method":"POST","path":"/Users","body":{"userName":"a{{run}}@x"},"expect":{"status":201,"notes":""},`+
		`"steps":[{"create":"user","times":3,"as":"ids"},{"together":[{"request":"POST /Users","with":{"userName":"c{{n}}"}}],"times":2,"statuses":{"201":2}}],`+
		`"checks":[{"create":"user","as":"last"}]}`)
	first := Run(t.Context(), target, c)
	wantPassed(t, first)
	assert.Empty(t, f.users, "left")
	wantPassed(t, Run(t.Context(), target, c))
	names := make(map[string]bool)
	for _, body := range f.bodies {
		if strings.Contains(body, "@x") {
			names[body] = true
		}
	}
	assert.Lenf(t, names, 2, "names of two runs: %v", names)
	f.keeps = true
	r := Run(t.Context(), target, c)
	assert.Truef(t, r.Outcome == Failed && strings.Contains(r.Reasons[0], "remain"), "users that stay: %s %v", r.Outcome, r.Reasons)
}

func TestRun_WaitsAndCannotRun(t *testing.T) {
	_, target := newFake(t, 1)
	waits := oneCase(t, `{"body":{"/x":1}}`)
	waits.Waits = &Waits{For: "groups", Reason: "none yet"}
	r := Run(t.Context(), target, waits)
	assert.Truef(t, r.Outcome == Waiting && r.Reasons[0] == "groups — none yet", "%s %v", r.Outcome, r.Reasons)
	assert.Equal(t, Waiting, Run(t.Context(), target, waits.Ready("bulk")).Outcome, "ready for something else")
	assert.Equal(t, Failed, Run(t.Context(), target, waits.Ready("groups")).Outcome, "ready")
	part := oneCase(t, `{"says":"a part","waits":"groups","body":{"/x":1}}`)
	r = Run(t.Context(), target, part)
	assert.Truef(t, r.Outcome == Passed && len(r.Unseen) == 1 && r.Unseen[0] == "waits for groups: a part", "%s %v %v", r.Outcome, r.Reasons, r.Unseen)
	assert.Equal(t, Failed, Run(t.Context(), target, part.Ready("groups")).Outcome, "part, ready")
	other := oneCase(t, `{"create":"user","tenant":"other"}`)
	r = Run(t.Context(), target, other)
	assert.Truef(t, r.Outcome == NotRun && strings.Contains(r.Reasons[0], "second tenant"), "%s %v", r.Outcome, r.Reasons)
	target.Other = "second"
	f, reached := newFake(t, 1)
	reached.Other = "second"
	wantPassed(t, Run(t.Context(), reached, other))
	got := f.requests[1].Header.Get("Authorization")
	assert.Equalf(t, "Bearer second", got, "sent with %q", got)
	log := oneCase(t, `{"says":"a warning","event":{"/outcome":"warning"}}`)
	r = Run(t.Context(), target, log)
	assert.Truef(t, r.Outcome == Passed && len(r.Unseen) == 1 && r.Unseen[0] == "needs the log: a warning", "%s %v %v", r.Outcome, r.Reasons, r.Unseen)
}

func TestRun_StopsAtTheFirstStepThatFails(t *testing.T) {
	f, target := newFake(t, 0)
	c := load(t, strings.Replace(good, `"steps":[`, `"steps":[{"request":"GET /Users/none"},`, 1))
	r := Run(t.Context(), target, c)
	if r.Outcome != Failed || !strings.Contains(r.Reasons[0], "step 1, request: GET /Users/none: the status is 404, want 2xx") || len(f.requests) != 1 {
		t.Errorf("%s %v after %d requests", r.Outcome, r.Reasons, len(f.requests))
	}
}

func TestRun_ComesAgainWhenRefusedForHaste(t *testing.T) {
	f, target := newFake(t, 1)
	f.hasty = 3
	wantPassed(t, Run(t.Context(), target, oneCase(t, `{"status":200}`)))
	f.hasty = 1
	c := oneCase(t, `{"header":{"Retry-After":"0"},"error":""}`)
	c.Expect.Status = statuses{http.StatusTooManyRequests}
	wantPassed(t, Run(t.Context(), target, c))
	f.hasty = 0
	assert.Equal(t, Failed, Run(t.Context(), target, c).Outcome, "a 429 that does not come")
	c.Expect.Status, c.Repeat, c.Checks = statuses{http.StatusNotFound}, 5, nil
	before := len(f.requests)
	r := Run(t.Context(), target, c)
	assert.Truef(t, r.Outcome == Failed && len(f.requests)-before == 5, "%s after %d requests, want 5", r.Outcome, len(f.requests)-before)
}

func TestRun_TogetherIsPatientUnlessItCounts429(t *testing.T) {
	const together = `{"together":[{"request":"POST /Users","with":{"userName":"c{{n}}"}}],"times":4,"statuses":%s}`
	for _, tt := range []struct{ statuses, reason string }{
		{`{"201":2,"403":2}`, ""},
		{`{"201":2,"403":2,"429":0}`, "answered with 201 is 1, want 2"},
		{`{"201":1,"403":0,"429":3}`, ""},
	} {
		f, target := newFake(t, 2)
		c := oneCase(t, fmt.Sprintf(together, tt.statuses))
		c.Method, c.Path, c.Body = http.MethodGet, "/Users", nil
		c.Expect.Status = nil
		f.hasty = 3
		c.Steps, c.Checks = c.Checks, nil
		r := Run(t.Context(), target, c)
		if tt.reason == "" && len(r.Reasons) > 0 || tt.reason != "" && (len(r.Reasons) == 0 || !strings.Contains(r.Reasons[0], tt.reason)) {
			t.Errorf("%s: %s %v", tt.statuses, r.Outcome, r.Reasons)
		}
	}
}

func TestRun_Rests(t *testing.T) {
	_, target := newFake(t, 1)
	c := oneCase(t, `{"rest":"20ms"}`)
	start := time.Now()
	wantPassed(t, Run(t.Context(), target, c))
	elapsed := time.Since(start)
	assert.Truef(t, elapsed >= 20*time.Millisecond, "the rest took %s, want at least 20 ms", elapsed)
}

func TestSeats_AreLeftAndFoundFree(t *testing.T) {
	for _, tt := range []struct {
		seats       int
		steps, then string
		want        Outcome
	}{
		{5, `{"leaveSeats":0}`, `{"freeSeats":0}`, Passed},
		{5, `{"leaveSeats":2}`, `{"freeSeats":2}`, Passed},
		{5, `{"leaveSeats":2}`, `{"freeSeats":1}`, Failed},
		{5, `{"leaveSeats":2}`, `{"freeSeats":3}`, Failed},
		{5, `{"leaveSeats":0},{"leaveSeats":1}`, `{"freeSeats":1}`, Passed},
		{5, `{"create":"user"},{"leaveSeats":0}`, `{"request":"DELETE /Users/1"},{"freeSeats":1}`, Passed},
		{1, `{"leaveSeats":2}`, `{"freeSeats":2}`, NotRun},
		{maxFill + 1, `{"leaveSeats":0}`, `{"freeSeats":0}`, NotRun},
	} {
		f := &fake{seats: tt.seats, users: make(map[string]string)}
		client := doer(func(q *http.Request) (int, http.Header, string) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(q.Method, q.URL.Opaque, q.Body)
			f.ServeHTTP(w, r)
			return w.Code, w.Header(), w.Body.String()
		})
		c := load(t, `{"id":"a","method":"GET","path":"/Users","body":null,"expect":{"status":200,"notes":"n"},"steps":[`+tt.steps+`],"checks":[`+tt.then+`]}`)
		r := Run(t.Context(), Target{Client: client, Base: "http://scim.test/scim/v2"}, c)
		assert.Equalf(t, tt.want, r.Outcome, "%d seats, %s, then %s: %s %v, want %s", tt.seats, tt.steps, tt.then, r.Outcome, r.Reasons, tt.want)
	}
}

func TestList_IsMadeOfTurns(t *testing.T) {
	f, target := newFake(t, 3)
	c := load(t, `{"id":"a","method":"PUT","path":"/Users/x","body":{"members":"{{members}}","numbers":"{{numbers}}"},"expect":{"status":404,"notes":"n"},"steps":[`+
		`{"create":"user","times":2,"as":"ids"},{"list":true,"each":"{{ids}}","with":{"value":"{{item}}"},"as":"members"},`+
		`{"list":true,"times":1,"more":1,"with":"n{{n}}","as":"numbers"}],"checks":[{"error":""}]}`)
	wantPassed(t, Run(t.Context(), target, c))
	assert.Equal(t, `{"members":[{"value":"1"},{"value":"2"}],"numbers":["n1","n2"]}`, f.bodies[2], "sent")
}

func TestFailures_DoNotShowTheToken(t *testing.T) {
	_, target := newFake(t, 1)
	c := oneCase(t, `{"lacks":["{{token}}"]}`)
	target.Token = "totalResults" // which the answer has in it
	r := Run(t.Context(), target, c)
	assert.Truef(t, r.Outcome == Failed && !strings.Contains(strings.Join(r.Reasons, ""), "has totalResults"), "%s %v", r.Outcome, r.Reasons)
}
