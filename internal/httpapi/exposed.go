package httpapi

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// An attribute mapping, or a form filled in wrongly, sends a token where a name
// belongs. Nothing of such a request is stored or logged: a token that is served as a
// userName is read by everybody who reads users.

// escaped is a character of ASCII that is written as an escape.
var escaped = regexp.MustCompile(`\\u00[2-7][0-9a-fA-F]`)

// exposedInBody refuses a body with a credential in it.
func exposedInBody(body []byte) error {
	text := string(body)
	found := credential.In(text)
	if !found && !escaped.Match(body) {
		return nil
	}
	decoded, err := scim.DecodeJSON(body)
	if err != nil && !found {
		return nil // it is refused for that, and its values are not looked at
	}
	where, inside := exposedIn(decoded)
	switch {
	case !found && !inside:
		return nil
	case where == "":
		where = "the body"
	}
	return &problem{cause: provlog.TokenExposed, what: "The value of " + where + " is a token of this service; nothing was changed."}
}

// exposedIn finds a credential in a JSON value, and the attribute that has it, without
// the places in lists.
func exposedIn(value any) (attribute string, found bool) {
	switch value := value.(type) {
	case string:
		return "", credential.In(value)
	case []any:
		for _, element := range value {
			if attribute, found = exposedIn(element); found {
				return attribute, true
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if credential.In(name) {
				return "", true
			}
			if below, found := exposedIn(value[name]); found {
				return strings.TrimSuffix(name+"."+below, "."), true
			}
		}
	}
	return "", false
}

// exposedInURL refuses a URL with a credential in it: URLs are kept in the logs of all
// on the way.
func exposedInURL(u *url.URL) error {
	query, err := url.QueryUnescape(u.RawQuery)
	if err != nil {
		query = u.RawQuery
	}
	if !credential.In(u.Path) && !credential.In(query) {
		return nil
	}
	return &problem{cause: provlog.TokenExposed, what: "The URL of the request has a token of this service in it; nothing was changed."}
}
