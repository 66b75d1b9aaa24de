package simulate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/recording"
	"github.com/rollcall-scim/rollcall/internal/simulate"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A server answers in this process, records the requests, and has a virtual clock.
type server struct {
	mu      sync.Mutex
	handler http.Handler
	pass    func(time.Duration)
	// fault answers in place of the handler; nil or false for none.
	fault   func(n int, w http.ResponseWriter) bool
	traffic []string
	agents  map[string]bool
	waits   []time.Duration
	now     time.Time
}

func (s *server) Do(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traffic = append(s.traffic, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	s.agents[r.Header.Get("User-Agent")] = true
	w := httptest.NewRecorder()
	if s.fault == nil || !s.fault(len(s.traffic), w) {
		sent := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
		sent.Header = r.Header
		s.handler.ServeHTTP(w, sent)
	}
	return w.Result(), nil
}

func (s *server) wait(_ context.Context, d time.Duration) error {
	s.waits = append(s.waits, d)
	s.now = s.now.Add(d)
	if s.pass != nil {
		s.pass(d)
	}
	return nil
}

func (s *server) target(token string) simulate.Target {
	return simulate.Target{
		Client: s, Base: "https://scim.test/scim/v2", Now: func() time.Time { return s.now }, Wait: s.wait,
		Token: func(context.Context) (string, error) { return token, nil },
	}
}

// fresh returns a service without users.
func fresh(t *testing.T) (*server, *provoke.Stage, simulate.Target) {
	t.Helper()
	stage := provoke.New(t, enginetest.Memory(t), 50)
	s := &server{handler: stage.SCIM(), pass: stage.Pass, agents: map[string]bool{}, now: stage.Now()}
	return s, stage, s.target(stage.Token())
}

func plan(provider, scenario string) simulate.Plan {
	return simulate.Plan{Provider: provider, Scenario: scenario, Users: 10, Groups: 2, Seed: 7, Speed: 100}
}

// total returns how many resources a query has.
func total(t *testing.T, stage *provoke.Stage, path string) float64 {
	t.Helper()
	a := stage.Send("GET", path, "")
	require.Equal(t, 200, a.Status, path)
	n, _ := a.Body["totalResults"].(float64)
	return n
}

func TestRun_EveryScenarioOfEveryProvider(t *testing.T) {
	for _, provider := range simulate.Providers() {
		for scenario, want := range map[string]struct{ users, active, groups, members, refused int }{
			"first-sync":    {10, 10, 2, 14, 0},
			"group-push":    {10, 10, 2, 14, 0},
			"daily":         {4, 3, 0, 0, 0},
			"leavers":       {2, 0, 0, 0, 0},
			"rehire":        {2, 2, 0, 0, 0},
			"misconfigured": {2, 2, 1, 0, 5},
		} {
			t.Run(provider+" "+scenario, func(t *testing.T) {
				s, stage, target := fresh(t)
				sum, err := simulate.Run(t.Context(), target, plan(provider, scenario))
				require.NoError(t, err)
				assert.EqualValues(t, want.users, total(t, stage, "/Users?count=0"), "users")
				assert.EqualValues(t, want.active, total(t, stage, "/Users?count=0&filter=active+eq+true"), "active users")
				assert.EqualValues(t, want.groups, total(t, stage, "/Groups?count=0"), "groups")
				members := 0
				groups, _ := stage.Send("GET", "/Groups", "").Body["Resources"].([]any)
				for _, g := range groups {
					id, _ := g.(map[string]any)["id"].(string)
					list, _ := stage.Send("GET", "/Groups/"+id, "").Body["members"].([]any)
					members += len(list)
				}
				assert.Equal(t, want.members, members, "members")
				assert.Equal(t, want.refused, sum.Total.Refused, "%+v", sum.Refusals)
				assert.Len(t, s.agents, 1)
				for _, f := range sum.Refusals {
					assert.True(t, f.Count > 0 && f.Status >= 400 && len(f.RequestIDs) == f.Count && f.Detail != "", "%+v", f)
				}
				// What is there is found, and nothing is created twice.
				before := total(t, stage, "/Users?count=0")
				if scenario != "misconfigured" {
					sum, err = simulate.Run(t.Context(), target, plan(provider, scenario))
					require.NoError(t, err)
					assert.Zero(t, sum.Total.Refused, "again: %+v", sum.Refusals)
					assert.Equal(t, before, total(t, stage, "/Users?count=0"), "users of a second run")
				}
			})
		}
	}
}

func TestRun_TheSeedDecidesTheTraffic(t *testing.T) {
	for _, provider := range simulate.Providers() {
		var before []string
		for i, seed := range []uint64{7, 7, 8} {
			s := &server{handler: none(), agents: map[string]bool{}}
			p := plan(provider, "first-sync")
			p.Seed = seed
			_, err := simulate.Run(t.Context(), s.target("t"), p)
			require.NoError(t, err)
			if i == 1 {
				assert.Equal(t, before, s.traffic)
			}
			if i == 2 {
				assert.NotEqual(t, before, s.traffic)
			}
			before = s.traffic
		}
	}
}

// none is a server that has nothing, and creates everything under one id.
func none() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
		}
		fmt.Fprint(w, `{"id":"1","Resources":[]}`)
	})
}

// The traffic has the form of the recorded requests: their methods and the names in
// their bodies, whatever the values are.
func TestRun_SendsWhatIsRecorded(t *testing.T) {
	shapes := map[string]bool{}
	for text := range bytes.Lines(recording.Requests) {
		var l struct {
			IdP, Method, Path string
			Body              any
		}
		require.NoError(t, json.Unmarshal(text, &l))
		shapes[l.IdP+shape(l.Method, l.Path, l.Body)] = true
	}
	lookups := 0
	for _, provider := range simulate.Providers() {
		from := strings.Replace(provider, "ping", "pingfederate", 1)
		for _, scenario := range []string{"first-sync", "daily", "rehire"} {
			s, _, target := fresh(t)
			_, err := simulate.Run(t.Context(), target, plan(provider, scenario))
			require.NoError(t, err)
			for _, sent := range s.traffic {
				parts := strings.SplitN(sent, " ", 3)
				var body any
				if len(parts) > 2 {
					require.NoError(t, json.Unmarshal([]byte(parts[2]), &body))
				}
				path := strings.TrimPrefix(parts[1], "/scim/v2")
				if !shapes[from+shape(parts[0], path, body)] {
					assert.Regexp(t, `^GET /Groups\?filter=displayName%20eq%20`, parts[0]+" "+path, "%s is not recorded: %s", provider, sent)
					lookups++
				}
			}
		}
	}
	assert.Equal(t, 4, lookups, "only OneLogin's and PingFederate's lookups of groups are not recorded")
}

// shape returns a request without its values.
func shape(method, path string, body any) string {
	path, query, _ := strings.Cut(path, "?")
	collection := strings.Split(path, "/")[1]
	attribute, _, _ := strings.Cut(query, "%20")
	return fmt.Sprint(method, collection, strings.Count(path, "/"), attribute, skeleton(body))
}

func skeleton(v any) any {
	switch v := v.(type) {
	case map[string]any:
		names := map[string]any{}
		for name, value := range v {
			names[name] = skeleton(value)
		}
		return names
	case []any:
		if len(v) == 0 {
			return []any{}
		}
		return []any{skeleton(v[0])}
	default:
		return fmt.Sprintf("%T", v)
	}
}

func TestRun_RetriesWithBackOff(t *testing.T) {
	refuse := func(status int, retryAfter string, times int) func(n int, w http.ResponseWriter) bool {
		return func(n int, w http.ResponseWriter) bool {
			if n > times {
				return false
			}
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(status)
			return true
		}
	}
	for name, tt := range map[string]struct {
		fault   func(int, http.ResponseWriter) bool
		retries int
		refused int
		waits   []time.Duration
	}{
		"429 as long as the server says": {refuse(429, "7", 2), 2, 0, []time.Duration{7 * time.Second, 7 * time.Second}},
		"429 without a time":             {refuse(429, "", 3), 3, 0, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		"429 for ever":                   {refuse(429, "1", 11), 10, 1, nil},
		"503 twice":                      {refuse(503, "", 2), 2, 0, []time.Duration{time.Second, 2 * time.Second}},
		"500 for ever":                   {refuse(500, "", 5), 4, 1, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}},
		"400 is final":                   {refuse(400, "", 1), 0, 1, nil},
		"501 is final":                   {refuse(501, "", 1), 0, 1, nil},
		"an hour is cut":                 {refuse(503, "3600", 1), 1, 0, []time.Duration{time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{handler: none(), agents: map[string]bool{}, fault: tt.fault}
			p := plan("okta", "first-sync")
			p.Users, p.Groups, p.Speed = 1, 0, 1
			sum, err := simulate.Run(t.Context(), s.target("t"), p)
			require.NoError(t, err)
			assert.Equal(t, tt.retries, sum.Retries)
			assert.Equal(t, tt.refused, sum.Total.Refused)
			assert.Equal(t, 3, sum.Total.Sent)
			if tt.waits != nil {
				assert.Equal(t, tt.waits, s.waits[:len(tt.waits)])
			}
		})
	}
}

func TestRun_PausesAtItsSpeed(t *testing.T) {
	for _, tt := range []struct {
		speed float64
		want  time.Duration
	}{{1, 400 * time.Millisecond}, {10, 40 * time.Millisecond}, {0.5, 800 * time.Millisecond}} {
		s := &server{handler: none(), agents: map[string]bool{}}
		p := plan("okta", "first-sync")
		p.Users, p.Groups, p.Speed = 1, 0, tt.speed
		sum, err := simulate.Run(t.Context(), s.target("t"), p)
		require.NoError(t, err)
		assert.Equal(t, tt.want.String(), sum.Took)
	}
}

func TestRun_FailsInTheMiddle(t *testing.T) {
	_, stage, target := fresh(t)
	p := plan("entra", "first-sync")
	p.Fail = cause.Validation
	sum, err := simulate.Run(t.Context(), target, p)
	require.NoError(t, err)
	require.Len(t, sum.Refusals, 1)
	assert.Equal(t, cause.Validation, sum.Refusals[0].Cause)
	assert.EqualValues(t, 10, total(t, stage, "/Users?count=0"))
}

func TestPlan_Check(t *testing.T) {
	for name, change := range map[string]func(p *simulate.Plan){
		"provider": func(p *simulate.Plan) { p.Provider = "acme" },
		"scenario": func(p *simulate.Plan) { p.Scenario = "weekly" },
		"no users": func(p *simulate.Plan) { p.Users = 0 },
		"users":    func(p *simulate.Plan) { p.Users = simulate.MaxUsers + 1 },
		"groups":   func(p *simulate.Plan) { p.Groups = -1 },
		"speed":    func(p *simulate.Plan) { p.Speed = 0 },
		"cause":    func(p *simulate.Plan) { p.Fail = cause.Internal },
	} {
		p := plan("okta", "daily")
		change(&p)
		_, err := simulate.Run(t.Context(), simulate.Target{}, p)
		assert.ErrorIs(t, err, simulate.ErrPlan, name)
	}
}

// Every cause that can be provoked is the cause of the log entry, under the request
// id that the summary has.
func TestProvoke_HasTheCause(t *testing.T) {
	for _, c := range simulate.Provocable() {
		t.Run(string(c), func(t *testing.T) {
			_, stage, target := fresh(t)
			sum, err := simulate.Provoke(t.Context(), target, "okta", c, "trigger")
			require.NoError(t, err)
			if len(sum.Refusals) == 0 { // a warning
				assert.Contains(t, []cause.Cause{cause.Tolerated, cause.UnknownMembers, cause.ExternalIDChanged}, c)
				assert.Zero(t, sum.Total.Refused)
				return
			}
			require.NotEmpty(t, sum.Refusals)
			last := sum.Refusals[len(sum.Refusals)-1]
			assert.Equal(t, c, last.Cause)
			assert.Equal(t, c.Meaning().Status, last.Status)
			require.NotEmpty(t, last.RequestIDs)
			assert.Equal(t, string(c), stage.Line(last.RequestIDs[0])["cause"])
		})
	}
}
