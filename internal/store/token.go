package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of tokens.
const (
	attrHash     = "hash" // SHA-256 of the token's secret
	attrLastFour = "last4"
	attrLabel    = "label"
	attrExpires  = "exp"  // milliseconds since 1970; absent if it never expires
	attrRevoked  = "rev"  // milliseconds since 1970; 0 of a live token
	attrNextID   = "next" // the token that is to replace this one, or ""
	attrOldID    = "old"  // the token that this one is to replace, or ""
)

// SaveToken stores the record of a new token. The tenant's deletion removes its
// tokens before the tenant itself: the condition on the tenant refuses a token after
// that, and a write that is not sent late is over before the deletion looks for tokens.
func (s *Store) SaveToken(ctx context.Context, t tenant.ID, r access.Record) error {
	ops := []table.Op{table.Put(tokenItem(t, r), table.Absent()), table.Check(tenantKey(t), table.Present())}
	err := s.write(ctx, s.now().Add(journal.WriteTime), append(ops, endingToken(r).put(t, s.now())...)...)
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return tenant.ErrNotFound
	}
	return writeError(err)
}

func tokenItem(t tenant.ID, r access.Record) table.Item {
	item := table.Item{Key: tokenKey(t, r.ID), Attributes: table.Attributes{
		attrHash:     table.Text(r.Hash),
		attrLastFour: table.Text(r.LastFour),
		attrCreated:  millis(r.Created),
		attrRevoked:  millis(r.Revoked),
		attrNextID:   table.Text(r.Next),
		attrOldID:    table.Text(r.Replaces),
	}}
	if r.Label != "" {
		item.Attributes[attrLabel] = table.Text(r.Label)
	}
	if !r.Expires.IsZero() {
		item.Attributes[attrExpires] = millis(r.Expires)
	}
	return item
}

func decodeToken(id string, a, used table.Attributes) access.Record {
	return access.Record{
		ID:       id,
		Hash:     a.Text(attrHash),
		LastFour: a.Text(attrLastFour),
		Label:    a.Text(attrLabel),
		Created:  timeOf(a, attrCreated),
		Expires:  timeOf(a, attrExpires),
		Revoked:  timeOf(a, attrRevoked),
		LastUsed: timeOf(used, attrTime),
		Next:     a.Text(attrNextID),
		Replaces: a.Text(attrOldID),
	}
}

// Access reads a tenant with its schemas, one of its tokens, and the last use of that
// token, in one round trip. The seats are only for the log: they come with it if the
// ledger has one shard, and are not counted otherwise.
func (s *Store) Access(ctx context.Context, t tenant.ID, tokenID string) (
	access.Owner, access.Record, bool, error,
) {
	items, err := s.table.Get(ctx, tenantKey(t), tokenKey(t, tokenID), usedKey(t, tokenID), schemasKey(t), ledgerKey(t))
	if err != nil {
		return access.Owner{}, access.Record{}, false, readError(err)
	}
	token, ok := items[tokenKey(t, tokenID)]
	if !ok {
		return access.Owner{}, access.Record{}, false, nil
	}
	owner, ok, err := s.ownerOf(t, items)
	return owner, decodeToken(tokenID, token.Attributes, items[usedKey(t, tokenID)].Attributes), ok, err
}

// ownerOf returns what the items of a tenant are for the requests with its credentials; ok
// is false if the tenant does not exist.
func (s *Store) ownerOf(t tenant.ID, items map[table.Key]table.Item) (_ access.Owner, ok bool, err error) {
	owner, ok := items[tenantKey(t)]
	if !ok {
		return access.Owner{}, false, nil
	}
	settings, err := decodeSettings(t, owner.Attributes.Text(attrSettings))
	if err != nil {
		return access.Owner{}, false, err
	}
	key, err := base64.StdEncoding.DecodeString(owner.Attributes.Text(attrCursorKey))
	if err != nil {
		return access.Owner{}, false, fmt.Errorf("store: cursor key of %s: %w", t, err)
	}
	first := items[ledgerKey(t)].Attributes
	return access.Owner{
		Settings: settings, CursorKey: key, Schemas: items[schemasKey(t)].Attributes.Text(attrSchemas),
		Seats: first.Number(attrSeats), SeatLimit: first.Number(attrSeatLimit), Counted: s.shards.learn(t, first) == 1,
	}, true, nil
}

// HasToken reports whether a token exists, from its item alone: one read unit.
func (s *Store) HasToken(ctx context.Context, t tenant.ID, tokenID string) (bool, error) {
	_, ok, err := s.read(ctx, tokenKey(t, tokenID))
	return ok, err
}

// Used records when a token was used, unless another instance has recorded it since
// before was read. If another instance is recording it at the same time, Used may fail,
// and the next request tries again. The cost is not part of that of the request.
func (s *Store) Used(ctx context.Context, t tenant.ID, tokenID string, before, now time.Time) error {
	ctx, _ = table.WithUsage(ctx)
	when := table.Absent()
	if !before.IsZero() {
		when = table.Is(attrTime, millis(before))
	}
	item := table.Item{Key: usedKey(t, tokenID), Attributes: table.Attributes{attrTime: millis(now)}}
	err := s.transact(ctx, table.Transaction{Ops: []table.Op{table.Put(item, when)}, Optional: true})
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return nil // another instance came first
	}
	return writeError(err)
}

// Token reads one token.
func (s *Store) Token(ctx context.Context, t tenant.ID, id string) (access.Record, bool, error) {
	items, err := s.table.Get(ctx, tokenKey(t, id), usedKey(t, id))
	item, ok := items[tokenKey(t, id)]
	if !ok {
		return access.Record{}, false, readError(err)
	}
	return decodeToken(id, item.Attributes, items[usedKey(t, id)].Attributes), true, nil
}

// credentialItems reads the items of a tenant's credentials that begin with a prefix, in order,
// and the last uses of all credentials by their names.
func (s *Store) credentialItems(ctx context.Context, t tenant.ID, prefix string) (found []table.Item, used map[string]table.Attributes, err error) {
	used = map[string]table.Attributes{}
	err = s.Together(ctx,
		func(ctx context.Context) error {
			return s.scanPrefix(ctx, partition(t, ""), prefix, func(i table.Item) { found = append(found, i) })
		},
		func(ctx context.Context) error {
			return s.scan(ctx, usedKey(t, "").Partition, func(i table.Item) { used[i.Sort] = i.Attributes })
		})
	return found, used, err
}

// Tokens reads all tokens of an existing tenant, in the order of their ids.
func (s *Store) Tokens(ctx context.Context, t tenant.ID) ([]access.Record, error) {
	found, used, err := s.credentialItems(ctx, t, tokenKey(t, "").Sort)
	if err != nil {
		return nil, err
	}
	records := make([]access.Record, len(found))
	for i, item := range found {
		id := item.Sort[len(tokenKey(t, "").Sort):]
		records[i] = decodeToken(id, item.Attributes, used[id])
	}
	return records, nil
}

// RevokeToken revokes a token; its record stays, so that a request that still
// sends it gets the reason. Instances that have it cached accept it for
// access.CacheTime more. access.ErrRotation: the token is being rotated.
func (s *Store) RevokeToken(ctx context.Context, t tenant.ID, id string, now time.Time) error {
	revoked := table.Change{Set: table.Attributes{attrRevoked: millis(now)}}
	err := rotated(s.write(ctx, time.Time{}, table.Update(tokenKey(t, id), revoked,
		table.Is(attrNextID, table.Text("")), table.Is(attrOldID, table.Text("")))))
	if !errors.Is(err, access.ErrRotation) {
		return err
	}
	// A token stored by a version without rotations is not part of one, and
	// never becomes part of one: it is revoked as it is.
	item, _, failed := s.read(ctx, tokenKey(t, id))
	if failed != nil {
		return failed
	}
	if item.Attributes.Has(attrNextID) {
		return err
	}
	return rotated(s.write(ctx, time.Time{}, table.Update(tokenKey(t, id), revoked, table.Present())))
}

var live = table.Is(attrRevoked, table.Number(0))

// BeginRotation stores a token beside the one that it is to replace. Of two
// concurrent rotations of a token, one fails.
func (s *Store) BeginRotation(ctx context.Context, t tenant.ID, old string, next access.Record) error {
	next.Replaces = old
	ops := []table.Op{
		table.Update(tokenKey(t, old), table.Change{Set: table.Attributes{attrNextID: table.Text(next.ID)}},
			live, table.Is(attrNextID, table.Text(""))),
		table.Put(tokenItem(t, next), table.Absent()),
	}
	return rotated(s.write(ctx, s.now().Add(journal.WriteTime), append(ops, endingToken(next).put(t, s.now())...)...))
}

// CompleteRotation revokes the old token. If the rotation is cancelled
// concurrently, one of the two fails.
func (s *Store) CompleteRotation(ctx context.Context, t tenant.ID, old, next string, now time.Time) error {
	return rotated(s.write(ctx, time.Time{},
		table.Update(tokenKey(t, old), table.Change{Set: table.Attributes{attrNextID: table.Text(""), attrRevoked: millis(now)}},
			live, table.Is(attrNextID, table.Text(next))),
		table.Update(tokenKey(t, next), table.Change{Set: table.Attributes{attrOldID: table.Text("")}},
			live, table.Is(attrOldID, table.Text(old)))))
}

// CancelRotation revokes the new token.
func (s *Store) CancelRotation(ctx context.Context, t tenant.ID, old, next string, now time.Time) error {
	return rotated(s.write(ctx, time.Time{},
		table.Update(tokenKey(t, old), table.Change{Set: table.Attributes{attrNextID: table.Text("")}},
			live, table.Is(attrNextID, table.Text(next))),
		table.Update(tokenKey(t, next), table.Change{Set: table.Attributes{attrOldID: table.Text(""), attrRevoked: millis(now)}},
			live, table.Is(attrOldID, table.Text(old)))))
}

// rotated turns a failed condition into access.ErrRotation.
func rotated(err error) error {
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return access.ErrRotation
	}
	return writeError(err)
}
