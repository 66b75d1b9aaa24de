package resource

import (
	"fmt"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/fold"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// checkText refuses text that is too long or has harmful characters: control
// characters everywhere, in names also characters that change how the name
// looks (misleads), and in an externalId all invisible ones.
func checkText(a *schema.Attribute, path, s string) error {
	limit := scim.MaxString
	if a.Type == schema.TypeReference || a.Type == schema.TypeBinary {
		limit = scim.MaxLongString
	}
	if len(s) > limit {
		return &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleLength, Attribute: path, Detail: fmt.Sprintf("%s has %d bytes: at most %d are allowed.", path, len(s), limit)}
	}
	refuse := scim.IsControl
	named := isName(a, path)
	switch {
	case named:
		refuse = misleads
	case path == "externalId":
		refuse = scim.IsHidden
	}
	if i := strings.IndexFunc(s, refuse); i >= 0 {
		c, _ := utf8.DecodeRuneInString(s[i:])
		return &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleVisible, Attribute: path, Detail: fmt.Sprintf(
			"%s contains a control or invisible character, %U, at byte %d: remove it.", path, c, i)}
	}
	if named {
		folded := fold.Value(s)
		if n := len(folded); n > scim.MaxFolded {
			return &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleLength, Attribute: path, Detail: fmt.Sprintf(
				"%s has %d bytes once case is folded: at most %d are allowed.", path, n, scim.MaxFolded)}
		}
		if folded == "" && strings.TrimSpace(s) != "" {
			return &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleVisible, Attribute: path, Detail: path + " has no visible character: send a name that people can read."}
		}
	}
	return nil
}

// isName reports whether users or groups are identified by the attribute:
// userName, emails.value, and the displayName of a group.
func isName(a *schema.Attribute, path string) bool {
	return path == "emails.value" || a.Uniqueness == schema.UniqueServer && !a.CaseExact
}

// misleads reports whether a character makes a name look like another one, or
// harms a program that prints it: controls, separators, bidirectional controls,
// and format characters except those that are ignored when names are compared.
func misleads(c rune) bool {
	return unicode.Is(unicode.Bidi_Control, c) || scim.IsHidden(c) && !unicode.Is(fold.Ignorable, c)
}

// checkCount refuses more values than an attribute may have. For members only
// the number named is checked here: many of them may be members already, so the
// directory checks how many change.
func checkCount(path string, n int) error {
	limit := scim.MaxElements
	switch path {
	case "emails":
		limit = scim.MaxEmails
	case "members":
		if n > scim.MaxNamedMembers {
			return &scim.Error{Type: scim.TooMany, Detail: fmt.Sprintf(
				"The request names %d members: at most %d, of whom at most %d join or leave. Send them in several PATCH requests.",
				n, scim.MaxNamedMembers, scim.MaxMembers)}
		}
		return nil
	}
	if n > limit {
		return &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleLength, Attribute: path, Detail: fmt.Sprintf("%s has %d values: at most %d are allowed.", path, n, limit)}
	}
	return nil
}

// checkRequired refuses a resource without a value for a required attribute;
// white space is not a value.
func checkRequired(rt *schema.ResourceType, r scim.Resource) error {
	for _, a := range rt.Schema.Attributes {
		if s, ok := r[a.Name].(string); a.Required && (!ok || fold.Value(s) == "") {
			return requiredError(a)
		}
	}
	return nil
}

func requiredError(a *schema.Attribute) error {
	return &scim.Error{Type: scim.InvalidValue, Rule: scim.RuleRequired, Attribute: a.Name, Detail: a.Name + " is required and must not be blank."}
}

// checkSize refuses a resource that is larger than the limit, with what every
// stored one has in its longest form: any resource that was accepted once can be
// deactivated. Members are stored separately and do not count.
func checkSize(rt *schema.ResourceType, r scim.Resource) error {
	r = maps.Clone(r)
	delete(r, "members")
	r["id"] = "00000000-0000-7000-8000-000000000000"
	for _, t := range targetsOf(rt) {
		if t.Attribute.Defaulted {
			schema.SetPart(r, t.Extension, t.Attribute.Name, false)
		}
	}
	if n := len(Encode(rt, r)); n > scim.MaxResource {
		return &scim.Error{Type: scim.InvalidValue, Detail: fmt.Sprintf("The resource has %d bytes: at most %d are allowed.", n, scim.MaxResource)}
	}
	return nil
}

// typeError returns the error that says which type a value must have.
func typeError(a *schema.Attribute, path string, v any) error {
	want := map[schema.Type]string{
		schema.TypeString:    "a string",
		schema.TypeBoolean:   `a boolean ("True" and "False" are also accepted)`,
		schema.TypeDecimal:   "a number",
		schema.TypeInteger:   "an integer",
		schema.TypeDateTime:  "a dateTime, for example 2026-01-23T04:56:22Z",
		schema.TypeBinary:    "a string in base64",
		schema.TypeReference: "a string that holds a URI",
		schema.TypeComplex:   "an object",
	}[a.Type]
	got := scim.KindOf(v)
	if a.MultiValued {
		want = "an array, each of its values " + want
	}
	if a.Type == schema.TypeComplex && !a.MultiValued && a.Sub("value") != nil {
		want = "an object or the string that is its value"
	}
	detail := fmt.Sprintf("%s must be %s", path, want)
	if !strings.HasPrefix(want, got) {
		detail += ", not " + got
	}
	if _, isText := v.(string); isText && a.Type == schema.TypeComplex && a.Sub("value") == nil && len(a.SubAttributes) > 1 {
		detail += fmt.Sprintf(": send its parts, for example %s.%s and %s.%s", path, a.SubAttributes[0].Name, path, a.SubAttributes[1].Name)
	}
	return &scim.Error{Type: scim.InvalidValue, Rule: ruleOfType(a), Attribute: path, Detail: detail + "."}
}

// ruleOfType returns the rule that a value of the wrong type breaks.
func ruleOfType(a *schema.Attribute) scim.Rule {
	if a.MultiValued {
		return scim.RuleList
	}
	switch a.Type {
	case schema.TypeComplex:
		return scim.RuleObject
	case schema.TypeBoolean:
		return scim.RuleBoolean
	case schema.TypeInteger, schema.TypeDecimal:
		return scim.RuleNumber
	case schema.TypeDateTime:
		return scim.RuleDateTime
	case schema.TypeBinary:
		return scim.RuleBinary
	}
	return scim.RuleText
}
