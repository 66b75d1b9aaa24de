// Package amount writes numbers and lengths of time in words, as the console, the
// admin API and the notices of the overview show them. It does not translate, and
// knows nothing of what it counts.
package amount

import (
	"fmt"
	"time"
)

// Number returns a number in groups of three digits: 12,345.
func Number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count returns a number with its noun, which takes an s in the plural: 1 seat, 2 seats.
func Count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Number(n) + " " + noun + "s"
}

// Length returns a length of time in its largest whole unit up to days: 90 seconds are
// 1 minute, and what is shorter than two days is in hours. A negative length is not
// expected.
func Length(d time.Duration) string {
	switch {
	case d < time.Minute:
		return Count(int64(d/time.Second), "second")
	case d < time.Hour:
		return Count(int64(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return Count(int64(d/time.Hour), "hour")
	}
	return Count(int64(d/(24*time.Hour)), "day")
}
