package adminapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

const maxLabel = 100

// checkLabel refuses a label that is not one short line.
func checkLabel(label string) error {
	if !isLine(label, maxLabel) {
		return &problem{kind: kindInvalid, detail: fmt.Sprintf("label must be one line of text of at most %d bytes.", maxLabel)}
	}
	return nil
}

// wanted reads the choices for a token.
func (q *request) wanted() (access.Wanted, error) {
	var body adminwire.NewToken
	if err := q.decode(&body); err != nil {
		return access.Wanted{}, err
	}
	if err := checkLabel(body.Label); err != nil {
		return access.Wanted{}, err
	}
	w := access.Wanted{Label: body.Label}
	if body.ExpiresAt != nil {
		// The zero time would mean that it never expires.
		if w.Expires = *body.ExpiresAt; w.Expires.IsZero() {
			return access.Wanted{}, access.ErrPast
		}
	}
	return w, nil
}

// tokenDocument returns a token without its secret and without its hash.
func (q *request) tokenDocument(r access.Record) adminwire.Token {
	state := "live"
	switch {
	case !r.Revoked.IsZero():
		state = "revoked"
	case !r.Expires.IsZero() && !q.start.Before(r.Expires):
		state = "expired"
	}
	return adminwire.Token{
		ID: r.ID, Label: r.Label, LastFour: r.LastFour, State: state, Replaces: r.Replaces, ReplacedBy: r.Next,
		CreatedAt: instant(r.Created), ExpiresAt: instant(r.Expires), LastUsedAt: instant(r.LastUsed), RevokedAt: instant(r.Revoked),
	}
}

// minted answers with a new token: its secret is returned only this once.
func (q *request) minted(text string, r access.Record) (*reply, error) {
	q.resource = r.ID
	return answer(http.StatusCreated, adminwire.MintedToken{Token: q.tokenDocument(r), Text: text}, nil)
}

// listTokens: GET /tenants/{tenant}/tokens
func (s *Service) listTokens(ctx context.Context, q *request) (*reply, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	records, err := s.Tokens.Tokens(ctx, q.tenant)
	if err != nil {
		return nil, err
	}
	return ok(adminwire.Tokens{Tokens: listOf(records, q.tokenDocument)})
}

// createToken: POST /tenants/{tenant}/tokens
func (s *Service) createToken(ctx context.Context, q *request) (*reply, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	w, err := q.wanted()
	if err != nil {
		return nil, err
	}
	text, record, err := s.Tokens.Mint(ctx, q.tenant, w)
	if err != nil {
		return nil, err
	}
	q.action = "created"
	return q.minted(text, record)
}

// token returns the id of the token in the path.
func (s *Service) token(ctx context.Context, q *request, action string) (string, error) {
	q.action = action
	return q.about("token"), s.mustHave(ctx, q)
}

// revokeToken: DELETE /tenants/{tenant}/tokens/{token}. The token works for
// access.CacheTime more.
func (s *Service) revokeToken(ctx context.Context, q *request) (*reply, error) {
	id, err := s.token(ctx, q, "revoked")
	if err != nil {
		return nil, err
	}
	return noContent(), s.Tokens.Revoke(ctx, q.tenant, id)
}

// startRotation: POST /tenants/{tenant}/tokens/{token}/rotation creates a token beside
// this one; both work until the rotation is completed or cancelled.
func (s *Service) startRotation(ctx context.Context, q *request) (*reply, error) {
	id, err := s.token(ctx, q, "rotation started")
	if err != nil {
		return nil, err
	}
	w, err := q.wanted()
	if err != nil {
		return nil, err
	}
	text, record, err := s.Tokens.Rotate(ctx, q.tenant, id, w)
	if err != nil {
		return nil, err
	}
	return q.minted(text, record)
}

// completeRotation: PUT /tenants/{tenant}/tokens/{token}/rotation revokes the token.
func (s *Service) completeRotation(ctx context.Context, q *request) (*reply, error) {
	id, err := s.token(ctx, q, "rotation completed")
	if err != nil {
		return nil, err
	}
	_, err = s.Tokens.Complete(ctx, q.tenant, id)
	return noContent(), err
}

// cancelRotation: DELETE /tenants/{tenant}/tokens/{token}/rotation revokes the token
// that was to replace this one.
func (s *Service) cancelRotation(ctx context.Context, q *request) (*reply, error) {
	id, err := s.token(ctx, q, "rotation cancelled")
	if err != nil {
		return nil, err
	}
	_, err = s.Tokens.Cancel(ctx, q.tenant, id)
	return noContent(), err
}
