package fold

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
)

// Covers: 7644-7.8-1
func TestFold(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"bjensen", "bjensen"},
		{"BJensen@Example.COM", "bjensen@example.com"},
		{" \t b jensen \r\n", "b jensen"},
		{"\u00a0\u3000b\u2003", "b"},
		{"Straße", "strasse"},
		{"STRASSE", "strasse"},
		{"ẞ", "ss"},
		{"\u212aelvin", "kelvin"},
		{"ＡＢＣ１", "abc1"},
		{"ﬁ", "fi"},
		{"ſ", "s"},
		{"Éa", "éa"},
		{"E\u0301a", "éa"},
		{"ΣΑΣ", "σασ"},
		{"σας", "σασ"},
		{"I", "i"},
		{"İ", "i\u0307"},
		{"ı", "ı"},
		{"¨", "\u0308"},
		{"adm\u200bin", "admin"},
		{"a\u00add\u034fm\u3164i\u17b4n\U000e0101\u180b\u2800", "admin"},
		{"e\u034f\u0301", "é"},
		{"\uffa0a\u2060 \ufeff", "a"},
		{"\u200b", ""},
		{"a@EXAMPLE\u3002com", "a@example.com"},
		{"a@ＥＸＡＭＰＬＥ．com", "a@example.com"},
		{"a@example\uff61com", "a@example.com"},
		{"a@BÜCHER.de", "a@bücher.de"},
		{"a@xn--bcher-kva.de", "a@bücher.de"},
		{"a@XN--BCHER-KVA.DE", "a@bücher.de"},
		{"a@sub.xn--bcher-kva.xn--p1ai", "a@sub.bücher.рф"},
		{"a@xn--strae-oqa.de", "a@strasse.de"},
		{"a@straße.de", "a@strasse.de"},
		{"a@xn--nxasmm1c.com", "a@βόλοσ.com"},
		{"a@example.com.", "a@example.com"},
		{"a@example.com. .", "a@example.com"},
		{"a@.", "a@."},
		{"a@xn--", "a@xn--"},
		{"a@xn--a", "a@xn--a"},
		{"a@xn--b", "a@xn--b"},
		{"xn--bcher-kva", "xn--bcher-kva"},
		{"xn--bcher-kva@x", "xn--bcher-kva@x"},
		{"example\u3002com", "example\u3002com"},
		{"a@b@example\u3002com.", "a@b@example\u3002com."},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, Value(tt.in), "Fold(%q)", tt.in)
		assert.Truef(t, equal(tt.in, tt.want), "foldEqual(%q, %q) is false", tt.in, tt.want)
	}
}

func TestFold_ToldApart(t *testing.T) {
	for _, pair := range [][2]string{{"İ", "i"}, {"İ", "ı"}, {"ı", "i"}, {"a b", "ab"}, {"é", "e"}, {"а", "a"}} {
		assert.NotEqualf(t, Value(pair[1]), Value(pair[0]), "%q and %q fold alike", pair[0], pair[1])
	}
}

// The table of invisible characters is that of Unicode, as far as package
// unicode has it, with the Braille blank.
func TestFold_DropsInvisibleCharacters(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		want := unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Cf, unicode.Variation_Selector) &&
			!unicode.In(r, unicode.White_Space, unicode.Prepended_Concatenation_Mark) &&
			(r < 0xfff9 || r > 0xfffb) && (r < 0x13430 || r > 0x13440) || r == 0x2800
		assert.Equalf(t, want, unicode.Is(Ignorable, r), "%U shows nothing", r)
		assert.Falsef(t, want && (Value("a"+string(r)+"b") != "ab" || Value(string(r)) != "" || Part(string(r)+"b ") != "b "), "%U is not left out", r)
	}
}

// A text that is too long for a domain is not decoded as one.
func TestFold_LongDomainsStay(t *testing.T) {
	for _, domain := range []string{strings.Repeat("xn--bcher-kva.", 600), "xn--" + strings.Repeat("bcher-kva", 900)} {
		if s := "a@" + domain + "de"; Value(s) != s {
			t.Errorf("%.40s… folds to %.40s…", s, Value(s))
		}
	}
}

// letters yields the runes that folding or normalization may change: ideographs
// and syllables, which have no case, would make the tests slow.
func letters(yield func(rune) bool) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.IsGraphic(r) && !unicode.IsSpace(r) || unicode.In(r, unicode.Hangul) ||
			unicode.In(r, unicode.Han) && norm.NFKC.IsNormalString(string(r)) {
			continue
		}
		if !yield(r) {
			return
		}
	}
}

func TestFold_IsIdempotentOnEveryLetter(t *testing.T) {
	for r := range letters {
		for _, s := range []string{string(r), "e" + string(r) + "\u0301\u0345"} {
			once := Value(s)
			twice := Value(once)
			assert.Equalf(t, once, twice, "Fold(%+q) = %+q, folded again %+q", s, once, twice)
		}
	}
}

// Runes that unicode.SimpleFold connects differ only in case.
func TestFold_JoinsTheCasesOfEveryLetter(t *testing.T) {
	for r := range letters {
		if other := unicode.SimpleFold(r); Value(string(other)) != Value(string(r)) {
			t.Errorf("Fold(%+q) = %+q, Fold(%+q) = %+q", r, Value(string(r)), other, Value(string(other)))
		}
	}
}

// A trailing dot of a domain does not hide the label before it.
func TestFold_ReadsTheLastLabel(t *testing.T) {
	for _, end := range []string{"", ".", " .", " . ", ". .", "\u3002", " \u3002", "\uff61 ."} {
		s := "a@XN--bcher-kva" + end
		got := Value(s)
		assert.Truef(t, got == "a@b\u00fccher" && Value(got) == got, "Fold(%+q) = %+q", s, got)
	}
}

func TestFold_IsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("aX@@..- \u3002ünß\u200b\u034f\u0301－ｘ\uff61")))).Draw(t, "text")
		if rapid.Bool().Draw(t, "punycode") {
			s = "a@" + s + rapid.SampledFrom([]string{"xn--", "XN--bcher-kva", "xn--strae-oqa.", ".xn--nxasmm1c"}).Draw(t, "label") + s
		}
		once := Value(s)
		twice := Value(once)
		require.Equalf(t, once, twice, "Fold(%+q) = %+q, folded again %+q", s, once, twice)
		require.Truef(t, equal(s, once), "foldEqual(%+q, %+q) is false", s, once)
	})
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "Straße", "\xff", "a\xc3", "¨ x", "\u0345\u0301Α", "ﷺ", "a@xn--bcher-kva.", " @xn--a", "a@\u3002"} {
		f.Add(s)
	}
	for _, s := range corpus.Read(f, "../../..").Values {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Value(s)
		twice := Value(once)
		require.Equalf(t, once, twice, "Fold(%+q) = %+q, folded again %+q", s, once, twice)
		require.Truef(t, equal(s, once), "foldEqual(%+q, %+q) is false", s, once)
	})
}

func TestFold_DoesNotAllocateForLowerASCII(t *testing.T) {
	for _, s := range []string{"bjensen@example.com", "  bjensen@example.com ", "xavier@xbox.example"} {
		n := testing.AllocsPerRun(100, func() { Value(s) })
		assert.Truef(t, n == 0, "Fold(%q): %v allocations", s, n)
	}
	n := testing.AllocsPerRun(100, func() { equal("BJensen@Example.com", "bjensen@example.com") })
	assert.Truef(t, n == 0, "foldEqual: %v allocations", n)
}
