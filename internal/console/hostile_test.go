package console

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// hostile are values that a sender may send because the console shows them.
var hostile = map[string]string{
	"markup":       `<script>alert("HOSTILE")</script><img src=x onerror=alert(1)>`,
	"attributes":   `" onmouseover="alert('HOSTILE')" style='x' autofocus onfocus=alert(1) x="`,
	"template":     "{{.Form}}HOSTILE{{template \"frame.html\"}}",
	"lines":        "HOSTILE\r\nSet-Cookie: a=b\n\n<h1>two</h1>\x00\x1b[31m\x07\x7f\u0085",
	"directions":   "HOSTILE\u202e\u2066\u200f\u061cexe.gpj\u2069",
	"unseen":       "HOSTILE\u200b\u200d\ufeff\u00ad\u2028\u2029\u00a0\u3164\U000e0041",
	"no UTF-8":     "HOSTILE\xff\xfe\xc0\x80",
	"long":         "HOSTILE" + strings.Repeat("xy", 512),
	"long, unseen": "HOSTILE" + strings.Repeat("\u202e", 1024),
	"address":      "javascript:alert('HOSTILE')//",
	"path":         "../../HOSTILE?t=x#/%2e%2e/;,\\",
	"closing":      "HOSTILE</textarea></title></style></svg></details>--><!--",
	"accents":      "HOSTILE" + strings.Repeat("e\u0301\u0302\u0303", 50),
}

// fill sets every text of a value to a hostile text, except those whose values
// are the service's own words.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*time.Time]() {
			at := noon
			v.Set(reflect.ValueOf(&at))
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value, text)
		v.SetMapIndex(reflect.ValueOf(text), value)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(noon))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	case reflect.Int, reflect.Int64:
		v.SetInt(3)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Interface:
		v.Set(reflect.ValueOf(text))
	default:
		panic(v.Kind())
	}
}

func filled[V any](text string) V {
	var v V
	fill(reflect.ValueOf(&v).Elem(), text)
	return v
}

// With any text in each field of each answer of the service, a page is well
// formed, has only the elements and attributes of its templates, and shows
// every character.
func TestHostileValues_AreInert(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			tokens := make([]adminwire.Token, 2)
			for i := range tokens {
				tokens[i] = filled[adminwire.Token](text)
			}
			tokens[0].ID, tokens[0].State = "tok1", live
			explanation := filled[adminwire.Explanation](text)
			fixed := filled[adminwire.Explanation](text)
			explanation.Now, fixed.Now = "failing", "fixed"
			minted := filled[adminwire.MintedToken](text)
			webhook, failing := filled[adminwire.Webhook](text), filled[adminwire.Webhook](text)
			client := filled[adminwire.Client](text)
			client.Keys.JWKS = map[string]any{"keys": []any{map[string]any{"kid": text}}}
			client.State, client.Secrets[0].State = live, live
			webhook.Tenants, failing.Tenants, failing.Disabled = []string{"acme"}, nil, false
			b := visitor(t, map[string]any{
				"GET /tenants":                       filled[adminwire.Tenants](text),
				"GET " + acme:                        filled[adminwire.Tenant](text),
				"GET /causes":                        map[string]any{"causes": append(filled[[]adminwire.Cause](text), causeTexts...)},
				"GET " + acme + "/overview":          filled[adminwire.Overview](text),
				"GET " + acme + "/failed-users":      filled[adminwire.FailedUsers](text),
				"GET " + acme + "/push-again":        filled[adminwire.PushAgain](text),
				"GET " + acme + "/log":               filled[adminwire.Log](text),
				"GET " + acme + "/requests/failing":  explanation,
				"GET " + acme + "/requests/fixed":    fixed,
				"GET " + acme + "/tokens":            map[string]any{"tokens": tokens},
				"POST " + acme + "/tokens":           minted,
				"GET " + acme + "/clients":           filled[adminwire.Clients](text),
				"GET " + acme + "/clients/c1":        client,
				"POST " + acme + "/clients":          filled[adminwire.CreatedClient](text),
				"GET " + acme + "/groups":            filled[adminwire.Groups](text),
				"GET " + acme + "/deleted-groups":    filled[adminwire.DeletedGroups](text),
				"GET " + acme + "/requests/refused":  refusal{404, text, text},
				"GET " + acme + "/users":             filled[adminwire.Users](text),
				"GET " + acme + "/users/u1":          filled[adminwire.User](text),
				"GET " + acme + "/groups/g1/members": filled[adminwire.GroupMembers](text),
				"GET /webhooks":                      adminwire.Webhooks{Webhooks: []adminwire.Webhook{webhook, failing}},
				"GET /webhooks/w1":                   webhook,
				"GET /webhooks/w1/deliveries":        filled[adminwire.WebhookDeliveries](text),
				"POST /webhooks":                     adminwire.WebhookWithSecret{Webhook: webhook, Secret: text},
				"GET /tenants/problem/failed-users":  refusal{500, text, text},
				"GET /tenants/unreadable/log":        bytesAnswer(text),
			})
			const one = "/console/t/acme"
			paths := []string{
				"/console/", one, one + "/failed", one + "/push-again", one + "/log", one + "/requests/failing", one + "/requests/fixed", one + "/requests/refused",
				one + "/groups", one + "/groups/g1", one + "/users", one + "/users/u1", one + "/settings", one + "/users/" + url.PathEscape(text), one + "/groups/" + url.PathEscape(text),
				one + "/users?" + url.Values{"subject": {text}, "state": {text}, "managedBy": {text}, "after": {text}}.Encode(), one + "/groups/g1?" + url.Values{"after": {text}}.Encode(),
				one + "/tokens", one + "/tokens/tok1/revoke", one + "/tokens/tok1/rotate", "/console/causes",
				one + "/clients", one + "/clients/c1", one + "/clients/c1/revoke", one + "/clients/c1/end-secret?" + url.Values{"secret": {text}}.Encode(), one + "/clients/" + url.PathEscape(text),
				one + "/events", one + "/events/w1", one + "/events/w1/delete", one + "/events/" + url.PathEscape(text),
				one + "/events/w1?" + url.Values{"state": {text}, "after": {text}}.Encode(),
				"/console/causes/" + url.PathEscape(text), "/console/t/problem/failed", "/console/t/unreadable/log",
				// Values in the address appear on the page, too.
				"/console/t/" + url.PathEscape(text), one + "/requests/" + url.PathEscape(text), one + "/tokens/" + url.PathEscape(text) + "/revoke", "/console/" + url.PathEscape(text),
				one + "/log?" + url.Values{"subject": {text}, "cause": {text}, "outcome": {text}, "resourceType": {text}, "after": {text}}.Encode(),
				one + "/log?" + url.Values{"from": {text}, "to": {text}}.Encode(),
				one + "/failed?" + url.Values{"subject": {text}, "cause": {text}, "resourceType": {text}, "after": {text}}.Encode(),
				one + "/groups?" + url.Values{"after": {text}, "deletedAfter": {text}}.Encode(), one + "/requests?" + url.Values{"id": {text + "("}}.Encode(),
			}
			shown := 0
			for _, path := range paths {
				a := b.get(path)
				if a.Code == http.StatusRequestURITooLong {
					continue
				}
				shown += checkInert(t, path, a)
			}
			assert.Equal(t, http.StatusSeeOther, b.post(one+"/tokens", nil).Code, "POST")
			shown += checkInert(t, "minted", b.get(one+"/tokens/minted"))
			shown += checkInert(t, "a form", b.post(one+"/tokens", url.Values{"label": {text + "\n"}, "expires": {text}}))
			assert.Equal(t, http.StatusSeeOther, b.post(one+"/clients", nil).Code, "POST")
			shown += checkInert(t, "a client's secret", b.get(one+"/client-secret"))
			shown += checkInert(t, "a form of a client", b.post(one+"/clients", url.Values{"label": {text + "\n"}, "expires": {text}}))
			shown += checkInert(t, "a form of a federation", b.post(one+"/clients/c1/federation", url.Values{"issuer": {text}, "jwksUri": {text}}))
			shown += checkInert(t, "a form of keys", b.post(one+"/clients/c1/keys", url.Values{"jwks": {text}}))
			assert.Equal(t, http.StatusSeeOther, b.post(one+"/events", url.Values{"url": {"https://a.example.com/"}}).Code, "POST")
			shown += checkInert(t, "a secret", b.get(one+"/webhook-secret"))
			b.service.set("POST /webhooks", refusal{400, "invalid-value", "url " + text})
			shown += checkInert(t, "a form of an endpoint", b.post(one+"/events", url.Values{"url": {text}, "types": {text}, "label": {text}}))
			review := url.Values{"version": {text}, "displayName": {"x"}, "maxSeats": {text}}
			shown += checkInert(t, "a form of settings", b.post(one+"/settings", review))
			review.Del("maxSeats")
			shown += checkInert(t, "a review of settings", b.post(one+"/settings", review))
			user := filled[adminwire.User](text)
			user.Deleted = false
			b.service.set("GET "+acme+"/users/u1", user)
			shown += checkInert(t, "a change of a user", b.get(one+"/users/u1/deactivate"))
			assert.Truef(t, shown >= 23, "%d pages show the value", shown)
		})
	}
}

// checkInert returns 1 if a page shows the value, and 0 otherwise.
func checkInert(t *testing.T, path string, a answer) int {
	t.Helper()
	p := a.page()
	for _, e := range p.all(func(e *element) bool { return e.name != "#text" }) {
		assert.Truef(t, (e.name != "script" || ownScript(e)) && e.name != "img" && e.name != "style" && e.name != "iframe", "%.80s: there is %v", path, e)
		for name, value := range e.attrs {
			if strings.HasPrefix(name, "on") || name == "style" || name == "autofocus" {
				t.Errorf("%.80s: %s has the attribute %s=%q", path, e.name, name, value)
			}
			if (name == "href" || name == "action" || name == "src" || name == "data-src" || name == "formaction") && !strings.HasPrefix(value, "/console") && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, "https://docs.example/") {
				t.Errorf("%.80s: %s leads to %q", path, e.name, value)
			}
			// A form's own field shows what was typed.
			assert.Falsef(t, name != "value" && strings.ContainsFunc(value, text.Hidden), "%.80s: %s has %s=%q", path, e.name, name, value)
		}
		assert.Falsef(t, e.name == "a" && strings.Contains(e.attrs["href"], "?t="), "%.80s: a link has a secret: %s", path, e.attrs["href"])
	}
	for _, e := range p.all(func(e *element) bool { return e.name == "#text" }) {
		// A text to be copied is shown unchanged.
		if i := strings.IndexFunc(strings.ReplaceAll(e.data, "\n", ""), text.Hidden); i >= 0 && e.parent.name != "textarea" {
			t.Errorf("%.80s: %v has the text %q", path, e.parent, e.data)
		}
	}
	h := p.named("h1")
	assert.Lenf(t, h, 1, "%.80s: %d main headings", path, len(h))
	assert.NotContainsf(t, a.Body.String(), "ZgotmplZ", "%.80s: a value stands where none may", path)
	for name, values := range a.Header() {
		assert.Falsef(t, strings.ContainsFunc(strings.Join(values, ""), unicode.IsControl), "%.80s: the header %s is %q", path, name, values)
	}
	if strings.Contains(p.text(), "HOSTILE") {
		return 1
	}
	return 0
}

// ownScript reports whether an element is the script of the frame.
func ownScript(e *element) bool {
	return e.attrs["src"] == "/console/script.js" && e.parent.name == "head" && strings.TrimSpace(e.text()) == ""
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "just now", 9 * time.Second: "just now", -5 * time.Second: "just now", 10 * time.Second: "10 seconds ago", time.Minute: "1 minute ago",
		59*time.Minute + 59*time.Second: "59 minutes ago", time.Hour: "1 hour ago", 47 * time.Hour: "47 hours ago", 48 * time.Hour: "2 days ago",
		-time.Hour: "in 1 hour", -72 * time.Hour: "in 3 days", 24 * 1500 * time.Hour: "1,500 days ago",
	} {
		assert.Equalf(t, want, ago(d), "%s", d)
	}
}
