package directory

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// sought are the values that a request wants for a user: in the form in which
// they are reserved, and in the form in which an earlier version reserved them,
// if it differs.
type sought struct{ claims, former Claims }

func seek(r scim.Resource) sought { return sought{claims: ClaimsOf(r), former: FormerClaims(r)} }

// heldBy returns the claim by which a record holds the sought value of a kind:
// the claim may be of another kind.
func (s sought) heldBy(u *User, kind Kind) (as Kind, value string, ok bool) {
	for _, wanted := range []Claims{s.claims, s.former} {
		if value, ok := wanted[kind]; ok {
			if as, ok := u.Held.As(kind, value); ok {
				return as, value, true
			}
		}
	}
	return "", "", false
}

// stillHeld leaves out the values that their holders have given up since the
// reservations were read: a request does not apply to a user who was renamed
// meanwhile. The transaction finds the current holder.
func (s sought) stillHeld(holders map[Kind]string, records map[string]*User) map[Kind]string {
	held := map[Kind]string{}
	for kind, id := range holders {
		if u := records[id]; u != nil {
			if _, _, ok := s.heldBy(u, kind.Today()); ok {
				held[kind] = id
			}
		}
	}
	return held
}

// transfers returns the values that pass from other, deleted records to a
// record: those that it claims. A value that an earlier version did not reserve
// for the record, and that the change does not touch, stays with the deleted
// record.
func (s sought) transfers(after *User, holders map[Kind]string, deleted []*User) []Transfer {
	var moved []Transfer
	for _, kind := range withFormer(Kinds[:]) {
		holder, held := holders[kind]
		if !held || holder == after.ID {
			continue
		}
		for _, u := range deleted {
			if u.ID != holder {
				continue
			}
			if as, value, ok := s.heldBy(u, kind.Today()); ok && after.claims(as, value) {
				moved = append(moved, Transfer{Kind: as, From: u, Value: value})
			}
		}
	}
	return moved
}

// holders reads which record holds each of the claims and, under Kind.Former,
// which holds it in the form of an earlier version.
func (d *Directory) holders(ctx context.Context, t tenant.ID, claims, former Claims) (map[Kind]string, error) {
	holders, err := d.store.Holders(ctx, t, claims)
	if err != nil || len(former) == 0 {
		return holders, err
	}
	earlier, err := d.store.Holders(ctx, t, former)
	if holders == nil {
		holders = map[Kind]string{}
	}
	for kind, id := range earlier {
		holders[kind.Former()] = id
	}
	return holders, err
}

// added returns the claims of a record after a change that it did not hold
// before.
func added(before, after Claims) Claims {
	added := Claims{}
	for kind, value := range after {
		if _, ok := before.As(kind, value); !ok {
			added[kind] = value
		}
	}
	return added
}

// transferOrRefuse checks the holders of values that a change wants: if the
// holder is live, the change is refused; if it is deleted, the values pass to
// the changed record.
func (w *userWork) transferOrRefuse(ctx context.Context, after *User, wanted scim.Resource) ([]Transfer, error) {
	records, err := w.d.store.Records(ctx, w.tenant, distinct(w.holders))
	if err != nil {
		return nil, err
	}
	seeks := seek(wanted)
	held := seeks.stillHeld(w.holders, records)
	var deleted []*User
	for _, id := range distinct(held) {
		switch u := records[id]; {
		case id == after.ID:
		case u.Live():
			return nil, taken(wanted, held, u, takenFrom(u))
		default:
			deleted = append(deleted, u)
		}
	}
	return seeks.transfers(after, held, deleted), nil
}
