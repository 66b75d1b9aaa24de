package store

import (
	"context"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of what was seen of a tenant's requests.
const (
	attrChangeAt = "chat"  // when the last request was made that wanted to change something
	attrLeast    = "least" // 1 of a count that may lack some
	attrKindAt   = "t."    // begins when the last request of a kind came
	attrKind     = "n."    // begins the number of requests of a kind
)

// What was seen lies beside the times at which tokens were used: no token's id has a '#'.
const (
	seenIdP    = "#IDP#"
	tallyToken = "#TOKEN#"
	tallyDay   = "#DAY#"
	idpDay     = "#IDPDAY#"
	seenAll    = "#"
)

// Observe adds to the counts of a tenant's requests. Its cost is not counted for the
// request that it runs beside.
//
//	last request of an identity provider  set
//	requests of a cause                   counted on
//	requests of an identity provider      counted on, by day and kind
//
// Nothing depends on what is there: two instances add to one count. A sighting of an
// identity provider does not wait for that of another instance: it is an error, and
// written again with the next request.
func (s *Store) Observe(ctx context.Context, t tenant.ID, a journal.Activity) error {
	ctx, _ = table.WithUsage(ctx)
	var ops []table.Op
	for _, seen := range a.Seen {
		set := table.Attributes{attrTime: millis(seen.Time), attrTokenID: table.Text(seen.TokenID)}
		if c := seen.Change; c.RequestID != "" {
			set[attrRequest], set[attrChangeAt] = table.Text(c.RequestID), millis(c.Time)
			set[attrOperation], set[attrOutcome], set[attrCause] = table.Text(string(c.Operation)), table.Text(string(c.Outcome)), table.Text(string(c.Cause))
		}
		ops = append(ops, table.Update(usedKey(t, seenIdP+string(seen.IdP)), table.Change{Set: set}))
	}
	for _, tally := range a.Tallies {
		sort := tallyDay + tally.Day.UTC().Format(time.DateOnly) + "#" + string(tally.Cause)
		if tally.TokenID != "" {
			sort = tallyToken + tally.TokenID
		}
		set := table.Attributes{
			attrTime: millis(tally.Last), attrIdP: table.Text(string(tally.IdP)), attrCause: table.Text(string(tally.Cause)),
			table.ExpiryName: table.Number(tally.Expires.Unix()),
		}
		if tally.Least {
			set[attrLeast] = table.Number(1)
		}
		ops = append(ops, table.Update(usedKey(t, sort), table.Change{Set: set, Add: map[string]int64{attrCount: tally.Count}}))
	}
	for _, day := range a.Days {
		ops = append(ops, dayOp(t, day))
	}
	if len(ops) == 0 {
		return nil
	}
	return writeError(s.transact(ctx, table.Transaction{Ops: ops, Optional: len(a.Tallies)+len(a.Days) == 0}))
}

// dayOp adds to the requests of an identity provider on a day.
func dayOp(t tenant.ID, day journal.Day) table.Op {
	change := table.Change{Set: table.Attributes{table.ExpiryName: table.Number(day.Expires.Unix())}, Add: map[string]int64{}}
	for kind, at := range day.Last {
		change.Set[attrKindAt+string(kind)] = millis(at)
		if n := day.Count[kind]; n > 0 {
			change.Add[attrKind+string(kind)] = n
		}
	}
	return table.Update(usedKey(t, idpDay+string(day.IdP)+"#"+day.Day.UTC().Format(time.DateOnly)), change)
}

// Activity reads what was seen of a tenant's requests. There are as many items as
// identity providers, refused tokens, and causes and identity providers on each day that is
// kept; a page holds thousands.
func (s *Store) Activity(ctx context.Context, t tenant.ID) (a journal.Activity, err error) {
	err = s.scanPrefix(ctx, usedKey(t, "").Partition, seenAll, func(item table.Item) {
		if expired(item.Attributes, s.now()) {
			return
		}
		if name, ok := strings.CutPrefix(item.Sort, idpDay); ok {
			a.Days = append(a.Days, decodeDay(name, item.Attributes))
			return
		}
		if name, ok := strings.CutPrefix(item.Sort, seenIdP); ok {
			a.Seen = append(a.Seen, decodeSeen(idp.Provider(name), item.Attributes))
			return
		}
		a.Tallies = append(a.Tallies, decodeTally(item.Sort, item.Attributes))
	})
	return a, err
}

func decodeSeen(from idp.Provider, a table.Attributes) journal.Seen {
	token := a.Text(attrTokenID)
	return journal.Seen{
		IdP: from, Time: timeOf(a, attrTime), TokenID: token,
		Change: journal.Entry{
			RequestID: a.Text(attrRequest), Time: timeOf(a, attrChangeAt), IdP: from, TokenID: token,
			Operation: journal.Operation(a.Text(attrOperation)), Outcome: journal.Outcome(a.Text(attrOutcome)), Cause: cause.Cause(a.Text(attrCause)),
		},
	}
}

// decodeDay reads the requests of a day from its item, whose name is that of the identity
// provider and the date. The name has no '#'.
func decodeDay(name string, a table.Attributes) journal.Day {
	provider, date, _ := strings.Cut(name, "#")
	day := journal.Day{IdP: idp.Provider(provider), Last: map[journal.Kind]time.Time{}, Count: map[journal.Kind]int64{}}
	day.Day, _ = time.Parse(time.DateOnly, date)
	for _, kind := range journal.Kinds {
		if at := timeOf(a, attrKindAt+string(kind)); !at.IsZero() {
			day.Last[kind], day.Count[kind] = at, a.Number(attrKind+string(kind))
		}
	}
	return day
}

func decodeTally(sort string, a table.Attributes) journal.Tally {
	tally := journal.Tally{
		Cause: cause.Cause(a.Text(attrCause)), IdP: idp.Provider(a.Text(attrIdP)), Last: timeOf(a, attrTime),
		Count: a.Number(attrCount), Least: a.Number(attrLeast) == 1,
	}
	if id, ok := strings.CutPrefix(sort, tallyToken); ok {
		tally.TokenID = id
	} else if rest, ok := strings.CutPrefix(sort, tallyDay); ok {
		day, _, _ := strings.Cut(rest, "#")
		tally.Day, _ = time.Parse(time.DateOnly, day)
	}
	return tally
}
