package httpapi

import (
	"bytes"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// An attribute mapping, or a form filled in wrongly, sends a token where a name
// belongs. Nothing of such a request is stored or logged: a token that is served as a
// userName is read by everybody who reads users.

// exposed reports whether a credential is in a text, as it is or in escapes of JSON.
func exposed(text string) bool {
	return credential.In(text) || strings.Contains(text, `\u00`) && credential.In(unescape(text))
}

// unescape returns a text with its escapes of ASCII characters replaced. Any number of
// backslashes may stand before one: JSON in a text, and a text in a filter, are escaped
// again, and are unwrapped later.
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

// exposedInBody refuses a body with a credential in it.
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
	return &problem{cause: provlog.TokenExposed, what: "The value of " + where + " is a token of this service; nothing was changed."}
}

// maxShown is the longest name of an attribute in a detail: a client chooses the names.
const maxShown = 200

// named is an attribute as a detail names it: without the list of operations around it,
// and cut.
func named(attribute string) string {
	attribute = strings.TrimPrefix(attribute, "Operations.")
	if len(attribute) > maxShown {
		return strings.ToValidUTF8(attribute[:maxShown], "") + "…"
	}
	return attribute
}

// target is the path of an operation of a PATCH. It says more than the place of the
// value: it is the attribute whose mapping is to be corrected. It is empty of any other
// object, and where the path has a credential in it.
func target(object map[string]any) string {
	path, _ := object["path"].(string)
	if object["op"] == nil || exposed(path) {
		return ""
	}
	return path
}

// exposedIn finds a credential in a JSON value, and the attribute that has it, without
// the places in lists.
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

// exposedInURL refuses a URL with a credential in it: URLs are kept in the logs of all
// on the way.
func exposedInURL(u *url.URL) error {
	query, err := url.QueryUnescape(u.RawQuery)
	if err != nil {
		query = u.RawQuery
	}
	if !exposed(u.Path) && !exposed(query) {
		return nil
	}
	return &problem{cause: provlog.TokenExposed, what: "The URL of the request has a token of this service in it; nothing was changed."}
}
