package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-scim/rollcall/internal/dev/demo"
)

// Each command that the demo prints works, and shows what the text announces.
func TestDemo_PrintsWhatToLookAt(t *testing.T) {
	ownState(t)
	begun := time.Now()
	s := start(t, "--demo", "--tenant", "globex")
	if took := time.Since(begun); took > 20*time.Second { // half a second on an idle machine
		t.Errorf("the demo took %s", took)
	}
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
			if status != 0 || !strings.Contains(out, want) {
				t.Errorf("%v: %d %s%s, want %q", args, status, out, said, want)
			}
		}
	}
	if status, _ := s.send("GET", "/Users?count=1", ""); status != 200 {
		t.Errorf("the printed token: %d", status)
	}
	if status, _ := s.send("POST", "/Users", bob); status != 403 {
		t.Errorf("a user more than %d: %d", demo.Seats, status)
	}
}

// An existing tenant is not filled, and keeps its data.
func TestDemo_FillsANewTenantOnly(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data", data, "--demo")
	token := s.info.Token
	s.end()
	stderr := &output{}
	if status := run(t.Context(), []string{"local", "--listen", "127.0.0.1:0", "--data", data, "--demo"}, strings.NewReader(""), io.Discard, stderr); status != 1 || !strings.Contains(stderr.String(), "new tenant only") {
		t.Errorf("a second time: %d %s", status, stderr)
	}
	s = start(t, "--data", data)
	if !strings.Contains(s.stdout.String(), "with 45 seats") || s.info.Token != token {
		t.Errorf("without --demo: %s", s.stdout)
	}
	s.end()
	if status, _, said := asks(t, "local", "--demo", "--seats", "5"); status != exitUsage || !strings.Contains(said, "leave out --seats") {
		t.Errorf("--seats: %d %s", status, said)
	}
}
