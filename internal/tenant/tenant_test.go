package tenant_test

import (
	"strings"
	"testing"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func TestParseID(t *testing.T) {
	for _, good := range []string{"a", "acme", "acme-2", "0", strings.Repeat("x", tenant.MaxIDSize)} {
		id, err := tenant.ParseID(good)
		if err != nil || id.String() != good || id.IsZero() {
			t.Errorf("ParseID(%q) = %q, %v; want it accepted", good, id, err)
		}
	}
	for _, bad := range []string{
		"", "-a", "a-", "Acme", "a_b", "a#b", "a.b", "a b", "é", "a\x00", strings.Repeat("x", tenant.MaxIDSize+1),
	} {
		id, err := tenant.ParseID(bad)
		if err == nil || !id.IsZero() {
			t.Errorf("ParseID(%q) = %q, %v; want a refusal", bad, id, err)
		}
	}
}

func TestDefaultSettings_AreAsDocumented(t *testing.T) {
	s := tenant.DefaultSettings()
	if s.DefaultAccountType != tenant.User || s.DeletedUsers != tenant.DeletedHidden || s.SCIMDisabled {
		t.Errorf("DefaultSettings() = %+v; want Users, hidden when deleted, SCIM on", s)
	}
	if days := s.LogRetention().Hours() / 24; days != 90 {
		t.Errorf("LogRetention() = %v days, want 90", days)
	}
}
