package provoke

import (
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/setting"
)

// says are the words of the advice for each identity provider.
type says = map[idp.Provider][]string

// teamAccount is the member isTeamAccount of a user.
func teamAccount(value bool) string {
	return fmt.Sprintf(`,"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{"isTeamAccount":%t}`, value)
}

// accountTypes are the faulty settings of account types, and of groups.
var accountTypes = []FaultySetting{
	{
		Name: "groups matched by mail", By: idp.Entra, Fault: setting.WrongGroupLookup,
		Says: []string{"Provision Microsoft Entra ID Groups", "mapping of mail", "Match objects using this attribute to No", "Yes for displayName"},
		Do: func(s *Stage, p idp.Provider) Answer {
			return s.SendAs(p, "GET", "/Groups?excludedAttributes=members&filter=mail+eq+%22design%40example.com%22", "")
		},
	},
	{
		Name: "userType in place of isTeamAccount", By: idp.Okta, Fault: setting.ReaderElsewhere,
		Says: []string{"Directory > Profile Editor", "isTeamAccount", "External namespace urn:ietf:params:scim:schemas:extension:rollcall:2.0:User", "userType does not decide about seats", "buy more seats"},
		Do:   withoutSeats(creating(`,"userType":"Reader"`)),
	},
	{
		Name: "a role in place of isTeamAccount", By: idp.Entra, Fault: setting.ReaderElsewhere,
		Says: []string{"Provisioning > Attribute mapping", "rollcall:2.0:User:isTeamAccount", "roles does not decide about seats"},
		Do:   withoutSeats(with(`"roles":[]`, `"roles":[{"value":"Viewer"}]`)),
	},
	{
		Name: "a license in place of isTeamAccount", By: idp.OneLogin, Fault: setting.ReaderElsewhere,
		Says: []string{"SCIM JSON Template", "isTeamAccount", "license does not decide about seats"},
		Do:   withoutSeats(creating(`,"license":"read-only"`)),
	},
	{
		Name: "an account type in place of isTeamAccount", By: idp.Rippling, Fault: setting.ReaderElsewhere,
		Says: []string{"Attribute Mappings of the custom integration", "isTeamAccount to false", "accountType does not decide about seats"},
		Do:   withoutSeats(creating(`,"accountType":"reader"`)),
	},
}

// LifecycleFailures are the refusals that come from settings of lifecycle, groups, seats
// and account types in the identity provider.
var LifecycleFailures = []Failure{
	// A user who exists already.
	{
		Name: "the email of another user", Cause: cause.Duplicate,
		Says: says{
			idp.Okta:     {"Import > Import Now", "map user.email to the email under Provisioning > To App", "not a constant"},
			idp.Entra:    {`emails[type eq "work"].value a matching attribute`, "Attribute mapping", "mail or userPrincipalName"},
			idp.OneLogin: {"Sync logins", "own email into the SCIM JSON Template"}, idp.JumpCloud: {"same userName", "Company Email"},
			idp.Google: {"each user's own address"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.user(`"userName":"bob","emails":[{"value":"` + alice + `"}]`)
			return s.SendAs(p, "POST", "/Users", strings.Replace(newUser(p, alice, ""), `"userName":"`+alice, `"userName":"al`, 1))
		},
	},
	{
		Name: "the externalId of another user", Cause: cause.Duplicate,
		Says: says{
			idp.Okta: {`user.getInternalProperty("id") to externalId`, "To App"}, idp.Entra: {"objectId to externalId", "mailNickname, the default, is not unique"},
			idp.OneLogin: {"OneLogin id into externalId in the SCIM JSON Template"}, idp.Google: {"never changes and that no two users share"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.must(s.create(p, ""))
			other := strings.ReplaceAll(newUser(p, "bob@example.com", ""), "00u-bob@", "00u-alice@")
			return s.SendAs(p, "POST", "/Users", strings.ReplaceAll(other, "0a21f0f2-bob@", "0a21f0f2-alice@"))
		},
	},
	{
		Name: "another userName in the application", Cause: cause.IdentityDiffers,
		Says: says{
			idp.Okta: {"Application username format", "Sign On tab", "Import > Import Now"}, idp.Entra: {`emails[type eq "work"].value a matching attribute`, "mapping of userName"},
			idp.OneLogin: {"SCIM Username under Parameters", "Sync logins"}, idp.JumpCloud: {"Correct the userName"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.must(s.Ask("POST", "/tenants/acme/users", `{"userName":"al","email":"`+alice+`"}`))
			return s.create(p, teamAccount(true))
		},
	},
	{
		Name: "the application's own user, in other identity providers", Cause: cause.OwnUser,
		Says: says{
			idp.OneLogin: {"Sync logins", "isTeamAccount to true in the SCIM JSON Template"}, idp.JumpCloud: {"same userName in JumpCloud", "User Groups tab"},
			idp.Google: {"same userName in Google"}, idp.PingOne: {`"Team account" (isTeamAccount) to true`},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.must(s.Ask("POST", "/tenants/acme/users", `{"userName":"`+alice+`","email":"`+alice+`"}`))
			return s.create(p, "")
		},
	},
	{
		Name: "the application's own Reader", Cause: cause.OwnUser,
		Says: says{
			idp.Okta: {"Import > Import Now", "the next update links"}, idp.Entra: {"userName a matching attribute"}, idp.OneLogin: {"Sync logins"},
			idp.JumpCloud: {"same userName in JumpCloud"}, idp.Google: {"same userName in Google"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.must(s.Ask("POST", "/tenants/acme/users", `{"userName":"`+alice+`","email":"`+alice+`","accountType":"reader"}`))
			return s.create(p, "")
		},
	},

	// Leavers, rehires and recycled addresses.
	{
		Name: "a rehire without an externalId", Cause: cause.ExternalIDRefused,
		Says: says{
			idp.Okta: {"has no externalId", `user.getInternalProperty("id")`, "Profile Editor"}, idp.Entra: {"has no externalId", "map objectId to it", "Attribute mapping"},
			idp.OneLogin: {"has no externalId", "SCIM JSON Template"}, idp.JumpCloud: {"has no externalId"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.leaver(p)
			s.set(`{"rehire":"refuse"}`)
			return s.SendAs(p, "POST", "/Users", stage.User(`"userName":"`+alice+`"`))
		},
	},
	{
		Name: "an activation without an externalId", Cause: cause.ExternalIDRefused,
		Says: both([]string{"has no externalId", "Profile Editor"}, []string{"has no externalId", "map objectId to it"}),
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.leaver(p)
			s.set(`{"rehire":"refuse"}`)
			return s.SendAs(p, "PUT", "/Users/"+id, stage.User(`"userName":"`+alice+`","active":true`))
		},
	},
	{
		Name: "a rehire with another externalId", Cause: cause.ExternalIDRefused,
		Says: both([]string{`"rehire" to "warn"`, "old user renamed", "Retry Selected"}, []string{`"rehire" to "warn"`, "old user renamed", "Provision on demand"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.leaver(p)
			s.set(`{"rehire":"refuse"}`)
			return s.SendAs(p, "POST", "/Users", stage.User(`"userName":"`+alice+`","externalId":"new"`))
		},
	},
	{
		Name: "activation of a user that the application deactivated", Cause: cause.DeactivatedInApp,
		Says: says{
			idp.Okta: {"reactivate the user there", "Retry Selected"}, idp.Entra: {"reactivate the user there", "Provision on demand"},
			idp.OneLogin: {"reactivate the user there", "Users > Provisioning"}, idp.PingOne: {"reactivate the user there", "Resync"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.must(s.create(p, "")).ID()
			s.must(s.Ask("PATCH", "/tenants/acme/users/"+id, `{"active":false}`))
			return s.deactivate(p, id, "True")
		},
	},
	{
		Name: "assignment of a user that the application deactivated", Cause: cause.DuplicateOffInApp,
		Says: says{
			idp.Okta: {"reactivate the user there", "Retry Selected"}, idp.Entra: {"reactivate the user there", "Provision on demand"},
			idp.OneLogin: {"reactivate the user there", "Users > Provisioning"}, idp.Google: {"reactivate the user there", "next synchronization"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.must(s.Ask("PATCH", "/tenants/acme/users/"+s.must(s.create(p, "")).ID(), `{"active":false}`))
			return s.create(p, "")
		},
	},
	{
		Name: "an update of a user that is gone", Cause: cause.UserNotFound,
		Says: says{
			idp.OneLogin: {"Remove the app from the user"}, idp.JumpCloud: {"User Groups tab"}, idp.Google: {"User access"}, idp.PingOne: {"User Filter"},
			idp.PingFederate: {"Source Location"}, idp.SailPoint: {"account aggregation"}, idp.Rippling: {"custom integration"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			return s.SendAs(p, "PUT", "/Users/"+nobody, newUser(p, alice, ""))
		},
	},
	{
		Name: "a new user who is inactive here", Cause: cause.DuplicateInactive,
		Says: says{
			idp.Okta: {"Import > Import Now", "Assignments"}, idp.Entra: {"userName a matching attribute", "Attribute mapping"}, idp.OneLogin: {"Sync logins"}, idp.Google: {"match the existing user"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.leaver(p)
			return s.SendAs(p, "POST", "/Users", strings.Replace(newUser(p, alice, ""), `"active":true`, `"active":false`, 1))
		},
	},
	{
		Name: "a new name that an inactive user has", Cause: cause.DuplicateInactive,
		Says: both([]string{"Sign On tab", "renamed or removed in the application"}, []string{"Attribute mapping", "renamed or removed in the application"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.leaver(p)
			return s.SendAs(p, "PATCH", "/Users/"+s.user(`"userName":"bob"`), stage.Patch(`{"op":"replace","path":"userName","value":"`+alice+`"}`))
		},
	},
	{
		Name: "a new name that another user has", Cause: cause.Duplicate,
		Says: says{idp.Okta: {"one of the two users in Okta", "Sign On tab"}, idp.Entra: {"one of the two users in Entra", "Attribute mapping"}, idp.OneLogin: {"Parameters"}},
		By: func(s *Stage, p idp.Provider) Answer {
			s.must(s.create(p, ""))
			return s.SendAs(p, "PATCH", "/Users/"+s.user(`"userName":"bob"`), stage.Patch(`{"op":"replace","path":"userName","value":"`+alice+`"}`))
		},
	},
	{
		Name: "values of several inactive users", Cause: cause.DuplicateSeveral,
		Says: both([]string{"To App", `user.getInternalProperty("id")`}, []string{"Attribute mapping", "objectId is the externalId"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.leaver(p)
			s.user(`"userName":"bob","externalId":"2","active":false`)
			return s.SendAs(p, "POST", "/Users", stage.User(`"userName":"`+alice+`","externalId":"2"`))
		},
	},
	{
		Name: "deactivation of a protected user", Cause: cause.Protected,
		Says: says{
			idp.Okta: {"stays active", "assign the user to the app again under Assignments"}, idp.Entra: {"stays active", "Users and groups"},
			idp.OneLogin: {"stays active", "add the app to the user again"}, idp.JumpCloud: {"stays active", "User Groups tab"}, idp.Google: {"stays active"},
		},
		By: func(s *Stage, p idp.Provider) Answer { return s.deactivate(p, s.protect(p), "False") },
	},
	{
		Name: "deletion of a protected user", Cause: cause.Protected,
		Says: says{
			idp.Entra: {"stays active", "Users and groups"}, idp.OneLogin: {"stays active", "add the app to the user again"}, idp.JumpCloud: {"stays active", "User Groups tab"},
		},
		By: func(s *Stage, p idp.Provider) Answer { return s.SendAs(p, "DELETE", "/Users/"+s.protect(p), "") },
	},
	{
		Name: "another userName of a protected user", Cause: cause.Protected,
		Says: says{
			idp.Okta: {"Set the value back", "To App"}, idp.Entra: {"Set the value back", "Attribute mapping"}, idp.OneLogin: {"Set the value back", "SCIM JSON Template"},
			idp.PingOne: {"Set the value back", "Attribute Mapping of the rule"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			return s.SendAs(p, "PATCH", "/Users/"+s.protect(p), stage.Patch(`{"op":"replace","path":"userName","value":"alice@new.example"}`))
		},
	},
	{
		Name: "a protected user made a Reader", Cause: cause.Protected,
		Says: both([]string{`"Team account" back`, "Assignments"}, []string{"isTeamAccount", "Attribute mapping"}),
		By: func(s *Stage, p idp.Provider) Answer {
			return s.SendAs(p, "PUT", "/Users/"+s.protect(p), newUser(p, alice, teamAccount(false)))
		},
	},

	// Seats and account types.
	{
		Name: "everyone in scope", Cause: cause.SeatLimit,
		Says: says{
			idp.Okta: {"smaller group than Everyone", "Assignments"}, idp.Entra: {"Scope", "Sync only assigned users and groups"}, idp.OneLogin: {"roles on the app's Access tab"},
			idp.JumpCloud: {"User Groups tab"}, idp.PingOne: {"User Filter"}, idp.PingFederate: {"Source Location"}, idp.Google: {"Provisioning scope"}, idp.Rippling: {"App Access Rules"},
		},
		By: withoutSeats(creating("")),
	},
	{
		Name: "a reactivation without a seat", Cause: cause.SeatLimit,
		Says: both([]string{"inactive user holds no seat", "Retry Selected"}, []string{"inactive user holds no seat", "Provision on demand"}),
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.leaver(p)
			s.set(`{"maxSeats":0}`)
			return s.deactivate(p, id, "True")
		},
	},
	{
		Name: "a conversion to User without a seat", Cause: cause.SeatLimit,
		Says: says{
			idp.Okta: {"stay a Reader", `"Team account" to false`, "Assignments"}, idp.Entra: {"stay a Reader", "isTeamAccount to False", "Attribute mapping"},
			idp.OneLogin: {"stay a Reader", "Parameters"}, idp.PingOne: {"stay a Reader", "Attribute Mapping of the rule"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.must(s.create(p, teamAccount(false))).ID()
			s.set(`{"maxSeats":0}`)
			return s.SendAs(p, "PUT", "/Users/"+id, newUser(p, alice, teamAccount(true)))
		},
	},
	{
		Name: "a conversion to Reader without a licence", Cause: cause.ReaderLimit,
		Says: says{
			idp.Okta: {"stay a User", `"Team account" to true`, "Assignments"}, idp.Entra: {"stay a User", "isTeamAccount to True", "Attribute mapping"},
			idp.OneLogin: {"stay a User", "Parameters"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.must(s.create(p, "")).ID()
			s.set(`{"maxReaders":0}`)
			return s.SendAs(p, "PUT", "/Users/"+id, newUser(p, alice, teamAccount(false)))
		},
	},
	{
		Name: "a Reader without a licence", Cause: cause.ReaderLimit,
		Says: says{
			idp.Okta: {"should be a User", `"Team account" to true`, "Assignments"}, idp.Entra: {"should be a User", "isTeamAccount to True", "Attribute mapping"},
			idp.OneLogin: {"should be a User", "Parameters"}, idp.Rippling: {"should be a User", "Attribute Mappings of the custom integration"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.set(`{"maxReaders":0}`)
			return s.create(p, teamAccount(false))
		},
	},

	// Groups.
	{
		Name: "a group that exists", Cause: cause.DuplicateGroup,
		Says: says{
			idp.Okta: {"Link Group", "Push Groups"}, idp.Entra: {"Rename one of the two", "Provision Microsoft Entra ID Groups that displayName is its matching attribute"}, idp.OneLogin: {"Refresh the entitlements", "Rules"},
			idp.JumpCloud: {"User Groups tab", "takes over a group of the same name"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design")))
			return s.SendAs(p, "POST", "/Groups", stage.Group("Design"))
		},
	},
	{
		Name: "a group renamed to another's name", Cause: cause.DuplicateGroup,
		Says: says{
			idp.Okta: {"Rename one of the two", "Push now", `clear "Rename app groups to match group name in Okta"`}, idp.Entra: {"Rename one of the two", "next cycle"},
			idp.JumpCloud: {"Rename one of the two", "User Groups tab"}, idp.OneLogin: {"Rename one of the two", "Reapply entitlement mappings"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design")))
			id := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Sales"))).ID()
			return s.SendAs(p, "PATCH", "/Groups/"+id, stage.Patch(`{"op":"replace","path":"displayName","value":"Design"}`))
		},
	},
	{
		Name: "the externalId of another group", Cause: cause.DuplicateGroup,
		Says: both([]string{"no two groups share", "Link Group"}, []string{"objectId to externalId", "Provision Microsoft Entra ID Groups"}),
		By: func(s *Stage, p idp.Provider) Answer {
			named := func(name string) string {
				return strings.Replace(stage.Group(name), `"members"`, `"externalId":"g-1","members"`, 1)
			}
			s.must(s.SendAs(p, "POST", "/Groups", named("Design")))
			return s.SendAs(p, "POST", "/Groups", named("Sales"))
		},
	},
	{
		Name: "a group deleted in the application, in other identity providers", Cause: cause.GroupDeleted,
		Says: says{idp.OneLogin: {"Refresh the entitlements", "Rules"}, idp.JumpCloud: {"User Groups tab", "a new group is created"}, idp.PingOne: {"unlink the group"}},
		By: func(s *Stage, p idp.Provider) Answer {
			return s.SendAs(p, "PATCH", "/Groups/"+s.DeletedGroup(p, "Design"), stage.Patch(`{"op":"replace","path":"displayName","value":"Design team"}`))
		},
	},
	{
		Name: "a nested group that is refused", Cause: cause.UnknownMembers,
		Says: both([]string{"contains another group", "Push now"}, []string{"contains another group", "does not provision nested members", "Users and groups", "Restart provisioning"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.set(`{"unknownMembers":"refuse"}`)
			return s.nested(p, false)
		},
	},
	{
		Name: "a group of nothing but a group", Cause: cause.UnknownMembers,
		Says: says{
			idp.Okta: {"contains another group", "Push now"}, idp.Entra: {"does not provision nested members", "Users and groups"}, idp.JumpCloud: {"contains another group", "User Groups tab"},
		},
		By: func(s *Stage, p idp.Provider) Answer { return s.nested(p, true) },
	},
	{
		Name: "a whole group of unknown members, by PUT", Cause: cause.UnknownMembers,
		Says: says{
			idp.Okta: {"under Assignments first", "To empty the group"}, idp.OneLogin: {"Add the app to the users", "To empty the group"},
			idp.JumpCloud: {"User Groups tab", "To empty the group"}, idp.PingOne: {"User Filter", "To empty the group"}, idp.SailPoint: {"Provision the users first"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design", s.user(`"userName":"bob"`)))).ID()
			return s.SendAs(p, "PUT", "/Groups/"+id, stage.Group("Design", nobody))
		},
	},
	{
		Name: "a huge group of JumpCloud", Cause: cause.MemberLimit,
		Says: says{idp.JumpCloud: {"at most 5,000 members", "User Groups tab"}},
		By: func(s *Stage, p idp.Provider) Answer {
			group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
			return s.pushMembers(p, group, false, many(5001, func(i int) string { return fmt.Sprintf("019b8d62-7a80-7000-8000-%012x", i+1) })...)
		},
	},
	{
		Name: "members by address", Cause: cause.UnknownMembers,
		Says: says{
			idp.Okta: {"by address", "Import > Import Now", "Push now"}, idp.Entra: {"by address", "Map members to members", "Provision Microsoft Entra ID Groups"},
			idp.SailPoint: {"by address", "the id that this service returned"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
			return s.pushMembers(p, group, true, alice)
		},
	},
	{
		Name: "a group that is too large for a request", Cause: cause.BodyTooLarge,
		Says: says{
			idp.Okta: {"at most 5,000 members", "Push Groups"}, idp.Entra: {"at most 5,000 members", "Users and groups"}, idp.OneLogin: {"at most 5,000 members", "Rules"},
			idp.JumpCloud: {"at most 5,000 members", "User Groups tab"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			id := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
			return s.SendAs(p, "PUT", "/Groups/"+id, strings.Repeat(" ", 1<<20+1))
		},
	},
}

// LifecycleWarnings are the requests that are accepted with a warning because of such
// settings.
var LifecycleWarnings = []Failure{
	{
		Name: "a rehire with another externalId", Cause: cause.ExternalIDChanged,
		Says: both([]string{"same person", "Push now"}, []string{"same person", "Restart provisioning", "Provision on demand"}),
		By: func(s *Stage, p idp.Provider) Answer {
			s.leaver(p)
			return s.SendAs(p, "POST", "/Users", stage.User(`"userName":"`+alice+`","externalId":"new"`))
		},
	},
	{
		Name: "a rehire without an externalId", Cause: cause.ExternalIDChanged,
		Says: says{
			idp.Okta: {"has no externalId", `user.getInternalProperty("id")`, "Profile Editor", "Push now"}, idp.Entra: {"has no externalId", "map objectId to it", "Restart provisioning"},
			idp.OneLogin: {"has no externalId", "SCIM JSON Template", "Reapply entitlement mappings"}, idp.Google: {"has no externalId"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			s.leaver(p)
			return s.SendAs(p, "POST", "/Users", stage.User(`"userName":"`+alice+`"`))
		},
	},
	{
		Name: "an activation without an externalId", Cause: cause.ExternalIDChanged,
		Says: both([]string{"has no externalId", "Profile Editor"}, []string{"has no externalId", "map objectId to it"}),
		By: func(s *Stage, p idp.Provider) Answer {
			return s.SendAs(p, "PUT", "/Users/"+s.leaver(p), stage.User(`"userName":"`+alice+`","active":true`))
		},
	},
	{
		Name: "members who are not assigned", Cause: cause.UnknownMembers,
		Says: says{
			idp.Okta: {"Assignments", "Push now", "push another group"}, idp.Entra: {"Users and groups", "Restart provisioning"}, idp.OneLogin: {"Add the app to the users"},
			idp.JumpCloud: {"User Groups tab"}, idp.PingOne: {"User Filter", "Resync"}, idp.PingFederate: {"Source Location"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
			return s.pushMembers(p, group, false, s.user(`"userName":"bob"`), nobody)
		},
	},
	{
		Name: "a nested group among members", Cause: cause.UnknownMembers,
		Says: says{
			idp.Okta: {"contains another group", "Push now"}, idp.Entra: {"does not provision nested members", "Users and groups", "Restart provisioning"},
			idp.JumpCloud: {"contains another group", "User Groups tab"}, idp.PingOne: {"contains another group", "Resync"},
		},
		By: func(s *Stage, p idp.Provider) Answer { return s.nested(p, false, s.user(`"userName":"bob"`)) },
	},
	{
		Name: "a member by address among others", Cause: cause.UnknownMembers,
		Says: says{
			idp.Okta: {"by address", "Import > Import Now"}, idp.Entra: {"by address", "Map members to members"}, idp.PingFederate: {"by address"},
		},
		By: func(s *Stage, p idp.Provider) Answer {
			group := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Design"))).ID()
			return s.pushMembers(p, group, false, s.user(`"userName":"bob"`), alice)
		},
	},
	{
		Name: "a nested group alone", Cause: cause.UnknownMembers,
		Says: both([]string{"contains another group"}, []string{"does not provision nested members"}),
		By:   func(s *Stage, p idp.Provider) Answer { return s.nested(p, false) },
	},
}

// leaver creates a user who is deactivated, and returns the id.
func (s *Stage) leaver(p idp.Provider) string {
	s.t.Helper()
	id := s.must(s.create(p, "")).ID()
	s.must(s.deactivate(p, id, "False"))
	return id
}

// protect creates a user who is protected, and returns the id.
func (s *Stage) protect(p idp.Provider) string {
	s.t.Helper()
	id := s.must(s.create(p, "")).ID()
	s.must(s.Ask("PATCH", "/tenants/acme/users/"+id, `{"protected":true}`))
	return id
}

// nested pushes a group as a member of another one, after other members.
func (s *Stage) nested(p idp.Provider, whole bool, ids ...string) Answer {
	s.t.Helper()
	inner := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Inner"))).ID()
	outer := s.must(s.SendAs(p, "POST", "/Groups", stage.Group("Outer"))).ID()
	return s.pushMembers(p, outer, whole, append(ids, inner)...)
}
