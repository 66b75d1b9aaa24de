// Package texttest has hostile texts for tests of everything that shows texts of
// others.
package texttest

// A Case is a text that does harm if it is shown unchanged.
type Case struct {
	Text string
	// Terminal and Page are the forms in which it is shown there.
	Terminal, Page string
}

// Hostile are such texts by name, and a plain text.
var Hostile = map[string]Case{
	"plain":            {`Åsa <a@b> 日本 "q" \\ 🙂`, `Åsa <a@b> 日本 "q" \\ 🙂`, `Åsa <a@b> 日本 "q" \\ 🙂`},
	"markup":           {`<script>alert("x")</script>&amp;`, `<script>alert("x")</script>&amp;`, `<script>alert("x")</script>&amp;`},
	"escape":           {"\x1b]0;title\x07", `\u001b]0;title\u0007`, "[U+001B]]0;title[U+0007]"},
	"C1":               {"\u009b31m", `\u009b31m`, "[U+009B]31m"},
	"delete":           {"a\x7f", `a\u007f`, "a[U+007F]"},
	"nothing":          {"\x00", `\u0000`, "[U+0000]"},
	"line":             {"a\r\nb\tc", `a\u000d\u000ab\u0009c`, "a[U+000D][U+000A]b[U+0009]c"},
	"line separator":   {"a\u2028b\u2029\u0085", `a\u2028b\u2029\u0085`, "a[U+2028]b[U+2029][U+0085]"},
	"bidi":             {"\u202egnp.exe\u2066\u200f\u061c", `\u202egnp.exe\u2066\u200f\u061c`, "[U+202E]gnp.exe[U+2066][U+200F][U+061C]"},
	"invisible":        {"a\u200b\ufeff\u00ad\u2060", `a\u200b\ufeff\u00ad\u2060`, "a[U+200B][U+FEFF][U+00AD][U+2060]"},
	"like a space":     {"a\u00a0b\u3164\u2800", `a\u00a0b\u3164\u2800`, "a[U+00A0]b[U+3164][U+2800]"},
	"tags of language": {"a\U000e0041", `a\udb40\udc41`, "a[U+E0041]"},
	"no UTF-8":         {"a\x9b31m\xff", "a\ufffd31m\ufffd", "a[0x9B]31m[0xFF]"},
	"cut off":          {"a\xc3", "a\ufffd", "a[0xC3]"},
}
