package filter_test

import (
	"strings"
	"testing"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// Eight times the text costs at most a dozen times as much to read and to
// print, whatever is repeated in it: quadratic cost would be 64 times. Objects
// and bytes are counted, not time.
func TestParse_CostIsLinear(t *testing.T) {
	const times, most = 8, 12
	large := filter.Limits{Length: 1 << 20, Depth: 1 << 14, Terms: 1 << 14}
	repeat := strings.Repeat
	for name, text := range map[string]func(n int) string{
		"or":                   func(n int) string { return repeat(`a eq "x" or `, n) + `a pr` },
		"and or":               func(n int) string { return repeat(`a eq "x" and b pr or `, n) + `a pr` },
		"parentheses":          func(n int) string { return repeat(`(`, n) + `a pr` + repeat(`)`, n) },
		"not":                  func(n int) string { return repeat(`not (`, n) + `a pr` + repeat(`)`, n) },
		"or to the right":      func(n int) string { return repeat(`a pr or (`, n) + `a pr` + repeat(`)`, n) },
		"value path":           func(n int) string { return `emails[` + repeat(`type eq "x" or `, n) + `type pr].value eq "x"` },
		"value paths":          func(n int) string { return repeat(`emails[type eq "x"].value pr or `, n) + `a pr` },
		"string":               func(n int) string { return `a eq "` + repeat("x", 64*n) + `"` },
		"string of escapes":    func(n int) string { return `a eq "` + repeat(`\u0041\n`, 16*n) + `"` },
		"number":               func(n int) string { return `a eq 1` + repeat("0", 64*n) },
		"name":                 func(n int) string { return repeat("a", 64*n) + ` pr` },
		"URN":                  func(n int) string { return `urn:` + repeat("a:", 64*n) + `b pr` },
		"spaces":               func(n int) string { return `a` + repeat(" ", 64*n) + `pr` },
		"unclosed parentheses": func(n int) string { return repeat(`(`, n) + `a pr` },
		"unclosed string":      func(n int) string { return `a eq "` + repeat(`\"`, 64*n) },
		"wrong at its end":     func(n int) string { return repeat(`a eq "x" or `, n) + `a zz "x"` },
	} {
		read := func(n int) (objects, bytes uint64) {
			text := text(n)
			return scimtest.Allocated(func() {
				if e, err := filter.Parse(text, large); err == nil {
					_ = e.String()
				}
				_, _ = filter.ParsePath(text, large) // only its cost is looked at
			})
		}
		const n = 100
		objects, bytes := read(n)
		moreObjects, moreBytes := read(times * n)
		// A few hundred bytes are the same for any text, or belong to the
		// runtime.
		if moreObjects > most*objects+64 || moreBytes > most*bytes+4096 {
			t.Errorf("%s: %d bytes in %d objects, of a text %d times as long %d bytes in %d", name, bytes, objects, times, moreBytes, moreObjects)
		}
	}
}
