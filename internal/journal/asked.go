package journal

import (
	"net/url"
	"strings"
)

// Asked are the values of a failed request on which the directory's rules depend: the
// names that identify its subject, whether it is active, its account type, and the ids of
// a few members.
// They are kept with the failing subject, and with it they are removed, so that the
// request can be decided again. A name that is "" was sent empty or not at all, and an
// absent one is not changed by the request. Nil means that the values are not known: the
// request was refused before they were read, or they are too long to keep.
//
// No other value of a request is kept.
type Asked map[string]string

// The values. Those of a group are its DisplayName and ExternalID.
const (
	AskedUserName    = "userName"
	AskedDisplayName = "displayName"
	AskedExternalID  = "externalId"
	// AskedEmail is the unique email.
	AskedEmail  = "email"
	AskedActive = "active"
	// AskedTeamAccount is the account type, as isTeamAccount.
	AskedTeamAccount = "isTeamAccount"
	// AskedJoins and AskedLeaves are the ids of members, comma separated, and AskedWhole
	// is "true" if those that join are a whole new set. AskedMembers is "true" if the
	// request has other members too, which are not kept.
	AskedJoins   = "joins"
	AskedLeaves  = "leaves"
	AskedWhole   = "whole"
	AskedMembers = "members"
)

// Known reports whether the values are known.
func (a Asked) Known() bool { return a != nil }

// Members returns the ids of members that are kept under a name.
func (a Asked) Members(name string) []string {
	if a[name] == "" {
		return nil
	}
	return strings.Split(a[name], ",")
}

// maxAsked is the most bytes of the values that are kept. A userName and an email of 254
// bytes, the most that an address can have, and an externalId fit.
const maxAsked = 800

// Text returns the values as they are stored, "" for nil and for those that are too long.
func (a Asked) Text() string {
	if a == nil {
		return ""
	}
	values := url.Values{"": {""}} // so that no values differ from unknown ones
	size := 0
	for name, value := range a {
		values.Set(name, value)
		size += len(value)
	}
	if size > maxAsked {
		return ""
	}
	return values.Encode()
}

// ParseAsked reads the Text of values.
func ParseAsked(text string) Asked {
	values, err := url.ParseQuery(text)
	if err != nil || text == "" {
		return nil
	}
	a := Asked{}
	for name := range values {
		if name != "" {
			a[name] = values.Get(name)
		}
	}
	return a
}
