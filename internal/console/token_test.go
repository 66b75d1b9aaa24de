package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const newText = "rct_acme_0123456789_secretsecretsecret_abcd"

// minting returns the answers of a service that creates tokens.
func minting() map[string]any {
	answers := healthy()
	made := map[string]any{"id": "tok5", "label": "Okta 2", "lastFour": "abcd", "state": "live", "createdAt": noon, "expiresAt": nil, "token": newText}
	answers["POST "+acme+"/tokens"] = made
	answers["POST "+acme+"/tokens/tok1/rotation"] = made
	answers["DELETE "+acme+"/tokens/tok1"] = nil
	answers["PUT "+acme+"/tokens/tok2/rotation"] = nil
	answers["DELETE "+acme+"/tokens/tok2/rotation"] = nil
	return answers
}

func TestTokens_AreListedWithTheirActions(t *testing.T) {
	b := visitor(t, minting())
	p := b.get("/console/t/acme/tokens").page()
	rows := p.id(t, "tokens").named("tbody")[0].named("tr")
	for i, want := range []struct {
		says string
		may  []string
	}{
		{"Okta ab12 live 83 days ago 2026-04-22 04:00:00 UTC 2 hours ago 2026-07-14 10:00:00 UTC never expires", []string{"Rotate", "Revoke"}},
		{"Entra cd34 live replaced by …ef56", []string{"Complete rotation", "Cancel rotation", "Revoke"}},
		{"no label ef56 live replaces Entra …cd34", []string{"Revoke"}},
		{"old gh78 revoked 4 days ago 2026-07-10 08:00:00 UTC", nil},
	} {
		rows[i].says(t, want.says)
		var may []string
		for _, a := range rows[i].named("a") {
			may = append(may, a.words())
			assert.Containsf(t, a.attrs["aria-label"], "ends in "+[]string{"ab12", "cd34", "ef56", "gh78"}[i], "%v does not say whose", a)
		}
		assert.Truef(t, slices.Equal(may, want.may), "row %d: %q", i, may)
	}
	b.service.set("GET "+acme+"/tokens", map[string]any{"tokens": []any{}})
	b.get("/console/t/acme/tokens").page().id(t, "no-tokens")
}

// New token's text is on one page, once, and in no address or line.
func TestCreateToken_ShowsTheTextOnce(t *testing.T) {
	b := visitor(t, minting())
	b.service.last()
	a := b.post("/console/t/acme/tokens", url.Values{"label": {" Okta 2 "}, "expires": {"2027-01-31 12:00"}})
	asked, body := b.service.last()
	if !slices.Equal(asked, []string{"POST " + acme + "/tokens"}) || body != `{"label":"Okta 2","expiresAt":"2027-01-31T12:00:00Z"}` {
		t.Errorf("asked %q with %s", asked, body)
	}
	to := a.Header().Get("Location")
	require.Truef(t, a.Code == http.StatusSeeOther && to == "/console/t/acme/tokens/minted" && !strings.Contains(a.Body.String(), newText), "%d %s", a.Code, to)
	assert.Equal(t, http.StatusSeeOther, b.send(b.newRequest(http.MethodHead, to, "")).Code, "HEAD")
	assert.NotContains(t, b.get("/console/t/beta/tokens/minted").Body.String(), newText, "another tenant's page shows it")
	p := b.get(to).page()
	got := p.id(t, "token-text").words()
	assert.Equalf(t, newText, got, "the text is %q", got)
	p.says(t, "It is shown only once")
	for _, path := range []string{to, "/console/t/acme/tokens"} {
		assert.NotContainsf(t, b.get(path).Body.String(), newText, "%s shows it again", path)
	}
	assert.Equal(t, http.StatusGone, b.get(to).Code, "again")
	assert.NotContains(t, b.log.String(), "rct_acme", "the log shows it")
	b.post("/console/t/acme/tokens", url.Values{})
	if _, body := b.service.last(); body != `{}` {
		t.Errorf("a token without wishes is asked for with %s", body)
	}
	b.now = b.now.Add(secretTime)
	late := b.get(to)
	assert.Truef(t, late.Code == http.StatusGone && !strings.Contains(late.Body.String(), newText), "too late: %d", late.Code)
}

func TestCreateToken_RefusesInvalidValues(t *testing.T) {
	b := visitor(t, minting())
	for _, tt := range []struct{ field, value, says string }{
		{"label", strings.Repeat("x", maxLabel+1), "one line of at most 100 bytes"},
		{"label", "two\nlines", "one line"},
		{"label", "turned\u202e", "one line"},
		{"expires", "soon", "Enter a time"},
		{"expires", "2026-07-14 12:00", "in the past"},
	} {
		for _, path := range []string{"/console/t/acme/tokens", "/console/t/acme/tokens/tok1/rotate"} {
			b.service.last()
			a := b.post(path, url.Values{tt.field: {tt.value}})
			p := a.page()
			p.id(t, tt.field+"-wrong").says(t, tt.says)
			asked, _ := b.service.last()
			if a.Code != http.StatusBadRequest || p.id(t, tt.field).attrs["aria-invalid"] != "true" || slices.ContainsFunc(asked, func(s string) bool { return strings.HasPrefix(s, "POST") }) {
				t.Errorf("%s %q: %d, asked %q", path, tt.value, a.Code, asked)
			}
		}
	}
	b.service.set("POST "+acme+"/tokens", refusal{409, "wrong-state", "The tenant has as many live tokens as it may; revoke one first."})
	a := b.post("/console/t/acme/tokens", nil)
	a.page().says(t, "Not possible now", "revoke one first")
	assert.True(t, a.Code == http.StatusConflict && !a.page().has("again"), a.Code)
}

func TestTokens_AreChangedOnceConfirmed(t *testing.T) {
	for _, tt := range []struct{ path, title, call, notice string }{
		{"tok1/revoke", "Revoke the token", "DELETE " + acme + "/tokens/tok1", "Token revoked"},
		{"tok2/complete", "Complete the rotation", "PUT " + acme + "/tokens/tok2/rotation", "Only the new token works now"},
		{"tok2/cancel", "Cancel the rotation", "DELETE " + acme + "/tokens/tok2/rotation", "The old token still works"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			b := visitor(t, minting())
			path := "/console/t/acme/tokens/" + tt.path
			b.service.last()
			p := b.get(path).page()
			p.says(t, tt.title, "cannot be undone")
			f := p.id(t, "confirm")
			assert.Truef(t, f.attrs["method"] == "post" && f.attrs["action"] == path, "the form is %v", f)
			asked, _ := b.service.last()
			assert.Truef(t, slices.Equal(asked, []string{"GET " + acme + "/tokens"}), "the question asked %q", asked)
			a := b.post(path, nil)
			asked, _ = b.service.last()
			require.Truef(t, a.Code == http.StatusSeeOther && slices.Equal(asked, []string{tt.call}), "%d, asked %q", a.Code, asked)
			b.get(a.Header().Get("Location")).page().id(t, "notice").says(t, tt.notice)
			assert.False(t, b.get(a.Header().Get("Location")).page().has("notice"), "the notice is told twice")
		})
	}
}

func TestRotateToken_ShowsTheNewToken(t *testing.T) {
	b := visitor(t, minting())
	b.get("/console/t/acme/tokens/tok1/rotate").page().says(t, "Start a rotation", "both work")
	a := b.post("/console/t/acme/tokens/tok1/rotate", url.Values{"label": {"Okta 2"}})
	p := b.get(a.Header().Get("Location")).page()
	if p.id(t, "token-text").words() != newText {
		t.Error(p.words())
	}
	p.says(t, "Then complete the rotation")
}

func TestChangeToken_OfAnUnknownToken(t *testing.T) {
	b := visitor(t, minting())
	for path, says := range map[string]string{"tok9/revoke": "Token not found", "tok1/eat": "Page not found"} {
		a := b.get("/console/t/acme/tokens/" + path)
		a.page().says(t, says)
		assert.Equal(t, http.StatusNotFound, a.Code)
	}
	for path, want := range map[string]int{"tok1/eat": http.StatusNotFound, "tok9/revoke": http.StatusNotFound} {
		assert.Equalf(t, want, b.post("/console/t/acme/tokens/"+path, nil).Code, "POST %s", path)
	}
}
