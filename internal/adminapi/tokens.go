package adminapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
)

// tokenBody is the body of a new token.
type tokenBody struct {
	Label     optional[string]    `json:"label"`
	ExpiresAt optional[time.Time] `json:"expiresAt"`
}

const maxLabel = 100

// wanted reads the choices for a token.
func (q *request) wanted() (access.Wanted, error) {
	var body tokenBody
	if err := q.decode(&body); err != nil {
		return access.Wanted{}, err
	}
	if !isLine(body.Label.value, maxLabel) {
		return access.Wanted{}, &problem{kind: kindInvalid, detail: fmt.Sprintf("label must be one line of text of at most %d bytes.", maxLabel)}
	}
	w := access.Wanted{Label: body.Label.value}
	if body.ExpiresAt.set && !body.ExpiresAt.null {
		// The zero time would mean that it never expires.
		if w.Expires = body.ExpiresAt.value; w.Expires.IsZero() {
			return access.Wanted{}, access.ErrPast
		}
	}
	return w, nil
}

// tokenDocument is a token without its secret and without its hash.
func (q *request) tokenDocument(r access.Record) map[string]any {
	state := "live"
	switch {
	case !r.Revoked.IsZero():
		state = "revoked"
	case !r.Expires.IsZero() && !q.start.Before(r.Expires):
		state = "expired"
	}
	document := map[string]any{
		"id": r.ID, "label": r.Label, "lastFour": r.LastFour, "state": state,
		"createdAt": instant(r.Created), "expiresAt": instant(r.Expires),
		"lastUsedAt": instant(r.LastUsed), "revokedAt": instant(r.Revoked),
	}
	if r.Replaces != "" {
		document["replaces"] = r.Replaces
	}
	if r.Next != "" {
		document["replacedBy"] = r.Next
	}
	return document
}

// minted answers with a new token: its secret is returned only this once.
func (q *request) minted(text string, r access.Record) (*reply, error) {
	q.resource = r.ID
	document := q.tokenDocument(r)
	document["token"] = text
	return answer(http.StatusCreated, document, nil)
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
	documents := make([]any, len(records))
	for i, r := range records {
		documents[i] = q.tokenDocument(r)
	}
	return page("tokens", documents, "")
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

// token is the token id in the path.
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
