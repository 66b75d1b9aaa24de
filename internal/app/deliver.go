package app

import (
	"context"
	"log/slog"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/web"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

// NewDeliverer returns what sends the events that wait in a table to webhooks. With loopback
// it also sends to this machine, for rollcall local.
func NewDeliverer(t table.Table, log *slog.Logger, waker webhook.Waker, loopback bool, o Options) *webhook.Deliverer {
	s, now := NewStore(t, o), o.clock()
	return webhook.New(webhook.Config{
		Outbox: s, Registry: s, Events: webhook.NewEvents(s, admindoc.NewReader(s)), Sender: webhook.NewHTTP(loopback, now),
		Waker: waker, Log: log, Now: now, NewID: o.ids(),
	})
}

// Deliveries does the work of functions/deliver: of a queue whose messages are ids of
// endpoints, and of a schedule.
type Deliveries struct {
	deliverer interface {
		Wake(ctx context.Context, endpoint string) error
		Tick(ctx context.Context) error
	}
	log *slog.Logger
}

// NewDeliveries returns the deliveries of a deliverer.
func NewDeliveries(d *webhook.Deliverer, log *slog.Logger) *Deliveries {
	return &Deliveries{deliverer: d, log: log}
}

// Messages delivers to the endpoints of a batch, to each once and to all at the same time: a slow
// one does not keep back the others. It returns the messages of endpoints to which it could not
// deliver; an endpoint that does not answer is no such failure.
func (d *Deliveries) Messages(ctx context.Context, bodies []string) (failed []int) {
	outcomes := map[string]*error{}
	var running sync.WaitGroup
	for _, endpoint := range bodies {
		if outcomes[endpoint] != nil {
			continue
		}
		outcome := new(error)
		outcomes[endpoint] = outcome
		running.Go(func() { *outcome = d.wake(ctx, endpoint) })
	}
	running.Wait()
	for i, endpoint := range bodies {
		if *outcomes[endpoint] != nil {
			failed = append(failed, i)
		}
	}
	return failed
}

// wake delivers to an endpoint. The deliverer logs its errors, but not its panics: one must not
// end the deliveries to other endpoints.
func (d *Deliveries) wake(ctx context.Context, endpoint string) error {
	returned := false
	err := func() (err error) {
		defer web.Recovered(&err)
		err = d.deliverer.Wake(ctx, endpoint)
		returned = true
		return err
	}()
	if !returned {
		d.log.LogAttrs(ctx, slog.LevelError, "webhook.panic", slog.String("event", "webhook.panic"),
			slog.String("endpoint", endpoint), slog.String("error", err.Error()))
	}
	return err
}

// Scheduled wakes the endpoints for which something waits.
func (d *Deliveries) Scheduled(ctx context.Context) error { return d.deliverer.Tick(ctx) }
