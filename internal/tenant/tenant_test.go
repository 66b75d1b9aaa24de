package tenant_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func TestParseID(t *testing.T) {
	for _, good := range []string{"a", "acme", "acme-2", "0", strings.Repeat("x", tenant.MaxIDSize)} {
		id, err := tenant.ParseID(good)
		assert.Truef(t, err == nil && id.String() == good && !id.IsZero(), "ParseID(%q) = %q, %v; want it accepted", good, id, err)
	}
	for _, bad := range []string{
		"", "-a", "a-", "Acme", "a_b", "a#b", "a.b", "a b", "é", "a\x00", strings.Repeat("x", tenant.MaxIDSize+1),
	} {
		id, err := tenant.ParseID(bad)
		assert.Truef(t, err != nil && id.IsZero(), "ParseID(%q) = %q, %v; want a refusal", bad, id, err)
	}
}

func TestDefaultSettings_AreAsDocumented(t *testing.T) {
	s := tenant.DefaultSettings()
	if s.DefaultAccountType != tenant.User || s.DeletedUsers != tenant.DeletedHidden || s.SCIMDisabled {
		t.Errorf("DefaultSettings() = %+v; want Users, hidden when deleted, SCIM on", s)
	}
	days := s.LogRetention().Hours() / 24
	assert.Truef(t, days == 90, "LogRetention() = %v days, want 90", days)
}
