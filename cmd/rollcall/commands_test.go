package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// command runs one command against a server, and returns what it printed.
func (s *server) command(status int, args ...string) (stdout, stderr string) {
	s.t.Helper()
	out, said := &output{}, &output{}
	got := run(s.t.Context(), append(args, "--info", s.path), strings.NewReader(""), out, said)
	assert.Equalf(s.t, status, got, "rollcall %s: status %d, want %d: %s", strings.Join(args, " "), got, status, said)
	for _, secret := range []string{s.info.AdminToken, s.info.Token} {
		assert.NotContainsf(s.t, out.String()+said.String(), secret, "rollcall %s prints a token", strings.Join(args, " "))
	}
	return out.String(), said.String()
}

// object runs a command with --json.
func (s *server) object(args ...string) map[string]any {
	s.t.Helper()
	out, _ := s.command(0, append(args, "--json")...)
	var document map[string]any
	err := json.Unmarshal([]byte(out), &document)
	require.Truef(s.t, err == nil && strings.Count(out, "\n") == 1, "rollcall %s --json: %v: %s", strings.Join(args, " "), err, out)
	return document
}

func (s *server) says(text string, args ...string) {
	s.t.Helper()
	out, _ := s.command(0, args...)
	matched, err := regexp.MatchString("(?s)"+text, out)
	assert.Truef(s.t, err == nil && matched, "rollcall %s says %q, want %q (%v)", strings.Join(args, " "), out, text, err)
}

func (s *server) refuses(status int, text string, args ...string) {
	s.t.Helper()
	out, said := s.command(status, args...)
	if out != "" || !strings.Contains(said, text) || strings.Count(said, "\n") != 1 {
		s.t.Errorf("rollcall %s says %q, want one line with %q; printed %q", strings.Join(args, " "), said, text, out)
	}
}

func TestCommands_Tenants(t *testing.T) {
	s := start(t)
	defer s.end()
	s.says(`maxSeats +7\n.*scimEnabled +true`, "tenant", "put", "globex", "displayName=Globex 1", "maxSeats=7")
	s.says(`displayName +Globex 1\n.*maxReaders +3\n.*maxSeats +no limit\n`, "tenant", "set", "globex", "maxSeats=null", "maxReaders=3")
	s.says(`TENANT +NAME +SEAT LIMIT +READER LIMIT +SCIM\nacme +- +50 +no limit +on\nglobex +Globex 1 +no limit +3 +on\n$`, "tenant", "list")
	s.says(`seats +0 +no limit\nreaders +0 +3\n0 users, 0 groups\n$`, "tenant", "usage", "globex")
	s.says(`seats +0 +9\n`, "seats", "set", "globex", "9")
	s.says(`seats +0 +9\n`, "seats", "show", "globex")
	list := s.object("tenant", "list")["tenants"].([]any)
	assert.Lenf(t, list, 2, "the list: %v", list)
	s.refuses(exitNotFound, `Tenant not found: "nobody"; 'rollcall tenant list' lists the tenants`, "tenant", "get", "nobody")
	s.refuses(exitNotFound, `Tenant not found: "globx". Did you mean "globex"?`, "failures", "globx")
	s.refuses(exitUsage, `unknown setting "maxSeat". Did you mean "maxSeats"?`, "tenant", "set", "globex", "maxSeat=1")
	s.refuses(exitRefused, "dialect is take or refuse", "tenant", "set", "globex", "dialect=strict")
	s.refuses(exitUsage, "not NAME=VALUE", "tenant", "set", "globex", "maxSeats")
	s.refuses(exitUsage, "set twice", "tenant", "set", "globex", "maxSeats=1", "maxSeats=2")
	s.refuses(exitUsage, "Usage: rollcall tenant get TENANT", "tenant", "get")
	s.refuses(exitUsage, "Confirmation required; pass --yes.", "tenant", "delete", "globex")
	s.says("globex is being deleted", "tenant", "delete", "globex", "--yes")
	s.refuses(exitRefused, "is being deleted", "tenant", "set", "globex", "maxSeats=1")
}

func TestCommands_TokensAreShownOnce(t *testing.T) {
	s := start(t)
	defer s.end()
	out, _ := s.command(0, "token", "create", "acme", "--label", "Okta", "--quiet")
	ok, _ := regexp.MatchString(`^rct_acme_[a-z2-7]+_[a-z2-7]+_[0-9a-f]{32}\n$`, out)
	assert.Truef(t, ok, "--quiet: %q", out)
	token := strings.TrimSpace(out)
	works := func(token string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.info.BaseURL+"/Users", http.NoBody)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = response.Body.Close()
		return response.StatusCode
	}
	assert.Equal(t, 200, works(token), "the token")
	list, _ := s.command(0, "token", "list", "acme")
	if strings.Contains(list, strings.Split(token, "_")[3]) || !strings.Contains(list, "Okta") || !strings.Contains(list, token[len(token)-4:]) {
		t.Errorf("the list: %s", list)
	}
	id := strings.Split(token, "_")[2]
	next := s.object("token", "rotate", "start", "acme", id, "--label", "next")
	assert.Truef(t, next["replaces"] == id && works(next["token"].(string)) == 200, "rotated: %v", next)
	s.refuses(exitRefused, "state does not allow", "token", "rotate", "start", "acme", id)
	s.says("only the new token works now", "token", "rotate", "complete", "acme", id)
	again := s.object("token", "rotate", "start", "acme", next["id"].(string))
	s.says("still works", "token", "rotate", "cancel", "acme", next["id"].(string))
	states := s.object("token", "list", "acme")["tokens"].([]any)
	assert.Lenf(t, states, 4, "tokens: %v", states)
	s.says("within 10 seconds", "token", "revoke", "acme", next["id"].(string), "--yes")
	s.refuses(exitNotFound, "token not found", "token", "revoke", "acme", "nosuch", "--yes")
	s.refuses(exitRefused, "must be in the future", "token", "create", "acme", "--expires", "2001-01-01T00:00:00Z")
	assert.True(t, again["token"] != next["token"], "two tokens are one")
}

func TestCommands_UsersAndGroups(t *testing.T) {
	s := start(t, "--seats", "2")
	defer s.end()
	id := s.object("users", "create", "acme", "ann@example.com", "--email", "ann@example.com", "--name", "Ann", "--origin", "jit")["id"].(string)
	s.says(`USER +STATE +TYPE +HOLDS +SCIM +PROTECTED +ORIGIN +ID\nann@example.com +active +user +seat +no +no +jit +`+id+`\n$`, "users", "list", "acme")
	s.says(`active +false\n.*deactivatedBy +app\n`, "users", "deactivate", "acme", id)
	s.says(`active +true\n`, "users", "reactivate", "acme", id)
	s.says(`protected +true\n`, "users", "protect", "acme", id)
	status, refused := s.send("DELETE", "/Users/"+id, "")
	assert.Truef(t, status == 403 && strings.Contains(refused["detail"].(string), "protected"), "a protected user: %d %v", status, refused)
	s.says(`protected +false\n`, "users", "unprotect", "acme", id)
	s.says(`accountType +reader\n.*displayName +Ann B\n`, "users", "set", "acme", id, "accountType=reader", "displayName=Ann B")
	s.says(`seats +0 +2\nreaders +1 +no limit\n`, "seats", "show", "acme")
	s.refuses(exitRefused, "accountType is user or reader", "users", "set", "acme", id, "accountType=x")
	s.refuses(exitUsage, "active must be true or false.", "users", "set", "acme", id, "active=yes")
	s.refuses(exitRefused, "another user", "users", "create", "acme", "ANN@example.com")
	s.refuses(exitNotFound, "user not found", "users", "get", "acme", "nobody")
	for _, name := range []string{"b", "c"} {
		s.object("users", "create", "acme", name)
	}
	s.refuses(exitRefused, "2 of 2 seats in use", "users", "create", "acme", "d")
	s.refuses(exitUsage, "Confirmation required; pass --yes.", "users", "purge", "acme", id)
	s.says("deleted for good", "users", "purge", "acme", id, "--yes")
	s.refuses(exitNotFound, "user not found", "users", "get", "acme", id)

	_, group := s.send("POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Crew\u200b\u00adx"}`)
	groupID, _ := group["id"].(string)
	s.says(`Crew\\u200b\\u00adx`, "groups", "list", "acme")
	s.says("is deleted", "groups", "delete", "acme", groupID, "--yes")
	s.says(`user/local +`+groupID+`\n$`, "groups", "deleted", "acme")
	s.refuses(exitNotFound, "deleted on", "groups", "delete", "acme", groupID, "--yes")
}

func TestCommands_Schemas(t *testing.T) {
	s := start(t)
	defer s.end()
	file := filepath.Join("..", "..", "docs", "examples", "hr-person.json")
	out, _ := s.command(0, "schema", "put", "acme", file)
	urn, _, _ := strings.Cut(out, " ")
	require.Truef(t, strings.HasPrefix(urn, "urn:"), "registered: %s", out)
	s.says(regexp.QuoteMeta(urn)+` +User +false`, "schema", "list", "acme")
	got := s.object("schema", "get", "acme", urn)
	assert.Truef(t, got["resourceType"] == "User", "the schema: %v", got)
	s.refuses(exitUsage, "Confirmation required; pass --yes.", "schema", "delete", "acme", urn)
	s.says("is deleted", "schema", "delete", "acme", urn, "--yes")
	s.refuses(exitNotFound, "Schema not found", "schema", "get", "acme", urn)
	s.refuses(exitFailure, "cannot be read", "schema", "put", "acme", filepath.Join(t.TempDir(), "nosuch"))
}

func TestInit_PrintsWhatIsPasted(t *testing.T) {
	s := start(t)
	defer s.end()
	out, _ := s.command(0, "init", "--tenant", "globex", "--seats", "5")
	for _, want := range []string{
		"globex has 5 seats", s.info.BaseURL, "rct_globex_", "aadOptscim062020", "userName", "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User",
		"Okta: Provisioning > Integration > Edit\n", "Authorization  ", "Microsoft Entra ID: Provisioning > New configuration\n", "Secret Token  ",
	} {
		assert.Containsf(t, out, want, "init says %q, want %q in it", out, want)
	}
	again := s.object("init", "--tenant", "globex")
	tenant, _ := again["tenant"].(map[string]any)
	assert.Truef(t, tenant["maxSeats"] == 5.0, "a second init changed the seats: %v", tenant)
	s.refuses(exitUsage, "--tenant ID is missing", "init")
}

func TestDoctor_LooksAtEverything(t *testing.T) {
	s := start(t, "--seats", "0")
	defer s.end()
	out, _ := s.command(0, "doctor", "--tenant", "acme")
	assert.Truef(t, !strings.Contains(out, "FAILED") && strings.Count(out, "\n") >= 12, "the doctor says\n%s", out)
	users := s.object("users", "list", "acme", "--deleted")
	left := users["users"].([]any)
	assert.Emptyf(t, left, "the doctor leaves %v", left)
	for _, token := range s.object("token", "list", "acme")["tokens"].([]any) {
		token := token.(map[string]any)
		assert.Falsef(t, token["label"] == "rollcall doctor" && token["state"] != "revoked", "the doctor leaves a token: %v", token)
	}
	for _, client := range s.object("client", "list", "acme")["clients"].([]any) {
		client := client.(map[string]any)
		assert.Equalf(t, "revoked", client["state"], "the doctor leaves a client: %v", client)
	}
	s.says("staticTokens +refuse", "tenant", "set", "acme", "staticTokens=refuse")
	s.command(0, "client", "create", "acme")
	out, _ = s.command(0, "doctor", "--tenant", "acme")
	assert.Truef(t, !strings.Contains(out, "FAILED") && strings.Contains(out, "client gets an access token"), "without static tokens the doctor says\n%s", out)
	s.says("scimEnabled +false", "tenant", "set", "acme", "scimEnabled=false")
	if out, said := s.command(exitFailure, "doctor", "--tenant", "acme"); !strings.Contains(out, "FAILED") || !strings.Contains(out, "scimEnabled=true") || !strings.Contains(said, "checks failed") {
		t.Errorf("of a tenant that is turned off the doctor says\n%s%s", out, said)
	}
	if out, _ := s.command(exitFailure, "doctor", "--tenant", "nobody", "--json"); !json.Valid([]byte(out)) || !strings.Contains(out, `{"check":"tenant","ok":false,"detail":"Tenant not found: \"nobody\"; `) {
		t.Errorf("of nobody the doctor says %s", out)
	}
}

// A command that is not authorized, or finds no server, says what to do.
func TestCommands_WhoIsAsked(t *testing.T) {
	s := start(t)
	defer s.end()
	for name, tt := range map[string]struct {
		url, token string
		args       []string
		status     int
		says       string
	}{
		"nothing":           {"", "", []string{"tenant", "list"}, exitUsage, "--info FILE"},
		"no token":          {s.info.AdminURL, "", []string{"tenant", "list"}, exitUsage, "ROLLCALL_ADMIN_TOKEN"},
		"a wrong token":     {s.info.AdminURL, "rca_local_wrong", []string{"tenant", "list"}, exitUnauthorized, "Forbidden (403): the admin token is not that of this server: 'rollcall local' prints it"},
		"a SCIM token":      {s.info.AdminURL, s.info.Token, []string{"tenant", "list"}, exitUnauthorized, "Forbidden"},
		"the token":         {s.info.AdminURL, s.info.AdminToken, []string{"tenant", "list"}, 0, ""},
		"by flag":           {"", s.info.AdminToken, []string{"tenant", "list", "--admin-url", s.info.AdminURL}, 0, ""},
		"not the admin API": {s.info.BaseURL, "x", []string{"tenant", "list"}, exitUsage, "/admin/v1"},
		"no TLS":            {"http://scim.example.com/admin/v1", "x", []string{"tenant", "list"}, exitUsage, "without TLS"},
		"nobody there":      {"http://127.0.0.1:1/admin/v1", "x", []string{"token", "create", "acme"}, exitUnavailable, "does not answer"},
		"no such file":      {"", "", []string{"tenant", "list", "--info", "/nosuch"}, exitFailure, "/nosuch cannot be read"},
		"two places":        {"", "", []string{"tenant", "list", "--info", "x", "--stack", "y"}, exitUsage, "exclude each other"},
		"no such command":   {"", "", []string{"tenant", "lst"}, exitUsage, `unknown command "tenant lst". Did you mean "tenant list"?`},
		"no such flag":      {"", "", []string{"tenant", "list", "--nosuch"}, exitUsage, "--help"},
	} {
		t.Run(name, func(t *testing.T) {
			ownState(t) // without the server's state file
			t.Setenv("ROLLCALL_ADMIN_URL", tt.url)
			t.Setenv("ROLLCALL_ADMIN_TOKEN", tt.token)
			out, said := &output{}, &output{}
			if status := run(t.Context(), tt.args, strings.NewReader(""), out, said); status != tt.status || !strings.Contains(said.String(), tt.says) {
				t.Errorf("status %d, said %q, want %d and %q", status, said, tt.status, tt.says)
			}
			assert.False(t, tt.token != "" && strings.Contains(out.String()+said.String(), tt.token) && len(tt.token) > 5, "the token is printed")
		})
	}
}

// Requests to a deployment are signed for AWS.
func TestConnectAWS_Signs(t *testing.T) {
	cloudFormation(t, "rollcall-dev", map[string]string{"AdminUrl": "https://127.0.0.1:1/admin/v1"})
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-of-aws", "AWS_SESSION_TOKEN": "session",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	a := asking{stack: "rollcall-dev"}
	sign, base, err := a.signer(t.Context())
	require.Truef(t, err == nil && base == "https://127.0.0.1:1/admin/v1", "%s, %v", base, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, base+"/tenants/acme", bytes.NewReader([]byte("{}")))
	require.NoError(t, err)
	require.NoError(t, sign(r, []byte("{}")))
	signed := r.Header.Get("Authorization")
	for _, want := range []string{"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", "/eu-central-1/execute-api/aws4_request", "x-amz-security-token"} {
		assert.Containsf(t, signed, want, "signed %q, want %q in it", signed, want)
	}
	assert.Truef(t, !strings.Contains(signed, "secret-of-aws") && r.Header.Get("X-Amz-Security-Token") == "session", "headers: %v", r.Header)
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	assert.Truef(t, err == nil && time.Since(at).Abs() <= time.Minute, "signed at %v, %v", at, err)
}

// Every command describes itself, and offers its names to the shell.
func TestCommands_AreDescribed(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s is described as %q", c.CommandPath(), c.Short)
		}
		for _, below := range c.Commands() {
			visit(below)
		}
	}
	visit(newRoot(strings.NewReader(""), &output{}, &output{}))
	for _, shell := range []string{"bash", "zsh", "fish"} {
		out := &output{}
		status := run(t.Context(), []string{"completion", shell}, strings.NewReader(""), out, out)
		assert.Truef(t, status == 0 && strings.Contains(out.String(), "rollcall"), "completion for %s: %d", shell, status)
	}
	out := &output{}
	status := run(t.Context(), []string{"__complete", "tenant", ""}, strings.NewReader(""), out, out)
	assert.Truef(t, status == 0 && strings.Contains(out.String(), "usage\t"), "completion: %d %s", status, out)
}
