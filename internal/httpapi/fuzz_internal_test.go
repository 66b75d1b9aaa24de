package httpapi

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// No text is a cursor except those that were sealed for the list; a refusal does not say what
// is wrong with it.
func FuzzCursor(f *testing.F) {
	id, err := tenant.ParseID("acme")
	require.NoError(f, err)
	now := time.Date(2026, 7, 14, 12, 0, 0, 0, time.UTC)
	q := &request{start: now, grant: access.Grant{Tenant: id, CursorKey: []byte(strings.Repeat("k", 32))}}
	sealed, err := q.seal(&directory.Cursor{Key: "alice@example.com", ID: "0197d0aa-1111-7000-8000-000000000001", Back: true}, "User", directory.Query{})
	require.NoError(f, err)
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	require.NoError(f, err)
	for _, text := range []string{"", "A", "AAAA", sealed, sealed + "=", sealed[1:], strings.ToLower(sealed), base64.StdEncoding.EncodeToString(raw), strings.Repeat("A", maxCursor), "\r\n" + sealed} {
		f.Add(text)
	}
	for _, value := range corpus.Read(f, "../..").Values {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := q.open(text, "User", directory.Query{})
		if err == nil { // sealed here, or by another process of the fuzzer with the same key
			assert.Equal(t, &directory.Cursor{Key: "alice@example.com", ID: "0197d0aa-1111-7000-8000-000000000001", Back: true}, c)
			_, err = q.open(text, "Group", directory.Query{})
		}
		require.Error(t, err)
		assert.Equal(t, errNoCursor, err)
	})
}

// Each version that a header names is written in it, and a header without tags is no
// condition.
func FuzzTags(f *testing.F) {
	for _, header := range []string{"", "*", `W/"1"`, `"1"`, `W/"1", "2",W/"3"`, `"01"`, `"-1"`, `"9223372036854775808"`, `W/W/"1"`, `""`, `"a,b"`, `,`, `"1`, "\"1\"\x00"} {
		f.Add(header, `W/"7"`)
	}
	for _, value := range corpus.Read(f, "../..").Values {
		f.Add(value, strconv.Quote(value))
	}
	f.Fuzz(func(t *testing.T, header, second string) {
		versions, sent := parseTags([]string{header, second})
		assert.NotEqual(t, onlySpaces(header+","+second), sent, "%q %q", header, second)
		for _, v := range versions {
			assert.Contains(t, header+","+second, `"`+strconv.FormatInt(v, 10)+`"`)
		}
		if versions == nil && sent {
			assert.Contains(t, header+second, "*")
		}
		versions.Allow(1)
	})
}

// onlySpaces reports whether a list of tags has nothing but spaces and commas.
func onlySpaces(list string) bool {
	return strings.TrimFunc(list, func(r rune) bool { return r == ',' || strings.TrimSpace(string(r)) == "" }) == ""
}
