package provoke

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Each failure names its cause and the cure in the words of the sending
// identity provider: in the error, in its log line, and, if the provisioning
// log has it, in the entry and in the list of failed users.
func TestFailures_UseTheProvidersWords(t *testing.T) {
	for _, f := range slices.Concat(Failures, LifecycleFailures) {
		for p, says := range f.Says {
			t.Run(f.Name+"/"+string(p), func(t *testing.T) {
				s := New(t, enginetest.Memory(t), 5)
				a := f.By(s, p)
				require.Equalf(t, f.Cause.Meaning().Status, a.Status, "%d %v", a.Status, a.Body)
				line := s.Line(a.RequestID)
				assert.Truef(t, line["cause"] == string(f.Cause) && line["idp"] == string(p) && line["detail"] == a.Detail, "the line: %v", line)
				texts := map[string]string{"the error": a.Detail}
				if journal.RuleOf(f.Cause).Entries != journal.None {
					entry := s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "").Body["entries"].([]any)[0].(map[string]any)
					texts["the entry"], _ = entry["whatToDo"].(string)
					if entry["cause"] != string(f.Cause) || entry["detail"] != a.Detail || !strings.HasSuffix(a.Detail, texts["the entry"]+" (request "+a.RequestID+")") {
						t.Errorf("the entry: %v", entry)
					}
					for _, v := range s.Ask("GET", "/tenants/acme/failed-users?cause="+string(f.Cause), "").Body["failedUsers"].([]any) {
						texts["the failed users"], _ = v.(map[string]any)["whatToDo"].(string)
					}
				}
				for where, text := range texts {
					for _, word := range says {
						assert.Containsf(t, text, word, "%s does not say %q", where, word)
					}
				}
				assert.Truef(t, len(a.Detail) <= maxDetail, "the error has %d characters: %s", len(a.Detail), a.Detail)
			})
		}
	}
}

// A warning because of a setting of lifecycle, groups or seats has the advice in the words
// of the sending identity provider, in the log entry.
func TestLifecycleWarnings_UseTheProvidersWords(t *testing.T) {
	for _, f := range LifecycleWarnings {
		for p, says := range f.Says {
			t.Run(f.Name+"/"+string(p), func(t *testing.T) {
				s := New(t, enginetest.Memory(t), 5)
				a := s.must(f.By(s, p))
				entry := s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "").Body["entries"].([]any)[0].(map[string]any)
				assert.Truef(t, entry["cause"] == string(f.Cause) && entry["outcome"] == "warning" && entry["idp"] == string(p), "the entry: %v", entry)
				for _, word := range says {
					assert.Contains(t, entry["whatToDo"], word)
				}
			})
		}
	}
}

// The deletion of what is gone needs nothing done, and its entry says so.
func TestDeletions_OfWhatIsGone(t *testing.T) {
	for path, says := range map[string]map[idp.Provider]string{
		"/Users/":  {idp.Entra: "Nothing needs to be done", idp.OneLogin: "Nothing needs to be done"},
		"/Groups/": {idp.Okta: "Unlink pushed group", idp.Entra: "Nothing needs to be done"},
	} {
		for p, word := range says {
			s := New(t, enginetest.Memory(t), 5)
			a := s.SendAs(p, "DELETE", path+nobody, "")
			entry := s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "").Body["entries"].([]any)[0].(map[string]any)
			assert.Truef(t, a.Status == 404 && strings.Contains(a.Detail, word), "%s: %d %s", p.Name(), a.Status, a.Detail)
			assert.Contains(t, entry["whatToDo"], word)
		}
	}
}

// maxDetail is the longest detail that the log keeps; identity providers do not
// truncate a detail of this length either.
const maxDetail = 600

// A request that is refused because of a user of a group names the user.
func TestFailures_NameTheMember(t *testing.T) {
	for _, p := range []idp.Provider{idp.Okta, idp.Entra} {
		for _, f := range Failures {
			if f.Name != "protected member" && f.Name != "protected user" {
				continue
			}
			s := New(t, enginetest.Memory(t), 5)
			a := f.By(s, p)
			assert.Truef(t, strings.HasPrefix(a.Detail, "The user "+alice+" ("), "%s of %s: %s", f.Name, p.Name(), a.Detail)
		}
		s := New(t, enginetest.Memory(t), 5)
		group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
		bob := s.user(`"userName":"bob"`)
		s.must(s.SendAs(p, "DELETE", "/Users/"+bob, ""))
		a := s.pushMembers(p, group, true, bob)
		assert.Truef(t, strings.HasPrefix(a.Detail, "None of the members sent is a provisioned user: bob ("+bob+")."), "a deleted member: %s", a.Detail)
	}
}

// Skipped members are a warning with the advice to send them again: for Entra
// the request has succeeded, so its next cycle does not send them.
func TestFailures_SkippedMembers(t *testing.T) {
	for p, says := range both([]string{"under Assignments", "Push now"}, []string{"under Users and groups", "Restart provisioning"}) {
		s := New(t, enginetest.Memory(t), 5)
		group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
		a := s.must(s.pushMembers(p, group, false, s.user(`"userName":"bob"`), nobody))
		entry := s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "").Body["entries"].([]any)[0].(map[string]any)
		todo, _ := entry["whatToDo"].(string)
		for _, word := range says {
			assert.Truef(t, entry["outcome"] == "warning" && strings.Contains(todo, word), "%s: %v does not say %q", p.Name(), entry, word)
		}
	}
}

// A sender without a known user agent is recognized by its token's label; any
// other gets neutral advice.
func TestFailures_SenderWithoutAUserAgent(t *testing.T) {
	for label, want := range map[string]idp.Provider{"Entra production": idp.Entra, "Okta": idp.Okta, "HR": "", "": ""} {
		s := New(t, enginetest.Memory(t), 5)
		_, text := minted(s, fmt.Sprintf(`{"label":%q}`, label))
		s.user(`"userName":"a"`)
		for agent, idpNow := range map[string]idp.Provider{"": want, "python-requests/2": want, "curl/8.5.0": idp.Curl, userAgents[idp.Okta]: idp.Okta} {
			a := s.Send("POST", "/Users", stage.User(`"userName":"a"`), "User-Agent", agent, "Authorization", "Bearer "+text)
			if idpNow == "" && agent != "" {
				idpNow = idp.Other
			}
			line := s.Line(a.RequestID)
			named, _ := line["idp"].(string)
			if !strings.Contains(a.Detail, cause.Duplicate.Advice("", idpNow)) || named != string(idpNow) {
				t.Errorf("%q with the label %q is %q: %s", agent, label, named, a.Detail)
			}
		}
	}
}

// Entra's flag in the URL identifies the sender if nothing else does.
func TestFailures_SenderWithEntrasFlag(t *testing.T) {
	s := New(t, enginetest.Memory(t), 5)
	s.user(`"userName":"a"`)
	a := s.Send("POST", "/Users?aadOptscim062020", stage.User(`"userName":"a"`), "User-Agent", "")
	assert.Truef(t, s.Line(a.RequestID)["idp"] == string(idp.Entra) && strings.Contains(a.Detail, cause.Duplicate.Advice("", idp.Entra)), "%s", a.Detail)
}

// Following the advice about a deleted group creates a new one.
func TestFailures_DeletedGroupIsCreatedAgain(t *testing.T) {
	for _, p := range []idp.Provider{idp.Okta, idp.Entra} {
		s := New(t, enginetest.Memory(t), 5)
		id := s.DeletedGroup(p, "Design")
		if p == idp.Entra { // Restart provisioning: the id is read first
			a := s.SendAs(p, "GET", "/Groups/"+id+"?excludedAttributes=members", "")
			require.Equalf(t, 404, a.Status, "the id: %d %v", a.Status, a.Body)
		}
		found := s.must(s.SendAs(p, "GET", "/Groups?filter="+url.QueryEscape(`displayName eq "Design"`), ""))
		assert.Truef(t, found.Body["totalResults"] == 0.0, "the name: %v", found.Body)
		a := s.SendAs(p, "POST", "/Groups", stage.Group("Design"))
		assert.Truef(t, a.Status == 201 && a.ID() != id, "%s creates it again: %d %v", p.Name(), a.Status, a.Body)
	}
}

// Following the advice about a deleted user finds the same user again, or
// creates one.
func TestFailures_DeletedUserIsFoundAgain(t *testing.T) {
	for _, p := range []idp.Provider{idp.Okta, idp.Entra} {
		s := New(t, enginetest.Memory(t), 5)
		id := s.must(s.create(p, "")).ID()
		s.must(s.SendAs(p, "DELETE", "/Users/"+id, ""))
		a := s.deactivate(p, id, "False")
		require.Truef(t, a.Status == 404 && strings.Contains(a.Detail, cause.UserNotFound.Advice("", p)), "%d %s", a.Status, a.Detail)
		found := s.must(s.SendAs(p, "GET", "/Users?filter="+url.QueryEscape(`userName eq "`+alice+`"`), ""))
		assert.Truef(t, found.Body["totalResults"] == 0.0, "the name: %v", found.Body)
		a = s.create(p, "")
		assert.Truef(t, a.Status == 200 && a.ID() == id, "%s creates the user again: %d %v", p.Name(), a.Status, a.Body)
	}
}

// Team account set to true links a User of the application, and an update links
// any user.
func TestFailures_ApplicationsUserIsLinked(t *testing.T) {
	for _, p := range []idp.Provider{idp.Okta, idp.Entra} {
		own := `{"userName":"` + alice + `","email":"` + alice + `"}`
		s := New(t, enginetest.Memory(t), 5)
		s.must(s.Ask("POST", "/tenants/acme/users", own))
		a := s.create(p, `,"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{"isTeamAccount":"True"}`)
		assert.Equalf(t, 200, a.Status, "a POST with Team account: %d %s", a.Status, a.Detail)
		s = New(t, enginetest.Memory(t), 5)
		id := s.must(s.Ask("POST", "/tenants/acme/users", own)).ID()
		a = s.SendAs(p, "PATCH", "/Users/"+id, stage.Patch(`{"op":"replace","path":"externalId","value":"e-1"}`))
		assert.Equalf(t, 200, a.Status, "an update after a match: %d %s", a.Status, a.Detail)
	}
}
