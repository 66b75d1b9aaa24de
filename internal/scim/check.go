package scim

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// checkText refuses text that is too long or has harmful characters: control
// characters everywhere, in names also characters that change how the name
// looks (misleads), and in an externalId all invisible ones.
func checkText(a *Attribute, path, s string) error {
	limit := MaxString
	if a.Type == TypeReference || a.Type == TypeBinary {
		limit = MaxLongString
	}
	if len(s) > limit {
		return &Error{InvalidValue, fmt.Sprintf("%s has %d bytes: at most %d are allowed.", path, len(s), limit)}
	}
	refuse := isControl
	named := isName(a, path)
	switch {
	case named:
		refuse = misleads
	case path == "externalId":
		refuse = isHidden
	}
	if i := strings.IndexFunc(s, refuse); i >= 0 {
		c, _ := utf8.DecodeRuneInString(s[i:])
		return &Error{InvalidValue, fmt.Sprintf(
			"%s contains a control or invisible character, %U, at byte %d: remove it.", path, c, i)}
	}
	if named {
		folded := Fold(s)
		if n := len(folded); n > MaxFolded {
			return &Error{InvalidValue, fmt.Sprintf(
				"%s has %d bytes once case is folded: at most %d are allowed.", path, n, MaxFolded)}
		}
		if folded == "" && strings.TrimSpace(s) != "" {
			return &Error{InvalidValue, path + " has no visible character: send a name that people can read."}
		}
	}
	return nil
}

// isName reports whether users or groups are identified by the attribute:
// userName, emails.value, and the displayName of a group.
func isName(a *Attribute, path string) bool {
	return path == "emails.value" || a.Uniqueness == UniqueServer && !a.CaseExact
}

// misleads reports whether a character makes a name look like another one, or
// harms a program that prints it: controls, separators, bidirectional controls,
// and format characters except those that are ignored when names are compared.
func misleads(c rune) bool {
	return unicode.Is(unicode.Bidi_Control, c) || isHidden(c) && !unicode.Is(ignorable, c)
}

func isControl(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r'
}

func isHidden(c rune) bool {
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// checkCount refuses more values than an attribute may have. For members only
// the number named is checked here: many of them may be members already, so the
// directory checks how many change.
func checkCount(path string, n int) error {
	limit := MaxElements
	switch path {
	case "emails":
		limit = MaxEmails
	case "members":
		if n > MaxNamedMembers {
			return &Error{TooMany, fmt.Sprintf(
				"The request names %d members: at most %d, of whom at most %d join or leave. Send them in several PATCH requests.",
				n, MaxNamedMembers, MaxMembers)}
		}
		return nil
	}
	if n > limit {
		return &Error{InvalidValue, fmt.Sprintf("%s has %d values: at most %d are allowed.", path, n, limit)}
	}
	return nil
}

// checkRequired refuses a resource without a value for a required attribute;
// white space is not a value.
func checkRequired(rt *ResourceType, r Resource) error {
	for _, a := range rt.Schema.Attributes {
		if s, ok := r[a.Name].(string); a.Required && (!ok || Fold(s) == "") {
			return requiredError(a)
		}
	}
	return nil
}

func requiredError(a *Attribute) error {
	return &Error{InvalidValue, a.Name + " is required and must not be blank."}
}

// checkSize refuses a resource that is larger than the limit. Members are
// stored separately and do not count.
func checkSize(rt *ResourceType, r Resource) error {
	if _, ok := r["members"]; ok {
		r = r.without("members")
	}
	if n := len(Encode(rt, r.largest(rt))); n > MaxResource {
		return &Error{InvalidValue, fmt.Sprintf("The resource has %d bytes: at most %d are allowed.", n, MaxResource)}
	}
	return nil
}

// largest returns the resource with what every stored one has, in its longest
// form, so that any resource that was accepted once can always be deactivated.
func (r Resource) largest(rt *ResourceType) Resource {
	out := r.without("id")
	out["id"] = "00000000-0000-7000-8000-000000000000"
	if rt.Schema.Attribute("active") != nil {
		out["active"] = false
	}
	for _, e := range rt.Extensions {
		if e.Schema.Attribute(TeamAccount) == nil {
			continue
		}
		extension, _ := r[e.Schema.ID].(map[string]any)
		extension = maps.Clone(extension)
		if extension == nil {
			extension = map[string]any{}
		}
		extension[TeamAccount] = false
		out[e.Schema.ID] = extension
	}
	return out
}

func (r Resource) without(name string) Resource {
	out := make(Resource, len(r))
	for n, v := range r {
		if n != name {
			out[n] = v
		}
	}
	return out
}

// typeError returns the error that says which type a value must have.
func typeError(a *Attribute, path string, v any) error {
	want := map[Type]string{
		TypeString:    "a string",
		TypeBoolean:   `a boolean ("True" and "False" are also accepted)`,
		TypeDecimal:   "a number",
		TypeInteger:   "an integer",
		TypeDateTime:  "a dateTime, for example 2026-01-23T04:56:22Z",
		TypeBinary:    "a string in base64",
		TypeReference: "a string that holds a URI",
		TypeComplex:   "an object",
	}[a.Type]
	got := kindOf(v)
	if a.MultiValued {
		want = "an array, each of its values " + want
	}
	if a.Type == TypeComplex && !a.MultiValued && a.Sub("value") != nil {
		want = "an object or the string that is its value"
	}
	detail := fmt.Sprintf("%s must be %s", path, want)
	if !strings.HasPrefix(want, got) {
		detail += ", not " + got
	}
	if _, isText := v.(string); isText && a.Type == TypeComplex && a.Sub("value") == nil && len(a.SubAttributes) > 1 {
		detail += fmt.Sprintf(": send its parts, for example %s.%s and %s.%s", path, a.SubAttributes[0].Name, path, a.SubAttributes[1].Name)
	}
	return &Error{InvalidValue, detail + "."}
}

// isDateTime accepts xsd:dateTime with and without a time zone. RFC 7643 §2.3.5
func isDateTime(s string) bool {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// isBase64 accepts both alphabets, with and without padding and line breaks.
// RFC 7643 §2.3.6
func isBase64(s string) bool {
	_, err := base64.RawStdEncoding.DecodeString(plainBase64(s))
	return err == nil
}

// plainBase64 returns the text in the standard alphabet, without padding and
// line breaks.
func plainBase64(s string) string {
	s = strings.Map(func(c rune) rune {
		switch c {
		case '-':
			return '+'
		case '_':
			return '/'
		case '\r', '\n', '\t', ' ':
			return -1
		}
		return c
	}, s)
	return strings.TrimRight(s, "=")
}
