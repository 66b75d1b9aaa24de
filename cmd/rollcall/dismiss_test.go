package main

import (
	"testing"

	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A failure is dismissed by the name or externalId of its subject, or by its request.
func TestDismiss(t *testing.T) {
	s := provoke.New(t, enginetest.Memory(t), 0)
	path := onStage(t, s)
	body := stage.User(`"userName":"new@example.com","externalId":"00u1"`)
	refused := s.Send("POST", "/Users", body)
	for _, subject := range []string{"new@example.com", "00u1", ""} {
		if subject == "" {
			subject = refused.RequestID
		}
		checkPrints(t, path, 0, []string{"Dismissed: the failure of User new@example.com."}, "dismiss", "acme", subject, "--reason", "left as "+subject)
		checkPrints(t, path, 0, []string{"No user or group fails now."}, "failures", "acme")
		checkPrints(t, path, 0, []string{"User new@example.com", "dismissed", "left as " + subject}, "failures", "acme", "--dismissed")
		checkPrints(t, path, 0, []string{"Still failing", "dismissed", "left as " + subject}, "explain", "acme", refused.RequestID)
		checkPrints(t, path, 0, []string{"dismiss"}, "log", "acme", "--subject", "new@example.com")
		refused = s.Send("POST", "/Users", body)
		checkPrints(t, path, 0, []string{"User new@example.com", "1 fails."}, "failures", "acme")
		checkPrints(t, path, 0, []string{"No failure is dismissed."}, "failures", "acme", "--dismissed")
	}
	checkPrints(t, path, exitUsage, []string{"--reason"}, "dismiss", "acme", "new@example.com")
	checkPrints(t, path, exitRefused, []string{"one line of text"}, "dismiss", "acme", "new@example.com", "--reason", "two\nlines")
	checkPrints(t, path, exitNotFound, []string{"failure not found"}, "dismiss", "acme", "nobody@example.com", "--reason", "x")
}
