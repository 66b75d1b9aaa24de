package access

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A header is a credential only if it is the scheme, spaces and one token; and no error
// repeats what was sent.
func FuzzHeader(f *testing.F) {
	id, err := tenant.ParseID("acme")
	require.NoError(f, err)
	token, _ := Mint(id)
	client := Client{ID: "abcdefghijklmnop", SigningKey: []byte("key")}
	ticket := sign(id, client, Proof{kind: byKeys, revision: 3}, time.UnixMilli(1), time.UnixMilli(2), nil)
	marked := sign(id, client, Proof{kind: bySecret, secret: client.ID}, time.UnixMilli(1), time.UnixMilli(2), &Key{ID: "0123abcd", Secret: []byte("secret")})
	f.Add("Bearer " + ticket)
	f.Add("Bearer " + marked)
	f.Add(ticket)
	f.Add("Bearer rcs_acme_abcdefghijklmnop_")
	f.Add("Bearer " + ClientID(id, client.ID))
	for _, header := range []string{"", "Bearer", "Bearer ", "bearer  " + token, "Bearer " + token, token, "Bearer: " + token, `Bearer "` + token + `"`, "Bearer Bearer " + token, "Basic " + token, "Bearer\u00a0" + token, "Bearer " + token[:40], "“Bearer " + token, "Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL3N0cy53aW5kb3dzLm5ldC8ifQ.", "SSWS 00a", "Bearer 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		parsed, err := parseHeader(header)
		if err != nil {
			assert.Zero(t, parsed)
			assert.NotRegexp(t, "rc[tsx]_", err.Error())
			return
		}
		scheme, text, _ := strings.Cut(header, " ")
		text = strings.TrimLeft(text, " ")
		assert.True(t, strings.EqualFold(scheme, "bearer"), header)
		assert.False(t, parsed.Tenant.IsZero())
		if parsed.ticket != nil {
			assert.LessOrEqual(t, len(text), maxAccessSize)
			assert.Equal(t, AccessPrefix+"_"+parsed.Tenant.String()+"_"+parsed.ID, parsed.ticket.signed[:len(parsed.ticket.signed)-payloadText-1])
			assert.True(t, strings.HasPrefix(text, parsed.ticket.signed+"_"+parsed.ticket.code+"_"))
			return
		}
		assert.LessOrEqual(t, len(text), maxTokenSize)
		body := strings.Join([]string{Prefix, parsed.Tenant.String(), parsed.ID, parsed.secret}, "_")
		if parsed.mark != "" {
			assert.Equal(t, body+"_"+parsed.mark, text)
			return
		}
		assert.Equal(t, body+"_"+checksum(body), text)
	})
}

// A text is a client's id or a client secret only if it is exactly what was given out, and no
// error repeats what was sent.
func FuzzClientTexts(f *testing.F) {
	id, err := tenant.ParseID("acme")
	require.NoError(f, err)
	secret, stored := mintSecret(rand.Reader, id, nil)
	body := secret[:strings.LastIndex(secret, "_")+1] // its end proves nothing
	marked, _ := mintSecret(rand.Reader, id, &Key{ID: "0123abcd", Secret: []byte("secret")})
	token, _ := Mint(id)
	for _, text := range []string{"", "_", "rcc_", "rcs_", "rcc_acme_abcdefghijklmnop", "rcc_ACME_abcdefghijklmnop", "rcc_acme_abcdefghijklmno1", "rcc__abcdefghijklmnop", secret, marked, token, secret[:40], " " + secret, strings.ToUpper(secret), "\xff"} {
		f.Add(text)
	}
	client := Client{ID: "abcdefghijklmnop", Secrets: []Secret{stored}}
	client.Secrets[0].Expires = time.UnixMilli(2)
	f.Fuzz(func(t *testing.T, text string) {
		owner, short, err := ParseClientID(text)
		if err == nil {
			assert.Equal(t, text, ClientID(owner, short))
		} else {
			assert.ErrorIs(t, err, ErrClientMalformed)
			assert.NotContains(t, err.Error(), "_")
		}
		found, err := client.checkSecret(id, text, time.UnixMilli(1))
		if err == nil {
			assert.True(t, strings.HasPrefix(text, body))
			assert.Equal(t, stored.ID, found.ID)
			return
		}
		assert.NotEqual(t, secret, text)
		assert.Zero(t, found)
		assert.NotContains(t, err.Error(), "_")
	})
}
