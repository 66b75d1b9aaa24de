package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// An operator works on the table by programs of its own, beside the instances: it adds
// shards to ledgers, recounts and rebuilds.
type operator struct {
	*proc
	// program is its connection to the table, without faults. Its repairs are repeated by
	// hand if they fail.
	program *instance
	// damages says that it has ledgers to repair: something writes them wrongly.
	damages bool
}

// newOperator returns an operator whose process has not started.
func (w *world) newOperator() *operator {
	o := &operator{program: w.start(), damages: w.random.IntN(3) == 0}
	o.program.reliable = true
	w.programs = append(w.programs, o.program)
	return o
}

// run does something at random times, as long as there are faults.
func (o *operator) run() {
	w := o.world
	for w.calm.IsZero() {
		o.sleep(o.between(time.Second, 40*time.Second))
		c := w.customers[o.random.IntN(len(w.customers))]
		switch x := o.random.IntN(10); {
		case x < 4:
			o.grow(c)
		case x < 5 && o.damages:
			o.damage(c)
		case x < 8:
			o.recount(c)
		default:
			o.rebuild(c, 0)
		}
	}
}

// finish repairs what is damaged, once nobody else changes anything.
func (o *operator) finish() {
	w := o.world
	for w.running.Load() > 1+w.behind.Load() && !w.overdue() {
		o.sleep(10 * time.Second)
	}
	if w.overdue() {
		return
	}
	for _, c := range w.customers {
		if c.deleted {
			continue
		}
		if o.damages {
			o.damage(c)
		}
		o.recount(c)
		if c.damaged {
			w.fail("%s: the ledger was not recounted, although nobody changed it", c)
		}
		lost := 0
		o.do(func() { lost = w.unreserve(c) })
		o.rebuild(c, lost)
	}
}

// begin returns the context of a program, which is in the trace as a request.
func (o *operator) begin(method string) context.Context {
	r := &request{from: o.name, method: method, finished: make(chan struct{})}
	o.do(func() {
		w := o.world
		w.requests = append(w.requests, r)
		r.n.Store(int64(len(w.requests)))
		w.record("%s", r)
	})
	return context.WithValue(background, requestKey{}, r)
}

// grow adds shards to a ledger.
func (o *operator) grow(c *customer) {
	_, _ = o.program.app.Store.AddShards(o.begin("SHARDS"), c.id()) // its growth may meet a change
}

// recount recounts a ledger: of a sound one nothing may change, and of a damaged one the
// fault is found, unless requests change it.
func (o *operator) recount(c *customer) {
	w, damaged := o.world, c.damaged
	found, err := o.program.app.Store.Recount(o.begin("RECOUNT"), c.id(), store.Repairer{Who: "operator", Apply: true})
	switch {
	case isHindered(err):
		w.reached["a recount is refused"]++
	case err != nil:
		w.fail("recount of %s: %v", c, err)
	case damaged != (len(found.Faults) > 0):
		w.fail("recount of %s, damaged %t: %q", c, damaged, found.Faults)
	case damaged:
		w.reached["a recount repairs a ledger"]++
		c.damaged = false
	default:
		w.reached["a recount finds a sound ledger"]++
	}
}

// rebuild rebuilds the reservations of a tenant, of which some were lost.
func (o *operator) rebuild(c *customer, lost int) {
	w := o.world
	done, err := o.program.app.Store.RebuildNames(o.begin("REBUILD"), c.id(), store.Repairer{Who: "operator", Apply: true})
	switch {
	case isHindered(err):
		w.reached["a rebuild is refused"]++
	case err != nil:
		w.fail("rebuild of %s: %v", c, err)
	case len(done.Repairs) != lost || len(done.Conflicts) > 0:
		w.fail("rebuild of %s, which has lost %d reservations: %+v", c, lost, done)
	case lost > 0:
		w.reached["a rebuild repairs a reservation"]++
	default:
		w.reached["a rebuild finds sound reservations"]++
	}
}

// isHindered reports whether a repair was refused for what others do.
func isHindered(err error) bool {
	return errors.Is(err, store.ErrMoving) || errors.Is(err, tenant.ErrNotFound) || errors.Is(err, tenant.ErrEnding) ||
		errors.Is(err, directory.ErrBusy)
}

// damage counts a seat that nobody has, where one is free.
func (o *operator) damage(c *customer) {
	w := o.world
	o.do(func() {
		first, ok := w.ledgerOf(c)
		if c.damaged || c.deleted || !ok || first.Attributes.Number("seatLimit") <= first.Attributes.Number("seats") {
			return
		}
		w.write(table.Update(first.Key, table.Change{Add: map[string]int64{"seats": 1}}, table.Present()))
		c.damaged = true
		w.noteLedger(nil, c.name)
	})
}

// unreserve deletes a reservation of a userName, and returns how many there were to
// delete.
func (w *world) unreserve(c *customer) int {
	page, err := w.engine.Query(background, table.Query{Partition: "T#" + c.name + "#NAMES#user", Limit: 1})
	if err != nil {
		w.fail("reading reservations: %v", err)
	}
	for _, item := range page.Items {
		w.write(table.Delete(item.Key, table.Present()))
	}
	return len(page.Items)
}

// write writes to the table as nothing of the product does.
func (w *world) write(op table.Op) {
	w.damages++
	w.record("damage of %q", op.Key)
	if err := w.engine.Write(background, table.Transaction{Token: fmt.Sprint("damage ", w.damages), Ops: []table.Op{op}}); err != nil {
		w.fail("damage: %v", err)
	}
}

// A moment is a ledger at a time: what is in use of a tenant's limits.
type moment struct {
	at            time.Time
	used, limited map[string]int64
}

// isFull reports whether nothing was left.
func (m moment) isFull(count string) bool { return m.used[count] >= m.limited[count] }

// ledgerOf reads the first shard of a ledger.
func (w *world) ledgerOf(c *customer) (table.Item, bool) {
	key := table.Key{Partition: "T#" + c.name + "#LEDGER", Sort: "0"}
	items, err := w.engine.Get(background, key)
	if err != nil {
		w.fail("reading the ledger: %v", err)
	}
	item, ok := items[key]
	return item, ok
}

// noteLedger keeps what a ledger is after a change by a request, and checks it: no change
// takes more than the limits of all shards, which add up to the tenant's.
func (w *world) noteLedger(by *request, of string) {
	i := slices.IndexFunc(w.customers, func(c *customer) bool { return c.name == of })
	if i < 0 {
		return // a foreign tenant: committed has found it
	}
	customer := w.customers[i]
	page, err := w.engine.Query(background, table.Query{Partition: "T#" + of + "#LEDGER"})
	if err != nil {
		w.fail("reading the ledger: %v", err)
	}
	if len(page.Items) == 0 {
		return
	}
	now, first := moment{at: time.Now(), used: map[string]int64{}, limited: map[string]int64{}}, page.Items[0].Attributes
	for _, name := range []string{"seats", "readers"} {
		limit := limitOf(name)
		for _, shard := range page.Items {
			now.used[name] += shard.Attributes.Number(name)
			now.limited[name] += shard.Attributes.Number(limit)
		}
		total := first.Number(strings.Replace(limit, "Limit", "Total", 1))
		if len(page.Items) == 1 {
			total = first.Number(limit)
		}
		if total == tenant.Unlimited {
			now.limited[name] = total
		}
		if now.limited[name] != total || max(1, first.Number("shards")) != int64(len(page.Items)) {
			w.fail("%s: the %d shards have %d of %s together, of %d", of, len(page.Items), now.limited[name], limit, total)
		}
		if n := len(customer.moments); n > 0 && now.used[name] > max(total, customer.moments[n-1].used[name]) {
			w.fail("request %d takes %s %d of %d in all shards", by.number(), name, now.used[name], total)
		}
	}
	if len(page.Items) > 1 {
		w.reached["a change of a ledger in shards"]++
	}
	customer.moments = append(customer.moments, now)
}

// checkRefusal checks that a request that was refused for want of a seat or a licence ran
// at a moment at which none was left.
func (w *world) checkRefusal(r *request) {
	if r.served == nil || r.customer == nil || r.path == "/Bulk" {
		return
	}
	for count, text := range map[string]string{"seats": " seats in use; ", "readers": " Reader licences in use; "} {
		if r.served.status < 400 || !strings.Contains(string(r.served.text), text) {
			continue
		}
		w.reached["refused: no "+count+" are left"]++
		full := false
		for i, m := range r.customer.moments {
			over := time.Now()
			if i+1 < len(r.customer.moments) {
				over = r.customer.moments[i+1].at
			}
			full = full || m.isFull(count) && !m.at.After(r.began.Add(r.took)) && !over.Before(r.began)
		}
		if !full {
			w.fail("%s: is refused, and %s were left all the time: %s", r, count, r.served.text)
		}
	}
}
