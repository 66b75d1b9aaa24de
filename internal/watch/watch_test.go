package watch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/watch"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// fake is a Store in memory. fails are the tenants that cannot be read, and meanwhile is what
// another instance does before a report.
type fake struct {
	ledgers   map[tenant.ID]directory.Ledger
	said      map[string]string
	reports   []watch.Report
	fails     map[tenant.ID]bool
	meanwhile func()
	// ending means that nothing is stored.
	ending bool
	reads  int
	// log is what Deactivated finds, cut whether there is more, and looks how often it was asked.
	log   []*journal.Entry
	cut   bool
	looks int
}

var errDown = errors.New("down")

func (f *fake) Ledger(_ context.Context, t tenant.ID) (directory.Ledger, error) {
	f.reads++
	return f.ledgers[t], nil
}

func (f *fake) Watched(_ context.Context, t tenant.ID, name string) (string, error) {
	f.reads++
	if f.fails[t] {
		return "", errDown
	}
	return f.said[t.String()+name], nil
}

func (f *fake) Report(_ context.Context, t tenant.ID, r watch.Report) error {
	if f.meanwhile != nil {
		f.meanwhile()
	}
	if f.said[t.String()+r.Name] != r.Before {
		return watch.ErrReported
	}
	if f.ending {
		return nil
	}
	f.said[t.String()+r.Name] = r.After
	if r.Signal.Type != "" {
		f.reports = append(f.reports, r)
	}
	return nil
}

func (f *fake) Credential(_ context.Context, _ tenant.ID, id string) (watch.Credential, bool, error) {
	return watch.Credential{Label: "label of " + id, Ended: noon}, id != "none", nil
}

func (f *fake) Deactivated(_ context.Context, _ tenant.ID, from, to time.Time) (watch.Deactivated, error) {
	f.looks++
	d := watch.Deactivated{Users: map[string]watch.Deactivation{}, Cut: f.cut}
	for _, e := range f.log {
		if !e.Time.Before(from) && !e.Time.After(to) && e.Departs() {
			d.Users[e.ResourceID] = watch.Deactivation{At: e.Time, TokenID: e.TokenID, IdP: string(e.IdP)}
		}
	}
	return d, nil
}

func (f *fake) types() (types []string) {
	for _, r := range f.reports {
		types = append(types, r.Signal.Type)
	}
	return types
}

func of(t *testing.T, name string) tenant.ID {
	t.Helper()
	id, err := tenant.ParseID(name)
	require.NoError(t, err)
	return id
}

func newFake(t *testing.T, seats, limit int64) *fake {
	t.Helper()
	return &fake{ledgers: map[tenant.ID]directory.Ledger{of(t, "acme"): {Seats: seats, SeatLimit: limit}}, said: map[string]string{}}
}

func TestWatch_ReportsFullSeats(t *testing.T) {
	acme := of(t, "acme")
	for name, tt := range map[string]struct {
		before string
		ledger directory.Ledger
		want   []string
	}{
		"free":                          {"", directory.Ledger{Seats: 1, SeatLimit: 2}, nil},
		"full":                          {"", directory.Ledger{Seats: 2, SeatLimit: 2}, []string{"seats.full"}},
		"above a lowered limit":         {"free", directory.Ledger{Seats: 3, SeatLimit: 2}, []string{"seats.full"}},
		"still full":                    {"full", directory.Ledger{Seats: 2, SeatLimit: 2}, nil},
		"free again":                    {"full", directory.Ledger{Seats: 1, SeatLimit: 2}, []string{"seats.available"}},
		"still above a lowered limit":   {"full", directory.Ledger{Seats: 3, SeatLimit: 2}, nil},
		"no limit":                      {"", directory.Ledger{Seats: 1 << 40, SeatLimit: tenant.Unlimited}, nil},
		"no limit any more":             {"full", directory.Ledger{Seats: 2, SeatLimit: tenant.Unlimited}, []string{"seats.available"}},
		"no seats at all":               {"", directory.Ledger{}, []string{"seats.full"}},
		"counts that are changing":      {"", directory.Ledger{Seats: 2, SeatLimit: 2, Approximate: true}, nil},
		"counts that may be free again": {"full", directory.Ledger{Seats: 1, SeatLimit: 2, Approximate: true}, nil},
	} {
		f := newFake(t, 0, 0)
		f.ledgers[acme] = tt.ledger
		if tt.before != "" {
			f.said["acmeSEATS"] = tt.before
		}
		for range 2 { // a batch may come again
			_, err := watch.New(f).Watch(t.Context(), []watch.Fact{{Tenant: acme, Counts: true}, {Record: 1, Tenant: acme, Counts: true}})
			require.NoError(t, err, name)
		}
		assert.Equal(t, tt.want, f.types(), name)
	}
}

// What concerns nobody costs nothing.
func TestWatch_ReadsNothingOfOtherFacts(t *testing.T) {
	f := newFake(t, 2, 2)
	_, err := watch.New(f).Watch(t.Context(), []watch.Fact{{Tenant: of(t, "acme"), Entry: &journal.Entry{Cause: cause.SeatLimit, TokenID: "k1"}}})
	require.NoError(t, err)
	assert.Zero(t, f.reads)
	_, err = watch.New(f).Watch(t.Context(), nil)
	require.NoError(t, err)
}

// The use of an ended credential is reported at most once an hour, by the times of the
// requests: a batch that comes again reports nothing, however late.
func TestWatch_ReportsEndedCredentialsOnceAnHour(t *testing.T) {
	f := newFake(t, 0, 2)
	w, acme := watch.New(f), of(t, "acme")
	fact := func(minutes int, id string, c cause.Cause) watch.Fact {
		at := noon.Add(time.Duration(minutes) * time.Minute)
		return watch.Fact{Tenant: acme, Entry: &journal.Entry{Time: at, TokenID: id, Cause: c, RequestID: fmt.Sprint(id, minutes)}}
	}
	facts := []watch.Fact{
		fact(0, "k1", cause.TokenRevoked), fact(1, "k1", cause.TokenRevoked), fact(2, "k2", cause.TokenExpired),
		fact(59, "k1", cause.TokenRevoked), fact(60, "k1", cause.TokenRevoked), fact(61, "none", cause.TokenRevoked),
		fact(62, "k3", cause.TokenUnknown), fact(63, "k4", cause.ClientRevoked), fact(64, "k5", cause.SecretExpired),
		fact(65, "k6", cause.SecretRevoked), fact(66, "k7", cause.AccessEnded), fact(67, "k8", cause.SCIMDisabled),
	}
	for range 3 {
		_, err := w.Watch(t.Context(), facts)
		require.NoError(t, err)
	}
	var requests []string
	for _, r := range f.reports {
		requests = append(requests, r.Signal.RequestID)
		assert.Equal(t, "token.refused", r.Signal.Type)
		assert.NotEmpty(t, r.Signal.Details["whatToDo"])
		assert.Equal(t, "2026-12-01T12:00:00Z", r.Signal.Details["endedAt"])
	}
	assert.Equal(t, []string{"k10", "k22", "k160", "k463", "k564", "k665", "k766"}, requests)
}

// A tenant that cannot be read keeps no other from being reported, and comes again with its
// first record.
func TestWatch_ReturnsTheFirstRecordThatHasToComeAgain(t *testing.T) {
	acme, down, later := of(t, "acme"), of(t, "down"), of(t, "later")
	f := newFake(t, 2, 2)
	f.ledgers[later] = directory.Ledger{Seats: 2, SeatLimit: 2}
	f.fails = map[tenant.ID]bool{down: true}
	facts := []watch.Fact{{Record: 1, Tenant: acme, Counts: true}, {Record: 3, Tenant: down, Counts: true}, {Record: 4, Tenant: later, Counts: true}, {Record: 5, Tenant: down, Counts: true}}
	failed, err := watch.New(f).Watch(t.Context(), facts)
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, 3, failed)
	assert.Equal(t, []string{"seats.full", "seats.full"}, f.types())
	f.fails = nil
	f.ledgers[down] = directory.Ledger{Seats: 1, SeatLimit: 2}
	_, err = watch.New(f).Watch(t.Context(), facts[1:])
	require.NoError(t, err)
	assert.Len(t, f.reports, 2)
}

// Of two looks at once the second finds what the first reported.
func TestWatch_LooksAgainAfterAnotherReport(t *testing.T) {
	acme := of(t, "acme")
	f := newFake(t, 2, 2)
	f.meanwhile = func() { f.said["acmeSEATS"], f.meanwhile = "full", nil }
	_, err := watch.New(f).Watch(t.Context(), []watch.Fact{{Tenant: acme, Counts: true}})
	require.NoError(t, err)
	assert.Empty(t, f.reports)

	f = newFake(t, 2, 2)
	f.meanwhile = func() { f.said["acmeSEATS"] += "x" }
	_, err = watch.New(f).Watch(t.Context(), []watch.Fact{{Tenant: acme, Counts: true}})
	require.ErrorIs(t, err, watch.ErrReported, "the batch comes again")
}

// A report of what is no longer true is corrected at once, although another look has already
// found nothing to correct.
func TestWatch_LooksAgainAfterItsOwnReport(t *testing.T) {
	acme := of(t, "acme")
	f := newFake(t, 2, 2)
	f.meanwhile = func() { f.ledgers[acme], f.meanwhile = directory.Ledger{Seats: 1, SeatLimit: 2}, nil }
	_, err := watch.New(f).Watch(t.Context(), []watch.Fact{{Tenant: acme, Counts: true}})
	require.NoError(t, err)
	assert.Equal(t, []string{"seats.full", "seats.available"}, f.types())
}

// A tenant that ends is told nothing, and costs a few looks.
func TestWatch_EndsForATenantThatEnds(t *testing.T) {
	f := newFake(t, 2, 2)
	f.ending = true
	_, err := watch.New(f).Watch(t.Context(), []watch.Fact{{Tenant: of(t, "acme"), Counts: true}})
	require.NoError(t, err)
	assert.LessOrEqual(t, f.reads, 8)
}
