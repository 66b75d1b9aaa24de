package main

import (
	"testing"

	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

func TestFailures_SayWhatAFixBrings(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 1)
	path := onStage(t, s)
	checkPrints(t, path, 0, []string{"No failures found."}, "failures", "acme", "--effect")
	s.Send("POST", "/Users", stage.User(`"userName":"holder@example.com"`))
	body := stage.User(`"userName":"new@example.com"`)
	s.Send("POST", "/Users", body)
	s.Send("POST", "/Users", stage.User(`"userName":"other@example.com"`))
	s.Send("POST", "/Users", stage.User(`"userName":"holder@example.com","externalId":"e2"`))
	checkPrints(t, path, 0, []string{
		"2 more seats fix 2 users.", "Retry Selected", "User new@example.com\n", "User other@example.com\n",
		"Deleting holder@example.com in the application fixes 1 user.",
	}, "failures", "acme", "--effect")
	checkPrints(t, path, 0, []string{"1 more seat fixes 1 of 2 users.", "User other@example.com: not fixed", "2 of 2 seats in use"}, "failures", "acme", "--effect", "--seats", "1")
	checkPrints(t, path, 0, []string{`"fix":"seats"`, `"licences":2`}, "failures", "acme", "--effect", "--json")
	checkPrints(t, path, 0, []string{"2 more seats fix 2 users."}, "seats", "show", "acme")
	checkPrints(t, path, 0, []string{"User new@example.com", "It would still be refused: 1 of 1 seats in use."}, "check", "acme", "new@example.com")
	checkPrints(t, path, 0, []string{"That user is holder@example.com: active.", "held by"}, "check", "acme", "holder@example.com")
	s.Ask("PATCH", "/tenants/acme", `{"maxSeats":3}`)
	checkPrints(t, path, 0, []string{"It would succeed now: it creates the record, and takes a seat."}, "check", "acme", "new@example.com")
	s.Send("POST", "/Users", body)
	checkPrints(t, path, 0, []string{"No failure found.", "does not fail"}, "check", "acme", "new@example.com")
	checkPrints(t, path, 0, []string{"Nothing to fix: the next attempt of 1 user succeeds."}, "failures", "acme", "--effect")
	checkPrints(t, path, 2, []string{"--seats needs --effect"}, "failures", "acme", "--seats", "1")
	checkPrints(t, path, 2, []string{"--effect considers all failures"}, "failures", "acme", "--effect", "--cause", "seat_limit")
}

func TestCheck_SaysThatScimIsOff(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 0)
	path := onStage(t, s)
	s.Send("POST", "/Users", stage.User(`"userName":"new@example.com"`))
	s.Ask("PATCH", "/tenants/acme", `{"scimEnabled":false}`)
	checkPrints(t, path, 0, []string{"Every request is refused now", "turned off"}, "check", "acme", "new@example.com")
	checkPrints(t, path, 0, []string{"Every request is refused now", "turned off", "1 more seat fixes 1 user."}, "failures", "acme", "--effect")
}
