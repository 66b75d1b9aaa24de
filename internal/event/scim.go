package event

const scimEvents = "urn:ietf:params:scim:event:prov:"

// SCIMEvent returns the URI of the event in the profile for security event tokens, "" for a
// type that has no counterpart there: a link, and what is no change of a user or group.
// Attributes are named, not sent in the form of SCIM, so the URIs of changes are those of
// notices. RFC 9967
func (t Type) SCIMEvent() string {
	switch t {
	case UserCreated, UserRestored, GroupCreated:
		return scimEvents + "create:notice"
	case UserUpdated, GroupUpdated, GroupMembersChanged:
		return scimEvents + "patch:notice"
	case UserDeactivated:
		return scimEvents + "deactivate"
	case UserReactivated:
		return scimEvents + "activate"
	case UserDeleted, UserPurged, GroupDeleted:
		return scimEvents + "delete"
	default:
		return ""
	}
}
