package httpapi

import (
	"slices"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/setting"
)

// suspect records the faulty settings that the values of the body show.
func (q *request) suspect(findings []setting.Finding) {
	q.faults = setting.Add(q.faults, findings...)
	q.event.Faults = setting.Names(q.faults)
	if setting.Warns(findings) && q.event.Outcome == journal.Success {
		q.event.Outcome, q.event.Cause = journal.Warning, cause.Tolerated
	}
}

// suspectPatch records those that the values of a PATCH show.
func (q *request) suspectPatch(p *resource.Patch) {
	for _, o := range p.Operations {
		q.suspect(setting.OfChange(o.Path, o.Value))
		if q.event.Type == journal.TypeUser {
			q.suspect(setting.OfChangedUser(q.event.IdP, o.Path, o.Value))
		}
	}
}

// findings returns the faulty settings that a refusal shows: those of the problem, then
// the rule that the request breaks, then those that explain its cause. An identity
// provider's developer, and a read, have no mapping to correct.
func (q *request) findings(p *problem) []setting.Finding {
	found := slices.Clone(p.faults)
	if p.rule != nil && !p.plain(q) {
		if f, ok := setting.OfError(p.rule, q.event.Type); ok {
			found = setting.Add(found, f)
		}
	}
	if f, ok := setting.OfScope(q.event.Subject); ok && f.Fault.Explains(p.cause) {
		found = setting.Add(found, f)
	}
	for _, f := range q.faults {
		if f.Fault.Explains(p.cause) {
			found = setting.Add(found, f)
		}
	}
	return found
}

// plain reports whether the error about the request's content has nothing to do with
// a mapping.
func (p *problem) plain(q *request) bool {
	return q.badQuery || q.event.Operation == journal.Bulk || q.event.Operation == journal.Search
}
