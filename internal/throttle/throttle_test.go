package throttle_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/throttle"
)

const perSecond = 200

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// buckets is a Buckets in memory that counts its calls.
type buckets struct {
	mu            sync.Mutex
	spent         map[tenant.ID]time.Time
	reads, writes int
	err           error
	first         func() // runs before a write, once
}

func newBuckets() *buckets { return &buckets{spent: map[tenant.ID]time.Time{}} }

func (b *buckets) Spent(_ context.Context, t tenant.ID) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	return b.spent[t], b.err
}

func (b *buckets) Spend(_ context.Context, t tenant.ID, from, to time.Time) (time.Time, bool, error) {
	if first := b.first; first != nil {
		first()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	if b.err != nil {
		return time.Time{}, false, b.err
	}
	if !b.spent[t].Equal(from) {
		return b.spent[t], false, nil
	}
	b.spent[t] = to
	return to, true, nil
}

func id(t *testing.T, name string) tenant.ID {
	t.Helper()
	parsed, err := tenant.ParseID(name)
	require.NoError(t, err)
	return parsed
}

// storm sends requests of a tenant to instances in turn, at a rate, for some seconds, and
// returns how many were accepted in each second.
func storm(t *testing.T, instances []*throttle.Limiter, of string, rate, seconds int) (accepted []int) {
	t.Helper()
	accepted = make([]int, seconds)
	for i := range rate * seconds {
		at := time.Duration(i) * time.Second / time.Duration(rate)
		wait, ok := instances[i%len(instances)].Take(t.Context(), id(t, of), noon.Add(at))
		if ok {
			accepted[int(at/time.Second)]++
		} else {
			require.Positive(t, wait)
			require.LessOrEqual(t, wait, 2*time.Second)
		}
	}
	return accepted
}

func fleet(n int, b throttle.Buckets) (instances []*throttle.Limiter) {
	for range n {
		instances = append(instances, throttle.New(perSecond, b))
	}
	return instances
}

// A tenant at ten times its rate is served its rate, by however many instances, and at
// most what the package promises.
func TestTake_HoldsTheRateOverInstances(t *testing.T) {
	for _, n := range []int{1, 4, 10, 40} {
		const seconds = 10
		b := newBuckets()
		total := 0
		for second, accepted := range storm(t, fleet(n, b), "acme", 10*perSecond, seconds) {
			assert.GreaterOrEqual(t, accepted, perSecond*95/100, "%d instances, second %d", n, second)
			total += accepted
		}
		bound := perSecond*(seconds+2) + n*(perSecond/40*seconds+perSecond/20)
		assert.LessOrEqual(t, total, bound, "%d instances", n)
		t.Logf("%2d instances: %d of %d accepted, at most %d; %.3f writes and %.3f reads a request accepted",
			n, total, 10*perSecond*seconds, bound, float64(b.writes)/float64(total), float64(b.reads)/float64(total))
	}
}

// A tenant that keeps its rate is never refused, and costs few writes.
func TestTake_AcceptsTheRate(t *testing.T) {
	for _, c := range []struct {
		rate, instances int
		writes          float64 // a request, at most
	}{
		{4, 1, 0}, {25, 5, 0}, {25, 1, 0.06}, {50, 5, 0.12}, {100, 4, 0.06}, {200, 4, 0.06}, {200, 10, 0.12},
	} {
		b := newBuckets()
		const seconds = 20
		total := 0
		for _, accepted := range storm(t, fleet(c.instances, b), "acme", c.rate, seconds) {
			total += accepted
		}
		assert.Equal(t, c.rate*seconds, total, "%d a second, %d instances", c.rate, c.instances)
		writes := float64(b.writes) / float64(total)
		assert.LessOrEqual(t, writes, c.writes, "%d a second, %d instances: writes a request", c.rate, c.instances)
		t.Logf("%3d a second, %2d instances: %.3f write units, %.3f read units a request", c.rate, c.instances, 2*writes, float64(b.reads)/float64(total))
	}
}

func TestTake_KeepsTenantsApart(t *testing.T) {
	b := newBuckets()
	instances := fleet(4, b)
	storm(t, instances, "acme", 10*perSecond, 2)
	accepted := 0
	for _, n := range storm(t, instances, "globex", perSecond/2, 2) {
		accepted += n
	}
	assert.Equal(t, perSecond, accepted)
}

// A lease that fails, or that others prevent, refuses no request of a tenant; the
// instance's own limit stays.
func TestTake_RefusesNothingWithoutTheTable(t *testing.T) {
	b := newBuckets()
	b.err = errors.New("throttled")
	accepted := storm(t, fleet(4, b), "acme", perSecond, 5)
	assert.Equal(t, []int{perSecond, perSecond, perSecond, perSecond, perSecond}, accepted)
	assert.LessOrEqual(t, b.reads, 4*5, "a table that fails is not asked at each request")

	alone := 0
	for _, n := range storm(t, fleet(1, b), "acme", 10*perSecond, 5) {
		alone += n
	}
	assert.LessOrEqual(t, alone, perSecond*7)

	b = newBuckets()
	b.first = func() { // another instance is first, each time
		b.mu.Lock()
		defer b.mu.Unlock()
		b.spent[id(t, "acme")] = b.spent[id(t, "acme")].Add(time.Microsecond)
	}
	assert.Equal(t, []int{perSecond}, storm(t, fleet(1, b), "acme", perSecond, 1))
}

// A request that comes while another one leases a portion does not wait for it, and its
// token is paid by that portion.
func TestTake_DoesNotWaitForAnothersLease(t *testing.T) {
	b := newBuckets()
	l := throttle.New(perSecond, b)
	for range perSecond / 20 {
		_, ok := l.Take(t.Context(), id(t, "acme"), noon)
		require.True(t, ok)
	}
	require.Zero(t, b.reads)
	b.first = func() {
		b.first = nil
		_, ok := l.Take(t.Context(), id(t, "acme"), noon)
		require.True(t, ok)
	}
	_, ok := l.Take(t.Context(), id(t, "acme"), noon)
	require.True(t, ok)
	require.Equal(t, []int{1, 1}, []int{b.reads, b.writes})
}

// Work that was done is paid by the requests that follow, in every instance.
func TestCharge_DelaysTheNextRequests(t *testing.T) {
	b := newBuckets()
	instances := fleet(2, b)
	_, ok := instances[0].Take(t.Context(), id(t, "acme"), noon)
	require.True(t, ok)
	instances[0].Charge(t.Context(), id(t, "acme"), noon, 5*perSecond)
	for _, l := range instances {
		refused := 0
		for range 100 {
			if _, ok := l.Take(t.Context(), id(t, "acme"), noon.Add(time.Second)); !ok {
				refused++
			}
		}
		assert.GreaterOrEqual(t, refused, 80)
	}
	for i, l := range instances {
		_, ok = l.Take(t.Context(), id(t, "acme"), noon.Add(5*time.Second))
		assert.True(t, ok, "instance %d: five seconds of the rate later", i)
	}
}

// Work that could not be charged, because the table did not answer, is not charged later: the
// tenant has kept its rate since.
func TestCharge_FailedLeaseLeavesNoDebt(t *testing.T) {
	b := newBuckets()
	l := throttle.New(perSecond, b)
	b.err = errors.New("throttled")
	for range 2 { // the second without another lease
		l.Charge(t.Context(), id(t, "acme"), noon, perSecond)
	}
	b.err = nil
	accepted := 0
	for range 2 * perSecond {
		if _, ok := l.Take(t.Context(), id(t, "acme"), noon.Add(time.Minute)); ok {
			accepted++
		}
	}
	assert.Equal(t, 2*perSecond, accepted)
}

// An instance whose clock is an hour fast blocks nobody for an hour.
func TestTake_SurvivesAWrongClock(t *testing.T) {
	b := newBuckets()
	b.spent[id(t, "acme")] = noon.Add(time.Hour)
	accepted := 0
	for _, n := range storm(t, fleet(2, b), "acme", perSecond/2, 4) {
		accepted += n
	}
	assert.GreaterOrEqual(t, accepted, perSecond/2*3)
}

func TestTake_WithoutARateAcceptsAll(t *testing.T) {
	l := throttle.New(0, newBuckets())
	for range 10_000 {
		_, ok := l.Take(t.Context(), id(t, "acme"), noon)
		require.True(t, ok)
	}
	l.Charge(t.Context(), id(t, "acme"), noon, 1000)
}

// A lease that panics is over: the tenant's next request leases again.
func TestTake_LeasesAgainAfterAPanic(t *testing.T) {
	b := newBuckets()
	l := throttle.New(perSecond, b)
	b.first = func() { panic("a fault of the table") }
	require.Panics(t, func() {
		for range 2 * perSecond {
			l.Take(t.Context(), id(t, "acme"), noon)
		}
	})
	b.first = nil
	require.Zero(t, b.writes)
	_, ok := l.Take(t.Context(), id(t, "acme"), noon)
	require.True(t, ok)
	require.Equal(t, 1, b.writes)
}
