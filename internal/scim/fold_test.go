package scim

import (
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
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
	}
	for _, tt := range tests {
		if got := Fold(tt.in); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if !foldEqual(tt.in, tt.want) {
			t.Errorf("foldEqual(%q, %q) is false", tt.in, tt.want)
		}
	}
}

func TestFold_ToldApart(t *testing.T) {
	for _, pair := range [][2]string{{"İ", "i"}, {"İ", "ı"}, {"ı", "i"}, {"a b", "ab"}, {"é", "e"}, {"а", "a"}} {
		if Fold(pair[0]) == Fold(pair[1]) {
			t.Errorf("%q and %q fold alike", pair[0], pair[1])
		}
	}
}

// letters are the runes that folding or normalising may change: ideographs and
// syllables, which no case has, would make the tests slow.
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
			once := Fold(s)
			if twice := Fold(once); twice != once {
				t.Errorf("Fold(%+q) = %+q, folded again %+q", s, once, twice)
			}
		}
	}
}

// The runes that unicode.SimpleFold connects differ in case alone.
func TestFold_JoinsTheCasesOfEveryLetter(t *testing.T) {
	for r := range letters {
		if other := unicode.SimpleFold(r); Fold(string(other)) != Fold(string(r)) {
			t.Errorf("Fold(%+q) = %+q, Fold(%+q) = %+q", r, Fold(string(r)), other, Fold(string(other)))
		}
	}
}

func TestFold_IsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Fatalf("Fold(%+q) = %+q, folded again %+q", s, once, twice)
		}
		if !foldEqual(s, once) {
			t.Fatalf("foldEqual(%+q, %+q) is false", s, once)
		}
	})
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "Straße", "\xff", "a\xc3", "¨ x", "\u0345\u0301Α", "ﷺ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Fatalf("Fold(%+q) = %+q, folded again %+q", s, once, twice)
		}
		if !foldEqual(s, once) {
			t.Fatalf("foldEqual(%+q, %+q) is false", s, once)
		}
	})
}

func TestFold_DoesNotAllocateForLowerASCII(t *testing.T) {
	for _, s := range []string{"bjensen@example.com", "  bjensen@example.com "} {
		if n := testing.AllocsPerRun(100, func() { Fold(s) }); n != 0 {
			t.Errorf("Fold(%q): %v allocations", s, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { foldEqual("BJensen@Example.com", "bjensen@example.com") }); n != 0 {
		t.Errorf("foldEqual: %v allocations", n)
	}
}
