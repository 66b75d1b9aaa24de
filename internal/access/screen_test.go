package access_test

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ring is a Keys in memory.
type ring struct {
	keys      []access.Key
	reads     int
	err       error
	meanwhile func()
}

func (r *ring) TokenKeys(context.Context) ([]access.Key, error) {
	r.reads++
	return slices.Clone(r.keys), r.err
}

func (r *ring) AddTokenKey(_ context.Context, read []access.Key, added access.Key) error {
	if r.meanwhile != nil {
		r.meanwhile()
	}
	if len(read) != len(r.keys) {
		return access.ErrKeys
	}
	r.keys = append(r.keys, added)
	return nil
}

// deployment is a Keeper and an Authenticator on one source and one ring.
type deployment struct {
	t      *testing.T
	source *source
	vault  *vault
	ring   *ring
	now    time.Time
	keeper *access.Keeper
	access *access.Authenticator
}

func deploy(t *testing.T) *deployment {
	d := &deployment{t: t, source: &source{settings: tenant.DefaultSettings(), records: map[string]access.Record{}}, vault: newVault(), ring: &ring{}, now: noon}
	clock := func() time.Time { return d.now }
	d.keeper = access.NewKeeper(d.vault, clock).WithKeys(d.ring)
	d.access = d.instance()
	return d
}

// instance returns the Authenticator of a further instance.
func (d *deployment) instance() *access.Authenticator {
	return access.NewAuthenticator(d.source, func() time.Time { return d.now }).WithKeys(d.ring)
}

// mint returns a new token of acme.
func (d *deployment) mint() string {
	d.t.Helper()
	text, record, err := d.keeper.Mint(d.t.Context(), acme(d.t), access.Wanted{})
	require.NoError(d.t, err)
	d.source.records["acme/"+record.ID] = record
	return text
}

func (d *deployment) send(a *access.Authenticator, token string) error {
	_, err := a.Authenticate(d.t.Context(), "Bearer "+token)
	return err
}

// cost returns the read units that requests have cost acme's partition so far.
func (d *deployment) cost() int { return d.source.probes + 5*d.source.reads }

// forged returns the n-th token with a mark that nobody made, in place of that of a token.
func forged(token string, n int) string {
	parts := strings.Split(token, "_")
	parts[2] = fmt.Sprintf("%s%02s", parts[2][:14], strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%02d", n%100)))
	return strings.Join(parts, "_")
}

func TestScreen_RefusesWhatWasNotMintedHereWithoutARead(t *testing.T) {
	d := deploy(t)
	token := d.mint()
	require.NoError(t, d.send(d.access, token))
	before := d.cost()
	for n := range 100 {
		if other := forged(token, n); other != token {
			require.ErrorIs(t, d.send(d.access, other), access.ErrMalformed)
		}
	}
	for i := len(token) - 24; i < len(token); i++ {
		other := "0"
		if token[i] == '0' {
			other = "1"
		}
		require.ErrorIs(t, d.send(d.access, token[:i]+other+token[i+1:]), access.ErrMalformed, "digit %d of the mark", i)
	}
	elsewhere := deploy(t)
	require.ErrorIs(t, d.send(d.access, elsewhere.mint()), access.ErrElsewhere, "a token of another deployment")
	assert.Equal(t, before, d.cost())
	assert.Equal(t, 1, d.ring.reads-d.mints(), "the keys are read once, by the first request")
}

// mints is how often the Keeper has read the keys: once for each token.
func (d *deployment) mints() int { return len(d.vault.records) }

// Tokens without a mark, which earlier versions minted, may be ours: looking for them
// costs at most 20 read units a second.
func TestScreen_LooksUpFewTokensWithoutAMark(t *testing.T) {
	d := deploy(t)
	token := d.mint()
	cost := make([]int, 10)
	for i := range 10_000 {
		unknown, _ := access.Mint(acme(t))
		before := d.cost()
		err := d.send(d.access, unknown)
		require.True(t, err == access.ErrUnknown || err == access.ErrCrowded, "%v", err)
		cost[i/1000] += d.cost() - before
		d.now = d.now.Add(time.Millisecond)
	}
	for second, units := range cost {
		assert.True(t, 0 < units && units <= 20, "%d read units in second %d", units, second)
	}
	// Another tenant's, and one with a mark, are read all the same.
	require.NoError(t, d.send(d.access, token))
	other, record := access.Mint(tenantID(t, "other"))
	d.source.records["other/"+record.ID] = record
	require.NoError(t, d.send(d.access, other))
	// When the storm has ended, so is one of the same tenant without a mark.
	former, record := access.Mint(acme(t))
	d.source.records["acme/"+record.ID] = record
	for d.send(d.access, unknownToken(t)) != access.ErrCrowded {
	}
	require.ErrorIs(t, d.send(d.access, former), access.ErrCrowded)
	d.now = d.now.Add(100 * time.Millisecond)
	require.NoError(t, d.send(d.access, former))
}

func unknownToken(t *testing.T) string {
	t.Helper()
	text, _ := access.Mint(acme(t))
	return text
}

func tenantID(t *testing.T, name string) tenant.ID {
	t.Helper()
	id, err := tenant.ParseID(name)
	require.NoError(t, err)
	return id
}

// A token that is sent again and again is looked up once in CacheTime.
func TestScreen_RemembersUnknownTokens(t *testing.T) {
	d := deploy(t)
	marked := d.mint()
	d.source.records = map[string]access.Record{} // the tenant was deleted
	unmarked, _ := access.Mint(acme(t))
	for range 50 {
		require.ErrorIs(t, d.send(d.access, marked), access.ErrUnknown)
		require.ErrorIs(t, d.send(d.access, unmarked), access.ErrUnknown)
	}
	require.Equal(t, []int{1, 1}, []int{d.source.reads, d.source.probes})
	d.now = d.now.Add(access.CacheTime)
	require.ErrorIs(t, d.send(d.access, unmarked), access.ErrUnknown)
	require.Equal(t, 2, d.source.probes)
}

// Whoever knows the key costs no more than whoever knows none.
func TestScreen_BoundsTokensWithARightMark(t *testing.T) {
	d := deploy(t)
	var tokens []string
	for range 20 {
		tokens = append(tokens, d.mint())
		d.vault.records = map[string]access.Record{}
	}
	d.source.records = map[string]access.Record{}
	for _, token := range tokens {
		require.Error(t, d.send(d.access, token))
	}
	require.LessOrEqual(t, d.cost(), 20)
}

// The first token of a deployment works at once, in instances that had read that there is
// no key; and one that is marked with a later key, in instances that know the first.
func TestScreen_AcceptsNewKeysAtOnce(t *testing.T) {
	d := deploy(t)
	former, record := access.Mint(acme(t))
	d.source.records["acme/"+record.ID] = record
	require.NoError(t, d.send(d.access, former))
	stranger := deploy(t).mint()
	require.ErrorIs(t, d.send(d.access, stranger), access.ErrUnknown, "without a key it is looked up")
	require.NotZero(t, d.ring.reads)
	first := d.mint()
	require.NoError(t, d.send(d.access, first))

	d.now = noon.Add(access.KeyLife)
	second := d.mint()
	require.Len(t, d.ring.keys, 2)
	require.Equal(t, first[len(first)-32:len(first)-24], second[len(second)-32:len(second)-24], "a key that is just stored marks no token yet")
	require.NoError(t, d.send(d.access, second))
	d.now = d.now.Add(time.Minute)
	third := d.mint()
	require.NotEqual(t, first[len(first)-32:len(first)-24], third[len(third)-32:len(third)-24])
	for _, a := range []*access.Authenticator{d.access, d.instance()} {
		for _, token := range []string{former, first, second, third} {
			require.NoError(t, d.send(a, token))
		}
	}
}

// Of two instances that create a key at once, the second uses the first one's.
func TestKeeper_AgreesOnOneKey(t *testing.T) {
	d := deploy(t)
	other := access.NewKeeper(newVault(), func() time.Time { return d.now }).WithKeys(d.ring)
	d.ring.meanwhile = func() {
		d.ring.meanwhile = nil
		_, _, err := other.Mint(t.Context(), acme(t), access.Wanted{})
		require.NoError(t, err)
	}
	token := d.mint()
	require.Len(t, d.ring.keys, 1)
	require.NoError(t, d.send(d.access, token))
}

// Keys that cannot be read refuse nobody, and a token cannot be minted without them.
func TestScreen_WorksWithoutTheKeys(t *testing.T) {
	d := deploy(t)
	token := d.mint()
	d.ring.err = errBroken
	require.NoError(t, d.send(d.access, token))
	_, _, err := d.keeper.Mint(t.Context(), acme(t), access.Wanted{})
	require.ErrorIs(t, err, errBroken)
}

// A storm of unknown key ids reads the keys once in five seconds.
func TestScreen_SeldomReadsTheKeysAgain(t *testing.T) {
	d := deploy(t)
	require.NoError(t, d.send(d.access, d.mint()))
	before := d.ring.reads
	for range 1000 {
		require.ErrorIs(t, d.send(d.access, deployedElsewhere), access.ErrUnknown)
		d.now = d.now.Add(10 * time.Millisecond)
	}
	require.LessOrEqual(t, d.ring.reads-before, 2, "in ten seconds")
}

// deployedElsewhere is a token of another deployment.
var deployedElsewhere = "rct_acme_" + strings.Repeat("a", 16) + "_" + strings.Repeat("a", 52) + "_" + strings.Repeat("0", 32)

func TestKey_IsNotPrinted(t *testing.T) {
	key := access.Key{ID: "0000000a", Secret: []byte("secretsecret")}
	for _, format := range []string{"%v", "%s", "%+v", "%#v"} {
		require.NotContains(t, fmt.Sprintf(format, key), "secret")
		require.NotContains(t, fmt.Sprintf(format, key), "115")
	}
}

// A marked token is found in any text, whole.
func TestMark_IsPartOfTheCredential(t *testing.T) {
	token := deploy(t).mint()
	require.Equal(t, "a [token] b", credential.Redact("a "+token+" b"))
	require.True(t, bytes.HasPrefix([]byte(token), []byte("rct_acme_")))
	_, record, err := deploy(t).keeper.Mint(t.Context(), acme(t), access.Wanted{})
	require.NoError(t, err)
	require.Len(t, record.LastFour, 4)
}

// forgedAccess returns the n-th access token without a mark that names a client, and that the
// client has not issued.
func forgedAccess(t *testing.T, client string, n int) string {
	lower := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	payload := make([]byte, 27)
	payload[0] = 's'
	binary.BigEndian.PutUint64(payload[1:], uint64(n))
	payload[19] = 1
	body := strings.Join([]string{access.AccessPrefix, acme(t).String(), client, lower.EncodeToString(payload), strings.Repeat("a", 52)}, "_")
	return fmt.Sprintf("%s_%08x", body, crc32.ChecksumIEEE([]byte(body)))
}

// Anyone may know the id of a client: access tokens that name it and some secret, and that it
// has not issued, cost as little as unknown tokens, and displace nothing. Its own are accepted
// all the while.
func TestScreen_LooksUpFewForgedAccessTokens(t *testing.T) {
	d := deploy(t)
	d.source.clients = map[string]access.Client{}
	v := &clientVault{source: d.source, ring: d.ring}
	clock := func() time.Time { return d.now }
	c, secret, _, err := access.NewClients(v, clock).WithKeys(d.ring).Create(t.Context(), acme(t), access.ClientWanted{})
	require.NoError(t, err)
	issuer := access.NewIssuer(v, clock)
	r, err := issuer.Find(t.Context(), access.ClientID(acme(t), c.ID))
	require.NoError(t, err)
	proof, _, err := issuer.CheckSecret(r, secret)
	require.NoError(t, err)
	own, _, err := issuer.Issue(r, proof)
	require.NoError(t, err)

	cost := make([]int, 10)
	for i := range 10_000 {
		before := d.cost()
		err := d.send(d.access, forgedAccess(t, c.ID, i))
		require.True(t, err == access.ErrUnknown || err == access.ErrCrowded, "%v", err)
		cost[i/1000] += d.cost() - before
		if i%1000 == 500 {
			require.NoError(t, d.send(d.access, own), "the client's own, after %d", i)
		}
		d.now = d.now.Add(time.Millisecond)
	}
	for second, units := range cost {
		require.LessOrEqual(t, units, 20, "second %d", second)
	}
	require.Positive(t, cost[9])
}
