// Package fold returns the forms in which values are compared if case does not
// count: in filters, in keys, and to keep values unique.
//
// RFC 7643 §2.2
package fold

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Value returns the form in which values that are not case exact are compared:
// for uniqueness, in filters and in keys. Two values are equal if their folds
// are.
//
// It trims white space, removes invisible characters
// (Default_Ignorable_Code_Point, and the Braille blank U+2800), applies
// compatibility normalization (NFKC) and full case folding, and normalizes
// again: ß becomes ss, full-width letters become ASCII, the Kelvin sign becomes
// k; İ and ı stay distinct from i, because folding is independent of language.
// The domain of an address is compared as in UTS 46: an ideographic full stop
// is a dot, xn--bcher-kva.de is bücher.de, and a trailing dot is ignored.
// Folding is idempotent.
//
// RFC 7643 §2.2; Unicode §3.13; UTS 46
func Value(s string) string {
	if isPlain(s) {
		return strings.ToLower(strings.TrimSpace(s))
	}
	// Before the labels are decoded and after: the last label is decoded
	// without what follows it.
	return trimRootDot(foldAddress(trimRootDot(strings.TrimSpace(foldLetters(s)))))
}

// Part does what Fold does without trimming, for text that need not be a whole
// value: a space at the end of a prefix or a substring is significant.
func Part(s string) string {
	if isPlain(s) {
		return strings.ToLower(s)
	}
	return foldAddress(foldLetters(s))
}

// foldAddress folds the domain of an address whose letters are already folded.
func foldAddress(s string) string {
	if local, domain, ok := cutAddress(s); ok {
		return local + "@" + Domain(domain)
	}
	return s
}

// foldLetters folds any text, without regard to what it is.
func foldLetters(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = strings.Map(dropIgnorable, s)
	// A Caser may hold state and must not be shared.
	folded := cases.Fold().String(norm.NFKC.String(s))
	return norm.NFKC.String(strings.Map(dropIgnorable, strings.Map(foldCherokee, folded)))
}

// dropIgnorable drops invisible characters.
func dropIgnorable(r rune) rune {
	if r >= 0xad && unicode.Is(Ignorable, r) {
		return -1
	}
	return r
}

// foldCherokee maps lower-case Cherokee letters to the upper-case ones, to
// which they fold. Package cases swaps the two, so that they would never be
// equal. Unicode CaseFolding.txt
func foldCherokee(r rune) rune {
	switch {
	case 0xab70 <= r && r <= 0xabbf:
		return r - 0xab70 + 0x13a0
	case 0x13f8 <= r && r <= 0x13fd:
		return r - 0x13f8 + 0x13f0
	}
	return r
}

// Ignorable are the invisible characters: Default_Ignorable_Code_Point, and the
// Braille pattern without dots. Unicode DerivedCoreProperties.txt
var Ignorable = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00ad, 0x00ad, 1},
		{0x034f, 0x034f, 1},
		{0x061c, 0x061c, 1},
		{0x115f, 0x1160, 1},
		{0x17b4, 0x17b5, 1},
		{0x180b, 0x180f, 1},
		{0x200b, 0x200f, 1},
		{0x202a, 0x202e, 1},
		{0x2060, 0x206f, 1},
		{0x2800, 0x2800, 1},
		{0x3164, 0x3164, 1},
		{0xfe00, 0xfe0f, 1},
		{0xfeff, 0xfeff, 1},
		{0xffa0, 0xffa0, 1},
		{0xfff0, 0xfff8, 1},
	},
	R32: []unicode.Range32{
		{0x1bca0, 0x1bca3, 1}, {0x1d173, 0x1d17a, 1}, {0xe0000, 0xe0fff, 1},
	},
}

// cutAddress splits an address: text on both sides of one @. Whether it is
// valid beyond that is for the mail system to judge.
func cutAddress(s string) (local, domain string, ok bool) {
	local, domain, ok = strings.Cut(s, "@")
	return local, domain, ok && local != "" && domain != "" && !strings.Contains(domain, "@")
}

// IsAddress reports whether a value is an email address, in the form in which
// it is compared.
func IsAddress(s string) bool {
	_, _, ok := cutAddress(Value(s))
	return ok
}

// internationalized decodes the labels of domains. foldLetters has mapped the
// characters before, and does more than UTS 46 requires.
var internationalized = idna.New(idna.MapForLookup(), idna.Transitional(false))

const (
	// punycode begins an ASCII label that stands for other characters. RFC 5890
	// §2.3.2.1
	punycode = "xn--"
	// maxDomain is the longest domain whose labels are decoded, in bytes: no
	// longer one can be registered, and decoding it would take longer than the
	// rest of a comparison. RFC 1035 §2.3.4
	maxDomain = 253
	// ideographicStop is a dot in a domain. UTS 46 §4.5
	ideographicStop = "\u3002"
)

// Domain returns the form in which domains are compared, for a domain whose
// letters are folded. A label that is not punycode stays as it is.
func Domain(s string) string {
	s = strings.ReplaceAll(s, ideographicStop, ".")
	if len(s) > maxDomain || !strings.Contains(s, punycode) {
		return s
	}
	labels := strings.Split(s, ".")
	for i, label := range labels {
		labels[i] = foldLabel(label)
	}
	return strings.Join(labels, ".")
}

func foldLabel(label string) string {
	if !strings.HasPrefix(label, punycode) {
		return label
	}
	shown, err := internationalized.ToUnicode(label)
	if err != nil {
		return label
	}
	// A label that would be folded further cannot be registered.
	if shown = foldLetters(shown); shown == "" || strings.Contains(shown, punycode) || strings.ContainsAny(shown, ".@"+ideographicStop) {
		return label
	}
	return shown
}

// trimRootDot removes trailing dots from an address: the root of all domains.
func trimRootDot(s string) string {
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, ideographicStop) {
		return s
	}
	local, domain, ok := cutAddress(s)
	if !ok {
		return s
	}
	domain = strings.TrimRightFunc(domain, func(r rune) bool {
		return r == '.' || string(r) == ideographicStop || unicode.IsSpace(r)
	})
	if domain == "" {
		return s
	}
	return local + "@" + domain
}

// equal reports whether s folds to folded, without computing the fold of a
// plain value.
func equal(s, folded string) bool {
	if !isPlain(s) {
		return Value(s) == folded
	}
	return scim.EqualName(strings.TrimSpace(s), folded)
}

// isPlain reports whether the fold of a text is the text in lower case: it is
// ASCII, and contains no domain to decode.
func isPlain(s string) bool {
	if !isASCII(s) {
		return false
	}
	at := strings.IndexByte(s, '@')
	if at < 0 {
		return true
	}
	domain := strings.TrimRight(s[at+1:], " \t\r\n\v\f")
	for i := range len(domain) {
		if c := domain[i]; (c == 'x' || c == 'X') && len(domain)-i >= len(punycode) && scim.EqualName(domain[i:i+len(punycode)], punycode) {
			return false
		}
	}
	return !strings.HasSuffix(domain, ".")
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
