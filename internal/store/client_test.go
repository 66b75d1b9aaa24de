package store

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func TestClients(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		t.Run("read back", func(t *testing.T) { testClientReadBack(t, open(t)) })
		t.Run("changed at once", func(t *testing.T) { testClientRace(t, open(t)) })
		t.Run("an assertion used twice", func(t *testing.T) { testAssertionRace(t, open(t)) })
	})
}

// A client is read as it was written, alone, among all, and for a request.
func testClientReadBack(t *testing.T, on table.Table) {
	ctx := t.Context()
	f := sweepFixture(t, table.Retrying(on))
	now := func() time.Time { return f.now().UTC() }
	clients := access.NewClients(f.store, now).WithKeys(f.store)
	want, text, secret, err := clients.Create(ctx, f.tenant, access.ClientWanted{Label: "Entra"})
	f.must(err)
	_, _, err = clients.AddSecret(ctx, f.tenant, want.ID, access.SecretWanted{Label: "next", Expires: now().Add(time.Hour)})
	f.must(err)
	_, err = clients.SetKeys(ctx, f.tenant, want.ID, `{"keys":[]}`)
	f.must(err)
	want, err = clients.SetFederation(ctx, f.tenant, want.ID, access.Federation{Issuer: "i", Subject: "s", Audience: "a", JWKSURI: "https://x.example/keys"})
	f.must(err)
	f.must(f.store.Used(ctx, f.tenant, secret.ID, time.Time{}, now()))
	f.must(f.store.Used(ctx, f.tenant, want.ID, time.Time{}, now()))
	want.LastUsed, want.Secrets[0].LastUsed = now(), now()

	one, err := clients.Client(ctx, f.tenant, want.ID)
	f.must(err)
	all, err := clients.Clients(ctx, f.tenant)
	f.must(err)
	require.Equal(t, want, one)
	require.Equal(t, []access.Client{want}, all)

	issuer := access.NewIssuer(f.store, now)
	r, err := issuer.Find(ctx, access.ClientID(f.tenant, want.ID))
	f.must(err)
	_, s, err := issuer.CheckSecret(r, text)
	f.must(err)
	require.Equal(t, secret.ID, s.ID)
	owner, got, ok, err := f.store.AccessClient(ctx, f.tenant, want.ID, secret.ID)
	f.must(err)
	require.True(t, ok)
	require.Equal(t, now(), got.LastUsed)
	require.Equal(t, tenant.DefaultSettings(), owner.Settings)
	require.Len(t, owner.CursorKey, 32)

	other := f.of("beta")
	for _, c := range []struct {
		of tenant.ID
		id string
	}{{other.tenant, want.ID}, {f.tenant, "none"}, {mustID(t, "nobody"), want.ID}} {
		_, _, ok, err := f.store.AccessClient(ctx, c.of, c.id, c.id)
		f.must(err)
		require.False(t, ok, "%s of %s", c.id, c.of)
		_, _, _, ok, err = f.store.Registration(ctx, c.of, c.id)
		f.must(err)
		require.False(t, ok, "%s of %s", c.id, c.of)
	}
}

// No change of a client is lost: in particular, a secret that one operator revokes does not
// come back with the change of another.
func testClientRace(t *testing.T, on table.Table) {
	ctx := t.Context()
	f := sweepFixture(t, table.Retrying(on))
	clients := access.NewClients(f.store, f.now)
	c, _, secret, err := clients.Create(ctx, f.tenant, access.ClientWanted{})
	f.must(err)
	retried := func(change func() error) func() {
		return func() {
			for {
				if err := change(); err == nil {
					return
				} else if !assert.ErrorIs(t, err, access.ErrClientChanged) {
					return
				}
			}
		}
	}
	var all sync.WaitGroup
	for _, change := range []func() error{
		func() error { return clients.EndSecret(ctx, f.tenant, c.ID, secret.ID) },
		func() error { _, err := clients.Rename(ctx, f.tenant, c.ID, "renamed"); return err },
		func() error { _, _, err := clients.AddSecret(ctx, f.tenant, c.ID, access.SecretWanted{}); return err },
		func() error { _, err := clients.SetKeys(ctx, f.tenant, c.ID, "{}"); return err },
	} {
		all.Go(retried(change))
	}
	all.Wait()
	got, err := clients.Client(ctx, f.tenant, c.ID)
	f.must(err)
	assert.Equal(t, "renamed", got.Label)
	assert.False(t, got.Secrets[0].Revoked.IsZero(), "the first secret is live again")
	assert.Len(t, got.Secrets, 2)
	assert.NotNil(t, got.Keys)
	assert.EqualValues(t, 5, got.Version)
}

// Of many requests with one assertion, one gets a token; after its end it is refused for
// another reason, and nothing is kept of it.
func testAssertionRace(t *testing.T, on table.Table) {
	f := sweepFixture(t, table.Retrying(on))
	issuer := access.NewIssuer(f.store, f.now)
	r := access.Registration{Tenant: f.tenant, Client: access.Client{ID: "c1"}}
	once := func(ctx context.Context, issuedBy, id string) error {
		return issuer.Once(ctx, r, issuedBy, id, f.now().Add(time.Hour))
	}
	var all sync.WaitGroup
	won := make(chan error, 8)
	for range cap(won) {
		all.Go(func() { won <- once(t.Context(), "i", "1") })
	}
	all.Wait()
	close(won)
	accepted := 0
	for err := range won {
		if err == nil {
			accepted++
			continue
		}
		assert.ErrorIs(t, err, access.ErrReplayed)
	}
	assert.Equal(t, 1, accepted)
	f.must(once(t.Context(), "i", "2"))
	f.must(once(t.Context(), "another", "1"))
}

// A request with an access token costs what one with a static token costs, and the token
// endpoint reads once.
func TestClients_CostWhatTokensCost(t *testing.T) {
	f := newFixture(t, meter.New(enginetest.Memory(t)), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.must(f.store.SaveToken(t.Context(), f.tenant, access.Record{ID: "k1", Hash: "h", LastFour: "abcd", Created: f.now()}))
	f.must(f.store.AddClient(t.Context(), f.tenant, access.Client{ID: "c1", SigningKey: make([]byte, 32), Version: 1, Secrets: []access.Secret{{ID: "s1"}}}, access.Roster{}))
	cost := func(do func(ctx context.Context)) table.Counts {
		ctx, usage := table.WithUsage(t.Context())
		do(ctx)
		return usage.Counts()
	}
	static := cost(func(ctx context.Context) { _, _, _, _ = f.store.Access(ctx, f.tenant, "k1") })
	client := cost(func(ctx context.Context) { _, _, _, _ = f.store.AccessClient(ctx, f.tenant, "c1", "s1") })
	require.Equal(t, static, client)
	endpoint := cost(func(ctx context.Context) { _, _, _, _, _ = f.store.Registration(ctx, f.tenant, "c1") })
	require.EqualValues(t, 1, endpoint.RoundTrips)
}
