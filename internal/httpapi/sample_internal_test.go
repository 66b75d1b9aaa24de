package httpapi

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// read returns the event of a usual successful read.
func read(id string) *event {
	return &event{Event: web.Event{RequestID: id, Status: 200, Duration: slowTime}, Outcome: journal.Success, Operation: journal.List}
}

// The sum of standsFor is the number of reads, whatever the number of instances.
func TestSample_StandsForTheReadsThatAreLeftOut(t *testing.T) {
	const n, reads = 10, 20_000
	sum := 0
	for range reads {
		s := &Service{Config: Config{SampleReads: n}} // an instance for each: none logs its first read more often
		if e := read(uuid.Must(uuid.NewV7()).String()); s.sample(e) {
			require.Equal(t, n, e.Sampled)
			sum += e.Sampled
		}
	}
	require.InDelta(t, reads, sum, reads/10) // six standard deviations
}

func TestSample_LogsEverythingUnusual(t *testing.T) {
	left := func() *event { return read("0192f0c1-2d3e-7abc-8def-000000000001") } // 1 in 10 is not this one
	s := &Service{Config: Config{SampleReads: 10}}
	require.False(t, s.sample(left()))
	for name, change := range map[string]func(e *event){
		"a change":          func(e *event) { e.Operation = journal.Modify },
		"a refusal":         func(e *event) { e.Outcome = journal.Failure },
		"a warning":         func(e *event) { e.Outcome = journal.Warning },
		"a tolerance":       func(e *event) { e.Notices = []string{"operation_case:op"} },
		"a retry":           func(e *event) { e.Retries = 1 },
		"a first request":   func(e *event) { e.ColdStart = true },
		"a slow read":       func(e *event) { e.Duration += time.Millisecond },
		"no operation":      func(e *event) { e.Operation = "" },
		"an id of no UUID":  func(e *event) { e.RequestID = "id" },
		"the one of the 10": func(e *event) { e.RequestID = "0192f0c1-2d3e-7abc-8def-00000000000a" },
	} {
		e := left()
		change(e)
		require.True(t, s.sample(e), name)
		require.Equal(t, name == "the one of the 10", e.Sampled == 10, name)
	}
	for _, all := range []int{0, 1} {
		s.SampleReads = all
		e := left()
		require.True(t, s.sample(e), fmt.Sprint(all))
		require.Zero(t, e.Sampled)
	}
}
