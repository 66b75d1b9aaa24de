package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
)

func TestCompare_CountsLineByLine(t *testing.T) {
	result := func(o replay.Outcome, reasons ...string) []replay.Result {
		return []replay.Result{{ID: "okta-001", Outcome: o, Reasons: reasons}}
	}
	mine := []difference{{name: "the one we know", line: "okta-001"}}
	for name, tt := range map[string]struct {
		local, sam []replay.Result
		known      []difference
		want       tally
		says       string
	}{
		"passes under both":         {result(replay.Passed), result(replay.Passed), nil, tally{1, 0}, "1 of 1 lines"},
		"fails under SAM alone":     {result(replay.Passed), result(replay.Failed, "502"), nil, tally{0, 1}, "sam local: FAIL 502"},
		"fails under both":          {result(replay.Failed), result(replay.Failed, "500"), nil, tally{0, 1}, "under both"},
		"passes under SAM alone":    {result(replay.Failed), result(replay.Passed), nil, tally{0, 1}, "rollcall local: FAIL"},
		"is not run under SAM":      {result(replay.Passed), result(replay.NotRun, "no tenant"), nil, tally{0, 1}, "not run no tenant"},
		"waits":                     {result(replay.Waiting, "bulk"), result(replay.Waiting, "bulk"), nil, tally{}, "waits under both: okta-001: bulk"},
		"differs as is known":       {result(replay.Passed), result(replay.Failed), mine, tally{}, "the one we know"},
		"differs no more":           {result(replay.Passed), result(replay.Passed), mine, tally{0, 1}, "remove it"},
		"fails under both, known":   {result(replay.Failed), result(replay.Failed), mine, tally{0, 1}, "under both"},
		"another line's difference": {result(replay.Passed), result(replay.Failed), []difference{{line: "okta-002"}}, tally{0, 1}, "sam local"},
	} {
		var out bytes.Buffer
		var got tally
		got.compare(&out, tt.local, tt.sam, tt.known)
		assert.Truef(t, got == tt.want && strings.Contains(out.String(), tt.says), "%s: %+v, want %+v and %q\n%s", name, got, tt.want, tt.says, out.String())
	}
}

func TestAnswered_HoldsADifferenceTrue(t *testing.T) {
	d := difference{name: "a method", local: 405, sam: 502}
	for name, tt := range map[string]struct {
		local, sam int
		want       tally
		says       string
	}{
		"as it is known":           {405, 502, tally{1, 0}, ""},
		"SAM fixed it":             {405, 405, tally{0, 1}, "is no longer a difference"},
		"SAM answers otherwise":    {405, 403, tally{0, 1}, "sam local answers 403, want 502"},
		"rollcall local otherwise": {404, 502, tally{0, 1}, "rollcall local answers 404, want 405"},
	} {
		var out bytes.Buffer
		var got tally
		got.answered(&out, d, tt.local, tt.sam)
		assert.Truef(t, got == tt.want && strings.Contains(out.String(), tt.says), "%s: %+v %s", name, got, out.String())
	}
}

// The part of the comparison that runs without a container.
func TestServeLocally_AnswersDifferencesAsAPIGateway(t *testing.T) {
	memory, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = memory.Close() })
	s := &session{table: memory}
	token, err := s.addTenant(t.Context(), "acme", 1)
	require.NoError(t, err)
	_, err = s.addTenant(t.Context(), "acme", 1)
	assert.NoError(t, err, "an existing tenant gets no token")
	err = s.serveLocally(t.Context(), func(ctx context.Context, base string) {
		for _, d := range differences {
			assert.Equalf(t, d.local, d.status(ctx, base, token), "%s", d.name)
		}
	})
	assert.NoError(t, err)
}
