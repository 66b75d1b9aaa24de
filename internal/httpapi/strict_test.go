package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// dialects has requests for every kind of deviation from the RFCs, several for
// some.
var dialects = []struct {
	kind, method, path, body string
	status                   int // for a tenant that accepts it
	scimType                 string
}{
	{scim.NoticeUnknownAttribute, "POST", "/Users", userBody(`"userName":"new@example.com","shoeSize":"44"`), 201, "invalidSyntax"},
	{scim.NoticeSchemasMissing, "POST", "/Users", `{"userName":"new@example.com"}`, 201, "invalidSyntax"},
	{scim.NoticeSchemasMissing, "PATCH", "/Users/{user}", `{"Operations":[{"op":"replace","path":"title","value":"T"}]}`, 200, "invalidSyntax"},
	{scim.NoticeUnknownSchema, "POST", "/Users", `{"schemas":["` + scim.CoreUserURN + `","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"],"userName":"new@example.com"}`, 201, "invalidSyntax"},
	{scim.NoticeSchemasMissing, "POST", "/Users", `{"schemas":["urn:scim:schemas:core:2.0"],"userName":"new@example.com"}`, 201, "invalidSyntax"},
	{scim.NoticeUnknownSchema, "PUT", "/Users/{user}", `{"schemas":["urn:scim:schemas:core:2.0"],"userName":"u@example.com"}`, 200, "invalidSyntax"},
	{scim.NoticeUnknownSchema, "PATCH", "/Users/{user}", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOps"],"Operations":[{"op":"replace","path":"title","value":"T"}]}`, 200, "invalidSyntax"},
	{scim.NoticeUnknownSchema, "PATCH", "/Groups/{group}", `{"schemas":["urn:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove","path":"members"}]}`, 200, "invalidSyntax"},
	{scim.NoticeUnknownSchema, "POST", "/Groups", `{"schemas":["urn:scim:schemas:core:1.0"],"displayName":"H"}`, 201, "invalidSyntax"},
	{scim.NoticeUnknownSchema, "POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Search"]}`, 200, "invalidSyntax"},
	{scim.NoticeUnknownSchema, "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Bulk"],"Operations":[]}`, 200, "invalidSyntax"},
	{scim.NoticeSingleValue, "POST", "/Users", `{"schemas":"` + scim.CoreUserURN + `","userName":"new@example.com"}`, 201, "invalidValue"},
	{scim.NoticeUnqualified, "POST", "/Users", userBody(`"userName":"new@example.com","department":"D"`), 201, "invalidSyntax"},
	{scim.NoticeUnqualified, "PUT", "/Users/{user}", userBody(`"userName":"u@example.com","manager.value":"m"`), 200, "invalidSyntax"},
	{scim.NoticeUnqualified, "PATCH", "/Users/{user}", patchBody(`[{"op":"add","path":"manager","value":{"value":"m"}}]`), 200, "invalidSyntax"},
	{scim.NoticeUnqualified, "PATCH", "/Users/{user}", patchBody(`[{"op":"add","value":{"department":"D"}}]`), 200, "invalidSyntax"},
	{scim.NoticeUnqualified, "GET", "/Users?filter=manager+eq+%22m%22", "", 200, "invalidSyntax"},
	{scim.NoticeUnqualified, "GET", "/Users?sortBy=department", "", 200, "invalidSyntax"},
	{scim.NoticeUnqualified, "GET", "/Users?attributes=department", "", 200, "invalidSyntax"},
	{scim.NoticeUnqualified, "GET", "/Users/{user}?excludedAttributes=department", "", 200, "invalidSyntax"},
	{scim.NoticeUnqualified, "POST", "/.search", `{"schemas":["` + scim.SearchURN + `"],"filter":"department eq \"D\"","sortBy":"department","attributes":["department"]}`, 200, "invalidSyntax"},
	{scim.NoticeAmbiguous, "POST", "/Users", userBody(`"userName":"new@example.com","costCenter":"4"`), 201, "invalidSyntax"},
	{scim.NoticeAmbiguous, "PATCH", "/Users/{user}", patchBody(`[{"op":"add","value":{"title":"T","costCenter":"4"}}]`), 200, "invalidSyntax"},
	{scim.NoticeAmbiguous, "GET", "/Users?attributes=costCenter", "", 200, "invalidSyntax"},
	{scim.NoticeDottedURN, "POST", "/Users", userBody(`"userName":"new@example.com","` + scim.EnterpriseURN + `.department":"D"`), 201, "invalidSyntax"},
	{scim.NoticeDottedURN, "PATCH", "/Users/{user}", patchBody(`[{"op":"add","path":"` + scim.EnterpriseURN + `.manager.value","value":"m"}]`), 200, "invalidSyntax"},
	{scim.NoticeDottedURN, "PATCH", "/Groups/{group}", patchBody(`[{"op":"remove","path":"` + scim.CoreGroupURN + `.members"}]`), 200, "invalidSyntax"},
	{scim.NoticeDottedURN, "GET", "/Users?filter=" + scim.EnterpriseURN + ".manager.value+eq+%22m%22", "", 200, "invalidSyntax"},
	{scim.NoticeDottedURN, "GET", "/Users?sortBy=" + scim.CoreUserURN + ".name.familyName", "", 200, "invalidSyntax"},
	{scim.NoticeCoreObject, "POST", "/Users", userBody(`"userName":"new@example.com","` + scim.CoreUserURN + `":{"title":"T"}`), 201, "invalidSyntax"},
	{scim.NoticeCoreObject, "PATCH", "/Users/{user}", patchBody(`[{"op":"add","value":{"` + scim.CoreUserURN + `":{"title":"T"}}}]`), 200, "invalidSyntax"},
	{scim.NoticeCoreObject, "PATCH", "/Groups/{group}", patchBody(`[{"op":"add","value":{"` + scim.CoreGroupURN + `":{"members":[{"value":"{user}"}]}}}]`), 200, "invalidSyntax"},
	{scim.NoticeUnknownPath, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","path":"title","value":"T"},{"op":"add","path":"urn:example:hr:2.0:User:costCode","value":"7"}]`), 200, "invalidPath"},
	{scim.NoticeUnknownPath, "PATCH", "/Groups/{group}", patchBody(`[{"op":"add","path":"members","value":[{"value":"{user}"}]},{"op":"add","path":"urn:example:hr:2.0:Group:costCode","value":"7"}]`), 200, "invalidPath"},
	{scim.NoticeSchemasIgnored, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","path":"schemas","value":["` + scim.CoreUserURN + `"]},{"op":"replace","path":"title","value":"T"}]`), 200, "mutability"},
	{scim.NoticeStringBoolean, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","path":"active","value":"False"}]`), 200, "invalidValue"},
	{scim.NoticeStringBoolean, "POST", "/Users", userBody(`"userName":"new@example.com","active":"True"`), 201, "invalidValue"},
	{scim.NoticeStringNumber, "POST", "/Users/.search", `{"schemas":["` + scim.SearchURN + `"],"count":"1"}`, 200, "invalidValue"},
	{scim.NoticeStringNumber, "POST", "/.search", `{"schemas":["` + scim.SearchURN + `"],"STARTINDEX":"-1"}`, 200, "invalidValue"},
	{scim.NoticeSingleValue, "PUT", "/Users/{user}", userBody(`"userName":"u@example.com","emails":{"value":"u@example.com"}`), 200, "invalidValue"},
	{scim.NoticeBareValue, "PATCH", "/Users/{user}", patchBody(`[{"op":"add","path":"` + scim.EnterpriseURN + `:manager","value":"42"}]`), 200, "invalidValue"},
	{scim.NoticeStringifiedValue, "PATCH", "/Users/{user}", patchBody(`[{"op":"add","path":"roles","value":[{"value":"{\"value\":\"admin\"}"}]}]`), 200, "invalidValue"},
	{scim.NoticeBareValue, "POST", "/Users", userBody(`"userName":"new@example.com","roles":"admin","emails":["new@example.com"]`), 201, "invalidValue"},
	{scim.NoticeBareValue, "PATCH", "/Groups/{group}", patchBody(`[{"op":"add","path":"members","value":["{user}"]}]`), 200, "invalidValue"},
	{scim.NoticeBareValue, "PUT", "/Groups/{group}", groupBody(`"displayName":"G","members":"{user}"`), 200, "invalidValue"},
	{scim.NoticeStringifiedValue, "PATCH", "/Groups/{group}", patchBody(`[{"op":"replace","path":"members","value":"[{\"value\":\"{user}\"}]"}]`), 200, "invalidValue"},
	{scim.NoticeStringifiedValue, "PATCH", "/Groups/{group}", patchBody(`[{"op":"replace","value":"{\"displayName\":\"H\"}"}]`), 200, "invalidValue"},
	{scim.NoticeStringifiedValue, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","value":"{\"title\":\"T\"}"}]`), 200, "invalidValue"},
	{scim.NoticeStringifiedValue, "POST", "/Users", userBody(`"userName":"new@example.com","` + scim.EnterpriseURN + `":"{\"department\":\"D\"}"`), 201, "invalidValue"},
	{scim.NoticeWrappedValue, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","path":"active","value":[{"$ref":null,"value":false}]}]`), 200, "invalidValue"},
	{scim.NoticeWrappedValue, "POST", "/Users", userBody(`"userName":["new@example.com"]`), 201, "invalidValue"},
	{scim.NoticeMemberType, "PUT", "/Groups/{group}", groupBody(`"displayName":"G","members":[{"value":"{user}","type":"value"}]`), 200, "invalidValue"},
	{scim.NoticeMemberType, "PATCH", "/Groups/{group}", patchBody(`[{"op":"add","path":"members","value":[{"$ref":"` + baseURL + `/Groups/{user}"}]}]`), 200, "invalidValue"},
	{scim.NoticeNestedValue, "PATCH", "/Groups/{group}", patchBody(`[{"op":"add","path":"members","value":{"members":[{"value":"{user}"}]}}]`), 200, "invalidValue"},
	{scim.NoticeReference, "PATCH", "/Groups/{group}", patchBody(`[{"op":"add","path":"members","value":[{"$ref":"` + baseURL + `/Users/{user}"}]}]`), 200, "invalidValue"},
	{scim.NoticeNotURI, "POST", "/Users", userBody(`"userName":"new@example.com","profileUrl":"my page"`), 201, "invalidValue"},
	{scim.NoticeTopLevel, "POST", "/Users", userBody(`"userName":"new@example.com","isTeamAccount":true`), 201, "invalidSyntax"},
	{scim.NoticeSecondPrimary, "POST", "/Users", userBody(`"userName":"new@example.com","emails":[{"value":"a@example.com","primary":true},{"value":"b@example.com","primary":true}]`), 201, "invalidValue"},
	{scim.NoticeKept, "PATCH", "/Users/{user}", patchBody(`[{"op":"remove","path":"active"},{"op":"replace","path":"title","value":"T"}]`), 200, "mutability"},
	{scim.NoticeOperationCase, "PATCH", "/Users/{user}", patchBody(`[{"op":"Replace","path":"title","value":"T"}]`), 200, "invalidSyntax"},
	{scim.NoticeOperationCase, "PATCH", "/Groups/{group}", patchBody(`[{"op":"Add","path":"members","value":[{"value":"{user}"}]}]`), 200, "invalidSyntax"},
	{scim.NoticeNoOperations, "PATCH", "/Users/{user}", patchBody(`[]`), 200, "invalidSyntax"},
	{scim.NoticePathInValue, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","value":{"name.givenName":"G"}}]`), 200, "invalidPath"},
	{scim.NoticePathInValue, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","value":{"emails[type eq \"work\"].value":"w@example.com"}}]`), 200, "invalidPath"},
	{scim.NoticePathInValue, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","value":{"` + scim.EnterpriseURN + `:department":"D"}}]`), 200, "invalidPath"},
	{scim.NoticeRemovedValues, "PATCH", "/Groups/{group}", patchBody(`[{"op":"remove","path":"members","value":[{"value":"{member}"}]}]`), 200, "invalidValue"},
	{scim.NoticeRemovedValues, "PATCH", "/Users/{user}", patchBody(`[{"op":"remove","path":"emails","value":[{"value":"u@example.com"}]}]`), 200, "invalidValue"},
	{scim.NoticeMadeValue, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","path":"phoneNumbers[type eq \"work\"].value","value":"1"}]`), 200, "noTarget"},
	{scim.NoticeFilterBoolean, "PATCH", "/Users/{user}", patchBody(`[{"op":"replace","path":"emails[primary eq \"True\"].value","value":"w@example.com"}]`), 200, "invalidFilter"},
	{scim.NoticeFilterForm, "GET", "/Users?filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22a%22", "", 200, "invalidFilter"},
	{scim.NoticeFilterForm, "PATCH", "/Users/{user}", patchBody(`[{"op":"add","path":"name.familyName","value":"F"},{"op":"replace","path":"name[familyName eq \"F\"].givenName","value":"G"}]`), 200, "invalidFilter"},
	{scim.NoticeFilterForm, "PATCH", "/Users/{user}", patchBody(`[{"op":"remove","path":"` + scim.EnterpriseURN + `:manager[value eq \"m\"]"},{"op":"replace","path":"title","value":"T"}]`), 200, "invalidFilter"},
	{scim.NoticeFilterForm, "GET", "/Groups?filter=members%5Btype+eq+%22User%22%5D.value+eq+%22a%22", "", 200, "invalidFilter"},
	{scim.NoticeFilterSpaces, "GET", "/Users?filter=userName+eq%22a%22", "", 200, "invalidFilter"},
}

// A strict tenant refuses each of them, says what is wrong and changes nothing.
// For other tenants they are served, and the event names the deviation.
//
// Covers: 7643-2.3.2-1, 7643-3-2, 7644-3.4.2.2-17, 7644-3.5.2-2, 7644-3.5.2-4, 7644-3.5.2.2-4, 7644-3.5.2.3-9
func TestDialects(t *testing.T) {
	var kinds []string
	for _, d := range dialects {
		kinds = append(kinds, d.kind)
	}
	slices.Sort(kinds)
	if kinds = slices.Compact(kinds); !slices.Equal(kinds, scim.NoticeKinds()) {
		t.Errorf("requests for %q, and the kinds are %q", kinds, scim.NoticeKinds())
	}
	strict := tenant.DefaultSettings()
	strict.Dialects, strict.UnknownAttributes = tenant.DialectsRefuse, tenant.UnknownRefuse
	for _, d := range dialects {
		t.Run(d.kind+" "+d.method+" "+d.path, func(t *testing.T) {
			for name, settings := range map[string]tenant.Settings{"taken": tenant.DefaultSettings(), "refused": strict} {
				s := newServiceOn(t, enginetest.Memory(t), 5, settings)
				s.mustExtend(`{"id":"urn:example:gate:1.0:Person","attributes":[{"name":"costCenter"}]}`)
				id := s.mustCreate(`"userName":"u@example.com","emails":[{"value":"u@example.com","type":"home","primary":true}]`)
				member := s.mustCreate(`"userName":"m@example.com"`)
				group := s.mustGroup("G", member)
				fill := strings.NewReplacer("{user}", id, "{member}", member, "{group}", group)
				before := s.state(id, group)
				got := s.send(d.method, fill.Replace(d.path), fill.Replace(d.body))
				if name == "taken" {
					notices, _ := got.event["notices"].(string)
					if got.status != d.status || !slices.ContainsFunc(strings.Split(notices, ","), func(n string) bool { return strings.HasPrefix(n, d.kind+":") }) {
						t.Errorf("accepted: %d with notices %q, want %d with %s: %s", got.status, notices, d.status, d.kind, got.raw)
					}
					continue
				}
				detail, _ := got.body["detail"].(string)
				if got.status != 400 || got.body["scimType"] != d.scimType || !strings.Contains(detail, "This tenant accepts only what RFC 7643 and RFC 7644 define") {
					t.Errorf("refused: %d %s", got.status, got.raw)
				}
				assert.Truef(t, got.event["outcome"] == "failure" && got.event["status"] == 400.0, "event %v", got.event)
				after := s.state(id, group)
				assert.Equalf(t, before, after, "a refused request changed\n%s\ninto\n%s", before, after)
			}
		})
	}
}

// mustExtend registers a tenant's schema for users.
func (s *service) mustExtend(document string) {
	s.t.Helper()
	schema, err := schema.ParseRegistration([]byte(document))
	if err == nil {
		_, err = s.app.Store.PutSchema(s.t.Context(), s.tenant, s.app.Types(), schema, time.Now())
	}
	require.NoError(s.t, err)
}

// state returns everything that a client can read of a tenant's user and group.
func (s *service) state(user, group string) string {
	s.t.Helper()
	return s.send("GET", "/Users?attributes=userName,emails,active,title,groups", "").raw + s.send("GET", "/Groups/"+group, "").raw +
		s.send("GET", "/Users/"+user, "").raw
}
