package setting

import (
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// OfResource returns the faults that the values of a whole resource show.
func OfResource(sent map[string]any) []Finding {
	var findings []Finding
	walk("", sent, &findings)
	return findings
}

// OfChange returns the faults that the value of one operation of a PATCH shows.
func OfChange(path string, value any) []Finding {
	var findings []Finding
	name := path
	if before, rest, ok := strings.Cut(path, "["); ok {
		_, sub, _ := strings.Cut(rest, "]")
		name = before + sub
	}
	walk(name, value, &findings)
	return findings
}

// walk looks at the texts in a value, in the order of names.
func walk(path string, v any, findings *[]Finding) {
	if len(*findings) == MaxFindings {
		return
	}
	switch v := v.(type) {
	case string:
		if f := ofText(path, v); f != "" {
			*findings = Add(*findings, Of(f, path))
		}
	case []any:
		if path == "members" || path == "groups" {
			return
		}
		for _, element := range v {
			walk(path, element, findings)
		}
	case map[string]any:
		for _, name := range scim.SortedNames(v) {
			walk(join(path, name), v[name], findings)
		}
	}
}

func join(path, name string) string {
	switch {
	case path == "":
		return name
	case strings.HasPrefix(path, "urn:") && !strings.Contains(path[strings.LastIndexByte(path, ':'):], "."):
		if strings.HasSuffix(path, ":User") || strings.HasSuffix(path, ":Group") {
			return path + ":" + name
		}
	}
	return path + "." + name
}

// maxSuspect is the longest text that can be an expression or a word for no value.
const maxSuspect = 300

// ofText returns the fault that a text shows, "" for none.
func ofText(path, text string) Fault {
	if len(text) > maxSuspect || len(text) == 0 || unsuspected(path) {
		return ""
	}
	switch {
	case isExpression(text):
		return ExpressionAsText
	case isFiller(scim.LowerName(strings.TrimSpace(text))):
		return FillerValue
	case attributeNames()[text]:
		return NameAsText
	case examples().MatchString(text):
		return ExampleValue
	}
	return ""
}

// unsuspected reports whether an attribute may have any text.
func unsuspected(path string) bool {
	for _, sub := range []string{"schemas", "password", ".type", ".$ref", "meta", "externalId", "x509Certificates"} {
		if strings.HasSuffix(path, sub) || strings.HasPrefix(path, sub) {
			return true
		}
	}
	return false
}

// isExpression reports whether a text is an expression or a placeholder of an identity
// provider. Most texts are decided by their first and last letter.
func isExpression(text string) bool {
	switch text[0] {
	case '%', '[', '{', '$', '<', '#', '@':
		if placeholder().MatchString(text) {
			return true
		}
	}
	if !strings.ContainsAny(text, "(.{") {
		return false
	}
	return call().MatchString(text) || reference().MatchString(text) || joined().MatchString(text) || strings.Contains(text, "{{") || strings.Contains(text, "{$") || strings.Contains(text, "${")
}

var (
	// placeholder is a name in the brackets of a template: %userName%, [mail],
	// {{email}}, {$user.email}, ${user.email}, $(user.email), <email>, #{email}.
	placeholder = compiled(`^(%+[\w. ]+%+|\[+[\w. ]+\]+([ ,]*\[[\w. ]+\])*|@\{.*\}|\{\{.*\}\}|\{\$?[\w.]+\}|\$\{.*\}|\$\(.*\)|\$[a-z]+\.[\w.]+|<[\w. ]+>|#\{.*\})$`)
	// call is a function of an expression: Switch([IsSoftDeleted], …) in Entra,
	// String.toLowerCase(user.email) in Okta.
	call = compiled(`^(Switch|IIF|Join|Replace|Mid|Left|Right|ToLower|ToUpper|Coalesce|NormalizeDiacritics|Append|Split|Item|Not|SingleAppRoleAssignment|AppRoleAssignmentsComplex|AssertiveAppRoleAssignmentsComplex|StripSpaces|SelectUniqueValue|FormatDateTime|IsNullOrEmpty|IsPresent|Convert\.\w+|String\.\w+|Arrays\.\w+|Time\.\w+|substringBefore|substringAfter|substring|toLowerCase|toUpperCase|hasWorkdayUser|getManagerUser|getAssistantUser|findDirectoryUser)\s*\(`)
	// joined are attributes of a profile with something between them:
	// user.firstName + " " + user.lastName, {user.firstName} {user.lastName}.
	joined = compiled(`(user|source|appuser)\.[a-z]\w*\s*\+|\{(user|source|appuser|employee|parameters)\.\w+\}`)
	// reference is an attribute of a profile: user.email, source.mail, appuser.title.
	reference = compiled(`^(user|source|appuser|okta|profile|idpuser|login|parameters|employee)\.[a-z]\w*$`)
	// examples are addresses of documentations, by their part before the @.
	examples = compiled(`(?i)^(user|username|email|mail|name|first\.last|firstname\.lastname|first_last|your\.name|yourname|someone|changeme)@(example|domain|company|contoso|acme)\.(com|org|net|onmicrosoft\.com)$|^[^@ ]+@(your-?company|your-?domain|my-?domain)\.(com|org|net)$`)
)

// isFiller reports whether a text in lower case is a word for no value, or several: a
// full name can be "null null".
func isFiller(text string) bool {
	if fillers()[text] {
		return true
	}
	words := strings.Fields(text)
	for _, word := range words {
		if word != "null" && word != "undefined" && word != "none" && word != "nan" {
			return false
		}
	}
	return len(words) > 1
}

// fillers are words for no value, in lower case.
var fillers = set("null", "(null)", "nil", "none", "undefined", "n/a", "na.", "#n/a", "nan", "tbd", "not set", "not available", "<null>", "-", "--", "changeme")

// attributeNames are names of attributes that no person has as a value.
var attributeNames = set(
	"userPrincipalName", "mailNickname", "displayName", "givenName", "surname", "familyName", "userName", "jobTitle", "telephoneNumber", "mobilePhone", "primaryPhone",
	"firstName", "lastName", "nickName", "objectId", "employeeId", "employeeNumber", "costCenter", "departmentNumber", "companyName", "streetAddress", "postalCode",
	"preferredLanguage", "physicalDeliveryOfficeName", "sAMAccountName", "samAccountName", "originalUserPrincipalName", "accountEnabled", "emailAddress", "middleName", "userType",
)

// set returns a set of words, which is built when it is first used.
func set(words ...string) func() map[string]bool {
	return sync.OnceValue(func() map[string]bool {
		all := make(map[string]bool, len(words))
		for _, word := range words {
			all[word] = true
		}
		return all
	})
}
