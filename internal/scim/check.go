package scim

import (
	"fmt"
	"maps"
	"strings"
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
		r = without(r, "members")
	}
	if n := len(Encode(rt, largest(rt, r))); n > MaxResource {
		return &Error{InvalidValue, fmt.Sprintf("The resource has %d bytes: at most %d are allowed.", n, MaxResource)}
	}
	return nil
}

// largest returns the resource with what every stored one has, in its longest
// form, so that any resource that was accepted once can always be deactivated.
func largest(rt *ResourceType, r Resource) Resource {
	out := without(r, "id")
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

func without(r Resource, name string) Resource {
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
