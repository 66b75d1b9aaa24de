package resource

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,"x",true,null]}`, `{"a":1,"A":2}`, "\xef\xbb\xbf{}", `"\ud800"`, `1e400`, `{}{}`, ``} {
		f.Add([]byte(s))
	}
	addBodies(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := scim.DecodeJSON(body)
		if err != nil {
			_, ok := err.(*scim.Error)
			require.Truef(t, ok, "%T: %v", err, err)
			return
		}
		text := scim.EncodeValue(v)
		require.Truef(t, json.Valid(text), "%q becomes %q", body, text)
		again, err := scim.DecodeJSON(text)
		require.Truef(t, err == nil && scim.EqualValue(v, again), "%q becomes %q: %v", body, text, err)
	})
}

func FuzzDecodeResource(f *testing.F) {
	files, err := filepath.Glob("testdata/rfc7643_8_*.json")
	require.Truef(f, err == nil && len(files) != 0, "no examples %v", err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(body)
	}
	f.Add(userBody(`"userName":"a","emails":{"value":"a"},"isTeamAccount":"True","roles":[{"value":"{\"value\":\"A\"}"}]`))
	addBodies(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, rt := range []*schema.ResourceType{scimtest.UserType(), schema.GroupType()} {
			r, _, err := Decode(rt, body)
			if err != nil {
				_, ok := err.(*scim.Error)
				require.Truef(t, ok, "%T: %v", err, err)
				continue
			}
			doc := Encode(rt, r)
			if again, notices, err := Decode(rt, doc); err != nil || len(besidesKept(notices)) > 0 {
				t.Fatalf("%s: %v, %v", doc, notices, err)
			} else if string(Encode(rt, again)) != string(doc) {
				t.Fatalf("%s becomes %s", doc, Encode(rt, again))
			}
		}
	})
}

// besidesKept returns the notices except those of values that are kept as they
// are, and so are reported each time: references that are not URIs, and other
// types of members.
func besidesKept(notices []scim.Notice) []scim.Notice {
	return slices.DeleteFunc(slices.Clone(notices), func(n scim.Notice) bool {
		return n.Kind == scim.NoticeNotURI || n.Kind == scim.NoticeMemberType
	})
}

// addBodies adds the bodies of all known requests as seeds.
func addBodies(f *testing.F) {
	f.Helper()
	for _, body := range corpus.Read(f, "../../..").Bodies {
		f.Add([]byte(body))
	}
}

func FuzzPatch(f *testing.F) {
	for _, c := range patchCorpus(f) {
		f.Add(patchBody(c["ops"]))
	}
	addBodies(f)
	before := parseUser(f, `"id":"1","userName":"a@x","active":true,"name":{"givenName":"G"},`+
		`"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"}],`+
		`"`+scim.EnterpriseURN+`":{"department":"D","manager":{"value":"m"}},"`+scim.RollcallURN+`":{"isTeamAccount":true}`)
	rt := scimtest.UserType()
	kept := string(Encode(rt, before))
	f.Fuzz(func(t *testing.T, body []byte) {
		after, _, err := applyBody(rt, before, body)
		got := string(Encode(rt, before))
		require.Equalf(t, kept, got, "before became %s", got)
		if err != nil {
			_, ok := err.(*scim.Error)
			require.Truef(t, ok, "%T: %v", err, err)
			return
		}
		if sent, notices, err := Decode(rt, Encode(rt, after)); err != nil || len(besidesKept(notices)) > 0 {
			t.Fatalf("%s: %v, %v", Encode(rt, after), notices, err)
		} else if sent["id"] = "1"; string(Encode(rt, sent)) != string(Encode(rt, after)) {
			t.Fatalf("%s becomes %s", Encode(rt, after), Encode(rt, sent))
		}
	})
}
