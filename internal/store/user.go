package store

import (
	"context"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a user's item, live or deleted. Short names: every name is
// billed on every read.
const (
	attrDoc      = "doc"  // the resource as served, without meta and groups
	attrVersion  = "ver"  // from 1, one more with each change
	attrCreated  = "crt"  // milliseconds since 1970
	attrModified = "mod"  // milliseconds since 1970
	attrActive   = "act"  // 1 or 0
	attrType     = "typ"  // "user" or "reader"
	attrOff      = "off"  // who deactivated: "scim" or "app"; absent while active
	attrOrigin   = "org"  // "scim", "manual" or "jit"
	attrLinked   = "lnk"  // 1 when an identity provider manages the user
	attrHolder   = "uid"  // of a reservation: the id of the record that holds it
	heldPrefix   = "held" // + kind: the claim that the record holds
)

func heldAttribute(kind directory.Kind) string { return heldPrefix + "." + string(kind) }

func userItem(t tenant.ID, u *directory.User) table.Item {
	a := table.Attributes{
		attrDoc:      table.Text(string(u.Doc)),
		attrVersion:  table.Number(u.Version),
		attrCreated:  millis(u.Created),
		attrModified: millis(u.Modified),
		attrActive:   flag(u.Active),
		attrType:     table.Text(string(u.Type)),
		attrOrigin:   table.Text(string(u.Origin)),
		attrLinked:   flag(u.Linked),
	}
	if u.OffBy != "" {
		a[attrOff] = table.Text(string(u.OffBy))
	}
	for kind, value := range u.Held {
		a[heldAttribute(kind)] = table.Text(value)
	}
	return table.Item{Key: recordKey(t, u), Attributes: a}
}

// recordKey is where a record lies: live and deleted ones are kept apart, so that
// a list reads live ones only.
func recordKey(t tenant.ID, u *directory.User) table.Key {
	if u.Deleted {
		return goneKey(t, u.ID)
	}
	return userKey(t, u.ID)
}

func decodeUser(item table.Item, deleted bool) *directory.User {
	a := item.Attributes
	u := &directory.User{
		ID:       item.Sort,
		Doc:      []byte(a.Text(attrDoc)),
		Version:  a.Number(attrVersion),
		Created:  timeOf(a, attrCreated),
		Modified: timeOf(a, attrModified),
		Active:   a.Number(attrActive) == 1,
		Type:     tenant.AccountType(a.Text(attrType)),
		Deleted:  deleted,
		OffBy:    directory.Actor(a.Text(attrOff)),
		Origin:   directory.Origin(a.Text(attrOrigin)),
		Linked:   a.Number(attrLinked) == 1,
		Held:     directory.Claims{},
	}
	for _, kind := range directory.Kinds {
		if a.Has(heldAttribute(kind)) {
			u.Held[kind] = a.Text(heldAttribute(kind))
		}
	}
	return u
}

func flag(b bool) table.Value {
	if b {
		return table.Number(1)
	}
	return table.Number(0)
}

// User reads a live user: one round trip.
func (s *Store) User(ctx context.Context, t tenant.ID, id string) (*directory.User, error) {
	if !directory.ValidID(id) {
		return nil, nil
	}
	item, ok, err := s.read(ctx, userKey(t, id))
	if err != nil || !ok {
		return nil, err
	}
	return decodeUser(item, false), nil
}

// LiveUsers reads live users by id: one round trip for each hundred.
func (s *Store) LiveUsers(ctx context.Context, t tenant.ID, ids []string) ([]*directory.User, error) {
	var users []*directory.User
	for len(ids) > 0 {
		n := min(len(ids), table.MaxGetKeys)
		keys := make([]table.Key, n)
		for i, id := range ids[:n] {
			keys[i] = userKey(t, id)
		}
		items, err := s.table.Get(ctx, keys...)
		if err != nil {
			return nil, readError(err)
		}
		for _, key := range keys {
			if item, ok := items[key]; ok {
				users = append(users, decodeUser(item, false))
			}
		}
		ids = ids[n:]
	}
	return users, nil
}

// Records reads users by id wherever they lie. A record that moves between the
// two places while it is read may be missed: the transaction that follows finds
// it there.
func (s *Store) Records(ctx context.Context, t tenant.ID, ids []string) (map[string]*directory.User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]table.Key, 0, 2*len(ids))
	for _, id := range ids {
		keys = append(keys, userKey(t, id), goneKey(t, id))
	}
	items, err := s.table.Get(ctx, keys...)
	if err != nil {
		return nil, readError(err)
	}
	records := make(map[string]*directory.User, len(ids))
	for _, id := range ids {
		if item, ok := items[goneKey(t, id)]; ok {
			records[id] = decodeUser(item, true)
		}
		if item, ok := items[userKey(t, id)]; ok {
			records[id] = decodeUser(item, false)
		}
	}
	return records, nil
}

// Users reads a page of live users in the order of their ids.
func (s *Store) Users(ctx context.Context, t tenant.ID, after string, limit int) (directory.Page, error) {
	page, err := s.table.Query(ctx, table.Query{
		Partition: partition(t, "USERS"), After: after, Limit: limit,
	})
	if err != nil {
		return directory.Page{}, readError(err)
	}
	users := make([]*directory.User, len(page.Items))
	for i, item := range page.Items {
		users[i] = decodeUser(item, false)
	}
	return directory.Page{Users: users, More: page.More}, nil
}

// Holders reads the reservations of claims: one round trip.
func (s *Store) Holders(ctx context.Context, t tenant.ID, claims directory.Claims) (map[directory.Kind]string, error) {
	if len(claims) == 0 {
		return nil, nil
	}
	keys := make([]table.Key, 0, len(claims))
	for kind, value := range claims {
		keys = append(keys, reservationKey(t, kind, value))
	}
	items, err := s.table.Get(ctx, keys...)
	if err != nil {
		return nil, readError(err)
	}
	holders := map[directory.Kind]string{}
	for kind, value := range claims {
		if item, ok := items[reservationKey(t, kind, value)]; ok {
			holders[kind] = item.Attributes.Text(attrHolder)
		}
	}
	return holders, nil
}

// EmailHolders reads the reservation of an email and the users who have it as
// another one, side by side.
func (s *Store) EmailHolders(ctx context.Context, t tenant.ID, folded string) ([]string, error) {
	var unique map[directory.Kind]string
	var others []string
	err := together(ctx,
		func(ctx context.Context) (err error) {
			unique, err = s.Holders(ctx, t, directory.Claims{directory.Email: folded})
			return err
		},
		func(ctx context.Context) (err error) {
			others, err = s.otherHolders(ctx, t, folded)
			return err
		})
	if err != nil {
		return nil, err
	}
	if id, ok := unique[directory.Email]; ok && !slices.Contains(others, id) {
		others = append(others, id)
	}
	return others, nil
}

func (s *Store) otherHolders(ctx context.Context, t tenant.ID, folded string) ([]string, error) {
	var ids []string
	prefix := folded + mailDelimiter
	q := table.Query{Partition: partition(t, "MAILS"), Prefix: prefix}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return nil, readError(err)
		}
		for _, item := range page.Items {
			ids = append(ids, strings.TrimPrefix(item.Sort, prefix))
		}
		if !page.More || len(ids) > directory.MaxWalk {
			return ids, nil
		}
		q.After = page.Last
	}
}
