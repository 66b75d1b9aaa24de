package system

import (
	"strings"
	"testing"

	"github.com/rollcall-scim/rollcall/internal/app"
)

// Times compared across invocations, for example for rate limits and samples of
// the log, come from the time of day: the clock of a deployment has no monotonic
// reading.
func TestWallClock_HasNoMonotonicReading(t *testing.T) {
	if now := app.WallClock(); strings.Contains(now.String(), "m=") {
		t.Errorf("the clock reads %s", now)
	}
}
