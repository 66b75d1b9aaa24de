package linear

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
)

var (
	histories = flag.Int("linear.histories", 0, "histories of each kind; 0 for the number of make check")
	firstSeed = flag.Uint64("linear.first", 1, "the first seed")
	oneSeed   = flag.Uint64("linear.seed", 0, "the only seed to run, 0 for all")
)

func (h *users) history() *recorder { return h.recorder }

var ofUsers = subject{
	name:  "users",
	seats: func(r *rand.Rand) int { return 1 + r.IntN(3) },
	open: func(w *world) program {
		return &users{recorder: &recorder{}, w: w, at: map[string]int64{}}
	},
	model:   func(_ program, seats int) porcupine.Model { return usersModel(seats) },
	clients: 4, requests: 7,
}

// seeds returns the seeds to run.
func seeds(count int) (first, after uint64) {
	switch {
	case *oneSeed != 0:
		return *oneSeed, *oneSeed + 1
	case *histories != 0:
		count = *histories
	case raceDetector:
		// Ten times as slow: make check runs all of them without it.
		count /= 20
	}
	return *firstSeed, *firstSeed + uint64(count)
}

// maxReported is how many failing histories of a test are reported in full.
const maxReported = 3

func TestUsers_Linearizable(t *testing.T) {
	first, after := seeds(600)
	turns, requests, failed := 0, 0, 0
	for seed := first; seed < after; seed++ {
		r := ofUsers.run(t, seed, options{tenant: "acme", mixes: mixes})
		turns, requests = turns+r.turns, requests+len(r.operations)
		if r.failed() {
			if failed++; failed <= maxReported {
				r.report(t)
			}
		}
	}
	t.Logf("%d histories, %d requests, %d calls to the table; %d failed", after-first, requests, turns, failed)
}
