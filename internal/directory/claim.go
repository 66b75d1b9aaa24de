package directory

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Kind is a kind of claim.
type Kind string

// The kinds of claim a user makes, and a group.
const (
	UserName        Kind = "user"
	Email           Kind = "mail"
	ExternalID      Kind = "ext"
	GroupName       Kind = "gname"
	GroupExternalID Kind = "gext"
)

// Kinds are all kinds of a user's claims, the one an administrator should read of
// first in front; GroupKinds are a group's.
var (
	Kinds      = [...]Kind{UserName, Email, ExternalID}
	GroupKinds = [...]Kind{GroupName, GroupExternalID}
)

// Attribute is the SCIM attribute that makes the claim.
func (k Kind) Attribute() string {
	switch k {
	case Email:
		return "emails"
	case ExternalID, GroupExternalID:
		return "externalId"
	case GroupName:
		return "displayName"
	default:
		return "userName"
	}
}

// Claims are the values a record keeps unique in its tenant, in the form in
// which they are compared: userName, email and a group's displayName folded,
// externalId hashed by its exact bytes.
type Claims map[Kind]string

// ClaimsOf computes the claims of a user's resource.
func ClaimsOf(r scim.Resource) Claims {
	claims := Claims{UserName: FoldName(r.Text("userName"))}
	if email := UniqueEmail(r); email != "" {
		claims[Email] = FoldName(email)
	}
	if id := r.Text("externalId"); id != "" {
		claims[ExternalID] = HashExternalID(id)
	}
	return claims
}

// GroupClaimsOf computes the claims of a group's resource.
func GroupClaimsOf(r scim.Resource) Claims {
	claims := Claims{GroupName: FoldName(r.Text("displayName"))}
	if id := r.Text("externalId"); id != "" {
		claims[GroupExternalID] = HashExternalID(id)
	}
	return claims
}

// FoldName is the form in which userName and emails are compared: one function
// for claims, filters and lookups.
func FoldName(s string) string { return scim.Fold(s) }

// HashExternalID is the form in which an externalId is compared: its exact
// bytes, in a hash because a key has a limited size and an identity provider's
// id may be long.
func HashExternalID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// UniqueEmail is the one email of a user that is unique in the tenant: the
// primary, else the first of type work, else the first; with no email, a
// userName that is an address. "" when there is none.
func UniqueEmail(r scim.Resource) string {
	var first, work string
	emails, _ := r["emails"].([]any)
	for _, e := range emails {
		email, _ := e.(map[string]any)
		value, _ := email["value"].(string)
		if FoldName(value) == "" {
			continue
		}
		if primary, _ := email["primary"].(bool); primary {
			return value
		}
		if kind, _ := email["type"].(string); work == "" && strings.EqualFold(kind, "work") {
			work = value
		}
		if first == "" {
			first = value
		}
	}
	switch name := r.Text("userName"); {
	case work != "":
		return work
	case first != "":
		return first
	case isAddress(name):
		return name
	}
	return ""
}

// OtherEmails are the folded emails of a user without the unique one: they are
// found by filter and may be shared.
func OtherEmails(r scim.Resource) []string {
	unique := FoldName(UniqueEmail(r))
	var others []string
	seen := map[string]bool{unique: true}
	emails, _ := r["emails"].([]any)
	for _, e := range emails {
		email, _ := e.(map[string]any)
		value, _ := email["value"].(string)
		if value = FoldName(value); value != "" && !seen[value] {
			seen[value] = true
			others = append(others, value)
		}
	}
	return others
}

// isAddress tells whether a userName is an email address: something on both
// sides of one @. What lies deeper is the mail system's to judge.
func isAddress(name string) bool {
	local, domain, ok := strings.Cut(strings.TrimSpace(name), "@")
	return ok && local != "" && domain != "" && !strings.Contains(domain, "@")
}
