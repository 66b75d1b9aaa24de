package cause

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// terms are the words of each identity provider's screens. The advice for another one has
// them only if its own screens have them too.
var terms = map[idp.Provider][]string{
	idp.Okta: {
		"Okta", "Push Groups", "Push now", "Unlink pushed group", "Link Group", "target app", "Import Now", "Retry Selected",
		"Dashboard > Tasks", "Force Sync", "Everyone", "Application username format", "Sign On tab", "To App", "Provisioning > Integration", "Assignments", "Authentication Mode", "Header Auth",
	},
	idp.Entra: {
		"Entra", "Provision on demand", "Restart provisioning", "Attribute mapping", "matching attribute", "Users and groups",
		"Provisioning logs", "Secret Token", "Client Identifier", "Token Endpoint", "JWKS URL", "Connectivity page", "Tenant URL", "quarantine", " cycle", "Sync only assigned users and groups",
	},
	idp.OneLogin: {
		"OneLogin", "SCIM Bearer Token", "SCIM Base URL", "SCIM JSON Template", "Parameters", "Users > Provisioning", "More Actions",
		"Reapply entitlement mappings", "Sync logins", "entitlements", "Configuration tab", "Provisioning tab", "Custom Headers", "Access tab",
	},
	idp.JumpCloud:    {"JumpCloud", "Token Key", "Identity Management tab", "User Groups tab"},
	idp.PingOne:      {"PingOne", "Integrations > Provisioning", "OAuth Access Token", "OAuth Client ID", "OAuth Client Secret", "OAuth Token Request", "OAuth 2 Client Credentials", "SCIM Base URL", "Resync", "User Filter", "Auth Type Header", "Attribute Mapping", "OAuth 2 Bearer Token"},
	idp.PingFederate: {"PingFederate", "Target screen", "Token Request Endpoint", "OAuth 2 Client Credentials", "Manage Channels", "Source Location", "SCIM URL", "Attribute Mapping", "OAuth 2 Bearer Token"},
	idp.Google:       {"Google", "Autoprovisioning", "Endpoint URL", "App attributes", "User access", "Provisioning scope"},
	idp.SailPoint:    {"SailPoint", "connection settings", "Create Profile", "Authentication Type", "Grant Type", "OAuth 2.0 Token URL", "API Token"},
	idp.Rippling:     {"Rippling", "custom integration", "SCIM Base URL", "SCIM Authorization Method", "Attribute Mapping", "App Access Rules"},
	idp.CyberArk:     {"CyberArk", "Provisioning tab", "SCIM Service URL", "outbound provisioning job", "select Verify"},
	idp.IBMVerify:    {"IBM", "Account lifecycle tab", "SCIM Base URL"},
	idp.Oracle:       {"Oracle", "Configure connectivity", "Base URI", "GenericScim"},
	idp.MiniOrange:   {"miniOrange", "Authorization Configuration", "SCIM Base URL", "Attributes Mapping tab"},
	idp.Authentik:    {"authentik", "SCIM provider", "property mappings", "Static token"},
}

// sentenceEnd ends a sentence.
var sentenceEnd = regexp.MustCompile(`[.!?]( |$)`)

// Every cause, and every fault with a better cure, has advice for every identity
// provider: at most three sentences, in the words of its own screens.
func TestAdvice_IsForEveryCauseAndProvider(t *testing.T) {
	for _, c := range Causes() {
		assert.Truef(t, slices.Contains(Remedies(), c.Remedy()), "%s has no advice", c)
	}
	for _, r := range Remedies() {
		cause, _, _ := strings.Cut(string(r), ".")
		assert.Truef(t, slices.Contains(Causes(), Cause(cause)), "%s is advice about no cause", r)
		for _, p := range append(Advised[:], "") {
			wantAdvice(t, string(r), r.Advice(p), p, 3)
		}
	}
}

// wantAdvice checks the form of a text of advice for an identity provider.
func wantAdvice(t *testing.T, name, text string, p idp.Provider, mostSentences int) {
	t.Helper()
	if n := len(sentenceEnd.FindAllString(text, -1)); text == "" || len(text) > 300 || n < 1 || n > mostSentences || !strings.HasSuffix(text, ".") {
		t.Errorf("%s in %q: %d characters, %d sentences: %q", name, p, len(text), n, text)
	}
	assert.Truef(t, !strings.ContainsAny(text, "{}\n|") && !strings.Contains(text, "  "), "%s in %q: %q", name, p, text)
	for other, words := range terms {
		for _, word := range words {
			assert.Falsef(t, other != p && !slices.Contains(terms[p], word) && strings.Contains(text, word), "%s in %q has %q, which is %s's: %q", name, p, word, other, text)
		}
	}
}

// Every check of the overview has advice under the same rules.
func TestChecks_AdviseEveryProvider(t *testing.T) {
	for _, c := range Checks() {
		for _, p := range append(Advised[:], "") {
			text := c.Advice(p)
			wantAdvice(t, string(c), text, p, 2)
			named := slices.ContainsFunc(terms[p], func(term string) bool { return strings.Contains(text, term) })
			assert.Truef(t, named || p != idp.Okta && p != idp.Entra || c == SyncStops || c == RetriesEnd || c == ImportsAbsent && p == idp.Entra, "%s in %q names no screen: %q", c, p, text)
		}
		assert.NotEqual(t, c.Advice(idp.Entra), "", c)
	}
	assert.Empty(t, Check("new").Advice(idp.Okta))
}

// The advice that IdPs need most names a screen of theirs.
func TestAdvice_NamesTheScreen(t *testing.T) {
	for _, c := range []Cause{
		TokenMissing, TokenInvalid, TokenUnknown, TokenRevoked, TokenExpired, SCIMDisabled, NoRoute, Validation, UserNotFound, GroupNotFound, GroupDeleted,
		Duplicate, UnknownMembers, MemberLimit, OwnUser, OwnUserConversion, SeatLimit, ReaderLimit, DeactivatedInApp, Tolerated,
	} {
		for _, p := range []idp.Provider{idp.Okta, idp.Entra} {
			text := c.Advice("", p)
			if !slices.ContainsFunc(terms[p], func(term string) bool { return strings.Contains(text, term) }) {
				t.Errorf("%s in %s names no screen: %q", c, p.Name(), text)
			}
		}
	}
}

// A sender that is not known, or whose screens are not, gets the neutral text; and a
// remedy of another version of the service counts as none.
func TestAdvice_OfTheUnknown(t *testing.T) {
	neutral := Duplicate.Advice("", "")
	for _, p := range []idp.Provider{idp.Curl, idp.Other, idp.Ping, "new"} {
		got := Duplicate.Advice("", p)
		assert.Equalf(t, neutral, got, "%q is advised %q", p, got)
	}
	for _, r := range []Remedy{"", "duplicate.new", "Ask the owner."} {
		got := Duplicate.Advice(r, idp.Okta)
		assert.Equalf(t, Duplicate.Remedy().Advice(idp.Okta), got, "%q advises %q", r, got)
	}
	if neutral != Duplicate.Meaning().Action {
		t.Errorf("the meaning has %q", Duplicate.Meaning().Action)
	}
}

// Every text that an error can end in is listed with its cause.
func TestAllAdvice_HasEveryRemedy(t *testing.T) {
	for _, r := range Remedies() {
		cause, _, _ := strings.Cut(string(r), ".")
		for _, p := range append(Advised[:], "") {
			assert.Truef(t, slices.Contains(Cause(cause).AllAdvice(), r.Advice(p)), "%s lacks that of %s in %q", cause, r, p)
		}
	}
}

// The document says when each remedy of lifecycle, groups and seats is given.
func TestParticulars_AreThoseOfTheTable(t *testing.T) {
	document := string(Document(func(Cause) string { return "" }, func(Cause) string { return "" }))
	for r := range lifecycleAdvices {
		assert.Containsf(t, document, "If "+particulars[r]+":", "%s", r)
	}
	assert.Len(t, particulars, len(lifecycleAdvices))
	for r := range requests {
		assert.Containsf(t, document, "If "+requestParticulars[r]+":", "%s", r)
	}
	assert.Len(t, requestParticulars, len(requests))
}

// The remedies that are declared are those of the table.
func TestRemedies_AreThoseOfTheTable(t *testing.T) {
	var decls []ast.Decl
	for _, name := range []string{"advice.go", "advice_lifecycle.go", "connection_table.go", "oauth_table.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		decls = append(decls, parsed.Decls...)
	}
	declared := map[Remedy]bool{}
	for _, d := range decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			name, err := strconv.Unquote(spec.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared[Remedy(name)] = true
		}
	}
	for r := range declared {
		assert.NotEmptyf(t, r.Advice(""), "%s has no advice", r)
	}
	for _, r := range Remedies() {
		assert.Equalf(t, declared[r], strings.Contains(string(r), "."), "%s is declared", r)
	}
	for _, p := range Advised {
		assert.Truef(t, screens[p].where != "" && screens[p].url != "" && terms[p] != nil, "the screens of %s are not known", p.Name())
	}
	assert.Lenf(t, screens, len(Advised)+1, "%d screens of %d providers", len(screens), len(Advised))
}
