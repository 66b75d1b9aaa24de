package journal

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
)

// What is recorded of a request, and when:
//
//	a change                      its entry, in the transaction of the change
//	nothing to change             an entry with the outcome skipped or warning
//	bulk, with failed operations  an entry besides those of its operations
//	a refusal                     by the rule of its cause, in the table below
//	a success with a warning      is also counted, by day
//
// A request without a proved token causes no write.

// A Rule describes what is recorded of requests that are refused with a cause.
type Rule struct {
	Entries Entries
	Counted Counted
}

// Entries are the refused requests that have an entry. Those of all causes are
// log lines too.
type Entries int

const (
	// Each refused request has an entry, and a refused change marks its subject
	// as failing.
	Each Entries = iota
	// EachChange means that only changes have an entry. "Not found" is an answer that
	// identity providers expect from reads; a deletion with this answer is
	// nobody's failure.
	EachChange
	// OneAMinute is for requests that are refused before they are handled, which
	// may come in great numbers: one stands for the others of a minute, and marks
	// no subject.
	OneAMinute
	// None is for requests without a proved token, or for no endpoint of a tenant; and for
	// access tokens whose hour is over, which is nobody's fault.
	None
)

// Counted is how refused requests are counted besides their entries.
type Counted int

// The ways to count.
const (
	NotCounted Counted = iota
	ByDay
	ByToken
)

// rules has the rules of causes. Any other cause has the zero Rule.
var rules = map[cause.Cause]Rule{
	cause.TokenMissing:     {Entries: None},
	cause.TokenInvalid:     {Entries: None},
	cause.TokenUnknown:     {Entries: None},
	cause.TokenRepeated:    {Entries: None},
	cause.BadEvent:         {Entries: None},
	cause.NoRoute:          {Entries: None},
	cause.NotSupported:     {Entries: None},
	cause.ProtocolVersion:  {Entries: None},
	cause.MethodNotAllowed: {Entries: None},
	cause.SchemaNotFound:   {Entries: None},
	cause.DiscoveryFilter:  {Entries: None},
	cause.UserNotFound:     {Entries: EachChange},
	cause.GroupNotFound:    {Entries: EachChange},
	cause.GroupDeleted:     {Entries: EachChange},
	cause.TokenRevoked:     {Entries: OneAMinute, Counted: ByToken},
	cause.TokenExpired:     {Entries: OneAMinute, Counted: ByToken},
	cause.StaticRefused:    {Entries: OneAMinute, Counted: ByToken},
	cause.AccessEnded:      {Entries: OneAMinute, Counted: ByToken},
	cause.AccessExpired:    {Entries: None},
	cause.ClientRevoked:    {Entries: OneAMinute, Counted: ByToken},
	cause.ClientUnknown:    {Entries: None},
	cause.SecretUnknown:    {Entries: OneAMinute},
	cause.SecretExpired:    {Entries: OneAMinute},
	cause.SecretRevoked:    {Entries: OneAMinute},
	cause.AssertionRefused: {Entries: OneAMinute},
	cause.OAuthRequest:     {Entries: OneAMinute},
	cause.GrantUnsupported: {Entries: OneAMinute},
	cause.SCIMDisabled:     {Entries: OneAMinute, Counted: ByDay},
	cause.RateLimit:        {Entries: OneAMinute, Counted: ByDay},
}

// RuleOf returns the rule of a cause.
func RuleOf(c cause.Cause) Rule { return rules[c] }

// Documented says what the log has of the requests with a cause, "" for all of them.
func Documented(c cause.Cause) string {
	switch rules[c].Entries {
	case None:
		return "\nIts requests are only in the log lines (CloudWatch), not in the provisioning log.\n"
	case OneAMinute:
		text := "\nThe provisioning log has one of them a minute, with the number of requests that it stands for."
		if rules[c].Counted != NotCounted {
			text += " The overview says how many there were."
		}
		return text + "\n"
	}
	return ""
}

// Records reports whether a refused request has an entry.
func Records(o Operation, c cause.Cause) bool {
	if o.Reads() {
		return rules[c].Entries == Each || rules[c].Entries == OneAMinute
	}
	return o.Changes()
}

// MarksFailing reports whether a refused request marks its subject as failing.
func MarksFailing(o Operation, c cause.Cause) bool {
	rule := rules[c].Entries
	return o.Changes() && o != Bulk && rule != OneAMinute && (o != Delete || rule != EachChange)
}

// Interval is how often the requests of one kind are written, at most: of those
// that are refused before they are handled, and of those that are only seen or
// counted. A write with every request would cost more than many requests do.
const Interval = time.Minute

// WriteTime is how long after its beginning a request may still write. A reader
// of the log therefore knows that no entry older than WriteTime plus the
// difference between the clocks is still to come.
const WriteTime = 8 * time.Second

// What a reader of the log allows for besides WriteTime. LongestCall is the longest time
// from sending a transaction until it is applied or never will be: the client gives a call
// up after two seconds, and the table may still apply it. ClockDifference is the largest
// difference between the clocks of two instances.
const (
	LongestCall     = 5 * time.Second
	ClockDifference = 2 * time.Second
)

// SettleTime is the age from which on the log is complete: no entry or signal whose key is
// older is still to come. Readers of events read no newer ones, so a reader that goes on
// where it ended never misses a late commit.
const SettleTime = WriteTime + ClockDifference + LongestCall

// Late reports whether an entry needs an id of its own, because its request began
// long ago. The log is read in the order of ids, and no entry may appear before
// one that was already read.
func Late(began, now time.Time) bool { return now.Sub(began) > WriteTime/4 }

// MayBeChanged reports whether a request refused with a cause may have made its
// change. Its entry has an id of its own, besides the entry of the change.
func MayBeChanged(c cause.Cause) bool { return c == cause.Unfinished || c == cause.OutcomeUnknown }

// TallyBurst is how many requests of one kind an instance counts each by itself. Of
// those that come faster than one an Interval it counts several at once, and those
// that it has not written yet are not known: a count of this many or more is the
// least.
const TallyBurst = 10

// ShownDays is how many days the overview shows, and TallyKept how long the requests
// of a day are therefore remembered.
const (
	ShownDays = 7
	TallyKept = (ShownDays + 1) * 24 * time.Hour
)
