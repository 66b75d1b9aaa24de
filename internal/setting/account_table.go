package setting

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// The faults of account types.
const (
	// ReaderElsewhere: an attribute other than isTeamAccount calls the user a Reader.
	ReaderElsewhere Fault = "reader_elsewhere"
)

// accountFaults are the faults of account types.
func accountFaults() map[Fault]row {
	return map[Fault]row{
		ReaderElsewhere: {
			means: "An attribute other than isTeamAccount says that the user only reads, so the user still needs a seat.", explains: []cause.Cause{cause.SeatLimit}, sample: "userType",
			neutral: "If the user should be a Reader, set isTeamAccount to false in {mapping}: {attribute} does not decide about seats. Otherwise free a seat or buy more seats.",
			in: map[idp.Provider]string{
				idp.Okta: "If the user should be a Reader, add isTeamAccount under Directory > Profile Editor with the External namespace " + scim.RollcallURN +
					", and map false to it: {attribute} does not decide about seats. Otherwise free a seat or buy more seats.",
				idp.Entra: "If the user should be a Reader, map False to " + scim.RollcallURN +
					":isTeamAccount under Provisioning > Attribute mapping: {attribute} does not decide about seats. Otherwise free a seat or buy more seats.",
				idp.OneLogin: "If the user should be a Reader, put isTeamAccount under " + scim.RollcallURN +
					" into the SCIM JSON Template, as false: {attribute} does not decide about seats. Otherwise free a seat or buy more seats.",
			},
		},
	}
}

// readers are values, as plain returns them, that call a user a Reader.
var readers = set("reader", "readonly", "viewer", "viewonly", "observer", "lightuser", "freeuser", "readonlyuser", "guestreader")

// readerNames are names of attributes, as plain returns them, that call a user a Reader or
// say which licence the user has.
var readerNames = set("isreader", "readonly", "isreadonly", "accounttype", "seattype", "licensetype", "licencetype", "license", "licence", "usertier")

// OfAccountType returns the fault of a user that is sent without isTeamAccount, if another
// attribute calls the user a Reader: a known attribute by its value, or an unknown one by
// its name.
func OfAccountType(sent map[string]any, unknown []scim.Notice) []Finding {
	if own, _ := sent[scim.RollcallURN].(map[string]any); own["isTeamAccount"] != nil {
		return nil
	}
	for _, n := range unknown {
		_, local := cutURN(n.Attribute)
		if n.Kind == scim.NoticeUnknownAttribute && readerNames()[plain(local)] {
			return []Finding{Of(ReaderElsewhere, n.Attribute)}
		}
	}
	for _, name := range []string{"userType", "roles", "entitlements"} {
		if callsReader(sent[name]) {
			return []Finding{Of(ReaderElsewhere, name)}
		}
	}
	return nil
}

// callsReader reports whether a value, or one of a list, calls a user a Reader.
func callsReader(v any) bool {
	switch v := v.(type) {
	case string:
		return len(v) <= maxSuspect && readers()[plain(v)]
	case map[string]any:
		return callsReader(v["value"])
	case []any:
		for _, element := range v {
			if callsReader(element) {
				return true
			}
		}
	}
	return false
}

// plain returns a text without spaces, hyphens, underscores and case.
func plain(text string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "").Replace(scim.LowerName(text))
}
