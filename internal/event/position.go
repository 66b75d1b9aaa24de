package event

import (
	"fmt"
	"strconv"
	"time"
)

// PositionBefore returns the position before all sources of a time and later, and after all
// earlier ones, to the millisecond.
func PositionBefore(at time.Time) Position {
	ms := max(at.UnixMilli()-1, 0)
	// The last UUIDv7 of its millisecond. RFC 9562 §5.7
	return Position{Key: fmt.Sprintf("%08x-%04x-7fff-bfff-ffffffffffff", ms>>16, ms&0xffff)}
}

// Time returns the time of the source at the position, zero for the beginning.
func (p Position) Time() time.Time {
	const first, second = 8, 13 // the time is in two groups of digits
	if len(p.Key) < second {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(p.Key[:first]+p.Key[first+1:second], 16, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
