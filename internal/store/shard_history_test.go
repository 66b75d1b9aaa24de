package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ledgerCall is a request that changes or reads a ledger: a user who holds was becomes one
// who holds is, or the seats get a limit, or the ledger is read.
type ledgerCall struct {
	was, is directory.Holding
	limit   *int64
	reads   bool
}

// ledgerAnswer is what a request was answered: refused for the counts of a full ledger, or
// the counts that it read.
type ledgerAnswer struct {
	full   bool
	ledger directory.Ledger
}

// ledgerModel is a ledger of one number for each count, which changes at one moment for
// each request.
var ledgerModel = porcupine.Model{
	Init: func() any { return directory.Ledger{SeatLimit: startSeats, ReaderLimit: startReaders} },
	Step: func(state, input, output any) (bool, any) {
		l, call, answer := state.(directory.Ledger), input.(ledgerCall), output.(ledgerAnswer)
		switch {
		case call.reads:
			return counted(answer.ledger) == counted(l), l
		case call.limit != nil:
			l.SeatLimit = *call.limit
			return true, l
		}
		full := call.is == directory.HoldsSeat && l.Seats >= l.SeatLimit || call.is == directory.HoldsReader && l.Readers >= l.ReaderLimit
		if full || answer.full {
			return full && answer.full && refusing(answer.ledger, call.is) == refusing(l, call.is), l
		}
		for holding, n := range map[directory.Holding]int64{call.was: -1, call.is: 1} {
			switch holding {
			case directory.HoldsSeat:
				l.Seats += n
			case directory.HoldsReader:
				l.Readers += n
			case directory.HoldsNothing:
			}
		}
		return true, l
	},
	DescribeOperation: func(input, output any) string {
		call, answer := input.(ledgerCall), output.(ledgerAnswer)
		switch {
		case call.reads:
			return fmt.Sprintf("read %+v", counted(answer.ledger))
		case call.limit != nil:
			return fmt.Sprintf("limit %d", *call.limit)
		case answer.full:
			return fmt.Sprintf("%q to %q: full %+v", call.was, call.is, counted(answer.ledger))
		}
		return fmt.Sprintf("%q to %q", call.was, call.is)
	},
}

const startSeats, startReaders = 12, 5

// counted returns the counts and limits that the histories change.
func counted(l directory.Ledger) directory.Ledger {
	return directory.Ledger{Seats: l.Seats, SeatLimit: l.SeatLimit, Readers: l.Readers, ReaderLimit: l.ReaderLimit}
}

// refusing returns the count and limit for which a request is refused. The others of a
// refusal may be of another moment.
func refusing(l directory.Ledger, kind directory.Holding) directory.Ledger {
	if kind == directory.HoldsReader {
		return directory.Ledger{Readers: l.Readers, ReaderLimit: l.ReaderLimit}
	}
	return directory.Ledger{Seats: l.Seats, SeatLimit: l.SeatLimit}
}

// torn is a table that reads the items of a ledger one after the other, while others
// change them, as DynamoDB does.
type torn struct {
	table.Table
	wait func()
}

func (r torn) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if !strings.HasSuffix(q.Partition, "#LEDGER") {
		return r.Table.Query(ctx, q)
	}
	var all table.Page
	for q.Limit = 1; ; q.After = all.Last {
		page, err := r.Table.Query(ctx, q)
		all.Items = append(all.Items, page.Items...)
		if err != nil || !page.More {
			return all, err
		}
		all.Last = page.Last
		r.wait()
	}
}

// ledgerHistory is a run of clients that change one ledger concurrently.
type ledgerHistory struct {
	*fixture
	processes  []*Store
	mu         sync.Mutex
	operations []porcupine.Operation
	moment     atomic.Int64
	users      atomic.Int64
	reached    map[string]int
}

// run sends a request, and records it unless nothing was changed. It returns false if
// the request was refused.
func (h *ledgerHistory) run(client int, call ledgerCall, send func() (directory.Ledger, error)) bool {
	op := porcupine.Operation{ClientId: client, Input: call, Call: h.moment.Add(1)}
	var failed *directory.CommitError
	l, err := send()
	for tries := 0; errors.As(err, &failed) && failed.Incomplete && tries < 20; tries++ {
		l, err = send() // decided again
	}
	answer := ledgerAnswer{ledger: l}
	switch {
	case errors.As(err, &failed) && len(failed.Failed) == 1 && failed.Failed[0].Found == directory.LedgerFull && !failed.Incomplete:
		answer = ledgerAnswer{full: true, ledger: *failed.Failed[0].Ledger}
	case errors.Is(err, directory.ErrBusy), errors.Is(err, tenant.ErrChanged), errors.As(err, &failed) && failed.Incomplete:
		h.count("busy")
		return false
	default:
		assert.NoError(h.t, err)
	}
	op.Return, op.Output = h.moment.Add(1), answer
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, op)
	if answer.full {
		h.reached["refused"]++
	}
	return !answer.full
}

func (h *ledgerHistory) count(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reached[what]++
}

// client sends requests for users of its own, one after the other.
func (h *ledgerHistory) client(number int, random *rand.Rand) {
	held := map[string]directory.Holding{}
	for range 14 {
		s := h.processes[random.IntN(len(h.processes))]
		id, to := "", []directory.Holding{directory.HoldsSeat, directory.HoldsSeat, directory.HoldsReader, directory.HoldsNothing}[random.IntN(4)]
		if len(held) > 0 && random.IntN(3) > 0 {
			for id = range held { // any
				break
			}
		} else if to == directory.HoldsNothing {
			to = directory.HoldsSeat
		}
		was := held[id]
		if was == to {
			continue
		}
		c := h.userChange(id, to)
		if h.run(number, ledgerCall{was: was, is: to}, func() (directory.Ledger, error) {
			return directory.Ledger{}, s.Commit(h.t.Context(), h.tenant, c)
		}) {
			held[c.After.ID] = to
		}
	}
}

// userChange returns the change after which a user, new without an id, holds something.
func (h *ledgerHistory) userChange(id string, to directory.Holding) directory.Change {
	set := func(u *directory.User) {
		u.Active, u.Type = to != directory.HoldsNothing, tenant.User
		if to == directory.HoldsReader {
			u.Type = tenant.Reader
		}
		u.Doc = fmt.Appendf(nil, `{"id":%q,"userName":%q,"active":%t,"emails":[{"value":%q}],"externalId":%q}`,
			u.ID, u.ID, u.Active, u.ID+"@example.com", u.ID)
	}
	var c directory.Change
	if id == "" {
		id = fmt.Sprint("u", h.users.Add(1))
		c.After = person(id)
		c.After.Held[directory.ExternalID] = directory.HashExternalID(id)
		set(c.After)
	} else {
		c = h.changed(id, set)
	}
	c.Entry, c.Expires = h.entry("modify", "updated", "User", id), h.now().Add(time.Hour)
	return c
}

// reader reads the ledger.
func (h *ledgerHistory) reader(number int, random *rand.Rand) {
	for range 20 {
		time.Sleep(time.Duration(random.IntN(15)) * time.Millisecond)
		s := h.processes[random.IntN(len(h.processes))]
		h.run(number, ledgerCall{reads: true}, func() (read directory.Ledger, err error) {
			if read, err = s.Ledger(h.t.Context(), h.tenant); err == nil && read.Approximate {
				h.count("approximate")
				err = directory.ErrBusy
			}
			return read, err
		})
	}
}

// administrator changes the limit.
func (h *ledgerHistory) administrator(number int, random *rand.Rand) {
	for range 4 {
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
		s := h.processes[random.IntN(len(h.processes))]
		limit := int64(random.IntN(2 * startSeats))
		switch random.IntN(4) {
		case 0:
			limit = tenant.Unlimited
		case 1:
			limit *= 10
		}
		h.run(number, ledgerCall{limit: &limit}, func() (directory.Ledger, error) {
			return directory.Ledger{}, s.SetSeatLimit(h.t.Context(), h.tenant, limit, h.now())
		})
	}
}

// mover changes the shards, as contention and merges do.
func (h *ledgerHistory) mover(random *rand.Rand) {
	ctx := h.t.Context()
	for range 12 {
		time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond)
		s := h.processes[random.IntN(len(h.processes))]
		read, err := s.readShards(ctx, h.tenant)
		assert.NoError(h.t, err)
		h.count(fmt.Sprint(len(read), " shards"))
		switch random.IntN(5) {
		case 0, 1:
			_, err = s.AddShards(ctx, h.tenant)
			assert.NoError(h.t, err)
		case 2:
			if err := s.merge(ctx, h.tenant); !errors.Is(err, directory.ErrBusy) {
				assert.NoError(h.t, err)
			}
		default:
			if s.rebalance(ctx, h.tenant, read, directory.HoldsSeat) {
				h.count("moved")
			}
		}
	}
}

// check runs a history from a seed.
func (h *ledgerHistory) check(seed uint64) {
	random := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }
	wait, mu := random(100), sync.Mutex{}
	conflicting := tabletest.NewConflict(h.table, tabletest.ConflictOptions{Hold: 3 * time.Millisecond, Rate: 0.05, Mixed: true, Seed: seed})
	faulty := tabletest.NewFault(conflicting, seed, tabletest.FaultPlan{
		WriteRates: map[tabletest.FaultKind]float64{tabletest.AnswerLost: 0.03, tabletest.RequestLost: 0.02, tabletest.Throttled: 0.02},
	})
	slow := torn{faulty, func() {
		mu.Lock()
		d := time.Duration(wait.IntN(2000)) * time.Microsecond
		mu.Unlock()
		time.Sleep(d)
	}}
	for range 3 {
		h.processes = append(h.processes, h.on(table.Retrying(slow)))
	}
	var all sync.WaitGroup
	for c := range 8 {
		all.Go(func() { h.client(c, random(uint64(c))) })
	}
	all.Go(func() { h.administrator(8, random(8)) })
	all.Go(func() { h.reader(9, random(9)) })
	all.Go(func() { h.mover(random(10)) })
	all.Wait()
	result, _ := porcupine.CheckOperationsVerbose(ledgerModel, h.operations, time.Minute)
	if result != porcupine.Ok {
		for _, op := range h.operations {
			h.t.Logf("%d: %d to %d: %s", op.ClientId, op.Call, op.Return, ledgerModel.DescribeOperation(op.Input, op.Output))
		}
	}
	require.Equal(h.t, porcupine.Ok, result, "no order of the requests explains the answers of history %d", seed)
	faults, err := h.store.Audit(h.t.Context(), h.tenant)
	h.must(err)
	require.Empty(h.t, faults)
}

// TestLedger_HistoriesHaveAnOrder runs requests side by side against a ledger whose number
// of shards changes, while limits are changed and answers are lost: some order of them, in
// which each happens between its beginning and its end, has the same answers from a ledger
// of one item.
func TestLedger_HistoriesHaveAnOrder(t *testing.T) {
	reached := map[string]int{}
	for seed := range uint64(ledgerHistories) {
		synctest.Test(t, func(t *testing.T) {
			h := &ledgerHistory{reached: reached}
			h.fixture = newFixture(t, enginetest.Memory(t), time.Now())
			h.write(set(ledgerKey(h.tenant), attrSeatLimit, table.Number(startSeats))...)
			h.write(set(ledgerKey(h.tenant), attrReaderLimit, table.Number(startReaders))...)
			h.check(seed)
		})
		if t.Failed() {
			return
		}
	}
	for _, what := range []string{"refused", "1 shards", "4 shards", "16 shards", "moved"} {
		require.NotZero(t, reached[what], "no history has %q: %v", what, reached)
	}
	require.Less(t, reached["busy"], ledgerHistories*20, "%v", reached)
	t.Log(reached)
}

// ledgerHistories is the number of histories.
const ledgerHistories = 60
