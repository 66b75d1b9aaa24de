package access_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// known returns the source of one token, with an Authenticator and a clock.
func known(t *testing.T) (s *source, key, header string, a *access.Authenticator, now *time.Time) {
	t.Helper()
	s, text, key := setUp(t)
	at := noon
	return s, key, "Bearer " + text, access.NewAuthenticator(s, func() time.Time { return at }), &at
}

// change changes the stored record.
func (s *source) change(key string, apply func(*access.Record)) {
	r := s.records[key]
	apply(&r)
	s.records[key] = r
}

// The seats of a grant are those read with the token, if they are the tenant's.
func TestAuthenticate_KnowsTheSeats(t *testing.T) {
	s, _, header, _, _ := known(t)
	for counted, want := range map[bool]tenant.SeatCounts{true: {Seats: 3, SeatLimit: 9, Read: noon}, false: {}} {
		g, err := access.NewAuthenticator(&counting{s, counted}, func() time.Time { return noon }).Authenticate(t.Context(), header)
		require.NoError(t, err)
		require.Equal(t, want, g.SeatCounts())
	}
}

// counting is a source with seats, which are those of the tenant if counted.
type counting struct {
	*source

	counted bool
}

func (c *counting) Access(ctx context.Context, t tenant.ID, id string) (access.Owner, access.Record, bool, error) {
	owner, r, ok, err := c.source.Access(ctx, t, id)
	owner.Seats, owner.SeatLimit, owner.Counted = 3, 9, c.counted
	return owner, r, ok, err
}

// The grant of a refused token has what the log needs; that of an unknown one only what
// the credential claims.
func TestAuthenticate_GivesTheGrantOfTheToken(t *testing.T) {
	s, key, header, _, _ := known(t)
	s.settings.LogDays = 7
	s.change(key, func(r *access.Record) { r.Label, r.LastUsed = "Okta", noon.Add(-time.Minute) })
	for name, c := range map[string]struct {
		change func(*access.Record)
		want   error
	}{
		"good":    {func(*access.Record) {}, nil},
		"revoked": {func(r *access.Record) { r.Revoked = noon.Add(-1) }, access.ErrRevoked},
		"expired": {func(r *access.Record) { r.Revoked, r.Expires = time.Time{}, noon }, access.ErrExpired},
	} {
		s.change(key, c.change)
		a := access.NewAuthenticator(s, func() time.Time { return noon })
		g, err := a.Authenticate(t.Context(), header)
		require.ErrorIs(t, err, c.want, name)
		require.Equal(t, acme(t), g.Tenant, name)
		require.Equal(t, s.records[key].ID, g.TokenID, name)
		require.Equal(t, "Okta", g.Label, name)
		require.Equal(t, s.settings, g.Settings, name)
		require.Equal(t, []byte("key"), g.CursorKey, name)
		s.change(key, func(r *access.Record) { r.Revoked, r.Expires = time.Time{}, time.Time{} })
	}
	s.settings.SCIMDisabled = true
	g, err := access.NewAuthenticator(s, func() time.Time { return noon }).Authenticate(t.Context(), header)
	require.ErrorIs(t, err, access.ErrDisabled)
	require.Equal(t, "Okta", g.Label)

	record := s.records[key]
	for name, records := range map[string]map[string]access.Record{
		"unknown":        {},
		"another secret": {key: {ID: record.ID, Hash: strings.Repeat("0", 64), Label: "Okta"}},
	} {
		s.records = records
		g, err := access.NewAuthenticator(s, func() time.Time { return noon }).Authenticate(t.Context(), header)
		require.ErrorIs(t, err, access.ErrUnknown, name)
		require.Equal(t, access.Grant{Tenant: acme(t), TokenID: record.ID}, g, name)
	}
	for _, bad := range []string{"", "Bearer x"} {
		g, err := access.NewAuthenticator(s, func() time.Time { return noon }).Authenticate(t.Context(), bad)
		require.Error(t, err)
		require.Zero(t, g, "nothing is claimed")
	}
}

func TestAuthenticate_ReportsAFailedRead(t *testing.T) {
	s, _, header, a, _ := known(t)
	s.err = errBroken
	g, err := a.Authenticate(t.Context(), header)
	require.ErrorIs(t, err, errBroken)
	require.NotZero(t, g.TokenID, "what the credential claims")
	s.err = nil
	_, err = a.Authenticate(t.Context(), header)
	require.NoError(t, err, "a failed read is not cached")
}

// A revoked token works for at most ten seconds, and a clock that was set back proves
// nothing.
func TestAuthenticate_CachesForTenSeconds(t *testing.T) {
	s, key, header, a, now := known(t)
	try := func() error {
		_, err := a.Authenticate(t.Context(), header)
		return err
	}
	require.NoError(t, try())
	s.change(key, func(r *access.Record) { r.Revoked = noon })
	*now = noon.Add(access.CacheTime - 1)
	require.NoError(t, try())
	require.Equal(t, 1, s.reads)
	*now = noon.Add(-1)
	require.ErrorIs(t, try(), access.ErrRevoked)
	require.Equal(t, 2, s.reads)

	s, key, header, a, now = known(t)
	require.NoError(t, try())
	s.change(key, func(r *access.Record) { r.Revoked = noon })
	*now = noon.Add(access.CacheTime)
	require.ErrorIs(t, try(), access.ErrRevoked)
	require.Equal(t, 2, s.reads)

	delete(s.records, key)
	*now = noon.Add(3 * access.CacheTime)
	require.ErrorIs(t, try(), access.ErrUnknown)
	require.ErrorIs(t, try(), access.ErrUnknown)
	require.Equal(t, 3, s.reads, "that it is unknown is known")
	*now = now.Add(access.CacheTime)
	require.ErrorIs(t, try(), access.ErrUnknown)
	require.Equal(t, []int{3, 2}, []int{s.reads, s.probes}, "for as long as any token; then its existence is read again, as at first")
}

// The cache holds ten thousand tokens: the next one empties it.
func TestAuthenticate_CachesABoundedNumberOfTokens(t *testing.T) {
	const most = 10_000
	s := &source{settings: tenant.DefaultSettings(), records: map[string]access.Record{}}
	a := access.NewAuthenticator(s, func() time.Time { return noon })
	var headers []string
	for range most + 1 {
		text, record := access.Mint(acme(t))
		s.records["acme/"+record.ID] = record
		headers = append(headers, "Bearer "+text)
	}
	reads := func(header string) int {
		before := s.reads
		_, err := a.Authenticate(t.Context(), header)
		require.NoError(t, err)
		return s.reads - before
	}
	for _, header := range headers[:most] {
		require.Equal(t, 1, reads(header))
	}
	require.Zero(t, reads(headers[0]), "all are cached")
	require.Equal(t, 1, reads(headers[most]))
	require.Equal(t, 1, reads(headers[0]), "the cache was emptied")
	require.Zero(t, reads(headers[most]), "of all but the new one")
}

// The use of a token is recorded once an hour.
func TestRecordUse_AfterAnHour(t *testing.T) {
	for _, c := range []struct {
		last time.Duration
		want int
	}{{access.UsedEvery - 1, 0}, {access.UsedEvery, 1}, {access.UsedEvery + 1, 1}} {
		s, key, header, a, _ := known(t)
		s.change(key, func(r *access.Record) { r.LastUsed = noon.Add(-c.last) })
		for range 2 {
			g, err := a.Authenticate(t.Context(), header)
			require.NoError(t, err)
			a.RecordUse(t.Context(), g)()
		}
		s.mu.Lock()
		require.Equal(t, c.want, s.notes, c.last)
		s.mu.Unlock()
	}
}

// Whether this instance has recorded the use is remembered when the token is read again,
// as long as no other instance has recorded it.
func TestRecordUse_NotAgainAfterARead(t *testing.T) {
	s, key, header, a, now := known(t)
	use := func() {
		g, err := a.Authenticate(t.Context(), header)
		require.NoError(t, err)
		a.RecordUse(t.Context(), g)()
	}
	lost := access.Record{}
	use()
	s.change(key, func(r *access.Record) { lost, r.LastUsed = *r, time.Time{} }) // the write was lost
	require.Equal(t, noon, lost.LastUsed)
	*now = noon.Add(access.CacheTime)
	use()
	require.Equal(t, 1, s.notes, "the use was recorded by this instance, as far as it knows")
	s.change(key, func(r *access.Record) { r.LastUsed = noon.Add(-2 * access.UsedEvery) })
	*now = noon.Add(2 * access.CacheTime)
	use()
	require.Equal(t, 2, s.notes, "another instance has recorded another use")
}

// A schema that cannot be decoded refuses the request: its attributes would be lost.
func TestAuthenticate_RefusesADamagedSchema(t *testing.T) {
	s, _, header, a, _ := known(t)
	a.WithTypes(schema.Types{User: schema.UserType(), Group: schema.GroupType()})
	s.schemas = "{"
	g, err := a.Authenticate(t.Context(), header)
	require.Error(t, err)
	require.NotErrorIs(t, err, access.ErrUnknown, "the token is right")
	require.Empty(t, g.Label)

	s, _, header, a, _ = known(t)
	s.schemas = "{"
	_, err = a.Authenticate(t.Context(), header)
	require.NoError(t, err, "without the built-in types nothing is decoded")
}

// The answer waits for the record of the use no longer than it takes.
func TestRecordUse_IsOverWhenItIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, header, a, _ := known(t)
		g, err := a.Authenticate(t.Context(), header)
		require.NoError(t, err)
		began := time.Now()
		a.RecordUse(t.Context(), g)()
		require.Zero(t, time.Since(began))
	})
}

// panicking is a source that cannot record the use of a token.
type panicking struct{ *source }

func (panicking) Used(context.Context, tenant.ID, string, time.Time, time.Time) error {
	panic("the table is gone")
}

func TestRecordUse_SurvivesAPanic(t *testing.T) {
	s, _, header, _, _ := known(t)
	a := access.NewAuthenticator(panicking{s}, func() time.Time { return noon })
	g, err := a.Authenticate(t.Context(), header)
	require.NoError(t, err)
	a.RecordUse(t.Context(), g)()
}

// A grant that the cache does not hold any more is not recorded: another request will.
func TestRecordUse_OnlyOfACachedToken(t *testing.T) {
	s, _, header, a, _ := known(t)
	g, err := a.Authenticate(t.Context(), header)
	require.NoError(t, err)
	access.NewAuthenticator(s, func() time.Time { return noon }).RecordUse(t.Context(), g)()
	require.Zero(t, s.notes)
}
