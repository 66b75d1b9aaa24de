package setting

import (
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
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
		r := faults()[f]
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
	for _, c := range faults()[f].explains {
		if c == none {
			names = append(names, "success")
			continue
		}
		names = append(names, fmt.Sprintf("[`%s`](causes.md#%s)", c, c))
	}
	return strings.Join(names, ", ")
}

// Documented says which faulty settings can be the reason of requests with a cause, "" for
// none.
func Documented(c cause.Cause) string {
	var links []string
	for _, f := range Faults() {
		if f.Explains(c) {
			links = append(links, fmt.Sprintf("[`%s`](faulty-settings.md#%s)", f, f))
		}
	}
	if len(links) == 0 {
		return ""
	}
	return "\nA request can show the faulty setting, whose correction is then the advice: " + strings.Join(links, ", ") + ".\n"
}

// The marks in a setup page between which SetupTable stands.
const (
	setupBegin = "<!-- Generated from internal/setting by go generate; not to be edited. -->\n"
	setupEnd   = "<!-- The end of the faulty settings. -->\n"
)

// SetupPage returns an identity provider's setup page with its table of faulty settings up
// to date.
func SetupPage(page []byte, p idp.Provider) ([]byte, error) {
	return cause.WithTable(page, setupBegin, SetupTable(p), setupEnd)
}

// SetupTable returns the faulty settings, with the correction in an identity provider.
func SetupTable(p idp.Provider) string {
	var b strings.Builder
	b.WriteString("\n| what is set wrongly | for example, correct it so |\n|---|---|\n")
	for _, f := range Faults() {
		fmt.Fprintf(&b, "| %s | %s |\n", f.Means(), Of(f, faults()[f].sample).Correction(p))
	}
	b.WriteString("\n")
	return b.String()
}
