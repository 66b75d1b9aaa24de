package system

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/app"
)

// Times compared across invocations, for example for rate limits and samples of
// the log, come from the time of day: the clock of a deployment has no monotonic
// reading.
func TestWallClock_HasNoMonotonicReading(t *testing.T) {
	now := app.WallClock()
	assert.NotContainsf(t, now.String(), "m=", "the clock reads %s", now)
}
