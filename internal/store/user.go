package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a user's item, live or deleted. Names are short, because
// they are billed on every read.
const (
	attrDoc      = "doc"  // the resource as served, without meta and groups
	attrVersion  = "ver"  // from 1, one more with each change
	attrCreated  = "crt"  // milliseconds since 1970
	attrModified = "mod"  // milliseconds since 1970
	attrActive   = "act"  // 1 or 0
	attrType     = "typ"  // "user" or "reader"
	attrOff      = "off"  // who deactivated: "scim" or "app"; absent while active
	attrOrigin   = "org"  // "scim", "manual" or "jit"
	attrLinked   = "lnk"  // 1 if an identity provider manages the user
	attrProtect  = "pro"  // 1 of a protected user; absent of all others
	attrJoins    = "jn"   // memberships ever begun
	attrLeaving  = "lv"   // 1 while memberships from before a deletion are ended
	attrHolder   = "uid"  // of a reservation: the id of the record that holds it
	heldPrefix   = "held" // + kind: the claim that the record holds
)

func heldAttribute(kind directory.Kind) string { return heldPrefix + "." + string(kind) }

// userItem returns the whole item of a user, to create or move it.
func userItem(t tenant.ID, u *directory.User) table.Item {
	a := userAttributes(u)
	a[attrJoins] = table.Number(u.Joins)
	a[attrLeaving] = flag(u.Leaving)
	keepOwed(a, u)
	return table.Item{Key: recordKey(t, u), Attributes: a}
}

// userAttributes returns the attributes that a change of the user sets. How often it joined
// a group, and whether it is leaving, are not among them: memberships begin and
// end while the user is changed.
func userAttributes(u *directory.User) table.Attributes {
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
	if u.Protected {
		a[attrProtect] = flag(true)
	}
	if u.DeactivatedBy != "" {
		a[attrOff] = table.Text(string(u.DeactivatedBy))
	}
	for kind, value := range u.Held {
		a[heldAttribute(kind)] = table.Text(value)
	}
	return a
}

// userUpdate updates a record in its place.
func userUpdate(t tenant.ID, u *directory.User, when ...table.Condition) table.Op {
	change := table.Change{Set: userAttributes(u)}
	if !u.Protected {
		change.Remove = append(change.Remove, attrProtect)
	}
	if u.DeactivatedBy == "" {
		change.Remove = append(change.Remove, attrOff)
	}
	for _, kind := range directory.Kinds {
		if _, ok := u.Held[kind]; !ok {
			change.Remove = append(change.Remove, heldAttribute(kind))
		}
	}
	return table.Update(recordKey(t, u), change, when...)
}

// recordKey returns where a record is stored: live and deleted ones are
// separate, so that a list reads only live ones.
func recordKey(t tenant.ID, u *directory.User) table.Key {
	if u.Deleted {
		return goneKey(t, u.ID)
	}
	return userKey(t, u.ID)
}

func decodeUser(item table.Item, deleted bool) *directory.User {
	a := item.Attributes
	u := &directory.User{
		ID:            item.Sort,
		Doc:           []byte(a.Text(attrDoc)),
		Version:       a.Number(attrVersion),
		Created:       timeOf(a, attrCreated),
		Modified:      timeOf(a, attrModified),
		Active:        a.Number(attrActive) == 1,
		Type:          tenant.AccountType(a.Text(attrType)),
		Deleted:       deleted,
		DeactivatedBy: journal.Actor(a.Text(attrOff)),
		Origin:        directory.Origin(a.Text(attrOrigin)),
		Linked:        a.Number(attrLinked) == 1,
		Protected:     a.Number(attrProtect) == 1,
		Joins:         a.Number(attrJoins),
		Leaving:       a.Number(attrLeaving) == 1,
		Held:          directory.Claims{},
		Owed:          decodeOwed(a),
		OwedMore:      a.Number(attrOwedMore) == 1,
		History:       decodeHistory(a),
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

// LiveUsers reads live users by id: one round trip, a hundred a call.
func (s *Store) LiveUsers(ctx context.Context, t tenant.ID, ids []string) ([]*directory.User, error) {
	keys := make([]table.Key, len(ids))
	for i, id := range ids {
		keys[i] = userKey(t, id)
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	users := make([]*directory.User, 0, len(items))
	for _, key := range keys {
		if item, ok := items[key]; ok {
			users = append(users, decodeUser(item, false))
		}
	}
	return users, nil
}

// Records reads users by id, live and deleted. A read of several items is not
// one moment: a record that a deletion moves meanwhile can be missing in both of
// its places. Missing records are therefore read once more.
func (s *Store) Records(ctx context.Context, t tenant.ID, ids []string) (map[string]*directory.User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	records, err := s.readRecords(ctx, t, ids)
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return records[id] != nil })
	if len(missing) == 0 {
		return records, nil
	}
	again, err := s.readRecords(ctx, t, missing)
	if err != nil {
		return nil, err
	}
	maps.Copy(records, again)
	return records, nil
}

// readRecords reads both places of users by id, once.
func (s *Store) readRecords(ctx context.Context, t tenant.ID, ids []string) (map[string]*directory.User, error) {
	keys := make([]table.Key, 0, 2*len(ids))
	for _, id := range ids {
		keys = append(keys, userKey(t, id), goneKey(t, id))
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
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

// NameHolders reads the reservations of userNames that begin with a text.
func (s *Store) NameHolders(ctx context.Context, t tenant.ID, prefix string, limit int) ([]string, error) {
	q := table.Query{Partition: reservationKey(t, directory.UserName, "").Partition, Prefix: prefix}
	return collect(ctx, s, q, limit, func(item table.Item) (string, bool) { return item.Attributes.Text(attrHolder), true })
}

// EmailHolders reads the reservation of an email and the users who have it as
// another one, in parallel.
func (s *Store) EmailHolders(ctx context.Context, t tenant.ID, folded string) ([]string, error) {
	var unique map[directory.Kind]string
	var others []string
	err := s.Together(ctx,
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
	prefix := folded + mailDelimiter
	q := table.Query{Partition: partition(t, "MAILS"), Prefix: prefix}
	return collect(ctx, s, q, directory.MaxWalk+1, func(item table.Item) (string, bool) {
		return strings.TrimPrefix(item.Sort, prefix), true
	})
}
