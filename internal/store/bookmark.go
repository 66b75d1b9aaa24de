package store

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const attrAfter = "after"

// bookmarkTime is how long a page's position is stored: longer than identity
// providers pause between two pages.
const bookmarkTime = 15 * time.Minute

// LedgerAndBookmark reads the counts and where a page begins in one round trip.
func (s *Store) LedgerAndBookmark(ctx context.Context, t tenant.ID, mark directory.Bookmark) (
	directory.Ledger, string, error,
) {
	place := markKey(t, mark.TokenID, walk(mark), mark.Order, mark.StartIndex)
	items, err := s.table.Get(ctx, ledgerKey(t), place)
	if err != nil {
		return directory.Ledger{}, "", readError(err)
	}
	ledger := decodeLedger(items[ledgerKey(t)].Attributes)
	found := items[place].Attributes
	if expired(found, mark.Now) {
		return ledger, "", nil
	}
	return ledger, found.Text(attrAfter), nil
}

// SaveBookmark stores where a page begins. It is unconditional: for two walks
// with one token, filter and position, either is right.
func (s *Store) SaveBookmark(ctx context.Context, t tenant.ID, mark directory.Bookmark, after string) error {
	item := table.Item{
		Key: markKey(t, mark.TokenID, walk(mark), mark.Order, mark.StartIndex),
		Attributes: table.Attributes{
			attrAfter:        table.Text(after),
			table.ExpiryName: table.Number(mark.Now.Add(bookmarkTime).Unix()),
		},
	}
	return writeError(s.write(ctx, mark.Now.Add(directory.WriteTime), table.Put(item)))
}

// walk names what is walked. Users have no prefix; other types are prefixed,
// separated by a NUL, which a filter cannot contain.
func walk(mark directory.Bookmark) string {
	if mark.Of == "" {
		return mark.Filter
	}
	return mark.Of + "\x00" + mark.Filter
}
