package cause

import "github.com/rollcall-scim/rollcall/internal/idp"

// A Fix is a kind of step after which failed requests succeed. It is stable.
type Fix string

// The fixes.
const (
	// FixRetry: nothing is to be fixed, the next attempt succeeds.
	FixRetry Fix = "retry"
	// FixSeats and FixReaders: the limit is raised, or as many are freed.
	FixSeats   Fix = "seats"
	FixReaders Fix = "readers"
	// FixUser and FixGroup: the record that has the value gives it up.
	FixUser  Fix = "other_user"
	FixGroup Fix = "other_group"
	// FixActivate: the application reactivates the user.
	FixActivate Fix = "reactivate"
	// FixUnprotect: the application unprotects the user.
	FixUnprotect Fix = "unprotect"
	// FixIdentity: the application's user gets the value that the identity provider sends.
	FixIdentity Fix = "identity"
	// FixConvert: the application makes its Reader a User.
	FixConvert Fix = "convert"
	// FixTeamAccount: isTeamAccount is mapped to true.
	FixTeamAccount Fix = "team_account"
	// FixRehire and FixUnknownMembers: a setting of the tenant.
	FixRehire         Fix = "rehire"
	FixUnknownMembers Fix = "unknown_members"
	// FixMembers: the members are provisioned first.
	FixMembers Fix = "members"
	// FixMapping: the mapping of the attribute is corrected.
	FixMapping Fix = "mapping"
	// FixAssign: the user is looked up again, FixLink the group.
	FixAssign Fix = "assign_again"
	FixLink   Fix = "link_again"
	// FixSplit: the group is split.
	FixSplit Fix = "split"
	// FixOther: none of these. Each failure says what to do.
	FixOther Fix = "other"
)

// Fixes are all fixes.
var Fixes = [...]Fix{
	FixRetry, FixSeats, FixReaders, FixUser, FixGroup, FixActivate, FixUnprotect, FixIdentity, FixConvert, FixTeamAccount, FixRehire,
	FixUnknownMembers, FixMembers, FixMapping, FixAssign, FixLink, FixSplit, FixOther,
}

// Step returns what the fix does, in the words of an identity provider's screens. %N stands
// for the number of licences, and %R for the record that is changed.
func (f Fix) Step(p idp.Provider) string { return Words(fixes[f], p) }

// Instead returns what may be better than the fix, "" for nothing.
func (f Fix) Instead() string { return instead[f] }

// Again returns how a user, and how a group, is sent again, in the words of an identity
// provider's screens.
func Again(p idp.Provider) (user, group string) {
	return Words("{retry}", p), Words("{push}", p)
}

// fixes has what each fix does.
var fixes = map[Fix]string{
	FixRetry:          "Nothing to fix",
	FixSeats:          "%N",
	FixReaders:        "%N",
	FixUser:           "Deleting %R in the application",
	FixGroup:          "Deleting the group %R in the application",
	FixActivate:       "Reactivating %R in the application",
	FixUnprotect:      "Unprotecting %R in the application",
	FixIdentity:       "Giving %R in the application the value that the identity provider sends",
	FixConvert:        "Making %R a User in the application and mapping isTeamAccount to true",
	FixTeamAccount:    "Mapping isTeamAccount to true in {mapping}",
	FixRehire:         "Setting \"rehire\" to \"warn\"",
	FixUnknownMembers: "Setting \"unknownMembers\" to \"skip\"",
	FixMembers:        "Provisioning the unknown members first",
	FixMapping:        "Correcting {mapping}",
	FixAssign:         "Assigning the user to the app again",
	FixLink:           "Unlinking the group and pushing it again",
	FixSplit:          "Splitting the group",
	FixOther:          "What to do is said with each failure",
}

// instead has what may be better than a fix that removes a record.
var instead = map[Fix]string{
	FixUser:  "If both are one person, match the existing user in the identity provider instead.",
	FixGroup: "If both are one group, link the existing group in the identity provider instead.",
}
