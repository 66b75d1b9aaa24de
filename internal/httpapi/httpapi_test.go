package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var uuidv7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// Every refusal: its error and its event.
//
// Covers: 7644-2-1, 7644-3.2-3, 7644-3.5.2-15, 7644-3.12-1, 7644-3.12-2, 7644-3.12-3
func TestRefusals(t *testing.T) { enginetest.Run(t, testRefusals) }

func testRefusals(t *testing.T, open opener) {
	s := newService(t, open, 2)
	alice := s.mustCreate(`"userName":"alice@example.com","externalId":"e-1"`)
	off := s.mustCreate(`"userName":"off","active":false`)
	s.mustCreate(`"userName":"bob"`)
	longName := strings.Repeat("a", 3000)
	tests := []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		scimType                 string
		cause                    cause.Cause
		detail                   string // a part of it
	}{
		// Covers: 7644-3.12-5
		{name: "no token", method: "GET", path: "/Users", headers: []string{"Authorization", ""}, status: 401, cause: cause.TokenMissing, detail: "The request has no token. Enter the SCIM token"},
		{name: "no scheme", method: "GET", path: "/Users", headers: []string{"Authorization", s.token}, status: 401, cause: cause.TokenInvalid},
		{name: "two tokens", method: "GET", path: "/Users", headers: []string{"Authorization", "Bearer " + s.token + ", Bearer " + s.token}, status: 401, cause: cause.TokenRepeated},
		{name: "a token beside one in the query", method: "GET", path: "/Users?access_token=x", status: 401, cause: cause.TokenRepeated},
		{name: "a token beside one in the query of a public route", method: "GET", path: "/ServiceProviderConfig?access%5Ftoken=x", status: 401, cause: cause.TokenRepeated},
		{name: "a token beside a credential of another scheme", method: "GET", path: "/Users", headers: []string{"Authorization", "Bearer " + s.token + ",Basic eDp5"}, status: 401, cause: cause.TokenRepeated},
		{name: "literal null", method: "GET", path: "/Users", headers: []string{"Authorization", "Bearer null"}, status: 401, cause: cause.TokenInvalid},
		// Covers: 6750-2.3-1
		{name: "token in the query", method: "GET", path: "/Users?access_token=" + s.token, headers: []string{"Authorization", ""}, status: 401, cause: cause.TokenMissing},
		{name: "wrong token on a public route", method: "GET", path: "/ServiceProviderConfig", headers: []string{"Authorization", "Bearer x"}, status: 401, cause: cause.TokenInvalid},

		// Covers: 7644-3.12-7
		{name: "no route", method: "GET", path: "/Nothing", status: 404, cause: cause.NoRoute, detail: "/scim/v2"},
		// Covers: 7644-3.11-1, 7644-3.12-11
		{name: "me", method: "GET", path: "/Me", status: 501, cause: cause.NotSupported, detail: "by id"},
		{name: "me, modified", method: "PATCH", path: "/Me", body: patchBody(`[]`), status: 501, cause: cause.NotSupported},
		{name: "me, deleted, without a token", method: "DELETE", path: "/Me", headers: []string{"Authorization", ""}, status: 501, cause: cause.NotSupported},
		{name: "below me", method: "GET", path: "/Me/x", status: 404, cause: cause.NoRoute},
		{name: "me in lower case", method: "GET", path: "/me/", status: 501, cause: cause.NotSupported},
		{name: "encoded letter", method: "GET", path: "/%55sers", status: 404, cause: cause.NoRoute},
		{name: "encoded slash", method: "GET", path: "%2FUsers", status: 404, cause: cause.NoRoute},
		{name: "dots", method: "GET", path: "/Schemas/../Users", status: 404, cause: cause.NoRoute},
		{name: "empty id", method: "DELETE", path: "/Users/", status: 405, cause: cause.MethodNotAllowed},
		{name: "two empty ids", method: "PUT", path: "//Users//", body: userBody(`"userName":"x"`), status: 405, cause: cause.MethodNotAllowed},
		{name: "encoded slash after an id", method: "DELETE", path: "/Users/" + alice + "%2F", status: 404, cause: cause.UserNotFound},
		{name: "encoded slash before an id", method: "DELETE", path: "/Users%2F" + alice, status: 404, cause: cause.NoRoute},
		{name: "longer path", method: "GET", path: "/Users/" + alice + "/x", status: 404, cause: cause.NoRoute},
		{name: "wrong method", method: "DELETE", path: "/Users", status: 405, cause: cause.MethodNotAllowed, detail: "Allow"},
		{name: "TRACE", method: "TRACE", path: "/Users", status: 405, cause: cause.MethodNotAllowed},
		{name: "OPTIONS", method: "OPTIONS", path: "/Users", status: 405, cause: cause.MethodNotAllowed},

		// Covers: 7644-3.12-7
		{name: "unknown id", method: "GET", path: "/Users/010101001010101011001010101011", status: 404, cause: cause.UserNotFound},
		{name: "NUL in the id", method: "GET", path: "/Users/" + alice + "%00", status: 404, cause: cause.UserNotFound},
		{name: "slash in the id", method: "GET", path: "/Users/..%2F" + alice, status: 404, cause: cause.UserNotFound},
		{name: "DELETE unknown", method: "DELETE", path: "/Users/00000000-0000-0000-0000-000000000000", status: 404, cause: cause.UserNotFound},

		{name: "no body", method: "POST", path: "/Users", status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		// Covers: 7644-3.12-4, 7644-3.12-17
		{name: "array", method: "POST", path: "/Users", body: `[]`, status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		{name: "number", method: "POST", path: "/Users", body: `42`, status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		{name: "trailing", method: "POST", path: "/Users", body: userBody(`"userName":"x"`) + `{}`, status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		// Covers: 7643-2.1-3
		{name: "duplicate key", method: "POST", path: "/Users", body: userBody(`"userName":"a@x","USERNAME":"b@x"`), status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		{name: "bad UTF-8", method: "POST", path: "/Users", body: userBody("\"userName\":\"\xff@x\""), status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		{name: "wrong schema", method: "POST", path: "/Users", body: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"userName":"g@x"}`, status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		// Covers: 7643-4.1.1-1, 7644-3.12-4, 7644-3.12-20
		{name: "no userName", method: "POST", path: "/Users", body: userBody(`"displayName":"x"`), status: 400, scimType: "invalidValue", cause: cause.Validation, detail: "userName"},
		// Covers: 7643-4.1.1-1
		{name: "blank userName", method: "POST", path: "/Users", body: userBody(`"userName":"   "`), status: 400, scimType: "invalidValue", cause: cause.Validation, detail: "userName"},
		{name: "long s", method: "POST", path: "/Users", body: userBody(`"u` + "\u017f" + `erName":"evil@x"`), status: 400, scimType: "invalidValue", cause: cause.Validation},
		{name: "long userName", method: "POST", path: "/Users", body: userBody(`"userName":"` + longName + `"`), status: 400, scimType: "invalidValue", cause: cause.Validation},
		{name: "line feed in userName", method: "POST", path: "/Users", body: userBody(`"userName":"x\n{\"level\":\"ERROR\"}@x"`), status: 400, scimType: "invalidValue", cause: cause.Validation},
		{name: "right-to-left override", method: "POST", path: "/Users", body: userBody(`"userName":"user\u202egpj@example.com"`), status: 400, scimType: "invalidValue", cause: cause.Validation},
		{name: "number for a string", method: "POST", path: "/Users", body: userBody(`"userName":"n@x","externalId":1`), status: 400, scimType: "invalidValue", cause: cause.Validation, detail: "externalId"},
		{name: "string for emails", method: "POST", path: "/Users", body: userBody(`"userName":"n@x","emails":"a@x"`), status: 400, scimType: "invalidValue", cause: cause.Validation, detail: "emails"},
		// Covers: 7644-3.12-10
		{name: "body too large", method: "POST", path: "/Users", body: userBody(`"userName":"n@x","title":"` + strings.Repeat("a", httpapi.MaxBody) + `"`), status: 413, cause: cause.BodyTooLarge, detail: "1 MiB"},
		{name: "media type", method: "POST", path: "/Users", body: `<User/>`, headers: []string{"Content-Type", "text/xml"}, status: 415, cause: cause.MediaType},
		{name: "bytes of another charset", method: "POST", path: "/Users", body: userBody("\"userName\":\"zo\xeb@x\""), headers: []string{"Content-Type", "application/json; charset=iso-8859-1"}, status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		{name: "UTF-16", method: "POST", path: "/Users", body: "\xff\xfe{\x00}\x00", headers: []string{"Content-Type", "application/json; charset=utf-16"}, status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		{name: "gzip", method: "POST", path: "/Users", body: "x", headers: []string{"Content-Encoding", "gzip"}, status: 415, cause: cause.MediaType},

		// Covers: 7643-4.1.1-2, 7643-4.1.1-3, 7644-3.3-5, 7644-3.12-8, 7644-3.12-15
		{name: "taken userName", method: "POST", path: "/Users", body: userBody(`"userName":"ALICE@example.com"`), status: 409, scimType: "uniqueness", cause: cause.Duplicate, detail: `userName "ALICE@example.com" belongs to the active user ` + alice},
		{name: "taken externalId", method: "POST", path: "/Users", body: userBody(`"userName":"new","externalId":"e-1"`), status: 409, scimType: "uniqueness", cause: cause.Duplicate, detail: "externalId under Provisioning > To App"},
		{name: "inactive again", method: "POST", path: "/Users", body: userBody(`"userName":"off","active":false`), status: 409, scimType: "uniqueness", cause: cause.DuplicateInactive},
		// Covers: 7643-7-19
		{name: "rename to a taken userName", method: "PATCH", path: "/Users/" + off, body: patchBody(`[{"op":"replace","path":"userName","value":"bob"}]`), status: 409, scimType: "uniqueness", cause: cause.Duplicate},
		{name: "no seat", method: "POST", path: "/Users", body: userBody(`"userName":"new"`), status: 403, cause: cause.SeatLimit, detail: "2 of 2 seats in use"},
		{name: "no seat to reactivate", method: "PATCH", path: "/Users/" + off, body: patchBody(`[{"op":"replace","path":"active","value":true}]`), status: 403, cause: cause.SeatLimit, detail: "buy more seats"},
		// Covers: 7644-3.12-9, 7644-3.14-4
		{name: "stale", method: "PATCH", path: "/Users/" + alice, body: patchBody(`[{"op":"replace","path":"title","value":"x"}]`), headers: []string{"If-Match", `W/"0"`}, status: 412, cause: cause.VersionMismatch},
		{name: "foreign tag", method: "PUT", path: "/Users/" + alice, body: userBody(`"userName":"alice@example.com"`), headers: []string{"If-Match", `"abc", W/"2"`}, status: 412, cause: cause.VersionMismatch},

		// Covers: 7644-3.4.2.2-21, 7644-3.12-13
		{name: "bad filter", method: "GET", path: "/Users?filter=userName%20zz%20%22a%22", status: 400, scimType: "invalidFilter", cause: cause.Validation, detail: "position 10"},
		// Covers: 7644-3.4.2.2-3
		{name: "empty filter", method: "GET", path: "/Users?filter=", status: 400, scimType: "invalidFilter", cause: cause.Validation},
		{name: "unquoted value", method: "GET", path: "/Users?filter=externalId%20eq%20jyoung", status: 400, scimType: "invalidFilter", cause: cause.Validation},
		{name: "unknown attribute", method: "GET", path: "/Users?filter=nope%20eq%20%22a%22", status: 400, scimType: "invalidFilter", cause: cause.Validation},
		{name: "string for a boolean", method: "GET", path: "/Users?filter=active%20eq%20%22true%22", status: 400, scimType: "invalidFilter", cause: cause.Validation},
		{name: "deep filter", method: "GET", path: "/Users?filter=" + strings.Repeat("%28", 2000), status: 400, scimType: "invalidFilter", cause: cause.Validation},
		// Covers: 7644-3.12-22, 7644-7.5.2-1
		{name: "password filter", method: "GET", path: "/Users?filter=password%20sw%20%22a%22", status: 403, scimType: "sensitive", cause: cause.SensitiveFilter},
		{name: "two filters", method: "GET", path: "/Users?filter=title%20pr&filter=active%20pr", status: 400, scimType: "invalidFilter", cause: cause.Validation},
		{name: "bare semicolon", method: "GET", path: "/Users?filter=title%20eq%20%22a;b%22", status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		{name: "count", method: "GET", path: "/Users?count=1e3", status: 400, scimType: "invalidValue", cause: cause.Validation},
		{name: "two filters in two cases", method: "GET", path: "/Users?FILTER=title%20pr&filter=title%20pr", status: 400, scimType: "invalidFilter", cause: cause.Validation},
		{name: "two counts", method: "GET", path: "/Users?Count=1&count=1", status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		{name: "startIndex", method: "GET", path: "/Users?startIndex=1x", status: 400, scimType: "invalidValue", cause: cause.Validation},
		// Covers: 7644-4-6
		{name: "filtered discovery", method: "GET", path: "/Schemas?filter=id%20pr", status: 403, cause: cause.DiscoveryFilter},
		{name: "unknown schema", method: "GET", path: "/Schemas/urn:none", status: 404, cause: cause.SchemaNotFound},
		{name: "unknown resource type", method: "GET", path: "/ResourceTypes/Nope", status: 404, cause: cause.SchemaNotFound},

		// Covers: 7644-3.5.2-5
		{name: "unknown op", method: "PATCH", path: "/Users/" + alice, body: patchBody(`[{"op":"move","path":"title","value":"x"}]`), status: 400, scimType: "invalidSyntax", cause: cause.Validation},
		// Covers: 7643-7-12, 7644-3.5.2-8, 7644-3.12-16
		{name: "readOnly", method: "PATCH", path: "/Users/" + alice, body: patchBody(`[{"op":"replace","path":"id","value":"zzz"}]`), status: 400, scimType: "mutability", cause: cause.Validation},
		// Covers: 7644-3.5.2-7, 7644-3.5.2-14, 7644-3.12-18
		{name: "unknown path", method: "PATCH", path: "/Users/" + alice, body: patchBody(`[{"op":"replace","path":"displayName","value":"Changed"},{"op":"replace","path":"noSuch.thing","value":1}]`), status: 400, scimType: "invalidPath", cause: cause.Validation},
		// Covers: 7644-3.5.2.3-8, 7644-3.12-19
		{name: "no target", method: "PATCH", path: "/Users/" + alice, body: patchBody(`[{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"h@x"}}]`), status: 400, scimType: "noTarget", cause: cause.Validation},
		// Covers: 7644-3.5.2-6, 7644-3.5.2.2-1
		{name: "remove nothing", method: "PATCH", path: "/Users/" + alice, body: patchBody(`[{"op":"remove"}]`), status: 400, scimType: "noTarget", cause: cause.Validation},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			a := s.send(tt.method, tt.path, tt.body, tt.headers...)
			require.Equalf(t, tt.status, a.status, "status %d, want %d: %s", a.status, tt.status, a.raw)
			id := a.header.Get("X-Request-Id")
			assert.Truef(t, uuidv7.MatchString(id), "X-Request-Id = %q, want a UUIDv7", id)
			assert.Equal(t, "[urn:ietf:params:scim:api:messages:2.0:Error]", fmt.Sprint(a.body["schemas"]), "schemas")
			assert.Truef(t, a.body["status"] == fmt.Sprint(tt.status), "status in the body = %#v, want the string %d", a.body["status"], tt.status)
			got, _ := a.body["scimType"].(string)
			assert.Equalf(t, tt.scimType, got, "scimType = %q, want %q: %s", got, tt.scimType, a.raw)
			detail, _ := a.body["detail"].(string)
			if !strings.Contains(detail, tt.detail) || !strings.Contains(detail, id) || len(detail) < 60 {
				t.Errorf("detail = %q, want %q and the request id in it", detail, tt.detail)
			}
			assert.Equal(t, "application/scim+json", a.header.Get("Content-Type"), "Content-Type")
			challenge := a.header.Get("WWW-Authenticate")
			assert.Equalf(t, strings.HasPrefix(challenge, "Bearer"), tt.status == 401, "WWW-Authenticate = %q with %d", challenge, tt.status)
			assert.Equalf(t, a.header.Get("Allow") != "", tt.status == 405, "Allow = %q with %d", a.header.Get("Allow"), tt.status)
			assert.Empty(t, a.header.Get("Access-Control-Allow-Origin"), "a browser of another origin is let in")
			want := map[string]any{
				"event": "scim.request", "requestId": id, "method": tt.method, "status": float64(tt.status),
				"outcome": "failure", "cause": string(tt.cause), "detail": detail,
			}
			for field, value := range want {
				assert.Truef(t, a.event[field] == value, "event %s = %v, want %v", field, a.event[field], value)
			}
			unknown := []cause.Cause{cause.NoRoute, cause.MethodNotAllowed, cause.NotSupported, cause.TokenRepeated}
			assert.Falsef(t, tt.status != 401 && !slices.Contains(unknown, tt.cause) && a.event["tenant"] != "acme", "event tenant = %v", a.event["tenant"])
		})
	}
	s.t = t
	a := s.send("GET", "/Users/"+alice, "")
	assert.Truef(t, a.body["displayName"] == nil && a.header.Get("ETag") == `W/"1"`, "the refused requests changed the user: %s", a.raw)
	faults, err := s.app.Store.Audit(t.Context(), s.tenant)
	assert.Truef(t, err == nil && len(faults) == 0, "audit: %v, %v", faults, err)
	secret := strings.Split(s.token, "_")[3]
	log := s.log.String()
	assert.True(t, !strings.Contains(log, secret) && !strings.Contains(log, "e-1\"}]"), "the log shows a token or a body")
}

// Covers: 7643-3.1-1, 7643-3.1-2, 7643-3.1-5, 7643-3.1-13, 7643-3.1-16, 7643-3.1-17, 7643-4.1.1-4, 7643-7-14, 7643-7-16, 7644-3.2-1, 7644-3.3-2
// Covers: 7644-3.3-4, 7644-3.3-6, 7644-3.3.1-1, 7644-3.4.1-1, 7644-3.5-1, 7644-3.5-2, 7644-3.5.1-2, 7644-3.5.1-3, 7644-3.5.2-16, 7644-3.6-1
// Covers: 7644-3.6-2, 7644-3.6-3, 7644-3.6-4, 7644-3.9-1, 7644-3.9-2, 7644-3.14-1, 7644-3.14-2, 7644-3.14-3, 7644-7.5.1-1
func TestUsers_LifeOfAUser(t *testing.T) { enginetest.Run(t, testUsers_LifeOfAUser) }

func testUsers_LifeOfAUser(t *testing.T, open opener) {
	s := newService(t, open, 5)
	body := userBody(`"userName":"alice@example.com","externalId":"e-1","password":"s3cret-Pa55","displayName":"Alice","emails":[{"type":"work","primary":true,"value":"alice@example.com"}]`)
	a := s.send("POST", "/Users", body)
	id, _ := a.body["id"].(string)
	location := baseURL + "/Users/" + id
	if a.status != 201 || !uuidv7.MatchString(id) || a.header.Get("Location") != location || a.header.Get("ETag") != `W/"1"` {
		t.Fatalf("POST: %d %v %s", a.status, a.header, a.raw)
	}
	meta, _ := a.body["meta"].(map[string]any)
	if meta["location"] != location || meta["resourceType"] != "User" || meta["version"] != `W/"1"` || meta["created"] != meta["lastModified"] {
		t.Errorf("meta = %v", meta)
	}
	assert.True(t, !strings.Contains(a.raw, "s3cret") && !strings.Contains(s.log.String(), "s3cret"), "the password is shown")
	wantEvent(t, a, map[string]any{
		"tenant": "acme", "idp": "okta", "operation": "create", "action": "created", "resourceType": "User",
		"resourceId": id, "subject": "alice@example.com", "externalId": "e-1", "outcome": "success",
		"status": 201.0, "seatDelta": 1.0, "retries": 0.0, "coldStart": true,
		"roundTrips": 3.0, // the first two: whether the token exists, and the token with its tenant
		"changed":    "active,displayName,emails,externalId,urn:ietf:params:scim:schemas:extension:rollcall:2.0:User:isTeamAccount,userName",
		"route":      "POST /scim/v2/Users",
	})

	if a = s.send("GET", "/Users/"+id, ""); a.status != 200 || a.body["displayName"] != "Alice" {
		t.Errorf("GET: %d %s", a.status, a.raw)
	}
	wantEvent(t, a, map[string]any{"operation": "read", "resourceId": id, "roundTrips": 1.0, "coldStart": false})
	if a = s.send("GET", "/Users/"+id, "", "If-None-Match", `W/"1"`); a.status != 304 || a.raw != "" || a.header.Get("ETag") != `W/"1"` {
		t.Errorf("GET If-None-Match: %d %s", a.status, a.raw)
	}
	if a = s.send("GET", "/Users/"+id+"?attributes=USERNAME,name.givenName", ""); len(a.body) != 3 || a.body["userName"] != "alice@example.com" {
		t.Errorf("GET attributes: %s", a.raw)
	}
	if a = s.send("GET", "/Users/"+id+"?excludedAttributes=id,emails", ""); a.body["id"] != id || a.body["emails"] != nil || a.body["userName"] == nil {
		t.Errorf("GET excludedAttributes: %s", a.raw)
	}

	a = s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"Replace","path":"active","value":"False"}]`), "If-Match", `W/"1"`)
	assert.Truef(t, a.status == 200 && a.body["active"] == false && a.header.Get("ETag") == `W/"2"`, "PATCH: %d %s", a.status, a.raw)
	wantEvent(t, a, map[string]any{"operation": "modify", "action": "deactivated", "changed": "active", "seatDelta": -1.0, "roundTrips": 2.0})

	a = s.send("PUT", "/Users/"+id, userBody(`"userName":"alice@example.com","title":"CEO"`))
	assert.Truef(t, a.status == 200 && a.body["active"] == false && a.body["title"] == "CEO" && a.body["displayName"] == nil, "PUT: %d %s", a.status, a.raw)
	wantEvent(t, a, map[string]any{"operation": "replace", "action": "updated", "subject": "alice@example.com"})

	a = s.send("POST", "/Users", body)
	assert.Truef(t, a.status == 200 && a.body["id"] == id && a.header.Get("Location") == location, "POST again: %d %s", a.status, a.raw)
	wantEvent(t, a, map[string]any{"operation": "create", "action": "reactivated", "resourceId": id, "seatDelta": 1.0})

	if a = s.send("DELETE", "/Users/"+id, ""); a.status != 204 || a.raw != "" {
		t.Errorf("DELETE: %d %s", a.status, a.raw)
	}
	wantEvent(t, a, map[string]any{"operation": "delete", "action": "deleted", "seatDelta": -1.0})
	if a = s.send("GET", "/Users/"+id, ""); a.status != 404 {
		t.Errorf("GET after DELETE: %d", a.status)
	}
	if a = s.send("GET", `/Users?filter=userName+eq+"alice%40example.com"`, ""); a.body["totalResults"] != 0.0 {
		t.Errorf("filter after DELETE: %s", a.raw)
	}
	if a = s.send("POST", "/Users", strings.Replace(body, "e-1", "e-2", 1)); a.status != 200 || a.body["id"] != id {
		t.Errorf("POST after DELETE: %d %s", a.status, a.raw)
	}
	wantEvent(t, a, map[string]any{"action": "restored", "outcome": "warning", "cause": "external_id_changed"})
}

func wantEvent(t *testing.T, a answer, want map[string]any) {
	t.Helper()
	for field, value := range want {
		assert.Truef(t, a.event[field] == value, "event %s = %#v, want %#v", field, a.event[field], value)
	}
}

// Covers: 7644-3.4.2-3, 7644-3.4.2-4, 7644-3.4.2-6, 7644-3.4.2-7, 7644-3.4.2-8, 7644-3.4.2.4-1, 7644-3.4.2.4-2, 7644-3.4.2.4-4, 7644-3.4.2.4-6
// Covers: 7644-3.4.2.5-1
func TestUsers_Lists(t *testing.T) { enginetest.Run(t, testUsers_Lists) }

func testUsers_Lists(t *testing.T, open opener) {
	s := newService(t, open, 50)
	for i := range 11 {
		s.mustCreate(fmt.Sprintf(`"userName":"u%02d@x","name":{"givenName":"G"}`, i))
	}
	for query, want := range map[string]struct{ total, start, items float64 }{
		"":                              {11, 1, 11},
		"?count=2&startIndex=1":         {11, 1, 2},
		"?startIndex=6&count=5":         {11, 6, 5},
		"?startIndex=11&count=5":        {11, 11, 1},
		"?startIndex=9999":              {11, 9999, 0},
		"?startIndex=-3&count=-1":       {11, 1, 0},
		"?count=999999999":              {11, 1, 11},
		`?filter=userName+eq+"u03%40x"`: {1, 1, 1},

		"?filter=userName%20sw%20%22U0%22&count=3":            {10, 1, 3},
		"?filter=userName%20eq%20%22o'brien%40example.com%22": {0, 1, 0},
	} {
		for _, path := range []string{"/Users", "/users"} {
			a := s.send("GET", path+query, "")
			if a.status != 200 || a.body["totalResults"] != want.total || a.body["startIndex"] != want.start || a.body["itemsPerPage"] != want.items {
				t.Errorf("GET %s%s: %d, total %v, start %v, items %v; want %+v", path, query, a.status,
					a.body["totalResults"], a.body["startIndex"], a.body["itemsPerPage"], want)
			}
			list, _ := a.body["Resources"].([]any)
			assert.Truef(t, float64(len(list)) == want.items, "GET %s%s: %d resources, want %v", path, query, len(list), want.items)
		}
	}
	a := s.send("GET", "/Users?count=1&attributes=userName", "")
	first := a.body["Resources"].([]any)[0].(map[string]any)
	assert.Truef(t, first["userName"] == "u00@x" && first["name"] == nil && first["id"] != nil, "projected list: %s", a.raw)
}

func TestDiscovery(t *testing.T) { enginetest.Run(t, testDiscovery) }

func testDiscovery(t *testing.T, open opener) {
	s := newService(t, open, 5)
	a := s.send("GET", "/ServiceProviderConfig", "", "Authorization", "")
	if a.status != 200 || a.body["patch"].(map[string]any)["supported"] != true ||
		a.body["filter"].(map[string]any)["maxResults"] != float64(directory.MaxCount) ||
		a.body["bulk"].(map[string]any)["supported"] != true || a.body["etag"].(map[string]any)["supported"] != true {
		t.Errorf("ServiceProviderConfig: %d %s", a.status, a.raw)
	}
	if a = s.send("GET", "/Schemas", "", "Authorization", ""); a.status != 401 {
		t.Errorf("Schemas without a token: %d", a.status)
	}
	for _, kind := range []string{"Schemas", "ResourceTypes"} {
		a = s.send("GET", "/"+kind, "")
		list, _ := a.body["Resources"].([]any)
		require.Truef(t, a.status == 200 && len(list) != 0 && a.body["totalResults"] == float64(len(list)), "%s: %d %s", kind, a.status, a.raw)
		assert.NotContainsf(t, a.raw, "null", "%s has a null", kind)
		for _, item := range list {
			id, _ := item.(map[string]any)["id"].(string)
			one := s.send("GET", "/"+kind+"/"+id, "")
			got, _ := json.Marshal(one.body)
			want, _ := json.Marshal(item)
			assert.Truef(t, one.status == 200 && string(got) == string(want), "%s/%s: %d, differs from the list", kind, id, one.status)
			location := one.body["meta"].(map[string]any)["location"]
			assert.Truef(t, location == baseURL+"/"+kind+"/"+id, "%s/%s: location %v", kind, id, location)
		}
	}
}

// Covers: 7644-8.1-1, 7644-8.1-2
func TestMediaTypes(t *testing.T) { enginetest.Run(t, testMediaTypes) }

func testMediaTypes(t *testing.T, open opener) {
	s := newService(t, open, 50)
	for i, sent := range []string{
		"application/scim+json", "application/scim+json; charset=utf-8", "application/json", "application/JSON;charset=UTF-8", "",
		"application/json; charset=utf8", `application/scim+json; charset="UTF-8"`, "application/json; charset=us-ascii", "application/json;charset=ISO-8859-1",
		"application/json; charset=utf-8; charset=utf-8", "application/json; charset", "application/scim+json;", "application/json; odata=verbose",
	} {
		a := s.send("POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i)), "Content-Type", sent)
		if a.status != 201 || a.header.Get("Content-Type") != "application/scim+json" {
			t.Errorf("Content-Type %q: %d %s", sent, a.status, a.header.Get("Content-Type"))
		}
	}
}

// Covers: 7643-9.3-1, 7644-2-2, 7644-2-3, 7644-6.1-1, 7644-7.5.1-1
func TestTenants_AreApart(t *testing.T) { enginetest.Run(t, testTenants_AreApart) }

func testTenants_AreApart(t *testing.T, open opener) {
	s := newServiceOn(t, open(t), 5, tenant.DefaultSettings())
	id := s.mustCreate(`"userName":"alice@example.com"`)
	before := s.send("GET", "/Users/"+id, "").raw

	_, token := stage.Tenant(t, s.app.Store, "acme-2", 5)
	as := []string{"Authorization", "Bearer " + token, "X-Tenant-Id", "acme"}
	for _, r := range [][3]string{
		{"GET", "/Users/" + id, ""},
		{"PUT", "/Users/" + id, userBody(`"userName":"x"`)},
		{"PATCH", "/Users/" + id, patchBody(`[{"op":"replace","path":"active","value":false}]`)},
		{"DELETE", "/Users/" + id, ""},
	} {
		a := s.send(r[0], r[1], r[2], as...)
		assert.Truef(t, a.status == 404 && a.event["tenant"] == "acme-2", "%s of another tenant's user: %d for tenant %v", r[0], a.status, a.event["tenant"])
	}
	for _, filter := range []string{"id%20eq%20%22" + id + "%22", "userName%20eq%20%22alice@example.com%22", "userName%20pr"} {
		a := s.send("GET", "/Users?filter="+filter, "", as...)
		assert.Truef(t, a.status == 200 && a.body["totalResults"] == 0.0, "filter %s: %d %s", filter, a.status, a.raw)
	}
	a := s.send("POST", "/Users", userBody(`"userName":"alice@example.com"`), as...)
	assert.Equalf(t, 201, a.status, "the same userName in another tenant: %d %s", a.status, a.raw)
	after := s.send("GET", "/Users/"+id, "").raw
	assert.Equalf(t, before, after, "the user changed: %s, was %s", after, before)
}

// Covers: 7644-3.12-6
func TestTenant_SCIMTurnedOff(t *testing.T) { enginetest.Run(t, testTenant_SCIMTurnedOff) }

func testTenant_SCIMTurnedOff(t *testing.T, open opener) {
	settings := tenant.DefaultSettings()
	settings.SCIMDisabled = true
	s := newServiceOn(t, open(t), 5, settings)
	a := s.send("POST", "/Users", userBody(`"userName":"a"`))
	assert.Truef(t, a.status == http.StatusForbidden && strings.Contains(a.raw, "turn SCIM provisioning on"), "POST: %d %s", a.status, a.raw)
	wantEvent(t, a, map[string]any{"cause": "scim_disabled", "tenant": "acme"})
}

func TestCauses_AreComplete(t *testing.T) {
	for _, c := range cause.Causes() {
		m := c.Meaning()
		assert.Truef(t, m.Summary != "" && m.Action != "" && strings.HasSuffix(m.Action, "."), "%s: summary %q, action %q", c, m.Summary, m.Action)
		assert.Falsef(t, m.Status != 0 && (m.Status < 400 || m.Status > 599), "%s: status %d", c, m.Status)
		assert.Equalf(t, m.RetryAfter > 0, m.Status == 503 || m.Status == 429, "%s: status %d with Retry-After %d", c, m.Status, m.RetryAfter)
	}
}

// A tolerated deviation is accepted and recorded, and is a warning if a mapping
// is wrong.
func TestNotices(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	for name, tt := range map[string]struct{ attributes, notice, outcome string }{
		"unknown attribute":      {`"userName":"a","shoeSize":44`, scim.NoticeUnknownAttribute + ":shoeSize", "warning"},
		"top-level account type": {`"userName":"b","isTeamAccount":true`, scim.NoticeTopLevel + ":" + scim.RollcallURN + ":isTeamAccount", "warning"},
		"string boolean":         {`"userName":"c","active":"True"`, scim.NoticeStringBoolean + ":active", "success"},
		"as the RFC says":        {`"userName":"d","active":true`, "", "success"},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			a := s.send("POST", "/Users", userBody(tt.attributes))
			notices, _ := a.event["notices"].(string)
			if a.status != 201 || notices != tt.notice || a.event["outcome"] != tt.outcome {
				t.Errorf("POST: %d, notices %q, outcome %v; want 201, %q, %s", a.status, notices, a.event["outcome"], tt.notice, tt.outcome)
			}
			named, _ := a.event["cause"].(string)
			assert.Equalf(t, tt.outcome == "warning", named == string(cause.Tolerated), "cause %q with outcome %s", named, tt.outcome)
		})
	}
}

// The event of a refused request names its subject.
func TestRefusals_NameTheUser(t *testing.T) {
	s := newService(t, enginetest.Memory, 1)
	off := s.mustCreate(`"userName":"off@x","externalId":"e-off","active":false`)
	s.mustCreate(`"userName":"on@x"`)
	for name, tt := range map[string]struct{ method, path, body, subject, external string }{
		"POST, wrong type":    {"POST", "/Users", userBody(`"userName":"n@x","externalId":"e78","name":"Al"`), "n@x", "e78"},
		"POST, no userName":   {"POST", "/Users", userBody(`"externalId":"e77","emails":[{"value":"q@x"}]`), "q@x", "e77"},
		"POST, no seat":       {"POST", "/Users", userBody(`"userName":"new@x"`), "new@x", ""},
		"PATCH, no seat":      {"PATCH", "/Users/" + off, patchBody(`[{"op":"replace","path":"active","value":true}]`), "off@x", "e-off"},
		"PATCH, wrong path":   {"PATCH", "/Users/" + off, patchBody(`[{"op":"add","path":"nope","value":1}]`), "off@x", "e-off"},
		"PATCH that succeeds": {"PATCH", "/Users/" + off, patchBody(`[{"op":"add","path":"title","value":"x"}]`), "off@x", "e-off"},
		"PUT, wrong type":     {"PUT", "/Users/" + off, userBody(`"userName":"off@x","active":"nope"`), "off@x", ""},
		"DELETE of a version": {"DELETE", "/Users/" + off, "", "off@x", "e-off"},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			a := s.send(tt.method, tt.path, tt.body, "If-Match", map[bool]string{true: `W/"99"`}[tt.method == "DELETE"])
			external, _ := a.event["externalId"].(string)
			if a.event["subject"] != tt.subject || external != tt.external {
				t.Errorf("%d: subject %v, externalId %q; want %q, %q", a.status, a.event["subject"], external, tt.subject, tt.external)
			}
		})
	}
	s.t = t
	token, _ := access.Mint(s.tenant)
	a := s.send("GET", "/Users", "", "Authorization", "Bearer "+token)
	if a.status != 401 || a.event["claimedTenant"] != "acme" || a.event["tenant"] != nil {
		t.Errorf("an unknown token: %d, tenant %v, claimed %v", a.status, a.event["tenant"], a.event["claimedTenant"])
	}
	if a = s.send("GET", "/Users", "", "Authorization", "Bearer  "+s.token); a.status != 200 {
		t.Errorf("two spaces: %d", a.status)
	}
}
