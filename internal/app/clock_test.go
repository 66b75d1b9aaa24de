package app_test

import (
	"strings"
	"testing"

	"github.com/rollcall-scim/rollcall/internal/app"
)

// What is compared across invocations, the rate of a tenant and the samples of the log
// among it, is compared by the time of day: the clock of a deployment has no other.
func TestWallClock_HasNoReadingOfTheMachine(t *testing.T) {
	if now := app.WallClock(); strings.Contains(now.String(), "m=") {
		t.Errorf("the clock reads %s", now)
	}
}
