package webhook

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The guide has the numbers of the code.
func TestSchedule_IsAsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/webhooks.md")
	require.NoError(t, err)
	var waits []string
	for _, d := range retryAfter {
		waits = append(waits, strings.NewReplacer("h0m0s", " h", "m0s", " min", "s", " s").Replace(d.String()))
	}
	guide := string(page)
	require.Contains(t, guide, "after about "+strings.Join(waits, ", ")+".")
	require.Contains(t, guide, fmt.Sprintf("fails %d times", MaxAttempts))
	require.Contains(t, guide, fmt.Sprintf("| %d events of different", MaxStreak))
	require.Contains(t, guide, fmt.Sprintf("up to %d\n", parallelSends))
	require.Contains(t, guide, fmt.Sprintf("for %d days", int(FailingTime/(24*time.Hour))))
	require.Contains(t, guide, fmt.Sprintf("at most %d requests", MaxDeadAttempts))
	require.Contains(t, guide, fmt.Sprintf("within %d seconds", int(sendTime.Seconds())))
}

// MaxDeadAttempts assumes that no event and no endpoint is tried more often than maxTries
// before FailingTime is over, however chance shortens the waits.
func TestSchedule_TriesAreBounded(t *testing.T) {
	d := New(Config{Jitter: func(longest time.Duration) time.Duration { return longest }})
	tries, at := 1, time.Duration(0)
	for at < FailingTime {
		at += d.delay(tries)
		tries++
	}
	require.Equal(t, maxTries, tries)
}
