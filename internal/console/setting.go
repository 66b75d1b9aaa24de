package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// A setting is a setting of a tenant in the form.
type setting struct {
	name, label, help string
	// choices are pairs of value and label of a setting with few values; a setting without
	// them is a number where number is set, else a text.
	choices []string
	number  bool
	// least and most bound a number; a most of 0 is no bound.
	least, most int64
	// endless reports whether an empty number is no limit.
	endless bool
	// value returns the setting of a tenant as the form has it, and set adds it to a change.
	value func(t adminwire.Tenant) string
	set   func(to *adminwire.TenantSettings, value string)
	// effect says what a change does, "" where the help says it all.
	effect func(t adminwire.Tenant, value string) string
}

// A settingGroup is a part of the form.
type settingGroup struct {
	title    string
	settings []setting
}

// settingGroups are all settings of a tenant, as the form has them.
var settingGroups = []settingGroup{
	{"Licences", []setting{
		{
			name: "maxSeats", label: "Seats", help: "Leave empty for no limit.", number: true, endless: true,
			value:  func(t adminwire.Tenant) string { return numberText(t.MaxSeats) },
			set:    func(to *adminwire.TenantSettings, value string) { to.MaxSeats = numberOf(value) },
			effect: limitEffect("seat", "users", func(t adminwire.Tenant) *int64 { return t.MaxSeats }),
		},
		{
			name: "maxReaders", label: "Reader licences", help: "Leave empty for no limit.", number: true, endless: true,
			value:  func(t adminwire.Tenant) string { return numberText(t.MaxReaders) },
			set:    func(to *adminwire.TenantSettings, value string) { to.MaxReaders = numberOf(value) },
			effect: limitEffect("Reader licence", "Readers", func(t adminwire.Tenant) *int64 { return t.MaxReaders }),
		},
		{
			name: "defaultAccountType", label: "Default account type", help: "For users created without an account type.",
			choices: []string{"user", "User", "reader", "Reader"},
			value:   func(t adminwire.Tenant) string { return t.DefaultAccountType },
			set:     func(to *adminwire.TenantSettings, value string) { to.DefaultAccountType = adminwire.Of(value) },
			effect:  func(adminwire.Tenant, string) string { return "Existing users keep their account type." },
		},
	}},
	{"Requests of identity providers", []setting{
		{
			name: "scimEnabled", label: "SCIM", help: "While it is off, every request of an identity provider is refused.",
			choices: []string{"true", "On", "false", "Off"},
			value:   func(t adminwire.Tenant) string { return strconv.FormatBool(t.SCIMEnabled) },
			set:     func(to *adminwire.TenantSettings, value string) { to.SCIMEnabled = adminwire.Of(value == "true") },
			effect: func(_ adminwire.Tenant, value string) string {
				if value == "true" {
					return "Requests of identity providers are served again. Some of them need a restart of provisioning to send what was refused."
				}
				return "Every request of an identity provider is refused within 10 seconds. Users keep their access; changes in the identity provider have no effect here."
			},
		},
		{
			name: "staticTokens", label: "Static tokens", help: "Tokens that identity providers keep, beside access tokens of OAuth clients.",
			choices: []string{"take", "Accept them", "refuse", "Refuse them"},
			value:   func(t adminwire.Tenant) string { return t.StaticTokens },
			set:     func(to *adminwire.TenantSettings, value string) { to.StaticTokens = adminwire.Of(value) },
			effect: func(_ adminwire.Tenant, value string) string {
				if value == "take" {
					return "The tokens of this tenant that are neither revoked nor expired work again within 10 seconds."
				}
				return "Every request with a token of this tenant is refused within 10 seconds, and only access tokens of its clients are accepted. Check under Tokens that none is in use any more."
			},
		},
		{
			name: "unknownMembers", label: "Unknown members of a group", help: "Members that are not users of the tenant.",
			choices: []string{"skip", "Skip them, with a warning", "refuse", "Refuse the request"},
			value:   func(t adminwire.Tenant) string { return t.UnknownMembers },
			set:     func(to *adminwire.TenantSettings, value string) { to.UnknownMembers = adminwire.Of(value) },
		},
		{
			name: "unknownAttributes", label: "Unknown attributes", help: "Attributes outside the schemas of the tenant.",
			choices: []string{"drop", "Drop them, with a warning", "refuse", "Refuse the request"},
			value:   func(t adminwire.Tenant) string { return t.UnknownAttributes },
			set:     func(to *adminwire.TenantSettings, value string) { to.UnknownAttributes = adminwire.Of(value) },
		},
		{
			name: "dialect", label: "Deviations from SCIM", help: "Requests that deviate from the RFCs in ways that identity providers are known for.",
			choices: []string{"take", "Accept them, with a warning", "refuse", "Refuse the request"},
			value:   func(t adminwire.Tenant) string { return t.Dialect },
			set:     func(to *adminwire.TenantSettings, value string) { to.Dialect = adminwire.Of(value) },
			effect: func(_ adminwire.Tenant, value string) string {
				if value == "refuse" {
					return "Requests of Entra, OneLogin and others that are accepted with changes today are refused."
				}
				return ""
			},
		},
	}},
	{"Users who leave and return", []setting{
		{
			name: "rehire", label: "Reactivation under another externalId", help: "It may be another person with the same address. The log has a warning.",
			choices: []string{"warn", "Reactivate, end memberships", "keep", "Reactivate, keep memberships", "refuse", "Refuse the request"},
			value:   func(t adminwire.Tenant) string { return t.Rehire },
			set:     func(to *adminwire.TenantSettings, value string) { to.Rehire = adminwire.Of(value) },
		},
		{
			name: "deletedUsers", label: "Users deleted by an identity provider", help: "Whether SCIM requests can still read them.",
			choices: []string{"hidden", "Hidden", "readable", "Readable, as inactive"},
			value:   func(t adminwire.Tenant) string { return t.DeletedUsers },
			set:     func(to *adminwire.TenantSettings, value string) { to.DeletedUsers = adminwire.Of(value) },
		},
	}},
	{"Tenant", []setting{
		{
			name: "displayName", label: "Name", help: "Shown to people; the id does not change.",
			value: func(t adminwire.Tenant) string { return t.DisplayName },
			set:   func(to *adminwire.TenantSettings, value string) { to.DisplayName = adminwire.Of(value) },
		},
		{
			name: "logDays", label: "Days that the log keeps entries", help: "From 1 to 3,650.", number: true, least: 1, most: 3650,
			value:  func(t adminwire.Tenant) string { return strconv.Itoa(t.LogDays) },
			set:    func(to *adminwire.TenantSettings, value string) { to.LogDays = numberOf(value) },
			effect: func(adminwire.Tenant, string) string { return "The change applies to entries from now on." },
		},
	}},
}

// numberText returns a limit as the form has it, "" for none.
func numberText(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// numberOf returns a number that was checked, null for an empty one.
func numberOf(value string) adminwire.Optional[int64] {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return adminwire.Optional[int64]{Set: true}
	}
	return adminwire.Of(n)
}

// limitEffect says what a change of a limit does: a higher one lets users in that were
// refused, a lower one takes nothing away.
func limitEffect(noun, who string, before func(t adminwire.Tenant) *int64) func(t adminwire.Tenant, value string) string {
	return func(t adminwire.Tenant, value string) string {
		after := numberOf(value)
		if was := before(t); after.Value == nil || was != nil && *after.Value > *was {
			return "New " + who + " can take a " + noun + " at once. Users who were refused are created when the identity provider sends them again."
		}
		return "Nobody is deactivated. While more are in use than the limit, new " + who + " are refused."
	}
}

// choice returns the label of a value of a setting with few values, and whether it is one
// of them.
func (s setting) choice(value string) (label string, ok bool) {
	for i := 0; i+1 < len(s.choices); i += 2 {
		if s.choices[i] == value {
			return s.choices[i+1], true
		}
	}
	return "", false
}

// text returns a value of the setting in words.
func (s setting) text(value string) string {
	if label, ok := s.choice(value); ok {
		return label
	}
	if value == "" && s.endless {
		return "no limit"
	}
	return value
}

// check returns what is wrong with a value, "" for nothing.
func (s setting) check(value string) string {
	switch {
	case len(s.choices) > 0:
		if _, ok := s.choice(value); !ok {
			return "Choose one of the values."
		}
	case s.number && value == "" && s.endless:
		return ""
	case s.number:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < s.least || s.most > 0 && n > s.most {
			return "Enter a whole number, for example 50."
		}
	case len(value) > maxTenantName || strings.ContainsFunc(value, text.Hidden):
		return "Enter one line of at most 200 bytes, without invisible characters."
	}
	return ""
}

// maxTenantName is the longest name of a tenant, in bytes.
const maxTenantName = 200

// settingField is a setting as a field of the form.
type settingField struct {
	Name, Label, Help, Value, Wrong string
	Number                          bool
	Choices                         []choice
}

// settingPart is a part of the form with its fields.
type settingPart struct {
	Title  string
	Fields []settingField
}

// settingParts returns the form with values, and what is wrong with them by the name of
// the setting.
func settingParts(value func(s setting) string, wrong map[string]string) []settingPart {
	parts := make([]settingPart, len(settingGroups))
	for i, g := range settingGroups {
		parts[i].Title = g.title
		for _, s := range g.settings {
			f := settingField{Name: s.name, Label: s.label, Help: s.help, Value: value(s), Wrong: wrong[s.name], Number: s.number}
			if len(s.choices) > 0 {
				f.Choices = choices(f.Value, s.choices...)
			}
			parts[i].Fields = append(parts[i].Fields, f)
		}
	}
	return parts
}

// settings: GET /console/t/{tenant}/settings shows the settings of the tenant as a form.
func (c *site) settings(q *request) (page, error) {
	t, err := q.client.Tenant(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	return c.settingsPage(q, t, func(s setting) string { return s.value(t) }, nil), nil
}

func (c *site) settingsPage(q *request, t adminwire.Tenant, value func(s setting) string, wrong map[string]string) page {
	p := page{name: "settings", title: "Settings", here: "Settings", data: map[string]any{
		"Parts": settingParts(value, wrong), "Wrong": len(wrong) > 0, "To": q.at.of("settings"), "Token": q.visit.formToken(),
		"ID": t.ID, "BaseURL": t.BaseURL, "Created": when(t.Created, c.now()), "Version": t.Version, "Deleting": t.Deleting,
	}}
	if len(wrong) > 0 {
		p.status = http.StatusBadRequest
	}
	return p
}

// changeSettings: POST /console/t/{tenant}/settings asks for confirmation of a change, and
// makes a confirmed one if the tenant still has the version that was shown.
func (c *site) changeSettings(q *request) (page, error) {
	t, err := q.client.Tenant(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	sent := func(s setting) string {
		if !q.PostForm.Has(s.name) {
			return s.value(t)
		}
		return strings.TrimSpace(q.PostForm.Get(s.name))
	}
	here := q.at.of("settings")
	change, review, wrong := reviewSettings(t, sent)
	switch {
	case len(wrong) > 0:
		return c.settingsPage(q, t, sent, wrong), nil
	case q.PostForm.Get("version") != t.Version:
		return problemOfVersion(here), nil
	case len(review.Changes) == 0:
		q.visit.storeNotice("Nothing was changed: the tenant already has these settings.")
		return goOn(here), nil
	case q.PostForm.Get("confirmed") != "yes":
		review.To, review.Back, review.Token = here, here, q.visit.formToken()
		review.Fields = append(review.Fields, field{"confirmed", "yes"}, field{"version", t.Version})
		return page{name: "change", title: review.Title, here: "Settings", data: review}, nil
	}
	if err := q.client.ChangeTenant(q.Context(), q.tenant, t.Version, change); err != nil {
		return page{}, err
	}
	q.visit.storeNotice("Settings changed. All functions follow within 10 seconds.")
	return goOn(here), nil
}

// reviewSettings returns the change from a tenant's settings to the sent ones, the content of
// the page that asks for its confirmation, and the errors of the values, by the name of the
// setting.
func reviewSettings(t adminwire.Tenant, sent func(s setting) string) (change adminwire.TenantSettings, review confirmation, wrong map[string]string) {
	review = confirmation{Title: "Change settings", Button: "Change settings"}
	wrong = map[string]string{}
	command := []string{"rollcall", "tenant", "set", t.ID}
	for _, s := range allSettings() {
		before, after := s.value(t), sent(s)
		if before == after {
			continue
		}
		if why := s.check(after); why != "" {
			wrong[s.name] = why
			continue
		}
		s.set(&change, after)
		review.Changes = append(review.Changes, valueChange{Name: s.label, Before: s.text(before), After: s.text(after)})
		review.Fields = append(review.Fields, field{s.name, after})
		command = append(command, s.argument(after))
		if s.effect != nil {
			if effect := s.effect(t, after); effect != "" {
				review.What = append(review.What, s.label+": "+effect)
			}
		}
		review.Danger = review.Danger || s.name == "scimEnabled" && after == "false" || s.name == "staticTokens" && after == "refuse"
	}
	review.Command = strings.Join(command, " ")
	return change, review, wrong
}

func allSettings() (all []setting) {
	for _, g := range settingGroups {
		all = append(all, g.settings...)
	}
	return all
}

// argument returns the setting as the command takes it, quoted for a shell.
func (s setting) argument(value string) string {
	if value == "" && s.endless {
		value = "null"
	}
	if slices.ContainsFunc([]rune(value), func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	}
	return s.name + "=" + value
}

// problemOfVersion returns the page for a change of an outdated version; again is the address
// of the current one.
func problemOfVersion(again string) page {
	return page{status: http.StatusPreconditionFailed, name: "problem", title: "Changed meanwhile", data: problem{
		What: "Changed meanwhile", Why: "Nothing was changed: somebody else has changed the settings since the page was shown.",
		Do: []string{"Open the page again, and decide again."}, Again: again,
	}}
}
