package linear

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var (
	histories = flag.Int("linear.histories", 0, "seeded histories of each kind, of users and of groups; 0 for those of make check")
	firstSeed = flag.Uint64("linear.first", 1, "the first seed")
	onDynamo  = flag.Int("linear.dynamodb", 8, "histories of each kind on DynamoDB Local")
	oneSeed   = flag.Uint64("linear.seed", 0, "the only seed to run, 0 for all")
)

func (h *users) history() *recorder { return h.recorder }

var ofUsers = subject{
	name:  "users",
	seats: func(r *rand.Rand) int { return 1 + r.IntN(3) },
	open: func(w *world) program {
		return &users{recorder: &recorder{w: w}, w: w, at: map[string]int64{}}
	},
	model:   func(_ program, seats int) porcupine.Model { return usersModel(seats) },
	clients: 4, requests: 7,
	least: counts{
		doPost: 800, doPut: 200, doPatch: 550, doDelete: 280, doGet: 800, doFind: 2800, doLimit: 250, doUsage: 800,
		doCreateApp: 230, doModifyApp: 150, doPurge: 200,
		"304": 100, "403": 100, "404": 1200, "409": 800, "412": 70, "unknown outcome": 100, "nothing was changed": 90,
	},
}

// ofShards are histories of users whose ledger has several shards, with limits of seats and
// licences that are about as high as what is used.
var ofShards = subject{
	name:  "users, in shards",
	seats: func(r *rand.Rand) int { return 3 + r.IntN(3) },
	open: func(w *world) program {
		return &users{recorder: &recorder{w: w}, w: w, sharded: true, at: map[string]int64{}}
	},
	model:   ofUsers.model,
	clients: 4, requests: 7,
	least: counts{
		doPost: 2000, doPut: 220, doPatch: 1100, doDelete: 400, doGet: 2000, doFind: 5000, doLimit: 1500, doUsage: 900,
		doCreateApp: 500, doModifyApp: 500, doPurge: 240,
		"304": 100, "403": 230, "404": 1400, "409": 1000, "412": 70, "unknown outcome": 120, "nothing was changed": 130,
		"none left of the seats": 80, "none left of the Reader licences": 200, "4 shards": 600, "16 shards": 300,
	},
}

var ofGroups = subject{
	name:  "groups",
	seats: func(*rand.Rand) int { return 0 },
	open: func(w *world) program {
		return &groups{recorder: &recorder{w: w}, w: w, at: map[string]int64{}}
	},
	model:   func(program, int) porcupine.Model { return groupsModel() },
	clients: 4, requests: 5,
	least: counts{
		doPost: 700, doPut: 400, doPatch: 800, doDelete: 130, doGet: 1000, doHead: 330, doClear: 150, doSpare: 170, doSwap: 40, doLeave: 370,
		sawGroup: 500, sawUser: 2200, sawMember: 600,
		"304": 100, "400": 130, "404": 500, "409": 200, "412": 130, "unknown outcome": 70, "nothing was changed": 90, "accepted": 1,
	},
}

// crowded creates a table in memory with a tenant and users, and returns the start
// of histories: a copy of it.
func crowded(t *testing.T) func(t testing.TB) start {
	t.Helper()
	engine, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = engine.Close() })
	first := populateInBubble(t, engine)
	return func(t testing.TB) start {
		s := first
		copied, err := engine.Copy()
		require.NoError(t, err)
		t.Cleanup(func() { _ = copied.Close() })
		s.engine = copied
		return s
	}
}

// populateInBubble is populate at the time at which histories begin.
func populateInBubble(t *testing.T, engine table.Table) (first start) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { first = populate(t, engine) })
	return first
}

// populate creates a tenant with users, without a gate.
func populate(t *testing.T, engine table.Table) start {
	t.Helper()
	w := newQuietWorld(t, ^uint64(0), engine) // the seed of no history: ids must differ
	w.begin(t.Context(), tenant.Unlimited)
	c := &client{w: w}
	out := start{engine: engine, token: w.token}
	for i := range crowd {
		var d struct{ ID string }
		a := c.send("POST", "/Users", stage.User(fmt.Sprintf(`"userName":"p%d"`, i)))
		require.Equal(t, 201, a.status)
		c.decode(a, &d)
		out.crowd = append(out.crowd, d.ID)
	}
	return out
}

// seeds returns the seeds to run.
func seeds(count int, o options) (first, after uint64) {
	switch {
	case *oneSeed != 0:
		return *oneSeed, *oneSeed + 1
	case o.slow:
	case *histories != 0:
		count = *histories
	case raceDetector:
		// Ten times as slow: make check runs all of them without it.
		count /= 20
	case testing.Short():
		count /= 10
	}
	return *firstSeed, *firstSeed + uint64(count)
}

// maxReported is how many failing histories of a test are reported in full.
const maxReported = 3

func TestUsers_Linearizable(t *testing.T) {
	t.Parallel()
	ofUsers.check(t, 450, options{tenant: "acme", mixes: mixes})
}

func TestUsers_LinearizableInShards(t *testing.T) {
	t.Parallel()
	ofShards.check(t, 200, options{tenant: "acme", mixes: mixes})
}

func TestGroups_Linearizable(t *testing.T) {
	t.Parallel()
	ofGroups.check(t, 400, options{tenant: "acme", mixes: mixes, start: crowded(t)})
}

// The same on DynamoDB Local, on which a history takes a second.
func TestUsers_LinearizableOnDynamoDB(t *testing.T) {
	t.Parallel()
	engine := newOutside(t, tabletest.Dynamo(t))
	ofUsers.check(t, *onDynamo, options{mixes: mixes, slow: true, start: func(testing.TB) start { return start{engine: engine} }})
}

func TestUsers_LinearizableInShardsOnDynamoDB(t *testing.T) {
	t.Parallel()
	engine := newOutside(t, tabletest.Dynamo(t))
	ofShards.check(t, (*onDynamo+1)/2, options{mixes: mixes, slow: true, start: func(testing.TB) start { return start{engine: engine} }})
}

func TestGroups_LinearizableOnDynamoDB(t *testing.T) {
	t.Parallel()
	engine := newOutside(t, tabletest.Dynamo(t))
	from := populateInBubble(t, engine)
	ofGroups.check(t, *onDynamo, options{tenant: "acme", mixes: mixes, slow: true, shared: true, start: func(testing.TB) start { return from }})
}

// leastCounted is how many histories must have answers of each kind: fewer leave too much
// to chance.
const leastCounted = 8

// check runs the histories of a test.
func (s subject) check(t *testing.T, count int, o options) {
	t.Helper()
	first, after := seeds(count, o)
	turns, requests, failed, undecided := 0, 0, 0, 0
	answers := counts{}
	for seed := first; seed < after; seed++ {
		r := s.run(t, seed, o)
		turns, requests = turns+r.turns, requests+len(r.operations)
		answers.add(r.recorder)
		if r.check == porcupine.Unknown {
			undecided++
		}
		if done := seed - first + 1; done%1000 == 0 {
			t.Logf("%d histories so far, %d failed", done, failed)
		}
		if r.failed() {
			if failed++; failed <= maxReported {
				r.report(t)
			}
		}
	}
	t.Logf("%d histories, %d requests, %d calls to the table; %d failed, %d of them undecided", after-first, requests, turns, failed, undecided)
	t.Log(answers)
	if *oneSeed == 0 && after-first >= leastCounted {
		answers.atLeast(t, s.least, int(after-first))
	}
}
