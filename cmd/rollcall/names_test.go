package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// A user, a group and a token are found by what an operator knows of them; nothing is
// guessed.
func TestCommands_TakeNames(t *testing.T) {
	s := start(t)
	defer s.end()
	ids := map[string]string{}
	for _, name := range []string{"ann@example.com", "bob", "gone"} {
		ids[name] = s.object("users", "create", "acme", name)["id"].(string)
	}
	linked := func(name, emails string) string {
		status, u := s.send("POST", "/Users", fmt.Sprintf(
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q,"externalId":"00u-%[1]s","emails":[%s]}`, name, emails))
		require.Equalf(t, 201, status, "POST: %d %v", status, u)
		return u["id"].(string)
	}
	const shared = `{"value":"shared@example.com"}`
	ids["carl"] = linked("carl", `{"value":"carl@example.com","primary":true},`+shared)
	ids["dora"] = linked("dora", `{"value":"dora@example.com","primary":true},`+shared)
	// The id of one user is the userName of another.
	ids["namesake"] = s.object("users", "create", "acme", ids["bob"])["id"].(string)
	status, _ := s.send("DELETE", "/Users/"+linked("removed", `{"value":"removed@example.com"}`), "")
	require.Equal(t, 204, status, "DELETE")

	for name, id := range map[string]string{
		"ann@example.com": ids["ann@example.com"], "ANN@Example.COM": ids["ann@example.com"], ids["ann@example.com"]: ids["ann@example.com"],
		"00u-carl": ids["carl"], "carl@example.com": ids["carl"], "dora": ids["dora"], ids["bob"]: ids["bob"],
	} {
		got := s.object("users", "get", "acme", name)["id"]
		assert.Truef(t, got == id, "users get %s: %v, want %s", name, got, id)
	}
	for _, args := range [][]string{
		{"set", "displayName=Ann B"}, {"deactivate"}, {"reactivate"}, {"protect"}, {"unprotect"},
	} {
		line := append([]string{"users", args[0], "acme", "Ann@example.com"}, args[1:]...)
		u := s.object(line...)
		assert.Truef(t, u["id"] == ids["ann@example.com"] && u["displayName"] == "Ann B", "%v: %v", line, u)
	}
	s.says(`deleted +true\n`, "users", "get", "acme", "removed@example.com")
	for args, want := range map[string]string{
		"users deactivate acme nobody":                        `user not found: acme has none with the id, userName, externalId or email "nobody"`,
		"users deactivate acme an":                            `user not found`,
		"users protect acme removed":                          `the user "removed" of acme is deleted`,
		"users purge acme nobody --yes":                       "user not found",
		"users get globex ann@example.com":                    "Tenant not found",
		"groups delete acme nobody --yes":                     `group not found: acme has none with the id, displayName or externalId "nobody"`,
		"token revoke acme nobody --yes":                      `token not found: acme has none with the id, the label or the last four characters "nobody"`,
		"users get acme 00000000-0000-7000-8000-0":            "user not found",
		"users get acme 00000000-0000-7000-8000-000000000000": "user not found",
	} {
		s.refuses(exitNotFound, want, strings.Fields(args)...)
	}
	s.refuses(exitRefused, `"shared@example.com" is the name of several users of acme; give the id of one: `+ids["carl"]+" (carl), "+ids["dora"]+" (dora)",
		"users", "deactivate", "acme", "shared@example.com")
	s.refuses(exitUsage, "a token of this service", "users", "get", "acme", s.info.Token)

	s.refuses(exitUsage, "Confirmation required; pass --yes.", "users", "purge", "acme", "ann@example.com")
	s.says(`^User ann@example.com \(`+ids["ann@example.com"]+`\) is deleted for good.\n$`, "users", "purge", "acme", "Ann@example.com", "--yes")
	s.refuses(exitNotFound, "user not found", "users", "get", "acme", "ann@example.com")

	s.send("POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Staff","externalId":"00g1"}`)
	s.says(`displayName +Staff\n`, "groups", "get", "acme", "staff")
	s.says(`GROUP +ORIGIN +EXTERNAL ID +ID\nStaff +scim +00g1 `, "groups", "list", "acme", "--subject", "00g1")
	s.says(`^Group Staff \(\S+\) is deleted.\n$`, "groups", "delete", "acme", "STAFF", "--yes")

	s.says("id", "token", "create", "acme", "--label", "Okta production")
	s.says("id", "token", "create", "acme", "--label", "twice")
	s.says("id", "token", "create", "acme", "--label", "twice")
	s.refuses(exitRefused, `"twice" is the name of several tokens of acme`, "token", "revoke", "acme", "twice", "--yes")
	s.says("replaces|token ", "token", "rotate", "start", "acme", "Okta production", "--label", "Okta next")
	s.says("cancelled", "token", "rotate", "cancel", "acme", "Okta next")
	// A new token has the label of the token that it replaces. During the rotation
	// the label names both tokens, and afterwards only the valid one.
	const shown = "Okta shown"
	ids["shown"] = s.object("token", "create", "acme", "--label", shown)["id"].(string)
	for _, end := range []string{"cancel", "complete"} {
		next := s.object("token", "rotate", "start", "acme", shown)["id"].(string)
		s.refuses(exitRefused, `"Okta shown" is the name of several tokens of acme; give the id of one: `, "token", "revoke", "acme", shown, "--yes")
		s.says(ids["shown"], "token", "rotate", end, "acme", shown)
		if end == "complete" {
			s.says(`^Token `+next+` is revoked`, "token", "revoke", "acme", shown, "--yes")
		}
	}
	for _, line := range [][]string{
		{"token", "revoke", "acme", s.info.Token, "--yes"},
		{"token", "rotate", "start", "acme", s.info.Token},
		{"token", "rotate", "complete", "acme", s.info.Token},
		{"token", "rotate", "cancel", "acme", s.info.Token},
	} {
		_, said := s.command(exitUsage, line...)
		assert.Truef(t, strings.Contains(said, "The argument is the text of a token") && !strings.Contains(said, s.info.Token), "%v says %s", line[:3], said)
	}
	last := s.info.Token[len(s.info.Token)-4:]
	s.says("is revoked. It stops working within 10 seconds.", "token", "revoke", "acme", last, "--yes")
}

// A tenant is created once, by flags or settings, and the next step works as it is shown.
func TestTenantCreate(t *testing.T) {
	s := start(t)
	defer s.end()
	out, _ := s.command(0, "tenant", "create", "globex", "--seats", "7", "--display-name", "Globex Inc", "logDays=30")
	next := regexp.MustCompile(`(?m)^  (rollcall token create .*)$`).FindStringSubmatch(out)
	if !strings.Contains(out, "Tenant globex created.") || !regexp.MustCompile(`seat limit +7\n +reader limit +no limit\n`).MatchString(out) || next == nil {
		t.Fatalf("tenant create says %s", out)
	}
	assert.Truef(t, strings.HasSuffix(next[1], " --info "+s.path), "the next step asks another server: %s", next[1])
	printed := &output{}
	status := run(t.Context(), words(t, next[1])[1:], strings.NewReader(""), printed, printed)
	assert.Truef(t, status == 0 && strings.Contains(printed.String(), "rct_globex_"), "%s: %d %s", next[1], status, printed)
	made := s.object("tenant", "get", "globex")
	assert.Truef(t, made["maxSeats"] == 7.0 && made["displayName"] == "Globex Inc" && made["logDays"] == 30.0, "the tenant: %v", made)
	got := (&asking{info: "/tmp/my files/info"}).server()
	assert.Falsef(t, got != " --info '/tmp/my files/info'" && runtime.GOOS != "windows", "the next step has%s", got)
	s.refuses(exitRefused, "The tenant globex already exists; nothing was changed. 'rollcall tenant set' changes its settings.", "tenant", "create", "globex", "--seats", "8")
	s.refuses(exitUsage, "maxSeats is set twice", "tenant", "create", "other", "--seats", "8", "maxSeats=9")
	s.refuses(exitUsage, "maxReaders must be a number or null.", "tenant", "create", "other", "--readers", "few")
	s.refuses(exitUsage, "Usage: rollcall tenant create TENANT [SETTING ...]", "tenant", "create")
	made = s.object("tenant", "create", "other", "--seats", "null", "--account-type", "reader")
	assert.Truef(t, made["maxSeats"] == nil && made["defaultAccountType"] == "reader", "the tenant: %v", made)
	kept := s.object("tenant", "get", "globex")
	assert.Truef(t, kept["maxSeats"] == 7.0, "a second create changed the tenant: %v", kept)
}

// With --json an error is one JSON object on the standard error.
func TestErrors_AreJSON(t *testing.T) {
	s := start(t)
	defer s.end()
	for line, want := range map[string]struct {
		status, answered int
		code, message    string
	}{
		"tenant get nobody --json":             {exitNotFound, 404, "not-found", "Tenant not found"},
		"users get acme nobody --json":         {exitNotFound, 0, "not-found", "user not found"},
		"tenant get --json":                    {exitUsage, 0, "usage", "Usage: rollcall tenant get TENANT"},
		"tenant --json":                        {exitUsage, 0, "usage", "a command is missing: rollcall tenant COMMAND"},
		"tenant lsit --json":                   {exitUsage, 0, "usage", `unknown command "tenant lsit"`},
		"tenant list --json --nosuch":          {exitUsage, 0, "usage", "--nosuch"},
		"tenant delete acme --json=true":       {exitUsage, 0, "usage", "Confirmation required; pass --yes."},
		"tenant set acme dialect=x --json":     {exitRefused, 400, "invalid-value", "dialect is take or refuse"},
		"tenant create acme --json":            {exitRefused, 412, "version-mismatch", "already exists"},
		"verify --json":                        {exitUsage, 0, "usage", "--tenant ID is missing"},
		"verify --tenant acme --data . --json": {exitUnchecked, 0, "unchecked", "there is no data"},
	} {
		args := strings.Fields(line)
		if args[0] != "verify" {
			args = append(args, "--info", s.path)
		}
		out, said := &output{}, &output{}
		status := run(t.Context(), args, strings.NewReader(""), out, said)
		var d errorDocument
		err := json.Unmarshal([]byte(said.String()), &d)
		if err != nil || status != want.status || d.Error.ExitStatus != status || d.Error.Status != want.answered || d.Error.Code != want.code ||
			!strings.Contains(d.Error.Message, want.message) || (d.Error.RequestID != "") != (want.answered != 0) {
			t.Errorf("rollcall %s: status %d, %s (%v), want %v", line, status, said, err, want)
		}
		if d.Error.RequestID != "" && strings.Contains(d.Error.Message, d.Error.RequestID) {
			t.Errorf("the message has the id of the request once more: %s", said)
		}
		assert.Truef(t, out.String() == "" && strings.Count(said.String(), "\n") == 1, "rollcall %s prints %q and says %q", line, out, said)
	}
	for _, line := range []string{"tenant get --json=false", "users create acme -- --json"} {
		out, said := &output{}, &output{}
		run(t.Context(), append(strings.Fields(line), "--info", "/nosuch"), strings.NewReader(""), out, said)
		assert.Truef(t, strings.HasPrefix(said.String(), "rollcall: "), "rollcall %s says %q", line, said)
	}
	out, said := &output{}, &output{}
	status := run(t.Context(), []string{"tenant", "list", "--json", "--admin-url", "http://127.0.0.1:1/admin/v1"}, strings.NewReader(""), out, said)
	assert.Truef(t, status == exitUsage && strings.Contains(said.String(), `"code":"usage"`), "without a token: %d %s", status, said)
	t.Setenv("ROLLCALL_ADMIN_TOKEN", "x")
	said = &output{}
	status = run(t.Context(), []string{"token", "create", "acme", "--json", "--admin-url", "http://127.0.0.1:1/admin/v1"}, strings.NewReader(""), out, said)
	assert.Truef(t, status == exitUnavailable && strings.Contains(said.String(), `"code":"unreachable"`), "nobody answers: %d %s", status, said)
}

// A question is answered by the word that it names, and by Ctrl-C.
func TestAsk(t *testing.T) {
	for typed, ok := range map[string]bool{"acme\n": true, " acme \n": true, "acme": true, "Acme\n": false, "y\n": false, "\n": false, "": false} {
		out := &output{}
		err := ask(t.Context(), strings.NewReader(typed), out, "This deletes acme.", "acme")
		if (err == nil) != ok || out.String() != "This deletes acme.\nType acme to continue: " {
			t.Errorf("%q: %v, asked %q", typed, err, out)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	assert.Error(t, ask(ctx, silent, &output{}, "x", "y"), "a question that is interrupted is answered")
	for name, want := range map[string]string{"ann@example.com": "ann@example.com", "": "id1", "a\u200bb": "id1", " ann": "id1"} {
		assert.Equalf(t, want, typable(name, "id1"), "%q is confirmed by", name)
	}
}

func TestRevocation_NamesLabelAndLastUse(t *testing.T) {
	used := time.Date(2026, 11, 30, 10, 59, 22, 909_000_000, time.UTC)
	token := adminwire.Token{ID: "abc", Label: "Okta", LastFour: "e020", LastUsedAt: &used}
	got := revocation("acme", token)
	for _, want := range []string{`token "Okta" (abc, ends in e020) of acme`, "last used at 2026-11-30T10:59:22Z", "Provisioning with this token stops"} {
		assert.Contains(t, got, want)
	}
	if got := revocation("acme", adminwire.Token{ID: "abc", LastFour: "e020"}); !strings.Contains(got, "token abc, which ends in e020 of acme. It was never used.") {
		t.Errorf("without a label: %q", got)
	}
}

// The shell completes what the service has, what this version knows, and nothing when
// there is no answer.
func TestCompletion(t *testing.T) {
	s := start(t)
	defer s.end()
	s.object("tenant", "create", "globex", "--display-name", "Globex Inc")
	s.send("POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Staff"}`)
	complete := func(args ...string) string {
		t.Helper()
		out, said := &output{}, &output{}
		status := run(t.Context(), append([]string{"__complete"}, args...), strings.NewReader(""), out, said)
		assert.Equalf(t, 0, status, "%v: status %d: %s", args, status, said)
		return out.String()
	}
	t.Setenv("ROLLCALL_ADMIN_URL", s.info.AdminURL)
	t.Setenv("ROLLCALL_ADMIN_TOKEN", s.info.AdminToken)
	id := strings.Split(s.info.Token, "_")[2]
	for line, want := range map[string]string{
		"tenant get ":                          "acme\nglobex\tGlobex Inc\n:4\n",
		"tenant get gl":                        "globex\tGlobex Inc\n:4\n",
		"tenant get acme ":                     ":4\n",
		"log acm":                              "acme\n:4\n",
		"doctor --tenant a":                    "acme\n:4\n",
		"console --tenant g":                   "globex\tGlobex Inc\n:4\n",
		"token revoke acme ":                   id + "\trollcall local\n:4\n",
		"groups delete acme S":                 "Staff\n:4\n",
		"log acme --cause seat_":               "seat_limit\tAll seats of the tenant are in use.\n:4\n",
		"failures acme --cause token_re":       "token_repeated\t",
		"log acme --outcome s":                 "success\nskipped\n:4\n",
		"log acme --type G":                    "Group\n:4\n",
		"users create acme x --type r":         "reader\n:4\n",
		"users create acme x --origin ":        "manual\njit\n:4\n",
		"tenant set acme maxS":                 "maxSeats=\n:6\n",
		"tenant set acme maxSeats=1 scimEnabl": "scimEnabled=\nscimEnabled=true\nscimEnabled=false\n:6\n",
		"tenant create new dialect=":           "dialect=\ndialect=take\ndialect=refuse\n:6\n",
		"users set acme x accountType=r":       "accountType=reader\n:4\n",
		"explain seat":                         "seat_limit\t",
		"help tenant cre":                      "create\t",
		"ten":                                  "tenant\t",
	} {
		got := complete(strings.Split(line, " ")...)
		assert.Truef(t, strings.HasPrefix(got, want), "%q completes to %q, want %q", line, got, want)
	}
	for _, args := range [][]string{
		{"tenant", "get", "--info", "/nosuch", ""}, {"tenant", "get", "--info", s.path, "--stack", "x", ""}, {"token", "revoke", "--info", s.path, "nobody", ""},
	} {
		got := complete(args...)
		assert.Equalf(t, ":4\n", got, "%v completes to %q", args, got)
	}
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hangs.Close()
	t.Setenv("ROLLCALL_ADMIN_TOKEN", "x")
	got := complete("tenant", "get", "--admin-url", hangs.URL+"/admin/v1", "")
	assert.Equal(t, ":4\n", got, "a server that does not answer")
}

// A list without rows says so, in a table's place.
func TestLists_SayThatTheyAreEmpty(t *testing.T) {
	s := start(t)
	defer s.end()
	for line, want := range map[string]string{
		"users list acme --subject nobody": "No users found.\n", "groups list acme": "No groups found.\n",
		"groups deleted acme": "No deleted groups found.\n", "schema list acme": "No schemas found.\n",
	} {
		out, _ := s.command(0, strings.Fields(line)...)
		assert.Equalf(t, want, out, "rollcall %s", line)
	}
}

func TestParseExpiry(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for given, want := range map[string]string{
		"2h": "2026-01-31T14:00:00Z", "90d": "2026-05-01T12:00:00Z", "0d": "2026-01-31T12:00:00Z", "2027-01-31": "2027-01-31T00:00:00Z",
		"2027-01-31T00:00:00+02:00": "2027-01-30T22:00:00Z",
		"":                          "", "soon": "", "-1d": "", "-2h": "", "99999999d": "", "d": "", "90": "",
	} {
		at, err := parseExpiry(given, now)
		got := ""
		if err == nil {
			got = at.Format(time.RFC3339Nano)
		}
		assert.Truef(t, got == want && (err == nil) == (want != ""), "%q: %q, %v, want %q", given, got, err, want)
	}
}

// Hints call this program as it was called.
func TestHints_CallTheProgramAsItWasCalled(t *testing.T) {
	calledAs = "bin/rollcall"
	t.Cleanup(func() { calledAs = "rollcall" })
	ownState(t)
	_, _, said := asks(t, "failures", "acme")
	assert.Contains(t, said, "start 'bin/rollcall local'", "without a server")
	s := start(t)
	defer s.end()
	_, said = s.command(exitNotFound, "failures", "nobody")
	assert.Contains(t, said, "'bin/rollcall tenant list' lists the tenants", "of an unknown tenant")
}
