package dynamo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/journal"
)

// Readers of the log wait for as long as a call may take: a client that waited longer for an
// answer could get a success that they have missed.
func TestAttemptTimeout_IsShorterThanTheLongestCall(t *testing.T) {
	require.Less(t, attemptTimeout, journal.LongestCall)
}
