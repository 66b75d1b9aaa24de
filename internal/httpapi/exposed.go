package httpapi

import (
	"bytes"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// A wrong attribute mapping, or a form filled in wrongly, sends a token as the
// value of an attribute. Such a request is refused, and nothing of it is stored
// or logged: everyone who can read users would read a token that is stored as a
// userName.

// exposed reports whether a text contains a credential, plain or in JSON
// escapes.
func exposed(text string) bool {
	return credential.In(text) || strings.Contains(text, `\u00`) && credential.In(unescape(text))
}

// unescape returns a text with its escapes of ASCII characters decoded, after
// any number of backslashes: JSON within a text, and a text within a filter,
// are escaped more than once.
func unescape(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if len(out) > 0 && out[len(out)-1] == '\\' && strings.HasPrefix(text[i:], "u00") && len(text) >= i+5 {
			if c, err := strconv.ParseUint(text[i+3:i+5], 16, 7); err == nil {
				out, i = append(bytes.TrimRight(out, `\`), byte(c)), i+4
				continue
			}
		}
		out = append(out, text[i])
	}
	return string(out)
}

// exposedInBody refuses a body that contains a credential.
func exposedInBody(body []byte) error {
	if !exposed(string(body)) {
		return nil
	}
	where := "the body"
	if decoded, err := scim.DecodeJSON(body); err == nil {
		if attribute, _ := exposedIn(decoded); attribute != "" {
			where = named(attribute)
		}
	}
	return &problem{cause: cause.TokenExposed, what: "The value of " + where + " is a token of this service; nothing was changed."}
}

// maxShown is the longest name of an attribute in a detail: the client chooses
// the names.
const maxShown = 200

// named returns the name of an attribute for a detail, without the path of the
// operations around it, and truncated.
func named(attribute string) string {
	return text.Cut(strings.TrimPrefix(attribute, "Operations."), maxShown)
}

// target returns the path of a PATCH operation: the path names the attribute
// with the wrong mapping, and the position of the value does not. It returns ""
// for any other object, and for a path that contains a credential.
func target(object map[string]any) string {
	path, _ := object["path"].(string)
	if object["op"] == nil || exposed(path) {
		return ""
	}
	return path
}

// exposedIn finds a credential in a JSON value, and returns the attribute that
// has it, without positions in lists.
func exposedIn(value any) (attribute string, found bool) {
	switch value := value.(type) {
	case string:
		return "", exposed(value)
	case []any:
		for _, element := range value {
			if attribute, found = exposedIn(element); found {
				return attribute, true
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if exposed(name) {
				return "", true
			}
			if below, found := exposedIn(value[name]); found {
				if path := target(value); path != "" {
					name = path
				}
				return strings.TrimSuffix(name+"."+below, "."), true
			}
		}
	}
	return "", false
}

// exposedInURL refuses a URL that contains a credential: the logs of every
// proxy on the way keep URLs.
func exposedInURL(u *url.URL) error {
	query, err := url.QueryUnescape(u.RawQuery)
	if err != nil {
		query = u.RawQuery
	}
	if !exposed(u.Path) && !exposed(query) {
		return nil
	}
	return &problem{cause: cause.TokenExposed, what: "The URL of the request has a token of this service in it; nothing was changed."}
}
