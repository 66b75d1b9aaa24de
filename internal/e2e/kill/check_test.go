package kill

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// An administrator reads what only the application may.
type administrator interface {
	// usage returns the counts of the tenant's ledger.
	usage(ctx context.Context, tenant string) (adminwire.Usage, error)
	// log returns the entries of changes since a time.
	log(ctx context.Context, tenant string, from time.Time) ([]adminwire.Entry, error)
}

// A tenancy is a tenant with its clients.
type tenancy struct {
	account
	clients []*client
	// since is the time of the last check: the log before it has been compared.
	since time.Time
	// earlier are the request ids that the last checks have found in the log. Work that is
	// finished later adds parts to an entry.
	earlier []map[string]bool
}

// keptChecks is how many checks are remembered: work is finished long before.
const keptChecks = 10

// counted reports whether a request was found by an earlier check.
func (t *tenancy) counted(request string) bool {
	return slices.ContainsFunc(t.earlier, func(check map[string]bool) bool { return check[request] })
}

// newTenancy returns a tenant with clients of different dialects. Its log is compared from a
// time before its shared group was created.
func newTenancy(a account, since time.Time, first, clients int, seed uint64, most int) *tenancy {
	t := &tenancy{account: a, since: since}
	for i := range clients {
		// The dialects of a tenant differ, and not all tenants have the same.
		t.clients = append(t.clients, newClient(a, fmt.Sprintf("c%d", first+i), first+i+first/len(dialects), seed, most))
	}
	t.clients[0].acknowledged[a.request] = acknowledgement{kind: "create shared group", entries: 1}
	return t
}

// prefixes are those of all clients, for a reader of the whole tenant: more than one, so
// that it does not read the part of one client.
func (t *tenancy) prefixes() []string {
	prefixes := []string{"\x00"}
	for _, c := range t.clients {
		prefixes = append(prefixes, c.prefix)
	}
	return prefixes
}

// check compares a tenant with what its clients know, and returns the faults. Each client
// is settled afterwards.
func (t *tenancy) check(ctx context.Context, to sender, admin administrator) (faults []string) {
	began := time.Now()
	states, active, err := reader{t.account, to}.read(ctx, t.prefixes()...)
	if err != nil {
		return []string{t.tenant + ": " + err.Error()}
	}
	for _, c := range t.clients {
		c.settle(states[c.prefix])
		faults, c.faults = append(faults, c.faults...), nil
	}
	usage, err := admin.usage(ctx, t.tenant)
	if err != nil {
		return append(faults, t.tenant+": "+err.Error())
	}
	if usage.Seats.Used != int64(active) {
		faults = append(faults, fmt.Sprintf("%s: %d seats in use, %d users are active", t.tenant, usage.Seats.Used, active))
	}
	entries, err := admin.log(ctx, t.tenant, t.since)
	if err != nil {
		return append(faults, t.tenant+": "+err.Error())
	}
	faults = append(faults, t.compareLog(entries)...)
	t.since = began
	return faults
}

// compareLog compares the log with the changes since the last check: one entry for each
// acknowledged change and for each other one that was found, and no more.
func (t *tenancy) compareLog(entries []adminwire.Entry) (faults []string) {
	changed, operations := map[string]bool{}, map[string]int{}
	known, others := map[string]bool{}, []string{}
	for _, c := range t.clients {
		for id := range c.acknowledged {
			known[id] = true
		}
	}
	for _, e := range entries {
		if e.Action == "" || changed[e.RequestID] || t.counted(e.RequestID) {
			continue // a failure, or a further part of one entry
		}
		changed[e.RequestID] = true
		if !known[e.RequestID] && !known[e.BulkRequestID] {
			others = append(others, fmt.Sprintf("%s %s %s %s", e.Time.Format(time.RFC3339Nano), e.Operation, e.Action, e.Subject))
		}
		if e.BulkRequestID != "" {
			operations[e.BulkRequestID]++
		}
	}
	want := 0
	for _, c := range t.clients {
		want += c.unacknowledged
		for id, a := range c.acknowledged {
			want += a.entries
			switch found := operations[id]; {
			case a.bulk && found != a.entries:
				faults = append(faults, fmt.Sprintf("%s: the log has %d of the %d operations of bulk request %s", t.tenant, found, a.entries, id))
			case !a.bulk && !changed[id]:
				faults = append(faults, fmt.Sprintf("%s: the log has no entry of request %s (%s), which was acknowledged", t.tenant, id, a.kind))
			}
		}
		clear(c.acknowledged)
		c.unacknowledged = 0
	}
	if len(changed) != want {
		faults = append(faults, fmt.Sprintf("%s: the log has %d changes since %s, there were %d; not acknowledged: %s",
			t.tenant, len(changed), t.since.UTC().Format(time.RFC3339Nano), want, strings.Join(others, ", ")))
	}
	t.earlier = append(t.earlier, changed)
	t.earlier = t.earlier[max(0, len(t.earlier)-keptChecks):]
	slices.Sort(faults)
	return faults
}

// acknowledgedChanges returns the number of acknowledged changes since the last check.
func (t *tenancy) acknowledgedChanges() (n int) {
	for _, c := range t.clients {
		n += len(c.acknowledged)
	}
	return n
}
