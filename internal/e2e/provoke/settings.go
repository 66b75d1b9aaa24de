package provoke

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/setting"
)

// A FaultySetting is a faulty setting of an identity provider, with the request that
// the identity provider then sends.
type FaultySetting struct {
	// Name says what is set wrongly.
	Name string
	By   idp.Provider
	// Fault is the fault that the request shows.
	Fault setting.Fault
	// Says has the words that the advice must have: the screen, the attribute and the
	// correction, as the identity provider has them.
	Says []string
	// Do sends the request, on a Stage of its own.
	Do func(s *Stage, p idp.Provider) Answer
}

// FaultySettings are all of them.
var FaultySettings = slices.Concat(mappings)

// creating creates a user with further attributes.
func creating(more string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer { return s.create(p, more) }
}

// sending creates a user with a whole body.
func sending(body string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer { return s.SendAs(p, "POST", "/Users", body) }
}

// changing changes a user by operations.
func changing(operations ...string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer {
		id := s.must(s.create(p, "")).ID()
		return s.SendAs(p, "PATCH", "/Users/"+id, stage.Patch(operations...))
	}
}

// replacing sets one path, as Entra does.
func replacing(path, value string) func(*Stage, idp.Provider) Answer {
	return changing(fmt.Sprintf(`{"op":"Replace","path":%q,"value":%s}`, path, value))
}

// looking looks users up by a filter.
func looking(filter string) func(*Stage, idp.Provider) Answer {
	return func(s *Stage, p idp.Provider) Answer {
		return s.SendAs(p, "GET", "/Users?filter="+url.QueryEscape(filter), "")
	}
}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// mappings are the faulty settings of attribute mappings.
var mappings = []FaultySetting{
	{
		Name: "mobile mapped to phoneNumbers as a text", By: idp.Entra, Fault: setting.TextForList,
		Says: []string{"Provisioning > Attribute mapping", "Target attribute", `phoneNumbers[type eq "work"].value`},
		Do:   creating(`,"phoneNumbers":"+1 555 0100"`),
	},
	{
		Name: "External name phoneNumbers for a text", By: idp.Okta, Fault: setting.TextForList,
		Says: []string{"Directory > Profile Editor", "External name to phoneNumbers.^[type==work].value"},
		Do:   creating(`,"phoneNumbers":"+1 555 0100"`),
	},
	{
		Name: "mobile as a target", By: idp.Entra, Fault: setting.WrongTarget,
		Says: []string{"Provisioning > Attribute mapping", "mobile", `Target attribute of this mapping to phoneNumbers[type eq "mobile"].value`},
		Do:   creating(`,"mobile":"+1 555 0100"`),
	},
	{
		Name: "userName from a constant with the form of an expression", By: idp.Entra, Fault: setting.ExpressionAsText,
		Says: []string{"Provisioning > Attribute mapping", "userName", "Mapping type to Direct", "Source attribute userPrincipalName"},
		Do: func(s *Stage, p idp.Provider) Answer {
			return s.SendAs(p, "POST", "/Users", newUser(p, "[userPrincipalName]", ""))
		},
	},
	{
		Name: "Microsoft's example of an extension", By: idp.Entra, Fault: setting.PlaceholderURN,
		Says: []string{"Attribute mapping > Show advanced options > Edit attribute list", "CustomExtensionName", "Microsoft's example"},
		Do:   replacing("urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:badge", `"B-7"`),
	},
	{
		Name: "no userName", By: idp.Okta, Fault: setting.MissingUserName,
		Says: []string{"Sign On > Credentials Details", "Application username format", "empty for this user"},
		Do:   sending(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"name":{"givenName":"Alice"},"emails":[{"primary":true,"value":"alice@example.com","type":"work"}],"active":true}`),
	},
}
