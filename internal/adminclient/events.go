package adminclient

import (
	"context"
	"iter"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// EventPages reads the events of a tenant page by page, from q.After on until no more follow
// at the time. The Next of the last page is where to go on later. After an error it ends.
func (c *Client) EventPages(ctx context.Context, tenant string, q adminwire.EventsQuery) iter.Seq2[adminwire.Events, error] {
	return func(yield func(adminwire.Events, error) bool) {
		for {
			events, err := c.Events(ctx, tenant, q)
			if !yield(events, err) || err != nil || !events.More {
				return
			}
			q.After = events.Next
		}
	}
}

// Events reads one page of the events of a tenant.
func (c *Client) Events(ctx context.Context, tenant string, q adminwire.EventsQuery) (adminwire.Events, error) {
	query := page(q.After, q.Limit)
	for name, value := range map[string]string{"types": q.Types, "newest": q.Newest} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return get[adminwire.Events](ctx, c, below(tenant, "events"), query)
}
