package oauth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// MaxBody is the largest body accepted, in bytes. The largest parameter is an assertion, of
// about 2 KB. The limit holds while the body is read.
const MaxBody = 16 << 10

// formType is the media type of a token request. RFC 6749 §4.4.2
const formType = "application/x-www-form-urlencoded"

// A form has the parameters of a token request, without those that have no value.
type form map[string]string

// repeatable are the parameters of extensions that a request may have more than once. They
// are ignored. RFC 8707 §2, RFC 8693 §2.1
var repeatable = map[string]bool{"resource": true, "audience": true}

// readForm reads the parameters from the body. Unknown ones are ignored, and one without a
// value counts as left out. RFC 6749 §3.2
func readForm(r *http.Request) (form, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, &problem{cause: cause.OAuthRequest, remedy: cause.RequestForm, what: "The body of the token request is compressed."}
	}
	if web.MediaType(r) != formType {
		return nil, &problem{cause: cause.OAuthRequest, remedy: cause.RequestForm}
	}
	body, err := web.ReadBody(r, MaxBody)
	switch {
	case errors.Is(err, web.ErrBodyTooLarge):
		return nil, malformed("The body of the token request is longer than 16 KB.")
	case err != nil:
		return nil, malformed("The body of the token request could not be read completely.")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &problem{cause: cause.OAuthRequest, remedy: cause.RequestForm, what: "The body of the token request is not a valid form."}
	}
	f := form{}
	for name, sent := range values {
		for _, value := range sent {
			switch _, twice := f[name]; {
			case value == "":
			case twice && !repeatable[name]:
				// The name is the client's text.
				return nil, malformed("A parameter of the token request occurs more than once.")
			default:
				f[name] = value
			}
		}
	}
	return f, nil
}
