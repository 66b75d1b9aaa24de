package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// auditLedger compares the shards of the ledger with each other.
func (s *Store) auditLedger(ctx context.Context, a *audit) error {
	read, still, err := s.snapshot(ctx, a.tenant, maxAuditSnapshots)
	if err != nil {
		return err
	}
	err = s.scan(ctx, ledgerKey(a.tenant).Partition, func(i table.Item) {
		if n, err := strconv.Atoi(i.Sort); err != nil || strconv.Itoa(n) != i.Sort || n < 0 || n >= maxShards {
			a.fault("ledger", "has a shard without a number: %s", i.Sort)
		}
	})
	a.shards(read, still)
	return err
}

// maxAuditSnapshots is how many pairs of reads an audit compares: it finds two equal
// ones of any ledger, except of one that changes several hundred times a second.
const maxAuditSnapshots = 64

// shards reports shards that do not fit together. Limits that are moving may add up
// to another number.
func (a *audit) shards(read shards, still bool) {
	if len(read) == 0 {
		if a.counts != (directory.Ledger{}) {
			a.fault("ledger", "has no first shard")
		}
		return // of a tenant that does not exist
	}
	first := read[0].item.Attributes
	if !read.isNumbered() {
		a.fault("ledger", "has the shards %s, by the first one %d", numbers(read), shardsOf(first))
	}
	if first.Has(attrShards) != (shardsOf(first) > 1) || first.Has(attrSeatTotal) != first.Has(attrShards) || first.Has(attrReaderTotal) != first.Has(attrShards) {
		a.fault("ledger", "has totals without several shards, or several shards without totals")
		return
	}
	seats, readers := decodeLimits(first)
	for _, c := range []struct {
		name  string
		kind  directory.Holding
		total int64
	}{{"seats", directory.HoldsSeat, seats}, {"readers", directory.HoldsReader, readers}} {
		var sum int64
		mixed := false
		for _, s := range read {
			_, _, limit := s.limit(c.kind)
			sum = addLimits(sum, limit)
			mixed = mixed || (limit == tenant.Unlimited) != (c.total == tenant.Unlimited)
			if len(read) > 1 && s.free(c.kind) < 0 {
				a.fault("ledger", "has more %s in shard %d than its part of the limit", c.name, s.number)
			}
		}
		switch {
		case mixed:
			a.fault("ledger", "limits %s in some shards only", c.name)
		case still && sum != c.total:
			a.fault("ledger", "divides %d %s among its shards, the limit is %d", sum, c.name, c.total)
		}
	}
}

// numbers returns the numbers of shards as a text.
func numbers(read shards) string {
	all := make([]int, len(read))
	for i, s := range read {
		all[i] = s.number
	}
	return fmt.Sprint(all)
}
