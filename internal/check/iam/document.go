package iam

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The lines of docs/threat-model.md around the generated table.
const (
	tableBegin = "<!-- the roles: written by make generate -->\n"
	tableEnd   = "<!-- the end of the roles -->\n"
)

// Page returns a page with the table of what each function's role may do to the items of the
// table, from a template.
func Page(page, template []byte) ([]byte, error) {
	policies, err := Policies(template)
	if err != nil {
		return nil, err
	}
	before, rest, begun := bytes.Cut(page, []byte(tableBegin))
	_, after, ended := bytes.Cut(rest, []byte(tableEnd))
	if !begun || !ended {
		return nil, fmt.Errorf("iam: the page has no lines %q and %q", tableBegin, tableEnd)
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(tableBegin + "\n| function | may | items whose partition is |\n|---|---|---|\n")
	for _, function := range slices.Sorted(maps.Keys(policies)) {
		for _, s := range policies[function] {
			fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", function, strings.Join(s.Actions, ", "), strings.Join(s.Keys, "`, `"))
		}
	}
	b.WriteString("\n" + tableEnd)
	b.Write(after)
	return b.Bytes(), nil
}
