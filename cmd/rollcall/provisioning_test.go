package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	inert "github.com/rollcall-scim/rollcall/internal/text"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// onStage serves a stage's admin API for commands, and returns the path of the
// info file, for --info.
func onStage(t *testing.T, s *provoke.Stage) (path string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer admin" {
			r.Header.Set(web.OperatorHeader, provoke.Operator)
		}
		s.Admin().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	path = filepath.Join(t.TempDir(), "info")
	written, err := json.Marshal(info{AdminURL: server.URL + adminapi.Prefix, AdminToken: "admin"})
	if err == nil {
		err = os.WriteFile(path, written, 0o600)
	}
	require.NoError(t, err)
	return path
}

// checkPrints runs a command, and fails the test unless it ends with status and
// prints all texts.
func checkPrints(t *testing.T, path string, status int, texts []string, args ...string) string {
	t.Helper()
	out, said := &output{}, &output{}
	got := run(t.Context(), append(args, "--info", path), strings.NewReader(""), out, said)
	assert.Equalf(t, status, got, "rollcall %s: status %d, want %d: %s", strings.Join(args, " "), got, status, said)
	printed := out.String() + said.String()
	for _, text := range texts {
		assert.Containsf(t, printed, text, "rollcall %s does not print %q", strings.Join(args, " "), text)
	}
	return printed
}

// For every failure, the command prints what happened and what to do: for the
// request if the log has it, and always for the cause.
func TestExplain_EveryCause(t *testing.T) {
	elsewhere := onStage(t, provoke.New(t, enginetest.Memory(t), 5)) // where nothing has failed
	for _, c := range cause.Causes() {
		t.Run(string(c), func(t *testing.T) {
			s := provoke.New(t, enginetest.Memory(t), 5)
			path := onStage(t, s)
			m := c.Meaning()
			checkPrints(t, path, 0, []string{m.Action, m.Summary, c.Documentation()}, "explain", string(c))
			do, ok := provoke.Provocations[c]
			if !ok {
				return
			}
			a := do(s)
			recognized(t, elsewhere, c, a.Detail)
			if journal.RuleOf(c).Entries == journal.None {
				checkPrints(t, path, exitNotFound, []string{"CloudWatch"}, "explain", "acme", a.RequestID)
				return
			}
			// The advice is that of the error, if there is one.
			todo := "what to do"
			for _, e := range s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "").Body["entries"].([]any) {
				if own, _ := e.(map[string]any)["whatToDo"].(string); own != "" && strings.Contains(a.Detail, own) {
					todo = own
				}
			}
			checkPrints(t, path, 0, []string{todo, m.Summary, string(c), a.RequestID}, "explain", "acme", a.RequestID)
			if a.Detail != "" {
				// What to do and the request have lines of their own.
				said := strings.TrimSuffix(a.Detail, " (request "+a.RequestID+")")
				said = strings.TrimSuffix(said, " "+todo)
				checkPrints(t, path, 0, []string{said}, "explain", "acme", "Error while provisioning: "+a.Detail)
			}
			checkPrints(t, path, 0, []string{string(c)}, "log", "acme", "--cause", string(c))
		})
	}
}

// sameWords are causes with the same words in their details as another cause,
// except for the advice.
var sameWords = map[cause.Cause]bool{cause.Validation: true}

// recognized fails the test unless the words of a detail alone lead to its
// cause, for a tenant without failures: the words of the whole detail, of the
// detail without the request id, and of the part that says what happened.
func recognized(t *testing.T, path string, c cause.Cause, detail string) {
	t.Helper()
	if detail == "" {
		return // a warning
	}
	whole, _, _ := strings.Cut(detail, " (request ")
	texts := []string{whole, detail}
	if what, _, ok := strings.Cut(whole, c.Meaning().Action); ok && !sameWords[c] {
		texts = append(texts, what)
	}
	for _, text := range texts {
		printed := checkPrints(t, path, 0, nil, "explain", "acme", text, "--json")
		var d struct {
			By     string
			Causes []struct{ Cause cause.Cause }
		}
		if err := json.Unmarshal([]byte(printed), &d); err != nil || d.By != "words" || len(d.Causes) == 0 || len(d.Causes) > 2 || !slices.ContainsFunc(d.Causes, func(found struct{ Cause cause.Cause }) bool { return found.Cause == c }) {
			t.Errorf("%q is recognized by %q as %v, want %s (the phrases of package provlog)", text, d.By, d.Causes, c)
		}
	}
}

func TestFailures_UntilTheyAreResolved(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 1)
	path := onStage(t, s)
	checkPrints(t, path, 0, []string{"Nothing received yet.", "info: No request has been received yet."}, "failures", "acme")
	holder := s.Send("POST", "/Users", stage.User(`"userName":"holder"`))
	body := stage.User(`"userName":"new@example.com","externalId":"00u1"`)
	refused := s.Send("POST", "/Users", body)
	checkPrints(t, path, 0, []string{"User new@example.com", "1 of 1 seats in use", cause.SeatLimit.Advice("", idp.Okta), refused.RequestID, "1 fails."}, "failures", "acme")
	checkPrints(t, path, 0, []string{"create of User new@example.com: failure", "Still failing: failed once"}, "explain", "acme", refused.RequestID)
	for _, by := range []string{"new@example.com", "00u1"} {
		checkPrints(t, path, 0, []string{"User new@example.com"}, "failures", "acme", "--subject", by)
		checkPrints(t, path, 0, []string{"failure", refused.RequestID}, "log", "acme", "--subject", by, "--since", "1h")
	}
	checkPrints(t, path, 0, []string{"No entries found.", "The log has entries, but none with a time to", "Try again without the other flags."}, "log", "acme", "--until", "1h")
	s.Send("PATCH", "/Users/"+holder.ID(), stage.Patch(`{"op":"replace","path":"active","value":false}`))
	made := s.Send("POST", "/Users", body)
	checkPrints(t, path, 0, []string{"No user or group fails now."}, "failures", "acme")
	checkPrints(t, path, 0, []string{"Resolved at", made.RequestID}, "explain", "acme", refused.RequestID)
	checkPrints(t, path, 0, []string{"success", "created", "There are older entries: add --until 20"}, "log", "acme", "--limit", "1")
	checkPrints(t, path, 0, []string{`"searchedTo":"20`}, "log", "acme", "--limit", "1", "--json")
	printed := checkPrints(t, path, 0, nil, "log", "acme", "--json")
	var document struct{ Entries []map[string]any }
	err := json.Unmarshal([]byte(printed), &document)
	assert.Truef(t, err == nil && len(document.Entries) == 4, "%v: %s", err, printed)
}

// A search that finds nothing says what was searched and why, and what to try next.
func TestSearch_ThatFindsNothing(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 5)
	path := onStage(t, s)
	checkPrints(t, path, 0, []string{"No entries found.", "The log has no entry:", "90 days", "log lines only"}, "log", "acme")
	s.Send("POST", "/Users", stage.User(`"userName":"anna o'neil@example.com"`))
	s.Send("POST", "/Users", stage.User(`"userName":"bert@example.com"`))
	server := " --info " + path + "\n"
	for _, tt := range []struct {
		args []string
		says []string
	}{
		{[]string{"log", "acme", "--subject", "bert"}, []string{"No user, group or log entry has the name or id \"bert\".", "whole userName", "Did you mean: rollcall log acme --subject bert@example.com" + server}},
		{[]string{"failures", "acme", "--subject", "Anna"}, []string{"No failures found.", `Did you mean: rollcall failures acme --subject 'anna o'\''neil@example.com'` + server}},
		{[]string{"log", "acme", "--subject", "BERT@example.com", "--outcome", "failure"}, []string{"has log entries, the newest of 20", "but none with the outcome failure.", "Try again without the other flags."}},
		{[]string{"log", "acme", "--until", "2020-01-01"}, []string{"The time searched ends at 2020-01-01 00:00:00 UTC", "keeps entries for 90 days"}},
		{[]string{"failures", "acme", "--subject", "bert@example.com"}, []string{"The provisioning of \"bert@example.com\" does not fail"}},
	} {
		printed := checkPrints(t, path, 0, nil, tt.args...)
		for _, says := range tt.says {
			assert.Containsf(t, printed, says, "%v does not print %q", tt.args, says)
		}
		var document struct {
			Nothing struct{ Reason, Detail string }
		}
		if inJSON := checkPrints(t, path, 0, nil, append(tt.args, "--json")...); json.Unmarshal([]byte(inJSON), &document) != nil || document.Nothing.Reason == "" || document.Nothing.Detail == "" {
			t.Errorf("%v --json: %s", tt.args, inJSON)
		}
	}
}

// The list of failures begins with a revoked token in use, although it makes no
// subject fail.
func TestFailures_BeginWithWhatNeedsAttention(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 1)
	path := onStage(t, s)
	provoke.Provocations[cause.TokenRevoked](s)
	wants := []string{"Requests are refused now.\n", "error: Provisioning has stopped: revoked token …", " was used 1 time", cause.TokenRevoked.Advice("", idp.Okta)}
	printed := checkPrints(t, path, 0, wants, "failures", "acme")
	assert.Truef(t, !strings.Contains(printed, "No failures") && !strings.Contains(printed, "No user or group"), "all is said to be well: %s", printed)
	checkPrints(t, path, 0, []string{`"state":"failing"`, `"kind":"token_refused"`}, "failures", "acme", "--json")
	checkPrints(t, path, 0, []string{"No failures found."}, "failures", "acme", "--cause", "duplicate")
}

// Subjects that fail for the same reason are listed under one advice, the
// latest first.
func TestFailures_AreTogetherByWhatToDo(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 1)
	path := onStage(t, s)
	for _, name := range []string{"holder", "first", "holder", "second", "first"} {
		s.Send("POST", "/Users", stage.User(fmt.Sprintf(`"userName":%q`, name)))
		s.Pass(time.Second)
	}
	printed := checkPrints(t, path, 0, nil, "failures", "acme")
	var order []string
	for _, want := range []string{"seat_limit, Okta: 2\n", "User first\n", "failed         2 times, from ", "User second\n", "failed         once, at ", "duplicate, Okta: 1\n", "User holder\n", "3 fail. 'rollcall explain acme REQUEST --info " + path + "' explains one request.\n"} {
		_, rest, ok := strings.Cut(printed, want)
		require.Truef(t, ok, "%q does not come after %q: %s", want, order, printed)
		printed, order = rest, append(order, want)
	}
	printed = checkPrints(t, path, 0, []string{"what happened  1 of 1 seats in use; nothing was changed.\n"}, "failures", "acme")
	n := strings.Count(printed, cause.SeatLimit.Advice("", idp.Okta))
	assert.Equalf(t, 1, n, "what to do is said %d times: %s", n, printed)
}

// tokenLike has the form of a token.
const tokenLike = "rct_acme_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst_0123abcd"

// An error is pasted as shown, with other ids before the request's own.
func TestExplain_ReadsTheErrorFromStandardInput(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 1)
	path := onStage(t, s)
	s.Send("POST", "/Users", stage.User(`"userName":"holder"`))
	refused := s.Send("POST", "/Users", stage.User(`"userName":"holder"`))
	pasted := "Automatic provisioning of user to app failed.\r\nErrors reported:\t" + refused.Detail + "\nRetry\n"
	out, said := &output{}, &output{}
	status := run(t.Context(), []string{"explain", "acme", "-", "--info", path}, strings.NewReader(pasted), out, said)
	if status != 0 || !strings.Contains(out.String(), refused.RequestID) || !strings.Contains(out.String(), "create of User holder: failure") {
		t.Errorf("status %d: %s%s", status, out, said)
	}
	for name, tt := range map[string]struct {
		text   string
		status int
		says   string
	}{
		"nothing":    {"", exitUsage, "the text is empty"},
		"no words":   {"it failed", exitNotFound, "no request id, no text of this service that is known, and no HTTP status"},
		"long":       {strings.Repeat("x", 200_000) + refused.Detail, 0, "create of User holder: failure"},
		"too long":   {strings.Repeat("x", maxPasted) + refused.Detail, exitNotFound, "no request id"},
		"no id":      {strings.Split(refused.Detail, " (request")[0], 0, "create of User holder: failure"},
		"an old id":  {cause.TokenRevoked.Meaning().Summary + " (request 019b8d62-7a80-7000-8000-0000000000f1)", 0, "token_revoked"},
		"a status":   {"Errors reported by remote server: 403 Forbidden", 0, "seat_limit"},
		"controls":   {"\x1b[2J\u202e \x00 403 Forbidden \xff", 0, "seat_limit"},
		"a token":    {"Bearer " + tokenLike + " " + cause.TokenRevoked.Meaning().Summary, 0, "Rotate the token"},
		"only an id": {"019b8d62-7a80-7000-8000-0000000000f1", exitNotFound, "not those that only read"},
	} {
		t.Run(name, func(t *testing.T) {
			out, said := &output{}, &output{}
			status := run(t.Context(), []string{"explain", "acme", "-", "--info", path}, strings.NewReader(tt.text), out, said)
			printed := out.String() + said.String()
			if status != tt.status || !strings.Contains(printed, tt.says) || (status != 0) != (out.String() == "") {
				t.Errorf("status %d, want %d, and %q: %s%s", status, tt.status, tt.says, out, said)
			}
			if strings.Contains(printed, tokenLike) || strings.ContainsFunc(printed, func(r rune) bool { return r != '\n' && inert.Hidden(r) }) {
				t.Errorf("the text is printed: %q", printed)
			}
			out, said = &output{}, &output{}
			if run(t.Context(), []string{"explain", "acme", "-", "--json", "--info", path}, strings.NewReader(tt.text), out, said); out.String() != "" && !json.Valid([]byte(out.String())) {
				t.Errorf("--json prints %s", out)
			}
		})
	}
}

func TestProvisioning_WrongUse(t *testing.T) {
	path := onStage(t, provoke.New(t, enginetest.Memory(t), 1))
	for want, args := range map[string][]string{
		"is not a time: give a time, for example 2026-01-31T12:00:00Z, or how long ago it was": {"log", "acme", "--since", "yesterday"},
		"from 1": {"log", "acme", "--limit", "0"},
		`unknown outcome "bad". Known: success, warning, failure, skipped`: {"log", "acme", "--outcome", "bad"},
		`unknown cause "seatlimit". Did you mean "seat_limit"?`:            {"failures", "acme", "--cause", "seatlimit"},
		`unknown cause "worse"`:          {"log", "acme", "--cause", "worse"},
		`unknown cause "worst"`:          {"explain", "worst"},
		"which tenant is the request of": {"explain", "Error: no (request 019b8d62-7a80-7000-8000-0000000000f1)"},
		"which tenant":                   {"explain", "-"},
		"rollcall explain seat_limit":    {"explain", "acme", "seat_limit"},
		"not those that only read":       {"explain", "acme", "019b8d62-7a80-7000-8000-0000000000f1"},
		"no request id":                  {"explain", "acme", "bad"},
		"or rollcall explain CAUSE":      {"explain"},
		"Tenant not found":               {"log", "nobody"},
		"Usage: rollcall log TENANT":     {"log"},
	} {
		t.Run(want, func(t *testing.T) {
			out, said := &output{}, &output{}
			status := run(t.Context(), append(args, "--info", path), strings.NewReader(""), out, said)
			if status == 0 || out.String() != "" || !strings.Contains(said.String(), want) || strings.Count(said.String(), "\n") != 1 {
				t.Errorf("status %d: %s%s", status, out, said)
			}
		})
	}
}

// Texts of an identity provider are escaped on a terminal, and fit it.
func TestProvisioning_HostileSubjects(t *testing.T) {
	for name, subject := range map[string]string{
		"escape":  "\x1b[2J\x1b]0;title\x07",
		"newline": "a\r\nSet-Cookie: b",
		"bidi":    "\u202egnp.exe\u2066",
		"markup":  "<script>alert(1)</script>",
		"long":    strings.Repeat("long", 256),
	} {
		t.Run(name, func(t *testing.T) {
			s := provoke.New(t, enginetest.Memory(t), 0)
			path := onStage(t, s)
			quoted, err := json.Marshal(subject)
			require.NoError(t, err)
			a := s.Send("POST", "/Users", stage.User(fmt.Sprintf(`"userName":%s,"externalId":%s`, quoted, quoted)))
			for _, args := range [][]string{{"log", "acme"}, {"failures", "acme"}, {"explain", "acme", a.RequestID}} {
				printed := checkPrints(t, path, 0, []string{a.RequestID}, args...)
				quiet := checkPrints(t, path, 0, []string{a.RequestID}, append(args, "--json")...)
				for _, r := range printed + quiet {
					if r != '\n' && inert.Hidden(r) {
						t.Errorf("rollcall %s prints %q", args[0], r)
						break
					}
				}
				if args[0] == "log" {
					for line := range strings.Lines(printed) {
						assert.Truef(t, len([]rune(line)) <= 300, "a line of %d characters", len(line))
					}
				}
			}
		})
	}
}

func TestParseMoment(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]string{
		"2h": "2026-01-31T10:00:00Z", "3d": "2026-01-28T12:00:00Z", "2026-01-30": "2026-01-30T00:00:00Z",
		"2026-01-30T01:02:03Z": "2026-01-30T01:02:03Z", "-2h": "", "x": "", "-1d": "",
	} {
		at, err := parseMoment(s, now)
		got := at.Format(time.RFC3339)
		assert.Truef(t, (want != "" || err != nil) && (want == "" || got == want), "%s is %s (%v), want %s", s, got, err, want)
	}
}

// The command has the advice for the identity provider that sent the request,
// for each of the failures that administrators meet.
func TestExplain_FailuresInTheWordsOfTheProvider(t *testing.T) {
	for _, f := range provoke.Failures {
		for p, says := range f.Says {
			t.Run(f.Name+"/"+string(p), func(t *testing.T) {
				s := provoke.New(t, enginetest.Memory(t), 5)
				path := onStage(t, s)
				in := f.Cause.Advice("", p)
				checkPrints(t, path, 0, []string{string(f.Cause), in}, "explain", string(f.Cause))
				if in != f.Cause.Advice("", "") {
					checkPrints(t, path, 0, []string{"in " + p.Name() + " "}, "explain", string(f.Cause))
				}
				a := f.By(s, p)
				if journal.RuleOf(f.Cause).Entries == journal.None {
					return // the pasted error itself has the advice, and no entry is kept
				}
				checkPrints(t, path, 0, append([]string{string(f.Cause)}, says...), "explain", "acme", a.RequestID)
				checkPrints(t, path, 0, append([]string{string(f.Cause)}, says...), "explain", "acme", "Error while provisioning: "+a.Detail)
				if s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "").Body["now"] == "failing" {
					checkPrints(t, path, 0, append([]string{string(f.Cause)}, says...), "failures", "acme")
				}
			})
		}
	}
}

// The command has the correction of each faulty setting, for its request, in the log as
// JSON, and among the failures.
func TestExplain_FaultySettings(t *testing.T) {
	for _, f := range provoke.FaultySettings {
		t.Run(string(f.By)+"/"+f.Name, func(t *testing.T) {
			s := provoke.New(t, enginetest.Memory(t), 5)
			path := onStage(t, s)
			a := f.Do(s, f.By)
			if s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "").Status == http.StatusNotFound {
				return // the error itself has the correction, and no entry is kept
			}
			checkPrints(t, path, 0, f.Says, "explain", "acme", a.RequestID)
			checkPrints(t, path, 0, []string{string(f.Fault)}, "log", "acme", "--json")
			if s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "").Body["now"] == "failing" {
				checkPrints(t, path, 0, f.Says, "failures", "acme")
			}
		})
	}
}

// Each notice has the command that lists its requests.
func TestFailures_NoticesNameTheirRequests(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 5)
	path := onStage(t, s)
	s.Send("POST", "/Groups", stage.Group("Sales", "019b8d62-7a80-7000-8000-00000000dead"))
	printed := checkPrints(t, path, 0, []string{"warning: Members that are not provisioned users were skipped"}, "failures", "acme")
	_, command, ok := strings.Cut(printed, "\n  requests    rollcall ")
	command, _, _ = strings.Cut(command, "\n")
	require.Truef(t, ok && strings.HasSuffix(command, " --info "+path), "no command in %s", printed)
	status, out, said := asks(t, strings.Fields(command)...)
	assert.Truef(t, status == 0 && strings.Contains(out, "Sales"), "rollcall %s: %d %s%s", command, status, out, said)
}
