package cause

import (
	"fmt"
	"slices"
	"strings"
)

// documentURL is where the causes are explained.
const documentURL = "https://github.com/rollcall-scim/rollcall/blob/main/docs/reference/causes.md"

// Documentation returns the address of the paragraph that explains the cause.
func (c Cause) Documentation() string { return documentURL + "#" + string(c) }

// Place is where requests of a cause are found.
type Place string

// The places.
const (
	// InLog: in the provisioning log, and in CloudWatch.
	InLog Place = "log"
	// InCloudWatch: in the log lines alone. A request without a proved token causes no
	// write, and one that is for no endpoint has no tenant.
	InCloudWatch Place = "cloudwatch"
)

// Where returns where requests of the cause are found.
func (c Cause) Where() Place {
	switch c {
	case TokenMissing, TokenInvalid, TokenUnknown, TokenRepeated,
		BadEvent, NoRoute, NotSupported, ProtocolVersion, MethodNotAllowed, SchemaNotFound, DiscoveryFilter:
		return InCloudWatch
	}
	return InLog
}

// Document returns docs/reference/causes.md: the table of causes, for administrators.
func Document() []byte {
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
		if m.Status == 0 {
			b.WriteString("The request succeeded; its outcome is `warning`.")
		} else {
			fmt.Fprintf(&b, "Status %d", m.Status)
			if kind := m.scimType(); kind != "" {
				fmt.Fprintf(&b, ", scimType %s", kind)
			}
			if m.RetryAfter > 0 {
				fmt.Fprintf(&b, ", Retry-After %d s", m.RetryAfter)
			}
			b.WriteString(".")
		}
		writeAdvice(&b, c)
		switch {
		case m.Status != 0 && c.Where() == InCloudWatch:
			b.WriteString("\nIts requests are only in the log lines (CloudWatch), not in the provisioning log.\n")
		case c == RateLimit, c == SCIMDisabled, c == TokenRevoked, c == TokenExpired:
			b.WriteString("\nThe provisioning log has one of them a minute, with the number of requests that it stands for. The overview says how many there were.\n")
		}
	}
	return []byte(b.String())
}

// writeAdvice writes what to do: in each identity provider where it is not the same as in
// any other, and in the others last.
func writeAdvice(b *strings.Builder, c Cause) {
	neutral := c.Meaning().Action
	own := 0
	for _, p := range Advised {
		text := c.Advice("", p)
		if text == neutral {
			continue
		}
		if own++; own == 1 {
			b.WriteString("\n\nWhat to do:\n")
		}
		fmt.Fprintf(b, "\n- %s: %s", p.Name(), text)
	}
	if own == 0 {
		fmt.Fprintf(b, "\n\nWhat to do: %s\n", neutral)
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
