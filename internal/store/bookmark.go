package store

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const attrAfter = "after"

// bookmarkTime is how long a page's position is stored: longer than identity
// providers pause between two pages.
const bookmarkTime = 15 * time.Minute

// Bookmark reads where a page begins.
func (s *Store) Bookmark(ctx context.Context, t tenant.ID, mark directory.Bookmark) (after string, err error) {
	found, _, err := s.read(ctx, markKey(t, mark.TokenID, mark.Of, mark.Order, mark.StartIndex))
	if err != nil || expired(found.Attributes, mark.Now) {
		return "", err
	}
	return found.Attributes.Text(attrAfter), nil
}

// SaveBookmark stores where a page begins. It is unconditional: for two walks
// with one token, order and position, either is right.
func (s *Store) SaveBookmark(ctx context.Context, t tenant.ID, mark directory.Bookmark, after string) error {
	item := table.Item{
		Key: markKey(t, mark.TokenID, mark.Of, mark.Order, mark.StartIndex),
		Attributes: table.Attributes{
			attrAfter:        table.Text(after),
			table.ExpiryName: table.Number(mark.Now.Add(bookmarkTime).Unix()),
		},
	}
	return writeError(s.write(ctx, mark.Now.Add(journal.WriteTime), table.Put(item)))
}
