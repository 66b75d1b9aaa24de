package access_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
)

// withSecret returns the text of a token with another secret, and a checksum that is right.
func withSecret(text, secret string) string {
	parts := strings.Split(text, "_")
	body := strings.Join([]string{parts[0], parts[1], parts[2], secret}, "_")
	return fmt.Sprintf("%s_%08x", body, crc32.ChecksumIEEE([]byte(body)))
}

// A secret that differs from the token's in one character, at any place, is another secret.
func TestAuthenticate_ComparesTheWholeSecret(t *testing.T) {
	s, text, _ := setUp(t)
	secret := strings.Split(text, "_")[3]
	require.Equal(t, text, withSecret(text, secret))
	a := access.NewAuthenticator(s, time.Now)
	for i := range secret {
		other := "a"
		if secret[i] == 'a' {
			other = "b"
		}
		_, err := a.Authenticate(t.Context(), "Bearer "+withSecret(text, secret[:i]+other+secret[i+1:]))
		require.ErrorIs(t, err, access.ErrUnknown, "character %d differs", i)
	}
	_, err := a.Authenticate(t.Context(), "Bearer "+text)
	require.NoError(t, err)
}

// A hash that differs from the stored one in one digit, at any place, or is only a part of
// it, is another hash. No secrets are known whose hashes begin alike: the stored hash is
// changed instead.
func TestAuthenticate_ComparesTheWholeHash(t *testing.T) {
	s, text, key := setUp(t)
	record := s.records[key]
	hash := record.Hash
	var others []string
	for i := range hash {
		other := "0"
		if hash[i] == '0' {
			other = "1"
		}
		others = append(others, hash[:i]+other+hash[i+1:], hash[:i])
	}
	for _, other := range append(others, hash+"0") {
		record.Hash = other
		s.records[key] = record
		_, err := access.NewAuthenticator(s, time.Now).Authenticate(t.Context(), "Bearer "+text)
		require.ErrorIs(t, err, access.ErrUnknown, "the stored hash is %s, the token's %s", other, hash)
	}
}

// What is stored of a secret is all of its SHA-256, and a secret has 256 random bits.
func TestMint_StoresTheWholeHash(t *testing.T) {
	text, record := access.Mint(acme(t))
	secret := strings.Split(text, "_")[3]
	sum := sha256.Sum256([]byte(secret))
	require.Equal(t, hex.EncodeToString(sum[:]), record.Hash)
	require.Len(t, secret, 52, "base32 characters of 256 bits")
	seen := map[string]bool{}
	for range 50 {
		text, _ := access.Mint(acme(t))
		for i, part := range strings.Split(text, "_")[2:4] {
			require.False(t, seen[part], "part %d was minted before", i)
			seen[part] = true
		}
	}
}

// A revoked token is refused ten seconds later by every instance.
func TestCacheTime_IsTenSeconds(t *testing.T) {
	s, text, key := setUp(t)
	now := time.Now()
	a := access.NewAuthenticator(s, func() time.Time { return now })
	_, err := a.Authenticate(t.Context(), "Bearer "+text)
	require.NoError(t, err)
	record := s.records[key]
	record.Revoked = now
	s.records[key] = record
	now = now.Add(10 * time.Second)
	_, err = a.Authenticate(t.Context(), "Bearer "+text)
	require.ErrorIs(t, err, access.ErrRevoked)
}

// Two tenants' tokens of one id are two tokens, also in the cache.
func TestAuthenticate_KeepsTenantsTokensApart(t *testing.T) {
	s, text, _ := setUp(t)
	a := access.NewAuthenticator(s, time.Now)
	_, err := a.Authenticate(t.Context(), "Bearer "+text)
	require.NoError(t, err)
	parts := strings.Split(text, "_")
	other := withSecret(strings.Replace(text, "_acme_", "_other_", 1), parts[3])
	_, err = a.Authenticate(t.Context(), "Bearer "+other)
	require.ErrorIs(t, err, access.ErrUnknown)
}
