package provlog

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// docs/reference/checks.md names every check, and its numbers are those of the code.
func TestChecks_AreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/checks.md")
	require.NoError(t, err)
	for _, c := range cause.Checks() {
		require.Contains(t, string(page), "| `"+string(c)+"` |")
	}
	row := func(kind string) string {
		var rows []string
		for line := range strings.Lines(string(page)) {
			if strings.HasPrefix(line, "| `"+kind+"` |") {
				rows = append(rows, line)
			}
		}
		return strings.Join(rows, "")
	}
	days := func(d int64) string { return amount.Count(d/int64(oneDay), "day") }
	for kind, says := range map[string][]string{
		"users_absent":         {"for " + days(int64(testedTime))},
		"groups_absent":        {"from " + days(int64(groupsFrom)) + " to " + days(int64(groupsUntil)), fmt.Sprintf("at least %d users", groupsUsers)},
		"only_creations":       {"for " + days(int64(joinTime)), fmt.Sprintf("at least %d of them on at least %d days", joiners, joinDays)},
		"updates_absent":       {fmt.Sprintf("for %d weeks", userWeeks), "for " + days(int64(joinTime)), "last " + days(int64(journal.DaysKept))},
		"deactivations_absent": {"the same"},
		"members_absent":       {fmt.Sprintf("at least %d requests", skippedRequests), "the last of them " + amount.Length(skippedTime)},
		"idp_silent": {
			fmt.Sprintf("at least %d days", silentDays), fmt.Sprintf("for %d times its longest pause", silentGaps), days(int64(silentPolling)) + " (Entra)",
			days(int64(silentEvents)) + " (Okta)", days(int64(silentOther)) + " (others)", "for Entra " + days(int64(silentRetrying)),
		},
		"imports_absent": {"own_user"},
		"sync_stops": {
			"at least " + amount.Number(entraLeast), fmt.Sprintf("more than %d%%", entraShare), "more than " + amount.Number(entraMost), "more than " + amount.Number(entraAll),
			"at least " + amount.Number(nearLeast), fmt.Sprintf("at least %d changes", allRefused), "which is " + amount.Length(allTime),
		},
		"retries_end": {"since " + days(int64(entraRetries-retriesEnd)), "for " + days(int64(entraRetries))},
	} {
		for _, text := range says {
			require.Contains(t, row(kind), text, kind)
		}
	}
	require.Contains(t, string(page), "kept for "+days(int64(journal.DaysKept)))
	require.Contains(t, string(page), "has sent nothing for "+days(int64(presentTime)))
	require.Contains(t, string(page), fmt.Sprintf("sent again %d, %d and %d hours", int(entraFirst[0].Hours()), int(entraFirst[1].Hours()), int(entraFirst[2].Hours())))
	require.Contains(t, string(page), "every "+amount.Length(oneDay)+", for "+days(int64(entraRetries)))
}
