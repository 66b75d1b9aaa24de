package console

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func TestPushAgain_ShowsWhatToPush(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get("/console/t/acme/push-again").page()
	p.id(t, "push").says(t, "Sales", "u7", "Member was skipped, and at least 3 more", "anna@example.com", "Design", "all members", "Yes, in its next cycle", "Rename the group.")
	require.Equal(t, "/console/t/acme/push-again.csv", p.id(t, "csv").attrs["href"])
	b.service.set("GET "+acme+"/push-again", adminwire.PushAgain{})
	b.get("/console/t/acme/push-again").page().id(t, "nothing").says(t, "Nothing must be pushed again.")
}

func TestFiles_HaveTheRowsOfTheSearch(t *testing.T) {
	b := visitor(t, healthy())
	for path, want := range map[string]struct{ asks, name, second string }{
		"/failed.csv?cause=seat_limit": {"/failed-users?cause=seat_limit&limit=200", "failed-users.csv", "User"},
		"/log.csv?outcome=failure":     {"/log?limit=200&outcome=failure", "log.csv", "2026"},
		"/push-again.csv":              {"/push-again?limit=200", "push-again.csv", "member_skipped"},
	} {
		a := b.get("/console/t/acme" + path)
		require.Equal(t, 200, a.Code, path)
		require.Equal(t, "text/csv; charset=utf-8; header=present", a.Header().Get("Content-Type"))
		require.Equal(t, `attachment; filename="`+want.name+`"`, a.Header().Get("Content-Disposition"))
		asked, _ := b.service.last()
		require.True(t, slices.Contains(asked, "GET "+acme+want.asks), asked)
		rows, err := csv.NewReader(strings.NewReader(a.Body.String())).ReadAll()
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(rows[1][0], want.second), rows[1])
	}
	require.Equal(t, 400, b.get("/console/t/acme/log.csv?from=yesterday").Code)
}

// A list without an end ends: a file has a bound.
func TestFiles_AreBounded(t *testing.T) {
	answers := healthy()
	answers["GET "+acme+"/push-again"] = adminwire.PushAgain{Next: "again"}
	b := visitor(t, answers)
	require.Equal(t, 200, b.get("/console/t/acme/push-again.csv").Code)
	asked, _ := b.service.last()
	require.LessOrEqual(t, len(asked), filePages)
}
