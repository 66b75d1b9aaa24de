package setting

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// terms are words of each identity provider's screens, which stand in no text for
// another.
var terms = map[idp.Provider][]string{
	idp.Okta: {"Okta", "Push Groups", "To App", "Profile Editor", "External name", "External namespace", "Data type", "Map from Okta Profile", "Same value for all users", "user.NAME"},
	idp.Entra: {
		"Entra", "Attribute mapping", "Edit attribute list", "Target attribute", "Source attribute", "Mapping type", "Default value if null", "Match objects using", "Switch(",
		"userPrincipalName",
	},
	idp.OneLogin:  {"OneLogin", "SCIM JSON Template", "Parameters", "$parameters", "$user"},
	idp.JumpCloud: {"JumpCloud", "Identity Management tab"},
}

var sentenceEnd = regexp.MustCompile(`[.!?]( |$)`)

// Every fault has, for each identity provider, one or two sentences in the words of its
// own screens.
func TestFaults_HaveATextForEachProvider(t *testing.T) {
	for _, f := range Faults() {
		r := faults()[f]
		assert.Regexpf(t, `^[a-z]+(_[a-z]+)*$`, string(f), "%s is no name", f)
		assert.Truef(t, strings.HasSuffix(r.means, ".") && len(r.explains) > 0, "%s: %q explains %v", f, r.means, r.explains)
		for _, p := range append(cause.Advised[:], "") {
			text := Of(f, r.sample).Correction(p)
			sentences := sentenceEnd.FindAllString(text, -1)
			assert.Truef(t, len(text) > 20 && len(text) <= 320 && len(sentences) >= 1 && len(sentences) <= 2 && strings.HasSuffix(text, "."), "%s in %q: %d characters, %d sentences: %q", f, p, len(text), len(sentences), text)
			assert.Falsef(t, strings.ContainsAny(text, "\n|") || strings.Contains(text, "  "), "%s in %q: %q", f, p, text)
			for _, word := range []string{"{At}", "{Define}", "{attribute}", "{name}", "{target}", "{local}", "{urn}", "{source}", "{mapping}", "{url}", "{retry}", "{push}", "{token}"} {
				assert.NotContainsf(t, text, word, "%s in %q", f, p)
			}
			for other, words := range terms {
				for _, word := range words {
					assert.Falsef(t, other != p && strings.Contains(text, word), "%s in %q has %q, which is %s's: %q", f, p, word, other, text)
				}
			}
		}
	}
}

// The texts for Okta and Entra name a screen.
func TestFaults_NameTheScreen(t *testing.T) {
	for _, f := range Faults() {
		for _, p := range []idp.Provider{idp.Okta, idp.Entra} {
			text := Of(f, faults()[f].sample).Correction(p)
			if f == WrongSchemas || f == BadJSON {
				continue // Okta and Entra make the body themselves
			}
			assert.Regexpf(t, ` > |under Assignments|Push Groups|Users and groups`, text, "%s in %s", f, p.Name())
		}
	}
}

// Log entries keep the name of a finding, from which it is read again.
func TestFinding_IsReadByItsName(t *testing.T) {
	for _, f := range []Finding{
		Of(TextForList, "phoneNumbers"), Of(DottedURN, scim.EnterpriseURN+":department"), Of(MissingUserName, ""), Of(BadPath, `phoneNumbers[type eq "mobile"].value`),
	} {
		assert.Equal(t, f, Parse(f.String()))
	}
	for path, want := range map[string]string{
		`emails[value eq 'bob@acme.test'].value`: "emails[...].value", `members[value eq "bob`: "members[...]",
		`emails[type eq 'work'].value`: `emails[type eq 'work'].value`, `emails[type eq work]value`: `emails[type eq work]value`, `emails[type=bob].value`: "emails[...].value",
	} {
		assert.Equalf(t, want, Of(BadPath, path).Attribute, "%q", path)
	}
	long := Of(NoSuchTarget, strings.Repeat("a,", 200))
	assert.LessOrEqual(t, len(long.String()), 128)
	assert.NotContains(t, long.String(), ",", "names are kept in a list with commas")
	assert.Empty(t, Parse("new_fault:x").Correction(idp.Okta), "a fault of another version of the service")
}

// A name means the attribute that an administrator wanted, however it was spelled.
func TestTarget_IsTheAttributeMeant(t *testing.T) {
	const department = scim.EnterpriseURN + ":department"
	for name, want := range map[string]string{
		"phoneNumbers": `phoneNumbers[type eq "work"].value`, "mobile": `phoneNumbers[type eq "mobile"].value`, "mobilePhone": `phoneNumbers[type eq "mobile"].value`,
		"phoneNumbers.mobile": `phoneNumbers[type eq "mobile"].value`, "emails.work": `emails[type eq "work"].value`, "emails.value": `emails[type eq "work"].value`,
		`phoneNumbers[type eq 'mobile'].value`: `phoneNumbers[type eq "mobile"].value`, `emails[type=work].value`: `emails[type eq "work"].value`,
		"department": department, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department": department,
		"urn:ietf:params:scim:schemas:extension:enterprise:1.0:User:department": department, "departement": department, "displayNmae": "displayName",
		"first_name": "name.givenName", "usernmae": "userName", "userName": "userName", "mail": `emails[type eq "work"].value`, "costcentre": scim.EnterpriseURN + ":costCenter",
		"manager": scim.EnterpriseURN + ":manager", "shoeSize": "shoeSize", "x": "x", "urn:example:hr:1.0:User:grade": "urn:example:hr:1.0:User:grade", "displayName": "displayName",
		"emials.value": `emails[type eq "work"].value`, `emials[type eq "home"].value`: `emails[type eq "home"].value`, "manager.managerId": scim.EnterpriseURN + ":manager.value",
		"manager.displayName": scim.EnterpriseURN + ":manager.displayName", "title": "title", "titel": "title", "name.displayName": "displayName", "emails.primary": `emails[type eq "work"].value`,
		"addresses.country": `addresses[type eq "work"].country`, "address.city": `addresses[type eq "work"].locality`, "employeeType": "userType", "name.lastname": "name.familyName",
	} {
		assert.Equalf(t, want, Target(name), "%q", name)
	}
}

// Advice explains the cause of its request, or nothing.
func TestAdvice_ExplainsTheCause(t *testing.T) {
	findings := []Finding{Of(ExpressionAsText, "userName"), Of(NoSuchTarget, "shoeSize"), Of(WrongTarget, "mobile")}
	all := Advice(findings, cause.Tolerated, idp.Entra, "")
	for _, word := range []string{"userName gets an expression", "shoeSize", `phoneNumbers[type eq "mobile"].value`} {
		assert.Contains(t, all, word)
	}
	assert.NotContains(t, Advice(findings, cause.Duplicate, idp.Entra, "Then {retry}."), "shoeSize")
	assert.Regexp(t, `Then use Provision on demand.*\.$`, Advice(findings, cause.Duplicate, idp.Entra, "Then {retry}."))
	assert.Empty(t, Advice(findings, cause.SeatLimit, idp.Entra, "Then {retry}."))
}

// A value that a person can have shows no fault.
func TestOfResource_AcceptsWhatPeopleHave(t *testing.T) {
	for _, text := range []string{
		"Alice", "alice@example.com", "o'brien@x.test", "J. R. Ewing", "R&D (EMEA)", "C++ [dev]", "100%", "50% off", "Null", "Sam Nunn", "user@acme.test", "Title", "(555) 123-4567",
		"Join", "Left Bank (Paris)", "Vice President", "St. John", "user.one@x.test", "a.b", "en-US", "[a] b", "{x", "$5", "<3",
	} {
		if text == "Null" {
			continue // a family name, and a word for no value: it warns
		}
		assert.Emptyf(t, OfResource(map[string]any{"userName": text, "displayName": text, "name": map[string]any{"familyName": text}}), "%q", text)
	}
}

func TestOfResource_FindsWhatNobodyHas(t *testing.T) {
	for text, want := range map[string]Fault{
		"%userName%": ExpressionAsText, "[Name]": ExpressionAsText, "{{email}}": ExpressionAsText, "user.email": ExpressionAsText, "$(user.mail)": ExpressionAsText,
		"{$user.email}": ExpressionAsText, "${user.email}": ExpressionAsText, "String.toLowerCase(user.email)": ExpressionAsText,
		`Switch([IsSoftDeleted], , "False", "True", "True", "False")`: ExpressionAsText, "source.mail": ExpressionAsText, "$user.login": ExpressionAsText,
		"[givenName] [surname]": ExpressionAsText, "%%email%%": ExpressionAsText, "user.firstName + \" \" + user.lastName": ExpressionAsText, "@{user.mail}": ExpressionAsText,
		"{user.firstName} {user.lastName}": ExpressionAsText, "null null": FillerValue, "jane@yourdomain.com": ExampleValue, "null": FillerValue, "N/A": FillerValue, "undefined": FillerValue, "userPrincipalName": NameAsText, "user@example.com": ExampleValue,
	} {
		got := OfResource(map[string]any{"userName": text})
		assert.Equalf(t, []Finding{Of(want, "userName")}, got, "%q", text)
	}
	got := OfResource(map[string]any{"emails": []any{map[string]any{"value": "[mail]", "type": "work"}}, scim.EnterpriseURN: map[string]any{"department": "[department]"}})
	assert.Equal(t, []Finding{Of(ExpressionAsText, "emails.value"), Of(ExpressionAsText, scim.EnterpriseURN+":department")}, got)
	assert.Equal(t, []Finding{Of(ExpressionAsText, "phoneNumbers.value")}, OfChange(`phoneNumbers[type eq "mobile"].value`, "[mobile]"))
}

// A user without isTeamAccount whom another attribute calls a Reader has the fault; a
// user with isTeamAccount has not.
func TestOfAccountType(t *testing.T) {
	unknown := func(name string) []scim.Notice {
		return []scim.Notice{{Kind: scim.NoticeUnknownAttribute, Attribute: name}}
	}
	for _, tt := range []struct {
		sent    map[string]any
		notices []scim.Notice
		want    string
	}{
		{sent: map[string]any{"userType": "Read-only"}, want: "userType"},
		{sent: map[string]any{"roles": []any{map[string]any{"value": "admin"}, map[string]any{"value": "VIEWER"}}}, want: "roles"},
		{sent: map[string]any{"entitlements": []any{"reader"}}, want: "entitlements"},
		{sent: map[string]any{}, notices: unknown("urn:example:hr:1.0:User:accountType"), want: "urn:example:hr:1.0:User:accountType"},
		{sent: map[string]any{}, notices: unknown("license"), want: "license"},
		{sent: map[string]any{"userType": "Member", "title": "Reader"}, notices: unknown("shoeSize")},
		{sent: map[string]any{"userType": "reader", scim.RollcallURN: map[string]any{"isTeamAccount": true}}},
	} {
		var want []Finding
		if tt.want != "" {
			want = []Finding{Of(ReaderElsewhere, tt.want)}
		}
		assert.Equalf(t, want, OfAccountType(tt.sent, tt.notices), "%v %v", tt.sent, tt.notices)
	}
}

// Names of people show no fault of the scope.
func TestOfScope_KnowsWhatIsNoPerson(t *testing.T) {
	for name, want := range map[string]Fault{
		"bob_x.com#EXT#@acme.onmicrosoft.com": GuestInScope, "bob_x.com#ext#@acme.onmicrosoft.com": GuestInScope,
		"svc-backup@x.test": ServiceInScope, "SVC_SQL": ServiceInScope, "Info@x.test": ServiceInScope, "no-reply@x.test": ServiceInScope,
		"alice@info.test": "", "svcetlana@x.test": "", "infosec.lead@x.test": "", "sal@x.test": "", "": "", "ext@x.test": "",
	} {
		f, ok := OfScope(name)
		assert.Equalf(t, want, f.Fault, "%q", name)
		assert.Equalf(t, want != "", ok, "%q", name)
	}
}
