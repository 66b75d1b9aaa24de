package main

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A list as CSV has the rows of all its pages under one line of headings, or as many as
// --limit says. After an error nothing is printed but the error.
func TestCSV_HasTheRowsOfAllPages(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 1)
	path := onStage(t, s)
	s.Send("POST", "/Users", stage.User(`"userName":"first@example.com"`))
	for i := range 250 {
		s.Send("POST", "/Users", stage.User(fmt.Sprintf(`"userName":"u%d@example.com"`, i)))
	}
	s.Ask("POST", "/tenants/acme/users", `{"userName":"app@example.com","email":"app@example.com","accountType":"reader"}`)
	for _, tt := range []struct {
		args, heading string
		rows          int
	}{
		{"log acme --cause seat_limit --csv", "time", 250},
		{"log acme --cause seat_limit --csv --limit 3", "time", 3},
		{"log acme --cause seat_limit --csv --limit 200", "time", 200},
		{"log acme --cause seat_limit --csv --limit 201", "time", 201},
		{"log acme --cause seat_limit --csv --limit 900", "time", 250},
		{"failures acme --csv", "type", 250},
		{"failures acme --csv --dismissed", "type", 0},
		{"drift acme --csv", "reason", 1},
		{"push-again acme --csv", "reason", 0},
	} {
		rows, err := csv.NewReader(strings.NewReader(checkPrints(t, path, 0, nil, strings.Fields(tt.args)...))).ReadAll()
		require.NoError(t, err, tt.args)
		assert.Equal(t, tt.heading, rows[0][0], tt.args)
		assert.Len(t, rows[1:], tt.rows, tt.args)
	}
	assert.NotContains(t, checkPrints(t, path, exitNotFound, nil, "push-again", "nobody", "--csv"), "reason,")
	checkPrints(t, path, 0, []string{"app@example.com", "never pushed"}, "drift", "acme")
	checkPrints(t, path, 0, []string{"Nothing must be pushed again."}, "push-again", "acme")
}
