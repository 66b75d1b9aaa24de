package setting

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// A Whole is a whole user as a POST or a PUT sends it.
type Whole struct {
	By idp.Provider
	// New reports that the request creates the user.
	New  bool
	User scim.Resource
	// Ignored are the attributes with a value that the service never takes over.
	Ignored []string
}

// Findings returns what is absent from a user, or has a form that is probably not
// meant, the most important first. Nothing is expected of a sender that is not a known
// identity provider.
func (w Whole) Findings() []Finding {
	if !w.By.IsProduct() {
		return nil
	}
	var findings []Finding
	add := func(is bool, f Fault, attribute string) {
		if is {
			findings = Add(findings, Of(f, attribute))
		}
	}
	userName, externalID := text(w.User["userName"]), text(w.User["externalId"])
	emails, _ := w.User["emails"].([]any)
	_, hasActive := w.User["active"]
	_, hasName := w.User["name"]
	_, hasDisplayName := w.User["displayName"]
	for _, name := range w.Ignored {
		add(name != "password", ReadOnlyTarget, name)
	}
	add(w.New && w.User["active"] == false, CreatedInactive, "active")
	add(w.New && !hasActive && w.By != idp.Okta, MissingActive, "active")
	add(len(emails) == 0, MissingEmails, "emails")
	add(len(emails) > 0 && !hasMain(emails), NoWorkEmail, "emails")
	add(isID().MatchString(userName), IDAsUserName, "userName")
	add(!strings.Contains(userName, "@") && isLocalPart(userName, emails), ShortUserName, "userName")
	add(isAddressOf(externalID, userName, emails), AddressAsID, "externalId")
	add(externalID == "" && keepsID(w.By), MissingExternalID, "externalId")
	add(!hasName && !hasDisplayName, MissingNames, "name")
	add(hasName && !hasDisplayName, MissingDisplayName, "displayName")
	findings = Add(findings, forms("", map[string]any(w.User))...)
	for _, name := range w.Ignored {
		add(name == "password" && w.By != idp.Okta, PasswordMapped, name)
	}
	return findings
}

// keepsID reports whether a provider sends externalId unless a mapping is removed.
func keepsID(p idp.Provider) bool { return p == idp.Okta || p == idp.Entra || p == idp.OneLogin }

func text(v any) string {
	s, _ := v.(string)
	return s
}

// hasMain reports whether one of several emails is primary or of the type work.
func hasMain(emails []any) bool {
	for _, e := range emails {
		if email := scim.Object(e); email["primary"] == true || strings.EqualFold(text(email["type"]), "work") {
			return true
		}
	}
	return false
}

// isLocalPart reports whether a name is the part before the @ of an email.
func isLocalPart(name string, emails []any) bool {
	for _, e := range emails {
		if local, _, ok := strings.Cut(text(scim.Object(e)["value"]), "@"); ok && strings.EqualFold(local, name) {
			return true
		}
	}
	return false
}

// isAddressOf reports whether an externalId is the userName or an email of the user.
func isAddressOf(externalID, userName string, emails []any) bool {
	if !strings.Contains(externalID, "@") {
		return false
	}
	return strings.EqualFold(externalID, userName) || slices.ContainsFunc(emails, func(e any) bool {
		return strings.EqualFold(externalID, text(scim.Object(e)["value"]))
	})
}

// isID is the form of an id: a GUID, an id of Okta, an account of Windows, or a
// distinguished name.
var isID = compiled(`^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|00u[A-Za-z0-9]{17}|[A-Za-z0-9.-]+\\[^\\@]+|(CN|cn|uid)=.*)$`)

// form is the form of an attribute's value, and the fault that another form shows.
type form struct {
	of    func() *regexp.Regexp
	fault Fault
}

var formOf = map[string]form{
	"locale":            {compiled(`^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$`), LocaleForm},
	"preferredLanguage": {compiled(`^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*\s*([,;].*)?$`), LanguageForm},
	"timezone":          {compiled(`^([A-Za-z_]+(/[\w+-]+)+|[A-Z]{3,4}|[A-Z]{3}\d[A-Z]{3})$`), TimezoneForm},
}

// managerID is the form of the service's own ids.
var managerID = compiled(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// forms returns the values whose form is not that of their attribute. prefix is the
// path of the value, "" for a whole user.
func forms(prefix string, v any) []Finding {
	var findings []Finding
	switch {
	case prefix == "":
		user := scim.Object(v)
		for _, name := range []string{"preferredLanguage", "locale", "timezone"} {
			findings = Add(findings, forms(name, user[name])...)
		}
		return Add(findings, forms(manager, scim.Object(user[scim.EnterpriseURN])["manager"])...)
	case scim.EqualName(prefix, manager), scim.EqualName(prefix, manager+".value"), scim.EqualName(prefix, "manager"), scim.EqualName(prefix, "manager.value"):
		value := text(v)
		if value == "" {
			value = text(scim.Object(v)["value"])
		}
		if value != "" && !managerID().MatchString(value) {
			return []Finding{Of(ManagerNotID, manager+".value")}
		}
	}
	for name, form := range formOf {
		if value := text(v); scim.EqualName(prefix, name) && value != "" && !form.of().MatchString(value) {
			return []Finding{Of(form.fault, name)}
		}
	}
	return nil
}

const manager = scim.EnterpriseURN + ":manager"

// OfChangedUser returns what the value of one operation of a PATCH has in a form that
// is probably not meant.
func OfChangedUser(by idp.Provider, path string, value any) []Finding {
	switch {
	case !by.IsProduct():
		return nil
	case path == "":
		return forms("", value)
	case scim.EqualName(path, "password") && by != idp.Okta:
		return []Finding{Of(PasswordMapped, "password")}
	case scim.EqualName(path, "externalId") && strings.Contains(text(value), "@"):
		return []Finding{Of(AddressAsID, "externalId")}
	}
	return forms(path, value)
}
