package console

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// allCauses returns the meanings of all causes. They are part of the service's code,
// so they are read once.
func (c *site) allCauses(q *request) ([]adminwire.Cause, error) {
	c.mu.Lock()
	known := c.causes
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	all, err := q.client.Causes(q.Context())
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.causes = all
	c.mu.Unlock()
	return all, nil
}

// meaning returns the meaning of a cause, false for an unknown cause.
func (c *site) meaning(q *request, cause string) (adminwire.Cause, bool, error) {
	all, err := c.allCauses(q)
	if err != nil {
		return adminwire.Cause{}, false, err
	}
	i := slices.IndexFunc(all, func(t adminwire.Cause) bool { return t.Cause == cause })
	if i < 0 {
		return adminwire.Cause{}, false, nil
	}
	return all[i], true, nil
}

// causeChoices returns the causes that a list can be filtered by. Without an answer of the
// service only the chosen one is offered: the list itself shows the error.
func (c *site) causeChoices(q *request, chosen string) []choice {
	pairs := []string{"", "Any cause"}
	all, err := c.allCauses(q)
	if err != nil {
		return choices(chosen, pairs...)
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b adminwire.Cause) int {
		return strings.Compare(label(a.Cause)+a.Cause, label(b.Cause)+b.Cause)
	})
	for _, t := range sorted {
		if t.Where != inCloudWatch {
			pairs = append(pairs, t.Cause, label(t.Cause)+" ("+nameText(t.Cause).String()+")")
		}
	}
	return choices(chosen, pairs...)
}

// inCloudWatch is the place of causes whose requests are in CloudWatch only.
const inCloudWatch = "cloudwatch"

// causeRow is a cause as a row.
type causeRow struct {
	Cause, To string
	Status    int
	ScimType  string
	Summary   string
	WhatToDo  string
	Stored    bool
}

// causeList: GET /console/causes
func (c *site) causeList(q *request) (page, error) {
	all, err := c.allCauses(q)
	if err != nil {
		return page{}, err
	}
	rows := make([]causeRow, len(all))
	for i, t := range all {
		rows[i] = causeRow{
			Cause: t.Cause, To: q.at.address("causes", t.Cause), Status: t.Status, ScimType: string(t.ScimType),
			Summary: t.Summary, WhatToDo: t.WhatToDo, Stored: t.Where != inCloudWatch,
		}
	}
	return page{name: "causes", title: "Causes", data: map[string]any{"Rows": rows, "Operates": q.operates()}}, nil
}

// cause: GET /console/causes/{cause}
func (c *site) cause(q *request) (page, error) {
	t, ok, err := c.meaning(q, q.parameters["cause"])
	if err != nil {
		return page{}, err
	}
	if !ok {
		return problemPage(http.StatusNotFound, "Unknown cause", "See the list of causes."), nil
	}
	query := "failures-by-cause"
	if t.Status == http.StatusUnauthorized {
		query = "token-failures"
	}
	return page{name: "cause", title: label(t.Cause), data: map[string]any{
		"Operates": q.operates(), "Product": c.brand.Name, "Cause": t, "Advice": adviceOf(t), "Stored": t.Where != inCloudWatch, "Query": query, "Documentation": documentation(t.Documentation),
		"Tenants": c.logsOf(q, t.Cause),
	}}, nil
}

// An advice is a text about what to do, for one or several identity providers.
type advice struct {
	In   string
	Text string
}

// adviceOf returns what to do about a cause: in each identity provider whose screens are
// known, where it is not the same as in any other, and in all others last.
func adviceOf(t adminwire.Cause) []advice {
	var list []advice
	for _, p := range slices.Sorted(maps.Keys(t.Advice)) {
		if text := t.Advice[p]; text != t.WhatToDo {
			list = append(list, advice{In: idpName(p), Text: text})
		}
	}
	slices.SortFunc(list, func(a, b advice) int { return strings.Compare(a.In, b.In) })
	rest := advice{Text: t.WhatToDo}
	if len(list) > 0 {
		rest.In = "Any other identity provider"
	}
	return append(list, rest)
}

// logsOf returns links to the logs of the first tenants, filtered by a cause.
func (c *site) logsOf(q *request, cause string) []link {
	if !q.operates() {
		return []link{{Name: "Show in the log", To: q.at.find(url.Values{"cause": {cause}}, "log")}}
	}
	found, err := q.client.Tenants(q.Context(), "", 10)
	if err != nil {
		return nil // the page says where to look without them
	}
	var links []link
	for _, t := range found.Tenants {
		links = append(links, link{Name: t.ID, To: q.at.in(t.ID).find(url.Values{"cause": {cause}}, "log")})
	}
	return links
}
