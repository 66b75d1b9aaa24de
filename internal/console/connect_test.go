package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/guide"
)

const connectURL = "/console/t/acme/connect"

func TestConnections_AreListed(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get(connectURL).page()
	for _, product := range guide.Products() {
		p.says(t, product.Name)
	}
	var to []string
	for _, a := range p.id(t, "connections").named("a") {
		to = append(to, a.attrs["href"])
	}
	for _, product := range guide.Products() {
		for _, one := range product.Connections {
			assert.Contains(t, to, connectURL+"/"+one.ID)
		}
	}
	for _, to := range to {
		assert.Equal(t, http.StatusOK, b.get(to).Code, to)
	}
	assert.Equal(t, http.StatusNotFound, b.get(connectURL+"/none").Code)
	assert.Equal(t, http.StatusNotFound, b.post(connectURL+"/none", nil).Code)
}

// A page has the steps in their order, and each value that is known in a field to copy.
func TestConnection_HasTheSteps(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get(connectURL + "/okta").page()
	steps := p.id(t, "steps").named("li")
	var titles []string
	for _, s := range p.id(t, "steps").named("h3") {
		titles = append(titles, s.words())
	}
	_, one, _ := guide.Find("okta")
	for i, s := range one.Steps {
		assert.Equal(t, s.Title, titles[i])
	}
	require.Len(t, steps, len(one.Steps))
	url := p.id(t, "value-3-1")
	assert.Equal(t, "https://scim.example/scim/v2", url.words())
	assert.Equal(t, []string{"readonly", "SCIM connector base URL"}, []string{url.attrs["readonly"], url.attrs["data-copy"]})
	// The newest token that is labelled as Okta's is chosen, and its text is not known.
	assert.Equal(t, "selected", p.id(t, "credential").named("option")[2].attrs["selected"], p.id(t, "credential").words())
	steps[2].says(t, "Authorization", "It was shown when it was created. If you do not have it, replace it in step 1.")
	rotate := p.id(t, "rotate").attrs["href"]
	assert.Equal(t, "/console/t/acme/tokens/tok1/rotate", rotate)
	assert.Equal(t, "Okta", b.get(rotate).page().id(t, "label").attrs["value"], "the label by which the product is recognized")
	assert.Equal(t, "HTTP Header", p.id(t, "value-3-4").words(), "a choice is no field")
	assert.NotContains(t, p.words(), "*", "a mark is shown")
	p.id(t, "expect").says(t, "frees the seat")

	p = b.get(connectURL + "/another-federation").page()
	p.id(t, "steps").says(t, "URL of the keys (JWKS)", "It is there after step 2.")
	for _, name := range []string{"issuer", "subject", "audience", "jwksUri"} {
		p.id(t, name)
	}
}

// The checks say what came, and lead to the request; the button works without a script.
func TestConnection_ShowsHowFarItIs(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get(connectURL + "/okta?credential=tok1").page()
	p.id(t, "check-connection").says(t, "Connection", "passed", "A request with a valid credential was received.")
	user := p.id(t, "check-user")
	user.says(t, "First user ✕ failing", "All seats of the tenant are in use.", "carol@example.com", "50 of 50 seats in use; nothing was changed.", "What to do: Deactivate a user, or buy more seats.")
	assert.NotContains(t, user.words(), "(request")
	assert.Equal(t, "/console/t/acme/requests/"+failedID, user.link(t, "View the request"))
	assert.Equal(t, "/console/causes/seat_limit", user.link(t, "No free seat"))
	p.id(t, "check-group").says(t, "waiting", "Try it: Add a group under Push Groups")
	p.id(t, "refresh").says(t, "Check again")

	b.service.set("GET "+acme+"/log", adminwire.Log{Entries: []adminwire.Entry{{
		ID: "e1", RequestID: failedID, Time: noon, By: "idp", IdP: "okta", TokenID: "tok1", Operation: "create", Action: "created", ResourceType: "User", Subject: "dora@example.com", Outcome: "success",
	}}})
	b.get(connectURL+"/okta?credential=tok1").page().id(t, "check-user").says(t, "passed", "The user was created.", "dora@example.com")

	// Of a credential that is unknown the page chooses another.
	assert.Equal(t, http.StatusOK, b.get(connectURL+"/okta?credential="+strings.Repeat("x", 200)).Code)
	tenant, _ := healthy()["GET "+acme].(adminwire.Tenant)
	tenant.StaticTokens = "refuse"
	b.service.set("GET "+acme, tenant)
	b.get(connectURL+"/okta").page().id(t, "static-refused")
	assert.False(t, b.get(connectURL+"/entra-oauth").page().has("static-refused"))
}

// The text of a new credential stands in the steps once, and in no address or line.
func TestCreateCredential_ShowsItOnceWithinTheSteps(t *testing.T) {
	answers := withClients()
	for call, answer := range minting() {
		if strings.HasPrefix(call, "POST") {
			answers[call] = answer
		}
	}
	for id, want := range map[string]struct{ call, body, credential, text string }{
		"okta":        {"POST " + acme + "/tokens", `{"label":"Okta","expiresAt":"2027-01-31T12:00:00Z"}`, "tok5", newText},
		"entra-oauth": {"POST " + acme + "/clients", `{"label":"Okta","expiresAt":"2027-01-31T12:00:00Z"}`, clientID, oneSecretText},
	} {
		b := visitor(t, answers)
		b.service.last()
		a := b.post(connectURL+"/"+id, url.Values{"label": {" Okta "}, "expires": {"2027-01-31 12:00"}})
		asked, body := b.service.last()
		require.Equal(t, []string{want.call}, asked)
		assert.Equal(t, want.body, body)
		to := a.Header().Get("Location")
		require.Equal(t, connectURL+"/"+id+"?created=1&credential="+want.credential, to)
		assert.NotContains(t, b.send(b.newRequest(http.MethodHead, to, "")).Body.String(), want.text, "HEAD")
		assert.NotContains(t, b.get(connectURL+"/"+id).Body.String(), want.text, "without the parameter")
		p := b.get(to).page()
		shown := 0
		for _, field := range p.id(t, "steps").named("textarea") {
			if field.words() == want.text {
				shown++
			}
		}
		assert.Equal(t, 1, shown)
		p.id(t, strings.TrimPrefix(p.id(t, "shown-once").link(t, "Copy it"), "#")).says(t, want.text)
		if id == "entra-oauth" {
			assert.Equal(t, []string{tokenEndpoint, clientID}, []string{p.id(t, "value-3-2").words(), p.id(t, "value-3-3").words()})
		}
		again := b.get(to)
		assert.NotContains(t, again.Body.String(), want.text, "again")
		assert.False(t, again.page().has("shown-once"))
		assert.NotContains(t, b.log.String(), want.text, "the log shows it")
	}
}

func TestCreateCredential_RefusesWrongFields(t *testing.T) {
	b := visitor(t, withClients())
	b.service.set("POST "+acme+"/clients", refusal{http.StatusBadRequest, "invalid", "expiresAt must be within 3 years."})
	for _, c := range []struct {
		id, field, says string
		form            url.Values
		calls           int
	}{
		{"okta", "label", "Enter one line", url.Values{"label": {"a\nb"}}, 0},
		{"okta", "expires", "Enter a time", url.Values{"label": {"a"}, "expires": {"soon"}}, 0},
		{"okta", "expires", "in the past", url.Values{"expires": {"2020-01-01"}}, 0},
		{"entra-oauth", "expires", "expiresAt must be within 3 years.", url.Values{"expires": {"2099-01-01"}}, 1},
		{"entra-federation", "issuer", "Enter the value", url.Values{"subject": {"s"}, "audience": {"a"}, "jwksUri": {"u"}}, 0},
		{"another-key", "jwks", "Enter a JWK Set", url.Values{"jwks": {`{"d":"AyM1SysPpbyDfgZl`}}, 0},
	} {
		b.service.last()
		a := b.post(connectURL+"/"+c.id, c.form)
		asked, _ := b.service.last()
		calls := 0
		for _, one := range asked {
			if !strings.HasPrefix(one, "GET") {
				calls++
			}
		}
		assert.Equal(t, c.calls, calls, "%s: %q", c.id, asked)
		assert.Equal(t, http.StatusBadRequest, a.Code)
		a.page().id(t, c.field+"-wrong").says(t, c.says)
		assert.NotContains(t, a.Body.String(), "AyM1SysPpbyDfgZl")
	}
	b.service.set("POST "+acme+"/tokens", refusal{http.StatusServiceUnavailable, "unavailable", "Try again."})
	assert.Equal(t, http.StatusServiceUnavailable, b.post(connectURL+"/okta", nil).Code)
}

// A federation that is refused leaves a client that cannot authenticate, which the corrected form
// completes: it creates no second one.
func TestCreateCredential_CorrectsAFederation(t *testing.T) {
	b := visitor(t, withClients())
	empty := adminwire.Client{ClientID: clientID, Label: "Entra", State: live, CreatedAt: &noon, TokenEndpoint: tokenEndpoint}
	b.service.set("POST "+acme+"/clients", adminwire.CreatedClient{Client: empty})
	b.service.set("GET "+clientCall, empty)
	b.service.set("PUT "+clientCall+"/federation", refusal{http.StatusBadRequest, "invalid", "jwksUri is on a host that the deployment does not allow."})
	form := url.Values{"label": {"Entra"}, "issuer": {"https://i.example"}, "subject": {"s"}, "audience": {"a"}, "jwksUri": {"https://i.example/keys"}}
	a := b.post(connectURL+"/entra-federation", form)
	require.Equal(t, http.StatusBadRequest, a.Code)
	p := a.page()
	p.id(t, "jwksUri-wrong").says(t, "does not allow")
	for _, in := range p.id(t, "create-credential").named("input") {
		if in.attrs["type"] == "hidden" && in.attrs["name"] != "form" {
			form.Set(in.attrs["name"], in.attrs["value"])
		}
	}
	require.Equal(t, clientID, form.Get("client"))

	b.service.set("PUT "+clientCall+"/federation", oneClient())
	b.service.last()
	form.Del("form")
	a = b.post(connectURL+"/entra-federation", form)
	asked, body := b.service.last()
	assert.Equal(t, []string{"GET " + clientCall, "PUT " + clientCall + "/federation"}, asked)
	assert.Equal(t, `{"issuer":"https://i.example","subject":"s","audience":"a","jwksUri":"https://i.example/keys"}`, body)
	require.Equal(t, connectURL+"/entra-federation?credential="+clientID, a.Header().Get("Location"))
	p = b.get(a.Header().Get("Location")).page()
	p.id(t, "notice").says(t, "Continue with the next step")
	assert.Equal(t, clientID, p.id(t, "value-4-3").words())

	// A client that was completed meanwhile is left as it is.
	b.service.set("GET "+clientCall, oneClient())
	a = b.post(connectURL+"/entra-federation", form)
	require.Equal(t, http.StatusBadRequest, a.Code)
	a.page().id(t, "label-wrong").says(t, "changed meanwhile")
}

func TestCreateCredential_SetsKeys(t *testing.T) {
	b := visitor(t, withClients())
	b.service.set("POST "+acme+"/clients", adminwire.CreatedClient{Client: oneClient()})
	b.service.last()
	a := b.post(connectURL+"/another-key", url.Values{"jwks": {`{"keys":[]}`}})
	asked, body := b.service.last()
	assert.Equal(t, []string{"POST " + acme + "/clients", "PUT " + clientCall + "/keys"}, asked)
	assert.Equal(t, `{"jwks":{"keys":[]}}`, body)
	assert.Equal(t, connectURL+"/another-key?credential="+clientID, a.Header().Get("Location"))
}

// The credential of a connection is one of its kind.
func TestConnecting_ChoosesACredential(t *testing.T) {
	later := noon.Add(time.Hour)
	known := guide.Known{
		Tokens: []adminwire.Token{
			{ID: "old", Label: "Okta", State: live, CreatedAt: &noon},
			{ID: "new", Label: "Okta 2", State: live, CreatedAt: &later},
			{ID: "gone", Label: "Okta 3", State: "revoked", CreatedAt: &later},
			{ID: "hr", Label: "HR", State: live},
		},
		Clients: []adminwire.Client{oneClient(), otherClient(), {ClientID: "rcc_acme_c", Label: "Okta", State: "revoked", Keys: &adminwire.ClientKeys{}}},
	}
	for id, want := range map[string]string{
		"okta": "new", "onelogin": "", "another-token": "hr", "entra-oauth": clientID, "entra-federation": clientID, "entra-token": "", "another-key": "", "pingone-oauth": "",
	} {
		p, one, ok := guide.Find(id)
		require.True(t, ok)
		v := connecting{product: p, connection: one, known: known}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/?credential=gone", nil)
		require.NoError(t, err)
		assert.Equal(t, want, v.chosen(&request{Request: r}), id)
	}
}
