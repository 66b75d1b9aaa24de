package access_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// clientVault keeps clients in memory, as package store does in a table.
type clientVault struct {
	source *source
	ring   *ring
	used   sync.Map
	// added counts the clients. rival, if set, is called before one is added.
	added int64
	rival func()
}

func (v *clientVault) AddClient(_ context.Context, t tenant.ID, c access.Client, read access.Roster, forgotten ...access.Client) error {
	if v.rival != nil {
		v.rival()
	}
	if read.Version != v.added {
		return access.ErrClientChanged
	}
	v.added++
	v.source.clients[t.String()+"/"+c.ID] = c
	for _, one := range forgotten {
		delete(v.source.clients, t.String()+"/"+one.ID)
	}
	return nil
}

func (v *clientVault) Roster(ctx context.Context, t tenant.ID) (access.Roster, error) {
	all, err := v.Clients(ctx, t)
	return access.Roster{Clients: all, Version: v.added}, err
}

func (v *clientVault) ChangeClient(_ context.Context, t tenant.ID, c access.Client) error {
	if v.source.clients[t.String()+"/"+c.ID].Version != c.Version-1 {
		return access.ErrClientChanged
	}
	v.source.clients[t.String()+"/"+c.ID] = c
	return nil
}

func (v *clientVault) Client(_ context.Context, t tenant.ID, id string) (access.Client, bool, error) {
	c, ok := v.source.clients[t.String()+"/"+id]
	c.Secrets = append([]access.Secret(nil), c.Secrets...)
	return c, ok, nil
}

func (v *clientVault) Clients(context.Context, tenant.ID) (all []access.Client, err error) {
	for _, c := range v.source.clients {
		all = append(all, c)
	}
	return all, nil
}

func (v *clientVault) Registration(ctx context.Context, t tenant.ID, id string) (tenant.Settings, access.Client, []access.Key, bool, error) {
	c, ok, err := v.Client(ctx, t, id)
	return v.source.settings, c, v.ring.keys, ok, err
}

func (v *clientVault) ClaimAssertion(_ context.Context, _ tenant.ID, digest string, _ time.Time) error {
	if _, was := v.used.LoadOrStore(digest, true); was {
		return access.ErrReplayed
	}
	return nil
}

// An access token is accepted from its issue to the end of whichever comes first: its hour,
// its secret, its client.
func TestIssue_TokensEndWithWhatGotThem(t *testing.T) {
	for _, marked := range []bool{true, false} {
		d := deploy(t)
		d.source.clients = map[string]access.Client{}
		v := &clientVault{source: d.source, ring: d.ring}
		clock := func() time.Time { return d.now }
		clients, issuer := access.NewClients(v, clock), access.NewIssuer(v, clock)
		if marked {
			clients.WithKeys(d.ring)
		}
		ctx := t.Context()
		c, text, secret, err := clients.Create(ctx, acme(t), access.ClientWanted{Label: "Entra", Expires: d.now.Add(100 * 24 * time.Hour)})
		require.NoError(t, err)
		issue := func(text string) (string, time.Duration) {
			t.Helper()
			r, err := issuer.Find(ctx, access.ClientID(acme(t), c.ID))
			require.NoError(t, err)
			proof, _, err := issuer.CheckSecret(r, text)
			require.NoError(t, err)
			token, life, err := issuer.Issue(r, proof)
			require.NoError(t, err)
			return token, life
		}
		token, life := issue(text)
		assert.Equal(t, time.Hour, life)
		require.NoError(t, d.send(d.access, token))
		grant, err := d.access.Authenticate(ctx, "Bearer "+token)
		require.NoError(t, err)
		assert.Equal(t, [3]any{true, c.ID, "Entra"}, [3]any{grant.Client, grant.TokenID, grant.Label})

		for i := range token {
			other := byte('a')
			if token[i] == 'a' {
				other = 'b'
			}
			require.Errorf(t, d.send(d.access, token[:i]+string(other)+token[i+1:]), "the character at %d changed", i)
		}
		require.NoError(t, d.send(d.access, token))

		d.now = d.now.Add(time.Hour)
		require.ErrorIs(t, d.send(d.access, token), access.ErrAccessExpired)
		token, _ = issue(text)

		added, second, err := clients.AddSecret(ctx, acme(t), c.ID, access.SecretWanted{})
		require.NoError(t, err)
		require.NoError(t, clients.EndSecret(ctx, acme(t), c.ID, secret.ID))
		d.now = d.now.Add(access.CacheTime)
		require.ErrorIs(t, d.send(d.access, token), access.ErrProofEnded)
		r, err := issuer.Find(ctx, access.ClientID(acme(t), c.ID))
		require.NoError(t, err)
		_, _, err = issuer.CheckSecret(r, text)
		require.ErrorIs(t, err, access.ErrSecretRevoked)

		d.now = second.Expires.Add(-30 * time.Minute)
		token, life = issue(added)
		assert.Equal(t, 30*time.Minute, life, "no longer than the secret")
		require.NoError(t, d.send(d.access, token))
		require.NoError(t, clients.Revoke(ctx, acme(t), c.ID))
		d.now = d.now.Add(access.CacheTime)
		require.ErrorIs(t, d.send(d.access, token), access.ErrClientRevoked)
		_, err = issuer.Find(ctx, access.ClientID(acme(t), c.ID))
		require.ErrorIs(t, err, access.ErrClientRevoked)
	}
}

// A tenant that refuses static tokens says so only to a caller that knows one.
func TestAuthenticate_RefusesStaticTokensOfATenantThatChoseTo(t *testing.T) {
	d := deploy(t)
	token := d.mint()
	d.source.settings.StaticTokens = tenant.StaticRefuse
	require.ErrorIs(t, d.send(d.access, token), access.ErrStaticRefused)
	require.NotErrorIs(t, d.send(d.access, forged(token, 1)), access.ErrStaticRefused)
}

// A secret is one of the client if all of it is: its id and its tenant alone prove nothing.
func TestCheckSecret_ComparesTheWholeSecret(t *testing.T) {
	d := deploy(t)
	d.source.clients = map[string]access.Client{}
	v := &clientVault{source: d.source, ring: d.ring}
	clock := func() time.Time { return d.now }
	clients, issuer := access.NewClients(v, clock), access.NewIssuer(v, clock)
	c, text, _, err := clients.Create(t.Context(), acme(t), access.ClientWanted{})
	require.NoError(t, err)
	_, other, _, err := clients.Create(t.Context(), acme(t), access.ClientWanted{})
	require.NoError(t, err)
	r, err := issuer.Find(t.Context(), access.ClientID(acme(t), c.ID))
	require.NoError(t, err)
	_, _, err = issuer.CheckSecret(r, text)
	require.NoError(t, err)
	mine, theirs := strings.Split(text, "_"), strings.Split(other, "_")
	sealed := func(parts ...string) string {
		body := strings.Join(parts, "_")
		return fmt.Sprintf("%s_%08x", body, crc32.ChecksumIEEE([]byte(body)))
	}
	require.Equal(t, text, sealed(mine[:4]...))
	for name, wrong := range map[string]string{
		"of another client":          other,
		"the secret of another one":  sealed(mine[0], mine[1], mine[2], theirs[3]),
		"the id of another one":      sealed(mine[0], mine[1], theirs[2], mine[3]),
		"the tenant of another one":  sealed(mine[0], "other", mine[2], mine[3]),
		"its last character changed": sealed(mine[0], mine[1], mine[2], mine[3][:51]+map[bool]string{true: "b", false: "a"}[mine[3][51] == 'a']),
	} {
		_, _, err := issuer.CheckSecret(r, wrong)
		require.ErrorIs(t, err, access.ErrSecretUnknown, name)
	}
	for _, wrong := range []string{"", "x", text + "x", text[:len(text)-1], sealed("rct", mine[1], mine[2], mine[3])} {
		_, _, err := issuer.CheckSecret(r, wrong)
		require.ErrorIs(t, err, access.ErrSecretMalformed)
	}
}

// Two clients that are created at once are not more than MaxClients, and the second one is decided
// again if there is room.
func TestCreate_CountsClientsThatAreAddedMeanwhile(t *testing.T) {
	d := deploy(t)
	d.source.clients = map[string]access.Client{}
	v := &clientVault{source: d.source, ring: d.ring}
	clients := access.NewClients(v, func() time.Time { return d.now })
	create := func() error {
		_, _, _, err := clients.Create(t.Context(), acme(t), access.ClientWanted{})
		return err
	}
	rivals := func(n int) func() {
		return func() {
			if n--; n >= 0 {
				rival := v.rival
				v.rival = nil
				require.NoError(t, create())
				v.rival = rival
			}
		}
	}
	for range access.MaxClients - 3 {
		require.NoError(t, create())
	}
	v.rival = rivals(1)
	require.NoError(t, create())
	v.rival = rivals(1)
	require.ErrorIs(t, create(), access.ErrTooManyClients)
	require.Len(t, v.source.clients, access.MaxClients)

	// Others that come first again and again are waited for three times.
	clear(v.source.clients)
	v.rival = rivals(5)
	require.ErrorIs(t, create(), access.ErrClientChanged)
}

// Of revoked clients, the last 50 are kept for the log and for their requests.
func TestCreate_DeletesClientsThatWereRevokedFirst(t *testing.T) {
	d := deploy(t)
	d.source.clients = map[string]access.Client{}
	v := &clientVault{source: d.source, ring: d.ring}
	clients := access.NewClients(v, func() time.Time { return d.now })
	var ids []string
	for range 60 {
		c, _, _, err := clients.Create(t.Context(), acme(t), access.ClientWanted{})
		require.NoError(t, err)
		d.now = d.now.Add(time.Minute)
		require.NoError(t, clients.Revoke(t.Context(), acme(t), c.ID))
		ids = append(ids, c.ID)
	}
	require.Len(t, v.source.clients, 51)
	for i, id := range ids {
		_, err := clients.Client(t.Context(), acme(t), id)
		if i < 9 {
			require.ErrorIs(t, err, access.ErrNoClient, "client %d", i)
			continue
		}
		require.NoError(t, err, "client %d", i)
	}
}
