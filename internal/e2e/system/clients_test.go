package system

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

const (
	entraKeys = "https://login.microsoftonline.com/common/discovery/v2.0/keys"
	publicKey = `{"kty":"EC","crv":"P-256","kid":"1","use":"sig","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
)

// federation returns the body of a federation with these keys.
func federation(jwksURI string) string {
	return fmt.Sprintf(`{"issuer":"https://issuer.example/","subject":"s","audience":"api://rollcall","jwksUri":%q}`, jwksURI)
}

// A client is created with a secret that is shown once, changed, and revoked; what it answers
// is what is stored.
func TestAdmin_Clients(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testAdminClients) }

func testAdminClients(t *testing.T, open func(testing.TB) table.Table) {
	now := time.Now().Truncate(time.Millisecond).UTC()
	s := newApplication(t, open(t), app.Options{Now: func() time.Time { return now }})
	s.mustAdmin(201, "PUT", "/tenants/acme", "")
	s.mustAdmin(201, "PUT", "/tenants/beta", "")
	made := s.admin("POST", "/tenants/acme/clients", `{"label":"Entra"}`, "Rollcall-Actor", "eve")
	require.Equal(t, 201, made.status, made.body)
	id, text := made.body["clientId"].(string), made.body["clientSecret"].(string)
	assert.True(t, strings.HasPrefix(id, "rcc_acme_") && strings.HasPrefix(text, "rcs_acme_"), id)
	assert.Equal(t, "https://scim.test/oauth2/token", made.body["tokenEndpoint"])
	assert.Equal(t, now.Add(access.SecretLife).Format("2006-01-02T15:04:05.000Z"), made.body["expiresAt"])
	assert.Equal(t, [3]any{"created", id, "eve"}, [3]any{made.event["action"], made.event["resourceId"], made.event["actor"]})
	assert.NotContains(t, fmt.Sprint(made.event), text)
	read := func(id string) map[string]any { return s.mustAdmin(200, "GET", "/tenants/acme/clients/"+id, "") }
	client := read(id)
	assert.NotContains(t, fmt.Sprint(client), text, "the text of the secret")
	assert.Equal(t, client, read(id[strings.LastIndex(id, "_")+1:]), "by the last part of its id")
	assert.Equal(t, []any{client}, s.mustAdmin(200, "GET", "/tenants/acme/clients", "")["clients"])
	assert.Equal(t, []any{}, s.mustAdmin(200, "GET", "/tenants/beta/clients", "")["clients"])
	assert.Equal(t, 404, s.admin("GET", "/tenants/beta/clients/"+id, "").status, "of another tenant")
	secret := client["secrets"].([]any)[0].(map[string]any)
	assert.Equal(t, made.body["secretId"], secret["secretId"])
	assert.Equal(t, [2]any{"live", text[len(text)-4:]}, [2]any{secret["state"], secret["lastFour"]})

	path := "/tenants/acme/clients/" + id
	assert.Equal(t, "Entra 2", s.mustAdmin(200, "PATCH", path, `{"label":"Entra 2"}`)["label"])
	second := s.mustAdmin(201, "POST", path+"/secrets", `{"label":"next","expiresAt":"`+now.Add(time.Hour).Format(time.RFC3339)+`"}`)
	assert.Equal(t, [3]any{id, "next", "live"}, [3]any{second["clientId"], second["label"], second["state"]})
	for range 2 { // a second time too
		s.mustAdmin(204, "DELETE", path+"/secrets/"+made.body["secretId"].(string), "")
	}
	now = now.Add(time.Hour)
	var states []string
	for _, one := range read(id)["secrets"].([]any) {
		states = append(states, one.(map[string]any)["state"].(string))
	}
	assert.Equal(t, []string{"revoked", "expired"}, states)

	federated := s.mustAdmin(200, "PUT", path+"/federation", federation(entraKeys))["federation"].(map[string]any)
	assert.Equal(t, [2]any{"api://rollcall", entraKeys}, [2]any{federated["audience"], federated["jwksUri"]})
	keys := s.mustAdmin(200, "PUT", path+"/keys", `{"jwks":{"keys":[`+publicKey+`]}}`)["keys"].(map[string]any)
	assert.Len(t, keys["jwks"].(map[string]any)["keys"], 1)
	for range 2 {
		s.mustAdmin(204, "DELETE", path+"/federation", "")
		s.mustAdmin(204, "DELETE", path+"/keys", "")
	}
	assert.NotContains(t, read(id), "federation")
	assert.NotContains(t, read(id), "keys")

	none := s.mustAdmin(201, "POST", "/tenants/acme/clients", `{"secret":false}`)
	assert.NotContains(t, none, "clientSecret")
	assert.Empty(t, none["secrets"])

	for range 2 {
		s.mustAdmin(204, "DELETE", path, "")
	}
	assert.Equal(t, "revoked", read(id)["state"])
	for _, refused := range [][3]string{
		{"PATCH", "", `{"label":"x"}`},
		{"POST", "/secrets", ""},
		{"PUT", "/federation", federation(entraKeys)},
		{"PUT", "/keys", `{"jwks":{"keys":[` + publicKey + `]}}`},
		{"DELETE", "/keys", ""},
	} {
		a := s.admin(refused[0], path+refused[1], refused[2])
		assert.Equalf(t, 409, a.status, "%s %s of a revoked client: %v", refused[0], refused[1], a.body)
		assert.Contains(t, a.body["detail"], "The client is revoked")
	}
}

// A tenant has a bounded number of clients, and a client of secrets that work.
func TestAdmin_ClientsAreBounded(t *testing.T) {
	s := newApplication(t, enginetest.Memory(t), app.Options{})
	s.mustAdmin(201, "PUT", "/tenants/acme", "")
	id := ""
	for range access.MaxClients {
		id, _ = s.mustAdmin(201, "POST", "/tenants/acme/clients", "")["clientId"].(string)
	}
	assert.Equal(t, 409, s.admin("POST", "/tenants/acme/clients", "").status)
	for range access.MaxSecrets - 1 {
		s.mustAdmin(201, "POST", "/tenants/acme/clients/"+id+"/secrets", "")
	}
	assert.Equal(t, 409, s.admin("POST", "/tenants/acme/clients/"+id+"/secrets", "").status)
	s.mustAdmin(204, "DELETE", "/tenants/acme/clients/"+id, "")
	s.mustAdmin(201, "POST", "/tenants/acme/clients", "")
}

// What is refused is refused with its reason, changes nothing, and is quoted nowhere.
func TestAdmin_RefusesWrongClients(t *testing.T) {
	now := time.Now().UTC()
	s := newApplication(t, enginetest.Memory(t), app.Options{Now: func() time.Time { return now }})
	s.mustAdmin(201, "PUT", "/tenants/acme", "")
	made := s.mustAdmin(201, "POST", "/tenants/acme/clients", "")
	id, text := made["clientId"].(string), made["clientSecret"].(string)
	path := "/tenants/acme/clients/" + id
	before := s.mustAdmin(200, "GET", path, "")
	at := func(years int) string {
		return `{"expiresAt":"` + now.AddDate(years, 0, 3).Format(time.RFC3339) + `"}`
	}
	const hidden = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
	for _, tt := range []struct {
		method, path, body string
		status             int
		detail             string
	}{
		{"POST", "/tenants/acme/clients", `{"expiresAt":"2001-01-01T00:00:00Z"}`, 400, "in the future, at most 3 years"},
		{"POST", "/tenants/acme/clients", `{"expiresAt":"0001-01-01T00:00:00Z"}`, 400, "in the future, at most 3 years"},
		{"POST", "/tenants/acme/clients", at(3), 400, "at most 3 years from now"},
		{"POST", "/tenants/acme/clients", `{"expiresAt":"soon"}`, 400, "expiresAt must be a time"},
		{"POST", "/tenants/acme/clients", `{"label":"` + strings.Repeat("x", 101) + `"}`, 400, "label must be one line"},
		{"POST", "/tenants/acme/clients", `{"label":"` + text + `"}`, 400, "has a token or secret of this service in it"},
		{"POST", "/tenants/acme/clients", `{"secret":false,"expiresAt":"2099-01-01T00:00:00Z"}`, 400, "leave one of them out"},
		{"POST", "/tenants/acme/clients", `{"scope":"x"}`, 400, "not a member"},
		{"POST", "/tenants/nobody/clients", "", 404, "Tenant not found"},
		{"GET", "/tenants/acme/clients/nosuch", "", 404, "Client not found"},
		{"GET", "/tenants/acme/clients/rcc_acme_aaaaaaaaaaaaaaaa", "", 404, "Client not found"},
		{"GET", "/tenants/acme/clients/rcc_beta_aaaaaaaaaaaaaaaa", "", 404, "another tenant"},
		{"PATCH", path, "", 400, "The body is empty"},
		{"PATCH", path, `{"label":1}`, 400, "label must be a text"},
		{"PATCH", path, `{"label":"two\nlines"}`, 400, "label must be one line"},
		{"POST", path + "/secrets", `{"expiresAt":"2001-01-01T00:00:00Z"}`, 400, "in the future"},
		{"POST", path + "/secrets", at(4), 400, "at most 3 years from now"},
		{"DELETE", path + "/secrets/aaaaaaaaaaaaaaaa", "", 404, "no such secret"},
		{"PUT", path + "/federation", "", 400, "issuer must be one line of text"},
		{"PUT", path + "/federation", federation(""), 400, "jwksUri must be one line of text"},
		{"PUT", path + "/federation", federation("http://login.microsoftonline.com/keys"), 400, "does not begin with https"},
		{"PUT", path + "/federation", federation("https://u:p@login.microsoftonline.com/keys"), 400, "has a user name"},
		{"PUT", path + "/federation", federation("https://login.microsoftonline.com.evil.example/keys"), 400, "fetches keys only from login.microsoftonline.com,"},
		{"PUT", path + "/federation", federation("https://login.microsoftonline.com:8443/keys"), 400, "has the host login.microsoftonline.com:8443"},
		{"PUT", path + "/federation", federation("https://10.0.0.1/keys"), 400, "names an address"},
		{"PUT", path + "/federation", federation("https://[::1]/keys"), 400, "names an address"},
		{"PUT", path + "/federation", federation("https://localhost/keys"), 400, "has the host localhost"},
		{"PUT", path + "/federation", federation("file:///etc/passwd"), 400, "is not a URL"},
		{"PUT", path + "/federation", federation(entraKeys + "#x"), 400, "fragment"},
		{"PUT", path + "/keys", `{}`, 400, "send a JWK Set"},
		{"PUT", path + "/keys", `{"jwks":{"keys":[]}}`, 400, "at least one public key"},
		{"PUT", path + "/keys", `{"jwks":{"keys":[{"kty":"EC","d":"` + hidden + `"}]}}`, 400, "is a private or secret key (d)"},
		{"PUT", path + "/keys", `{"jwks":{"keys":[{"kty":"oct","k":"` + hidden + `"}]}}`, 400, "is a private or secret key (k)"},
	} {
		a := s.admin(tt.method, tt.path, tt.body)
		assert.Equalf(t, tt.status, a.status, "%s %s %.80s: %v", tt.method, tt.path, tt.body, a.body)
		assert.Containsf(t, a.body["detail"], tt.detail, "%s %s %.80s", tt.method, tt.path, tt.body)
		for _, value := range []string{hidden, text, "u:p@"} {
			assert.NotContains(t, fmt.Sprint(a.body, a.event), value)
		}
	}
	assert.Equal(t, before, s.mustAdmin(200, "GET", path, ""), "a refused request changed the client")
	assert.Len(t, s.mustAdmin(200, "GET", "/tenants/acme/clients", "")["clients"], 1)
}

// The setting staticTokens refuses tokens that are sent as they were minted.
func TestAdmin_StaticTokensAreRefused(t *testing.T) {
	now := time.Now()
	s := newApplication(t, enginetest.Memory(t), app.Options{Now: func() time.Time { return now }})
	s.mustAdmin(201, "PUT", "/tenants/acme", "")
	s.token, _ = s.mustAdmin(201, "POST", "/tenants/acme/tokens", "")["token"].(string)
	assert.Equal(t, 400, s.admin("PATCH", "/tenants/acme", `{"staticTokens":"never"}`).status)
	for _, tt := range []struct {
		setting string
		status  int
	}{{`"refuse"`, 401}, {`"take"`, 200}, {`"refuse"`, 401}, {`null`, 200}} {
		s.mustAdmin(200, "PATCH", "/tenants/acme", `{"staticTokens":`+tt.setting+`}`)
		now = now.Add(access.CacheTime + time.Second)
		assert.Equal(t, tt.status, s.send("GET", "/Users?count=0", "").status, tt.setting)
	}
}
