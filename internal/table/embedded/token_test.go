package embedded

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/rollcall-scim/rollcall/internal/table"
)

func TestToken_ExpiresAfterTenMinutes(t *testing.T) {
	tbl, err := Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = tbl.Close() })
	now := time.Unix(1_800_000_000, 0)
	tbl.now = func() time.Time { return now }
	k := table.Key{Partition: "p", Sort: "s"}
	tx := table.Transaction{Token: "t", Ops: []table.Op{table.Update(k, table.Change{Add: map[string]int64{"n": 1}})}}
	other := table.Transaction{Token: "t", Ops: []table.Op{table.Delete(k)}}
	for _, step := range []struct {
		after time.Duration
		want  int64
	}{{0, 1}, {9 * time.Minute, 1}, {61 * time.Second, 2}, {10 * time.Minute, 2}, {time.Second, 3}} {
		now = now.Add(step.after)
		require.NoError(t, tbl.Write(t.Context(), tx))
		items, err := tbl.Get(t.Context(), k)
		require.Truef(t, err == nil && items[k].Attributes.Number("n") == step.want, "%v later: %v, %v; want %d", step.after, items[k], err, step.want)
	}
	err = tbl.Write(t.Context(), other)
	assert.ErrorIsf(t, err, table.ErrTokenReused, "got %v, want ErrTokenReused", err)
	now = now.Add(tokenLife + 1)
	assert.NoError(t, tbl.Write(t.Context(), other), "a forgotten token, other operations")
}

func TestToken_ExpiredTokensAreRemoved(t *testing.T) {
	tbl, err := Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = tbl.Close() })
	now := time.Unix(1_800_000_000, 0)
	tbl.now = func() time.Time { return now }
	write := func(token string) {
		t.Helper()
		k := table.Key{Partition: "p", Sort: "s"}
		require.NoError(t, tbl.Write(t.Context(), table.Transaction{Token: token, Ops: []table.Op{table.Delete(k)}}))
	}
	for i := range 100 {
		write(fmt.Sprint("old ", i))
	}
	now = now.Add(tokenLife + 1)
	for i := range 10 {
		write(fmt.Sprint("new ", i))
	}
	if err := tbl.db.View(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{tokenBucket, expiryBucket} {
			n := tx.Bucket(name).Stats().KeyN
			assert.Equalf(t, 10, n, "%s: %d entries, want 10", name, n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestDecodeAttributes_RefusesDamage(t *testing.T) {
	good := encodeAttributes(table.Attributes{"a": table.Text("x"), "n": table.Number(-5), "long": table.Text("some text")})
	_, err := decodeAttributes(good)
	require.NoError(t, err)
	for i := range good {
		_, err := decodeAttributes(good[:i])
		assert.Errorf(t, err, "the first %d of %d bytes decode", i, len(good))
	}
	_, err = decodeAttributes(append(good, 0))
	assert.Error(t, err, "a byte too many decodes")
	_, err = decodeAttributes([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	assert.Error(t, err, "2^64 attributes decode")
}
