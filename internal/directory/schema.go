package directory

import (
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// teamAccount is the attribute that is true for a User, who takes a seat while
// active, and false for a Reader, who takes none.
const teamAccount = "isTeamAccount"

// Types returns the built-in resource types: those of the standard, and the
// extension with a user's account type under a URN; "" stands for
// scim.RollcallURN.
func Types(extensionURN string) schema.Types {
	if extensionURN == "" {
		extensionURN = scim.RollcallURN
	}
	return schema.Types{
		User: schema.UserType(&schema.Schema{
			ID:          extensionURN,
			Name:        "RollcallUser",
			Description: "Account type of a user",
			Attributes: []*schema.Attribute{{
				Name:        teamAccount,
				Type:        schema.TypeBoolean,
				Description: "True for a User, who takes a seat while active; false for a Reader, who takes none.",
				Defaulted:   true,
				Mutability:  schema.ReadWrite, Returned: schema.ReturnedDefault, Uniqueness: schema.UniqueNone,
			}},
		}),
		Group: schema.GroupType(),
	}
}
