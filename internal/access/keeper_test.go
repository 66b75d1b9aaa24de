package access_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var (
	noon      = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	errBroken = errors.New("the store is broken")
)

// vault is a Store in memory with the steps of rotations. broken names the calls that
// fail, meanwhile is called once before a change of a rotation.
type vault struct {
	records   map[string]access.Record
	broken    string
	meanwhile func()
	calls     []string
}

func newVault(records ...access.Record) *vault {
	v := &vault{records: map[string]access.Record{}}
	for _, r := range records {
		v.records[r.ID] = r
	}
	return v
}

// call records a call, which may fail.
func (v *vault) call(name string) error {
	v.calls = append(v.calls, name)
	if v.broken == name {
		return errBroken
	}
	return nil
}

func (v *vault) SaveToken(_ context.Context, _ tenant.ID, r access.Record) error {
	if err := v.call("save"); err != nil {
		return err
	}
	v.records[r.ID] = r
	return nil
}

func (v *vault) Token(_ context.Context, _ tenant.ID, id string) (access.Record, bool, error) {
	if err := v.call("read " + id[:1]); err != nil {
		return access.Record{}, false, err
	}
	r, ok := v.records[id]
	return r, ok, nil
}

func (v *vault) Tokens(context.Context, tenant.ID) ([]access.Record, error) {
	if err := v.call("list"); err != nil {
		return nil, err
	}
	var all []access.Record
	for _, r := range v.records {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b access.Record) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func (v *vault) RevokeToken(_ context.Context, _ tenant.ID, id string, now time.Time) error {
	if err := v.call("revoke " + id[:1]); err != nil {
		return err
	}
	return v.revoke(id, now)
}

func (v *vault) revoke(id string, now time.Time) error {
	r := v.records[id]
	r.Revoked = now
	v.records[id] = r
	return nil
}

func (v *vault) BeginRotation(_ context.Context, _ tenant.ID, old string, next access.Record) error {
	if err := v.call("begin " + old[:1]); err != nil {
		return err
	}
	r := v.records[old]
	r.Next = next.ID
	v.records[old], v.records[next.ID] = r, next
	return nil
}

// step begins a change of a rotation, and reports whether the tokens are at that step.
func (v *vault) step(name, old, next string) error {
	if v.meanwhile != nil {
		v.meanwhile()
	}
	if err := v.call(name); err != nil {
		return err
	}
	if v.records[old].Next != next || v.records[next].Replaces != old {
		return access.ErrRotation
	}
	return nil
}

func (v *vault) CompleteRotation(_ context.Context, _ tenant.ID, old, next string, now time.Time) error {
	if err := v.step("complete "+old[:1]+next[:1], old, next); err != nil {
		return err
	}
	r := v.records[next]
	r.Replaces = ""
	v.records[next] = r
	r = v.records[old]
	r.Next, r.Revoked = "", now
	v.records[old] = r
	return nil
}

func (v *vault) CancelRotation(_ context.Context, _ tenant.ID, old, next string, now time.Time) error {
	if err := v.step("cancel "+old[:1]+next[:1], old, next); err != nil {
		return err
	}
	r := v.records[old]
	r.Next = ""
	v.records[old] = r
	r = v.records[next]
	r.Replaces, r.Revoked = "", now
	v.records[next] = r
	return nil
}

// id returns an id of the right form.
func id(letter string) string { return strings.Repeat(letter, 16) }

// rotating returns the tokens a and b of which b is to replace a.
func rotating() *vault {
	return newVault(access.Record{ID: id("a"), Label: "Okta", Next: id("b")}, access.Record{ID: id("b"), Replaces: id("a")})
}

func keeper(v *vault) *access.Keeper {
	return access.NewKeeper(v, func() time.Time { return noon })
}

func TestRecord_IsLiveUntilItExpiresOrIsRevoked(t *testing.T) {
	for _, c := range []struct {
		record access.Record
		live   bool
	}{
		{access.Record{}, true},
		{access.Record{Expires: noon.Add(1)}, true},
		{access.Record{Expires: noon}, false},
		{access.Record{Revoked: noon.Add(time.Hour)}, false},
		{access.Record{Revoked: noon, Expires: noon.Add(time.Hour)}, false},
		{access.Record{Revoked: noon, Expires: noon}, false},
	} {
		require.Equal(t, c.live, c.record.Live(noon), "%+v", c.record)
	}
}

func TestKeeper_ReadsTokens(t *testing.T) {
	v := rotating()
	all, err := keeper(v).Tokens(t.Context(), acme(t))
	require.NoError(t, err)
	require.Len(t, all, 2)
	one, err := keeper(v).Token(t.Context(), acme(t), id("a"))
	require.NoError(t, err)
	require.Equal(t, "Okta", one.Label)
	_, err = keeper(v).Token(t.Context(), acme(t), id("c"))
	require.ErrorIs(t, err, access.ErrNoToken)

	v.calls = nil
	for _, bad := range []string{"", "a", id("a") + "a", id("A"), id("1"), strings.Repeat("a", 15) + "_"} {
		_, err := keeper(v).Token(t.Context(), acme(t), bad)
		require.ErrorIs(t, err, access.ErrNoToken, bad)
	}
	require.Empty(t, v.calls, "what is no id is not read")

	v.broken = "list"
	_, err = keeper(v).Tokens(t.Context(), acme(t))
	require.ErrorIs(t, err, errBroken)
	v.broken = "read a"
	_, err = keeper(v).Token(t.Context(), acme(t), id("a"))
	require.ErrorIs(t, err, errBroken)
}

func TestMint_StoresTheRecord(t *testing.T) {
	v := newVault()
	text, r, err := keeper(v).Mint(t.Context(), acme(t), access.Wanted{Label: "Okta", Expires: noon.Add(1)})
	require.NoError(t, err)
	token, err := access.Parse(text)
	require.NoError(t, err)
	require.Equal(t, r, v.records[token.ID])
	require.Equal(t, access.Record{
		ID: token.ID, Hash: r.Hash, LastFour: text[len(text)-4:], Label: "Okta", Created: noon, Expires: noon.Add(1),
	}, r)
	require.Len(t, r.Hash, 64)
}

// A source of randomness that repeats itself repeats the tokens, and one that ends gives
// none.
func TestWithRandom_DecidesTheToken(t *testing.T) {
	mint := func(random string) string {
		text, _, err := keeper(newVault()).WithRandom(strings.NewReader(random)).Mint(t.Context(), acme(t), access.Wanted{})
		require.NoError(t, err)
		return text
	}
	bytes := strings.Repeat("0123456", 6)
	require.Equal(t, mint(bytes), mint(bytes))
	require.NotEqual(t, mint(bytes), mint(bytes[1:]+"x"))
	require.Panics(t, func() { mint(bytes[1:]) }, "a token of fewer random bits")
}

func TestMint_Refuses(t *testing.T) {
	for broken, want := range map[string]access.Wanted{"list": {}, "save": {}, "": {Expires: noon}} {
		v := newVault()
		v.broken = broken
		text, r, err := keeper(v).Mint(t.Context(), acme(t), want)
		if broken == "" {
			require.ErrorIs(t, err, access.ErrPast)
		} else {
			require.ErrorIs(t, err, errBroken, broken)
		}
		require.Empty(t, text, "a token that was not stored is not shown")
		require.Zero(t, r)
		require.Empty(t, v.records)
	}
}

// A tenant has at most twenty live tokens. Revoked and expired tokens do not count,
// nor does a token that is to replace another.
func TestMint_CountsLiveTokens(t *testing.T) {
	full := newVault(
		access.Record{ID: "revoked", Revoked: noon}, access.Record{ID: "expired", Expires: noon}, access.Record{ID: "next", Replaces: "0"})
	for i := range access.MaxTokens - 1 {
		letter := string(rune('a' + i))
		full.records[letter] = access.Record{ID: letter}
	}
	_, _, err := keeper(full).Mint(t.Context(), acme(t), access.Wanted{})
	require.NoError(t, err, "the twentieth")
	text, r, err := keeper(full).Mint(t.Context(), acme(t), access.Wanted{})
	require.ErrorIs(t, err, access.ErrTooManyTokens)
	require.Empty(t, text)
	require.Zero(t, r)
}

func TestRevoke_IsOneStepForEachStateOfAToken(t *testing.T) {
	for _, c := range []struct {
		name  string
		vault *vault
		id    string
		calls []string
	}{
		{"a token", newVault(access.Record{ID: id("a")}), "a", []string{"read a", "revoke a"}},
		{"a revoked one", newVault(access.Record{ID: id("a"), Revoked: noon.Add(-1)}), "a", []string{"read a"}},
		{"the old one of a rotation", rotating(), "a", []string{"read a", "complete ab"}},
		{"the new one of a rotation", rotating(), "b", []string{"read b", "cancel ab"}},
	} {
		require.NoError(t, keeper(c.vault).Revoke(t.Context(), acme(t), id(c.id)), c.name)
		require.Equal(t, c.calls, c.vault.calls, c.name)
		require.False(t, c.vault.records[id(c.id)].Revoked.IsZero(), c.name)
		for other, r := range c.vault.records {
			require.True(t, other == id(c.id) || r.Live(noon), "%s: the other token stays", c.name)
		}
		require.False(t, c.vault.records[id(c.id)].Revoked.After(noon))
	}
}

func TestRevoke_ReportsFailures(t *testing.T) {
	require.ErrorIs(t, keeper(newVault()).Revoke(t.Context(), acme(t), id("a")), access.ErrNoToken)
	for _, c := range []struct{ broken, id string }{{"read a", "a"}, {"complete ab", "a"}, {"cancel ab", "b"}} {
		v := rotating()
		v.broken = c.broken
		require.ErrorIs(t, keeper(v).Revoke(t.Context(), acme(t), id(c.id)), errBroken, c.broken)
		require.LessOrEqual(t, len(v.calls), 2, "it is not tried again")
	}
	v := newVault(access.Record{ID: id("a")})
	v.broken = "revoke a"
	require.ErrorIs(t, keeper(v).Revoke(t.Context(), acme(t), id("a")), errBroken)
}

// A rotation that another administrator ends meanwhile is read again; after three times
// the request gives up.
func TestRevoke_DecidesAgainIfTheRotationMoved(t *testing.T) {
	v := rotating()
	v.meanwhile = func() {
		v.meanwhile = nil
		require.NoError(t, v.CancelRotation(t.Context(), acme(t), id("a"), id("b"), noon))
		v.calls = nil
	}
	require.NoError(t, keeper(v).Revoke(t.Context(), acme(t), id("a")))
	require.Equal(t, []string{"complete ab", "read a", "revoke a"}, v.calls)

	v = rotating()
	r := v.records[id("b")]
	r.Replaces = ""
	v.records[id("b")] = r // the records contradict each other for good
	require.ErrorIs(t, keeper(v).Revoke(t.Context(), acme(t), id("a")), access.ErrRotation)
	require.Equal(t, []string{"read a", "complete ab", "read a", "complete ab", "read a", "complete ab"}, v.calls)
}

func TestRotate_MintsTheNextToken(t *testing.T) {
	for label, want := range map[string]string{"": "Okta", "New": "New"} {
		v := newVault(access.Record{ID: id("a"), Label: "Okta"})
		text, r, err := keeper(v).Rotate(t.Context(), acme(t), id("a"), access.Wanted{Label: label, Expires: noon.Add(1)})
		require.NoError(t, err)
		token, err := access.Parse(text)
		require.NoError(t, err)
		require.Equal(t, access.Record{
			ID: token.ID, Hash: r.Hash, LastFour: r.LastFour, Label: want, Created: noon, Expires: noon.Add(1), Replaces: id("a"),
		}, r)
		require.Equal(t, r, v.records[r.ID])
		require.Equal(t, r.ID, v.records[id("a")].Next)
	}
}

func TestRotate_Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		old    access.Record
		wanted access.Wanted
		broken string
		want   error
	}{
		"a revoked token":           {old: access.Record{ID: id("a"), Revoked: noon}, want: access.ErrRotation},
		"an expired token":          {old: access.Record{ID: id("a"), Expires: noon}, want: access.ErrRotation},
		"one that is rotated":       {old: access.Record{ID: id("a"), Next: id("b")}, want: access.ErrRotation},
		"one that replaces another": {old: access.Record{ID: id("a"), Replaces: id("b")}, want: access.ErrRotation},
		"an unknown one":            {old: access.Record{ID: id("c")}, want: access.ErrNoToken},
		"a time in the past":        {old: access.Record{ID: id("a")}, wanted: access.Wanted{Expires: noon}, want: access.ErrPast},
		"without a read":            {old: access.Record{ID: id("a")}, broken: "read a", want: errBroken},
		"without a write":           {old: access.Record{ID: id("a")}, broken: "begin a", want: errBroken},
	} {
		v := newVault(c.old)
		v.broken = c.broken
		text, r, err := keeper(v).Rotate(t.Context(), acme(t), id("a"), c.wanted)
		require.ErrorIs(t, err, c.want, name)
		require.Empty(t, text, name)
		require.Zero(t, r, name)
		require.Equal(t, map[string]access.Record{c.old.ID: c.old}, v.records, name)
	}
}

func TestComplete_LeavesTheNextToken(t *testing.T) {
	v := rotating()
	next, err := keeper(v).Complete(t.Context(), acme(t), id("a"))
	require.NoError(t, err)
	require.Equal(t, access.Record{ID: id("b")}, next)
	require.Equal(t, noon, v.records[id("a")].Revoked)
	require.True(t, v.records[id("b")].Live(noon))
}

func TestCancel_LeavesTheOldToken(t *testing.T) {
	v := rotating()
	old, err := keeper(v).Cancel(t.Context(), acme(t), id("a"))
	require.NoError(t, err)
	require.Equal(t, access.Record{ID: id("a"), Label: "Okta"}, old)
	require.Equal(t, noon, v.records[id("b")].Revoked)
	require.True(t, v.records[id("a")].Live(noon))
}

func TestComplete_Refuses(t *testing.T) {
	expired := rotating()
	r := expired.records[id("b")]
	r.Expires = noon
	expired.records[id("b")] = r
	lost := newVault(access.Record{ID: id("a"), Next: id("b")})
	for name, c := range map[string]struct {
		vault  *vault
		broken string
		want   error
	}{
		"an unknown token":          {newVault(), "", access.ErrNoToken},
		"one that is not rotated":   {newVault(access.Record{ID: id("a")}), "", access.ErrRotation},
		"without the next one":      {lost, "", access.ErrNoToken},
		"if the next one expired":   {expired, "", access.ErrRotation},
		"without the first read":    {rotating(), "read a", errBroken},
		"without the second read":   {rotating(), "read b", errBroken},
		"without the write":         {rotating(), "complete ab", errBroken},
		"without the write, cancel": {rotating(), "cancel ab", errBroken},
	} {
		c.vault.broken = c.broken
		if !strings.HasSuffix(name, "cancel") {
			_, err := keeper(c.vault).Complete(t.Context(), acme(t), id("a"))
			require.ErrorIs(t, err, c.want, name)
		}
		require.True(t, c.vault.records[id("a")].Revoked.IsZero(), name)
		if strings.HasPrefix(c.broken, "complete") || strings.Contains(name, "next one") || c.broken == "read b" {
			continue
		}
		_, err := keeper(c.vault).Cancel(t.Context(), acme(t), id("a"))
		require.ErrorIs(t, err, c.want, "%s: cancel", name)
		require.True(t, c.vault.records[id("b")].Revoked.IsZero(), name)
	}
}
