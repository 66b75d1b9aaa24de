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
}

// Error returns the scimType and the detail.
func (e *Error) Error() string { return string(e.Type) + ": " + e.Detail }

// InOperation adds to an error which operation of the request is at fault.
func InOperation(number int, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{e.Type, fmt.Sprintf("Operation %d: %s", number, e.Detail)}
	}
	return err
}
