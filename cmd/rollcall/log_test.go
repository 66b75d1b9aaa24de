package main

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// logTo logs one success and one refusal, as package httpapi does.
func logTo(h slog.Handler) {
	logger := slog.New(h)
	logger.Info("scim.request", "event", "scim.request", "method", "POST", "status", 201, "route", "POST /scim/v2/Users",
		"action", "created", "resourceId", "u1", "subject", "a\nb", "durationMs", 1.5, "roundTrips", 1, "readUnits", 0.0, "writeUnits", 14.0)
	logger.Warn("scim.request", "event", "scim.request", "method", "POST", "status", 403, "route", "POST /scim/v2/Users",
		"cause", "seat_limit", "detail", "50 of 50 seats in use", "durationMs", 1.5, "roundTrips", 1, "readUnits", 0.0, "writeUnits", 14.0)
}

// An application's request is one line, like an identity provider's.
func TestReadable_PrintsAnAdminRequestInOneLine(t *testing.T) {
	out := &output{}
	slog.New(&readable{w: out, mu: &sync.Mutex{}}).Info("admin.request", "event", "admin.request", "method", "GET", "status", 200,
		"route", "GET /admin/v1/causes", "operator", localOperator, "durationMs", 0.2, "roundTrips", 0)
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "200  GET /admin/v1/causes") || strings.Contains(got, "operator=") {
		t.Errorf("printed %q", got)
	}
}

func TestReadable_PrintsNothingThatMovesTheCursor(t *testing.T) {
	out := &output{}
	hostile := "\x1b[2J\u202egnp.exe\nERROR"
	logger := slog.New(&readable{w: out, mu: &sync.Mutex{}})
	logger.Warn("scim.request", "event", "scim.request", "method", "POST", "status", 409, "route", "POST /scim/v2/Users",
		"cause", "duplicate", "subject", hostile, "detail", "The userName "+hostile+" is taken.", "error", hostile)
	logger.Error(hostile, "event", "scim.sweep", "error", hostile)
	logger.Warn("console.request", "event", "console.request", "method", "GET", "status", 502, "route", "GET /console/t/{tenant}", "durationMs", 1.5, "error", hostile)
	assert.Truef(t, !strings.ContainsAny(out.String(), "\x1b\u202e") && strings.Count(out.String(), "\n") == 5, "printed %q", out)
}
