package directory

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/fold"
)

// Kind is the attribute that a claim comes from.
type Kind string

// The kinds of claim of users and of groups. An Address is a userName that is
// an email address other than the user's unique email. It is reserved among the
// unique emails, so that an address belongs to one person, whether as userName
// or as email.
const (
	UserName        Kind = "user"
	Email           Kind = "mail"
	ExternalID      Kind = "ext"
	Address         Kind = "addr"
	GroupName       Kind = "gname"
	GroupExternalID Kind = "gext"
)

// Kinds are the kinds of a user's claims, in the order in which errors report
// them; GroupKinds are a group's.
var (
	Kinds      = [...]Kind{UserName, Email, ExternalID, Address}
	GroupKinds = [...]Kind{GroupName, GroupExternalID}
)

// Space returns the kind that shares its reservations with this one: an Address
// is unique among Emails.
func (k Kind) Space() Kind {
	if k == Address {
		return Email
	}
	return k
}

// formerSuffix ends the name of a kind in the form of an earlier version.
const formerSuffix = ".former"

// Former returns the key under which Holders lists the holder of a value in the
// form of an earlier version, beside the holder of the value in the current
// form.
func (k Kind) Former() Kind { return k + formerSuffix }

// Today returns the kind without Former.
func (k Kind) Today() Kind { return Kind(strings.TrimSuffix(string(k), formerSuffix)) }

// withFormer returns the kinds, followed by their Former kinds.
func withFormer(kinds []Kind) []Kind {
	all := slices.Clone(kinds)
	for _, kind := range kinds {
		all = append(all, kind.Former())
	}
	return all
}

// Attribute returns the SCIM attribute that the claim comes from.
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

// As returns the kind under which the claims hold a value, in the space of the
// given kind: a value looked up as an email may be claimed as a userName that
// is an address.
func (c Claims) As(kind Kind, value string) (Kind, bool) {
	for held, v := range c {
		if v == value && held.Space() == kind.Space() {
			return held, true
		}
	}
	return "", false
}

// ClaimsOf returns the claims of a user's resource.
func ClaimsOf(r scim.Resource) Claims {
	claims := Claims{UserName: FoldName(r.Text("userName"))}
	if email := UniqueEmail(r); email != "" {
		claims[Email] = FoldName(email)
	}
	if id := r.Text("externalId"); id != "" {
		claims[ExternalID] = HashExternalID(id)
	}
	if name := claims[UserName]; name != claims[Email] && fold.IsAddress(name) {
		claims[Address] = name
	}
	return claims
}

// FormerClaims returns the claims of a user's resource in the form in which an
// earlier version reserved them, where that form differs.
func FormerClaims(r scim.Resource) Claims {
	former := Claims{}
	former.add(UserName, r.Text("userName"))
	former.add(Email, UniqueEmail(r))
	return former
}

// FormerGroupClaims does for a group's resource what FormerClaims does for a user's.
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

// FormerName returns the form in which an earlier version compared a name, and
// reports whether it differs from the current form.
func FormerName(s string) (former string, differs bool) {
	former = fold.Former(s)
	return former, former != "" && former != FoldName(s)
}

// claimsAfter returns the claims of a record after a change of its document. A value
// that the change does not touch keeps its state, held or not held: a claim
// that the record has lost, or that an earlier version did not reserve, is not
// requested by a change of something else. changed are those of the new claims
// that may be reserved in their earlier form, taken from former.
func claimsAfter(held, claims, former Claims, document []byte, claimsOf func(scim.Resource) Claims) (after, changed Claims) {
	changed = Claims{}
	if len(document) == 0 {
		return claims, former
	}
	if len(former) == 0 && maps.Equal(held, claims) {
		return claims, changed
	}
	old, err := scim.DecodeStored(document)
	if err != nil {
		return claims, former
	}
	was := claimsOf(old)
	after = Claims{}
	for kind, value := range claims {
		if was[kind] != value {
			after[kind] = value
			if earlier, ok := former[kind]; ok {
				changed[kind] = earlier
			}
		} else if kept, ok := held[kind]; ok {
			after[kind] = kept
		}
	}
	return after, changed
}

// GroupClaimsOf returns the claims of a group's resource.
func GroupClaimsOf(r scim.Resource) Claims {
	claims := Claims{GroupName: FoldName(r.Text("displayName"))}
	if id := r.Text("externalId"); id != "" {
		claims[GroupExternalID] = HashExternalID(id)
	}
	return claims
}

// FoldName returns the form in which userNames and emails are compared: one
// function for claims, filters and lookups.
func FoldName(s string) string { return fold.Value(s) }

// HashExternalID returns the form in which an externalId is compared: a hash of
// its exact bytes, because an identity provider's id may be longer than a key
// may be.
func HashExternalID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// UniqueEmail returns the one email of a user that is unique in the tenant: the
// primary, else the first of type work, else the first. Without any email it is
// a userName that is an address, else "".
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
	case fold.IsAddress(name):
		return name
	}
	return ""
}

// emailValue returns the address of one of a user's emails.
func emailValue(email any) string {
	attributes, _ := email.(map[string]any)
	value, _ := attributes["value"].(string)
	return value
}

// OtherEmails returns the folded emails of a user except the unique one: they
// are found by filters and may be shared.
func OtherEmails(r scim.Resource) []string { return otherEmails(r, FoldName) }

// FormerOtherEmails returns the other emails in the form in which an earlier
// version compared them.
func FormerOtherEmails(r scim.Resource) []string { return otherEmails(r, fold.Former) }

// indexed returns the emails that a change of a user may remove from the index:
// its other emails, and their forms of an earlier version unless the user keeps
// an email in that form. Of an email that the user keeps in another spelling,
// only the earlier form is removed.
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
		if value := fold(emailValue(e)); value != "" && !seen[value] {
			seen[value] = true
			others = append(others, value)
		}
	}
	return others
}
