package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/assertion"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A code is the kind of an error, for programs; causes have others. The last two are of another
// endpoint in the standard, which has none for them here. RFC 6749 §5.2, §4.1.2.1
type code string

const (
	invalidRequest     code = "invalid_request"
	invalidClient      code = "invalid_client"
	unauthorizedClient code = "unauthorized_client"
	unavailable        code = "temporarily_unavailable"
	serverError        code = "server_error"
)

// A problem is the reason for which a request is refused.
type problem struct {
	// code is that of the cause unless it is set.
	code   code
	status int // 0 for 400
	cause  cause.Cause
	// what says what happened, and todo what to do; "" for the words of the remedy or of the
	// cause.
	what, todo string
	remedy     cause.Remedy
	// unproven is set if the caller has not proven to be the client, and the words of the cause
	// would tell it something of the client.
	unproven bool
	allow    []string
	// retryAfter is the number of seconds to wait, or 0.
	retryAfter int
	// internal is for the log only, never for the client.
	internal error
}

// Error returns the cause.
func (p *problem) Error() string { return "oauth: " + string(p.cause) }

// malformed returns the refusal of a request that is not one of the standard.
func malformed(what string) error { return &problem{cause: cause.OAuthRequest, what: what} }

// unsupported returns the refusal of a request without a way of authentication that is
// supported.
func unsupported(what string) error {
	return &problem{code: invalidClient, cause: cause.OAuthRequest, what: what}
}

// sentinels are the errors of other packages. The first one that an error is counts.
var sentinels = [...]struct {
	err error
	problem
}{
	{access.ErrClientMalformed, problem{cause: cause.ClientUnknown, remedy: cause.ClientMalformed}},
	{access.ErrUnknownClient, problem{cause: cause.ClientUnknown, unproven: true}},
	{access.ErrClientRevoked, problem{cause: cause.ClientRevoked}},
	{access.ErrSecretMalformed, problem{cause: cause.SecretUnknown, remedy: cause.SecretCut, unproven: true}},
	{access.ErrSecretUnknown, problem{cause: cause.SecretUnknown, unproven: true}},
	{access.ErrSecretExpired, problem{cause: cause.SecretExpired}},
	{access.ErrSecretRevoked, problem{cause: cause.SecretRevoked}},
	{access.ErrReplayed, problem{cause: cause.AssertionRefused, remedy: cause.AssertionReplayed}},
	{access.ErrDisabled, problem{code: unauthorizedClient, cause: cause.SCIMDisabled}},
	{access.ErrCrowded, problem{
		code: unavailable, status: http.StatusTooManyRequests, cause: cause.RateLimit, retryAfter: 1,
		what: "Too many requests with unknown clients name this tenant, so the client of this one was not checked.",
	}},
	{directory.ErrUnreachable, problem{code: unavailable, status: http.StatusServiceUnavailable, cause: cause.StoreUnavailable}},
	{directory.ErrUnresolved, problem{code: unavailable, status: http.StatusServiceUnavailable, cause: cause.StoreUnavailable}},
	{directory.ErrBusy, problem{code: unavailable, status: http.StatusServiceUnavailable, cause: cause.Conflict}},
	{context.DeadlineExceeded, problem{code: unavailable, status: http.StatusServiceUnavailable, cause: cause.Conflict}},
	{context.Canceled, problem{code: unavailable, status: http.StatusServiceUnavailable, cause: cause.Conflict}},
}

// problemOf maps an error of the inner packages to what the client and the log see.
func problemOf(err error) *problem {
	var known *problem
	if errors.As(err, &known) {
		return known
	}
	if p := assertionProblem(err); p != nil {
		return p
	}
	for _, known := range sentinels {
		if errors.Is(err, known.err) {
			p := known.problem
			p.internal = err
			if p.status == http.StatusServiceUnavailable {
				p.retryAfter = p.cause.Meaning().RetryAfter
			}
			return &p
		}
	}
	return &problem{code: serverError, status: http.StatusInternalServerError, cause: cause.Internal, internal: err}
}

// An errorDocument is the body of a refusal. RFC 6749 §5.2
type errorDocument struct {
	Error       code   `json:"error"`
	Description string `json:"error_description"`
	URI         string `json:"error_uri,omitempty"`
}

// refuse returns the answer to an error, and records it in the event.
func (q *request) refuse(p *problem) *web.Answer {
	p.code = cmp.Or(p.code, code(p.cause.Meaning().OAuth), invalidRequest)
	if p.remedy == cause.SecretCut && q.credentials.foreign() {
		p.remedy = cause.SecretForeign
	}
	q.event.refuse(p, p.detail(q.event.IdP)+" (request "+q.id+")")
	description, uri := q.event.Detail, p.cause.Documentation()
	if p.unproven {
		description, uri = q.unproven()+" (request "+q.id+")", ""
	}
	a := &web.Answer{Status: p.status, Allow: p.allow, RetryAfter: p.retryAfter}
	switch {
	case a.Status != 0:
	case p.code == invalidClient && q.Header.Get("Authorization") != "":
		a.Status = http.StatusUnauthorized
	default:
		a.Status = http.StatusBadRequest
	}
	a = jsonAnswer(a, errorDocument{Error: p.code, Description: ascii(description), URI: uri})
	if a.Status == http.StatusUnauthorized {
		a.Header["WWW-Authenticate"] = `Basic realm="rollcall", charset="UTF-8"`
	}
	return a
}

// detail returns what happened and what to do.
func (p *problem) detail(by idp.Provider) string {
	what := cmp.Or(p.what, p.remedy.Happened(), p.cause.Meaning().Summary)
	todo := cmp.Or(p.todo, p.cause.Advice(p.remedy, by))
	return strings.TrimSpace(what + " " + todo)
}

// unproven returns the text of a refusal whose real cause is not for the caller. It depends on
// nothing but the request: the identity provider is that of the user agent, not of the client.
func (q *request) unproven() string {
	by := idp.FromUserAgent(q.UserAgent())
	if refused := (*assertion.Error)(nil); errors.As(q.credentials.claimsErr, &refused) {
		return (&problem{cause: cause.AssertionRefused, remedy: reasonOf(refused)}).detail(by)
	}
	if q.credentials.assertion != "" {
		return "The client is unknown or revoked, or the client assertion does not prove it. " + cause.AssertionRefused.Advice("", by)
	}
	if q.credentials.foreign() {
		return (&problem{cause: cause.SecretUnknown, remedy: cause.SecretForeign}).detail(by)
	}
	return "The client is unknown or revoked, or the client secret is wrong. Check the client ID. " + cause.SecretUnknown.Advice("", by)
}

// ascii returns a text in the characters of a description, which are those of ASCII without
// control characters, the double quote and the backslash. RFC 6749 §5.2
func ascii(text string) string {
	text = plain.Replace(text)
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

var plain = strings.NewReplacer(`"`, `'`, `\`, `/`, "“", `'`, "”", `'`, "‘", `'`, "’", `'`, "…", "...", "–", "-", "—", "-", "→", "->", "\n", " ", "§", "section ")

// jsonAnswer completes an answer with a document. It is not to be kept. RFC 6749 §5.1
func jsonAnswer(a *web.Answer, document any) *web.Answer {
	a.Body, _ = json.Marshal(document) // of texts and numbers
	a.MediaType = "application/json"
	if a.Header == nil {
		a.Header = map[string]string{}
	}
	a.Header["Pragma"] = "no-cache"
	return a
}
