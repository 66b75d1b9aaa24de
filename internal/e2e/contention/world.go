package contention

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A world is one table, and the instances of the service on it.
type world struct {
	seed     uint64
	hold     time.Duration
	clock    *clock
	engine   *tabletest.Memory
	conflict *tabletest.Conflict
	// outside is an instance whose calls take no time and meet no conflict: it
	// prepares an experiment, and looks at the result.
	outside *instance
	store   *store.Store
	tenant  tenant.ID
	token   string

	// fixed refuses transactions that add shards to a ledger.
	fixed bool

	mu      sync.Mutex
	started int
	free    []*instance // the one that was used last is at the end
	// creates counts transactions that store a new user as they arrived, stored
	// those of them that were applied.
	creates, stored int
	// writes counts all transactions as they arrived.
	writes int
	// limits are the limits of seats so far, and excess counts users who were stored
	// although no limit that may have been in force had a seat for them.
	limits []limit
	excess int64
}

// newWorld returns a world with a tenant of this many seats.
func newWorld(ctx context.Context, seed uint64, hold time.Duration, seats int64) (*world, error) {
	w := &world{seed: seed, hold: hold, clock: newClock(), engine: tabletest.NewMemory()}
	w.conflict = tabletest.NewConflict(&applied{w.engine, w}, tabletest.ConflictOptions{Hold: hold, Kind: kind})
	w.setLimit(seats)
	w.outside = &instance{world: w}
	w.outside.connect(w.engine)
	w.store = w.outside.app.Store
	id, err := tenant.ParseID("acme")
	if err != nil {
		return nil, fmt.Errorf("contention: %w", err)
	}
	w.tenant = id
	if err := w.store.CreateTenant(ctx, id, tenant.DefaultSettings(), seats, tenant.Unlimited, time.Now()); err != nil {
		return nil, fmt.Errorf("contention: %w", err)
	}
	tokens := access.NewKeeper(w.store, time.Now).WithRandom(&source{random: rand.NewChaCha8(key(seed, 0))})
	if w.token, _, err = tokens.Mint(ctx, id, access.Wanted{}); err != nil {
		return nil, fmt.Errorf("contention: %w", err)
	}
	return w, nil
}

// stream returns a source of randomness of one purpose.
func (w *world) stream(purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(w.seed, purpose)) //nolint:gosec // repeatable on purpose
}

// kind returns the last part of a partition's name, without ids: the kind of an item.
func kind(k table.Key) string {
	parts := strings.SplitN(k.Partition, "#", 4)
	if len(parts) < 3 {
		return "TENANT"
	}
	return parts[2]
}

// applied counts the transactions that are applied.
type applied struct {
	table.Table
	world *world
}

// Write is table.Table.Write.
func (a *applied) Write(ctx context.Context, tx table.Transaction) error {
	err := a.Table.Write(ctx, tx)
	if err == nil && isCreate(tx) {
		a.world.mu.Lock()
		defer a.world.mu.Unlock()
		if int64(a.world.stored) >= a.world.highest() {
			a.world.excess++
		}
		a.world.stored++
	}
	return err
}

// sent counts a transaction that arrives.
func (w *world) sent(tx table.Transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	if isCreate(tx) {
		w.creates++
	}
}

// isGrowth reports whether a transaction adds shards to a ledger.
func isGrowth(tx table.Transaction) bool {
	return slices.ContainsFunc(tx.Ops, func(op table.Op) bool { return op.Kind == table.OpPut && kind(op.Key) == "LEDGER" })
}

// isCreate reports whether a transaction stores a new user.
func isCreate(tx table.Transaction) bool {
	return slices.ContainsFunc(tx.Ops, func(op table.Op) bool { return op.Kind == table.OpPut && kind(op.Key) == "USERS" })
}

// take returns a free instance, or a new one.
func (w *world) take() *instance {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.free); n > 0 {
		in := w.free[n-1]
		w.free = w.free[:n-1]
		return in
	}
	return w.start()
}

func (w *world) release(in *instance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = append(w.free, in)
}

// An answer is the answer to a request, with the time that it took.
type answer struct {
	status int
	took   time.Duration
	body   string
}

// send sends a request of an identity provider to an instance of its own.
func (w *world) send(ctx context.Context, method, path, body string) answer {
	in := w.take()
	defer w.release(in)
	return in.serve(ctx, method, path, body)
}

// serve answers a request.
func (in *instance) serve(ctx context.Context, method, path, body string) answer {
	begun := time.Now()
	r := httptest.NewRequestWithContext(ctx, method, host+"/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+in.world.token)
	r.Header.Set("Content-Type", "application/scim+json")
	recorded := httptest.NewRecorder()
	in.handler.ServeHTTP(recorded, r)
	return answer{status: recorded.Code, took: time.Since(begun), body: recorded.Body.String()}
}

// arrive calls do for each of n requests, at random times of a rate a second, and
// waits until all have ended.
func (w *world) arrive(n, perSecond int, do func(i int)) {
	random := w.stream(0)
	var all sync.WaitGroup
	for i := range n {
		if err := w.clock.sleep(context.Background(), time.Duration(random.ExpFloat64()/float64(perSecond)*float64(time.Second))); err != nil {
			panic(err)
		}
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// at returns the time below which a share of the times lies; times are in order.
func at(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[min(len(times)-1, int(share*float64(len(times))))]
}
