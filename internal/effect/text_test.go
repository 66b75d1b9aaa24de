package effect_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/effect"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

// on returns subjects of an identity provider that fail by a cause.
func on(p idp.Provider, c cause.Cause, detail string, subjects ...journal.Subject) (all []effect.Checked) {
	for _, s := range subjects {
		all = append(all, effect.Checked{Failing: journal.Failing{Subject: s, IdP: p, Cause: c, Detail: detail}})
	}
	return all
}

func user(name string) journal.Subject { return journal.Subject{Type: journal.TypeUser, Name: name} }

func group(name string) journal.Subject { return journal.Subject{Type: journal.TypeGroup, Name: name} }

func TestEffect_SaysWhatIsFixedAndWhatIsSentAgain(t *testing.T) {
	okta := on(idp.Okta, cause.SeatLimit, "", user("anna"), user("bert"), user("cleo"))
	left := on(idp.Okta, cause.SeatLimit, "", user("dora"), user("ewan"))
	left[0].Verdict = effect.Verdict{Result: effect.Fails, Refused: journal.Refused{What: "5 of 5 seats in use."}}
	retry := "Then use Retry Selected for the user under Dashboard > Tasks"
	push := "then select Push now for the group under Push Groups"
	for want, e := range map[string]effect.Effect{
		"3 more seats fix 3 users. " + retry + ".":                     {Fix: cause.FixSeats, Licences: 3, IdP: idp.Okta, Fixed: okta},
		"1 more seat fixes 1 user. " + retry + ".":                     {Fix: cause.FixSeats, Licences: 1, IdP: idp.Okta, Fixed: okta[:1]},
		"3 more seats fix 3 of 5 users. " + retry + ".":                {Fix: cause.FixSeats, Licences: 3, IdP: idp.Okta, Fixed: okta, Left: left},
		"1 more Reader licence fixes 1 user. " + retry + ".":           {Fix: cause.FixReaders, Licences: 1, IdP: idp.Okta, Fixed: okta[:1]},
		"1 more seat alone does not fix 2 users: 5 of 5 seats in use.": {Fix: cause.FixSeats, Licences: 1, Left: left},
		"3 more seats fix 3 users. " + retry + "; " + push + " (Design, Sales).": {
			Fix: cause.FixSeats, Licences: 3, IdP: idp.Okta, Fixed: okta, Push: []effect.Record{{Type: journal.TypeGroup, Name: "Design"}, {Type: journal.TypeGroup, Name: "Sales"}},
		},
		"2 more seats fix 2 users. Then in Okta use Retry Selected for the user under Dashboard > Tasks; then in Microsoft Entra ID use Provision on demand, or wait for the next cycle.": {
			Fix: cause.FixSeats, Licences: 2, Fixed: append(on(idp.Okta, cause.SeatLimit, "", user("a")), on(idp.Entra, cause.SeatLimit, "", user("b"))...),
		},
		"Nothing to fix: the next attempt of 3 users and 1 group succeeds. " + retry + "; " + push + " (Design).": {
			Fix: cause.FixRetry, IdP: idp.Okta, Fixed: append(okta[:3:3], on(idp.Okta, cause.Conflict, "", group("Design"))...),
		},
		"Deleting holder in the application fixes 1 user. " + retry + ". If both are one person, match the existing user in the identity provider instead.": {Fix: cause.FixUser, Record: &effect.Record{Type: journal.TypeUser, Name: "holder"}, IdP: idp.Okta, Fixed: okta[:1]},
		"Assigning the user to the app again may fix 1 user: what would then be sent is not known. " + cause.UserNotFound.Advice("", idp.Okta): {
			Fix: cause.FixAssign, IdP: idp.Okta, Open: on(idp.Okta, cause.UserNotFound, "", user("anna")),
		},
		"Correcting the attribute mapping under Provisioning > To App may fix 2 users: active must be a boolean. " + cause.Validation.Advice("", idp.Okta): {
			Fix: cause.FixMapping, IdP: idp.Okta, Open: on(idp.Okta, cause.Validation, "active must be a boolean. "+cause.Validation.Advice("", idp.Okta)+" (request r1)", user("anna"), user("bert")),
		},
	} {
		require.Equal(t, want, e.Text())
	}
}

// Each fix has a text, and none has a placeholder left.
func TestEffect_EachFixHasAText(t *testing.T) {
	for _, fix := range cause.Fixes {
		all := on(idp.Okta, cause.Validation, "It is wrong.", user("anna"))
		for _, e := range []effect.Effect{
			{Fix: fix, Licences: 1, Record: &effect.Record{Type: journal.TypeUser, Name: "holder"}, Fixed: all},
			{Fix: fix, Licences: 1, Record: &effect.Record{Type: journal.TypeUser, Name: "holder"}, Open: all},
		} {
			require.NotEmpty(t, fix.Step(idp.Okta))
			require.Regexp(t, `^[A-Z0-9][^%{}]*1 user[^%{}]*\.$`, e.Text())
		}
	}
}
