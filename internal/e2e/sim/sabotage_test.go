package sim

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// A broken is a table that does one thing wrong.
type broken struct {
	table.Table
	// change returns what is written in place of a transaction; write replaces
	// Write altogether.
	change func(tx table.Transaction) table.Transaction
	write  func(ctx context.Context, t table.Table, tx table.Transaction) error
	get    func(items map[table.Key]table.Item)
}

func (b *broken) Write(ctx context.Context, tx table.Transaction) error {
	if b.write != nil {
		return b.write(ctx, b.Table, tx)
	}
	if b.change != nil {
		tx.Ops = slices.Clone(tx.Ops)
		if tx = b.change(tx); len(tx.Ops) == 0 {
			return nil
		}
	}
	return b.Table.Write(ctx, tx)
}

func (b *broken) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	items, err := b.Table.Get(ctx, keys...)
	if err == nil && b.get != nil {
		b.get(items)
	}
	return items, err
}

// changing returns a table that writes each operation as change leaves it, or not
// at all if change returns false.
func changing(change func(op *table.Op) bool) func(table.Table) table.Table {
	return func(t table.Table) table.Table {
		return &broken{Table: t, change: func(tx table.Transaction) table.Transaction {
			ops := tx.Ops[:0]
			for _, op := range tx.Ops {
				if change(&op) {
					ops = append(ops, op)
				}
			}
			tx.Ops = ops
			return tx
		}}
	}
}

// without returns a table that ignores some conditions.
func without(ignored func(key table.Key, c table.Condition) bool) func(table.Table) table.Table {
	return changing(func(op *table.Op) bool {
		op.When = slices.DeleteFunc(slices.Clone(op.When), func(c table.Condition) bool { return ignored(op.Key, c) })
		return op.Kind != table.OpCheck || len(op.When) > 0
	})
}

// writing returns a table with another Write.
func writing(write func(ctx context.Context, t table.Table, tx table.Transaction) error) func(table.Table) table.Table {
	return func(t table.Table) table.Table { return &broken{Table: t, write: write} }
}

// sabotages are mistakes of a table, or of the code between it and the rules,
// with a part of the failure that each must lead to.
var sabotages = []struct {
	name  string
	table func(table.Table) table.Table
	found string
	// seeds is how many seeds it may take.
	seeds uint64
	// crowds are needed to find it, or a storm.
	crowds, storm bool
	// from is the first seed.
	from uint64
}{
	{"a name is reserved for two users", without(func(k table.Key, c table.Condition) bool {
		return strings.HasPrefix(part(k), "NAMES#") && c.Kind == table.CondAbsent
	}), "audit", 60, false, false, 0},
	{"a seat is taken beyond the limit", without(func(_ table.Key, c table.Condition) bool {
		return c.Kind == table.CondBelow
	}), "takes seats", 30, false, false, 0},
	{"a shard takes a seat beyond its part of the limit", without(func(k table.Key, c table.Condition) bool {
		return part(k) == "LEDGER" && k.Sort != "0" && c.Kind == table.CondBelow
	}), "in all shards", 30, false, false, 0},
	{"a shard keeps the part of the limit that it gives away", changing(func(op *table.Op) bool {
		if op.Change.Add["seatLimit"] < 0 {
			op.Change.Add = maps.Clone(op.Change.Add)
			delete(op.Change.Add, "seatLimit")
		}
		return true
	}), "together, of", 20, false, false, 0},
	{"a user's version is not compared", without(func(k table.Key, c table.Condition) bool {
		return part(k) == "USERS" && c.Kind == table.CondIs && c.Attribute == "ver"
	}), "version", 200, false, false, 0},
	{"a group's epoch is not compared", without(func(k table.Key, c table.Condition) bool {
		return part(k) == "GROUPS" && c.Kind == table.CondIs && c.Attribute == "epoch"
	}), "", 400, true, false, 75}, // rare
	{"a membership is not compared", without(func(k table.Key, _ table.Condition) bool {
		return strings.HasPrefix(part(k), "G#")
	}), "member of group", 60, false, false, 0},
	{"a joining user is not looked at", without(func(k table.Key, c table.Condition) bool {
		return part(k) == "USERS" && c.Attribute == "lv"
	}), "", 200, false, false, 0},
	{"a change has no entry in the log", changing(func(op *table.Op) bool {
		return part(op.Key) != "LOG"
	}), "without its entry", 5, false, false, 0},
	{"an entry of every tenth request is left out", writing(func(ctx context.Context, t table.Table, tx table.Transaction) error {
		if len(tx.Ops) > 4 && tx.Token[len(tx.Token)-1] == '7' {
			tx.Ops = slices.DeleteFunc(slices.Clone(tx.Ops), func(op table.Op) bool { return part(op.Key) == "LOG" })
		}
		return t.Write(ctx, tx)
	}), "without its entry", 10, false, false, 0},
	{"the log says more than happened", changing(func(op *table.Op) bool {
		if part(op.Key) == "LOG" && op.Attributes.Has("dseat") {
			op.Attributes = maps.Clone(op.Attributes)
			delete(op.Attributes, "dseat")
		}
		return true
	}), "by the log", 10, false, false, 0},
	{"an entry is in another tenant's log", changing(func(op *table.Op) bool {
		if part(op.Key) == "LOG" {
			op.Key.Partition = strings.Replace(op.Key.Partition, "tenant1", "tenant0", 1)
		}
		return true
	}), "of tenant", 40, false, false, 0},
	{"a seat is freed twice", changing(func(op *table.Op) bool {
		if op.Change.Add["seats"] < 0 {
			op.Change.Add = maps.Clone(op.Change.Add)
			op.Change.Add["seats"]--
		}
		return true
	}), "seats", 10, false, false, 0},
	{"a membership has no mirror", changing(func(op *table.Op) bool {
		return op.Kind != table.OpPut || !strings.HasPrefix(part(op.Key), "U#")
	}), "mirror", 10, false, false, 0},
	{"a task is not listed as due", changing(func(op *table.Op) bool {
		return op.Key.Partition != "DUE" || op.Kind == table.OpDelete
	}), "", 60, false, false, 0},
	{"half of a transaction is applied", writing(func(ctx context.Context, t table.Table, tx table.Transaction) error {
		if len(tx.Ops) > 3 && tx.Token[len(tx.Token)-1] == '3' {
			tx.Ops = tx.Ops[:len(tx.Ops)/2]
		}
		return t.Write(ctx, tx)
	}), "", 10, false, false, 0},
	{"a write is answered and not applied", writing(func(ctx context.Context, t table.Table, tx table.Transaction) error {
		if tx.Token[len(tx.Token)-1] == '5' {
			return nil
		}
		return t.Write(ctx, tx)
	}), "", 10, false, false, 0},
	{"a transaction is applied again", func(t table.Table) table.Table {
		var n atomic.Int64
		return &broken{Table: t, change: func(tx table.Transaction) table.Transaction {
			tx.Token = string(rune('a'+n.Add(1)%26)) + tx.Token
			return tx
		}}
	}, "", 100, false, false, 340},
	{"reads are old", func(t table.Table) table.Table {
		old := map[table.Key]table.Item{}
		n := 0
		return &broken{Table: t, get: func(items map[table.Key]table.Item) {
			for _, key := range slices.SortedFunc(maps.Keys(items), func(a, b table.Key) int { return strings.Compare(a.Partition+a.Sort, b.Partition+b.Sort) }) {
				was, ok := old[key]
				old[key] = items[key]
				if n++; ok && n%3 == 0 {
					items[key] = was
				}
			}
		}}
	}, "", 60, false, false, 0},
	{"a protected user is not looked at", without(func(k table.Key, c table.Condition) bool {
		return part(k) == "USERS" && c.Attribute == "ver" || part(k) == "GUARD"
	}), "", 200, false, false, 0},
	{"one user's name can never be written", writing(func(ctx context.Context, t table.Table, tx table.Transaction) error {
		for _, op := range tx.Ops {
			if strings.HasPrefix(op.Key.Sort, "person0") {
				return table.ErrThrottled
			}
		}
		return t.Write(ctx, tx)
	}), "do not finish", 2, false, false, 0},
	{"leases are not stored", changing(func(op *table.Op) bool { return part(op.Key) != "RATE" }), "requests are served in", 20, false, true, 10},
	{"a bucket is always spent", func(t table.Table) table.Table {
		return &broken{Table: t, get: func(items map[table.Key]table.Item) {
			for key, item := range items {
				if part(key) == "RATE" {
					item.Attributes = maps.Clone(item.Attributes)
					item.Attributes["spent"] = table.Number(time.Now().Add(time.Second).UnixMicro())
					items[key] = item
				}
			}
		}}
	}, "is refused for its rate", 10, false, true, 0},
	{"the users of another tenant are read", func(t table.Table) table.Table { return otherUsers{t} }, "", 60, false, false, 0},
}

// otherUsers answers every query of tenant1's users with tenant0's.
type otherUsers struct{ table.Table }

func (o otherUsers) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Partition == "T#tenant1#USERS" {
		q.Partition = "T#tenant0#USERS"
	}
	return o.Table.Query(ctx, q)
}

// Each mistake of a table is found, by a seed that passes without the mistake: a
// simulation that finds none of them would prove nothing.
func TestSimulation_FindsSabotage(t *testing.T) {
	for _, s := range sabotages {
		if raceDetector && (s.seeds > 10 || s.crowds) {
			continue // the race detector makes the search several times as long
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var seen []string
			for seed := s.from; seed < s.from+s.seeds; seed++ {
				r := in(t, seed, Options{Table: s.table, Crowds: s.crowds, Storm: s.storm})
				if slices.ContainsFunc(r.Failures, func(f string) bool { return strings.Contains(f, s.found) }) {
					t.Logf("found by seed %d: %.300s", seed, r.Failures[0])
					sound := in(t, seed, Options{Crowds: s.crowds, Storm: s.storm})
					require.Empty(t, sound.Failures, "seed %d fails without the sabotage too", seed)
					return
				}
				seen = append(seen, r.Failures...)
			}
			require.Fail(t, "not found", "in %d seeds: %q", s.seeds, seen)
		})
	}
}

// lostEvents are mistakes after which a mirror differs from the table.
var lostEvents = []struct {
	name  string
	table func(table.Table) table.Table
	found string
	// from is the first seed, and seeds is how many it may take.
	from, seeds uint64
	crowds      bool
}{
	{"a commit has no event", changing(func(op *table.Op) bool {
		return part(op.Key) != "LOG" || op.Attributes.Text("did") != "updated"
	}), "mirror", 80, 60, false},
	{"an event has no commit", changing(func(op *table.Op) bool {
		if part(op.Key) == "LOG" && op.Attributes.Text("did") == "updated" {
			op.Attributes = maps.Clone(op.Attributes)
			op.Attributes["did"] = table.Text("purged")
		}
		return true
	}), "mirror", 0, 40, false},
	{"the ids of a whole new set are not stored", changing(func(op *table.Op) bool {
		return part(op.Key) != "SETS"
	}), "mirror", 0, 40, true},
	{"a waiting event is deleted before it is acknowledged", changing(func(op *table.Op) bool {
		if strings.HasSuffix(op.Key.Partition, "#PENDING") && op.Kind == table.OpPut && op.Attributes.Number("tries") > 0 {
			*op = table.Delete(op.Key)
		}
		return true
	}), "mirror of the receiver", 110, 80, false},
}

// The comparison of mirrors notices that events are lost or made up.
func TestSimulation_ComparesMirrors(t *testing.T) {
	for _, s := range lostEvents {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var seen []string
			for seed := s.from; seed < s.from+s.seeds; seed++ {
				o := Options{Events: true, Crowds: s.crowds}
				o.Table = s.table
				r := in(t, seed, o)
				if slices.ContainsFunc(r.Failures, func(f string) bool { return strings.Contains(f, s.found) }) {
					o.Table = nil
					require.Empty(t, in(t, seed, o).Failures, "seed %d fails without the sabotage too", seed)
					return
				}
				seen = append(seen, r.Failures...)
			}
			require.Fail(t, "not found", "in %d seeds: %.2000q", s.seeds, seen)
		})
	}
}

// accesses are mistakes after which a client or an access token is accepted wrongly.
var accesses = []struct {
	name  string
	table func(table.Table) table.Table
	found string
	// from is the first seed, and seeds is how many it may take.
	from, seeds uint64
}{
	{"the end of a client is not stored", changing(func(op *table.Op) bool {
		if strings.HasPrefix(op.Key.Sort, "CLIENT#") && op.Attributes.Number("rev") > 0 {
			op.Attributes = maps.Clone(op.Attributes)
			op.Attributes["rev"] = table.Number(0)
		}
		return true
	}), "ended", 0, 20},
	{"the end of a secret is not stored", changing(func(op *table.Op) bool {
		if secrets := op.Attributes.Text("secs"); strings.HasPrefix(op.Key.Sort, "CLIENT#") {
			op.Attributes = maps.Clone(op.Attributes)
			op.Attributes["secs"] = table.Text(strings.ReplaceAll(secrets, `"rev":`, `"was":`))
		}
		return true
	}), "ended", 0, 20},
	{"an assertion is claimed twice", without(func(k table.Key, _ table.Condition) bool {
		return part(k) == "JTI"
	}), "second access token", 0, 60},
	{"a secret that was added is lost", changing(func(op *table.Op) bool {
		return !strings.HasPrefix(op.Key.Sort, "CLIENT#") || op.Attributes.Number("ver") != 2
	}), "nobody has ended", 0, 20},
}

// The checks of access notice that an ended client or access token is accepted, and that a live one
// is refused.
func TestSimulation_ChecksAccess(t *testing.T) {
	for _, s := range accesses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for seed := s.from; seed < s.from+s.seeds; seed++ {
				r := in(t, seed, Options{OAuth: true, Table: s.table})
				if slices.ContainsFunc(r.Failures, func(f string) bool { return strings.Contains(f, s.found) }) {
					t.Logf("found by seed %d: %.300s", seed, r.Failures[0])
					require.Empty(t, in(t, seed, Options{OAuth: true}).Failures, "seed %d fails without the sabotage too", seed)
					return
				}
			}
			require.Fail(t, "not found", "in %d seeds", s.seeds)
		})
	}
}
