package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall-scim/rollcall/internal/app"
)

// sweeps runs the sweep at random times, each in one of the instances, as the
// schedule invokes it.
func (w *world) sweeps(p *proc) {
	for w.calm.IsZero() {
		p.sleep(p.between(time.Second, 2*time.Minute))
		p.sweep()
	}
}

// sweep runs one sweep and waits for it, unless the instance crashes.
func (p *proc) sweep() {
	r := &request{from: p.name, method: "SWEEP", finished: make(chan struct{})}
	var in *instance
	p.do(func() {
		w := p.world
		w.requests = append(w.requests, r)
		r.n.Store(int64(len(w.requests)))
		if len(w.instances) > 0 {
			in = w.instances[w.random.IntN(len(w.instances))]
		}
		w.record("%s", r)
	})
	if in == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithValue(background, requestKey{}, r), app.SweepInterval)
	defer cancel()
	_ = in.app.Sweep(ctx) // its failures are for the next sweep
}

// crashes ends instances and starts others at random times.
func (w *world) crashing(p *proc) {
	for w.calm.IsZero() {
		p.sleep(p.between(time.Second, 40*time.Second))
		p.do(func() {
			if !w.calm.IsZero() || len(w.instances) == 0 {
				return
			}
			i := w.random.IntN(len(w.instances))
			if p.chance(0.4) {
				w.record("instance %d is cut off", w.instances[i].number)
				w.reached["an instance is cut off"]++
				w.instances[i].clogUntil = time.Now().Add(p.between(0, 5*time.Second))
				return
			}
			w.instances[i].crash()
			w.instances = append(w.instances[:i], w.instances[i+1:]...)
			w.scheduler.after(p.between(0, 8*time.Second), func() {
				if w.calm.IsZero() || len(w.instances) < 2 {
					w.instances = append(w.instances, w.start())
				}
			})
		})
	}
}

// ending ends the faults when all clients have done their steps, or could not in
// a long time.
func (w *world) ending(p *proc) {
	for begun := time.Now(); w.working.Load() > 0 && time.Since(begun) < 10*time.Minute; {
		p.sleep(time.Second)
	}
	p.do(w.quiet)
	// Every task becomes old enough for a sweep, and a deleted tenant needs several.
	for range 8 {
		p.sleep(2 * time.Minute)
		p.sweep()
	}
	last := *w.operator
	last.proc = p
	last.finish()
	if w.outlet != nil {
		w.outlet.finish(p)
	}
}

// populate starts the instances and all processes.
func (w *world) populate() {
	for range 1 + w.random.IntN(3) {
		w.instances = append(w.instances, w.start())
	}
	scale := 1
	if w.options.Long {
		scale = 8
	}
	for n := range 2 + w.random.IntN(2) {
		w.addCustomer(n, scale)
	}
	if w.storm {
		w.addStorm(w.customers[0])
	}
	if w.options.Events {
		w.addEvents()
	}
	if w.options.OAuth {
		w.addOAuth()
	}
	w.spawn("sweep", w.sweeps)
	if !w.options.NoFaults && w.random.IntN(3) > 0 {
		w.spawn("crashes", w.crashing)
	}
	o := w.newOperator()
	w.operator = o
	w.spawn("operator", func(p *proc) { o.proc = p; o.run() })
	w.spawn("end", w.ending)
}

// addCustomer adds a tenant with its application and its identity providers.
func (w *world) addCustomer(n, scale int) {
	c := &customer{
		name: fmt.Sprintf("tenant%d", n), mark: fmt.Sprintf("%s%d", markOf, n),
		revoked: map[string]time.Time{}, purged: map[string]bool{}, touched: map[string]bool{},
	}
	w.customers = append(w.customers, c)
	pick := func(choices ...string) string { return choices[w.random.IntN(len(choices))] }
	deleted := pick("hidden", "readable")
	c.readable = deleted == "readable"
	settings := fmt.Sprintf(`{"maxSeats":%s,"rehire":%q,"unknownMembers":%q,"deletedUsers":%q,"defaultAccountType":%q}`,
		pick("null", "3", "5", "9"), pick("warn", "keep", "refuse"), pick("skip", "skip", "refuse"), deleted, pick("user", "user", "reader"))
	clients := 1 + w.random.IntN(2)
	if w.options.Crowds {
		clients = 2
	}
	if w.options.Clients > 0 {
		clients = min(clients, w.options.Clients)
	}
	for k := range clients {
		c.idps = append(c.idps, w.newIDP(c, k, clients > 1))
	}
	steps := (4 + w.random.IntN(5)) * scale
	if w.options.Steps > 0 {
		steps = min(steps, w.options.Steps)
	}
	a := &application{customer: c, deletes: w.random.IntN(8) == 0}
	w.spawn(c.name+" application", func(p *proc) { a.proc = p; a.run(settings, steps) })
	for k, i := range c.idps {
		w.working.Add(1)
		w.spawn(fmt.Sprintf("%s idp%d", c.name, k), func(p *proc) { i.proc = p; i.run(steps) })
	}
}

// newIDP returns the k-th identity provider of a tenant, with its people and
// groups. If there is another one, some of them are the same.
func (w *world) newIDP(c *customer, k int, another bool) *idp {
	i := &idp{customer: c, dialect: okta, tries: 2 + w.random.IntN(4)}
	if w.random.IntN(2) == 0 {
		i.dialect = entra
	}
	for number := range 3 + w.random.IntN(4) {
		shared := number < 2 && another
		owner := fmt.Sprintf("idp%d", k)
		if shared {
			owner = "shared"
		}
		address := fmt.Sprintf("person%d.%s@%s%s.example", number, owner, c.name, c.mark)
		i.people = append(i.people, &person{
			userName: address, email: address, externalID: fmt.Sprintf("%s-%d%s", owner, number, c.mark), shared: shared,
		})
	}
	for number := range 2 {
		g := &group{name: fmt.Sprintf("Group %d of idp%d %s", number, k, c.mark)}
		if number == 0 && another {
			g.name, g.shared = "Group of both "+c.mark, true
		}
		i.groups = append(i.groups, g)
	}
	if w.random.IntN(12) == 0 || w.options.Crowds {
		for number := range 34 + w.random.IntN(30) {
			i.crowd = append(i.crowd, fmt.Sprintf("crowd%d.idp%d@%s%s.example", number, k, c.name, c.mark))
		}
	}
	return i
}
