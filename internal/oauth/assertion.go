package oauth

import (
	"context"
	"errors"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/assertion"
	"github.com/rollcall-scim/rollcall/internal/cause"
)

// peek reads what an assertion says of itself. It may name the client, and it decides how it is
// verified; nothing of it is believed.
func (c *credentials) peek() {
	if c.claims, c.claimsErr = assertion.Peek(c.assertion); c.claimsErr != nil {
		return
	}
	if c.client == "" && strings.HasPrefix(c.claims.Subject, access.ClientPrefix+"_") {
		c.client = c.claims.Subject
	}
	if c.claims.Issuer != c.client {
		c.method = federation
	}
}

// checkAssertion returns the proof that the client's assertion is. It may be used once, which
// q.claim stores.
//
// A federated issuer that gives its tokens no id, as Microsoft Entra ID, hands out the same one
// again while it is valid, so its use is not remembered. RFC 7523 §3
func (s *Service) checkAssertion(ctx context.Context, q *request) (access.Proof, error) {
	c, r := q.credentials, q.client
	if c.claimsErr != nil {
		return access.Proof{}, c.claimsErr
	}
	var (
		proof func() access.Proof
		want  assertion.Expected
		keys  assertion.Keys
	)
	switch own, other := r.Client.Keys, r.Client.Federation; {
	case c.method == privateKey && own != nil:
		id := access.ClientID(r.Tenant, r.Client.ID)
		endpoint := s.issuer + EndpointPath
		want = assertion.Expected{Issuer: id, Subject: id, Audiences: []string{endpoint, endpoint + "/" + id, s.issuer}}
		keys, proof = assertion.StaticKeys(own.JWKS), r.ProofOfKeys
		q.event.Credential = "keys"
	case c.method == federation && other != nil:
		want = assertion.Expected{Issuer: other.Issuer, Subject: other.Subject, Audiences: assertion.Audiences(other.Audience)}
		keys, proof = s.Keys.At(other.JWKSURI), r.ProofOfFederation
		q.event.Credential = string(federation)
	default:
		return access.Proof{}, &problem{cause: cause.AssertionRefused, remedy: cause.AssertionNone, unproven: true}
	}
	verified, err := assertion.Verify(ctx, c.assertion, want, keys, s.Now())
	switch {
	case err != nil:
		return access.Proof{}, err
	case !r.Client.Revoked.IsZero():
		return access.Proof{}, access.ErrClientRevoked
	}
	if verified.HasID || c.method == privateKey {
		q.claim = func(ctx context.Context) error {
			return s.Issuer.Once(ctx, r, verified.Issuer, verified.ID, verified.Until)
		}
	}
	return proof(), nil
}

// assertionProblem returns the refusal of an assertion, nil for any other error. The reason is for
// the log alone: the caller has proven nothing, also if the keys could not be read.
func assertionProblem(err error) *problem {
	var refused *assertion.Error
	if !errors.As(err, &refused) {
		return nil
	}
	return &problem{cause: cause.AssertionRefused, remedy: reasonOf(refused), unproven: true, internal: err}
}

// reasonOf returns the remedy for an assertion that is refused.
func reasonOf(e *assertion.Error) cause.Remedy {
	return cause.Remedy(string(cause.AssertionRefused) + "." + string(e.Reason))
}
