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
			query := page(q.After, q.Limit)
			if q.Types != "" {
				query.Set("types", q.Types)
			}
			events, err := get[adminwire.Events](ctx, c, below(tenant, "events"), query)
			if !yield(events, err) || err != nil || !events.More {
				return
			}
			q.After = events.Next
		}
	}
}
