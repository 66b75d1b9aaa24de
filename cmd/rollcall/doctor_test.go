package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// The doctor works with access tokens where static ones are refused, and says what ends soon.
func TestDoctor_LooksAtClients(t *testing.T) {
	s := start(t)
	defer s.end()
	s.command(0, "tenant", "set", "acme", "staticTokens=refuse")
	out, _ := s.command(exitFailure, "doctor", "--tenant", "acme")
	assert.Regexp(t, `FAILED +static tokens +they are refused, and no client can authenticate: rollcall client create acme`, out)
	for _, check := range []string{"OAuth metadata", "client gets an access token", "access token works", "token works, user can be created", "client can be revoked"} {
		assert.Regexp(t, "ok +"+check, out)
	}
	assert.NotContains(t, out, "token can be created")
	id := s.object("client", "create", "acme", "--expires", "29d")["clientId"].(string)
	out, _ = s.command(exitFailure, "doctor", "--tenant", "acme")
	assert.Regexp(t, `ok +static tokens +refused; clients can authenticate`, out)
	assert.Regexp(t, `FAILED +client secrets +the last secret of `+id+` expires at .*: rollcall client rotate acme `+id, out)
	s.command(0, "client", "rotate", "acme", id)
	out, _ = s.command(0, "doctor", "--tenant", "acme")
	assert.NotContains(t, out, "FAILED")
}

func TestEndingSecrets_NamesClientsThatNeedOne(t *testing.T) {
	now := time.Now()
	secret := func(state string, left time.Duration) adminwire.ClientSecret {
		at := now.Add(left)
		return adminwire.ClientSecret{State: state, ExpiresAt: &at}
	}
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		client adminwire.Client
		ends   bool
	}{
		"long":                {adminwire.Client{State: "live", Secrets: []adminwire.ClientSecret{secret("live", 30*day)}}, false},
		"soon":                {adminwire.Client{State: "live", Secrets: []adminwire.ClientSecret{secret("live", 30*day-time.Second)}}, true},
		"one of two":          {adminwire.Client{State: "live", Secrets: []adminwire.ClientSecret{secret("live", day), secret("live", 40*day)}}, false},
		"the other is over":   {adminwire.Client{State: "live", Secrets: []adminwire.ClientSecret{secret("live", day), secret("revoked", 40*day)}}, true},
		"with keys":           {adminwire.Client{State: "live", Keys: &adminwire.ClientKeys{}, Secrets: []adminwire.ClientSecret{secret("live", day)}}, false},
		"with a federation":   {adminwire.Client{State: "live", Federation: &adminwire.Federation{}, Secrets: []adminwire.ClientSecret{secret("live", day)}}, false},
		"of a revoked client": {adminwire.Client{State: "revoked", Secrets: []adminwire.ClientSecret{secret("live", day)}}, false},
		"none":                {adminwire.Client{State: "live"}, false},
	} {
		assert.Equalf(t, tt.ends, endingSecrets("acme", []adminwire.Client{tt.client}, now) != nil, name)
	}
}
