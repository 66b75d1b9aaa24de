package httpapi

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// However many tenants, tokens and causes there are, an instance remembers a
// bounded number of them.
func TestActivity_IsBoundedInMemory(t *testing.T) {
	var a activity
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for i := range maxLimited + 1000 {
		id := tenantID(t, fmt.Sprintf("t%d", i))
		q := &request{id: "r", start: now, grant: access.Grant{Tenant: id, TokenID: "k"}, event: &event{Cause: cause.TokenRevoked, Outcome: journal.Failure}}
		a.of(q, &reply{refusal: &problem{cause: cause.TokenRevoked}})
		q.event.Cause, q.event.Outcome, q.event.Operation = "", journal.Success, journal.List
		a.of(q, &reply{})
	}
	if len(a.seen) > maxLimited || len(a.counts) > maxLimited || len(a.days)+len(a.kinds) > 2*maxLimited {
		t.Errorf("%d and %d are remembered, at most %d", len(a.seen), len(a.counts), maxLimited)
	}
}

// The last change of an identity provider is written at once, unless one was written in
// the minute before; an old one that was not written does not take the place of what
// another instance may have written.
func TestActivity_WritesTheLastChange(t *testing.T) {
	var a activity
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		at            time.Duration
		operation     journal.Operation
		writes        bool
		writesChanged time.Duration // -1 for none
	}{
		{0, "list", true, -1},
		{time.Second, "create", true, time.Second},
		{2 * time.Second, "modify", false, -1},
		{3 * time.Second, "list", false, -1},
		{61 * time.Second, "list", true, 2 * time.Second}, // it is not a minute old
		{62 * time.Second, "modify", true, 62 * time.Second},
		{63 * time.Second, "modify", false, -1},
		{time.Hour, "list", true, -1},
		{2 * time.Hour, "create", true, 2 * time.Hour},
		{2*time.Hour - time.Minute, "create", true, 2*time.Hour - time.Minute}, // the clock was set back
	} {
		q := &request{id: "r", start: now.Add(tt.at), grant: access.Grant{Tenant: tenantID(t, "acme"), TokenID: "k"}, event: &event{Operation: tt.operation, Outcome: journal.Success}}
		got := a.of(q, &reply{}).Seen
		if len(got) > 0 != tt.writes {
			t.Errorf("%s after %v: %+v, want it written: %t", tt.operation, tt.at, got, tt.writes)
			continue
		}
		if tt.writes && (got[0].Change.RequestID != "") != (tt.writesChanged >= 0) || tt.writesChanged >= 0 && !got[0].Change.Time.Equal(now.Add(tt.writesChanged)) {
			t.Errorf("%s after %v: the change %+v, want that of %v", tt.operation, tt.at, got[0].Change, tt.writesChanged)
		}
	}
}

// A count that may have been lost makes the next one a minimum, and is not
// counted twice.
func TestActivity_OfAWriteThatFailed(t *testing.T) {
	var a activity
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	q := &request{id: "r", start: now, grant: access.Grant{Tenant: tenantID(t, "acme"), TokenID: "k"}, event: &event{Cause: cause.TokenRevoked}}
	refused := &reply{refusal: &problem{cause: cause.TokenRevoked}}
	first := a.of(q, refused)
	a.lost(q, first)
	second := a.of(q, refused)
	if len(second.Tallies) != 1 || second.Tallies[0].Count != 1 || !second.Tallies[0].Least || first.Tallies[0].Least {
		t.Errorf("%+v, then %+v", first, second)
	}
	q.event = &event{Operation: "create", Outcome: journal.Success}
	seen := a.of(q, &reply{})
	again := a.of(q, &reply{})
	assert.Truef(t, len(seen.Seen) == 1 && again.Empty(), "%+v, then %+v", seen, again)
	a.lost(q, seen)
	q.event.Operation = journal.Read
	again = a.of(q, &reply{})
	assert.Truef(t, len(again.Seen) == 1 && again.Seen[0].Change.Operation == journal.Create, "after a loss: %+v", again)
}

func tenantID(t *testing.T, name string) tenant.ID {
	t.Helper()
	id, err := tenant.ParseID(name)
	require.NoError(t, err)
	return id
}
