package journal

import "github.com/rollcall-scim/rollcall/internal/cause"

// A Refused says why a request is refused.
type Refused struct {
	Cause  cause.Cause
	Remedy cause.Remedy
	// What is what happened, in a sentence.
	What string
	// Holder is the id of the record that has what the request wanted, or "".
	Holder string
}
