// Package scimtest has a resource type, bulk requests and a measure of cost for
// tests.
package scimtest

import (
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// UserType returns the User type with an extension of the service: an attribute
// that always has a value.
func UserType() *schema.ResourceType {
	return schema.UserType(&schema.Schema{ID: scim.RollcallURN, Name: "RollcallUser", Attributes: []*schema.Attribute{{
		Name: "isTeamAccount", Type: schema.TypeBoolean, Defaulted: true,
		Mutability: schema.ReadWrite, Returned: schema.ReturnedDefault, Uniqueness: schema.UniqueNone,
	}}})
}
