package system

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// register registers a webhook, and returns its path and secret.
func (s *service) register(body string) (path, secret string) {
	s.t.Helper()
	made := s.mustAdmin(201, "POST", "/webhooks", body)
	return "/webhooks/" + made["id"].(string), made["secret"].(string)
}

func TestWebhooks_LifeOfARegistration(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(testing.TB) table.Table) {
		now := afterwards().Truncate(time.Millisecond)
		s := newService(t, open(t), 5, app.Options{Now: func() time.Time { return now }})
		require.Empty(t, s.mustAdmin(200, "GET", "/webhooks", "")["webhooks"])
		path, secret := s.register(`{"url":"https://app.example.com/hook","types":["user.created","user.created"],"tenants":["acme","acme"],"label":"billing"}`)
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		require.NoError(t, err)
		require.Len(t, key, 32)
		read := s.ask(200, "GET", path, "")
		require.Equal(t, `W/"1"`, read.header.Get("ETag"))
		require.Equal(t, []any{"user.created"}, read.body["types"])
		require.Equal(t, []any{"acme"}, read.body["tenants"])
		require.Equal(t, "billing", read.body["label"])
		require.Equal(t, false, read.body["disabled"])
		require.NotContains(t, read.body, "secret")
		list := s.mustAdmin(200, "GET", "/webhooks", "")["webhooks"].([]any)
		require.Equal(t, []any{any(read.body)}, list)

		changed := s.mustAdmin(200, "PATCH", path, `{"url":"https://app.example.com/other","types":null,"tenants":null,"label":null,"disabled":true}`)
		require.Equal(t, []any{}, changed["types"])
		require.Equal(t, []any{}, changed["tenants"])
		require.Nil(t, changed["label"])
		require.Equal(t, true, changed["disabled"])
		require.Equal(t, 2.0, changed["version"])
		require.Contains(t, changed, "disabledReason")
		require.Equal(t, 412, s.admin("PATCH", path, `{"label":"x"}`, "If-Match", `W/"1"`).status)
		enabled := s.ask(200, "PATCH", path, `{"disabled":false}`, "If-Match", `W/"2"`).body
		require.Equal(t, false, enabled["disabled"])
		require.NotContains(t, enabled, "disabledAt")

		rotated := s.mustAdmin(201, "POST", path+"/secret", "")
		require.NotEqual(t, secret, rotated["secret"])
		ends, err := time.Parse(time.RFC3339, rotated["oldSecretEnds"].(string))
		require.NoError(t, err)
		require.WithinDuration(t, now.Add(24*time.Hour), ends, time.Second)
		now = now.Add(25 * time.Hour)
		require.NotContains(t, s.mustAdmin(200, "GET", path, ""), "oldSecretEnds")

		require.Equal(t, 204, s.admin("DELETE", path, "").status)
		for _, method := range []string{"GET", "DELETE"} {
			require.Equal(t, 404, s.admin(method, path, "").status)
		}
		require.Equal(t, 404, s.admin("PATCH", path, `{"label":"x"}`).status)
		require.Equal(t, 404, s.admin("POST", path+"/secret", "").status)
		require.Empty(t, s.mustAdmin(200, "GET", "/webhooks", "")["webhooks"])
		now = now.Add(store.SweepAge + 2*time.Minute)
		require.NoError(t, s.app.Sweep(t.Context()))
	})
}

// What is refused says what is wrong and what to do, and changes nothing.
func TestWebhooks_RefusesWhatCannotWork(t *testing.T) {
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	path, _ := s.register(`{"url":"https://app.example.com/hook"}`)
	s.register(`{"url":"https://app.example.com/second"}`)
	before := fmt.Sprint(s.mustAdmin(200, "GET", "/webhooks", ""))
	tenants := func(n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(`"t%d"`, i)
		}
		return strings.Join(names, ",")
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/webhooks", ``, 400, "url is missing"},
		{"POST", "/webhooks", `{}`, 400, "url is missing"},
		{"POST", "/webhooks", `null`, 400, "null"},
		{"POST", "/webhooks", `{"url":1}`, 400, "url must be a text"},
		{"POST", "/webhooks", `{"url":"http://app.example.com/"}`, 400, "https://"},
		{"POST", "/webhooks", `{"url":"http://127.0.0.1:3000/"}`, 400, "https://"},
		{"POST", "/webhooks", `{"url":"https://169.254.169.254/latest/meta-data"}`, 400, "link-local"},
		{"POST", "/webhooks", `{"url":"https://u:p@app.example.com/"}`, 400, "user name"},
		{"POST", "/webhooks", `{"url":"https://app.example.com/#x"}`, 400, "fragment"},
		{"POST", "/webhooks", `{"url":"https://app.example.com/` + strings.Repeat("x", 2000) + `"}`, 400, "longer than"},
		{"POST", "/webhooks", `{"url":"https://app.example.com/hook"}`, 409, path[len("/webhooks/"):]},
		{"POST", "/webhooks", `{"url":"https://a.example.com/","types":["user.exploded"]}`, 400, "types[0] is not a type"},
		{"POST", "/webhooks", `{"url":"https://a.example.com/","types":["user.created",""]}`, 400, "types[1] is not a type"},
		{"POST", "/webhooks", `{"url":"https://a.example.com/","types":"user.created"}`, 400, "types must be a list"},
		{"POST", "/webhooks", `{"url":"https://a.example.com/","tenants":["nobody"]}`, 400, "nobody in tenants does not exist"},
		{"POST", "/webhooks", `{"url":"https://a.example.com/","tenants":["../acme"]}`, 400, "tenants[0]"},
		{"POST", "/webhooks", `{"url":"https://a.example.com/","tenants":[` + tenants(101) + `]}`, 400, "more than 100"},
		{"POST", "/webhooks", `{"url":"https://a.example.com/","label":"a\nb"}`, 400, "label"},
		{"POST", "/webhooks", `{"url":"https://a.example.com/","label":"` + strings.Repeat("x", 101) + `"}`, 400, "label"},
		{"POST", "/webhooks", `{"url":"https://a.example.com/","secret":"mine"}`, 400, "secret"},
		{"POST", "/webhooks", `{"url":"https://a.example.com/?k=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`, 400, "token or secret"},
		{"PATCH", path, `{"url":null}`, 400, "url is missing"},
		{"PATCH", path, `{"url":"https://10.0.0.1/"}`, 400, "private"},
		{"PATCH", path, `{"url":"https://app.example.com/second"}`, 409, "The URL is that of the webhook"},
		{"PATCH", path, `{"types":["nothing"]}`, 400, "types[0]"},
		{"PATCH", path, `{"tenants":["nobody"]}`, 400, "nobody"},
		{"PATCH", path, `{"disabled":null}`, 400, "disabled must be true or false"},
		{"PATCH", path, `{"disabled":"yes"}`, 400, "disabled must be true or false"},
		{"PATCH", path, ``, 400, "empty"},
		{"GET", "/webhooks/none", ``, 404, "GET /webhooks"},
		{"GET", "/webhooks/%23ALL", ``, 404, "GET /webhooks"},
		{"DELETE", "/webhooks/%23ALL", ``, 404, "GET /webhooks"},
		{"PUT", path, `{}`, 405, "does not support PUT"},
		{"GET", "/webhooks?x=1", ``, 400, "query"},
	} {
		a := s.admin(tt.method, tt.path, tt.body)
		require.Equal(t, tt.status, a.status, "%s %s %.80s: %v", tt.method, tt.path, tt.body, a.body)
		require.Contains(t, a.body["detail"], tt.says, "%s %s %.80s", tt.method, tt.path, tt.body)
	}
	require.Equal(t, before, fmt.Sprint(s.mustAdmin(200, "GET", "/webhooks", "")), "something refused was done")
	for n := 2; n < subscription.MaxEndpoints; n++ {
		s.register(fmt.Sprintf(`{"url":"https://a%d.example.com/"}`, n))
	}
	require.Equal(t, 409, s.admin("POST", "/webhooks", `{"url":"https://one-too-many.example.com/"}`).status)
}

// `rollcall local` sends to this machine, without TLS.
func TestWebhooks_LoopbackOnlyLocally(t *testing.T) {
	var err error
	s := newApplication(t, enginetest.Memory(t), app.Options{})
	require.Equal(t, 400, s.admin("POST", "/webhooks", `{"url":"http://127.0.0.1:3000/"}`).status)
	s.app, err = app.New(s.table, app.Config{BaseURL: "https://scim.test/scim/v2", LoopbackWebhooks: true}, logline.New(s))
	require.NoError(t, err)
	s.register(`{"url":"http://127.0.0.1:3000/"}`)
	require.Equal(t, 400, s.admin("POST", "/webhooks", `{"url":"http://app.example.com/"}`).status)
}

// A webhookHistory keeps every answer and log line of a history, and the secrets in it.
type webhookHistory struct {
	*service
	secrets []string
	said    []string
}

// once is what has a secret: the answers to a creation and to a rotation.
var once = regexp.MustCompile(`^POST /webhooks(/[^/]+/secret)?$`)

func (h *webhookHistory) step(method, path, body string) answer {
	a := h.admin(method, path, body)
	shown, ok := a.body["secret"].(string)
	if ok {
		assert.Regexp(h.t, once, method+" "+path)
		assert.NotContains(h.t, h.secrets, shown, "a secret is shown twice")
		h.secrets = append(h.secrets, shown)
		delete(a.body, "secret")
	}
	answered, _ := json.Marshal(a.body) // it was JSON
	logged, _ := json.Marshal(a.event)
	h.said = append(h.said, fmt.Sprint(a.header), string(answered), string(logged))
	return a
}

// The secret of a webhook is in no answer but the one that creates it, and in no log line:
// after any history of requests, refused ones too.
func TestWebhooks_SecretIsShownOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := &webhookHistory{service: newService(t, enginetest.Memory(t), 5, app.Options{})}
		ids := []string{"none"}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			path := "/webhooks/" + rapid.SampledFrom(ids).Draw(r, "webhook")
			switch rapid.SampledFrom([]string{"create", "list", "read", "change", "rotate", "delete", "leak"}).Draw(r, "step") {
			case "create":
				n := rapid.IntRange(0, 3).Draw(r, "url")
				if a := h.step("POST", "/webhooks", fmt.Sprintf(`{"url":"https://a%d.example.com/"}`, n)); a.status == 201 {
					ids = append(ids, a.body["id"].(string))
				}
			case "list":
				h.step("GET", "/webhooks", "")
			case "read":
				h.step("GET", path, "")
			case "change":
				h.step("PATCH", path, `{"disabled":true,"label":"x"}`)
			case "rotate":
				h.step("POST", path+"/secret", "")
			case "delete":
				h.step("DELETE", path, "")
			case "leak":
				if len(h.secrets) > 0 {
					leaked := h.secrets[len(h.secrets)-1]
					h.step("PATCH", path, fmt.Sprintf(`{"label":%q}`, leaked))
					h.step("GET", "/webhooks/"+strings.ReplaceAll(leaked, "/", "%2F"), "")
				}
			}
		}
		all := strings.Join(h.said, "\n")
		for _, secret := range h.secrets {
			key := strings.TrimPrefix(secret, "whsec_")
			require.NotContains(t, all, key)
			require.NotContains(t, all, strings.TrimRight(key, "="))
		}
		require.NotContains(t, all, "whsec_")
	})
}
