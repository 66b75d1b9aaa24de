package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_HelpAndMisuse(t *testing.T) {
	for _, tt := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{[]string{"--help"}, 0, "-starts NUMBER", ""},
		{[]string{"-starts", "0"}, 2, "", "a number from 1"},
		{[]string{"-starts", "x"}, 2, "", "--help"},
		{[]string{"users"}, 2, "", `"users" is not a flag`},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), tt.args, &stdout, &stderr); status != tt.status ||
			!strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%v: status %d\n%s%s", tt.args, status, &stdout, &stderr)
		}
	}
}

func TestReport_ALargeArchiveFailsAndASlowStartIsTold(t *testing.T) {
	ms := func(times ...time.Duration) []time.Duration {
		for i := range times {
			times[i] *= time.Millisecond
		}
		return times
	}
	empty := measure{"empty", 8 << 20, 3 << 20, ms(12, 10, 8)}
	for _, tt := range []struct {
		name string
		of   measure
		ok   bool
		want string
	}{
		{"small and quick", measure{"users", 11 << 20, 4 << 20, ms(15, 1, 100, 15)}, true, "users      11.00    4.00      15.0      1.50"},
		{"large", measure{"users", 11 << 20, 5<<20 + 1, ms(10)}, false, "users: the archive is larger than 5 MB"},
		{"slow", measure{"users", 11 << 20, 4 << 20, ms(16)}, true, "users: starts slowly"},
	} {
		var out bytes.Buffer
		ok := report(&out, []measure{tt.of, empty})
		assert.Truef(t, ok == tt.ok && strings.Contains(out.String(), tt.want), "%s: %t\n%s", tt.name, ok, &out)
		notes := strings.Count(out.String(), ": ")
		assert.Falsef(t, tt.ok && tt.name != "slow" && notes != 0, "%s: %d notes\n%s", tt.name, notes, &out)
	}
}

func TestArchiveSize_IsThatOfTheCompressedFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bootstrap")
	random := make([]byte, 100_000)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	require.NoError(t, os.WriteFile(name, append(random, make([]byte, 900_000)...), 0o600))
	size, err := archiveSize(t.Context(), name)
	assert.Truef(t, err == nil && size >= 100_000 && size <= 110_000, "%d bytes, %v", size, err)
}
