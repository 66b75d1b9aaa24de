package feed

import (
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// order returns the Seq of an event that waits for endpoints: the time of its record as a
// UUIDv7 begins with it, the record's sequence, the part, and the event's id. So it is the
// same each time that the record comes, and the events of one item are in the order in which
// they were committed: a stream has the time to the second only.
func order(r table.Record, d event.Draft) string {
	at := fmt.Sprintf("%012x", r.Time.UnixMilli())
	return fmt.Sprintf("%s-%s-7%s-%04d/%s", at[:8], at[8:], digits(r.Sequence), d.Part, d.ID())
}

// sequenceDigits is more than the sequence numbers of a stream have, which are decimal
// numbers of 21 to 40 digits.
const sequenceDigits = 40

// digits returns a sequence number so that texts are in the order of numbers.
func digits(sequence string) string {
	return strings.Repeat("0", max(0, sequenceDigits-len(sequence))) + sequence
}
