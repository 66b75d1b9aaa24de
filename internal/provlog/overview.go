package provlog

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Overview is how a tenant's provisioning goes.
type Overview struct {
	// Failing is the number of those who fail now; More tells that there are others.
	Failing int
	More    bool
	// LastSync are the newest entries of each identity provider.
	LastSync []Entry
	// Spans are the failures of the last days, in equal spans from the oldest; Partial
	// tells that there were more than are counted, and the oldest spans lack them.
	Spans   []FailureSpan
	Partial bool
}

// FailureSpan counts the failures of a span of time by cause.
type FailureSpan struct {
	From, To time.Time
	Causes   map[Cause]int
}

// What an overview looks at.
const (
	overviewFailing = 200
	overviewNewest  = 200
	overviewSpan    = 6 * time.Hour
	overviewSpans   = 28 // seven days
)

// Overview reads how provisioning goes.
func (l *Log) Overview(ctx context.Context, t tenant.ID) (o Overview, err error) {
	failing, err := l.Failing(ctx, t, FailingQuery{Limit: overviewFailing})
	if err != nil {
		return o, err
	}
	o.Failing, o.More = len(failing.Failing), failing.Next != ""
	newest, err := l.source.EntryPage(ctx, t, Span{Limit: overviewNewest})
	if err != nil {
		return o, err
	}
	known := map[string]bool{}
	for _, e := range newest.Items {
		if e.By != directory.ByApplication && !known[e.IdP] {
			known[e.IdP] = true
			o.LastSync = append(o.LastSync, e)
		}
	}
	return o, l.count(ctx, t, &o)
}

// count counts the failures of the last days.
func (l *Log) count(ctx context.Context, t tenant.ID, o *Overview) error {
	end := l.now().UTC().Truncate(overviewSpan).Add(overviewSpan)
	first := end.Add(-overviewSpans * overviewSpan)
	for i := range overviewSpans {
		from := first.Add(time.Duration(i) * overviewSpan)
		o.Spans = append(o.Spans, FailureSpan{From: from, To: from.Add(overviewSpan), Causes: map[Cause]int{}})
	}
	span := Span{From: first}
	for range maxPages {
		page, err := l.source.FailurePage(ctx, t, span)
		if err != nil {
			return err
		}
		for _, ref := range page.Items {
			if i := int(timeOfKey(ref.Key).Sub(first) / overviewSpan); i >= 0 && i < overviewSpans {
				o.Spans[i].Causes[ref.Cause]++
			}
		}
		if !page.More {
			return nil
		}
		span.After = page.Last
	}
	o.Partial = true
	return nil
}
