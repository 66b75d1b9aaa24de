package provoke

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Every cause can be provoked, and is found through the admin API: in the entry
// of its request, among the failures, and with what to do.
func TestProvocations_AreFoundThroughTheAPI(t *testing.T) {
	causes := provlog.Causes()
	for c := range Provocations {
		if !slices.Contains(causes, c) {
			t.Errorf("%s is not a cause", c)
		}
	}
	for _, cause := range causes {
		t.Run(string(cause), func(t *testing.T) {
			s := New(t, enginetest.Memory(t), 5)
			m := cause.Meaning()
			wantMeaning(t, s, cause)
			provoke, ok := Provocations[cause]
			if !ok {
				if cause != provlog.BadEvent {
					t.Error("nothing provokes it")
				}
				return
			}
			a := provoke(s)
			if m.Status != 0 && a.Status != m.Status && a.Status >= 400 || a.RequestID == "" {
				t.Fatalf("%d %v, want %d", a.Status, a.Body, m.Status)
			}
			if strings.Contains(fmt.Sprint(a.Body), "arn:") {
				t.Errorf("the detail names an AWS identity: %v", a.Body)
			}
			x := s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "")
			if cause.Where() == provlog.InCloudWatch {
				if x.Status != 404 || !strings.Contains(x.Detail, "CloudWatch") {
					t.Errorf("its request: %d %v", x.Status, x.Body)
				}
				return
			}
			if x.Status != 200 {
				t.Fatalf("its request: %d %v", x.Status, x.Body)
			}
			i := slices.IndexFunc(x.Body["entries"].([]any), func(e any) bool { return e.(map[string]any)["cause"] == string(cause) })
			if i < 0 {
				t.Fatalf("its request: %v", x.Body)
			}
			entry := x.Body["entries"].([]any)[i].(map[string]any)
			if entry["outcome"] == "failure" && (entry["detail"] != a.Detail || entry["status"] != float64(m.Status)) {
				t.Errorf("the entry has %v, the answer %v", entry["detail"], a.Detail)
			}
			if says := fmt.Sprint(entry["detail"]); cause == provlog.IdentityChanged && !(strings.Contains(says, `"a"`) && strings.Contains(says, `"b"`)) ||
				cause == provlog.ExternalIDChanged && !strings.Contains(says, "groups") {
				t.Errorf("the warning says %q", says)
			}
			todo, _ := entry["whatToDo"].(string)
			if told := a.Detail != "" && !strings.Contains(a.Detail, " "+todo+" (request "); todo == "" || told || a.Detail == "" && !slices.Contains(cause.AllAdvice(), todo) {
				t.Errorf("what to do: %q", todo)
			}
			list := s.Ask("GET", "/tenants/acme/log?cause="+string(cause), "")
			if n := len(list.Body["entries"].([]any)); n == 0 {
				t.Errorf("the log by cause: %v", list.Body)
			}
			failing := s.Ask("GET", "/tenants/acme/failed-users?cause="+string(cause), "").Body["failedUsers"].([]any)
			if fails := x.Body["now"] == "failing"; cause != provlog.BulkPartial && fails != (len(failing) > 0) {
				t.Errorf("now %v, failing %v", x.Body["now"], failing)
			}
		})
	}
}

// wantMeaning finds the cause among all.
func wantMeaning(t *testing.T, s *Stage, cause provlog.Cause) {
	t.Helper()
	m := cause.Meaning()
	for _, c := range s.Ask("GET", "/causes", "").Body["causes"].([]any) {
		c := c.(map[string]any)
		if c["cause"] == string(cause) {
			advice, _ := c["advice"].(map[string]any)
			for _, p := range provlog.Advised {
				if advice[string(p)] != cause.Advice("", p) {
					t.Errorf("what to do in %s: %v", p.Name(), advice[string(p)])
				}
			}
			if c["whatToDo"] != m.Action || c["status"] != float64(m.Status) || !strings.HasSuffix(fmt.Sprint(c["documentation"]), "#"+string(cause)) {
				t.Errorf("its meaning: %v", c)
			}
			return
		}
	}
	t.Error("it is not among the causes")
}
