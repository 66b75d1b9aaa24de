package simulate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
)

// A Summary is what a simulation saw.
type Summary struct {
	IdP      string    `json:"idp"`
	Requests []Count   `json:"requests"`
	Refusals []Refusal `json:"refusals"`
	Retries  int       `json:"retries"`
	Started  time.Time `json:"started"`
	Took     string    `json:"took"`
	Total    Count     `json:"total"`
}

// A Count has the numbers of requests of a kind. A request that was sent again counts
// once.
type Count struct {
	Kind    string `json:"kind,omitempty"`
	Sent    int    `json:"sent"`
	Refused int    `json:"refused"`
}

// A Refusal is the refused requests of a kind that had the same answer.
type Refusal struct {
	Kind     string `json:"kind"`
	Status   int    `json:"status"`
	ScimType string `json:"scimType,omitempty"`
	// Cause is the cause that was provoked, or that the admin API has for the first
	// request; "" if neither is known.
	Cause cause.Cause `json:"cause,omitempty"`
	Count int         `json:"count"`
	// Detail is that of the first answer.
	Detail string `json:"detail"`
	// RequestIDs are those of the first answers.
	RequestIDs []string `json:"requestIds"`
}

// mostIDs is how many request ids a Refusal has.
const mostIDs = 5

// counts are the numbers of a run.
type counts struct {
	kinds    map[string]*Count
	refusals []*Refusal
	retries  int
	// provoked is the cause that the next refusal has.
	provoked cause.Cause
}

// count counts a request with its last answer.
func (c *counts) count(r Request, a answer) {
	if c.kinds == nil {
		c.kinds = map[string]*Count{}
	}
	k := c.kinds[r.Kind]
	if k == nil {
		k = &Count{Kind: r.Kind}
		c.kinds[r.Kind] = k
	}
	k.Sent++
	if a.status < 400 {
		return
	}
	k.Refused++
	i := slices.IndexFunc(c.refusals, func(f *Refusal) bool {
		return f.Kind == r.Kind && f.Status == a.status && f.ScimType == a.body.ScimType && f.Cause == c.provoked
	})
	if i < 0 {
		i = len(c.refusals)
		detail, _, _ := strings.Cut(a.body.Detail, " (request ")
		c.refusals = append(c.refusals, &Refusal{Kind: r.Kind, Status: a.status, ScimType: a.body.ScimType, Cause: c.provoked, Detail: detail, RequestIDs: []string{}})
	}
	f := c.refusals[i]
	if f.Count++; len(f.RequestIDs) < mostIDs && a.requestID != "" {
		f.RequestIDs = append(f.RequestIDs, a.requestID)
	}
}

func (s *sender) summary() Summary {
	sum := Summary{
		IdP: string(s.dialect.provider), Requests: []Count{}, Refusals: []Refusal{}, Retries: s.retries,
		Started: s.started, Took: s.target.Now().Sub(s.started).Round(time.Millisecond).String(),
	}
	for _, k := range slices.SortedFunc(maps.Values(s.kinds), func(a, b *Count) int { return cmp.Compare(a.Kind, b.Kind) }) {
		sum.Requests = append(sum.Requests, *k)
		sum.Total.Sent += k.Sent
		sum.Total.Refused += k.Refused
	}
	for _, f := range s.refusals {
		sum.Refusals = append(sum.Refusals, *f)
	}
	return sum
}
