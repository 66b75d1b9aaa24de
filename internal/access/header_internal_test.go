package access

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// tokenFor returns a token of a tenant with a name of any form, with a right checksum.
func tokenFor(parts ...string) string {
	body := strings.Join(parts, "_")
	return body + "_" + checksum(body)
}

const (
	someID     = "abcdefghijklmnop"
	someSecret = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst"
)

// Every part of the form is checked: a text with a right checksum and one wrong part is
// refused.
func TestParse_ChecksEachPart(t *testing.T) {
	token, err := Parse(tokenFor(Prefix, "acme", someID, someSecret))
	require.NoError(t, err)
	require.Equal(t, "acme", token.Tenant.String())
	require.Equal(t, someID, token.ID)
	require.Equal(t, someSecret, token.secret)

	longest := strings.Repeat("x", tenant.MaxIDSize)
	_, err = Parse(tokenFor(Prefix, longest, someID, someSecret))
	require.NoError(t, err)

	for name, text := range map[string]string{
		"prefix":           tokenFor("rcx", "acme", someID, someSecret),
		"tenant":           tokenFor(Prefix, "-acme", someID, someSecret),
		"no tenant":        tokenFor(Prefix, "", someID, someSecret),
		"tenant too long":  tokenFor(Prefix, longest+"x", someID, someSecret),
		"id too long":      tokenFor(Prefix, "acme", someID+"a", someSecret),
		"id too short":     tokenFor(Prefix, "acme", someID[1:], someSecret),
		"id in capitals":   tokenFor(Prefix, "acme", strings.ToUpper(someID), someSecret),
		"secret too long":  tokenFor(Prefix, "acme", someID, someSecret+"a"),
		"secret too short": tokenFor(Prefix, "acme", someID, someSecret[1:]),
		"secret of digits": tokenFor(Prefix, "acme", someID, someSecret[1:]+"1"),
		"one part more":    tokenFor(Prefix, "acme", someID, someSecret, "x"),
		"one part less":    tokenFor(Prefix, "acme", someID),
		"checksum":         tokenFor(Prefix, "acme", someID, someSecret)[:len(tokenFor(Prefix, "acme", someID, someSecret))-8] + "00000000",
		"long checksum":    tokenFor(Prefix, "acme", someID, someSecret) + "0",
		"short checksum":   strings.TrimSuffix(tokenFor(Prefix, "acme", someID, someSecret), "0")[:len(tokenFor(Prefix, "acme", someID, someSecret))-1],
	} {
		token, err := Parse(text)
		require.ErrorIs(t, err, ErrMalformed, name)
		require.Zero(t, token, name)
	}
}

func TestIsBase32_HasThirtyTwoDigits(t *testing.T) {
	digits := 0
	for c := range 256 {
		if isBase32(string([]byte{byte(c)})) {
			require.Contains(t, "abcdefghijklmnopqrstuvwxyz234567", string([]byte{byte(c)}))
			digits++
		}
	}
	require.Equal(t, 32, digits)
	require.False(t, isBase32("aaA"))
	require.False(t, isBase32("Aaa"))
}

func TestToken_IsShownWithoutItsSecret(t *testing.T) {
	token, err := Parse(tokenFor(Prefix, "acme", someID, someSecret))
	require.NoError(t, err)
	require.Equal(t, "token "+someID+" of acme", token.String())
	require.Equal(t, token.String(), token.GoString())
	require.True(t, token.matches(hash(someSecret)))
	require.False(t, token.matches(hash(someSecret)[:63]))
	require.False(t, token.matches(""))
	require.Len(t, hash(someSecret), 64)
}

// The error says what is wrong with the header, as precisely as its form allows.
func TestParseHeader_NamesTheFault(t *testing.T) {
	good := tokenFor(Prefix, "acme", someID, someSecret)
	for _, c := range []struct {
		header string
		want   error
	}{
		{"Bearer " + good, nil},
		{"bearer   " + good, nil},
		{"Bearer: " + good, ErrColon},
		{"BEARER:" + good, ErrColon},
		{"bearer: ", ErrColon},
		{`"Bearer ` + good + `"`, ErrQuoted},
		{"\u201cBearer " + good + "\u201d", ErrQuoted},
		{"'" + good + "'", ErrNotBearer},
		{"x'Bearer " + good, ErrNotBearer},
		{good, ErrNoScheme},
		{good + " ", ErrNotBearer},
		{good + " x", ErrNotBearer},
		{"rct", ErrNotBearer},
		{"Basic " + good, ErrBasic},
		{"basic YTpi", ErrBasic},
		{"Basic", ErrNotBearer},
		{"Digest username=a", ErrNotBearer},
		{"Bearer\t" + good, ErrNotBearer},
		{"Bearer", ErrEmpty},
		{"Bearer ", ErrEmpty},
		{"Bearer    ", ErrEmpty},
		{"Bearer Bearer " + good, ErrTwice},
		{"Bearer bearer:" + good, ErrTwice},
		{"Bearer bearer", ErrTwice},
		{`Bearer "Bearer ` + good + `"`, ErrTwice},
		{"Bearer \tBearer " + good, ErrTwice},
		{"Bearer \" \tBearer " + good, ErrTwice},
		{"Bearer bearers", ErrForeign},
		{"Bearer beare", ErrForeign},
		{"Bearer holder", ErrForeign},
		{"Bearer xbearer", ErrForeign},
		{"Bearer éébearer", ErrForeign},
		{"Bearer " + good + " ", ErrSpaced},
		{"Bearer " + good + "\u00a0", ErrSpaced},
		{"Bearer " + good + "\u200b", ErrSpaced},
		{"Bearer " + good + "\x07", ErrSpaced},
		{"Bearer " + good + "\n", ErrSpaced},
		{"Bearer " + good + `\n`, ErrSpaced},
		{"Bearer " + good + `\r`, ErrSpaced},
		{"Bearer " + good + "%20", ErrSpaced},
		{"Bearer " + good + "%0A", ErrSpaced},
		{"Bearer " + good + "%2", ErrCut},
		{"Bearer " + good + "x", ErrCut},
		{"Bearer " + strings.ToUpper(good), ErrCut},
		{"Bearer " + good[:60], ErrCut},
		{"Bearer rct_acme_…", ErrCut},
		{good[:60], ErrCut},
		{"Bearer " + strings.Repeat("a", 500), ErrForeign},
		{"Bearer " + strings.Repeat("eyJ.", 9000), ErrJWT},
	} {
		token, err := parseHeader(c.header)
		if c.want == nil {
			require.NoError(t, err, "%q", c.header)
			require.Equal(t, someSecret, token.secret)
			continue
		}
		require.Equal(t, c.want, err, "%q", c.header)
		require.Zero(t, token, "%q", c.header)
	}
	for _, quote := range "\"'`<>[]{}()\u2018\u2019\u201c\u201d\u00ab\u00bb\u201e\u300c\u300d" {
		_, err := parseHeader("Bearer " + string(quote) + good)
		require.Equal(t, ErrQuoted, err, "%q", quote)
	}
}

// What was entered in place of a token is recognized by its form.
func TestParseHeader_RecognizesOtherCredentials(t *testing.T) {
	const guid = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"
	jwtOf := func(claims string) string {
		part := base64.RawURLEncoding.EncodeToString
		return part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part([]byte(claims)) + ".c2ln"
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"the id of a token":              {someID, ErrTokenID},
		"a GUID":                         {guid, ErrGUID},
		"a GUID in capitals":             {strings.ToUpper(guid), ErrGUID},
		"an id like a GUID":              {guid + "0", ErrForeign},
		"an Okta API token":              {"00" + strings.Repeat("aB3_", 10), ErrOktaToken},
		"an Okta token cut off":          {"00" + strings.Repeat("aB3_", 9), ErrForeign},
		"a client secret of ours":        {"rcs_acme_" + someID + "_" + someSecret, ErrOwnSecret},
		"a client id of ours":            {"rcc_acme_" + someID, ErrOwnClient},
		"a cut access token":             {"rcx_acme_" + someID, ErrAccessCut},
		"a client secret":                {"abc8Q~" + strings.Repeat("x", 34), ErrClientSecret},
		"a client secret cut off":        {"abc8Q~" + strings.Repeat("x", 30), ErrForeign},
		"Entra's own token":              {jwtOf(`{"iss":"https://sts.windows.net/` + guid + `/"}`), ErrEntra},
		"Entra's own token, version 2":   {jwtOf(`{"iss":"https://login.microsoftonline.com/` + guid + `/v2.0"}`), ErrEntra},
		"a host that only looks like it": {jwtOf(`{"iss":"https://sts.windows.net.example.com/"}`), ErrJWT},
		"another product's":              {jwtOf(`{"iss":"https://acme.okta.com"}`), ErrJWT},
		"an issuer that is no address":   {jwtOf(`{"iss":"::"}`), ErrJWT},
		"claims that are no object":      {jwtOf(`[]`), ErrJWT},
		"claims that do not decode":      {"eyJhbGciOiJSUzI1NiJ9.%%%.c2ln", ErrJWT},
		"a JWT cut off":                  {"eyJhbGciOiJSUzI1NiJ9", ErrForeign},
		"an address":                     {"https://scim.example.com/scim/v2", ErrURL},
		"asterisks":                      {"********", ErrMasked},
		"dots":                           {"••••••••", ErrMasked},
		"another product's key":          {"xoxb-1234", ErrForeign},
	} {
		_, err := parseHeader("Bearer " + c.text)
		require.Equal(t, c.want, err, name)
		require.ErrorIs(t, err, ErrMalformed, name)
		if c.want != ErrForeign {
			_, err = parseHeader(c.text)
			require.Equal(t, c.want, err, "%s as the whole header", name)
		}
	}
	for header, want := range map[string]error{
		"SSWS rct_acme": ErrNotBearer, "SSWS 00abc": ErrOktaToken, "Bearer SSWS 00abc": ErrOktaToken, "Bearer Basic YTpi": ErrBasic,
		"Authorization: Bearer x": ErrHeaderName, "Bearer Authorization: Bearer x": ErrHeaderName, "Bearer authorization:x": ErrHeaderName,
	} {
		_, err := parseHeader(header)
		require.Equal(t, want, err, header)
	}
}

func TestGrant_CountsSeatsSinceTheRead(t *testing.T) {
	none := Grant{}
	none.AddSeats(3)
	require.Zero(t, none.SeatCounts(), "never read")

	read := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	g := Grant{seats: &seats{counts: tenant.SeatCounts{Seats: 5, SeatLimit: 9, Read: read}}}
	other := g
	for _, n := range []int64{1, 2, 0, -4} {
		other.AddSeats(n)
	}
	require.Equal(t, tenant.SeatCounts{Seats: 4, SeatLimit: 9, Read: read}, g.SeatCounts(), "shared by the grants of a token")
}
