package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/rollcall-scim/rollcall/internal/feed"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// DeliveryInterval is the time from one look at all endpoints to the next, in a deployment
// (template.yaml) and in rollcall local.
const DeliveryInterval = time.Minute

// DeliverEvents sends the events of a table's stream to webhooks, those on this machine too,
// until the context ends: what functions/feed and functions/deliver do, in one process. bell
// wakes the deliveries; the admin API has the same one. It returns when everything that it
// began is done.
func DeliverEvents(ctx context.Context, bell *Bell, t table.Table, stream feed.Stream, log *slog.Logger) {
	deliverer := NewDeliverer(t, log, bell, true, Options{})
	bell.Deliver(deliverer.Wake)
	done := make(chan struct{})
	go func() {
		defer close(done)
		NewFeed(t, log, Outlets{Waker: bell, Quiet: true}, Options{}).Follow(ctx, stream)
	}()
	ticker := time.NewTicker(DeliveryInterval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		// What waits from the last start is woken at once. Errors are logged.
		_ = deliverer.Tick(ctx)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	<-done
	bell.Wait()
}
