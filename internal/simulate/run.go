package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
)

// A Plan is what a simulation does. The same plan sends the same requests to servers
// that answer the same.
type Plan struct {
	// Provider is one of Providers, and Scenario one of Scenarios.
	Provider, Scenario string
	Users, Groups      int
	// Fail is a cause that is provoked in the middle of the scenario, "" for none.
	Fail cause.Cause
	// Seed chooses the users and groups: scenarios with the same seed have the same.
	Seed uint64
	// Speed divides the times between requests; 1 is real.
	Speed float64
}

// The most users and groups of a plan.
const (
	MaxUsers  = 100_000
	MaxGroups = 1000
)

// Scenarios are the names of the scenarios.
func Scenarios() []string {
	return []string{"first-sync", "daily", "leavers", "rehire", "group-push", "misconfigured"}
}

// ErrPlan is the error of a plan that cannot be played.
var ErrPlan = errors.New("invalid plan")

// Check returns an error that wraps ErrPlan unless the plan can be played.
func (p Plan) Check() error {
	_, known := dialectOf(p.Provider)
	switch {
	case !known:
		return fmt.Errorf("%w: unknown identity provider %q", ErrPlan, p.Provider)
	case !slices.Contains(Scenarios(), p.Scenario):
		return fmt.Errorf("%w: unknown scenario %q", ErrPlan, p.Scenario)
	case p.Users < 1 || p.Users > MaxUsers:
		return fmt.Errorf("%w: users must be 1 to %d", ErrPlan, MaxUsers)
	case p.Groups < 0 || p.Groups > MaxGroups:
		return fmt.Errorf("%w: groups must be 0 to %d", ErrPlan, MaxGroups)
	case !(p.Speed > 0):
		return fmt.Errorf("%w: the speed must be greater than 0", ErrPlan)
	case p.Fail != "" && !CanProvoke(p.Fail):
		return fmt.Errorf("%w: %s cannot be provoked by SCIM requests alone", ErrPlan, p.Fail)
	}
	return nil
}

// Run plays a plan. It returns what was answered, also with an error, which is of
// the connection or of the context.
func Run(ctx context.Context, t Target, p Plan) (Summary, error) {
	if err := p.Check(); err != nil {
		return Summary{}, err
	}
	d, _ := dialectOf(p.Provider)
	r := &run{sender: newSender(ctx, t, d, p.Speed), plan: p, people: people(p.Seed, p.Users+1), ids: map[string]string{}}
	err := r.play()
	return r.summary(), err
}

// A run is one simulation.
type run struct {
	*sender

	plan   Plan
	people []person
	// ids are the ids of users by their userName.
	ids map[string]string
}

// play sends the scenario.
func (r *run) play() error {
	steps := r.steps()
	if r.plan.Fail != "" {
		steps = slices.Insert(steps, len(steps)/2, func() error { return r.provoke(r.plan.Fail, fmt.Sprintf("sim-%d", r.plan.Seed)) })
	}
	for i, step := range append([]func() error{func() error { _, err := r.send(r.dialect.test()); return err }}, steps...) {
		if err := step(); err != nil {
			return err
		}
		if r.target.Progress != nil {
			r.target.Progress(i+1, len(steps)+1)
		}
	}
	return nil
}

// steps returns the scenario, a step for each user and group. A step sees what the
// steps before it found.
func (r *run) steps() (steps []func() error) {
	users := r.people[:r.plan.Users]
	forEach := func(of []person, do func(p person) error) {
		for _, p := range of {
			steps = append(steps, func() error { return do(p) })
		}
	}
	groups := func() {
		for i := range r.plan.Groups {
			steps = append(steps, func() error { return r.group(i) })
		}
	}
	some := users[:max(1, len(users)/5)]
	switch r.plan.Scenario {
	case "first-sync", "group-push":
		forEach(users, r.provision)
		groups()
	case "daily":
		forEach(some, func(p person) error { return r.change(p, r.dialect.update) })
		forEach(r.people[r.plan.Users:], r.provision) // who joins
		forEach(users[len(users)-1:], func(p person) error { return r.change(p, r.dialect.off) })
	case "leavers":
		forEach(some, func(p person) error { return r.change(p, r.dialect.off) })
	case "rehire":
		forEach(some, func(p person) error { return r.change(p, r.dialect.off) })
		forEach(some, func(p person) error { return r.change(p, r.dialect.on) })
	case "misconfigured":
		for _, c := range misconfigurations {
			steps = append(steps, func() error { return r.provoke(c, fmt.Sprintf("sim-%d", r.plan.Seed)) })
		}
	}
	return steps
}

// misconfigurations are the causes of the mistakes that are made most: a token
// without Bearer or cut when it was copied, a wrong base URL, an attribute mapped to
// a wrong type or to one that the service does not have, a user twice, a member who
// is not provisioned.
var misconfigurations = []cause.Cause{
	cause.TokenMissing, cause.TokenInvalid, cause.NoRoute, cause.Validation, cause.Tolerated, cause.Duplicate, cause.UnknownMembers,
}

// provision looks a user up, and creates the user who is not found.
func (r *run) provision(p person) error {
	a, err := r.send(r.dialect.find(p))
	if err != nil {
		return err
	}
	if id, found := a.first(); found || a.status >= 300 {
		r.ids[p.userName] = id
		return nil // a refused lookup is not followed by a create
	}
	a, err = r.send(r.dialect.create(p))
	if err == nil && a.status < 300 {
		r.ids[p.userName] = a.id()
	}
	return err
}

// change looks a user up and changes the user. One who is not found is created before.
func (r *run) change(p person, to func(p person, id string) Request) error {
	if err := r.provision(p); err != nil || r.ids[p.userName] == "" {
		return err
	}
	_, err := r.send(to(p, r.ids[p.userName]))
	return err
}

// group pushes the group i: every user is in one group, and in the one after it every
// third.
func (r *run) group(i int) error {
	name := groupName(r.plan.Seed, i)
	var members []string
	for k, p := range r.people[:r.plan.Users] {
		if id := r.ids[p.userName]; id != "" && (k%r.plan.Groups == i || k%3 == 0 && (k+1)%r.plan.Groups == i) {
			members = append(members, id)
		}
	}
	a, err := r.send(r.dialect.findGroup(name))
	if err != nil || a.status >= 300 {
		return err
	}
	id, found := a.first()
	if !found {
		if a, err = r.send(r.dialect.createGroup(name, fmt.Sprintf("g-%d-%d", r.plan.Seed, i+1), members)); err != nil || a.status >= 300 {
			return err
		}
		if id = a.id(); r.dialect.createsWithMembers {
			return nil
		}
	}
	if len(members) == 0 || id == "" {
		return nil
	}
	for _, request := range r.dialect.addMembers(id, name, members) {
		if _, err := r.send(request); err != nil {
			return err
		}
	}
	return nil
}

// wait waits for a time at the speed of the plan.
func (s *sender) wait(d time.Duration) error {
	return s.target.Wait(s.ctx, time.Duration(float64(d)/s.speed))
}
