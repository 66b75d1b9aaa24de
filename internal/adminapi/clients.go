package adminapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
)

// maxClaim is the longest claim of a federation, and the longest address of its keys.
const maxClaim = 500

// end reads when a secret expires; the zero time is the default.
func (q *request) end(sent *time.Time) (time.Time, error) {
	if sent == nil {
		return time.Time{}, nil
	}
	if sent.IsZero() { // it would mean the default
		return time.Time{}, errSecretPast
	}
	return *sent, nil
}

// errSecretPast is the refusal of a secret that would not work for a moment: the detail of
// access.ErrPast is about tokens.
var errSecretPast = &problem{kind: kindInvalid, detail: "expiresAt must be in the future, at most 3 years from now; a secret without it expires in a year."}

// ofSecret replaces the error about the end of a token by that about a secret.
func ofSecret(err error) error {
	if errors.Is(err, access.ErrPast) {
		return errSecretPast
	}
	return err
}

// secretDocument returns a secret without its text and without its hash.
func (q *request) secretDocument(s access.Secret) adminwire.ClientSecret {
	state := "live"
	switch {
	case !s.Revoked.IsZero():
		state = "revoked"
	case !q.start.Before(s.Expires):
		state = "expired"
	}
	return adminwire.ClientSecret{
		SecretID: s.ID, Label: s.Label, LastFour: s.LastFour, State: state,
		CreatedAt: instant(s.Created), ExpiresAt: instant(s.Expires), LastUsedAt: instant(s.LastUsed), RevokedAt: instant(s.Revoked),
	}
}

// clientDocument returns a client without its signing key.
func (s *Service) clientDocument(q *request, c access.Client) adminwire.Client {
	d := adminwire.Client{
		ClientID: access.ClientID(q.tenant, c.ID), Label: c.Label, State: "live", TokenEndpoint: s.TokenEndpoint,
		CreatedAt: instant(c.Created), LastUsedAt: instant(c.LastUsed), RevokedAt: instant(c.Revoked),
		Secrets: listOf(c.Secrets, q.secretDocument),
	}
	if !c.Revoked.IsZero() {
		d.State = "revoked"
	}
	for _, one := range d.Secrets {
		if d.LastUsedAt == nil || one.LastUsedAt != nil && one.LastUsedAt.After(*d.LastUsedAt) {
			d.LastUsedAt = one.LastUsedAt
		}
	}
	if f := c.Federation; f != nil {
		d.Federation = &adminwire.Federation{Issuer: f.Issuer, Subject: f.Subject, Audience: f.Audience, JWKSURI: f.JWKSURI, Since: instant(f.Since)}
	}
	if k := c.Keys; k != nil {
		d.Keys = &adminwire.ClientKeys{Since: instant(k.Since)}
		// It was read when it was set.
		_ = json.Unmarshal([]byte(k.JWKS), &d.Keys.JWKS)
	}
	return d
}

// clientOf returns the id of the client in the path, which is a whole client id of the path's
// tenant, or the part of it that names the client within its tenant.
func (s *Service) clientOf(ctx context.Context, q *request, action string) (string, error) {
	q.action = action
	id := strings.TrimPrefix(q.parameters["client"], access.ClientID(q.tenant, ""))
	if strings.HasPrefix(id, access.ClientPrefix+"_") {
		return "", &problem{kind: kindNotFound, detail: "The client's id names another tenant than the path."}
	}
	if directory.ValidID(id) { // any other is the client's text
		q.resource = access.ClientID(q.tenant, id)
	}
	return id, s.mustHave(ctx, q)
}

// listClients: GET /tenants/{tenant}/clients
func (s *Service) listClients(ctx context.Context, q *request) (*reply, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	clients, err := s.Clients.Clients(ctx, q.tenant)
	if err != nil {
		return nil, err
	}
	return ok(adminwire.Clients{Clients: listOf(clients, func(c access.Client) adminwire.Client { return s.clientDocument(q, c) })})
}

// createClient: POST /tenants/{tenant}/clients
func (s *Service) createClient(ctx context.Context, q *request) (*reply, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	var body adminwire.NewClient
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	if err := checkLabel(body.Label); err != nil {
		return nil, err
	}
	expires, err := q.end(body.ExpiresAt)
	if err != nil {
		return nil, err
	}
	w := access.ClientWanted{Label: body.Label, Expires: expires, NoSecret: !body.Secret.Or(true)}
	if w.NoSecret && body.ExpiresAt != nil {
		return nil, &problem{kind: kindInvalid, detail: "expiresAt is when the secret expires, and secret is false: leave one of them out."}
	}
	c, text, secret, err := s.Clients.Create(ctx, q.tenant, w)
	if err != nil {
		return nil, ofSecret(err)
	}
	q.action, q.resource = "created", access.ClientID(q.tenant, c.ID)
	return answer(http.StatusCreated, adminwire.CreatedClient{
		Client: s.clientDocument(q, c), Text: text, SecretID: secret.ID, ExpiresAt: instant(secret.Expires),
	}, nil)
}

// readClient: GET /tenants/{tenant}/clients/{client}
func (s *Service) readClient(ctx context.Context, q *request) (*reply, error) {
	id, err := s.clientOf(ctx, q, "")
	if err != nil {
		return nil, err
	}
	return s.clientReply(q)(s.Clients.Client(ctx, q.tenant, id))
}

// clientReply answers with a client.
func (s *Service) clientReply(q *request) func(access.Client, error) (*reply, error) {
	return func(c access.Client, err error) (*reply, error) {
		if err != nil {
			return nil, err
		}
		return ok(s.clientDocument(q, c))
	}
}

// changeClient: PATCH /tenants/{tenant}/clients/{client}
func (s *Service) changeClient(ctx context.Context, q *request) (*reply, error) {
	id, err := s.clientOf(ctx, q, "updated")
	if err != nil {
		return nil, err
	}
	var body adminwire.ClientChange
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	if !body.Label.Set {
		return s.clientReply(q)(s.Clients.Client(ctx, q.tenant, id))
	}
	label := body.Label.Or("")
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	return s.clientReply(q)(s.Clients.Rename(ctx, q.tenant, id, label))
}

// revokeClient: DELETE /tenants/{tenant}/clients/{client}. Its access tokens work for
// access.CacheTime more.
func (s *Service) revokeClient(ctx context.Context, q *request) (*reply, error) {
	id, err := s.clientOf(ctx, q, "revoked")
	if err != nil {
		return nil, err
	}
	return noContent(), s.Clients.Revoke(ctx, q.tenant, id)
}

// createClientSecret: POST /tenants/{tenant}/clients/{client}/secrets creates a secret beside
// the others, which still work.
func (s *Service) createClientSecret(ctx context.Context, q *request) (*reply, error) {
	id, err := s.clientOf(ctx, q, "secret created")
	if err != nil {
		return nil, err
	}
	var body adminwire.NewClientSecret
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	if err := checkLabel(body.Label); err != nil {
		return nil, err
	}
	expires, err := q.end(body.ExpiresAt)
	if err != nil {
		return nil, err
	}
	text, secret, err := s.Clients.AddSecret(ctx, q.tenant, id, access.SecretWanted{Label: body.Label, Expires: expires})
	if err != nil {
		return nil, ofSecret(err)
	}
	return answer(http.StatusCreated, adminwire.CreatedClientSecret{
		ClientSecret: q.secretDocument(secret), ClientID: access.ClientID(q.tenant, id), Text: text, TokenEndpoint: s.TokenEndpoint,
	}, nil)
}

// revokeClientSecret: DELETE /tenants/{tenant}/clients/{client}/secrets/{secret}. The access
// tokens that it got work for access.CacheTime more.
func (s *Service) revokeClientSecret(ctx context.Context, q *request) (*reply, error) {
	id, err := s.clientOf(ctx, q, "secret revoked")
	if err != nil {
		return nil, err
	}
	return noContent(), s.Clients.EndSecret(ctx, q.tenant, id, q.parameters["secret"])
}

// setFederation: PUT /tenants/{tenant}/clients/{client}/federation
func (s *Service) setFederation(ctx context.Context, q *request) (*reply, error) {
	id, err := s.clientOf(ctx, q, "federation set")
	if err != nil {
		return nil, err
	}
	var body adminwire.NewFederation
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	for _, claim := range []struct{ name, value string }{
		{"issuer", body.Issuer}, {"subject", body.Subject}, {"audience", body.Audience}, {"jwksUri", body.JWKSURI},
	} {
		if claim.value == "" || strings.TrimSpace(claim.value) != claim.value || !isLine(claim.value, maxClaim) {
			return nil, &problem{kind: kindInvalid, detail: fmt.Sprintf("%s must be one line of text of 1 to %d bytes, without space at its ends.", claim.name, maxClaim)}
		}
	}
	if err := s.checkJWKSURI(body.JWKSURI); err != nil {
		return nil, err
	}
	return s.clientReply(q)(s.Clients.SetFederation(ctx, q.tenant, id, access.Federation{
		Issuer: body.Issuer, Subject: body.Subject, Audience: body.Audience, JWKSURI: body.JWKSURI,
	}))
}

// removeFederation: DELETE /tenants/{tenant}/clients/{client}/federation. The access tokens that
// its assertions got work for access.CacheTime more.
func (s *Service) removeFederation(ctx context.Context, q *request) (*reply, error) {
	id, err := s.clientOf(ctx, q, "federation removed")
	if err != nil {
		return nil, err
	}
	return noContent(), s.Clients.EndFederation(ctx, q.tenant, id)
}

// setClientKeys: PUT /tenants/{tenant}/clients/{client}/keys
func (s *Service) setClientKeys(ctx context.Context, q *request) (*reply, error) {
	id, err := s.clientOf(ctx, q, "keys set")
	if err != nil {
		return nil, err
	}
	var body adminwire.NewClientKeys
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	text, err := checkJWKS(body.JWKS)
	if err != nil {
		return nil, err
	}
	return s.clientReply(q)(s.Clients.SetKeys(ctx, q.tenant, id, text))
}

// removeClientKeys: DELETE /tenants/{tenant}/clients/{client}/keys. The access tokens that
// their assertions got work for access.CacheTime more.
func (s *Service) removeClientKeys(ctx context.Context, q *request) (*reply, error) {
	id, err := s.clientOf(ctx, q, "keys removed")
	if err != nil {
		return nil, err
	}
	return noContent(), s.Clients.EndKeys(ctx, q.tenant, id)
}
