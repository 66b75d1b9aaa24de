package mirror

import (
	"context"
	"fmt"
)

// Apply applies an event to the mirror of its tenant. Events may be applied again, and in any
// order. An event that is about neither users nor groups changes nothing.
func Apply(ctx context.Context, s Store, e Event) error {
	if !e.about(TypeUser) && !e.about(TypeGroup) {
		return nil
	}
	if e.Tenant == "" {
		return fmt.Errorf("mirror: %w: event %s has no tenant", ErrMalformed, e.ID)
	}
	return s.Update(ctx, e.Tenant, func(tx Tx) error { return apply(tx, e) })
}

func apply(tx Tx, e Event) error {
	switch {
	case e.about(TypeUser):
		return applyUser(tx, e)
	case e.about(TypeGroup):
		return applyGroup(tx, e)
	default:
		return nil
	}
}

func applyUser(tx Tx, e Event) error {
	before, err := tx.User(e.Resource.ID)
	if err != nil {
		return err
	}
	after := before
	switch {
	case e.gone():
		after = after.purged()
	case e.hasData():
		document, err := document(e, func(u User) int64 { return u.Version })
		if err != nil {
			return err
		}
		after = after.with(document)
	}
	if e.endsMemberships() {
		after = after.ended(e.Resource.Version)
	}
	return putUser(tx, before, after)
}

func putUser(tx Tx, before, after User) error {
	if after == before {
		return nil
	}
	return tx.PutUser(after)
}

func applyGroup(tx Tx, e Event) error {
	before, err := tx.Group(e.Resource.ID)
	if err != nil {
		return err
	}
	if e.gone() {
		return putGroup(tx, before, before.deleted())
	}
	after := before
	// Of a document that cannot be read, the version is known.
	version := e.Resource.Version
	if e.hasData() {
		document, err := document(e, func(g Group) int64 { return g.Version })
		if err != nil {
			return err
		}
		after, version = after.with(document), document.Version
	}
	if e.Members != nil && e.Members.Replaced {
		after = after.replaced(e.Members.Generation)
	}
	if err := putGroup(tx, before, after); err != nil || e.Members == nil || version == 0 {
		return err
	}
	return applyMembers(tx, e.Resource.ID, version, *e.Members)
}

func putGroup(tx Tx, before, after Group) error {
	if after == before {
		return nil
	}
	return tx.PutGroup(after)
}

// applyMembers applies what an event says of the members that it names, when the group had a
// version.
func applyMembers(tx Tx, group string, version int64, m Members) error {
	current := make(map[string]int64, len(m.Current))
	for _, member := range m.Current {
		current[member.ID] = member.Version
	}
	for _, users := range [][]string{m.Added, m.Removed} {
		for _, user := range users {
			userVersion, is := current[user]
			fact := Membership{
				Group: group, User: user, Member: is, Version: version, Generation: m.Generation, UserVersion: userVersion,
			}
			if err := putMembership(tx, fact); err != nil {
				return err
			}
		}
	}
	return nil
}

func putMembership(tx Tx, fact Membership) error {
	before, err := tx.Membership(fact.Group, fact.User)
	if err != nil {
		return err
	}
	if after := before.with(fact); after != before {
		return tx.PutMembership(after)
	}
	return nil
}
