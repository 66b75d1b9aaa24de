// Package idp has the identity providers that the service knows by name, how
// each is recognized, and its usual name. It never decides what a request may
// do: the same rules apply to every identity provider.
package idp

import (
	"strings"
	"unicode"
)

// A Provider is an identity provider, as log entries and the admin API name it.
// The zero value is a sender that did not identify itself.
type Provider string

// The providers.
const (
	Okta      Provider = "okta"
	Entra     Provider = "entra"
	OneLogin  Provider = "onelogin"
	JumpCloud Provider = "jumpcloud"
	PingOne   Provider = "pingone"
	// PingFederate has other screens than PingOne.
	PingFederate Provider = "pingfederate"
	// Ping is a product of Ping Identity; it is not known which.
	Ping       Provider = "ping"
	SailPoint  Provider = "sailpoint"
	Google     Provider = "google"
	Rippling   Provider = "rippling"
	CyberArk   Provider = "cyberark"
	IBMVerify  Provider = "ibmverify"
	Oracle     Provider = "oracle"
	MiniOrange Provider = "miniorange"
	Authentik  Provider = "authentik"
	// Tester and Curl are programs of developers.
	Tester Provider = "scim2-tester"
	Curl   Provider = "curl"
	// Other is any other sender.
	Other Provider = "other"
)

// known are the providers in the order in which they are recognized: a name,
// and the words that identify it in a user agent or a token's label.
var known = [...]struct {
	provider Provider
	name     string
	words    []string
}{
	{Okta, "Okta", []string{"okta"}},
	{Entra, "Microsoft Entra ID", []string{"microsoft", "azure", "entra"}},
	{OneLogin, "OneLogin", []string{"onelogin"}},
	{JumpCloud, "JumpCloud", []string{"jumpcloud"}},
	{PingOne, "PingOne", []string{"pingone"}},
	{PingFederate, "PingFederate", []string{"pingfed"}},
	{Ping, "Ping Identity", []string{"ping"}},
	{SailPoint, "SailPoint", []string{"sailpoint"}},
	{CyberArk, "CyberArk Identity", []string{"cyberark", "idaptive"}},
	{MiniOrange, "miniOrange", []string{"miniorange"}},
	{Authentik, "authentik", []string{"authentik"}},
	{IBMVerify, "IBM Verify", []string{"ibm"}},
	{Oracle, "Oracle Cloud IAM", []string{"oracle", "idcs"}},
	{Google, "Google Workspace", []string{"google"}},
	{Rippling, "Rippling", []string{"rippling"}},
	{Tester, "scim2-tester", []string{"scim2-tester"}},
	{Curl, "curl", []string{"curl"}},
}

// IsProduct reports whether the provider is an identity provider that is known by name, and
// not a program of developers.
func (p Provider) IsProduct() bool {
	switch p {
	case "", Other, Curl, Tester:
		return false
	}
	return true
}

// Name returns the provider's usual name; an unknown provider keeps its own
// spelling.
func (p Provider) Name() string {
	for _, k := range known {
		if k.provider == p {
			return k.name
		}
	}
	if p == Other {
		return "Another client"
	}
	return string(p)
}

// FromUserAgent returns the sender of a request with a user agent: Other for an
// unknown one, or "" if there is none.
func FromUserAgent(agent string) Provider {
	if agent == "" {
		return ""
	}
	agent = strings.ToLower(agent)
	if p := named(func(word string) bool { return strings.Contains(agent, word) }); p != "" {
		return p
	}
	return Other
}

// FromLabel returns the identity provider in a token's label, for example "Okta
// production", or "". Only the beginnings of words count: a label "Shipping" is
// not Ping's.
func FromLabel(label string) Provider {
	words := strings.FieldsFunc(strings.ToLower(label), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	p := named(func(name string) bool {
		for _, word := range words {
			if strings.HasPrefix(word, name) {
				return true
			}
		}
		return false
	})
	if p == Tester || p == Curl {
		return ""
	}
	return p
}

// named returns the first provider of which a word is found.
func named(found func(word string) bool) Provider {
	for _, k := range known {
		for _, word := range k.words {
			if found(word) {
				return k.provider
			}
		}
	}
	return ""
}
