package assertion

// A Reason says why an assertion is refused. Package cause has advice for each, as the remedy
// assertion_refused.REASON.
type Reason string

// The reasons.
const (
	Size        Reason = "size"
	Malformed   Reason = "malformed"
	Algorithm   Reason = "algorithm"
	Header      Reason = "header"
	Issuer      Reason = "issuer"
	Subject     Reason = "subject"
	Audience    Reason = "audience"
	Expired     Reason = "expired"
	Early       Reason = "early"
	Life        Reason = "life"
	UnknownKey  Reason = "key"
	WeakKey     Reason = "weak_key"
	Signature   Reason = "signature"
	Host        Reason = "host"
	Unreachable Reason = "unreachable"
	BadKeys     Reason = "keys"
)

// Reasons are all reasons.
var Reasons = [...]Reason{
	Size, Malformed, Algorithm, Header, Issuer, Subject, Audience, Expired, Early, Life, UnknownKey, WeakKey, Signature, Host, Unreachable, BadKeys,
}

// An Error reports that an assertion is refused. Its text has nothing of the assertion.
type Error struct {
	Reason Reason
	// What says what was found, for the log.
	What string
}

// Error returns what was found.
func (e *Error) Error() string { return "assertion: " + string(e.Reason) + ": " + e.What }

func refused(r Reason, what string) error { return &Error{Reason: r, What: what} }
