package oauth

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/assertion"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/credential"
)

// A method is how a client authenticates, as the registry of OAuth names it, and federation.
type method string

// The methods.
const (
	secretBasic method = "client_secret_basic"
	secretPost  method = "client_secret_post"
	// privateKey is an assertion that the client signs with its own key, and federation one that
	// its identity provider signs. They differ in the issuer that the assertion names.
	privateKey method = "private_key_jwt"
	federation method = "federation"
)

// assertionType is the only type of an assertion that is accepted. RFC 7523 §2.2
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Credentials are what a request authenticates its client with. They have secrets.
type credentials struct {
	// method is "" if the request has no credential. That of an assertion is privateKey until
	// the issuer is known.
	method method
	// client is the client's id as it was sent, or "" if only an assertion names the client.
	client    string
	secret    string
	assertion string
	// claims are what the assertion says of itself, or claimsErr is why it says nothing.
	claims    assertion.Claims
	claimsErr error
}

// GoString keeps the secrets out of %#v.
func (c credentials) GoString() string { return c.String() }

// String returns the method and the client's id, without the secrets.
func (c credentials) String() string { return string(c.method) + " of " + c.client }

// foreign reports whether what was sent as a client secret is not one of this service, whatever
// the client.
func (c credentials) foreign() bool { return !strings.HasPrefix(c.secret, credential.ClientSecret) }

// readCredentials returns the credentials of a request, of which it may have one. pathClient is
// the client's id in the path, or "". RFC 6749 §2.3
func readCredentials(r *http.Request, f form, pathClient string) (credentials, error) {
	c := credentials{client: f["client_id"]}
	found := 0
	if header := r.Header.Values("Authorization"); len(header) > 0 {
		id, secret, err := readBasic(header)
		if err != nil {
			return c, err
		}
		if err := c.named(id); err != nil {
			return c, err
		}
		c.method, c.secret = secretBasic, secret
		found++
	}
	if secret, ok := f["client_secret"]; ok {
		c.method, c.secret = secretPost, secret
		found++
	}
	text, asserted := f["client_assertion"]
	kind, typed := f["client_assertion_type"]
	if asserted || typed {
		c.method, c.assertion = privateKey, text
		found++
	}
	switch {
	case found > 1:
		return c, &problem{cause: cause.OAuthRequest, remedy: cause.RequestTwoMethods}
	case asserted && !typed, typed && !asserted:
		return c, malformed("One of the parameters client_assertion and client_assertion_type is missing.")
	case typed && kind != assertionType:
		return c, unsupported("The client_assertion_type is not supported; it has to be " + assertionType + ".")
	}
	if err := c.named(pathClient); err != nil {
		return c, err
	}
	if asserted {
		c.peek()
	}
	return c, nil
}

// named adds the client's id from another part of the request. All that name it must agree.
func (c *credentials) named(id string) error {
	switch {
	case id == "":
	case c.client == "":
		c.client = id
	case c.client != id:
		return malformed("The token request names two clients, in its path, its Authorization header or client_id.")
	}
	return nil
}

// readBasic returns the user name and the password of an Authorization header. Both are
// form-encoded, which many clients leave out. It makes no difference: neither an id nor a secret
// has a character that is encoded. RFC 6749 §2.3.1, RFC 7617 §2
func readBasic(header []string) (id, secret string, err error) {
	scheme, encoded, _ := strings.Cut(header[0], " ")
	switch {
	case len(header) > 1 || strings.Contains(header[0], ","): // API Gateway joins repeated headers
		return "", "", malformed("The token request has more than one Authorization header.")
	case !strings.EqualFold(scheme, "Basic"):
		return "", "", unsupported("The scheme of the Authorization header is not Basic.")
	}
	text, err := base64.StdEncoding.DecodeString(strings.Trim(encoded, " "))
	if err != nil {
		return "", "", unsupported("The Authorization header is not the client ID, a colon and the client secret in Base64.")
	}
	id, secret, ok := strings.Cut(string(text), ":")
	if !ok || id == "" {
		return "", "", unsupported("The Authorization header has no client ID.")
	}
	return unescaped(id), unescaped(secret), nil
}

// unescaped returns a form-encoded text decoded, and any other text as it is.
func unescaped(text string) string {
	if decoded, err := url.QueryUnescape(text); err == nil {
		return decoded
	}
	return text
}
