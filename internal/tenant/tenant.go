// Package tenant is the identity and the settings of one customer of the SaaS
// product.
//
// An ID names the tenant whose data a call may access. It comes from an
// authenticated token or from the operator, never from a request: it has no
// decoder, so a request body cannot create one.
package tenant

import (
	"errors"
	"time"
)

// ID names a tenant. Every call that accesses a tenant's data takes one as an
// explicit argument. The zero ID names none, and storage refuses it.
type ID struct{ name string }

// MaxIDSize is the longest tenant id in bytes. It is part of every key.
const MaxIDSize = 63

// ErrInvalidID reports a text that cannot name a tenant.
var ErrInvalidID = errors.New("a tenant id is 1 to 63 lower-case letters, digits and inner hyphens")

// ParseID turns an operator's text, or the tenant part of a token, into an ID:
// 1 to 63 characters of a-z, 0-9 and -, with no hyphen at either end. None of
// these delimits a key or a token.
func ParseID(s string) (ID, error) {
	if s == "" || len(s) > MaxIDSize || s[0] == '-' || s[len(s)-1] == '-' {
		return ID{}, ErrInvalidID
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return ID{}, ErrInvalidID
		}
	}
	return ID{name: s}, nil
}

// String returns the tenant's id as used in keys, tokens and logs.
func (id ID) String() string { return id.name }

// IsZero reports whether the ID names no tenant.
func (id ID) IsZero() bool { return id.name == "" }

// AccountType is the type of a user: a User, who holds a seat, or a Reader,
// who does not.
type AccountType string

// The account types.
const (
	User   AccountType = "user"
	Reader AccountType = "reader"
)

// Settings are a tenant's choices. Their zero value is not valid: start from
// DefaultSettings.
type Settings struct {
	DisplayName string `json:"displayName,omitempty"`
	// DefaultAccountType is the type of a user that is created without one.
	DefaultAccountType AccountType `json:"defaultAccountType"`
	// DeletedUsers selects whether a user deleted through SCIM is hidden (404,
	// not listed) or stays readable as inactive.
	DeletedUsers DeletedUsers `json:"deletedUsers"`
	// Rehire selects what a reactivation does if the externalId differs from
	// the record's, or is missing and the record has one.
	Rehire Rehire `json:"rehire"`
	// UnknownAttributes selects whether attributes outside the schemas are
	// dropped with a warning or refused with 400.
	UnknownAttributes UnknownAttributes `json:"unknownAttributes"`
	// UnknownMembers selects whether members of a group that are not users are
	// skipped with a warning or refused with 400.
	UnknownMembers UnknownMembers `json:"unknownMembers"`
	// Dialects selects whether requests that deviate from the RFCs, as identity
	// providers' do, are accepted or refused with 400.
	Dialects Dialects `json:"dialects"`
	// StaticTokens selects whether static tokens are accepted, or only access tokens of
	// OAuth clients.
	StaticTokens StaticTokens `json:"staticTokens"`
	// SCIMDisabled refuses every SCIM request with 403.
	SCIMDisabled bool `json:"scimDisabled,omitempty"`
	// LogDays is the retention of log entries in days.
	LogDays int `json:"logDays"`
	// LogDaysSince is when LogDays was last changed, zero if it never was. Entries from
	// before are kept for EarlierLogDays at least, if those are fewer.
	LogDaysSince   time.Time `json:"logDaysSince,omitzero"`
	EarlierLogDays int       `json:"earlierLogDays,omitempty"`
	// Ending reports that the tenant is being deleted: nothing of it changes
	// any more, and every SCIM request is refused.
	Ending bool `json:"ending,omitempty"`
}

// DeletedUsers is the visibility of deleted users.
type DeletedUsers string

// The choices for deleted users.
const (
	DeletedHidden   DeletedUsers = "hidden"
	DeletedReadable DeletedUsers = "readable"
)

// Rehire is the effect of a reactivation with another externalId on memberships.
type Rehire string

// The choices for a rehire.
const (
	// RehireWarn reactivates, ends the memberships that the user had, and warns.
	RehireWarn Rehire = "warn"
	// RehireKeep reactivates with the memberships, and warns.
	RehireKeep Rehire = "keep"
	// RehireRefuse answers 409.
	RehireRefuse Rehire = "refuse"
)

// UnknownAttributes is the treatment of attributes outside the schemas.
type UnknownAttributes string

// The choices for unknown attributes.
const (
	UnknownDrop   UnknownAttributes = "drop"
	UnknownRefuse UnknownAttributes = "refuse"
)

// UnknownMembers is the treatment of members of a group that are not users.
type UnknownMembers string

// The choices for unknown members.
const (
	UnknownMembersSkip   UnknownMembers = "skip"
	UnknownMembersRefuse UnknownMembers = "refuse"
)

// Dialects is the treatment of requests that deviate from the RFCs.
type Dialects string

// The choices for dialects.
const (
	DialectsTake   Dialects = "take"
	DialectsRefuse Dialects = "refuse"
)

// StaticTokens is the treatment of static tokens.
type StaticTokens string

// The choices for static tokens.
const (
	StaticTake   StaticTokens = "take"
	StaticRefuse StaticTokens = "refuse"
)

// DefaultSettings returns the settings of a new tenant.
func DefaultSettings() Settings {
	return Settings{
		DefaultAccountType: User,
		DeletedUsers:       DeletedHidden,
		Rehire:             RehireWarn,
		UnknownAttributes:  UnknownDrop,
		UnknownMembers:     UnknownMembersSkip,
		Dialects:           DialectsTake,
		StaticTokens:       StaticTake,
		LogDays:            90,
	}
}

// LogRetention returns how long log entries are stored.
func (s Settings) LogRetention() time.Duration {
	return days(s.LogDays)
}

// settingsDelay is more than the time for which instances use earlier settings after a
// change.
const settingsDelay = time.Hour

// KeepsLogSince reports whether all log entries from a time on are still stored.
func (s Settings) KeepsLogSince(at, now time.Time) bool {
	kept := s.LogRetention()
	if at.Before(s.LogDaysSince.Add(settingsDelay)) {
		kept = min(kept, days(s.EarlierLogDays))
	}
	return now.Sub(at) < kept
}

// rememberRetention keeps in changed settings for how long entries of the settings before were
// stored.
func (s *Settings) rememberRetention(before Settings, now time.Time) {
	s.LogDaysSince, s.EarlierLogDays = before.LogDaysSince, before.EarlierLogDays
	if s.LogDays == before.LogDays {
		return
	}
	s.EarlierLogDays = before.LogDays
	if !before.LogDaysSince.IsZero() && now.Sub(before.LogDaysSince) < before.LogRetention()+settingsDelay {
		s.EarlierLogDays = min(before.LogDays, before.EarlierLogDays)
	}
	s.LogDaysSince = now
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// Unlimited is the seat or reader limit of a tenant without one. Limits are
// always stored as numbers, so that one comparison serves both.
const Unlimited = 1 << 52
