// Package setting names the faulty settings of identity providers: what an
// administrator set wrongly, as far as a request shows it, and what to change on
// which screen of which identity provider.
//
// A Finding is a fault with the name of the attribute that shows it. Log entries
// keep findings by name, never a value and never the text, so that an entry is read
// with the texts of today. The package reads what a request had; it decides nothing
// about the request.
package setting

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Fault names a faulty setting. It is stable: log entries have it.
type Fault string

// A Finding is a fault that a request shows.
type Finding struct {
	Fault Fault
	// Attribute is the name of the attribute that shows it, as the request had it, or
	// "" if the fault is not about an attribute.
	Attribute string
}

// maxAttribute is the longest name of an attribute that a finding keeps: a URN and a
// name after it fit.
const maxAttribute = 110

// Of returns a finding about an attribute.
func Of(f Fault, attribute string) Finding {
	attribute = withoutValues(scim.NoticeName(attribute))
	if len(attribute) > maxAttribute {
		attribute = attribute[:maxAttribute]
	}
	return Finding{Fault: f, Attribute: strings.ReplaceAll(attribute, ",", ";")}
}

// withoutValues returns a path with … in place of the filter in its brackets, unless that
// selects by type or by primary: any other filter can have a person's value.
func withoutValues(path string) string {
	before, rest, filtered := strings.Cut(path, "[")
	if !filtered || kindFilter().MatchString(rest) {
		return path
	}
	after := ""
	if at := strings.LastIndexByte(rest, ']'); at >= 0 {
		after = rest[at+1:]
	}
	return before + "[...]" + after
}

// kindFilter is the rest of a path after a bracket that selects by type or by primary,
// however it is written.
var kindFilter = compiled(`(?i)^\s*(type|primary)\s*(eq|=|==)?\s*['"]?(work|home|other|mobile|fax|pager|photo|thumbnail|true|false)['"]?\s*(\]?\.?\w*)$`)

// compiled returns an expression that is compiled when it is first used: almost every
// function links this package.
func compiled(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// String returns the name by which log entries keep the finding.
func (f Finding) String() string {
	if f.Attribute == "" {
		return string(f.Fault)
	}
	return string(f.Fault) + ":" + f.Attribute
}

// Parse returns the finding with a name.
func Parse(name string) Finding {
	fault, attribute, _ := strings.Cut(name, ":")
	return Finding{Fault: Fault(fault), Attribute: attribute}
}

// Names returns the names of findings.
func Names(findings []Finding) []string {
	var names []string
	for _, f := range findings {
		names = append(names, f.String())
	}
	return names
}

// ParseAll returns the findings with names.
func ParseAll(names []string) []Finding {
	var findings []Finding
	for _, name := range names {
		findings = append(findings, Parse(name))
	}
	return findings
}

// Add returns the findings with more of them, without duplicates, and at most
// MaxFindings.
func Add(findings []Finding, more ...Finding) []Finding {
	for _, f := range more {
		if len(findings) < MaxFindings && !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	return findings
}

// MaxFindings is how many findings of a request are kept.
const MaxFindings = 3

// none is the cause of a request that succeeded without a warning.
const none cause.Cause = ""

// A row of the table describes one fault.
type row struct {
	// means says what is set wrongly, for the documentation.
	means string
	// explains are the causes of the requests that the fault explains.
	explains []cause.Cause
	// warns reports that the fault is certain enough to make a success a warning.
	// Others are only named on the entry of the request.
	warns bool
	// lasts reports that the text says all: no request has to be sent again.
	lasts bool
	// neutral is the text for an unknown identity provider, and in has those of the
	// providers in which the steps differ. Words in braces stand for names: see
	// words.go.
	neutral string
	in      map[idp.Provider]string
	// sample is an attribute that can show the fault, for the documentation.
	sample string
}

// faults is the table: the faults of all files of this package. It is built when it is
// first used.
var faults = sync.OnceValue(func() map[Fault]row {
	all := map[Fault]row{}
	for _, table := range []map[Fault]row{mappingFaults(), valueFaults(), absentFaults(), accountFaults(), scopeFaults()} {
		maps.Copy(all, table)
	}
	return all
})

// Faults lists all faults by name.
func Faults() []Fault { return slices.Sorted(maps.Keys(faults())) }

// Means says what is set wrongly.
func (f Fault) Means() string { return faults()[f].means }

// Explains reports whether the fault explains requests with a cause, "" for a success
// without a warning.
func (f Fault) Explains(c cause.Cause) bool { return slices.Contains(faults()[f].explains, c) }

// Warns reports whether one of the findings makes a success a warning.
func Warns(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return faults()[f.Fault].warns })
}

// Correction returns what to change in an identity provider, "" for a fault of another
// version of the service.
func (f Finding) Correction(p idp.Provider) string {
	r, ok := faults()[f.Fault]
	if !ok {
		return ""
	}
	return f.fill(r.text(p), p)
}

// text returns the text for an identity provider, with the words in braces.
func (r row) text(p idp.Provider) string { return cmp.Or(r.in[p], r.neutral) }

// The most bytes of advice with several corrections. Advice about a refused request must
// fit into the detail of an error, with what happened and the request id.
const (
	maxAdvice        = 900
	maxRefusalAdvice = 330
)

// Advice returns what to change in an identity provider because of findings, for a
// request with a cause; "" if none of them explains the cause. Its last sentence is
// again, which says how to send the request again; "" if it need not be sent again.
func Advice(findings []Finding, c cause.Cause, p idp.Provider, again string) string {
	var texts []string
	size, resend, longest := 0, false, maxAdvice
	if again != "" {
		longest = maxRefusalAdvice
	}
	for _, f := range findings {
		text := f.Correction(p)
		if text == "" || !f.Fault.Explains(c) || slices.Contains(texts, text) {
			continue
		}
		if size += len(text) + 1; len(texts) > 0 && size > longest {
			break
		}
		texts = append(texts, text)
		resend = resend || !faults()[f.Fault].lasts
	}
	if resend && again != "" {
		texts = append(texts, cause.Words(again, p))
	}
	return strings.Join(texts, " ")
}
