package provoke

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Every cause can be provoked, and is found through the admin API: in the entry
// of its request, among the failures, and with what to do.
func TestProvocations_AreFoundThroughTheAPI(t *testing.T) {
	causes := cause.Causes()
	for c := range Provocations {
		assert.Truef(t, slices.Contains(causes, c), "%s is not a cause", c)
	}
	for _, of := range causes {
		t.Run(string(of), func(t *testing.T) {
			s := New(t, enginetest.Memory(t), 5)
			m := of.Meaning()
			wantMeaning(t, s, of)
			provoke, ok := Provocations[of]
			if !ok {
				assert.Truef(t, of == cause.BadEvent || of.OnlyOAuth(), "nothing provokes it")
				return
			}
			a := provoke(s)
			require.Truef(t, !(m.Status != 0 && a.Status != m.Status && a.Status >= 400) && a.RequestID != "", "%d %v, want %d", a.Status, a.Body, m.Status)
			assert.NotContainsf(t, fmt.Sprint(a.Body), "arn:", "the detail names an AWS identity: %v", a.Body)
			x := s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "")
			if journal.RuleOf(of).Entries == journal.None {
				assert.Truef(t, x.Status == 404 && strings.Contains(x.Detail, "CloudWatch"), "its request: %d %v", x.Status, x.Body)
				return
			}
			require.Equalf(t, 200, x.Status, "its request: %d %v", x.Status, x.Body)
			i := slices.IndexFunc(x.Body["entries"].([]any), func(e any) bool { return e.(map[string]any)["cause"] == string(of) })
			require.Truef(t, i >= 0, "its request: %v", x.Body)
			entry := x.Body["entries"].([]any)[i].(map[string]any)
			if entry["outcome"] == "failure" && (entry["detail"] != a.Detail || entry["status"] != float64(m.Status)) {
				t.Errorf("the entry has %v, the answer %v", entry["detail"], a.Detail)
			}
			if says := fmt.Sprint(entry["detail"]); of == cause.IdentityChanged && !(strings.Contains(says, `"a"`) && strings.Contains(says, `"b"`)) ||
				of == cause.ExternalIDChanged && !strings.Contains(says, "groups") {
				t.Errorf("the warning says %q", says)
			}
			todo, _ := entry["whatToDo"].(string)
			withoutAdvice := a.Detail != "" && !strings.Contains(a.Detail, " "+todo+" (request ")
			assert.Truef(t, todo != "" && !withoutAdvice && (a.Detail != "" || entry["cause"] == string(cause.Tolerated) || slices.Contains(of.AllAdvice(), todo)), "what to do: %q", todo)
			list := s.Ask("GET", "/tenants/acme/log?cause="+string(of), "")
			assert.NotEqualf(t, 0, len(list.Body["entries"].([]any)), "the log by cause: %v", list.Body)
			failing := s.Ask("GET", "/tenants/acme/failed-users?cause="+string(of), "").Body["failedUsers"].([]any)
			assert.Falsef(t, of != cause.BulkPartial && (x.Body["now"] == "failing") != (len(failing) > 0), "now %v, failing %v", x.Body["now"], failing)
		})
	}
}

// wantMeaning finds the cause among all.
func wantMeaning(t *testing.T, s *Stage, of cause.Cause) {
	t.Helper()
	m := of.Meaning()
	for _, c := range s.Ask("GET", "/causes", "").Body["causes"].([]any) {
		c := c.(map[string]any)
		if c["cause"] == string(of) {
			advice, _ := c["advice"].(map[string]any)
			for _, p := range cause.Advised {
				text, ok := advice[string(p)]
				if !ok {
					text = c["whatToDo"]
				}
				assert.Equalf(t, of.Advice("", p), text, "what to do in %s", p.Name())
			}
			if c["whatToDo"] != m.Action || c["status"] != float64(m.Status) || !strings.HasSuffix(fmt.Sprint(c["documentation"]), "#"+string(of)) {
				t.Errorf("its meaning: %v", c)
			}
			return
		}
	}
	t.Error("it is not among the causes")
}
