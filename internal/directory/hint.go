package directory

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A hint is a holder of a value as this process last saw it. It decides nothing:
// a request whose value has a hint reads that record before it writes, so that a
// refusal, or a reactivation, does not begin with a transaction that fails. A
// hint that is no longer true costs one read.
type hint struct {
	tenant tenant.ID
	space  Kind
	value  string
}

// hints are the hints of all tenants. They are safe for concurrent use.
type hints struct {
	mu      sync.Mutex
	holders map[hint]string
	full    map[tenant.ID]fullLedger
}

// fullLedger is a ledger by which a request was refused.
type fullLedger struct {
	Ledger
	seen time.Time
}

// fullTime is how long a refusal by a ledger is a hint.
const fullTime = 10 * time.Minute

// noteFull remembers a ledger that refused a request, if a later read can show
// that it has not changed since.
func (h *hints) noteFull(t tenant.ID, l Ledger, now time.Time) {
	if l.Moves == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.full == nil || len(h.full) >= maxHints {
		h.full = map[tenant.ID]fullLedger{}
	}
	h.full[t] = fullLedger{l, now}
}

// fullOf returns the ledger that refused a tenant's request a short time ago.
func (h *hints) fullOf(t tenant.ID, now time.Time) (Ledger, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l, ok := h.full[t]
	if !ok || now.Sub(l.seen) > fullTime || now.Before(l.seen) {
		return Ledger{}, false
	}
	return l.Ledger, true
}

// forgetFull forgets that a ledger was full.
func (h *hints) forgetFull(t tenant.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.full, t)
}

// maxHints bounds the memory of one process: about 4 MB. Beyond it, all hints are
// forgotten.
const maxHints = 20_000

// note remembers the holder of a value, or forgets it if id is "".
func (h *hints) note(t tenant.ID, kind Kind, value, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := hint{t, kind.Space(), value}
	switch {
	case id == "":
		delete(h.holders, key)
	case h.holders == nil, len(h.holders) >= maxHints:
		h.holders = map[hint]string{key: id}
	default:
		h.holders[key] = id
	}
}

// of returns the hints for some claims.
func (h *hints) of(t tenant.ID, claims Claims) map[Kind]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	holders := map[Kind]string{}
	for kind, value := range claims {
		if id, ok := h.holders[hint{t, kind.Space(), value}]; ok {
			holders[kind] = id
		}
	}
	return holders
}

// noteAll remembers the holders of a request's claims, and forgets those that
// hold nothing any more.
func (h *hints) noteAll(t tenant.ID, claims Claims, holders map[Kind]string) {
	for kind, value := range claims {
		h.note(t, kind, value, holders[kind])
	}
}

// LikelyHolder returns the id of the user that a POST will probably meet, "" if
// none is expected: the request's entry may be about that user.
func (d *Directory) LikelyHolder(t tenant.ID, sent scim.Resource) string {
	holders := d.hints.of(t, ClaimsOf(sent))
	if ids := distinct(holders); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// hint makes a request that creates a user begin with the holders that are likely.
func (w *userWork) hint(claims Claims) {
	w.holders = w.d.hints.of(w.tenant, claims)
	w.hinted = len(w.holders) > 0
	if l, ok := w.d.hints.fullOf(w.tenant, w.by.Time); ok && !w.hinted {
		// Uniqueness comes before seats: the holders are read before the ledger.
		w.full, w.stale = &l, true
	}
}

// refuseFull refuses a decision that needs a seat or a licence, if none is free: the
// ledger is still the one that refused an earlier request, so that it was full
// when the holders were read. Otherwise the transaction decides.
func (w *userWork) refuseFull(ctx context.Context, made decision) error {
	known, e := w.full, made.change.Entry
	if w.full = nil; known == nil || e.Seats <= 0 && e.Readers <= 0 {
		return nil
	}
	if e.Seats > 0 && known.Seats < known.SeatLimit || e.Readers > 0 && known.Readers < known.ReaderLimit {
		return nil // it refused another kind
	}
	l, err := w.d.store.Ledger(ctx, w.tenant)
	if err != nil {
		return err
	}
	if l != *known {
		w.d.hints.forgetFull(w.tenant)
		return nil
	}
	return full(&l, e.Seats, e.Action)
}

// learnHeld adds the other sought values that a hinted record holds: it is named
// by the same value as if all holders had been read.
func (w *userWork) learnHeld(claims Claims, records map[string]*User) {
	for _, id := range distinct(w.holders) {
		for kind, value := range claims {
			if u := records[id]; u != nil && w.holders[kind] == "" {
				if _, ok := u.Held.As(kind, value); ok {
					w.holders[kind] = id
				}
			}
		}
	}
}

// proves reports whether a decision made by hints is final. A record itself proves
// that it is active and holds the value; of a change the transaction checks
// everything. Any other refusal may depend on holders that no hint names.
func (w *userWork) proves(err error) bool {
	if !w.hinted || err == nil {
		return true
	}
	var taken *TakenError
	return errors.As(err, &taken) && taken.Reason == TakenActive
}
