package cause

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Document returns docs/reference/causes.md: the table of causes, for administrators.
// logged says what the provisioning log has of the requests with a cause, and settings
// which faulty settings can be the reason.
func Document(logged, settings func(Cause) string) []byte {
	var b strings.Builder
	b.WriteString(`# Causes

<!-- Generated from internal/cause by go generate; not to be edited. -->

Why a request was refused, or succeeded with a warning. Each event has its ` + "`cause`" + ` ([log events](log-events.md)), and the detail of every error ends in what to do in the identity provider that sent the request, and the id of the request. What an operator looks for is in the [runbook](../how-to/runbook.md#by-cause).

| cause | status | scimType | |
|---|---|---|---|
`)
	causes := Causes()
	slices.SortStableFunc(causes, func(x, y Cause) int { return x.Meaning().Status - y.Meaning().Status })
	for _, c := range causes {
		m := c.Meaning()
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s |\n", c, c, m.status(), m.scimType(), m.Summary)
	}
	for _, c := range Causes() {
		m := c.Meaning()
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", c, m.Summary)
		switch {
		case m.Status == 0:
			b.WriteString("The request succeeded; its outcome is `warning`.")
		case c.OnlyOAuth():
			fmt.Fprintf(&b, "Only at the token endpoint: error `%s`, status %d.", m.OAuth, m.Status)
			if m.Status == 401 {
				b.WriteString(" The status is 400 if the request has no Authorization header.")
			}
		default:
			fmt.Fprintf(&b, "Status %d", m.Status)
			if kind := m.scimType(); kind != "" {
				fmt.Fprintf(&b, ", scimType %s", kind)
			}
			if m.RetryAfter > 0 {
				fmt.Fprintf(&b, ", Retry-After %d s", m.RetryAfter)
			}
			b.WriteString(".")
		}
		writeAdvice(&b, "What to do", c.Remedy())
		for _, r := range c.Remedies() {
			if when := cmp.Or(particulars[r], requestParticulars[r]); when != "" {
				writeAdvice(&b, "If "+when, r)
			}
		}
		b.WriteString(settings(c))
		b.WriteString(logged(c))
	}
	return []byte(b.String())
}

// writeAdvice writes the advice of a remedy: in each identity provider where it is not the
// same as in any other, and in the others last.
func writeAdvice(b *strings.Builder, when string, r Remedy) {
	neutral := r.Advice("")
	own := 0
	for _, p := range Advised {
		text := r.Advice(p)
		if text == neutral {
			continue
		}
		if own++; own == 1 {
			fmt.Fprintf(b, "\n\n%s:\n", when)
		}
		fmt.Fprintf(b, "\n- %s: %s", p.Name(), text)
	}
	if own == 0 {
		fmt.Fprintf(b, "\n\n%s: %s\n", when, neutral)
		return
	}
	fmt.Fprintf(b, "\n- any other: %s\n", neutral)
}

func (m Meaning) status() string {
	if m.Status == 0 {
		return "warning"
	}
	return fmt.Sprint(m.Status)
}

func (m Meaning) scimType() string {
	switch {
	case m.Type != "":
		return "`" + string(m.Type) + "`"
	case m.Summary == Validation.Meaning().Summary:
		return "the detail says which"
	}
	return ""
}
