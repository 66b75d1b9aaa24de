package system

import (
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// diagnose explains a pasted text.
func (s *service) diagnose(text string) answer {
	s.t.Helper()
	body, err := json.Marshal(map[string]string{"text": text})
	require.NoError(s.t, err)
	a := s.admin("POST", "/tenants/acme/explanations", string(body))
	assert.Equalf(s.t, 200, a.status, "%.60q: %d %v", text, a.status, a.body)
	return a
}

// diagnosed returns an answer in a few words: what was found, and how; the
// request of the explanation, the subjects of the requests, or the causes.
func diagnosed(body map[string]any) string {
	said := fmt.Sprint(body["found"])
	if by, ok := body["by"]; ok {
		said += fmt.Sprint(" by ", by)
	}
	var of []string
	if x, ok := body["explanation"].(map[string]any); ok {
		first := x["entries"].([]any)[0].(map[string]any)
		of = append(of, fmt.Sprint(first["subject"]))
	}
	for list, name := range map[string]string{"requests": "subject", "causes": "cause"} {
		members, _ := body[list].([]any)
		for _, v := range members {
			of = append(of, fmt.Sprint(v.(map[string]any)[name]))
		}
	}
	return said + ": " + strings.Join(of, ",")
}

// jsonText returns a text as written inside JSON, without its quotes.
func jsonText(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

func withoutID(detail string) string { return detail[:strings.LastIndex(detail, " (request ")] }

// Our errors as identity providers show them, in their own words, whole and
// truncated, lead to the request or, failing that, to the cause.
func TestExplain_PastedTexts(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":1}`)
	user := func(name, more string) string { return `{"userName":"` + name + `"` + more + `}` }
	refuse := func(method, path, body string) (detail, id string) {
		t.Helper()
		s.now = s.now.Add(time.Minute)
		a := s.send(method, path, body)
		detail, _ = a.body["detail"].(string)
		if a.status < 400 || !strings.HasSuffix(detail, "(request "+a.header.Get("X-Request-Id")+")") {
			t.Fatalf("%s %s: %d %v", method, path, a.status, a.body)
		}
		return detail, a.header.Get("X-Request-Id")
	}
	anna := s.must(201, "POST", "/Users", user("anna@example.com", `,"externalId":"00u1"`))
	duplicate, duplicateID := refuse("POST", "/Users", user("Anna@example.com", `,"externalId":"00u9"`))
	refuse("POST", "/Users", user("eve@example.com", `,"externalId":"00u3"`))
	seat, _ := refuse("POST", "/Users", user("dora@example.com", `,"externalId":"00u2"`))
	invalid, _ := refuse("POST", "/Users", user("mia@example.com", `,"emails":"none"`))
	s.must(201, "POST", "/Groups", `{"displayName":"Zoë's \"A-Team\"\\nord"}`)
	group, _ := refuse("POST", "/Groups", `{"displayName":"Zoë's \"A-Team\"\\nord"}`)
	holder := anna

	okta := func(who, doing, status, detail string) string {
		return "Automatic provisioning of user " + who + " to app Acme failed: Error while " + doing + " user " + who + ": " + status + ". Errors reported by remote server: " + detail
	}
	entra := func(who, code, detail string) string {
		return "Failed to create User '" + who + "' in customappsso; Error: The SCIM endpoint is not fully compatible with the Azure Active Directory SCIM client. StatusCode: " + code +
			" Message: Processing of the HTTP request resulted in an exception. Please see the HTTP response returned by the 'Response' property of this exception for details. Web Response: " + detail +
			". This operation was retried 0 times. It will be retried again after this date: 2026-11-30T15:13:17.6715300Z UTC"
	}
	document := func(detail string) string {
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":"uniqueness","detail":"` + jsonText(detail) + `"}`
	}
	wrapped := func(text string, width int) string {
		var b strings.Builder
		for i, r := range []rune(text) {
			if i > 0 && i%width == 0 {
				b.WriteString("\r\n   ")
			}
			b.WriteRune(r)
		}
		return b.String()
	}
	curly := strings.NewReplacer(`"`, "”", "'", "’", " ", "\u00a0")
	byText := func(name string) string { return "request by text: " + name }
	const (
		byID         = "request by id: Anna@example.com"
		seatsOfBoth  = "requests by text: dora@example.com,eve@example.com"
		unauthorized = "causes by status: access_token_ended,access_token_expired,assertion_refused,client_revoked,client_unknown,secret_expired,secret_revoked,secret_unknown,static_token_refused,token_expired,token_invalid,token_missing,token_repeated,token_revoked,token_unknown"
	)
	revoked := cause.TokenRevoked.Meaning().Summary
	for _, tt := range []struct{ name, text, want string }{
		// With the id of the request.
		{"the detail", duplicate, byID},
		{"the id", duplicateID, byID},
		{"the id in capitals", "Request ID: " + strings.ToUpper(duplicateID), byID},
		{"the header", "HTTP/1.1 409\nX-Request-Id: " + duplicateID + "\nContent-Type: x", byID},
		{"Okta", okta("anna@example.com", "creating", "Conflict", duplicate), byID},
		{"Entra", entra("anna@example.com", "Conflict", document(duplicate)), byID},
		{"Entra, JSON in JSON", `{"reason":"` + jsonText(entra("anna@example.com", "Conflict", document(duplicate))) + `"}`, byID},
		{"in HTML", "<p>" + html.EscapeString(duplicate) + "</p>", byID},
		{"wrapped", wrapped(duplicate, 31), byID},
		{"the id cut off", duplicate[:len(duplicate)-9], byID},
		{"the id cut off early", duplicate[:len(duplicate)-20] + "…", byID},
		{"only an id without its mark", "it failed: " + duplicateID + " at noon", byID},
		// Without the id: by the text.
		{"no id", withoutID(duplicate), byText("Anna@example.com")},
		{"the mark cut off", withoutID(duplicate) + " (request", byText("Anna@example.com")},
		{"Okta, no id", okta("anna@example.com", "creating", "Conflict", withoutID(duplicate)), byText("Anna@example.com")},
		{"Okta, cut off in the advice", okta("anna@example.com", "creating", "Conflict", withoutID(duplicate)[:len(withoutID(duplicate))-15]+"..."), byText("Anna@example.com")},
		{"Okta, cut off in what happened", okta("anna@example.com", "creating", "Conflict", duplicate[:strings.Index(duplicate, " the active user")]), byText("Anna@example.com")},
		{"Entra, no id", entra("anna@example.com", "Conflict", document(withoutID(duplicate))), byText("Anna@example.com")},
		{"JSON in JSON in HTML", html.EscapeString(jsonText(jsonText(document(withoutID(duplicate))))), byText("Anna@example.com")},
		{"typographic", curly.Replace(withoutID(duplicate)), byText("Anna@example.com")},
		{"wrapped, no id", wrapped(withoutID(duplicate), 23), byText("Anna@example.com")},
		{"escapes in a name", entra("x", "Conflict", document(withoutID(group))), byText(`Zoë's "A-Team"\nord`)},
		{"an invalid value", withoutID(invalid), byText("mia@example.com")},
		{"the same text of two", withoutID(seat), seatsOfBoth},
		{"the same text of two, one of them named", okta("eve@example.com", "creating", "Forbidden", withoutID(seat)), byText("eve@example.com")},
		{"one of two, named by its externalId", "user 00u2: " + withoutID(seat), byText("dora@example.com")},
		// By the subject.
		{"Okta, the status only", okta("eve@example.com", "creating", "Forbidden", ""), "request by subject: eve@example.com"},
		{"Entra, the name only", "Failed to create User 'dora@example.com' in customappsso", "request by subject: dora@example.com"},
		{"another status than the failure's", okta("eve@example.com", "creating", "Unauthorized", ""), unauthorized},
		{"a part of a name", "Failed to create User 'eve@example.co' in customappsso", "nothing: "},
		// By the words of a cause, and by a status.
		{"another tenant's duplicate", `The userName "zed@example.com" belongs to the active user ` + holder + `. Nothing was changed.`, "causes by words: duplicate"},
		{"a revoked token", "Unauthorized. Errors reported by remote server: " + revoked, "causes by words: token_revoked"},
		{"an unknown id with words", revoked + " (request 019b8d62-7a80-7000-8000-0000000000f1)", "causes by words: token_revoked"},
		{"words in JSON with a status", `{"status":"401","detail":"` + revoked + `"}`, "causes by words: token_revoked"},
		{"Unauthorized", "Unauthorized", unauthorized},
		{"Okta's test of credentials", "Error authenticating: Unauthorized. Errors reported by remote server:", unauthorized},
		{"Okta's other words", "Authentication failed. Please check your configuration", unauthorized},
		{"Entra's code of credentials", "Error code: SystemForCrossDomainIdentityManagementCredentialValidationUnavailable Details: We received this unexpected response from your application", unauthorized},
		{"Entra's 404", "An HTTP/404 Not Found response was returned rather than the expected HTTP/200 OK response. To address this issue, ensure that the tenant URL is correct.", "causes by status: group_deleted,group_not_found,no_route,schema_not_found,user_not_found"},
		{"a number", "429", "causes by status: rate_limit"},
		{"403", "403 Forbidden", "causes by status: deactivated_in_app,discovery_filter,protected,reader_limit,scim_disabled,seat_limit,sensitive_filter"},
		{"412", "StatusCode: PreconditionFailed", "causes by status: version_mismatch"},
		{"a proxy", "502 Bad Gateway", "nothing: "},
		{"no connection", "Error while creating user zed: java.net.SocketTimeoutException: connect timed out", "nothing: "},
		// Nothing.
		{"our id of a user", "user " + holder, "nothing: "},
		{"anything", "it does not work", "nothing: "},
		{"controls", "\x00\x1b[2J\u202e\xff", "nothing: "},
		{"half a surrogate", `\ud800 \u12 \`, "nothing: "},
		{"dots", strings.Repeat("…", 20_000), "nothing: "},
		{"long", strings.Repeat("The user ", 7_000), "nothing: "},
	} {
		a := s.diagnose(tt.text)
		got := diagnosed(a.body)
		head, list, _ := strings.Cut(got, ": ")
		sorted := strings.Split(list, ",")
		slices.Sort(sorted)
		if got = head + ": " + strings.Join(sorted, ","); got != tt.want {
			t.Errorf("%s: %s, want %s\n\t%.300s", tt.name, got, tt.want, tt.text)
		}
		if trips := a.event["roundTrips"].(float64); trips > 25 {
			t.Errorf("%s takes %v round trips", tt.name, trips)
		}
		if whole := strings.HasPrefix(head, "request "); (a.body["missing"] == nil) != (whole || strings.Contains(tt.text, "0000f1)")) {
			t.Errorf("%s: missing is %v", tt.name, a.body["missing"])
		}
		assert.Truef(t, a.body["detail"] != "", "%s: no detail", tt.name)
	}
	for text, says := range map[string]string{
		okta("x", "creating", "Conflict", revoked): "Reports > System Log",
		entra("x", "Conflict", revoked):            "Provisioning logs",
		"502 Bad Gateway":                          "502 Bad Gateway, which no refusal of this service has",
		"connect timed out":                        "got no answer",
		"(request " + duplicateID[:12]:             "cut off",
		"it does not work":                         "no request id, no text of this service that is known, and no HTTP status",
		"Unauthorized":                             "These causes have that status",
		"SystemForCrossDomainIdentityManagementServiceIncompatible": "/scim/v2",
		"(request 019b8d62-7a80-7000-8000-0000000000f1)":            "for 90 days. Of requests with a revoked or expired token it keeps one a minute",
	} {
		body := s.diagnose(text).body
		said := fmt.Sprint(body["detail"], body["missing"])
		assert.Containsf(t, said, says, "%.60s: %s does not say %q", text, said, says)
	}
	n := len(s.diagnose(withoutID(seat)).body["requests"].([]any))
	assert.Equalf(t, 2, n, "%d requests", n)
}

// Nothing of a pasted text is stored, and an invalid request is refused.
func TestExplain_Refusals(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{}`)
	for body, want := range map[string]int{
		`{"text":""}`: 400, `{}`: 400, `{"text":null}`: 400, `{"text":7}`: 400, `{"text":" \n"}`: 400, `{"words":"x"}`: 400,
		`{"text":"` + strings.Repeat("x", 64<<10+1) + `"}`: 400,
		`{"text":"` + strings.Repeat("x", 1<<20) + `"}`:    413,
		`{"text":"` + s.token + `"}`:                       400,
	} {
		a := s.admin("POST", "/tenants/acme/explanations", body)
		assert.Truef(t, a.status == want && !strings.Contains(fmt.Sprint(a.body, a.event), s.token), "%.40s: %d %v, want %d", body, a.status, a.body, want)
	}
	assert.Equal(t, 404, s.admin("POST", "/tenants/nobody/explanations", `{"text":"x"}`).status, "an unknown tenant")
	a := s.diagnose("secret-name@example.com: 409 Conflict")
	assert.NotContainsf(t, fmt.Sprint(a.event, a.body), "secret-name", "the text is logged or echoed: %v %v", a.event, a.body)
}
