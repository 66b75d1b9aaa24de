package storm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
)

// galleryRate is how many requests a second the gallery of Microsoft Entra asks for.
const galleryRate = 25

// A provisioner sends the requests of an identity provider with access tokens.
type provisioner struct {
	t              *testing.T
	fleet          *fleet
	oauth          http.Handler
	client, secret string
	token          atomic.Value
}

// newProvisioner returns a provisioner of a new tenant.
func newProvisioner(t *testing.T, f *fleet) *provisioner {
	id, _ := stage.Tenant(t, f.apps[0].Store, "acme", 10_000)
	c, secret, _, err := access.NewClients(f.apps[0].Store, time.Now).WithKeys(f.apps[0].Store).Create(t.Context(), id, access.ClientWanted{})
	require.NoError(t, err)
	return &provisioner{t: t, fleet: f, oauth: f.apps[0].OAuthHandler(), client: access.ClientID(id, c.ID), secret: secret}
}

// login gets an access token.
func (p *provisioner) login() one {
	o := one{sent: time.Now(), answer: httptest.NewRecorder()}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.client}, "client_secret": {p.secret}}
	r := httptest.NewRequestWithContext(p.t.Context(), http.MethodPost, "https://scim.test/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	p.oauth.ServeHTTP(o.answer, r)
	var got struct {
		Token string `json:"access_token"`
	}
	if assert.NoError(p.t, json.Unmarshal(o.answer.Body.Bytes(), &got)) && got.Token != "" {
		p.token.Store(got.Token)
	}
	o.took = time.Since(o.sent)
	return o
}

// provision sends the i-th request: a search for a user and its creation, or one for a user that
// exists.
func (p *provisioner) provision(i int) one {
	o := one{sent: time.Now(), answer: httptest.NewRecorder()}
	method, path, body := http.MethodGet, "/Users?filter="+url.QueryEscape(fmt.Sprintf("userName eq %q", fmt.Sprint("user", i/2))), ""
	if i%2 == 1 {
		method, path, body = http.MethodPost, "/Users", stage.User(fmt.Sprintf(`"userName":"user%d","externalId":"%d","active":true`, i/2, i/2))
	}
	handler := <-p.fleet.free
	time.Sleep(handling)
	r := httptest.NewRequestWithContext(p.t.Context(), method, "https://scim.test/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", fmt.Sprint("Bearer ", p.token.Load()))
	r.Header.Set("Content-Type", "application/scim+json")
	handler.ServeHTTP(o.answer, r)
	p.fleet.free <- handler
	o.took = time.Since(o.sent)
	return o
}

// An identity provider that sends 25 requests a second for a minute, token requests among them, is
// refused none, even by a deployment that allows no more.
func TestGallery_RefusesNoneOf25RequestsASecond(t *testing.T) {
	for _, rate := range []int{httpapi.MinRate, app.DefaultTenantRate} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, 4, rate)
			p := newProvisioner(t, f)
			require.Equal(t, http.StatusOK, p.login().answer.Code)
			got := answers{statuses: map[int]int{}, seconds: map[int]int{}}
			began := time.Now()
			for i := range galleryRate * 60 {
				time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / galleryRate)))
				f.all.Go(func() {
					if i%(10*galleryRate) == 0 {
						got.add(t, began, p.login())
						return
					}
					got.add(t, began, p.provision(i))
				})
			}
			f.all.Wait()
			assert.Equal(t, map[int]int{200: galleryRate * 30, 201: galleryRate * 30}, got.statuses, "with a rate of %d", rate)
			assert.Less(t, got.p99(), 100*time.Millisecond, "with a rate of %d", rate)
		})
	}
}
