package access_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A visited is a tenant with a porter, and a clock of its own.
type visited struct {
	porter *access.Porter
	store  *store.Store
	tenant tenant.ID
	now    time.Time
}

func newVisited(t *testing.T) *visited {
	t.Helper()
	engine, err := embedded.Memory()
	require.NoError(t, err)
	v := &visited{now: time.Now().Truncate(time.Second).UTC(), tenant: stage.ID(t, "acme")}
	clock := func() time.Time { return v.now }
	v.store = app.NewStore(engine, app.Options{Now: clock})
	require.NoError(t, v.store.CreateTenant(t.Context(), v.tenant, tenant.DefaultSettings(), 5, tenant.Unlimited, v.now))
	v.porter = access.NewPorter(v.store, v.store, clock)
	return v
}

var here = netip.MustParseAddr("192.0.2.1")

// Neither the id nor the mark lets anybody in: the whole secret does.
func TestPorter_NeedsTheWholeSecret(t *testing.T) {
	v, ctx := newVisited(t), context.Background()
	link, _, err := v.porter.Invite(ctx, v.tenant, access.Visitor{Actor: "Anna"}, access.LinkTime)
	require.NoError(t, err)
	for range 3 {
		_, err = v.porter.Look(ctx, link, here)
		require.NoError(t, err)
	}
	cookie, guest, err := v.porter.Open(ctx, link, here)
	require.NoError(t, err)
	got, err := v.porter.Session(ctx, cookie)
	require.NoError(t, err)
	require.Equal(t, guest, got)
	require.Equal(t, "Anna", got.Actor)

	for _, text := range []string{link, cookie} {
		of, err := v.porter.Tenant(ctx, text)
		require.NoError(t, err)
		require.Equal(t, v.tenant, of)
	}
	keys, err := v.store.TokenKeys(ctx)
	require.NoError(t, err)
	parts := strings.Split(cookie, "_")
	parts[3] = strings.Repeat("a", len(parts[3]))
	forged := access.Marked(keys[0], strings.Join(parts[:4], "_"))
	_, err = v.porter.Tenant(ctx, forged)
	require.NoError(t, err, "the mark is right")
	_, err = v.porter.Session(ctx, forged)
	require.ErrorIs(t, err, access.ErrNoVisit)

	for _, wrong := range []string{"", "x", link, cookie[:len(cookie)-1], cookie + "0", strings.Replace(cookie, "acme", "beta", 1), strings.ToUpper(cookie)} {
		_, err = v.porter.Session(ctx, wrong)
		require.ErrorIs(t, err, access.ErrNoVisit, wrong)
	}
	// Another deployment has other keys.
	_, err = newVisited(t).porter.Session(ctx, cookie)
	require.ErrorIs(t, err, access.ErrNoVisit)
	unmarked, _ := access.Mint(v.tenant)
	_, err = v.porter.Tenant(ctx, strings.Replace(unmarked, access.Prefix, access.VisitPrefix, 1))
	require.Error(t, err, "a checksum is no mark")
}

// The life of a link has bounds.
func TestPorter_Invite(t *testing.T) {
	v := newVisited(t)
	for _, life := range []time.Duration{-1, 0, access.MinLinkTime - 1, access.MaxLinkTime + 1} {
		_, _, err := v.porter.Invite(t.Context(), v.tenant, access.Visitor{Actor: "Anna"}, life)
		require.ErrorIs(t, err, access.ErrLinkTime)
	}
	_, _, err := v.porter.Invite(t.Context(), stage.ID(t, "nobody"), access.Visitor{Actor: "Anna"}, access.LinkTime)
	require.ErrorIs(t, err, tenant.ErrNotFound)
}

// Addresses of one network count as one, and others do not suffer.
func TestPorter_CountsWrongLinks(t *testing.T) {
	v, ctx := newVisited(t), context.Background()
	link, _, err := v.porter.Invite(ctx, v.tenant, access.Visitor{Actor: "Anna"}, access.LinkTime)
	require.NoError(t, err)
	_, _, err = v.porter.Open(ctx, link, here)
	require.NoError(t, err)
	for i := range 10 {
		_, err = v.porter.Look(ctx, link, netip.MustParseAddr("2001:db8::1").Next())
		require.ErrorIs(t, err, access.ErrNoLink, i)
	}
	_, err = v.porter.Look(ctx, link, netip.MustParseAddr("2001:db8::ffff"))
	require.ErrorIs(t, err, access.ErrTooManyLinks)
	for _, other := range []netip.Addr{here, netip.MustParseAddr("2001:db8:0:1::1"), {}} {
		_, err = v.porter.Look(ctx, link, other)
		require.ErrorIs(t, err, access.ErrNoLink, other)
	}
	v.now = v.now.Add(time.Minute)
	_, err = v.porter.Look(ctx, link, netip.MustParseAddr("2001:db8::1"))
	require.ErrorIs(t, err, access.ErrNoLink)
}
