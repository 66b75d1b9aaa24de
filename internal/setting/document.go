package setting

import (
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
)

// Document returns docs/reference/faulty-settings.md: the table of faulty settings, for
// administrators.
func Document() []byte {
	var b strings.Builder
	b.WriteString(`# Faulty settings

<!-- Generated from internal/setting by go generate; not to be edited. -->

What is set wrongly in an identity provider, as a request shows it, and what to change there.
The detail of an error, the entry of the log (` + "`faults`, `whatToDo`" + `), the log line (` + "`faults`" + `), the commands and the console name the fault of their request with its attribute.
Here each text has one attribute as an example.
Causes without a faulty setting have the advice of [causes](causes.md).

| fault | what is set wrongly | causes |
|---|---|---|
`)
	for _, f := range Faults() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", f, f, f.Means(), f.causes())
	}
	for _, f := range Faults() {
		r := faults[f]
		example := Of(f, r.sample)
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", f, r.means)
		if r.sample != "" {
			fmt.Fprintf(&b, "For example `%s`:\n", r.sample)
		}
		b.WriteString("\n")
		neutral := example.Correction("")
		for _, p := range cause.Advised {
			if text := example.Correction(p); text != neutral {
				fmt.Fprintf(&b, "- %s: %s\n", p.Name(), text)
			}
		}
		fmt.Fprintf(&b, "- any other: %s\n", neutral)
	}
	return []byte(b.String())
}

// causes lists the causes that the fault explains.
func (f Fault) causes() string {
	var names []string
	for _, c := range faults[f].explains {
		if c == none {
			names = append(names, "success")
			continue
		}
		names = append(names, fmt.Sprintf("[`%s`](causes.md#%s)", c, c))
	}
	return strings.Join(names, ", ")
}
