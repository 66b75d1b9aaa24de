package replaytest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// waiting has the reports that the service does not satisfy yet, each with the
// work that it waits for. A listed report that is satisfied fails the test, so
// the list shrinks.
var waiting = map[string]string{}

// The requests of public reports are answered correctly, on both engines.
func TestService_AnswersFieldReports(t *testing.T) {
	reports, err := replay.Reports()
	require.NoError(t, err)
	var ready, early []replay.Case
	for _, r := range reports {
		c, err := r.Case()
		require.NoErrorf(t, err, "%s", r.ID)
		if waiting[r.ID] == "" {
			ready = append(ready, c)
		} else {
			early = append(early, c)
		}
	}
	assert.Lenf(t, early, len(waiting), "%d reports wait, and the list names %d", len(early), len(waiting))
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		s := newService(t, engine, tenant.DefaultSettings(), testRate)
		s.runAll(t, ready)
		for _, c := range early {
			target := s.target()
			target.Token = s.newTenant(t, 12)
			r := replay.Run(t.Context(), target, c)
			assert.Equalf(t, replay.Failed, r.Outcome, "%s waits for %s and ends with %s: take it off the list", c.ID, waiting[c.ID], r.Outcome)
		}
	})
}
