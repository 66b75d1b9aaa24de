package tabletest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Memory is a table in a map. It keeps the contract of table.Table, which
// TestMemory holds it to, and opens and writes much faster than package embedded:
// for tests that open many tables, or send many transactions.
type Memory struct {
	mu         sync.Mutex
	partitions map[string]*partition
	tokens     map[string]usedToken
}

// partition has the items of a partition in the order of their sort keys.
type partition struct {
	sorts []string
	items map[string]table.Attributes
}

type usedToken struct {
	at  time.Time
	ops []table.Op
}

// tokenLife is how long a token is remembered.
const tokenLife = 10 * time.Minute

// NewMemory returns an empty table.
func NewMemory() *Memory {
	return &Memory{partitions: map[string]*partition{}, tokens: map[string]usedToken{}}
}

// Get is table.Table.Get.
func (m *Memory) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if err := table.CheckGet(keys...); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", table.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	items := make(map[table.Key]table.Item, len(keys))
	for _, key := range keys {
		if item := m.load(key); item != nil {
			items[key] = *item
		}
	}
	return items, nil
}

// load returns a copy of an item, nil if it does not exist.
func (m *Memory) load(key table.Key) *table.Item {
	p := m.partitions[key.Partition]
	if p == nil {
		return nil
	}
	attributes, ok := p.items[key.Sort]
	if !ok {
		return nil
	}
	return &table.Item{Key: key, Attributes: clone(attributes)}
}

func clone(a table.Attributes) table.Attributes {
	if a == nil {
		return table.Attributes{}
	}
	return maps.Clone(a)
}

// Query is table.Table.Query.
func (m *Memory) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.CheckQuery(q); err != nil {
		return table.Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return table.Page{}, fmt.Errorf("%w: %w", table.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var page table.Page
	p := m.partitions[q.Partition]
	if p == nil {
		return page, nil
	}
	size := 0
	for _, sort := range p.within(q) {
		item := table.Item{Key: table.Key{Partition: q.Partition, Sort: sort}, Attributes: clone(p.items[sort])}
		page.Items = append(page.Items, item)
		if size += table.Size(item); len(page.Items) == q.Limit || size >= table.MaxPageBytes {
			page.More, page.Last = true, sort
			break
		}
	}
	return page, nil
}

// within returns the sort keys of a query, in its order.
func (p *partition) within(q table.Query) []string {
	low, _ := slices.BinarySearch(p.sorts, q.From+q.Prefix) // at most one of the two is set
	high := len(p.sorts)
	after := func(sort string) int {
		i, found := slices.BinarySearch(p.sorts, sort)
		if found {
			i++
		}
		return i
	}
	switch {
	case q.To != "":
		high = after(q.To)
	case q.Prefix != "":
		for high = low; high < len(p.sorts) && strings.HasPrefix(p.sorts[high], q.Prefix); high++ {
		}
	}
	if q.After != "" && q.Descending {
		i, _ := slices.BinarySearch(p.sorts, q.After)
		high = min(high, i)
	} else if q.After != "" {
		low = max(low, after(q.After))
	}
	if low >= high {
		return nil
	}
	if !q.Descending {
		return p.sorts[low:high]
	}
	sorts := slices.Clone(p.sorts[low:high])
	slices.Reverse(sorts)
	return sorts
}

// Write is table.Table.Write.
func (m *Memory) Write(ctx context.Context, tx table.Transaction) error {
	if err := table.CheckTransaction(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tabletest: not written: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if used, ok := m.tokens[tx.Token]; ok && now.Sub(used.at).Abs() <= tokenLife {
		if !bytes.Equal(printed(used.ops), printed(tx.Ops)) {
			return table.ErrTokenReused
		}
		return nil
	}
	after, err := m.after(tx.Ops)
	if err != nil {
		return err
	}
	for i, op := range tx.Ops {
		switch {
		case op.Kind == table.OpCheck:
		case after[i] == nil:
			m.remove(op.Key)
		default:
			m.store(op.Key, clone(after[i].Attributes))
		}
	}
	m.tokens[tx.Token] = usedToken{at: now, ops: tx.Ops}
	return nil
}

// after returns the items after a transaction, or which conditions do not hold.
func (m *Memory) after(ops []table.Op) ([]*table.Item, error) {
	before := make([]*table.Item, len(ops))
	var failed []table.FailedCondition
	for i, op := range ops {
		before[i] = m.load(op.Key)
		if !slices.ContainsFunc(op.When, func(c table.Condition) bool { return !c.Holds(before[i]) }) {
			continue
		}
		failed = append(failed, table.FailedCondition{Op: i, Item: before[i]})
	}
	if len(failed) > 0 {
		return nil, &table.ConditionError{Failed: failed}
	}
	after := make([]*table.Item, len(ops))
	for i, op := range ops {
		var err error
		if after[i], err = op.After(before[i]); err != nil {
			if limit, ok := err.(*table.LimitError); ok { //nolint:errorlint // Op.After returns it itself
				err = &table.LimitError{Op: i, Reason: limit.Reason}
			}
			return nil, err
		}
	}
	return after, nil
}

func (m *Memory) store(key table.Key, attributes table.Attributes) {
	p := m.partitions[key.Partition]
	if p == nil {
		p = &partition{items: map[string]table.Attributes{}}
		m.partitions[key.Partition] = p
	}
	if i, found := slices.BinarySearch(p.sorts, key.Sort); !found {
		p.sorts = slices.Insert(p.sorts, i, key.Sort)
	}
	p.items[key.Sort] = attributes
}

func (m *Memory) remove(key table.Key) {
	p := m.partitions[key.Partition]
	if p == nil {
		return
	}
	if i, found := slices.BinarySearch(p.sorts, key.Sort); found {
		p.sorts = slices.Delete(p.sorts, i, i+1)
		delete(p.items, key.Sort)
	}
	if len(p.sorts) == 0 {
		delete(m.partitions, key.Partition)
	}
}

// Items returns all items, in order.
func (m *Memory) Items() []table.Item {
	m.mu.Lock()
	defer m.mu.Unlock()
	var items []table.Item
	for _, name := range slices.Sorted(maps.Keys(m.partitions)) {
		for _, sort := range m.partitions[name].sorts {
			items = append(items, *m.load(table.Key{Partition: name, Sort: sort}))
		}
	}
	return items
}

// printed returns operations as a text that is equal for equal ones.
func printed(ops []table.Op) []byte {
	var b bytes.Buffer
	for _, op := range ops {
		PrintOp(&b, op)
	}
	return b.Bytes()
}

// PrintOp writes an operation, attributes in the order of their names.
func PrintOp(b *bytes.Buffer, op table.Op) {
	fmt.Fprintf(b, "%d %q %q", op.Kind, op.Key.Partition, op.Key.Sort)
	printAttributes(b, op.Attributes)
	printAttributes(b, op.Change.Set)
	for _, name := range slices.Sorted(maps.Keys(op.Change.Add)) {
		fmt.Fprintf(b, " %q+%d", name, op.Change.Add[name])
	}
	fmt.Fprintf(b, " %q", op.Change.Remove)
	for _, c := range op.When {
		fmt.Fprintf(b, " %d %q %t %q %d %q", c.Kind, c.Attribute, c.Value.IsNumber(), c.Value.Text(), c.Value.Number(), c.Other)
	}
	b.WriteByte('\n')
}

func printAttributes(b *bytes.Buffer, a table.Attributes) {
	for _, name := range slices.Sorted(maps.Keys(a)) {
		v := a[name]
		if v.IsNumber() {
			fmt.Fprintf(b, " %q:%d", name, v.Number())
		} else {
			fmt.Fprintf(b, " %q:%q", name, v.Text())
		}
	}
	b.WriteByte(';')
}
