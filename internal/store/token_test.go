package store

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// keeper is a tenant's tokens as an administrator changes them.
type keeper struct {
	*fixture
	*access.Keeper
}

func newKeeper(t *testing.T, on table.Table) keeper {
	t.Helper()
	f := sweepFixture(t, table.Retrying(on))
	return keeper{f, access.NewKeeper(f.store, f.now)}
}

func (k keeper) mint(w access.Wanted) string {
	k.t.Helper()
	_, r, err := k.Mint(k.t.Context(), k.tenant, w)
	k.must(err)
	return r.ID
}

func (k keeper) rotate(id string, w access.Wanted) string {
	k.t.Helper()
	_, r, err := k.Rotate(k.t.Context(), k.tenant, id, w)
	k.must(err)
	return r.ID
}

// wantLive checks which tokens are live.
func (k keeper) wantLive(ids ...string) {
	k.t.Helper()
	want := map[string]bool{}
	for _, id := range ids {
		want[id] = true
	}
	all, err := k.Tokens(k.t.Context(), k.tenant)
	k.must(err)
	for _, r := range all {
		assert.Equalf(k.t, want[r.ID], r.Live(k.now()), "token %s is live: %t", r.ID, !want[r.ID])
		delete(want, r.ID)
	}
	assert.Empty(k.t, want, "tokens are missing")
}

func TestTokens(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		t.Run("a rotation completed, cancelled, ended by revoking", func(t *testing.T) { testRotation(t, newKeeper(t, open(t))) })
		t.Run("rotations in a wrong state", func(t *testing.T) { testRotationRefused(t, newKeeper(t, open(t))) })
		t.Run("as many as a tenant may have", func(t *testing.T) { testTokenLimit(t, newKeeper(t, open(t))) })
		t.Run("of before there were rotations", func(t *testing.T) { testOldToken(t, newKeeper(t, open(t))) })
	})
}

func testRotation(t *testing.T, k keeper) {
	ctx := t.Context()
	old := k.mint(access.Wanted{Label: "okta"})
	next := k.rotate(old, access.Wanted{})
	k.wantLive(old, next)
	_, err := k.Cancel(ctx, k.tenant, old)
	k.must(err)
	k.wantLive(old)

	next = k.rotate(old, access.Wanted{})
	r, err := k.Complete(ctx, k.tenant, old)
	k.must(err)
	if k.wantLive(next); r.ID != next || r.Label != "okta" {
		t.Errorf("completed to %+v, want %s", r, next)
	}
	// Revoking the new one cancels, revoking the old one completes; the
	// remaining one can be rotated again.
	k.must(k.Revoke(ctx, k.tenant, k.rotate(next, access.Wanted{})))
	k.wantLive(next)
	last := k.rotate(next, access.Wanted{})
	k.must(k.Revoke(ctx, k.tenant, next))
	k.must(k.Revoke(ctx, k.tenant, next))
	k.wantLive(last)
	k.wantLive(last, k.rotate(last, access.Wanted{}))
}

func testRotationRefused(t *testing.T, k keeper) {
	ctx := t.Context()
	soon := access.Wanted{Expires: k.now().Add(time.Second)}
	alone, revoked, expired, old, left := k.mint(access.Wanted{}), k.mint(access.Wanted{}), k.mint(soon), k.mint(access.Wanted{}), k.mint(access.Wanted{})
	k.must(k.Revoke(ctx, k.tenant, revoked))
	next := k.rotate(old, access.Wanted{})
	k.rotate(left, soon)
	k.pass(time.Second)
	start := func(id string) error { _, _, err := k.Rotate(ctx, k.tenant, id, access.Wanted{}); return err }
	complete := func(id string) error { _, err := k.Complete(ctx, k.tenant, id); return err }
	cancel := func(id string) error { _, err := k.Cancel(ctx, k.tenant, id); return err }
	for _, tt := range []struct {
		name string
		do   func(string) error
		id   string
		want error
	}{
		{"start of none", start, "none", access.ErrNoToken},
		{"start of a revoked one", start, revoked, access.ErrRotation},
		{"start of an expired one", start, expired, access.ErrRotation},
		{"start twice", start, old, access.ErrRotation},
		{"start of the new one", start, next, access.ErrRotation},
		{"complete what was not started", complete, alone, access.ErrRotation},
		{"complete to an expired one", complete, left, access.ErrRotation},
		{"cancel what was not started", cancel, alone, access.ErrRotation},
		{"cancel of an expired one", cancel, left, nil},
		{"complete", complete, old, nil},
		{"cancel what was completed", cancel, old, access.ErrRotation},
	} {
		assert.ErrorIsf(t, tt.do(tt.id), tt.want, "%s", tt.name)
	}
	k.wantLive(alone, next, left)
}

func testTokenLimit(t *testing.T, k keeper) {
	ctx := t.Context()
	var first string
	for i := range access.MaxTokens {
		w := access.Wanted{}
		if i == 1 {
			w.Expires = k.now().Add(time.Minute)
		}
		if id := k.mint(w); i == 0 {
			first = id
		}
	}
	mint := func() error { _, _, err := k.Mint(ctx, k.tenant, access.Wanted{}); return err }
	if err := mint(); !errors.Is(err, access.ErrTooManyTokens) {
		t.Errorf("one more: %v, want ErrTooManyTokens", err)
	}
	// Each can still be replaced, and after that there is no room either.
	k.rotate(first, access.Wanted{})
	_, err := k.Complete(ctx, k.tenant, first)
	k.must(err)
	err = mint()
	assert.ErrorIsf(t, err, access.ErrTooManyTokens, "one more after a rotation: %v, want ErrTooManyTokens", err)
	k.pass(time.Minute)
	k.must(mint()) // instead of the one that expired
}

func testOldToken(t *testing.T, k keeper) {
	const id = "abcdefghijklmnop"
	k.write(table.Put(table.Item{Key: tokenKey(k.tenant, id), Attributes: table.Attributes{
		attrHash: table.Text("hash"), attrLastFour: table.Text("abcd"), attrCreated: millis(k.now()),
	}}))
	k.wantLive(id)
	_, _, err := k.Rotate(t.Context(), k.tenant, id, access.Wanted{})
	assert.ErrorIsf(t, err, access.ErrRotation, "rotated: %v, want ErrRotation", err)
	k.wantLive(id)
	k.must(k.Revoke(t.Context(), k.tenant, id))
	k.must(k.Revoke(t.Context(), k.tenant, id))
	k.wantLive()
}
