package access_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// source is a Source in memory that counts its reads.
type source struct {
	settings tenant.Settings
	schemas  string
	records  map[string]access.Record
	clients  map[string]access.Client
	reads    int
	probes   int // reads of a token alone
	err      error

	mu    sync.Mutex
	notes int
	slow  chan struct{} // what Used waits for, nil for nothing
}

func (s *source) Access(_ context.Context, t tenant.ID, id string) (access.Owner, access.Record, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	r, ok := s.records[t.String()+"/"+id]
	return access.Owner{Settings: s.settings, CursorKey: []byte("key"), Schemas: s.schemas}, r, ok, s.err
}

// HasToken implements access.Source.
func (s *source) HasToken(_ context.Context, t tenant.ID, id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probes++
	_, ok := s.records[t.String()+"/"+id]
	return ok, s.err
}

// AccessClient implements access.Source.
func (s *source) AccessClient(_ context.Context, t tenant.ID, id, used string) (access.Owner, access.Client, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	c, ok := s.clients[t.String()+"/"+id]
	c.LastUsed = s.records[t.String()+"/"+used].LastUsed
	return access.Owner{Settings: s.settings, CursorKey: []byte("key"), Schemas: s.schemas}, c, ok, s.err
}

// HasClient implements access.Source.
func (s *source) HasClient(_ context.Context, t tenant.ID, id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probes++
	_, ok := s.clients[t.String()+"/"+id]
	return ok, s.err
}

// Used records the use, as a store does, unless it was recorded since before.
func (s *source) Used(ctx context.Context, t tenant.ID, id string, before, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes++
	if s.slow != nil {
		select {
		case <-s.slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if r := s.records[t.String()+"/"+id]; r.LastUsed.Equal(before) {
		r.LastUsed = now
		s.records[t.String()+"/"+id] = r
	}
	return nil
}

func acme(t *testing.T) tenant.ID {
	t.Helper()
	id, err := tenant.ParseID("acme")
	require.NoError(t, err)
	return id
}

func setUp(t *testing.T) (*source, string, string) {
	text, record := access.Mint(acme(t))
	s := &source{settings: tenant.DefaultSettings(), records: map[string]access.Record{"acme/" + record.ID: record}}
	return s, text, "acme/" + record.ID
}

// Covers: 7643-9.2-2, 7644-7.7-1
func TestMint_KeepsNoSecret(t *testing.T) {
	text, record := access.Mint(acme(t))
	secret := strings.Split(text, "_")[3]
	assert.NotContains(t, fmt.Sprintf("%+v", record), secret, "the record holds the secret")
	token, err := access.Parse(text)
	require.NoError(t, err)
	for _, format := range []string{"%v", "%s", "%+v", "%#v"} {
		assert.NotContainsf(t, fmt.Sprintf(format, token), secret, "%s of a token shows its secret", format)
	}
	other, _ := access.Mint(acme(t))
	assert.NotEqual(t, text, other, "two tokens are the same")
	assert.Truef(t, strings.HasSuffix(text, record.LastFour) && len(record.LastFour) == 4, "LastFour = %q is not the end of the token", record.LastFour)
}

func TestParse_RefusesOtherTexts(t *testing.T) {
	good, _ := access.Mint(acme(t))
	token, err := access.Parse(good)
	require.Truef(t, err == nil && token.Tenant == acme(t), "Parse of a minted token: %v, %v", token, err)
	flip := func(at int) string {
		b := []byte(good)
		if b[at] == 'a' {
			b[at] = 'b'
		} else {
			b[at] = 'a'
		}
		return string(b)
	}
	bad := map[string]string{
		"empty": "", "undefined": "undefined", "null": "null",
		"cut": good[:len(good)-1], "longer": good + "a", "NUL": good + "\x00", "two": good + ", Bearer " + good,
		"upper case": strings.ToUpper(good), "huge": strings.Repeat("A", 7000),
		"last character": flip(len(good) - 1), "tenant": flip(5), "secret": flip(len(good) - 20),
		"empty parts": "rct____", "spaces": strings.ReplaceAll(good, "_", " "),
	}
	for name, text := range bad {
		_, err := access.Parse(text)
		assert.ErrorIsf(t, err, access.ErrMalformed, "%s: Parse = %v, want ErrMalformed", name, err)
	}
}

func TestAuthenticate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name   string
		header func(token string) string
		change func(s *source, r *access.Record)
		want   error
		reads  int
	}{
		// Covers: 6750-2.1-1
		{"good", func(token string) string { return "Bearer " + token }, nil, nil, 1},
		{"lower-case scheme", func(token string) string { return "bearer " + token }, nil, nil, 1},
		{"no header", func(string) string { return "" }, nil, access.ErrMissing, 0},
		{"bare token", func(token string) string { return token }, nil, access.ErrNotBearer, 0},
		{"basic", func(token string) string { return "Basic " + token }, nil, access.ErrNotBearer, 0},
		{"altered", func(token string) string { return "Bearer " + token + "x" }, nil, access.ErrMalformed, 0},
		{"never stored", func(string) string { other, _ := access.Mint(acme(t)); return "Bearer " + other }, nil, access.ErrUnknown, 0},
		{"other secret", nil, func(_ *source, r *access.Record) { r.Hash = strings.Repeat("0", 64) }, access.ErrUnknown, 1},
		{"revoked", nil, func(_ *source, r *access.Record) { r.Revoked = now.Add(-time.Hour) }, access.ErrRevoked, 1},
		{"expired", nil, func(_ *source, r *access.Record) { r.Expires = now }, access.ErrExpired, 1},
		{"not yet expired", nil, func(_ *source, r *access.Record) { r.Expires = now.Add(time.Second) }, nil, 1},
		{"turned off", nil, func(s *source, _ *access.Record) { s.settings.SCIMDisabled = true }, access.ErrDisabled, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, token, key := setUp(t)
			if tt.change != nil {
				r := s.records[key]
				tt.change(s, &r)
				s.records[key] = r
			}
			header := "Bearer " + token
			if tt.header != nil {
				header = tt.header(token)
			}
			grant, err := access.NewAuthenticator(s, func() time.Time { return now }).Authenticate(t.Context(), header)
			require.ErrorIs(t, err, tt.want, "Authenticate")
			assert.Falsef(t, err == nil && grant.Tenant != acme(t), "tenant = %q, want acme", grant.Tenant)
			assert.Equalf(t, tt.reads, s.reads, "%d reads, want %d", s.reads, tt.reads)
			assert.False(t, err != nil && strings.Contains(err.Error(), token), "the error shows the token")
		})
	}
}

func TestAuthenticate_CachesForCacheTime(t *testing.T) {
	s, token, key := setUp(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a := access.NewAuthenticator(s, func() time.Time { return now })
	ask := func() error { _, err := a.Authenticate(t.Context(), "Bearer "+token); return err }
	for range 3 {
		require.NoError(t, ask())
	}
	require.Equalf(t, 1, s.reads, "%d reads for three requests, want 1", s.reads)
	r := s.records[key]
	r.Revoked = now
	s.records[key] = r
	now = now.Add(access.CacheTime - time.Millisecond)
	err := ask()
	assert.NoErrorf(t, err, "within CacheTime of the read: %v, want the token accepted", err)
	now = now.Add(time.Millisecond)
	err = ask()
	assert.ErrorIsf(t, err, access.ErrRevoked, "after CacheTime: %v, want ErrRevoked", err)
}

func TestAuthenticate_AcceptsANewTokenAtOnce(t *testing.T) {
	s, _, _ := setUp(t)
	a := access.NewAuthenticator(s, time.Now)
	for range 3 {
		unknown, _ := access.Mint(acme(t))
		_, err := a.Authenticate(t.Context(), "Bearer "+unknown)
		require.ErrorIs(t, err, access.ErrUnknown)
	}
	token, record := access.Mint(acme(t))
	s.records["acme/"+record.ID] = record
	_, err := a.Authenticate(t.Context(), "Bearer "+token)
	assert.NoError(t, err, "after it is saved")
}

func TestAuthenticate_ReturnsTheErrorOfARead(t *testing.T) {
	s, token, _ := setUp(t)
	s.err = errors.New("table is away")
	_, err := access.NewAuthenticator(s, time.Now).Authenticate(t.Context(), "Bearer "+token)
	assert.ErrorIsf(t, err, s.err, "Authenticate = %v, want the source's error", err)
}

// A tenant's schemas are in its grants only, and are compiled again if only
// they changed.
func TestAuthenticate_GrantsTheTenantsTypes(t *testing.T) {
	s, token, _ := setUp(t)
	base := schema.Types{User: schema.UserType(), Group: schema.GroupType()}
	hr, err := schema.ParseRegistration([]byte(`{"id":"urn:example:hr","attributes":[{"name":"badge"}]}`))
	require.NoError(t, err)
	own, err := schema.Registrations{}.Put(base, hr)
	require.NoError(t, err)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a := access.NewAuthenticator(s, func() time.Time { return now }).WithTypes(base)
	ask := func() schema.Types {
		t.Helper()
		now = now.Add(access.CacheTime)
		grant, err := a.Authenticate(t.Context(), "Bearer "+token)
		require.NoError(t, err)
		return grant.Types
	}
	assert.True(t, ask() == base, "a tenant without schemas does not have the built-in types")
	s.schemas = string(own.Encode())
	first := ask()
	if first.User.Extension("urn:example:hr") == nil || base.User.Extension("urn:example:hr") != nil {
		t.Error("the schema is not the tenant's, or not only the tenant's")
	}
	assert.True(t, ask() == first, "the same schemas are compiled twice")
	left, _ := own.Remove("urn:example:hr")
	s.schemas = string(left.Encode())
	assert.Nil(t, ask().User.Extension("urn:example:hr"), "a removed schema is still there")
}

// The use is recorded beside the first request, and again an hour later, by one
// of the concurrent requests.
func TestRecordUse_OnceAnHour(t *testing.T) {
	s, text, key := setUp(t)
	now := time.Now().Truncate(time.Millisecond)
	a := access.NewAuthenticator(s, func() time.Time { return now })
	use := func() {
		t.Helper()
		grant, err := a.Authenticate(t.Context(), "Bearer "+text)
		require.NoError(t, err)
		a.RecordUse(t.Context(), grant)()
	}
	for _, step := range []struct {
		after time.Duration
		notes int
	}{{0, 1}, {time.Second, 1}, {30 * time.Minute, 1}, {29 * time.Minute, 1}, {time.Minute, 2}, {time.Second, 2}} {
		now = now.Add(step.after)
		use()
		use()
		assert.Equalf(t, step.notes, s.notes, "after %v: %d notes, want %d", step.after, s.notes, step.notes)
	}
	got := s.records[key].LastUsed
	assert.Truef(t, !got.After(now) && now.Sub(got) <= time.Minute, "last used %v, now %v", got, now)
}

// A slow record of the use does not delay an answer, and is repeated by a later
// request.
func TestRecordUse_AnswerDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, text, _ := setUp(t)
		s.slow = make(chan struct{})
		a := access.NewAuthenticator(s, time.Now)
		grant, err := a.Authenticate(t.Context(), "Bearer "+text)
		require.NoError(t, err)
		began := time.Now()
		a.RecordUse(t.Context(), grant)()
		elapsed := time.Since(began)
		assert.Truef(t, elapsed <= time.Second, "the answer waited %v", elapsed)
		synctest.Wait() // the interrupted record is over
		s.slow = nil
		for end := time.Now().Add(5 * time.Second); s.notes < 2; time.Sleep(time.Millisecond) {
			a.RecordUse(t.Context(), grant)()
			synctest.Wait()
			require.Falsef(t, time.Now().After(end), "%d notes, want a second", s.notes)
		}
	})
}
