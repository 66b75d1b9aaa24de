package scim

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold is the one form in which values that are not case exact are compared:
// by uniqueness, by filters and by keys alike. Two values are equal when their
// folds are.
//
// It trims white space, decomposes and composes compatibly (NFKC), folds case
// in full, and normalises again: ß is ss, full-width letters are ASCII, the
// Kelvin sign is k; İ and ı stay apart from i, for folding knows no language.
// Folding a fold changes nothing.
//
// RFC 7643 §2.2; Unicode §3.13
func Fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(strings.TrimSpace(s))
	}
	return strings.TrimSpace(foldText(s))
}

// foldText is Fold without trimming, for what need not be a whole value: a
// space at the end of a prefix or a substring means something.
func foldText(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	// A Caser may hold state and must not be shared.
	folded := cases.Fold().String(norm.NFKC.String(s))
	return norm.NFKC.String(strings.Map(foldCherokee, folded))
}

// foldCherokee maps the lower case letters of Cherokee to the upper case ones,
// to which they fold; package cases swaps the two, so that they never meet.
// Unicode CaseFolding.txt
func foldCherokee(r rune) rune {
	switch {
	case 0xab70 <= r && r <= 0xabbf:
		return r - 0xab70 + 0x13a0
	case 0x13f8 <= r && r <= 0x13fd:
		return r - 0x13f8 + 0x13f0
	}
	return r
}

// foldEqual says whether s folds to folded, without making the fold of an
// ASCII value.
func foldEqual(s, folded string) bool {
	if !isASCII(s) {
		return Fold(s) == folded
	}
	return equalName(strings.TrimSpace(s), folded)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
