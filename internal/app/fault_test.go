package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// writing is one request that writes, with what must be true after it.
type writing struct {
	name         string
	before       func(s *service) (id string)
	method       string
	path, body   string // {id} stands for the user's
	status       int
	seats, users int64
	version      string
}

// writings are the requests that write: each takes or frees one seat, or changes
// one attribute.
func writings() []writing {
	none := func(*service) string { return "" }
	active := func(s *service) string {
		return s.must(201, "POST", "/Users", userBody(`"userName":"lost","externalId":"e-1"`))
	}
	inactive := func(s *service) string {
		id := active(s)
		s.must(200, "PATCH", "/Users/"+id, patchBody(deactivate))
		return id
	}
	body := userBody(`"userName":"lost","externalId":"e-1","title":"x"`)
	return []writing{
		{"POST", none, "POST", "/Users", body, 201, 1, 1, `W/"1"`},
		{"POST reactivates", inactive, "POST", "/Users", body, 200, 1, 1, `W/"3"`},
		{"PUT", active, "PUT", "/Users/{id}", body, 200, 1, 1, `W/"2"`},
		{"PATCH frees the seat", active, "PATCH", "/Users/{id}", patchBody(deactivate), 200, 0, 1, `W/"2"`},
		{"PATCH takes a seat", inactive, "PATCH", "/Users/{id}", patchBody(activate), 200, 1, 1, `W/"3"`},
		{"DELETE", active, "DELETE", "/Users/{id}", "", 204, 0, 0, ""},
	}
}

// faulty is a way to make the n-th write of a table go wrong.
type faulty struct {
	name string
	// open makes the table; arm makes the fault happen to the next write, and
	// happened tells how often it did.
	open func(t *testing.T) (engine table.Table, arm func(), happened func() int)
}

// switched is a table whose next write meets a fault once it is armed.
func switched(open func(t testing.TB) table.Table, kind tabletest.FaultKind) func(t *testing.T) (table.Table, func(), func() int) {
	return func(t *testing.T) (table.Table, func(), func() int) {
		t.Helper()
		s := &later{Table: open(t)}
		return s, func() {
				s.fault = tabletest.NewFault(s.Table, 1, tabletest.FaultPlan{Writes: map[int]tabletest.FaultKind{1: kind}})
				s.Table = s.fault
			}, func() int {
				if s.fault == nil {
					return 0
				}
				return s.fault.Report()[kind]
			}
	}
}

// later is a table whose engine can be put behind a fault while it is used by one
// goroutine.
type later struct {
	table.Table
	fault *tabletest.Fault
}

// wire is DynamoDB with a fault beneath the SDK.
func wire(kind tabletest.WireFault) func(t *testing.T) (table.Table, func(), func() int) {
	return func(t *testing.T) (table.Table, func(), func() int) {
		t.Helper()
		s := &laterWire{kind: kind}
		return tabletest.DynamoThrough(t, func(base http.RoundTripper) http.RoundTripper { s.base = base; return s }),
			func() {
				s.fault = tabletest.NewFaultTransport(s.base, 1, tabletest.WirePlan{Requests: map[int]tabletest.WireFault{1: kind}})
			},
			func() int {
				if s.fault == nil {
					return 0
				}
				return s.fault.Report()[kind]
			}
	}
}

type laterWire struct {
	kind  tabletest.WireFault
	base  http.RoundTripper
	fault *tabletest.FaultTransport
}

func (w *laterWire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.fault != nil {
		return w.fault.RoundTrip(r)
	}
	return w.base.RoundTrip(r)
}

// TestFaults loses, cuts and refuses the answer to each kind of write, at the
// interface of both engines and beneath the SDK: one user, one seat, one change,
// and the answer that would have come.
func TestFaults(t *testing.T) {
	var kinds []faulty
	for _, e := range enginetest.Plain() {
		for _, kind := range []tabletest.FaultKind{
			tabletest.AnswerLost, tabletest.RequestLost, tabletest.Throttled, tabletest.Conflicting,
		} {
			kinds = append(kinds, faulty{fmt.Sprintf("%s, %s", e.Name, kind), switched(e.Open, kind)})
		}
	}
	for _, kind := range []tabletest.WireFault{
		tabletest.WireReset, tabletest.WireTruncated, tabletest.WireGarbled, tabletest.WireServer, tabletest.WireHangAfter,
		tabletest.WireHang, tabletest.WireThrottle, tabletest.WireConflict, tabletest.WireInProgress, tabletest.WireBusy,
	} {
		kinds = append(kinds, faulty{fmt.Sprintf("beneath the SDK, %s", kind), wire(kind)})
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for _, w := range writings() {
				t.Run(w.name, func(t *testing.T) { loseOne(t, kind, w) })
			}
		})
	}
}

func loseOne(t *testing.T, kind faulty, w writing) {
	engine, arm, happened := kind.open(t)
	s := newService(t, engine, 5, app.Options{})
	id := w.before(s)
	s.send("GET", "/Users?count=0", "") // reads the token
	arm()
	path := w.path
	if id != "" {
		path = "/Users/" + id
		if w.path == "/Users" {
			path = w.path
		}
	}
	a := s.send(w.method, path, w.body)
	if happened() != 1 {
		t.Fatalf("the fault happened %d times, want once", happened())
	}
	if a.status != w.status {
		t.Fatalf("status %d %v, want %d", a.status, a.body, w.status)
	}
	if got, _ := a.body["id"].(string); id != "" && w.status == 200 && got != id {
		t.Errorf("the answer is about user %s, want %s", got, id)
	}
	if got := a.header.Get("ETag"); got != w.version {
		t.Errorf("version %s, want %s: it was changed once", got, w.version)
	}
	s.check(w.seats)
	if l := s.ledger(); l.Users != w.users {
		t.Errorf("%d users counted, want %d", l.Users, w.users)
	}
}

// An outage ends in a 503 that says so, and nothing half done.
func TestFaults_Outage(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plan  tabletest.FaultPlan
		cause []string
	}{
		{"every write is throttled", tabletest.FaultPlan{WriteRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 1}}, []string{"conflict"}},
		{"every request is lost", tabletest.FaultPlan{WriteRates: map[tabletest.FaultKind]float64{tabletest.RequestLost: 1}}, []string{"outcome_unknown"}},
		{"every answer is lost", tabletest.FaultPlan{WriteRates: map[tabletest.FaultKind]float64{tabletest.AnswerLost: 1}}, []string{"outcome_unknown"}},
		{"every read is throttled", tabletest.FaultPlan{ReadRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 1}}, []string{"conflict"}},
		{"no read is answered", tabletest.FaultPlan{ReadRates: map[tabletest.FaultKind]float64{tabletest.Unavailable: 1}}, []string{"conflict"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := &later{Table: enginetest.Memory(t)}
			s := newService(t, l, 5, app.Options{Retry: []table.RetryOption{table.RetryFor(150e6)}})
			id := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
			healthy := l.Table
			l.Table = tabletest.NewFault(l.Table, 1, tt.plan)
			for _, r := range [][3]string{
				{"PATCH", "/Users/" + id, patchBody(deactivate)},
				{"PUT", "/Users/" + id, userBody(`"userName":"b"`)},
				{"DELETE", "/Users/" + id, ""},
			} {
				a := s.send(r[0], r[1], r[2])
				cause, _ := a.event["cause"].(string)
				if a.status == 404 && tt.cause[0] == "outcome_unknown" {
					continue // the change before was made after all
				}
				if a.status != 503 || a.header.Get("Retry-After") == "" || !slices.Contains(tt.cause, cause) {
					t.Errorf("%s: %d, cause %s, Retry-After %q; want 503, %v", r[0], a.status, cause, a.header.Get("Retry-After"), tt.cause)
				}
			}
			l.Table = healthy
			s.check(s.active())
		})
	}
}
