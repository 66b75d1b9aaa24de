package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// endsSoon is how long before the end of a client's last secret the doctor reports it:
// entering another one takes an administrator of the identity provider.
const endsSoon = 30 * 24 * time.Hour

// oauth checks the clients of the tenant, and that a temporary one gets access tokens: it
// returns one, "" if it cannot.
func (d *doctor) oauth(t adminwire.Tenant) string {
	all, err := call[adminwire.Clients](d.ctx, d.place, http.MethodGet, tenantPath(d.tenant, "clients"), nil, nil)
	var problem *adminclient.Problem
	if errors.As(err, &problem) && problem.Kind() == "no-such-resource" {
		return "" // an earlier version of the service
	}
	if d.note("clients can be read", err, fmt.Sprintf("%d", len(all.Clients))) {
		d.note("client secrets", endingSecrets(d.tenant, all.Clients, time.Now()), "none ends within 30 days")
		if t.StaticTokens == staticRefused {
			d.note("static tokens", lockedOut(d.tenant, all.Clients), "refused; clients can authenticate")
		}
	}
	expires := time.Now().Add(time.Hour)
	made, err := call[adminwire.CreatedClient](d.ctx, d.place, http.MethodPost, tenantPath(d.tenant, "clients"), nil,
		adminwire.NewClient{Label: "rollcall doctor", ExpiresAt: &expires})
	if !d.note("client can be created", err, "") {
		return ""
	}
	d.after("client can be revoked", "clients", made.ClientID)
	d.note("OAuth metadata", d.metadata(made.TokenEndpoint), made.TokenEndpoint)
	token, err := d.accessToken(made)
	if !d.note("client gets an access token", err, "") {
		return ""
	}
	status, _, answer, err := d.scim(http.MethodGet, "/Users?count=0", token, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("GET /Users was answered with %d: %s", status, text(answer["detail"]))
	}
	d.note("access token works", err, "")
	return token
}

// endingSecrets returns an error that names the clients whose last secret ends soon, nil if
// there are none. Clients with a federation or keys are left out: they need no secret.
func endingSecrets(tenant string, clients []adminwire.Client, now time.Time) error {
	var names []string
	for _, c := range clients {
		n, last := c.LiveSecrets()
		if c.State == "live" && n > 0 && c.Federation == nil && c.Keys == nil && last.Sub(now) < endsSoon {
			names = append(names, fmt.Sprintf("the last secret of %s expires at %s: rollcall client rotate %s %[1]s", text(c.ClientID), seconds(last), tenant))
		}
	}
	if names == nil {
		return nil
	}
	return errors.New(strings.Join(names, "; "))
}

// lockedOut returns an error if no client can authenticate, while static tokens are refused.
func lockedOut(tenant string, clients []adminwire.Client) error {
	for _, c := range clients {
		if c.State == "live" && len(c.Methods()) > 0 {
			return nil
		}
	}
	return fmt.Errorf("they are refused, and no client can authenticate: rollcall client create %s, or rollcall tenant set %[1]s staticTokens=take", tenant)
}

// metadata checks that the metadata of the authorization server is served, and names the token
// endpoint. RFC 8414 §3
func (d *doctor) metadata(tokenEndpoint string) error {
	address, err := url.Parse(tokenEndpoint)
	if err != nil {
		return err
	}
	address.Path = "/.well-known/oauth-authorization-server"
	r, err := http.NewRequestWithContext(d.ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return err
	}
	status, _, answer, err := d.send(r)
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return fmt.Errorf("GET %s was answered with %d", address, status)
	case answer["token_endpoint"] != tokenEndpoint:
		return fmt.Errorf("the metadata has the token endpoint %s in place of %s", text(answer["token_endpoint"]), tokenEndpoint)
	}
	return nil
}

// accessToken gets an access token as identity providers do. RFC 6749 §4.4
func (d *doctor) accessToken(c adminwire.CreatedClient) (string, error) {
	body := url.Values{"grant_type": {"client_credentials"}}.Encode()
	r, err := http.NewRequestWithContext(d.ctx, http.MethodPost, c.TokenEndpoint, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(c.ClientID, c.Text)
	status, _, answer, err := d.send(r)
	token, _ := answer["access_token"].(string)
	if err == nil && (status != http.StatusOK || token == "") {
		err = fmt.Errorf("POST %s was answered with %d: %s", c.TokenEndpoint, status, text(answer["error_description"]))
	}
	return token, err
}
