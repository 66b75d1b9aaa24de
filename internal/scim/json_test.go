package scim

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecodeJSON(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	many := func(last string) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range 40 {
			b.WriteString(`"name` + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + `":0,`)
		}
		return b.String() + `"` + last + `":0}`
	}
	tests := []struct {
		name, body, want string // want is the output of EncodeValue, or words of the error
	}{
		{"object", `{"a":[1,"x",true,null]}`, `{"a":[1,"x",true,null]}`},
		{"integers are exact", `9007199254740993`, `9007199254740993`},
		{"numbers stay as written", `[1.50,-0,1E2]`, `[1.50,-0,1E2]`},
		{"byte order mark", "\xef\xbb\xbf{}", `{}`},
		{"white space around", " \r\n\t{} \n", `{}`},
		{"escapes", `"\u00e9\ud83d\ude00\/"`, `"é😀/"`},
		{"sixteen levels", deep(MaxDepth), deep(MaxDepth)},
		{"names equal but for U+017F", `{"userName":1,"uſerName":2}`, `{"userName":1,"uſerName":2}`},
		{"many names", many("last"), ""},

		{"empty", "", "!empty"},
		{"white space alone", " \n", "!empty"},
		{"byte order mark alone", "\xef\xbb\xbf", "!empty"},
		{"same name twice", `{"a":1,"a":2}`, "!same name twice"},
		{"same name in another case", `{"userName":1,"USERNAME":2}`, "!same name twice"},
		{"same name deep inside", `{"a":[{"b":{"c":1,"C":2}}]}`, "!same name twice"},
		{"same name by escapes", `{"userName":1,"\u0075serName":2}`, "!same name twice"},
		{"same name among many", many("NAMEA"), "!same name twice"},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "!not valid UTF-8"},
		{"lone surrogate", `"\ud800@x"`, "!not valid JSON"},
		{"bytes after the value", `{} {}`, "!after its end"},
		{"broken bytes after the value", `{}}`, "!after its end"},
		{"number too large", `{"a":1e400}`, "!too large"},
		{"seventeen levels", deep(MaxDepth + 1), "!nests deeper"},
		{"a million levels", strings.Repeat("[", 1e6), "!nests deeper"},
		{"a million objects", strings.Repeat(`{"a":`, 1e6), "!nests deeper"},
		{"cut short", `{"a":`, "!ends too early"},
		{"cut in a string", `{"a":"b`, "!ends too early"},
		{"no JSON", `<User/>`, "!not valid JSON"},
		{"comma too many", `[1,]`, "!not valid JSON"},
		{"single quotes", `{'a':1}`, "!not valid JSON"},
		{"name is no string", `{1:1}`, "!not valid JSON"},
		{"control character in a string", "\"a\nb\"", "!not valid JSON"},
		{"wrong bracket", `[1}`, "!not valid JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, err := DecodeJSON([]byte(test.body))
			problem, bad := strings.CutPrefix(test.want, "!")
			if !bad {
				require.NoError(t, err)
				got := string(EncodeValue(v))
				assert.Falsef(t, test.want != "" && got != test.want, "got %s, want %s", got, test.want)
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Type != InvalidSyntax || !strings.Contains(e.Detail, problem) {
				t.Errorf("got %v, want invalidSyntax with %q", err, problem)
			}
		})
	}
}

func TestDecodeJSON_ErrorTellsLineAndQuotesNothing(t *testing.T) {
	for _, body := range []string{
		"{\n\"secret\":1,\n\"SECRET\":2}", "{\n\"a\":1,\n\"secret\" secret}", "{\n\"secret\":1,\n\"secret\":2}",
	} {
		_, err := DecodeJSON([]byte(body))
		assert.Truef(t, err != nil && strings.Contains(err.Error(), "line 3") && !strings.Contains(strings.ToLower(err.Error()), "secret"), "%q: %v", body, err)
	}
}

func TestDecodeJSON_ManyNames(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"name%d":0`, i)
	}
	start := time.Now()
	_, err := DecodeJSON([]byte("{" + b.String()[1:] + "}"))
	assert.NoError(t, err)
	d := time.Since(start)
	assert.Truef(t, d <= 5*time.Second, "100,000 names take %v: more than in proportion", d)
}
