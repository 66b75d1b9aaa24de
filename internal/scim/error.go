package scim

import (
	"errors"
	"fmt"
)

// ErrorType is a scimType keyword. RFC 7644 §3.12, table 9; RFC 9865 §2.1
type ErrorType string

// The scimType keywords.
const (
	InvalidFilter ErrorType = "invalidFilter"
	TooMany       ErrorType = "tooMany"
	NotUnique     ErrorType = "uniqueness"
	NotMutable    ErrorType = "mutability"
	InvalidSyntax ErrorType = "invalidSyntax"
	InvalidPath   ErrorType = "invalidPath"
	NoTarget      ErrorType = "noTarget"
	InvalidValue  ErrorType = "invalidValue"
	InvalidVers   ErrorType = "invalidVers"
	Sensitive     ErrorType = "sensitive"
	InvalidCursor ErrorType = "invalidCursor"
	ExpiredCursor ErrorType = "expiredCursor"
	InvalidCount  ErrorType = "invalidCount"
)

// Error refuses a request for its content. Detail says what is wrong, why, and
// what an administrator can do; it names attributes and positions, never a
// password or a whole body.
type Error struct {
	Type   ErrorType
	Detail string
	// Rule is the rule that the request breaks, and Attribute the name of the
	// attribute that breaks it. Either is "" if it does not matter which it is.
	Rule      Rule
	Attribute string
}

// Rule names a rule of an attribute that a request breaks: the kind of a Notice
// for a tenant that accepts no dialect, or one of these.
type Rule string

// The rules.
const (
	// RuleList, RuleObject, RuleText, RuleBoolean, RuleNumber, RuleDateTime and
	// RuleBinary: the value must have this form.
	RuleList     Rule = "list"
	RuleObject   Rule = "object"
	RuleText     Rule = "text"
	RuleBoolean  Rule = "boolean"
	RuleNumber   Rule = "number"
	RuleDateTime Rule = "date_time"
	RuleBinary   Rule = "binary"
	// RuleSingle: the attribute has one value, and several were sent.
	RuleSingle Rule = "single"
	// RuleAddress: a text in place of all emails is not one address.
	RuleAddress Rule = "address"
	// RuleRequired: the attribute must have a value.
	RuleRequired Rule = "required"
	// RuleLength: the value is too long.
	RuleLength Rule = "length"
	// RuleVisible: the text has characters that are not visible, or no others.
	RuleVisible Rule = "visible"
	// RuleReadOnly: the attribute cannot be changed.
	RuleReadOnly Rule = "read_only"
	// RuleKnown: the resource type must have the attribute.
	RuleKnown Rule = "known"
	// RulePath: the path must be one of the grammar.
	RulePath Rule = "path"
	// RuleImmutable: the attribute cannot be changed once it has a value.
	RuleImmutable Rule = "immutable"
	// RuleMatch: the path must match a value.
	RuleMatch Rule = "match"
	// RuleSchemas: schemas must list the schema of the request.
	RuleSchemas Rule = "schemas"
	// RuleJSON: the body must be JSON.
	RuleJSON Rule = "json"
	// RuleOnce: the attribute may be sent once.
	RuleOnce Rule = "once"
)

// Error returns the scimType and the detail.
func (e *Error) Error() string { return string(e.Type) + ": " + e.Detail }

// InOperation adds to an error which operation of the request is at fault.
func InOperation(number int, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	in := *e
	in.Detail = fmt.Sprintf("Operation %d: %s", number, e.Detail)
	return &in
}
