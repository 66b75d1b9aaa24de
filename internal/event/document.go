package event

import (
	"fmt"
	"strings"
)

// Document returns docs/reference/events.md: the table of all types, for the application's
// developers.
func Document() []byte {
	var b strings.Builder
	b.WriteString(`# Events

<!-- Generated from internal/event by go generate; not to be edited. -->

Every committed change of a user or group is an event, and so are some facts about a tenant's provisioning.
An application reads them from the [list of events](admin-api.md), and gets them by [webhooks](../how-to/webhooks.md) or from an EventBridge bus: the same document everywhere.
[Integrate in an hour](../tutorials/integrate-in-an-hour.md) uses them.

| type | what causes it | about | fields besides those of all events | RFC 9967 |
|---|---|---|---|---|
`)
	for _, k := range kinds {
		about, cause := k.About, k.Cause
		if about == "" {
			about = "tenant"
		}
		if k.Type == WebhookDisabled || k.Type == WebhookTest {
			about = "deployment"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k.Type, cause, about, k.Fields, k.uris())
	}
	b.WriteString(fieldsAndLimits)
	return []byte(b.String())
}

// uris returns the URIs of the events of the type.
func (k Kind) uris() string {
	uris := k.SCIM
	if k.Put {
		uris = "`" + scimPut + "` of a PUT, otherwise `" + k.SCIM + "`"
	} else if uris != "" {
		uris = "`" + uris + "`"
	}
	return uris
}

// fieldsAndLimits is the end of the page.
const fieldsAndLimits = `
## Fields of all events

| | |
|---|---|
| ` + "`id`" + ` | the same id is the same event, sent again. An event of a change is named by the key of its log entry; further events of one change end in ` + "`-1`, `-2`" + ` … |
| ` + "`type`, `time`, `tenant`" + ` | ` + "`time`" + ` is when the request began that made the change |
| ` + "`scimEvent`" + ` | the URI of RFC 9967, of a change |
| ` + "`resource`" + ` | ` + "`type`, `id`, `version`, `externalId`" + ` and ` + "`userName` or `displayName`" + `. A name and an externalId of more than 128 bytes are cut: ` + "`data`" + ` has them whole |
| ` + "`changed`" + ` | names of attributes, at most 256 bytes; ` + "`…`" + ` at the end stands for others |
| ` + "`actor`" + ` | ` + "`idp`, `application` or `rollcall`" + `, with the name of the identity provider or the person |
| ` + "`requestId`" + ` | as in ` + "`X-Request-Id`" + `, and in the log |
| ` + "`data`" + ` | the user or group at the time of sending; null once it is gone |

What is true now is in ` + "`data`" + ` and ` + "`members.current`" + `; the type, ` + "`changed`, `members.added`" + ` and ` + "`members.removed`" + ` say what happened.
A change may cause several events, and two changes may send the same data: keep what has the highest version.

## Changes without an event

| change | why |
|---|---|
| a request that changes nothing, and one that is refused | nothing was committed. The first refusal of a user or group is ` + "`provisioning.failing`" + ` |
| the versions of the groups that a deleted or purged user was in | ` + "`user.deleted` and `user.purged`" + ` end the memberships. A copy of a group may have a lower version than the group then: compare names and members with the admin API, not versions |
| the end of the memberships of a deleted group | ` + "`group.deleted`" + ` ends them |
| the dismissal of a failure, settings, tokens, schemas, limits | the administrator's own; the log has dismissals |
| the deletion of a tenant | the application asked for it; the log and its events are deleted too |
| the end of a change of members of which nothing is left (a table that other software wrote to) | only the version of the group changes |
| changes before an upgrade to a version with events, and a whole new set whose ids have expired | a whole new set of members is ` + "`group.members_changed`" + ` without ids: read the group's members once |

## RFC 9967

` + "`scimEvent`" + ` names the event of the RFC that a change corresponds to, for an application that already knows these URIs.
Nothing else of the RFC is served: an event is not a Security Event Token (RFC 8417), there is no stream of RFC 8935 or RFC 8936, and ServiceProviderConfig has no ` + "`securityEvents`" + `.
No URI ends in ` + "`full`" + `, because events have the documents of the admin API and no values of SCIM attributes.
` + "`user.updated`" + ` of a deleted user that lost a value, and ` + "`group.members_changed`" + ` of a group that a user left, have the URI of a patch although no request changed that user or group.
`
