package contention

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// host begins the URL of every request.
const host = "https://scim.test"

// An instance is one process of the service, with its own caches.
type instance struct {
	world   *world
	number  int
	app     *app.App
	handler http.Handler
	tokens  atomic.Int64

	mu     sync.Mutex
	random *rand.Rand
}

// start starts an instance.
func (w *world) start() *instance {
	w.started++
	in := &instance{world: w, number: w.started}
	in.connect(in)
	return in
}

// connect gives an instance its table.
func (in *instance) connect(t table.Table) {
	w := in.world
	in.random = w.stream(uint64(in.number)) //nolint:gosec // a small number
	a, err := app.NewWith(t, app.Config{BaseURL: host + "/scim/v2"}, slog.New(slog.DiscardHandler), app.Options{
		Random: &source{random: rand.NewChaCha8(key(w.seed, in.number))}, NewToken: in.token,
		Retry: []table.RetryOption{
			table.RetryClock(time.Now, func(ctx context.Context, d time.Duration) error { return w.clock.sleep(ctx, d) }),
			table.RetryJitter(in.jitter),
		},
	})
	if err != nil {
		panic(err) // the configuration above is wrong
	}
	in.app, in.handler = a, a.Handler()
}

// token returns the token of a transaction. Goroutines that run in parallel draw
// tokens in any order, so nothing depends on them.
func (in *instance) token() string { return fmt.Sprintf("%d-%d", in.number, in.tokens.Add(1)) }

// jitter draws the wait before a call is sent again.
func (in *instance) jitter(longest time.Duration) time.Duration {
	in.mu.Lock()
	defer in.mu.Unlock()
	return time.Duration(in.random.Int64N(int64(longest) + 1))
}

// latency returns the time that a call needs in each direction, by what is sent and
// when: goroutines that send in parallel do so in any order.
func (in *instance) latency(what ...string) (there, back time.Duration) {
	h := fnv.New64a()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], in.world.seed)
	binary.LittleEndian.PutUint64(b[8:], uint64(time.Now().UnixNano()))
	_, _ = h.Write(b[:])
	for _, s := range what {
		_, _ = io.WriteString(h, s)
	}
	random := rand.New(rand.NewPCG(h.Sum64(), uint64(in.number))) //nolint:gosec // repeatable on purpose
	draw := func() time.Duration { return shortest + time.Duration(random.Int64N(int64(longest-shortest))) }
	return draw(), draw()
}

// The time that a call needs in each direction.
const (
	shortest = 500 * time.Microsecond
	longest  = 1500 * time.Microsecond
)

// Get is table.Table.Get, over the network.
func (in *instance) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	there, back := in.latency(names(keys)...)
	if err := in.world.clock.sleep(ctx, there); err != nil {
		return nil, fmt.Errorf("%w: %w", table.ErrUnavailable, err)
	}
	items, err := in.world.engine.Get(ctx, keys...)
	if late := in.world.clock.sleep(ctx, back); late != nil {
		return nil, fmt.Errorf("%w: %w", table.ErrUnavailable, late)
	}
	return items, err
}

func names(keys []table.Key) []string {
	all := make([]string, 0, 2*len(keys))
	for _, k := range keys {
		all = append(all, k.Partition, k.Sort)
	}
	return all
}

// Query is table.Table.Query, over the network.
func (in *instance) Query(ctx context.Context, q table.Query) (table.Page, error) {
	there, back := in.latency(q.Partition, q.Prefix, q.From, q.After)
	if err := in.world.clock.sleep(ctx, there); err != nil {
		return table.Page{}, fmt.Errorf("%w: %w", table.ErrUnavailable, err)
	}
	page, err := in.world.engine.Query(ctx, q)
	if late := in.world.clock.sleep(ctx, back); late != nil {
		return table.Page{}, fmt.Errorf("%w: %w", table.ErrUnavailable, late)
	}
	return page, err
}

// Write is table.Table.Write, over the network. A transaction that does not conflict
// is in progress from its arrival until the hold is over.
func (in *instance) Write(ctx context.Context, tx table.Transaction) error {
	keys := make([]table.Key, len(tx.Ops))
	for i, op := range tx.Ops {
		keys[i] = op.Key
	}
	there, back := in.latency(names(keys)...)
	if err := in.world.clock.sleep(ctx, there, in.world.hold); err != nil {
		return fmt.Errorf("contention: not sent: %w", err)
	}
	if in.world.fixed && isGrowth(tx) {
		return &table.ConditionError{Failed: []table.FailedCondition{{Op: 0}}}
	}
	in.world.sent(tx)
	// What has arrived is worked on, whether the caller waits or not.
	err := in.world.conflict.Write(context.WithoutCancel(ctx), tx)
	if late := in.world.clock.sleep(ctx, back); late != nil {
		return fmt.Errorf("%w: %w", table.ErrUnknownOutcome, late)
	}
	return err
}

// key returns the seed of one instance's ids.
func key(seed uint64, number int) (k [32]byte) {
	binary.LittleEndian.PutUint64(k[:], seed)
	binary.LittleEndian.PutUint64(k[8:], uint64(number)) //nolint:gosec // a small number
	return k
}

// source is a repeatable source of ids and secrets. It is safe for concurrent use.
type source struct {
	mu     sync.Mutex
	random *rand.ChaCha8
}

// Read is io.Reader.Read.
func (s *source) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Read(b)
}
