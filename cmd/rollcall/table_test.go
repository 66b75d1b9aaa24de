package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var someColumns = []column{{"USER", stays}, {"STATE", stays}, {"SCIM", stays}, {"ORIGIN", left}, {"EXTERNAL ID", below}, {"ID", below}}

const someID = "01a22c1c-0274-7306-8aa3-91e8e85565b9"

func someRows() [][]string {
	return [][]string{
		{"ann@example.com", "active", "yes", "scim", "00u1ann", someID},
		{"bob.with.a.long.name@department.longcompany.example.com", "inactive", "no", "manual", "-", someID},
	}
}

func TestTable_InAPipeIsOneLineARow(t *testing.T) {
	rows := append(someRows(), []string{strings.Repeat("x", 500), "active", "no", "manual", "-", someID})
	b := &output{}
	printTableIn(b, 0, someColumns, rows)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	require.Lenf(t, lines, 4, "%d lines: %s", len(lines), b)
	for i, row := range rows {
		at := 0
		for _, value := range row {
			next := strings.Index(lines[i+1][at:], value)
			assert.Truef(t, next >= 0, "%q is not in %q", value, lines[i+1])
			at += next + len(value)
		}
		assert.Equalf(t, strings.Index(lines[i+1], row[1]+"  "), strings.Index(lines[0], "STATE"), "%q is not under its heading: %q", row[1], lines[i+1])
	}
}

func TestTable_FitsATerminal(t *testing.T) {
	want := map[int]string{
		72: `USER                                              STATE     SCIM  ORIGIN
ann@example.com                                   active    yes   scim
  external id 00u1ann  id 01a22c1c-0274-7306-8aa3-91e8e85565b9
bob.with.a.long.name@department.longcompany.example.com
                                                  inactive  no    manual
  id 01a22c1c-0274-7306-8aa3-91e8e85565b9
`,
		60: `USER                                          STATE     SCIM
ann@example.com                               active    yes
  external id 00u1ann
  id 01a22c1c-0274-7306-8aa3-91e8e85565b9
bob.with.a.long.name@department.longcompany.example.com
                                              inactive  no
  id 01a22c1c-0274-7306-8aa3-91e8e85565b9

Not shown: ORIGIN. A wider terminal, a pipe or --json shows all.
`,
	}
	for width, text := range want {
		b := &output{}
		printTableIn(b, width, someColumns, someRows())
		assert.Equalf(t, text, b.String(), "in %d columns:\n%s\nwant\n%s", width, b, text)
	}
	for width := 41; width < 200; width++ {
		b := &output{}
		printTableIn(b, width, someColumns, append(someRows(), []string{strings.Repeat("x", 500), "active", "no", "manual", "-", someID}))
		for line := range strings.SplitSeq(b.String(), "\n") {
			if n := utf8.RuneCountInString(line); n > width && !strings.HasPrefix(line, "bob.") && !strings.HasPrefix(line, "Not shown") {
				t.Errorf("in %d columns a line has %d: %s", width, n, line)
			}
		}
		if strings.Count(b.String(), someID) != 3 || width > 55 && !strings.Contains(b.String(), someRows()[1][0]) {
			t.Errorf("in %d columns an id or an address is split:\n%s", width, b)
		}
	}
}

// A long value of a column in the middle moves to the next line, after its heading.
func TestTable_LongSubject(t *testing.T) {
	cols := []column{{"TIME", stays}, {"OUTCOME", stays}, {"SUBJECT", stays}, {"CAUSE", below}}
	long := strings.Repeat("long-", 10) + "name@example.com"
	b := &output{}
	printTableIn(b, 70, cols, [][]string{
		{"2026-11-30T11:43:13Z", "success", "ann", "-"}, {"2026-11-30T11:43:13Z", "failure", long, "seat_limit"},
	})
	want := `TIME                  OUTCOME  SUBJECT
2026-11-30T11:43:13Z  success  ann
2026-11-30T11:43:13Z  failure
  subject ` + long + `
  cause seat_limit
`
	assert.Equal(t, want, b.String())
}
