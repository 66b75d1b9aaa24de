package resource

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// patchCorpus reads testdata/patches.json.
func patchCorpus(t testing.TB) []map[string]any {
	t.Helper()
	body, err := os.ReadFile("testdata/patches.json")
	require.NoError(t, err)
	v, err := scim.DecodeJSON(body)
	require.NoError(t, err)
	var cases []map[string]any
	for _, c := range v.(map[string]any)["cases"].([]any) {
		cases = append(cases, c.(map[string]any))
	}
	return cases
}

func corpusType(c map[string]any) *schema.ResourceType {
	if c["resource"] == "Group" {
		return schema.GroupType()
	}
	return scimtest.UserType()
}

func patchBody(operations any) []byte {
	return scim.EncodeValue(map[string]any{"schemas": []any{scim.PatchURN}, "Operations": operations})
}

func applyBody(rt *schema.ResourceType, before scim.Resource, body []byte) (scim.Resource, []scim.Notice, error) {
	p, err := DecodePatch(body)
	if err != nil {
		return nil, nil, err
	}
	return p.Apply(rt, before)
}

func TestPatch_Corpus(t *testing.T) {
	cases := patchCorpus(t)
	require.Truef(t, len(cases) >= 200, "only %d cases", len(cases))
	for i, c := range cases {
		want := c
		if ours, ok := c["ours"].(map[string]any); ok {
			want = ours
			assert.NotNilf(t, c["rule"], "case %d differs from its source without a rule", i)
			// An exception must expect something else than its source.
			if _, refused := c["error"]; refused && ours["error"] != nil || c["after"] != nil && scim.EqualValue(c["after"], ours["after"]) {
				t.Errorf("case %d is listed as an exception, and is none", i)
			}
		}
		rt, before := corpusType(c), scim.Resource(c["before"].(map[string]any))
		kept := string(Encode(rt, before))
		after, _, err := applyBody(rt, before, patchBody(c["ops"]))
		got := string(Encode(rt, before))
		assert.Equalf(t, kept, got, "case %d alters before: %s", i, got)
		if wantError, ok := want["error"]; ok {
			var e *scim.Error
			if e, ok = err.(*scim.Error); !ok {
				t.Errorf("case %d: got %v, %s, want error %v\n%s", i, err, Encode(rt, after), wantError, scim.EncodeValue(c["ops"]))
			} else if c["ours"] != nil && string(e.Type) != wantError {
				t.Errorf("case %d: got %v, want %v", i, e, wantError)
			}
			continue
		}
		if err != nil {
			t.Errorf("case %d: %v\n%s", i, err, scim.EncodeValue(c["ops"]))
			continue
		}
		delete(after, "schemas")
		if !scim.EqualValue(map[string]any(after), want["after"]) {
			t.Errorf("case %d:\ngot  %s\nwant %s\nops  %s", i,
				scim.EncodeValue(map[string]any(after)), scim.EncodeValue(want["after"]), scim.EncodeValue(c["ops"]))
		}
	}
}
