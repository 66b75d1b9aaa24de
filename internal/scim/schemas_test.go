package scim_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/bulk"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// schemasPlaces are the places where schemas occurs, each with the URN that
// belongs there.
var schemasPlaces = map[string]struct {
	own    string
	decode func(schemas string) ([]scim.Notice, error)
}{
	"user": {scim.CoreUserURN, func(schemas string) ([]scim.Notice, error) {
		_, notices, err := resource.Decode(scimtest.UserType(), []byte(`{`+schemas+`"userName":"a"}`))
		return notices, err
	}},
	"group": {scim.CoreGroupURN, func(schemas string) ([]scim.Notice, error) {
		_, notices, err := resource.Decode(schema.GroupType(), []byte(`{`+schemas+`"displayName":"a"}`))
		return notices, err
	}},
	"patch": {scim.PatchURN, func(schemas string) ([]scim.Notice, error) {
		_, notices, err := applyTo(scimtest.UserType(), scim.Resource{"userName": "a"}, []byte(`{`+schemas+`"Operations":[{"op":"remove","path":"title"}]}`))
		return notices, err
	}},
	"search": {scim.SearchURN, func(schemas string) ([]scim.Notice, error) {
		_, notices, err := scim.DecodeSearch([]byte(`{` + schemas + `"count":1}`))
		return notices, err
	}},
	"bulk": {scim.BulkRequestURN, func(schemas string) ([]scim.Notice, error) {
		_, notices, err := bulk.Decode([]byte(`{` + schemas + `"Operations":[{"method":"DELETE","path":"/Users/1"}]}`))
		return notices, err
	}},
}

// What schemas lists is ignored unless it is another resource or message of
// ours.
//
// Covers: 7643-3-2
func TestSchemas_AreThoseOfTheEndpoint(t *testing.T) {
	for place, p := range schemasPlaces {
		accepted := []struct {
			schemas string
			notices []string
		}{
			{`["` + p.own + `"]`, nil},
			{`["` + strings.ToUpper(p.own) + `"]`, nil},
			{`["` + p.own + `","urn:example:x"]`, []string{scim.NoticeUnknownSchema}},
			{`["urn:example:x","` + p.own + `"]`, []string{scim.NoticeUnknownSchema}},
			{`"` + p.own + `"`, []string{scim.NoticeSingleValue}},
			{`["` + p.own + `",null,""]`, nil},
			{`null`, []string{scim.NoticeSchemasMissing}},
			{`[]`, []string{scim.NoticeSchemasMissing}},
			{`{}`, []string{scim.NoticeSchemasMissing}},
			{`""`, []string{scim.NoticeSchemasMissing}},
			{`[""]`, []string{scim.NoticeSchemasMissing}},
		}
		for _, urn := range []string{
			// Earlier drafts and versions, and URNs that are nearly right.
			"urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0", "urn:ietf:params:scim:schemas:core:1.0", "urn:ietf:params:scim:schemas:core:2.0",
			"urn:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:Users", "urn:ietf:params:scim:schemas:core:2.0:PatchOp",
			"urn:ietf:params:scim:api:messages:2.0:PatchOps", "urn:ietf:params:scim:api:messages:1.0:PatchOp", "urn:scim:api:messages:2.0:PatchOp",
			"ietf:params:scim:api:messages:2.0:PatchOp", "urn:ietf:params:scim:api:messages:2.0:Search", "urn:ietf:params:scim:api:messages:2.0:Bulk",
			"urn:scim:schemas:extension:enterprise:2.0", "User", "PatchOp", " " + p.own, p.own + ":", "http://schemas.example.com/scim",
		} {
			accepted = append(accepted, struct {
				schemas string
				notices []string
			}{`["` + urn + `"]`, []string{scim.NoticeUnknownSchema, scim.NoticeSchemasMissing}})
		}
		for _, c := range accepted {
			notices, err := p.decode(`"schemas":` + c.schemas + `,`)
			var kinds []string
			for _, n := range notices {
				kinds = append(kinds, n.Kind)
				if !strings.Contains(n.Refusal().Detail, p.own) && n.Kind != scim.NoticeSingleValue {
					t.Errorf("%s %s: %q does not say what to send", place, c.schemas, n.Refusal().Detail)
				}
			}
			if err != nil || strings.Join(kinds, " ") != strings.Join(c.notices, " ") {
				t.Errorf("%s %s: %v, %v; want %v", place, c.schemas, notices, err, c.notices)
			}
		}
		notices, err := p.decode("")
		assert.Truef(t, err == nil && len(notices) == 1 && notices[0].Kind == scim.NoticeSchemasMissing, "%s without schemas: %v, %v", place, notices, err)

		for urn, means := range scim.StandardURNs() {
			if urn == p.own || urn == scim.EnterpriseURN || urn == scim.RollcallURN {
				continue
			}
			for _, schemas := range []string{urn, "urn:example:x " + urn, strings.ToLower(urn), "urn:scim:schemas:core:1.0 " + urn} {
				list, _ := json.Marshal(strings.Fields(schemas))
				_, err := p.decode(`"schemas":` + string(list) + `,`)
				var e *scim.Error
				if !errors.As(err, &e) || e.Type != scim.InvalidSyntax || !strings.Contains(e.Detail, "stands for "+means) || !strings.Contains(e.Detail, p.own) {
					t.Errorf("%s %s: %v", place, list, err)
				}
			}
		}
		for _, schemas := range []string{`7`, `true`, `[7]`, `[["` + p.own + `"]]`, `[{"a":1}]`, `{"a":"` + p.own + `"}`} {
			_, err := p.decode(`"schemas":` + schemas + `,`)
			var e *scim.Error
			assert.Truef(t, errors.As(err, &e) && e.Type == scim.InvalidSyntax, "%s %s: %v", place, schemas, err)
		}
	}
}

// An extension of another type means that the body is of that type only if
// nothing means that it is of this one.
func TestSchemas_ExtensionOfAnotherType(t *testing.T) {
	group := schemasPlaces["group"].decode
	notices, err := group(`"schemas":["` + scim.CoreGroupURN + `","` + scim.EnterpriseURN + `"],`)
	assert.Truef(t, err == nil && hasKind(notices, scim.NoticeUnknownSchema), "beside the group's own: %v, %v", notices, err)
	_, err = group(`"schemas":["` + scim.EnterpriseURN + `"],`)
	assert.Truef(t, err != nil && strings.Contains(err.Error(), "stands for a User"), "alone: %v", err)
	notices, err = schemasPlaces["user"].decode(`"schemas":["` + scim.EnterpriseURN + `","` + scim.RollcallURN + `"],`)
	assert.Truef(t, err == nil && len(notices) == 1, "a user's own extensions alone: %v, %v", notices, err)
}
