package directory

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Kind is a kind of claim.
type Kind string

// The kinds of claim a user makes, and a group. An Address is a userName that is an
// email address and not the user's unique email: it lies among the unique emails, so
// that one address is one person's, whether as userName or as email.
const (
	UserName        Kind = "user"
	Email           Kind = "mail"
	ExternalID      Kind = "ext"
	Address         Kind = "addr"
	GroupName       Kind = "gname"
	GroupExternalID Kind = "gext"
)

// Kinds are all kinds of a user's claims, the one an administrator should read of
// first in front; GroupKinds are a group's.
var (
	Kinds      = [...]Kind{UserName, Email, ExternalID, Address}
	GroupKinds = [...]Kind{GroupName, GroupExternalID}
)

// Space is the kind among whose values those of this kind are unique.
func (k Kind) Space() Kind {
	if k == Address {
		return Email
	}
	return k
}

// formerSuffix ends the name of a kind in the form of an earlier version.
const formerSuffix = ".former"

// Former is the kind under which the holder of a value in the form of an earlier
// version is named, beside the holder of the value in today's form.
func (k Kind) Former() Kind { return k + formerSuffix }

// Today is the kind without Former.
func (k Kind) Today() Kind { return Kind(strings.TrimSuffix(string(k), formerSuffix)) }

// withFormer are kinds, and after them each as Former.
func withFormer(kinds []Kind) []Kind {
	all := slices.Clone(kinds)
	for _, kind := range kinds {
		all = append(all, kind.Former())
	}
	return all
}

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

// As returns the kind under which a value is among the claims, in the space of a
// kind: what is sought as an email may be claimed as a userName that is an address.
func (c Claims) As(kind Kind, value string) (Kind, bool) {
	for held, v := range c {
		if v == value && held.Space() == kind.Space() {
			return held, true
		}
	}
	return "", false
}

// ClaimsOf computes the claims of a user's resource.
func ClaimsOf(r scim.Resource) Claims {
	claims := Claims{UserName: FoldName(r.Text("userName"))}
	if email := UniqueEmail(r); email != "" {
		claims[Email] = FoldName(email)
	}
	if id := r.Text("externalId"); id != "" {
		claims[ExternalID] = HashExternalID(id)
	}
	if name := claims[UserName]; name != claims[Email] && scim.IsAddress(name) {
		claims[Address] = name
	}
	return claims
}

// FormerClaims are the claims of a user's resource in the form in which an earlier
// version reserved them, where that differs.
func FormerClaims(r scim.Resource) Claims {
	former := Claims{}
	former.add(UserName, r.Text("userName"))
	former.add(Email, UniqueEmail(r))
	return former
}

// FormerGroupClaims is FormerClaims of a group's resource.
func FormerGroupClaims(r scim.Resource) Claims {
	former := Claims{}
	former.add(GroupName, r.Text("displayName"))
	return former
}

func (c Claims) add(kind Kind, value string) {
	if former, differs := FormerName(value); differs {
		c[kind] = former
	}
}

// FormerName is the form in which an earlier version compared a name, and whether it
// differs from that of today.
func FormerName(s string) (former string, differs bool) {
	former = scim.FormerFold(s)
	return former, former != "" && former != FoldName(s)
}

// settle is what a record claims after a change of its document. A value that the
// change leaves as it is stays as the record holds it, or does not hold it: what a
// record has lost, or an earlier version did not reserve, is not asked for by a
// change of something else. former are those of the new claims that may be reserved
// in their earlier form.
func settle(held, claims, former Claims, document []byte, claimsOf func(scim.Resource) Claims) (settled, changed Claims) {
	changed = Claims{}
	if len(document) == 0 {
		return claims, former
	}
	if len(former) == 0 && maps.Equal(held, claims) {
		return claims, changed
	}
	old, err := scim.Decode(document)
	if err != nil {
		return claims, former
	}
	was := claimsOf(old)
	settled = Claims{}
	for kind, value := range claims {
		if was[kind] != value {
			settled[kind] = value
			if earlier, ok := former[kind]; ok {
				changed[kind] = earlier
			}
		} else if kept, ok := held[kind]; ok {
			settled[kind] = kept
		}
	}
	return settled, changed
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
	case scim.IsAddress(name):
		return name
	}
	return ""
}

// OtherEmails are the folded emails of a user without the unique one: they are
// found by filter and may be shared.
func OtherEmails(r scim.Resource) []string { return otherEmails(r, FoldName) }

// FormerOtherEmails are the other emails in the form in which an earlier version
// compared them.
func FormerOtherEmails(r scim.Resource) []string { return otherEmails(r, scim.FormerFold) }

// indexed are the emails of a user that a change may take out of the index: the other
// emails, and in the form of an earlier version those that the user does not keep in
// that form. Of one that the user has in another spelling from then on only the
// earlier form is taken out.
func indexed(before, after scim.Resource) []string {
	emails, kept := OtherEmails(before), FormerOtherEmails(after)
	stay := OtherEmails(after)
	for _, former := range FormerOtherEmails(before) {
		today := FoldName(former)
		if today == former || slices.Contains(kept, former) {
			continue
		}
		if slices.Contains(stay, today) {
			emails = without(emails, []string{today})
		}
		emails = append(emails, former)
	}
	return emails
}

func otherEmails(r scim.Resource, fold func(string) string) []string {
	unique := fold(UniqueEmail(r))
	var others []string
	seen := map[string]bool{unique: true}
	emails, _ := r["emails"].([]any)
	for _, e := range emails {
		email, _ := e.(map[string]any)
		value, _ := email["value"].(string)
		if value = fold(value); value != "" && !seen[value] {
			seen[value] = true
			others = append(others, value)
		}
	}
	return others
}
