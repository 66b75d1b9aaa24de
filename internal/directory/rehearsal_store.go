package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// reads remember what rehearsals have read, so that each record is read once. They are
// safe for concurrent use.
type reads struct {
	stored  Store
	mu      sync.Mutex
	users   map[string]*User // nil: there is none
	holders map[place]string // "": nobody
	// others are what else was read, by a name.
	others map[string]any
}

// place is the reservation of a value.
type place struct {
	space Kind
	value string
}

func newReads(s Store) *reads {
	return &reads{stored: s, users: map[string]*User{}, holders: map[place]string{}, others: map[string]any{}}
}

// records returns users by id, nil for those that do not exist.
func (r *reads) records(ctx context.Context, t tenant.ID, ids []string) (map[string]*User, error) {
	var missing []string
	r.mu.Lock()
	for _, id := range ids {
		if _, known := r.users[id]; !known && !slices.Contains(missing, id) {
			missing = append(missing, id)
		}
	}
	r.mu.Unlock()
	read, err := r.stored.Records(ctx, t, missing)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range missing {
		r.users[id] = read[id]
	}
	found := map[string]*User{}
	for _, id := range ids {
		found[id] = r.users[id]
	}
	return found, nil
}

// holdersOf returns who holds each of the claims.
func (r *reads) holdersOf(ctx context.Context, t tenant.ID, claims Claims) (map[Kind]string, error) {
	missing := Claims{}
	r.mu.Lock()
	for kind, value := range claims {
		if _, known := r.holders[place{kind.Space(), value}]; !known {
			missing[kind] = value
		}
	}
	r.mu.Unlock()
	read, err := r.stored.Holders(ctx, t, missing)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for kind, value := range missing {
		r.holders[place{kind.Space(), value}] = read[kind]
	}
	found := map[Kind]string{}
	for kind, value := range claims {
		if id := r.holders[place{kind.Space(), value}]; id != "" {
			found[kind] = id
		}
	}
	return found, nil
}

// remember returns what was read under a name, or reads it.
func remember[V any](r *reads, name string, read func() (V, error)) (V, error) {
	r.mu.Lock()
	known, ok := r.others[name]
	r.mu.Unlock()
	if ok {
		v, _ := known.(V)
		return v, nil
	}
	v, err := read()
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.others[name] = v
	}
	return v, err
}

func (r *reads) ledgerOf(ctx context.Context, t tenant.ID) (Ledger, error) {
	return remember(r, "ledger", func() (Ledger, error) {
		l, err := r.stored.Ledger(ctx, t)
		l.Moves = 0 // the ledger of a rehearsal proves nothing about the stored one
		return l, err
	})
}

func (r *reads) protectedOf(ctx context.Context, t tenant.ID) (ProtectedList, error) {
	return remember(r, "protected", func() (ProtectedList, error) { return r.stored.ProtectedUsers(ctx, t) })
}

func (r *reads) group(ctx context.Context, t tenant.ID, id string) (*Group, error) {
	return remember(r, "group "+id, func() (*Group, error) { return r.stored.Group(ctx, t, id) })
}

// members returns which users have a membership.
func (r *reads) members(ctx context.Context, t tenant.ID, group string, epoch int64, users []string) (map[string]bool, error) {
	return remember(r, fmt.Sprint("members ", group, epoch, users), func() (map[string]bool, error) {
		member, _, err := r.stored.Joined(ctx, t, group, epoch, users)
		return member, err
	})
}

// rehearsed is the Store of a rehearsal: what is stored, and over it what the requests of
// the rehearsal changed. Its commits check the conditions of the store's and change only
// the memory. Memberships do not change.
type rehearsed struct {
	// What a rehearsal does not change is read from the store.
	UserReader
	ClaimReader
	GroupReader
	MembershipReader

	stored  Store
	reads   *reads
	users   map[string]*User // nil: purged
	groups  map[string]*Group
	holders map[place]string
	// used has the numbers added to the counts; moreSeats and moreReaders are added to the
	// limits.
	used                   Ledger
	moreSeats, moreReaders int64
	protected              *ProtectedList
	// accepted are the changes of many members that the rehearsal accepted.
	accepted map[string]bool
}

func newRehearsed(s Store, r *reads) *rehearsed {
	return &rehearsed{
		UserReader: s, ClaimReader: s, GroupReader: s, MembershipReader: s, stored: s, reads: r,
		users: map[string]*User{}, groups: map[string]*Group{}, holders: map[place]string{}, accepted: map[string]bool{},
	}
}

func (s *rehearsed) Together(ctx context.Context, calls ...func(context.Context) error) error {
	return s.stored.Together(ctx, calls...)
}

func (s *rehearsed) Records(ctx context.Context, t tenant.ID, ids []string) (map[string]*User, error) {
	read, err := s.reads.records(ctx, t, ids)
	if err != nil {
		return nil, err
	}
	found := map[string]*User{}
	for _, id := range ids {
		u := read[id]
		if changed, ok := s.users[id]; ok {
			u = changed
		}
		if u != nil {
			found[id] = u
		}
	}
	return found, nil
}

func (s *rehearsed) User(ctx context.Context, t tenant.ID, id string) (*User, error) {
	found, err := s.Records(ctx, t, []string{id})
	if u := found[id]; u.Live() {
		return u, err
	}
	return nil, err
}

func (s *rehearsed) Holders(ctx context.Context, t tenant.ID, claims Claims) (map[Kind]string, error) {
	found, err := s.reads.holdersOf(ctx, t, claims)
	if err != nil {
		return nil, err
	}
	for kind, value := range claims {
		if id, changed := s.holders[place{kind.Space(), value}]; changed {
			if delete(found, kind); id != "" {
				found[kind] = id
			}
		}
	}
	return found, nil
}

func (s *rehearsed) Group(ctx context.Context, t tenant.ID, id string) (*Group, error) {
	if g, changed := s.groups[id]; changed {
		return g, nil
	}
	return s.reads.group(ctx, t, id)
}

// DeletedGroup reads the marker of a group.
func (s *rehearsed) DeletedGroup(ctx context.Context, t tenant.ID, id string) (*DeletedGroup, error) {
	return remember(s.reads, "marker "+id, func() (*DeletedGroup, error) { return s.stored.DeletedGroup(ctx, t, id) })
}

// Members reads members of a group.
func (s *rehearsed) Members(ctx context.Context, t tenant.ID, group string, epoch int64, after string, limit int) (Page[string], error) {
	return remember(s.reads, fmt.Sprint("page ", group, epoch, after, limit), func() (Page[string], error) {
		return s.stored.Members(ctx, t, group, epoch, after, limit)
	})
}

// Leaving reads the users whose memberships are being ended.
func (s *rehearsed) Leaving(ctx context.Context, t tenant.ID) (map[string]bool, error) {
	return remember(s.reads, "leaving", func() (map[string]bool, error) { return s.stored.Leaving(ctx, t) })
}

// MembershipsOf returns one at most: a decision depends on whether memberships end, never on
// which.
func (s *rehearsed) MembershipsOf(ctx context.Context, t tenant.ID, id string, _ int) ([]UserMembership, error) {
	return remember(s.reads, "memberships "+id, func() ([]UserMembership, error) { return s.stored.MembershipsOf(ctx, t, id, 1) })
}

func (s *rehearsed) Ledger(ctx context.Context, t tenant.ID) (Ledger, error) {
	l, err := s.reads.ledgerOf(ctx, t)
	l.Seats += s.used.Seats
	l.Readers += s.used.Readers
	l.SeatLimit += s.moreSeats
	l.ReaderLimit += s.moreReaders
	return l, err
}

func (s *rehearsed) ProtectedUsers(ctx context.Context, t tenant.ID) (ProtectedList, error) {
	if s.protected != nil {
		return *s.protected, nil
	}
	return s.reads.protectedOf(ctx, t)
}

// Commit checks the conditions of a change that can fail when nothing else changes, and
// keeps the change.
func (s *rehearsed) Commit(ctx context.Context, t tenant.ID, c Change) error {
	held := Claims{}
	if c.Before != nil {
		held = c.Before.Held
	}
	losers := map[place]string{}
	for _, moved := range c.Transfers {
		losers[place{moved.Kind.Space(), moved.Value}] = moved.From.ID
	}
	failed, err := s.heldByOthers(ctx, t, c.After.ID, held, c.After.Held, c.After.Former, losers)
	if err != nil {
		return err
	}
	seats, readers := holdingDelta(c.Before, c.After)
	if seats > 0 || readers > 0 {
		l, err := s.Ledger(ctx, t)
		if err != nil {
			return err
		}
		if seats > 0 && l.Seats >= l.SeatLimit || readers > 0 && l.Readers >= l.ReaderLimit {
			failed = append(failed, FailedCondition{Found: LedgerFull, Ledger: &l})
		}
	}
	if len(failed) > 0 {
		return &CommitError{Failed: failed}
	}
	for _, moved := range c.Transfers {
		from := *moved.From
		from.Held = Claims{}
		for kind, value := range moved.From.Held {
			if kind != moved.Kind || value != moved.Value {
				from.Held[kind] = value
			}
		}
		s.users[from.ID] = &from
	}
	s.keep(c.Before, c.After)
	s.keepProtected(c.Protected)
	return nil
}

// heldByOthers returns the claims that a record is to begin to hold and that another one holds.
func (s *rehearsed) heldByOthers(ctx context.Context, t tenant.ID, id string, before, after, former Claims, losers map[place]string) ([]FailedCondition, error) {
	wanted := Claims{}
	maps.Copy(wanted, after)
	for kind, value := range former {
		wanted[kind.Former()] = value
	}
	var failed []FailedCondition
	for kind, value := range wanted {
		at := place{kind.Today().Space(), value}
		if _, had := before.As(kind.Today(), value); had {
			continue
		}
		holders, err := s.Holders(ctx, t, Claims{kind.Today(): value})
		if err != nil {
			return nil, err
		}
		if holder := holders[kind.Today()]; holder != "" && holder != id && losers[at] != holder {
			failed = append(failed, FailedCondition{Found: ClaimHeld, ID: holder, Claim: kind})
		}
	}
	return failed, nil
}

// keep keeps a user and its claims; after is nil for a purged one.
func (s *rehearsed) keep(before, after *User) {
	seats, readers := holdingDelta(before, after)
	s.used.Seats += seats
	s.used.Readers += readers
	if before != nil {
		s.users[before.ID] = after
		s.free(before.ID, before.Held)
	}
	if after != nil {
		s.users[after.ID] = after
		s.hold(after.ID, after.Held)
	}
}

func (s *rehearsed) free(id string, claims Claims) {
	for kind, value := range claims {
		at := place{kind.Space(), value}
		if holder, changed := s.holders[at]; !changed || holder == id {
			s.holders[at] = ""
		}
	}
}

func (s *rehearsed) hold(id string, claims Claims) {
	for kind, value := range claims {
		s.holders[place{kind.Space(), value}] = id
	}
}

func (s *rehearsed) keepProtected(c *ProtectedChange) {
	if c != nil {
		s.protected = &ProtectedList{Version: c.Before.Version + 1, IDs: c.After}
	}
}

func (s *rehearsed) Purge(_ context.Context, _ tenant.ID, c Change) error {
	s.keep(c.Before, nil)
	s.keepProtected(c.Protected)
	return nil
}

func (s *rehearsed) CreateGroup(ctx context.Context, t tenant.ID, c GroupCreation) error {
	failed, err := s.heldByOthers(ctx, t, c.Group.ID, nil, c.Group.Held, c.Group.Former, nil)
	if err != nil {
		return err
	}
	unknown, err := s.unknown(ctx, t, c.Add)
	if err != nil {
		return err
	}
	if failed = append(failed, unknown...); len(failed) > 0 {
		return &CommitError{Failed: failed}
	}
	s.keepGroup(nil, c.Group)
	return nil
}

// unknown returns the users among ids that are not live.
func (s *rehearsed) unknown(ctx context.Context, t tenant.ID, ids []string) ([]FailedCondition, error) {
	users, err := s.Records(ctx, t, ids)
	if err != nil {
		return nil, err
	}
	var failed []FailedCondition
	for _, id := range ids {
		if !users[id].Live() {
			failed = append(failed, FailedCondition{Found: UserUnknown, ID: id})
		}
	}
	return failed, nil
}

func (s *rehearsed) UpdateGroup(ctx context.Context, t tenant.ID, c GroupUpdate) error {
	failed, err := s.heldByOthers(ctx, t, c.After.ID, c.Before.Held, c.After.Held, c.After.Former, nil)
	if err != nil {
		return err
	}
	unknown, err := s.unknown(ctx, t, c.Add)
	if err != nil {
		return err
	}
	failed = append(failed, unknown...)
	others, err := s.notMoving(ctx, t, c)
	if err != nil {
		return err
	}
	if failed = append(failed, others...); len(failed) > 0 {
		return &CommitError{Failed: failed}
	}
	s.keepGroup(c.Before, c.After)
	return nil
}

// notMoving returns the users who cannot join or leave as a change wants it: those who are
// members already, those who are none, and those who are protected.
func (s *rehearsed) notMoving(ctx context.Context, t tenant.ID, c GroupUpdate) ([]FailedCondition, error) {
	ids := slices.Concat(c.Add, c.Remove)
	if len(ids) == 0 {
		return nil, nil
	}
	member, err := s.reads.members(ctx, t, c.Before.ID, c.Before.Epoch, ids)
	if err != nil {
		return nil, err
	}
	users, err := s.Records(ctx, t, c.Remove)
	if err != nil {
		return nil, err
	}
	var failed []FailedCondition
	for _, id := range c.Add {
		if member[id] {
			failed = append(failed, FailedCondition{Found: UserMember, ID: id})
		}
	}
	for _, id := range c.Remove {
		switch u := users[id]; {
		case !member[id]:
			failed = append(failed, FailedCondition{Found: UserNotMember, ID: id})
		case u != nil && u.Protected:
			failed = append(failed, FailedCondition{Found: UserProtected, ID: id})
		}
	}
	return failed, nil
}

// Joined reads members, and takes live users from the rehearsal.
func (s *rehearsed) Joined(ctx context.Context, t tenant.ID, group string, epoch int64, users []string) (member, live map[string]bool, err error) {
	if member, err = s.reads.members(ctx, t, group, epoch, users); err != nil {
		return nil, nil, err
	}
	records, err := s.Records(ctx, t, users)
	live = map[string]bool{}
	for id, u := range records {
		live[id] = u.Live()
	}
	return member, live, err
}

func (s *rehearsed) ReplaceMembers(ctx context.Context, t tenant.ID, c GroupNewSet) error {
	return s.edited(ctx, t, c.GroupEdit)
}

func (s *rehearsed) AcceptMembers(ctx context.Context, t tenant.ID, c GroupAcceptance) error {
	s.accepted[c.After.PendingChange] = true
	after := *c.After
	after.PendingChange = "" // as if it were finished
	c.After = &after
	return s.edited(ctx, t, c.GroupEdit)
}

func (s *rehearsed) edited(ctx context.Context, t tenant.ID, e GroupEdit) error {
	failed, err := s.heldByOthers(ctx, t, e.After.ID, e.Before.Held, e.After.Held, e.After.Former, nil)
	if err == nil && len(failed) > 0 {
		err = &CommitError{Failed: failed}
	}
	if err == nil {
		s.keepGroup(e.Before, e.After)
	}
	return err
}

func (s *rehearsed) DeleteGroup(_ context.Context, _ tenant.ID, c GroupDeletion) error {
	s.keepGroup(c.Before, nil)
	return nil
}

func (s *rehearsed) keepGroup(before, after *Group) {
	if before != nil {
		s.groups[before.ID] = after
		s.free(before.ID, before.Held)
	}
	if after != nil {
		s.groups[after.ID] = after
		s.hold(after.ID, after.Held)
	}
}

// Bookmark and SaveBookmark are of no use: a rehearsal lists nothing.
func (s *rehearsed) Bookmark(context.Context, tenant.ID, Bookmark) (string, error) { return "", nil }

func (s *rehearsed) SaveBookmark(context.Context, tenant.ID, Bookmark, string) error { return nil }

// What a group stages is looked up when it is committed.
func (s *rehearsed) BeginEpoch(context.Context, tenant.ID, string, *Group, int64, time.Time) error {
	return nil
}

func (s *rehearsed) StageMembers(ctx context.Context, t tenant.ID, _ string, _ int64, users []string) (unknown []string, err error) {
	failed, err := s.unknown(ctx, t, users)
	for _, f := range failed {
		unknown = append(unknown, f.ID)
	}
	return unknown, err
}

// OwedGroups returns none: no decision depends on which groups are owed.
func (s *rehearsed) OwedGroups(context.Context, tenant.ID) (map[string][]string, error) {
	return nil, nil
}

// ForgetOwed does nothing.
func (s *rehearsed) ForgetOwed(context.Context, tenant.ID, string, []string) error { return nil }

func (s *rehearsed) GiveUpEpoch(context.Context, tenant.ID, string, int64) error { return nil }

// Finish refuses stored work, which a rehearsal cannot do. Nothing is left of a change that
// the rehearsal itself accepted.
func (s *rehearsed) Finish(_ context.Context, _ tenant.ID, task Task) (unknown []string, err error) {
	if task.Kind == TaskMembers && s.accepted[task.Name] {
		return nil, nil
	}
	return nil, ErrInProgress
}
