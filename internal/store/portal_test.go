package store

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Links and sessions are read as they were written, and a link becomes one session.
func TestPortal(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		ctx := t.Context()
		f := sweepFixture(t, table.Retrying(open(t)))
		now := f.now().UTC()
		want := access.Visit{
			Visitor: access.Visitor{Actor: "Anna", Setup: true, ReturnURL: "https://app.example/"}, ID: "l1", Hash: "h",
			Created: now, Expires: now.Add(time.Hour),
		}
		f.must(f.store.AddLink(ctx, f.tenant, want))
		got, wrong, ok, err := f.store.Link(ctx, f.tenant, "l1", "a", 7)
		f.must(err)
		require.True(t, ok)
		require.Zero(t, wrong)
		require.Equal(t, want, got)
		for range 3 {
			f.must(f.store.CountWrong(ctx, f.tenant, "a", 7, time.Now().Add(time.Hour)))
		}
		_, wrong, ok, err = f.store.Link(ctx, f.tenant, "l2", "a", 7)
		f.must(err)
		require.False(t, ok)
		require.Equal(t, 3, wrong)
		_, wrong, _, err = f.store.Link(ctx, f.tenant, "l2", "a", 8)
		f.must(err)
		require.Zero(t, wrong)

		session := want
		session.ID, session.Setup, session.ReturnURL = "s1", false, ""
		f.must(f.store.OpenLink(ctx, f.tenant, "l1", session))
		require.ErrorIs(t, f.store.OpenLink(ctx, f.tenant, "l1", session), access.ErrNoLink)
		read, ok, err := f.store.Session(ctx, f.tenant, "s1")
		f.must(err)
		require.True(t, ok)
		require.Equal(t, session, read)
		f.must(f.store.EndSession(ctx, f.tenant, "s1"))
		_, ok, err = f.store.Session(ctx, f.tenant, "s1")
		f.must(err)
		require.False(t, ok)
	})
}

// A recorded table notes which keys are asked for, and has nothing.
type recordedTable struct {
	table.Table
	asked []table.Key
}

func (r *recordedTable) Get(_ context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	r.asked = append(r.asked, keys...)
	return nil, nil
}

func (r *recordedTable) Query(_ context.Context, q table.Query) (table.Page, error) {
	r.asked = append(r.asked, table.Key{Partition: q.Partition})
	return table.Page{}, nil
}

func (r *recordedTable) Write(_ context.Context, tx table.Transaction) error {
	for _, op := range tx.Ops {
		r.asked = append(r.asked, op.Key)
	}
	return nil
}

// A call reaches the tenant of its context, whole or not at all, and nothing without one.
func TestConfined_ReachesOneTenant(t *testing.T) {
	acme := mustID(t, "acme")
	own, common := &recordedTable{}, &recordedTable{}
	confined := Confined(common, func(_ context.Context, of tenant.ID) (table.Table, error) {
		require.Equal(t, acme, of)
		return own, nil
	})
	within := Within(t.Context(), acme)
	mine := []table.Key{tenantKey(acme), tokenKey(acme, "x"), userKey(acme, "x"), {Partition: "T#acme#G#g#e", Sort: "u"}}
	var others []table.Key
	for _, name := range []string{"acme2", "acm", "beta", "a", "acme-2"} {
		other := mustID(t, name)
		others = append(others, tenantKey(other), userKey(other, "x"), ledgerKey(other), dueKey(acme, "x"))
	}
	others = append(others, table.Key{Partition: "TENANTS", Sort: "acme"}, registeredKey(), searchKey(), table.Key{Partition: "T#"}, table.Key{Partition: "T"},
		table.Key{Partition: "acme"}, table.Key{Partition: "W#e#STATE", Sort: "STATE"}, table.Key{Partition: "t#acme"}, expiringKey(time.Unix(1, 0), "acme#token#x"))
	for _, key := range mine {
		_, err := confined.Get(within, key)
		require.NoError(t, err)
		_, err = confined.Query(within, table.Query{Partition: key.Partition})
		require.NoError(t, err)
		require.NoError(t, confined.Write(within, table.Transaction{Ops: []table.Op{table.Delete(key)}}))
	}
	require.Len(t, own.asked, 3*len(mine))
	own.asked = nil
	for _, key := range others {
		_, err := confined.Get(within, mine[0], key)
		require.ErrorIs(t, err, ErrOutside, key)
		_, err = confined.Query(within, table.Query{Partition: key.Partition})
		require.ErrorIs(t, err, ErrOutside, key)
		require.ErrorIs(t, confined.Write(within, table.Transaction{Ops: []table.Op{table.Delete(mine[0]), table.Update(key, table.Change{})}}), ErrOutside, key)
		require.ErrorIs(t, confined.Write(within, table.Transaction{Ops: []table.Op{table.Check(key, table.Absent())}}), ErrOutside, key)
	}
	for _, key := range append(mine, others...) {
		_, err := confined.Get(t.Context(), key)
		require.ErrorIs(t, err, ErrOutside, key)
		require.ErrorIs(t, confined.Write(t.Context(), table.Transaction{Ops: []table.Op{table.Delete(key)}}), ErrOutside, key)
	}
	require.Empty(t, own.asked)

	// The sweep's items of the tenant's credentials may be written, and the keys read.
	require.NoError(t, confined.Write(within, table.Transaction{Ops: []table.Op{table.Put(table.Item{Key: expiringKey(time.Unix(1, 0), "acme#token#x")})}}))
	for _, name := range []string{"acme2#token#x", "beta#token#acme#", "acme"} {
		require.ErrorIs(t, confined.Write(within, table.Transaction{Ops: []table.Op{table.Put(table.Item{Key: expiringKey(time.Unix(1, 0), name)})}}), ErrOutside, name)
	}
	_, err := confined.Get(t.Context(), tokenKeysKey())
	require.NoError(t, err)
	require.Equal(t, []table.Key{tokenKeysKey()}, common.asked)
	require.ErrorIs(t, confined.Write(within, table.Transaction{Ops: []table.Op{table.Put(table.Item{Key: tokenKeysKey()})}}), ErrOutside)
}
