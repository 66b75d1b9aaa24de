package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// A change names a record that a transaction changed, and the version after it.
type change struct {
	// resource is the partition's last part and the record's id.
	resource string
	version  int64
}

// recordKeys returns the keys of the records and of the ledger in a transaction.
func recordKeys(tx table.Transaction) (keys []table.Key) {
	for _, op := range tx.Ops {
		if op.Kind == table.OpCheck {
			continue
		}
		switch part(op.Key) {
		case "USERS", "GONE", "GROUPS", "LEDGER":
			keys = append(keys, op.Key)
		}
	}
	return keys
}

// part returns the name of a partition within its tenant, "" for the tenant's own.
func part(k table.Key) string {
	if fields := strings.SplitN(k.Partition, "#", 3); len(fields) == 3 {
		return fields[2]
	}
	return ""
}

// isShared reports whether an item is the deployment's, and no tenant's: the keys that
// mark tokens, webhooks, and the progress of the search for credentials that end.
func isShared(k table.Key) bool {
	return k.Partition == "KEYS" || k.Partition == "EXPIRING" && k.Sort == "#SEARCH" || k.Partition == "WEBHOOKS" || strings.HasPrefix(k.Partition, "W#")
}

// tenantOf returns the tenant whose data an item is.
func tenantOf(k table.Key) string {
	switch k.Partition {
	case "DUE":
		name, _, _ := strings.Cut(k.Sort, "#")
		return name
	case "EXPIRING":
		_, rest, _ := strings.Cut(k.Sort, "#")
		name, _, _ := strings.Cut(rest, "#")
		return name
	case "TENANTS":
		return k.Sort
	}
	fields := strings.SplitN(k.Partition, "#", 3)
	if len(fields) < 2 {
		return ""
	}
	return fields[1]
}

// recordsOf reads the records that a transaction is about to change.
func (w *world) recordsOf(tx table.Transaction) map[table.Key]table.Item {
	keys := recordKeys(tx)
	if len(keys) == 0 {
		return nil
	}
	items, err := w.engine.Get(background, keys...)
	if err != nil {
		w.fail("reading records: %v", err)
	}
	return items
}

// committed checks a transaction that was just applied: what must hold at every
// moment, and not only at the end.
func (w *world) committed(c *call, before map[table.Key]table.Item) {
	w.commits++
	if w.outlet != nil {
		w.outlet.committed(c.tx)
	}
	after := w.recordsOf(c.tx)
	entries, ledger := w.entriesOf(c.tx), "" // the tenant whose ledger changes
	for _, key := range recordKeys(c.tx) {
		was, had := before[key]
		is, has := after[key]
		if part(key) == "LEDGER" {
			w.checkLedger(c, was, is)
			ledger = tenantOf(key)
			continue
		}
		wasAt, isAt := was.Attributes.Number("ver"), is.Attributes.Number("ver")
		if wasAt == isAt && had == has {
			continue
		}
		if has && had && isAt != wasAt+1 {
			w.fail("request %d: %s moves from version %d to %d", c.request.number(), key.Sort, wasAt, isAt)
		}
		w.checkEntry(c, key, was, is, entries)
		w.checkProtected(c, key, was, is)
		if c.request != nil && !isStep(c.tx) { // a step may belong to the change of an earlier request
			c.request.changes = append(c.request.changes, change{resource: part(key) + " " + key.Sort, version: isAt})
		}
	}
	if ledger != "" {
		w.noteLedger(c.request, ledger)
	}
	if c.request != nil && c.request.customer != nil {
		for _, op := range c.tx.Ops {
			if of := tenantOf(op.Key); of != c.request.customer.name && !isShared(op.Key) {
				w.fail("%s: wrote an item of tenant %q", c.request, of)
			}
		}
	}
}

// count counts the kinds of transactions.
func (w *world) count(tx table.Transaction, err error) {
	for _, op := range tx.Ops {
		kind, _, _ := strings.Cut(op.Key.Sort, "#")
		switch {
		case err != nil && op.Kind == table.OpUpdate && part(op.Key) == "LEDGER":
			w.reached["a change of the ledger is refused"]++
		case err != nil:
		case part(op.Key) == "TASKS" && op.Kind == table.OpPut:
			w.reached["a task of the kind "+kind+" is begun"]++
		case part(op.Key) == "TASKS" && op.Kind == table.OpDelete:
			w.reached["a task of the kind "+kind+" is finished"]++
		case part(op.Key) == "LEDGER" && op.Kind == table.OpPut && op.Key.Sort != "0":
			w.reached["a ledger gets a shard"]++
		case part(op.Key) == "LEDGER" && op.Kind == table.OpDelete && op.Key.Sort != "0":
			w.reached["a shard is merged"]++
		case part(op.Key) == "GUARD" && op.Kind == table.OpPut:
			w.reached["a user is protected"]++
		}
	}
}

// checkProtected checks that an identity provider leaves a protected user as it
// is.
func (w *world) checkProtected(c *call, key table.Key, was, is table.Item) {
	if was.Attributes.Number("pro") != 1 || part(key) != "USERS" || c.request == nil || c.request.admin || c.request.customer == nil {
		return
	}
	for _, name := range []string{"act", "typ", "held.user", "held.mail", "pro"} {
		if was.Attributes[name] != is.Attributes[name] {
			w.fail("%s: changes %s of the protected user %s", c.request, name, key.Sort)
		}
	}
}

// entriesOf returns the log entries that a transaction has written.
func (w *world) entriesOf(tx table.Transaction) (entries []table.Attributes) {
	for _, op := range tx.Ops {
		if op.Kind != table.OpPut || part(op.Key) != "LOG" {
			continue
		}
		w.checkOrder(op.Key)
		found, err := w.engine.Get(background, op.Key)
		if err != nil {
			w.fail("reading the log: %v", err)
		}
		if entry, ok := found[op.Key]; ok {
			entries = append(entries, entry.Attributes)
		}
	}
	return entries
}

// complete is how old an entry is when readers of the log rely on it that no
// older one is still to come.
const complete = 15 * time.Second

// checkOrder checks that an entry is not written later than its id says.
func (w *world) checkOrder(key table.Key) {
	id, err := uuid.Parse(key.Sort)
	if err != nil {
		w.fail("the log entry %s has no UUID", key.Sort)
		return
	}
	seconds, nanos := id.Time().UnixTime()
	if late := time.Since(time.Unix(seconds, nanos)); late > complete {
		w.fail("the log entry %s is written %s after the time of its id: a reader of the log misses it", key.Sort, late)
	}
}

// checkLedger checks that no seat is taken beyond the limit of its shard. One of
// several shards may count less than nothing: a seat is freed in any of them.
func (w *world) checkLedger(c *call, was, is table.Item) {
	for _, name := range []string{"seats", "readers"} {
		before, after, limit := was.Attributes.Number(name), is.Attributes.Number(name), is.Attributes.Number(limitOf(name))
		if after > before && limit >= 0 && after > limit {
			w.fail("request %d takes %s %d of %d", c.request.number(), name, after, limit)
		}
		if after < 0 && is.Sort == "0" && is.Attributes.Number("shards") < 2 {
			w.fail("request %d: %d %s in use", c.request.number(), after, name)
		}
	}
}

func limitOf(count string) string { return strings.TrimSuffix(count, "s") + "Limit" }

// checkEntry checks that the change of a record is written together with an entry
// of the log: its own, or that of the change that it is a part of.
func (w *world) checkEntry(c *call, key table.Key, was, is table.Item, entries []table.Attributes) {
	own := slices.ContainsFunc(entries, func(e table.Attributes) bool {
		at := e.Number("ver")
		return e.Text("rid") == key.Sort && (at == 0 || at == is.Attributes.Number("ver") || len(is.Attributes) == 0)
	})
	if own || w.isPartOfAnother(c, key, was, entries) {
		return
	}
	w.fail("request %d changes %s %s to version %d without its entry in the log", c.request.number(), part(key), key.Sort, is.Attributes.Number("ver"))
}

// isStep reports whether a transaction is a step of a task.
func isStep(tx table.Transaction) bool {
	return slices.ContainsFunc(tx.Ops, func(op table.Op) bool { return op.Key.Partition == "DUE" || part(op.Key) == "TASKS" })
}

// isPartOfAnother reports whether the change of a record belongs to a change of
// another: a group loses a user that is deleted, a deleted user loses a name to
// another; or whether it is a step of a task, whose change has its entry.
func (w *world) isPartOfAnother(c *call, key table.Key, was table.Item, entries []table.Attributes) bool {
	if isStep(c.tx) {
		return true
	}
	loses := part(key) == "GONE" && len(was.Attributes) > 0
	if loses && len(entries) > 0 {
		w.lost[key.Sort] = true
	}
	return len(entries) > 0 && (part(key) == "GROUPS" || loses)
}
