package mirror_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/mirror"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var at = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func request(t *testing.T, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks", strings.NewReader(body))
	require.NoError(t, mirror.Sign(r.Header, "1", []byte(body), []string{secret}, at))
	return r
}

// broken is a store that fails after it has run the change.
type broken struct{ mirror.Memory }

var errBroken = errors.New("the database is away")

func (b *broken) Update(ctx context.Context, tenant string, change func(mirror.Tx) error) error {
	return b.Memory.Update(ctx, tenant, func(tx mirror.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return errBroken
	})
}

func TestHandler_Answers(t *testing.T) {
	body := string(marshal(userEvent("1", "created", 1, &modelUser{version: 1, active: true})))
	const noTenant = `{"id":"1","type":"user.created","resource":{"type":"User","id":"u","version":1},"data":{"version":1}}`
	for name, c := range map[string]struct {
		change func(h *mirror.Handler, r *http.Request)
		body   string
		want   int
		users  int
	}{
		"applied":              {body: body, want: 204, users: 1},
		"about the tenant":     {body: `{"id":"1","type":"seats.full","tenant":"acme","data":null}`, want: 204},
		"of no tenant":         {body: `{"id":"1","type":"webhook.test","data":null}`, want: 204},
		"no POST":              {change: func(_ *mirror.Handler, r *http.Request) { r.Method = http.MethodGet }, body: body, want: 405},
		"too large":            {change: func(h *mirror.Handler, _ *http.Request) { h.MaxBody = int64(len(body)) - 1 }, body: body, want: 413},
		"no signature":         {change: func(_ *mirror.Handler, r *http.Request) { r.Header = http.Header{} }, body: body, want: 401},
		"old":                  {change: func(h *mirror.Handler, _ *http.Request) { h.Now = func() time.Time { return at.Add(time.Hour) } }, body: body, want: 401},
		"other secret":         {change: func(h *mirror.Handler, _ *http.Request) { h.Secrets = mirror.FixedSecrets("whsec_AAAA") }, body: body, want: 401},
		"no JSON":              {body: "{", want: 400},
		"no event":             {body: "{}", want: 400},
		"data of another form": {body: `{"id":"1","type":"user.created","tenant":"acme","resource":{"type":"User","id":"u","version":1},"data":{}}`, want: 400},
		"a user of no tenant":  {body: noTenant, want: 400},
		"the store fails":      {change: func(h *mirror.Handler, _ *http.Request) { h.Store = &broken{} }, body: body, want: 503},
		"no secrets": {change: func(h *mirror.Handler, _ *http.Request) {
			h.Secrets = func(context.Context) ([]string, error) { return nil, errBroken }
		}, body: body, want: 503},
		"Then fails": {change: func(h *mirror.Handler, _ *http.Request) {
			h.Then = func(context.Context, mirror.Event) error { return errBroken }
		}, body: body, want: 503, users: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &mirror.Memory{}
			var failure error
			h := &mirror.Handler{
				Store: s, Secrets: mirror.FixedSecrets(secret), Now: func() time.Time { return at },
				Failed: func(_ *http.Request, err error) { failure = err },
			}
			r := request(t, c.body)
			if c.change != nil {
				c.change(h, r)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.Equal(t, c.want, w.Code)
			require.Empty(t, w.Body.String())
			require.Equal(t, c.want != 204, failure != nil)
			require.Len(t, s.Users(tenant), c.users)
			if failure != nil {
				assert.NotContains(t, failure.Error(), "anna@")
				assert.NotContains(t, failure.Error(), secret)
			}
		})
	}
}

// An event that comes again, or late, is acknowledged and changes nothing; Then gets each.
func TestHandler_IgnoresAnOlderVersion(t *testing.T) {
	s := &mirror.Memory{}
	var types []string
	h := &mirror.Handler{Store: s, Secrets: mirror.FixedSecrets(secret), Now: func() time.Time { return at }, Then: func(_ context.Context, e mirror.Event) error {
		types = append(types, e.Type)
		return nil
	}}
	created := marshal(userEvent("1", "created", 1, &modelUser{version: 1, active: true}))
	gone := marshal(userEvent("2", "deactivated", 2, &modelUser{version: 2}))
	for _, body := range []json.RawMessage{gone, created, gone} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(t, string(body)))
		require.Equal(t, http.StatusNoContent, w.Code)
		require.False(t, s.Users(tenant)[0].Active)
	}
	require.Equal(t, []string{"user.deactivated", "user.created", "user.deactivated"}, types)
}

func TestVerify_ReportsWhy(t *testing.T) {
	r := request(t, "{}")
	require.ErrorIs(t, mirror.Verify(http.Header{}, nil, []string{secret}, at), mirror.ErrNoSignature)
	require.ErrorIs(t, mirror.Verify(r.Header, []byte("{}"), []string{secret}, at.Add(time.Hour)), mirror.ErrTime)
	require.ErrorIs(t, mirror.Verify(r.Header, []byte("[]"), []string{secret}, at), mirror.ErrBadSignature)
	require.ErrorContains(t, mirror.Verify(r.Header, []byte("{}"), []string{secret, "whsec_%"}, at), "secret 2 of 2")
	require.ErrorContains(t, mirror.Verify(r.Header, []byte("{}"), nil, at), "no secret")
	require.ErrorContains(t, mirror.Sign(r.Header, "1", nil, []string{"whsec_"}, at), "secret 1 of 1")
}

// The library of Standard Webhooks and this package accept each other's signatures.
func TestSign_AgreesWithStandardWebhooks(t *testing.T) {
	library, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	body := []byte(`{"id":"1","displayName":"Zoë"}`)
	header := http.Header{}
	now := time.Now()
	require.NoError(t, mirror.Sign(header, "msg_1", body, []string{"whsec_AAAA", secret}, now))
	require.NoError(t, library.Verify(body, header))

	signature, err := library.Sign("msg_2", now, body)
	require.NoError(t, err)
	header.Set("Webhook-Id", "msg_2")
	header.Set("Webhook-Signature", signature)
	require.NoError(t, mirror.Verify(header, body, []string{secret}, now))
	require.ErrorIs(t, mirror.Verify(header, body[1:], []string{secret}, now), mirror.ErrBadSignature)
}
