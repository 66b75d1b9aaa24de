package kill

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	rounds = flag.Int("kill.rounds", 6, "how often rollcall local is killed (make killtest)")
	full   = flag.Bool("kill.full", false, "end all kinds of requests of the functions at each write, in each way")
	disk   = flag.Bool("kill.disk", false, "keep the data on the disk")
	seed   = flag.Uint64("kill.seed", 1, "the seed of the traffic and of the moments")
)

// Sizes of the traffic.
const (
	clients  = 2  // of each of four tenants
	mostUser = 44 // of a client: more than one transaction has room for
)

// TestLocal_LosesNothingWhenKilled kills the process of rollcall local again and again
// while clients change users and groups of several tenants, and starts it again on the same
// data. Each time every acknowledged change must be there, every other one whole or absent,
// the seats those of the active users, and the log complete; rollcall verify may find
// unfinished work, and nothing else. After every second kill it finishes that work, after
// the others the next requests do.
func TestLocal_LosesNothingWhenKilled(t *testing.T) {
	t.Parallel()
	data := filepath.Join(folder(t), "data")
	s := startLocal(t, data)
	var all []*tenancy
	for i, name := range []string{"acme", "globex", "initech", "umbrella"} {
		since := time.Now()
		all = append(all, newTenancy(s.newTenant(t, name), since, i*clients, clients, *seed, mostUser))
	}
	fill(t, s, all)
	random := rand.New(rand.NewPCG(*seed, 99))
	total, cut, unfinished := 0, 0, 0
	for round := range *rounds {
		// At least a client's create, at most about a second of traffic.
		after, jitter := 1+random.IntN(150), time.Duration(random.IntN(3000))*time.Microsecond
		run(t, s, all, after, jitter)
		for _, own := range all {
			total += own.acknowledgedChanges()
			for _, c := range own.clients {
				if c.pending != nil {
					cut++
				}
			}
			for _, f := range verify(t, data, own.tenant, false).Faults {
				unfinished++
				assert.True(t, f.Unfinished, "round %d: %s: %s: %s", round, own.tenant, f.Item, f.Problem)
			}
			if round%2 == 0 {
				assert.Empty(t, verify(t, data, own.tenant, true).Faults, "round %d: %s, repaired", round, own.tenant)
			}
		}
		s = startLocal(t, data)
		for _, own := range all {
			for _, fault := range own.check(t.Context(), s, adminOf{s.admin}) {
				t.Errorf("round %d: %s", round, fault)
			}
		}
		if t.Failed() {
			t.Fatalf("the data is kept no longer than the test; run again with -kill.seed=%d -kill.rounds=%d", *seed, round+1)
		}
	}
	s.kill(t)
	for _, own := range all {
		assert.Empty(t, verify(t, data, own.tenant, true).Faults, "%s, at the end", own.tenant)
	}
	t.Logf("%d kills: %d changes acknowledged, %d cut off, %d findings of unfinished work", *rounds, total, cut, unfinished)
	assert.Positive(t, cut, "no request was cut off: the kills prove nothing")
}

// folder returns a new folder for data: in memory if there is such a file system, since what
// a process has written outlives it there too, and with -kill.disk on the disk, where writes
// take longer and are cut off at other moments.
func folder(t testing.TB) string {
	t.Helper()
	const memory = "/dev/shm"
	if *disk {
		return t.TempDir()
	}
	made, err := os.MkdirTemp(memory, "rollcall-kill-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(made) })
	return made
}

// fill creates the first users of each client.
func fill(t testing.TB, to sender, all []*tenancy) {
	t.Helper()
	var group sync.WaitGroup
	for _, own := range all {
		for _, c := range own.clients {
			group.Go(func() {
				for range mostUser * 3 / 4 {
					next, _ := c.create(c.state)
					next.kind = "create"
					if !c.do(t.Context(), to, next) {
						return
					}
				}
			})
		}
	}
	group.Wait()
	for _, own := range all {
		for _, c := range own.clients {
			require.Len(t, c.state.users, mostUser*3/4, "%v", c.faults)
		}
	}
}

// run lets all clients send changes until the process is killed: after a number of
// acknowledged ones, and a little later.
func run(t testing.TB, s *server, all []*tenancy, after int, jitter time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var acknowledged atomic.Int64
	reached := make(chan struct{})
	var group sync.WaitGroup
	for _, own := range all {
		for _, c := range own.clients {
			group.Go(func() {
				for c.step(ctx, s) {
					if acknowledged.Add(1) == int64(after) {
						close(reached)
					}
				}
			})
		}
	}
	select {
	case <-reached:
	case <-ctx.Done():
	}
	time.Sleep(jitter) // the moment is random on purpose
	s.kill(t)
	group.Wait()
}
