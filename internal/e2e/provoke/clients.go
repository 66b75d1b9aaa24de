package provoke

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// accessToken creates an OAuth client and returns it with an access token that its secret
// got.
func accessToken(s *Stage) (c access.Client, text string) {
	s.t.Helper()
	ctx := context.Background()
	c, secret, _, err := access.NewClients(s.App.Store, s.Now).Create(ctx, s.tenant, access.ClientWanted{Label: "Okta"})
	require.NoError(s.t, err)
	issuer := access.NewIssuer(s.App.Store, s.Now)
	r, err := issuer.Find(ctx, access.ClientID(s.tenant, c.ID))
	require.NoError(s.t, err)
	proof, _, err := issuer.CheckSecret(r, secret)
	require.NoError(s.t, err)
	text, _, err = issuer.Issue(r, proof)
	require.NoError(s.t, err)
	return c, text
}

// create creates a user with a credential.
func create(s *Stage, credential string) Answer {
	s.t.Helper()
	return s.Send("POST", "/Users", stage.User(`"userName":"a"`), "Authorization", "Bearer "+credential)
}

func accessExpired(s *Stage) Answer {
	_, text := accessToken(s)
	s.Pass(access.AccessLife + time.Second)
	return create(s, text)
}

func accessEnded(s *Stage) Answer {
	c, text := accessToken(s)
	require.NoError(s.t, access.NewClients(s.App.Store, s.Now).EndSecret(context.Background(), s.tenant, c.ID, c.Secrets[0].ID))
	return create(s, text)
}

func clientRevoked(s *Stage) Answer {
	c, text := accessToken(s)
	require.NoError(s.t, access.NewClients(s.App.Store, s.Now).Revoke(context.Background(), s.tenant, c.ID))
	return create(s, text)
}

func staticRefused(s *Stage) Answer {
	_, err := tenant.NewRegistry(s.App.Store, s.Now).Change(context.Background(), s.tenant, nil, func(t *tenant.Tenant) error {
		t.Settings.StaticTokens = tenant.StaticRefuse
		return nil
	})
	require.NoError(s.t, err)
	return create(s, s.token)
}
