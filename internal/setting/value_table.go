package setting

import (
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

// The faults that a value shows: it is not what a person's attribute would be.
const (
	ExpressionAsText Fault = "expression_as_text"
	NameAsText       Fault = "name_as_text"
	FillerValue      Fault = "filler_value"
	ExampleValue     Fault = "example_value"
)

// doubtful are the causes that a doubtful value explains: it makes users equal, too.
var doubtful = []cause.Cause{cause.Validation, cause.Tolerated, cause.Duplicate, cause.DuplicateInactive, cause.DuplicateSeveral, cause.IdentityDiffers}

// valueFaults are the faults that values show.
var valueFaults = map[Fault]row{
	ExpressionAsText: {
		means: "An expression or a placeholder is sent as it is, not its result.", explains: doubtful, warns: true, sample: "userName",
		neutral: "{At}, {attribute} gets an expression as a text: map an attribute of the user to it, and not a constant.",
		in: map[idp.Provider]string{
			idp.Okta:     "{At}, {attribute} gets an expression as a text: choose Expression and enter it without quotes or braces, or Map from Okta Profile and {source}.",
			idp.Entra:    "{At}, {attribute} gets an expression as a text: set its Mapping type to Direct with the Source attribute {source}, or to Expression, not Constant.",
			idp.OneLogin: "{Define}, {attribute} has a macro that OneLogin does not know: write one with braces and a dollar sign, for example {source}.",
		},
	},
	NameAsText: {
		means: "The name of an attribute is sent as its value.", explains: doubtful, warns: true, sample: "displayName",
		neutral: "{At}, {attribute} gets the name of an attribute as a text: map the attribute itself to it, and not a constant.",
		in: map[idp.Provider]string{
			idp.Okta:  "{At}, {attribute} gets the name of an attribute as a text: choose Map from Okta Profile and {source}, not Same value for all users.",
			idp.Entra: "{At}, {attribute} gets the name of an attribute as a text: set its Mapping type to Direct with the Source attribute {source}, not Constant.",
		},
	},
	FillerValue: {
		means: "A word for no value, for example null or N/A, is sent as a text.", explains: doubtful, warns: true, sample: "title",
		neutral: "{At}, {attribute} gets a word for no value: leave the value empty in the user's profile, or map an expression that is empty then.",
		in: map[idp.Provider]string{
			idp.Okta:  "{At}, {attribute} gets a word for no value: clear it in the user's profile under Directory > People, and correct the expression of the mapping so that it returns nothing.",
			idp.Entra: "{At}, {attribute} gets a word for no value: empty Default value if null (optional) of the mapping, or correct its expression.",
		},
	},
	ExampleValue: {
		means: "The value of an example in a documentation is sent for a user.", explains: doubtful, warns: true, sample: "emails.value",
		neutral: "{At}, {attribute} gets the value of an example: map an attribute of the user to it, and not a constant.",
		in: map[idp.Provider]string{
			idp.Okta:  "{At}, {attribute} gets the value of an example: choose Map from Okta Profile and {source}, not Same value for all users.",
			idp.Entra: "{At}, {attribute} gets the value of an example: set its Mapping type to Direct with the Source attribute {source}, not Constant.",
		},
	},
}
