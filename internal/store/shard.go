package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// maxShards is the largest number of shards of a ledger. All of them are read in one
// round trip of two read units, and at a hold of 10 ms they take more than a thousand
// changes a second.
const maxShards = 32

// shard is one shard of a ledger, as read.
type shard struct {
	number int
	item   table.Item
	directory.Ledger
}

// free returns how many seats a shard has, or Readers' licences.
func (s shard) free(kind directory.Holding) int64 {
	if kind == directory.HoldsReader {
		return s.ReaderLimit - s.Readers
	}
	return s.SeatLimit - s.Seats
}

// limit returns the names of the count and of the limit of seats or licences, and the
// limit.
func (s shard) limit(kind directory.Holding) (count, name string, limit int64) {
	if kind == directory.HoldsReader {
		return attrReaders, attrReaderLimit, s.ReaderLimit
	}
	return attrSeats, attrSeatLimit, s.SeatLimit
}

// shards are all shards of a ledger, in the order of their numbers. They are read
// one after the other, while others may change.
type shards []shard

// maxShardReads is how many times shards are read while their number changes.
const maxShardReads = 3

// readShards reads the shards of a ledger: one round trip, and further ones if a
// growth or a merge happened between the reads of two items. There are none if the
// tenant is gone.
func (s *Store) readShards(ctx context.Context, t tenant.ID) (read shards, err error) {
	for range maxShardReads {
		if read, err = s.readShardsOnce(ctx, t); err != nil || len(read) == 0 || read.isNumbered() {
			break
		}
	}
	return read, err
}

// scanShards reads the shards of a ledger, also if the first one is lost: one round
// trip.
func (s *Store) scanShards(ctx context.Context, t tenant.ID) (read shards, err error) {
	err = s.scan(ctx, ledgerKey(t).Partition, func(i table.Item) {
		if n, err := strconv.Atoi(i.Sort); err == nil {
			read = append(read, shard{number: n, item: i, Ledger: decodeLedger(i.Attributes)})
		}
	})
	slices.SortFunc(read, func(a, b shard) int { return a.number - b.number })
	return read, err
}

func (s *Store) readShardsOnce(ctx context.Context, t tenant.ID) (shards, error) {
	read, err := s.scanShards(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(read) == 0 || read[0].number != 0 {
		s.shards.forget(t)
		return nil, nil
	}
	s.shards.learn(t, read[0].item.Attributes)
	return read, nil
}

// isWhole reports whether the shards are numbered, and their limits add up to the
// totals in the first one: what one transaction changed in two shards is in
// both.
func (r shards) isWhole() bool {
	if !r.isNumbered() {
		return false
	}
	l := r.sum()
	seats, readers := decodeLimits(r[0].item.Attributes)
	return l.SeatLimit == seats && l.ReaderLimit == readers
}

// isOne reports whether the ledger has one shard, which is then of one moment.
func (r shards) isOne() bool { return r.isNumbered() && len(r) == 1 }

// isNumbered reports whether the shards are as many as the first one says.
func (r shards) isNumbered() bool {
	return len(r) > 0 && len(r) == shardsOf(r[0].item.Attributes) && r[len(r)-1].number == len(r)-1
}

// sum returns the counts and limits of all shards.
func (r shards) sum() (l directory.Ledger) {
	for _, s := range r {
		l.Seats += s.Seats
		l.Readers += s.Readers
		l.Users += s.Users
		l.Groups += s.Groups
		l.SeatLimit = addLimits(l.SeatLimit, s.SeatLimit)
		l.ReaderLimit = addLimits(l.ReaderLimit, s.ReaderLimit)
	}
	return l
}

// free returns how many seats or licences all shards have free.
func (r shards) free(kind directory.Holding) (sum int64) {
	for _, s := range r {
		sum += s.free(kind)
	}
	return sum
}

func addLimits(a, b int64) int64 {
	if a == tenant.Unlimited || b == tenant.Unlimited {
		return tenant.Unlimited
	}
	return a + b
}

// print returns what two reads have in common if no shard changed between them:
// every write of a shard changes its count of writes.
func (r shards) print() string {
	h := sha256.New()
	for _, s := range r {
		a := s.item.Attributes
		fmt.Fprintln(h, s.number, s.Ledger, a.Number(attrMoves), a.Number(attrShards), a.Number(attrSeatTotal), a.Number(attrReaderTotal))
	}
	return string(h.Sum(nil))
}

// fullPrint returns what two reads of full shards have in common if none of them had
// anything free between the reads: every write that frees something changes a shard's
// count of them. It is the same whatever else changes.
func (r shards) fullPrint(kind directory.Holding) string {
	h := sha256.New()
	for _, s := range r {
		a := s.item.Attributes
		count, limit, _ := s.limit(kind)
		fmt.Fprintln(h, s.number, a.Number(count), a.Number(limit), a.Number(attrFrees), a.Number(attrShards))
	}
	return string(h.Sum(nil))
}

// choose returns the number of a shard with what a change needs, at random, in
// proportion to how much it has. If none has it, ok is false, and the number that of
// any shard, if there is one.
func (r shards) choose(kind directory.Holding, random func(int64) int64) (number int, ok bool) {
	if len(r) == 0 {
		return 0, false
	}
	var sum int64
	if kind != directory.HoldsNothing {
		for _, s := range r {
			sum += max(0, s.free(kind))
		}
	}
	if sum == 0 {
		return r[random(int64(len(r)))].number, kind == directory.HoldsNothing
	}
	at := random(sum)
	for _, s := range r {
		if at -= max(0, s.free(kind)); at < 0 {
			return s.number, true
		}
	}
	return 0, true
}

// needs returns what a change needs in the shard that counts it.
func (c counts) needs() directory.Holding {
	switch {
	case c.seats > 0:
		return directory.HoldsSeat
	case c.readers > 0:
		return directory.HoldsReader
	}
	return directory.HoldsNothing
}

// maxKnown is the number of tenants whose shards a process remembers.
const maxKnown = 10_000

// knownShards remembers which ledgers have several shards. It is only a hint: a
// shard that another process has added is not used yet, and of one that was merged
// into another the item is absent, which the condition of every change notices.
type knownShards struct {
	mu sync.Mutex
	of map[tenant.ID]knownLedger
}

type knownLedger struct {
	shards int
	// full is the print of the shards when none had a free seat or licence.
	full map[directory.Holding]string
}

func (k *knownShards) number(t tenant.ID) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return max(1, k.of[t].shards)
}

// learn remembers how many shards a ledger has, given the first one, and returns
// it.
func (k *knownShards) learn(t tenant.ID, first table.Attributes) int {
	n := shardsOf(first)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch known, ok := k.of[t]; {
	case n == 1:
		delete(k.of, t)
	case known.shards != n:
		if k.of == nil || !ok && len(k.of) >= maxKnown {
			k.of = map[tenant.ID]knownLedger{}
		}
		k.of[t] = knownLedger{shards: n, full: map[directory.Holding]string{}}
	}
	return n
}

func (k *knownShards) forget(t tenant.ID) { k.learn(t, nil) }

// full returns the print that the shards had when none had anything free, "" if
// that is not known.
func (k *knownShards) full(t tenant.ID, kind directory.Holding) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.of[t].full[kind]
}

func (k *knownShards) setFull(t tenant.ID, kind directory.Holding, full string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, ok := k.of[t]; ok {
		known.full[kind] = full
	}
}
