package guide

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// The causes of refused credentials are those of which the log has one entry a minute, except
// the rate limit: a request over it has a credential that works.
func TestCredentialCauses_AreThoseRefusedBeforeARequestIsHandled(t *testing.T) {
	var want []string
	for _, c := range cause.Causes() {
		if journal.RuleOf(c).Entries == journal.OneAMinute && c != cause.RateLimit {
			want = append(want, string(c))
		}
	}
	assert.ElementsMatch(t, want, credentialCauses)
}

// The checks read the names that the log writes.
func TestNames_AreThoseOfTheLog(t *testing.T) {
	assert.Equal(t, []string{string(journal.Created), string(journal.Linked), string(journal.Reactivated), string(journal.Restored), string(journal.Updated)}, arrivals)
	assert.Equal(t, []string{string(journal.Deactivated), string(journal.Deleted)}, departures)
	assert.Equal(t, []string{string(journal.Failure), journal.TypeUser, journal.TypeGroup}, []string{failure, user, group})
	for _, kinds := range absences {
		for _, kind := range kinds {
			assert.NotEmptyf(t, cause.Check(kind).Advice(""), "%s is no notice", kind)
		}
	}
}
