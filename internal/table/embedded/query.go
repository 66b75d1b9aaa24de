package embedded

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Query implements table.Table. A page ends as DynamoDB's does, with the item
// that reaches the limit or table.MaxPageBytes, and then reports that there may
// be more, without checking.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.CheckQuery(q); err != nil {
		return table.Page{}, err
	}
	var page table.Page
	err := t.view(ctx, func(tx *bbolt.Tx) error {
		w := newWalk(tx.Bucket(itemBucket).Cursor(), q)
		size := 0
		for k, v := w.first(); w.within(k); k, v = w.next() {
			attributes, err := decodeAttributes(v)
			if err != nil {
				return err
			}
			item := table.Item{
				Key:        table.Key{Partition: q.Partition, Sort: string(k[len(w.partition):])},
				Attributes: attributes,
			}
			size += table.Size(item)
			page.Items = append(page.Items, item)
			if len(page.Items) == q.Limit || size >= table.MaxPageBytes {
				page.More = true
				break
			}
		}
		return nil
	})
	if err != nil {
		return table.Page{}, err
	}
	if page.More {
		page.Last = page.Items[len(page.Items)-1].Sort
	}
	return page, nil
}

// walk goes through the keys of a query in its order.
type walk struct {
	cursor    *bbolt.Cursor
	query     table.Query
	partition []byte // the prefix of all keys of the partition
	low, high []byte // the first key of the range, and the first after it
}

func newWalk(cursor *bbolt.Cursor, q table.Query) *walk {
	partition := encodePartition(q.Partition)
	w := &walk{cursor: cursor, query: q, partition: partition}
	at := func(sort string) []byte { return append(bytes.Clone(partition), sort...) }
	w.low = at(q.From + q.Prefix) // at most one of the two is set
	switch {
	case q.To != "":
		w.high = append(at(q.To), 0)
	default:
		w.high = successor(at(q.Prefix))
	}
	if q.After != "" {
		if q.Descending {
			w.high = at(q.After)
		} else {
			w.low = append(at(q.After), 0)
		}
	}
	return w
}

func (w *walk) first() ([]byte, []byte) {
	if !w.query.Descending {
		return w.cursor.Seek(w.low)
	}
	if k, _ := w.cursor.Seek(w.high); k == nil {
		return w.cursor.Last()
	}
	return w.cursor.Prev()
}

func (w *walk) next() ([]byte, []byte) {
	if w.query.Descending {
		return w.cursor.Prev()
	}
	return w.cursor.Next()
}

func (w *walk) within(k []byte) bool {
	return k != nil && bytes.Compare(k, w.low) >= 0 && bytes.Compare(k, w.high) < 0
}

// successor returns the first key after all keys that begin with the prefix. A
// prefix begins with the length of a partition and so is never all 0xff.
func successor(prefix []byte) []byte {
	s := bytes.Clone(prefix)
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 0xff {
			s[i]++
			return s[:i+1]
		}
	}
	return nil
}
