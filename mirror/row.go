package mirror

// A User is a user as the admin API serves it, and what the mirror knows besides. The zero
// User with an ID is one of which nothing is known.
type User struct {
	ID          string `json:"id"`
	UserName    string `json:"userName"`
	Email       string `json:"email"`
	DisplayName string `json:"displayName"`
	ExternalID  string `json:"externalId"`
	// Origin is how the user was created: scim, manual or jit.
	Origin string `json:"origin"`
	// SCIMManaged reports whether an identity provider manages the user.
	SCIMManaged bool `json:"scimManaged"`
	// AccountType is user or reader.
	AccountType string `json:"accountType"`
	// Active reports whether the user may use the application. A deleted user is inactive.
	Active        bool   `json:"active"`
	DeactivatedBy string `json:"deactivatedBy"`
	// Deleted reports that an identity provider deleted the user, who may be restored.
	Deleted   bool `json:"deleted"`
	Protected bool `json:"protected"`
	// Version counts the changes of the user, from 1.
	Version int64 `json:"version"`

	// Purged reports that the user is gone for good. Only the ID and MembershipsEnded remain.
	Purged bool `json:"-"`
	// MembershipsEnded is the version of the user before which all its memberships have
	// ended.
	MembershipsEnded int64 `json:"-"`
}

// A Group is a group as the admin API serves it, and what the mirror knows besides.
type Group struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	ExternalID  string `json:"externalId"`
	Origin      string `json:"origin"`
	// Version counts the changes of the group, including those of its members, from 1.
	Version int64 `json:"version"`

	// Deleted reports that the group is gone for good. Only the ID and Generation remain.
	Deleted bool `json:"-"`
	// Generation is the highest generation of members that a replacement has begun.
	Generation int64 `json:"-"`
}

// A Membership is what is known of a user in a group. The zero Membership with its ids is one
// of which nothing is known.
type Membership struct {
	Group, User string
	// Member reports whether the user was a member when the group had Version.
	Member bool
	// Version and Generation are those of the group, and UserVersion is the highest version
	// of the user at which it was seen as a member.
	Version, Generation, UserVersion int64
}

// IsMember reports whether a user is a member of a group, by the three rows.
func IsMember(u User, g Group, m Membership) bool {
	return m.Member && m.UserVersion >= u.MembershipsEnded && m.Generation >= g.Generation &&
		u.Version > 0 && g.Version > 0 && !u.Purged && !g.Deleted
}

// with returns the user after a document was seen: the one with the higher version. A deleted
// user has no memberships, whether the event of its deletion came or not.
func (u User) with(document User) User {
	if document.Deleted {
		u = u.ended(document.Version)
	}
	if u.Purged || document.Version < u.Version {
		return u
	}
	document.ID, document.Purged, document.MembershipsEnded = u.ID, false, u.MembershipsEnded
	return document
}

// ended returns the user after the memberships before a version have ended.
func (u User) ended(version int64) User {
	u.MembershipsEnded = max(u.MembershipsEnded, version)
	return u
}

// purged returns the user without personal data.
func (u User) purged() User {
	return User{ID: u.ID, Purged: true, MembershipsEnded: u.MembershipsEnded}
}

// with returns the group after a document was seen: the one with the higher version.
func (g Group) with(document Group) Group {
	if g.Deleted || document.Version < g.Version {
		return g
	}
	document.ID, document.Deleted, document.Generation = g.ID, false, g.Generation
	return document
}

// replaced returns the group after all members of earlier generations have left.
func (g Group) replaced(generation int64) Group {
	g.Generation = max(g.Generation, generation)
	return g
}

// deleted returns the group without its name.
func (g Group) deleted() Group { return Group{ID: g.ID, Deleted: true, Generation: g.Generation} }

// with returns the membership after a fact was seen: the one with the higher version of the
// group. Of two facts at one version, the one that says "no member" wins; a later change, of
// which there is an event, separates them. The version of the user is the higher one, of
// whichever fact: package mirror says why.
func (m Membership) with(fact Membership) Membership {
	userVersion := max(m.UserVersion, fact.UserVersion)
	if fact.Version > m.Version || fact.Version == m.Version && !fact.Member {
		m = fact
	}
	m.UserVersion = userVersion
	return m
}
