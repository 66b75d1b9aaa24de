package main

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func TestCommands_Offboarding(t *testing.T) {
	s := start(t)
	defer s.end()
	s.object("tenant", "create", "leaving")
	id := s.object("users", "create", "leaving", "ann@example.com")["id"].(string)
	s.says(`^The user is active; the log has no departure.\n$`, "users", "offboarding", "leaving", "ann@example.com")
	s.object("users", "deactivate", "leaving", "ann@example.com")
	s.says(`deactivated +20\S+Z  ann@example.com\nby +application.*\nrequest +\S+\nacknowledged +no. Nobody is notified`, "users", "offboarding", "leaving", "ann@example.com")
	s.object("users", "purge", "leaving", "ann@example.com", "--yes")
	require.Equal(t, "gone", s.object("users", "offboarding", "leaving", id)["state"])
	out, _ := s.command(0, "users", "offboarding", "leaving", id, "--csv")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, "user.purged", rows[1][2])
	s.refuses(exitNotFound, "not found", "users", "offboarding", "leaving", "ann@example.com")
	s.refuses(exitNotFound, "log has no departure", "users", "offboarding", "leaving", "01900000-0000-7000-8000-00000000ffff")
	s.refuses(exitFailure, "csv", "users", "offboarding", "leaving", id, "--csv", "--json")
}

func TestPrintOffboarding_NamesEachWebhook(t *testing.T) {
	at := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	took := 1.5
	var b strings.Builder
	printOffboarding(&b, adminwire.Offboarding{State: "inactive", SearchedTo: &at, Departures: []adminwire.Departure{
		{
			Type: "user.deleted", UserName: "ann", Committed: at, RequestID: "r2", IdPRequestID: "x", Actor: adminwire.EventActor{Type: "idp", Name: "okta"},
			SecondsToAcknowledge: &took, Acknowledged: true, ReturnedAt: &at,
			Endpoints: []adminwire.DepartureDelivery{{WebhookID: "w1", URL: "https://a.example.com", State: "delivered", FirstAttempt: &at, DeliveredAt: &at, Attempts: 1}},
		},
		{
			Type: "user.deactivated", Committed: at, RequestID: "r1", Actor: adminwire.EventActor{Type: "application"},
			Endpoints: []adminwire.DepartureDelivery{{WebhookID: "w2", State: "pending", FirstAttempt: &at, NextAttempt: &at, Attempts: 2, Reason: "No connection.\x1b[2J"}},
		},
	}})
	for _, line := range []string{
		"by            identity provider okta", "request       r2, the identity provider's id x", "came back     2027-01-02T03:04:05Z",
		"acknowledged  by all, after 1.5 seconds", "https://a.example.com", "delivered 2027-01-02T03:04:05Z", "acknowledged  not by all", "No connection.", "searched back to",
	} {
		require.Contains(t, b.String(), line)
	}
	require.NotContains(t, b.String(), "\x1b")
}
