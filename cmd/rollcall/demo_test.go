package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/dev/demo"
)

// Each command that the demo prints works, and shows what the text announces.
func TestDemo_PrintsWhatToLookAt(t *testing.T) {
	ownState(t)
	s := start(t, "--demo", "--tenant", "globex")
	defer s.end()
	printed := map[string][]string{}
	for line := range strings.Lines(s.stdout.String()) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), program()+" "); ok {
			printed[strings.Fields(command)[0]] = strings.Fields(command)
		}
	}
	for name, wants := range map[string][]string{
		"failures": {"seat_limit", "validation", "duplicate", "group_deleted", "anna.lindqvist@example.com"},
		"log":      {"anna.lindqvist@example.com", "failure"},
		"explain":  {"anna.lindqvist@example.com", "45 of 45 seats in use"},
	} {
		args := printed[name]
		if len(args) < 2 {
			t.Errorf("no command %q in %s", name, s.stdout)
			continue
		}
		status, out, said := asks(t, args...)
		for _, want := range wants {
			assert.Truef(t, status == 0 && strings.Contains(out, want), "%v: %d %s%s, want %q", args, status, out, said, want)
		}
	}
	status, _ := s.send("GET", "/Users?count=1", "")
	assert.Equal(t, 200, status, "the printed token")
	status, _ = s.send("POST", "/Users", bob)
	assert.Equalf(t, 403, status, "a user more than %d", demo.Seats)
}

// An existing tenant is not filled, and keeps its data.
func TestDemo_FillsANewTenantOnly(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data", data, "--demo")
	token := s.info.Token
	s.end()
	stderr := &output{}
	status := run(t.Context(), []string{"local", "--listen", "127.0.0.1:0", "--data", data, "--demo"}, strings.NewReader(""), io.Discard, stderr)
	assert.Truef(t, status == 1 && strings.Contains(stderr.String(), "new tenant only"), "a second time: %d %s", status, stderr)
	s = start(t, "--data", data)
	assert.Truef(t, strings.Contains(s.stdout.String(), "with 45 seats") && s.info.Token == token, "without --demo: %s", s.stdout)
	s.end()
	status, _, said := asks(t, "local", "--demo", "--seats", "5")
	assert.Truef(t, status == exitUsage && strings.Contains(said, "leave out --seats"), "--seats: %d %s", status, said)
}
