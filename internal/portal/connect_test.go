package portal_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// check returns the state that a page shows of a check.
func (b *browser) check(kind string) string {
	b.d.t.Helper()
	_, rest, ok := strings.Cut(b.shown, `id="check-`+kind+`"`)
	require.Truef(b.d.t, ok, "no check %s in %s", kind, b.shown)
	return regexp.MustCompile(`</span> (\w+)</span>`).FindStringSubmatch(rest)[1]
}

// A customer connects Okta: the pages have the values to enter, create the token, and show each
// request that comes with it. The log names who created it.
func TestConnect_FromTheListToTheFirstUser(t *testing.T) {
	d := newDeployment(t, memory(t))
	b := d.visitor("beta", "setup")
	require.Equal(t, http.StatusOK, b.get("/portal").Code)
	assert.Contains(t, b.shown, `href="/portal/connect"`)
	require.Equal(t, http.StatusOK, b.get("/portal/connect").Code)
	assert.Contains(t, b.shown, `href="/portal/connect/okta"`)
	require.Equal(t, http.StatusOK, b.get("/portal/connect/okta").Code)
	assert.Contains(t, b.shown, origin+"/scim/v2</textarea>")
	assert.Equal(t, "waiting", b.check("connection"))

	d.log.Forget()
	w := b.press("/portal/connect/okta", url.Values{"label": {"Okta"}})
	require.Equal(t, http.StatusSeeOther, w.Code, b.shown)
	assert.NotContains(t, d.log.String(), "rct_")
	assert.Contains(t, d.log.String(), `"actor":"anna@beta.example"`)
	page := w.Header().Get("Location")
	require.Equal(t, http.StatusOK, b.get(page).Code)
	token := regexp.MustCompile(`rct_beta_[a-z2-7_]+[0-9a-f]{32}`).FindString(b.shown)
	require.NotEmpty(t, token, b.shown)
	assert.Equal(t, "waiting", b.check("connection"))
	assert.NotContains(t, b.get(page).Body.String(), token, "it is shown again")

	d.tokens["beta"] = token
	d.now = d.now.Add(time.Minute)
	require.Equal(t, http.StatusCreated, d.create("beta", "dora@example.com").Code)
	chosen := regexp.MustCompile(`name="credential" value="([^"]*)"`).FindStringSubmatch(b.shown)
	require.NotNil(t, chosen, b.shown)
	refresh := "/portal/connect/okta?credential=" + chosen[1]
	require.Equal(t, http.StatusOK, b.get(refresh).Code)
	assert.Equal(t, []string{"passed", "passed", "waiting", "waiting"}, []string{b.check("connection"), b.check("user"), b.check("group"), b.check("deactivation")})
	assert.Contains(t, b.shown, "dora@example.com")
	request := regexp.MustCompile(`href="(/portal/requests/[^"]+)"`).FindStringSubmatch(b.shown)
	require.NotNil(t, request)
	assert.Equal(t, http.StatusOK, b.get(request[1]).Code)

	// Nothing of it is another tenant's.
	other := d.visitor("acme", "setup")
	require.Equal(t, http.StatusOK, other.get(refresh).Code)
	assert.NotContains(t, other.shown, "dora@example.com")
	assert.Equal(t, "waiting", other.check("connection"))
}

// A customer connects by OAuth with a secret.
func TestConnect_ByOAuth(t *testing.T) {
	d := newDeployment(t, memory(t))
	b := d.visitor("acme", "setup")
	b.get("/portal/connect/entra-oauth")
	w := b.press("/portal/connect/entra-oauth", url.Values{"label": {"Microsoft Entra ID"}})
	require.Equal(t, http.StatusSeeOther, w.Code, b.shown)
	require.Equal(t, http.StatusOK, b.get(w.Header().Get("Location")).Code)
	for _, text := range []string{`>rcs_acme_`, `>rcc_acme_`, ">" + origin + "/oauth2/token</textarea>", "?aadOptscim062020</textarea>"} {
		assert.Contains(t, b.shown, text)
	}
	// A federation on a host that the deployment does not allow is refused with the reason.
	b.get("/portal/connect/another-federation")
	w = b.press("/portal/connect/another-federation", url.Values{
		"label": {"X"}, "issuer": {"https://issuer.example"}, "subject": {"s"}, "audience": {"a"}, "jwksUri": {"https://issuer.example/keys"},
	})
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Contains(t, b.shown, `id="jwksUri-wrong"`)
}

// Only a session that may set up gets the pages, and only its own forms count.
func TestConnect_NeedsThePermissionToSetUp(t *testing.T) {
	d := newDeployment(t, memory(t))
	require.Equal(t, http.StatusCreated, d.admin(http.MethodPut, "/tenants/empty", `{}`).Code)
	for permissions, says := range map[string]string{"view": "Ask an administrator who may set up", "setup": `id="connect" href="/portal/connect"`} {
		waiting := d.visitor("empty", permissions)
		waiting.get("/portal")
		assert.Contains(t, waiting.shown, says)
		assert.Empty(t, emptyRef.FindString(waiting.shown), permissions)
	}
	b := d.visitor("acme", "view")
	b.get("/portal")
	assert.NotContains(t, b.shown, "/portal/connect")
	for _, path := range []string{"/portal/connect", "/portal/connect/okta", "/portal/connect/okta?created=1"} {
		assert.Equal(t, http.StatusNotFound, b.get(path).Code, path)
	}
	setup := d.visitor("acme", "setup")
	setup.get("/portal/connect/okta")
	b.shown = setup.shown
	assert.Equal(t, http.StatusNotFound, b.press("/portal/connect/okta", nil).Code)
	setup.shown = ""
	assert.Equal(t, http.StatusForbidden, setup.press("/portal/connect/okta", nil).Code)
}
