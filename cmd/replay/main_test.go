package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// server answers every request with an empty list, and /Schemas with one schema
// that has isTeamAccount.
func server(t *testing.T, token string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		switch {
		case r.Header.Get("Authorization") != "Bearer "+token:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/scim/v2/Schemas":
			fmt.Fprint(w, `{"Resources":[{"id":"urn:x","attributes":[{"name":"isTeamAccount"}]}]}`)
		default:
			fmt.Fprint(w, `{"totalResults":0}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/scim/v2"
}

func lines(t *testing.T) string {
	t.Helper()
	line := func(id, more, want string) string {
		return `{"id":"` + id + `","method":"GET","path":"/Users","body":null,"expect":{"status":200,"notes":"n"},` + more + `"checks":[{"says":"none","body":{"/totalResults":` + want + `}}]}` + "\n"
	}
	name := filepath.Join(t.TempDir(), "requests.jsonl")
	text := line("a-1", "", "0") + line("a-2", "", "1") + line("b-1", `"waits":{"for":"bulk","reason":"none yet"},`, "0") +
		line("b-2", `"steps":[{"create":"user","tenant":"other"}],`, "0")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestRun_TellsALineOfEachAndHowMany(t *testing.T) {
	base, file := server(t, "secret"), lines(t)
	for _, tt := range []struct {
		name, args, want string
		status           int
	}{
		{"all", "", "pass a-1\nFAIL a-2\n     check 1: /totalResults is 0, want 1 (none)\nwaits: b-1: bulk — none yet\n" +
			"not run: b-2: needs a second tenant's token\n1 passed, 1 failed, 1 skipped, 1 not run\n", exitFailed},
		{"one", "-only a-1", "pass a-1\n1 passed, 0 failed\n", exitPassed},
		{"some", "-only a-*,b-1", "1 passed, 1 failed, 1 skipped\n", exitFailed},
		{"with what waits", "-only b-1 -with bulk", "pass b-1\n1 passed, 0 failed\n", exitPassed},
		{"nothing passed", "-only b-1", "0 passed, 0 failed, 1 skipped\n", exitFailed},
	} {
		var out, problems bytes.Buffer
		args := append([]string{"-base", base, "-file", file}, strings.Fields(tt.args)...)
		env := func(name string) string { return map[string]string{"ROLLCALL_TOKEN": "secret"}[name] }
		if status := run(t.Context(), args, env, &out, &problems); status != tt.status || !strings.HasSuffix(out.String(), tt.want) {
			t.Errorf("%s: status %d, %s%s, want %d, %s", tt.name, status, out.String(), problems.String(), tt.status, tt.want)
		}
		assert.NotContainsf(t, out.String()+problems.String(), "secret", "%s: the token is printed", tt.name)
	}
}

func TestRun_TakesBaseAndTokenFromTheInfoFile(t *testing.T) {
	info := filepath.Join(t.TempDir(), "info.json")
	require.NoError(t, os.WriteFile(info, []byte(`{"baseUrl":"`+server(t, "other")+`","token":"other","tenant":"acme","pid":1}`), 0o600))
	var out, problems bytes.Buffer
	status := run(t.Context(), []string{"-info", info, "-file", lines(t), "-only", "a-1"}, func(string) string { return "" }, &out, &problems)
	assert.Equalf(t, exitPassed, status, "status %d, %s%s", status, out.String(), problems.String())
}

func TestRun_SaysWhatIsMissing(t *testing.T) {
	base := server(t, "secret")
	for _, tt := range []struct{ args, want string }{
		{"", "no server"},
		{"-base " + base, "no token"},
		{"-base " + base + " -token wrong", "401"},
		{"-base " + base + " -token secret -only none", "no line none"},
		{"-base " + base + " -token secret -file none.jsonl", "none.jsonl"},
		{"-base " + base + " -token secret more", "not a flag"},
		{"-info none.json", "rollcall local --info"},
		{"-unknown", "not defined"},
	} {
		var out, problems bytes.Buffer
		status := run(t.Context(), strings.Fields(tt.args), func(string) string { return "" }, &out, &problems)
		if status != exitUsage || !strings.Contains(problems.String(), tt.want) {
			t.Errorf("%s: status %d, %s, want %q", tt.args, status, problems.String(), tt.want)
		}
	}
}
