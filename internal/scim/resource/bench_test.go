package resource

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

func benchmarkBody(b *testing.B) []byte {
	b.Helper()
	body, err := os.ReadFile("testdata/rfc7643_8_3_enterprise_user.json")
	require.NoError(b, err)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	return body
}

func BenchmarkDecodeResource(b *testing.B) {
	body, rt := benchmarkBody(b), scimtest.UserType()
	for b.Loop() {
		_, _, err := Decode(rt, body)
		require.NoError(b, err)
	}
}

func BenchmarkEncode(b *testing.B) {
	body, rt := benchmarkBody(b), scimtest.UserType()
	r, _, err := Decode(rt, body)
	require.NoError(b, err)
	for b.Loop() {
		Encode(rt, r)
	}
}

func BenchmarkDecode(b *testing.B) {
	body, rt := benchmarkBody(b), scimtest.UserType()
	r, _, err := Decode(rt, body)
	require.NoError(b, err)
	doc := Encode(rt, r)
	for b.Loop() {
		_, err := scim.DecodeStored(doc)
		require.NoError(b, err)
	}
}

func BenchmarkPatch(b *testing.B) {
	rt := scimtest.UserType()
	before, _, err := Decode(rt, benchmarkBody(b))
	require.NoError(b, err)
	body := []byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[
		{"op":"Replace","path":"emails[type eq \"work\"].value","value":"p@example.com"},
		{"op":"Replace","path":"name.givenName","value":"P"},
		{"op":"Replace","path":"active","value":"False"}]}`)
	for b.Loop() {
		_, _, err := applyBody(rt, before, body)
		require.NoError(b, err)
	}
}

func BenchmarkPatch_OneAttribute(b *testing.B) {
	rt := scimtest.UserType()
	before, _, err := Decode(rt, benchmarkBody(b))
	require.NoError(b, err)
	body := []byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[{"op":"replace","path":"active","value":false}]}`)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_, _, err := applyBody(rt, before, body)
		require.NoError(b, err)
	}
}

func BenchmarkSplice(b *testing.B) {
	doc, meta := benchmarkBody(b), []byte(`{"resourceType":"User","version":"W/\"1\""}`)
	for b.Loop() {
		scim.Splice(doc, meta)
	}
}
