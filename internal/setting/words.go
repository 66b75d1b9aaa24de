package setting

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// The words in braces of a text:
//
//	{At}         the screen with the mappings, at the beginning of a sentence
//	{Define}     the screen on which a target attribute is defined; {define} within a sentence
//	{attribute}  the name of the attribute, as the request had it
//	{source}     the attribute of a user there that usually has the value
//	{target}     the attribute that is meant, as the screen has it
//	{local}      its name without the URN, and {urn} the URN alone
//
// and those of package cause.

// screens are the words for the screens with mappings, of the providers in which they
// are not the words of package cause. The labels are those of the providers'
// documentation.
var screens = map[idp.Provider]struct{ at, define string }{
	idp.Okta:     {at: "Under Provisioning > To App > Attribute Mappings", define: "Under Directory > Profile Editor, in the app's profile"},
	idp.Entra:    {at: "Under Provisioning > Attribute mapping", define: "Under Provisioning > Attribute mapping > Show advanced options > Edit attribute list"},
	idp.OneLogin: {at: "On the app's Parameters tab", define: "In the SCIM JSON Template on the app's Configuration tab"},
}

// atMapping is the screen with the mappings, in the words of package cause.
const atMapping = "In {mapping}"

// fill replaces the words in braces.
func (f Finding) fill(text string, p idp.Provider) string {
	if !strings.Contains(text, "{") {
		return text
	}
	words, ok := screens[p]
	if !ok {
		words.at, words.define = atMapping, atMapping
	}
	name := Target(f.Attribute)
	urn, local := cutURN(name)
	filled := strings.NewReplacer(
		"{At}", words.at, "{Define}", words.define, "{define}", strings.ToLower(words.define[:1])+words.define[1:], "{attribute}", f.Attribute,
		"{target}", notation(p, name), "{local}", notation(p, local), "{urn}", cmp.Or(urn, scim.CoreUserURN),
		"{source}", sourceOf(p, name),
	).Replace(text)
	return cause.Words(filled, p)
}

// Phrases lists the corrections in which the details of a cause's errors can end, for
// each identity provider, with … in place of names.
func Phrases(c cause.Cause) []string {
	var all []string
	cut := strings.NewReplacer("{attribute}", "…", "{target}", "…", "{local}", "…", "{urn}", "…", "{source}", "…")
	for _, f := range Faults() {
		if !f.Explains(c) {
			continue
		}
		for _, p := range append(cause.Advised[:], "") {
			text := (Finding{}).fill(cut.Replace(faults()[f].text(p)), p)
			if !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	slices.Sort(all)
	return all
}

// cutURN returns the URN before a name, "" if there is none, and the name after it.
func cutURN(name string) (urn, local string) {
	if !strings.HasPrefix(name, "urn:") {
		return "", name
	}
	at := strings.LastIndexByte(beforeFilter(name), ':')
	return name[:at], name[at+1:]
}

// notation returns an attribute as the screen of an identity provider has it.
func notation(p idp.Provider, name string) string {
	attribute, rest, filtered := strings.Cut(name, "[")
	condition, sub, _ := strings.Cut(rest, "]")
	part, value, _ := strings.Cut(condition, " eq ")
	value = strings.Trim(value, `"`)
	switch {
	case !filtered:
		return name
	case p == idp.Okta:
		// The SCIM apps of Okta have the first value as primary, with a type of its own.
		if part == "primary" || part == "type" && value == "work" {
			return attribute + ".^[primary==true]" + sub
		}
		return attribute + ".^[" + part + "=='" + scim.LowerName(value) + "']" + sub
	case p == idp.OneLogin && part == "type":
		return `"` + attribute + `": [{"` + strings.TrimPrefix(sub, ".") + `": "{$parameters.NAME}", "type": "` + value + `"}]`
	}
	return name
}

// sourceOf returns the attribute of a user in the identity provider that usually has
// the value of an attribute, as its screen has it, or a description of it.
func sourceOf(p idp.Provider, name string) string {
	_, local := cutURN(name)
	return cmp.Or(sources()[beforeFilter(local)][p], "the attribute that has the value")
}

// sources are the usual sources of attributes.
var sources = sync.OnceValue(func() map[string]map[idp.Provider]string {
	return map[string]map[idp.Provider]string{
		"userName":       {idp.Okta: "user.login", idp.Entra: "userPrincipalName", idp.OneLogin: "{$user.email}"},
		"externalId":     {idp.Okta: "user.id", idp.Entra: "objectId", idp.OneLogin: "{$user.id}"},
		"emails":         {idp.Okta: "user.email", idp.Entra: "mail", idp.OneLogin: "{$user.email}"},
		"displayName":    {idp.Okta: "user.displayName", idp.Entra: "displayName", idp.OneLogin: "{$user.display_name}"},
		"name.givenName": {idp.Okta: "user.firstName", idp.Entra: "givenName", idp.OneLogin: "{$user.firstname}"},
		"name":           {idp.Okta: "user.firstName and user.lastName", idp.Entra: "givenName and surname", idp.OneLogin: "{$user.firstname} and {$user.lastname}"},
		"phoneNumbers":   {idp.Okta: "user.primaryPhone", idp.Entra: "telephoneNumber", idp.OneLogin: "{$user.phone}"},
		"title":          {idp.Okta: "user.title", idp.Entra: "jobTitle", idp.OneLogin: "{$user.title}"},
		"department":     {idp.Okta: "user.department", idp.Entra: "department", idp.OneLogin: "{$user.department}"},
	}
})
