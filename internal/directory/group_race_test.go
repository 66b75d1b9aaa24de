package directory_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// raceTimes makes the races of group changes last longer: 20 in make soak.
var raceTimes = flag.Int("races", 1, "times that all races of group changes are run")

// raceState is the state that requests about one group and its users depend on.
// Members and deleted users are bits, numbered as the racer's users are.
type raceState struct {
	there         bool
	name          int
	members, gone uint64
}

func (s raceState) String() string {
	if !s.there {
		return "no group"
	}
	return fmt.Sprintf("name %d, members %s, gone %s", s.name, set(s.members), set(s.gone))
}

type set uint64

func (s set) String() string {
	var b strings.Builder
	for i := range 64 {
		if s&(1<<i) != 0 {
			fmt.Fprintf(&b, " %d", i)
		}
	}
	return "{" + strings.TrimPrefix(b.String(), " ") + "}"
}

// people returns the set of the numbers from one to another, which is not
// included.
func people(from, to int) (s uint64) {
	for i := from; i < to; i++ {
		s |= 1 << i
	}
	return s
}

// racer sends concurrent requests about one group, through two instances that
// share only the table.
type racer struct {
	f         *fixture
	instances [2]*directory.Directory
	ids       []string
	names     []string
	number    map[string]int
	// base begins the names of the group, and deleted are users to restore.
	group, base string
	deleted     atomic.Uint64
	clock       *atomic.Int64
	busy        *atomic.Int64
	wrong       *atomic.Int64
}

// contender is a request of a race: what is sent, and what it does.
type contender struct {
	text string
	send func(r *racer, d *directory.Directory) func(raceState) (raceState, bool)
}

func (r *racer) list(s uint64) (ids []string) {
	for i, id := range r.ids {
		if s&(1<<i) != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (r *racer) set(ids []string) (s uint64) {
	for _, id := range ids {
		s |= 1 << r.number[id]
	}
	return s
}

// answered returns the effect of a change of the group, from its answer. few
// reports that the change has one transaction, so that the answer counts
// exactly.
func (r *racer) answered(result directory.GroupResult, err error, few bool, does func(raceState) (_ raceState, noTarget bool)) func(raceState) (raceState, bool) {
	var refusal *scim.Error
	noTarget := errors.As(err, &refusal) && refusal.Type == scim.NoTarget
	skipped := r.set(result.Skipped)
	return func(s raceState) (raceState, bool) {
		if !s.there {
			return s, errors.Is(err, directory.ErrNoGroup)
		}
		after, refused := does(s)
		if refused {
			return s, noTarget
		}
		right := err == nil
		wanted := after.members
		after.members &^= s.gone
		if few {
			right = right && skipped == wanted&^after.members
		}
		switch {
		case result.Action == journal.Unchanged:
			right = right && after == s
		case few && result.Removed >= 0: // the difference of a set written whole is unknown
			right = right && after != s && (result.Added == bits.OnesCount64(after.members&^s.members) && result.Removed == bits.OnesCount64(s.members&^after.members))
		}
		return after, right
	}
}

// patching returns a PATCH.
func patching(text string, few bool, operations func(r *racer) string, does func(raceState) (_ raceState, noTarget bool)) contender {
	return contender{text, func(r *racer, d *directory.Directory) func(raceState) (raceState, bool) {
		patch, err := resource.DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[` + operations(r) + `]}`))
		assert.NoError(r.f.t, err)
		result, err := r.patiently(func() (directory.GroupResult, error) {
			return d.ModifyGroup(context.Background(), r.f.tenant, r.f.by(), r.group, nil, patch)
		})
		return r.answered(result, err, few, does)
	}}
}

func isFew(s uint64) bool { return bits.OnesCount64(s) <= directory.MaxJoined }

func adding(who uint64) contender {
	return patching("add "+set(who).String(), isFew(who), func(r *racer) string { return add(r.list(who)...) },
		func(s raceState) (raceState, bool) { s.members |= who; return s, false })
}

func removing(who uint64) contender {
	return patching("remove "+set(who).String(), isFew(who), func(r *racer) string { return remove(r.list(who)...) },
		func(s raceState) (raceState, bool) { s.members &^= who; return s, false })
}

// moving returns a change in which some join and others leave.
func moving(in, out uint64) contender {
	return patching("add "+set(in).String()+" remove "+set(out).String(), isFew(in|out),
		func(r *racer) string { return add(r.list(in)...) + "," + remove(r.list(out)...) },
		func(s raceState) (raceState, bool) { s.members = (s.members | in) &^ out; return s, false })
}

// naming returns a rename sent together with joining members.
func naming(name int, who uint64) contender {
	return patching(fmt.Sprint("name ", name, " add ", set(who)), isFew(who), func(r *racer) string {
		return fmt.Sprintf(`{"op":"replace","path":"displayName","value":%q},%s`, r.name(name), add(r.list(who)...))
	}, func(s raceState) (raceState, bool) {
		s.name, s.members = name, s.members|who
		return s, false
	})
}

func renaming(name int) contender {
	return patching(fmt.Sprint("name ", name), true,
		func(r *racer) string {
			return fmt.Sprintf(`{"op":"replace","path":"displayName","value":%q}`, r.name(name))
		},
		func(s raceState) (raceState, bool) { s.name = name; return s, false })
}

// sparing removes all members but one, by a filter that names only this one.
func sparing(who int) contender {
	return patching(fmt.Sprint("remove all but ", who), true,
		func(r *racer) string {
			return fmt.Sprintf(`{"op":"remove","path":"members[value ne \"%s\"]"}`, r.ids[who])
		},
		func(s raceState) (raceState, bool) { s.members &= 1 << who; return s, false })
}

// swapping replaces one member by another user; the member must be present.
func swapping(out, in int) contender {
	return patching(fmt.Sprint("swap ", out, " for ", in), true,
		func(r *racer) string {
			return fmt.Sprintf(`{"op":"replace","path":"members[value eq \"%s\"].value","value":%q}`, r.ids[out], r.ids[in])
		},
		func(s raceState) (raceState, bool) {
			if s.members&(1<<out) == 0 {
				return s, true
			}
			s.members = s.members&^(1<<out) | 1<<in
			return s, false
		})
}

func clearing() contender {
	return patching("clear", true, func(*racer) string { return `{"op":"remove","path":"members"}` },
		func(s raceState) (raceState, bool) { s.members = 0; return s, false })
}

func putting(name int, who uint64) contender {
	return contender{fmt.Sprint("PUT name ", name, " members ", set(who)), func(r *racer, d *directory.Directory) func(raceState) (raceState, bool) {
		sent := r.f.decodeGroup(group(r.name(name), r.list(who)...))
		result, err := r.patiently(func() (directory.GroupResult, error) {
			return d.ReplaceGroup(context.Background(), r.f.tenant, r.f.by(), r.group, nil, sent)
		})
		return r.answered(result, err, false, func(s raceState) (raceState, bool) {
			s.name, s.members = name, who
			return s, false
		})
	}}
}

func ending() contender {
	return contender{"DELETE", func(r *racer, d *directory.Directory) func(raceState) (raceState, bool) {
		_, err := r.patiently(func() (directory.GroupResult, error) {
			return d.DeleteGroup(context.Background(), r.f.tenant, r.f.by(), r.group, nil)
		})
		return func(s raceState) (raceState, bool) {
			if !s.there {
				return s, errors.Is(err, directory.ErrNoGroup)
			}
			return raceState{gone: s.gone}, err == nil
		}
	}}
}

func deleting(who int) contender {
	return contender{fmt.Sprint("delete user ", who), func(r *racer, d *directory.Directory) func(raceState) (raceState, bool) {
		r.deleted.Or(1 << who)
		_, err := r.patiently(func() (directory.GroupResult, error) {
			_, err := d.Delete(context.Background(), r.f.tenant, r.f.by(), r.ids[who], nil)
			return directory.GroupResult{}, err
		})
		return func(s raceState) (raceState, bool) {
			if s.gone&(1<<who) != 0 {
				return s, errors.Is(err, directory.ErrNotFound)
			}
			s.gone |= 1 << who
			s.members &^= 1 << who
			return s, err == nil
		}
	}}
}

func restoring(who int) contender {
	return contender{fmt.Sprint("restore user ", who), func(r *racer, d *directory.Directory) func(raceState) (raceState, bool) {
		sent := r.f.decode(r.names[who])
		_, err := r.patiently(func() (directory.GroupResult, error) {
			_, err := d.Provision(context.Background(), r.f.tenant, r.f.by(), sent)
			return directory.GroupResult{}, err
		})
		var held *directory.TakenError
		return func(s raceState) (raceState, bool) {
			if s.gone&(1<<who) == 0 {
				return s, errors.As(err, &held)
			}
			s.gone &^= 1 << who
			return s, err == nil
		}
	}}
}

// reading returns a GET with members.
func reading() contender {
	return contender{"GET", func(r *racer, d *directory.Directory) func(raceState) (raceState, bool) {
		g, members, err := d.Members(context.Background(), r.f.tenant, r.group, directory.MaxMembersRead)
		if err != nil {
			return func(s raceState) (raceState, bool) { return s, !s.there && errors.Is(err, directory.ErrNoGroup) }
		}
		resource, err := g.Resource()
		assert.NoError(r.f.t, err)
		seen, name := r.set(members), resource.Text("displayName")
		return func(s raceState) (raceState, bool) {
			return s, s.there && s.members == seen && r.name(s.name) == name
		}
	}}
}

// pausing lets the others get ahead.
func pausing(random *rand.Rand) contender {
	pause := time.Duration(random.Int64N(int64(3 * time.Millisecond)))
	return contender{"", func(*racer, *directory.Directory) func(raceState) (raceState, bool) {
		time.Sleep(pause)
		return func(s raceState) (raceState, bool) { return s, true }
	}}
}

func (r *racer) name(n int) string { return fmt.Sprint(r.base, " ", n) }

// patiently repeats a request while it is answered ErrBusy, as an identity
// provider does.
func (r *racer) patiently(send func() (directory.GroupResult, error)) (directory.GroupResult, error) {
	for {
		result, err := send()
		if !errors.Is(err, directory.ErrBusy) {
			return result, err
		}
		r.busy.Add(1)
	}
}

// raceModel returns the model of a race: the output of each request reports whether
// it fits a state, and returns the next one.
func raceModel(first raceState) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(state, _, output any) (bool, any) {
			s, _ := state.(raceState)
			step, _ := output.(func(raceState) (raceState, bool))
			next, right := step(s)
			return right, next
		},
	}
}

// race creates a group, sends concurrent requests about it, each list of them
// in sequence, and reads the result. It reports a history that no order of the
// requests explains.
func (r *racer) race(start uint64, lists [][]contender) {
	r.base = newID()
	created, err := r.patiently(func() (directory.GroupResult, error) {
		return r.f.dir.ProvisionGroup(context.Background(), r.f.tenant, r.f.by(), r.f.decodeGroup(group(r.name(0), r.list(start)...)))
	})
	if err != nil {
		r.f.t.Error(err)
		return
	}
	r.group = created.Group.ID
	var mu sync.Mutex
	var history []porcupine.Operation
	do := func(c contender, d *directory.Directory) {
		begin := r.clock.Add(1)
		step := c.send(r, d)
		end := r.clock.Add(1)
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{Input: c.text, Call: begin, Output: step, Return: end})
	}
	var wait sync.WaitGroup
	begin := make(chan struct{})
	for i, list := range lists {
		wait.Go(func() {
			<-begin
			for _, c := range list {
				do(c, r.instances[i%2])
			}
		})
	}
	close(begin)
	wait.Wait()
	do(reading(), r.instances[0])
	first := raceState{there: true, members: start}
	if !porcupine.CheckOperations(raceModel(first), history) && r.wrong.Add(1) <= 3 {
		var b strings.Builder
		slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
		for _, c := range history {
			fmt.Fprintf(&b, "\n%d to %d: %s", c.Call, c.Return, c.Input)
		}
		_, members, err := r.f.dir.Members(context.Background(), r.f.tenant, r.group, directory.MaxMembersRead)
		r.f.t.Errorf("no order of these requests results in members %s (%v), from %s:%s", set(r.set(members)), err, set(start), b.String())
	}
	r.tidy()
}

// tidy deletes the group, and restores deleted users.
func (r *racer) tidy() {
	ending().send(r, r.f.dir)
	for deleted := r.deleted.Swap(0); deleted != 0; deleted &= deleted - 1 {
		restoring(bits.TrailingZeros64(deleted)).send(r, r.f.dir)
	}
}

// groupRaces are the kinds of race: the members at first, and what is sent at
// once.
var groupRaces = []struct {
	name string
	// rounds is how often a race is run in memory, and onDynamo on DynamoDB
	// Local, where each takes a hundred times as long.
	rounds, onDynamo int
	start            uint64
	sent             func(random *rand.Rand) [][]contender
}{
	{"add beside PUT", 100, 10, people(0, 1), always(one(adding(people(0, 2))), one(putting(0, people(5, 6))))},
	{"add beside remove", 100, 10, people(0, 1), always(one(adding(people(0, 2))), one(removing(people(0, 2))))},
	{"large add beside small remove", 100, 2, 0, func(random *rand.Rand) [][]contender {
		return [][]contender{one(adding(people(0, 36))), {pausing(random), removing(people(24, 36))}, {pausing(random), removing(people(24, 36))}}
	}},
	{"large add beside large remove", 100, 2, people(0, 20), always(one(adding(people(0, 36))), one(removing(people(2, 38))))},
	{"large add beside large PUT", 30, 2, people(0, 20), always(one(adding(people(0, 36))), one(putting(0, people(3, 40))))},
	{"large add beside large add and clear", 30, 2, people(10, 12), always(
		one(adding(people(0, 36))), one(adding(people(4, 40))), one(clearing()))},
	{"overlapping adds and removes of twelve", 100, 2, people(0, 6), always(
		[]contender{adding(people(0, 12)), removing(people(0, 12))},
		[]contender{removing(people(0, 12)), adding(people(6, 18))},
		[]contender{moving(people(0, 12), people(12, 24))},
		[]contender{reading(), reading(), reading()})},
	{"filters beside joins", 30, 2, people(0, 3), always(
		one(sparing(1)), one(adding(people(0, 5))), []contender{swapping(2, 7), reading()})},
	{"names beside members", 30, 2, people(0, 2), always(
		one(naming(0, people(0, 4))), one(renaming(1)), []contender{removing(people(1, 3)), reading()})},
	{"deleted users beside joins", 30, 2, people(0, 2), always(
		one(adding(people(0, 4))), []contender{deleting(1), restoring(1)}, one(putting(0, people(1, 3))))},
	{"deleted group beside changes", 30, 2, people(0, 2), always(
		one(adding(people(0, 4))), one(ending()), one(putting(0, people(1, 3))))},
	{"random requests", 30, 2, people(0, 8), anything},
}

func one(c contender) []contender { return []contender{c} }

func always(lists ...[]contender) func(*rand.Rand) [][]contender {
	return func(*rand.Rand) [][]contender { return lists }
}

// anything draws four requests and three reads.
func anything(random *rand.Rand) [][]contender {
	who := func(most int) uint64 {
		from, n := random.IntN(12), 1+random.IntN(most)
		return people(from, from+n)
	}
	large := func() uint64 { from := random.IntN(8); return people(from, from+directory.MaxJoined+1) }
	lists := [][]contender{{reading(), reading(), reading()}}
	for range 4 {
		var c contender
		switch random.IntN(14) {
		case 0, 1:
			c = adding(who(12))
		case 2, 3:
			c = removing(who(12))
		case 4:
			c = moving(who(6), who(6))
		case 5:
			c = putting(random.IntN(2), who(12))
		case 6:
			c = adding(large())
		case 7:
			c = removing(large())
		case 8:
			c = putting(0, large())
		case 9:
			c = naming(random.IntN(2), who(3))
		case 10:
			c = sparing(random.IntN(12))
		case 11:
			c = swapping(random.IntN(12), random.IntN(12))
		case 12:
			c = deleting(random.IntN(12))
		case 13:
			c = clearing()
		}
		lists = append(lists, one(c))
	}
	return lists
}

// Concurrent requests about one group, through two instances: the answers, what
// is read meanwhile, and the result are those of some order of the requests. A
// request is applied whole or not at all. RFC 7644 §3.5.2
//
// Covers: 7644-3.5.2-14
func TestGroup_RacesAreSerializable(t *testing.T) {
	engines := enginetest.Three()
	if raceDetector {
		// Too slow under the race detector: make check runs all rounds on all
		// engines without it.
		engines = engines[:1]
	}
	for _, engine := range engines {
		t.Run(engine.Name, func(t *testing.T) {
			engine.Need(t)
			slow := strings.HasPrefix(engine.Name, "dynamodb")
			racers := 16
			if slow {
				racers = 5
			}
			raw := engine.Open(t)
			f := newFixture(t, func(testing.TB) table.Table { return raw }, 0, 0)
			all := f.racers(racers, raw)
			for _, kind := range groupRaces {
				t.Run(kind.name, func(t *testing.T) {
					f.t = t
					rounds := kind.rounds * *raceTimes
					switch {
					case slow:
						rounds = kind.onDynamo * *raceTimes
					case raceDetector:
						rounds = max(rounds/10, 1)
					}
					var next atomic.Int64
					var wait sync.WaitGroup
					for i, r := range all {
						random := rand.New(rand.NewPCG(uint64(i), 1))
						wait.Go(func() {
							for next.Add(1) <= int64(rounds) {
								r.race(kind.start, kind.sent(random))
							}
						})
					}
					wait.Wait()
					wrong := all[0].wrong.Swap(0)
					assert.Truef(t, wrong == 0, "%d of %d races have no order", wrong, rounds)
					if busy := all[0].busy.Swap(0); busy > 0 {
						t.Logf("%d requests of %d races were answered ErrBusy and repeated", busy, rounds)
					}
				})
			}
			f.t = t
			_, err := f.store.Sweep(context.Background(), 0)
			assert.NoError(t, err)
			f.check(0)
		})
	}
}

// racers returns racers with users of their own on a shared table.
func (f *fixture) racers(n int, raw table.Table) []*racer {
	clock, busy, wrong := &atomic.Int64{}, &atomic.Int64{}, &atomic.Int64{}
	other := f.on(table.Retrying(raw))
	racers := make([]*racer, n)
	var wait sync.WaitGroup
	for i := range racers {
		wait.Go(func() {
			r := &racer{f: f, instances: [2]*directory.Directory{f.dir, other}, number: map[string]int{}, clock: clock, busy: busy, wrong: wrong}
			for j := range 48 {
				body := user(fmt.Sprintf(`"userName":"p%d-%d","active":false`, i, j))
				u := f.mustPost(body).ID
				r.ids, r.names, r.number[u] = append(r.ids, u), append(r.names, body), j
			}
			racers[i] = r
		})
	}
	wait.Wait()
	return racers
}
