package linear

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// An outside table makes its calls outside of the bubble, one at a time: a
// network is not part of a bubble, and its time would stand still.
type outside struct {
	calls chan func(table.Table)
	done  chan struct{}
	// own makes the tokens of transactions different from those of other tests: DynamoDB
	// Local remembers a token for all tables, and a seed always has the same ones.
	own uuid.UUID
}

// newOutside returns the table for use in bubbles. It is called outside of them.
func newOutside(t testing.TB, engine table.Table) *outside {
	o := &outside{calls: make(chan func(table.Table)), done: make(chan struct{}), own: uuid.New()}
	go func() {
		for f := range o.calls {
			f(engine)
			o.done <- struct{}{}
		}
	}()
	t.Cleanup(func() { close(o.calls) })
	return o
}

func (o *outside) do(f func(table.Table)) {
	o.calls <- f
	<-o.done
}

func (o *outside) Get(_ context.Context, keys ...table.Key) (items map[table.Key]table.Item, err error) {
	o.do(func(t table.Table) { items, err = t.Get(context.Background(), keys...) })
	return items, err
}

func (o *outside) Query(_ context.Context, q table.Query) (page table.Page, err error) {
	o.do(func(t table.Table) { page, err = t.Query(context.Background(), q) })
	return page, err
}

func (o *outside) Write(_ context.Context, tx table.Transaction) (err error) {
	if tx.Token != "" {
		tx.Token = uuid.NewSHA1(o.own, []byte(tx.Token)).String()
	}
	o.do(func(t table.Table) { err = t.Write(context.Background(), tx) })
	return err
}
