package main

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

var goesOn = regexp.MustCompile(`Go on with --after (\S+)\n`)

func TestEvents_ArePrintedAndContinue(t *testing.T) {
	s := provoke.NewAt(t, enginetest.Memory(t), 9, time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))
	path := onStage(t, s)
	checkPrints(t, path, 0, []string{"No events found. A change appears 15 seconds after its request."}, "events", "acme")
	s.Send("POST", "/Users", stage.User(`"userName":"ann@example.com"`))
	s.Pass(time.Minute)
	s.Send("POST", "/Groups", stage.Group("Team"))
	s.Pass(time.Minute)
	said := checkPrints(t, path, 0, []string{
		"2026-05-04T12:00:00.000Z  user.created ", `ann@example.com  version 1`, "group.created", "Team  version 1",
	}, "events", "acme")
	cursor := goesOn.FindStringSubmatch(said)
	require.Len(t, cursor, 2, said)
	s.Send("POST", "/Users", stage.User(`"userName":"bo@example.com"`))
	s.Pass(time.Minute)
	said = checkPrints(t, path, 0, []string{"bo@example.com"}, "events", "acme", "--after", cursor[1])
	assert.NotContains(t, said, "ann")
	said = checkPrints(t, path, 0, nil, "events", "acme", "--types", "group.created,user.purged", "--json")
	var event map[string]any
	require.NoError(t, json.Unmarshal([]byte(goesOn.ReplaceAllString(said, "")), &event), said)
	assert.Equal(t, "Team", event["data"].(map[string]any)["displayName"])
	checkPrints(t, path, exitRefused, []string{"unknown type"}, "events", "acme", "--types", "user.made")
	checkPrints(t, path, exitRefused, []string{"this tenant's events"}, "events", "acme", "--after", "x")
	checkPrints(t, path, exitNotFound, []string{"Tenant not found"}, "events", "nobody")
	s.Pass(200 * 24 * time.Hour)
	said = checkPrints(t, path, exitRefused, []string{"list all users and groups", "go on with --after "}, "events", "acme", "--after", cursor[1])
	again := regexp.MustCompile(`--after (\S+?)\.? `).FindStringSubmatch(said + " ")
	require.Len(t, again, 2, said)
	checkPrints(t, path, 0, []string{"No events found."}, "events", "acme", "--after", again[1])
}

func TestEvents_FollowUntilInterrupted(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 9)
	path := onStage(t, s)
	s.Send("POST", "/Users", stage.User(`"userName":"ann@example.com"`))
	s.Pass(time.Minute)
	ctx, interrupt := context.WithCancel(t.Context())
	out := &interrupting{after: "ann@example.com", interrupt: interrupt}
	said := &output{}
	require.Equal(t, 0, run(ctx, []string{"events", "acme", "--follow", "--info", path}, strings.NewReader(""), out, said), said)
	assert.Contains(t, said.String(), "Go on with --after ")
}

// interrupting is an output that interrupts the command once a text is written.
type interrupting struct {
	output
	after     string
	interrupt func()
}

func (i *interrupting) Write(p []byte) (int, error) {
	if strings.Contains(string(p), i.after) {
		i.interrupt()
	}
	return i.output.Write(p)
}
