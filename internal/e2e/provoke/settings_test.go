package provoke

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Each faulty setting ends in advice that names the screen and the correction: in the
// error, its log line, the entry and the failed users.
func TestFaultySettings_NameTheScreenAndTheCorrection(t *testing.T) {
	for _, m := range FaultySettings {
		t.Run(string(m.By)+"/"+m.Name, func(t *testing.T) {
			s := New(t, enginetest.Memory(t), 5)
			a := m.Do(s, m.By)
			texts := map[string]string{}
			if a.Status >= 400 {
				texts["the error"] = a.Detail
			}
			line := s.Line(a.RequestID)
			require.Equalf(t, string(m.By), line["idp"], "%v", line)
			x := s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "")
			if x.Status == 200 {
				entry := x.Body["entries"].([]any)[0].(map[string]any)
				texts["the entry"], _ = entry["whatToDo"].(string)
				assert.Truef(t, hasFault(entry["faults"], string(m.Fault)), "the entry has the faults %v, not %s: %v", entry["faults"], m.Fault, entry)
			}
			if x.Body["now"] == "failing" {
				for _, v := range s.Ask("GET", "/tenants/acme/failed-users", "").Body["failedUsers"].([]any) {
					texts["the failed users"], _ = v.(map[string]any)["whatToDo"].(string)
				}
			}
			assert.NotEmptyf(t, texts, "%d %v: nowhere", a.Status, a.Body)
			for where, text := range texts {
				for _, word := range m.Says {
					assert.Containsf(t, text, word, "%s", where)
				}
			}
			assert.LessOrEqualf(t, len(a.Detail), maxDetail, "%s", a.Detail)
		})
	}
}

func hasFault(faults any, fault string) bool {
	list, _ := faults.([]any)
	for _, name := range list {
		if text, _ := name.(string); text == fault || strings.HasPrefix(text, fault+":") {
			return true
		}
	}
	return false
}
