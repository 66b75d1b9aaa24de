package directory

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The bounds of a read that no key answers. Beyond them the request is told how
// to ask instead; a server that went on would time out, or bill for a walk of
// the whole tenant on every page.
const (
	// MaxWalk is the largest number of users that one request reads.
	MaxWalk = 10_000
	// walkTime is the longest time it reads.
	walkTime = 5 * time.Second
	// MaxCount is the largest page. Okta asks for 100 and takes a smaller page
	// for the last one.
	MaxCount = 200
	// maxPageBytes ends a page early, so that an answer stays inside the 6 MB of
	// a Lambda function's.
	maxPageBytes = 4 << 20
	// bookmarkPatience is how long a list waits for its bookmark to be saved.
	bookmarkPatience = 300 * time.Millisecond
)

// Query is what a list asks for.
type Query struct {
	// Filter is nil for all users.
	Filter *scim.Filter
	// StartIndex is 1-based. RFC 7644 §3.4.2.4
	StartIndex int
	// Count is the page wanted, at most MaxCount; 0 asks for the total alone.
	Count int
}

// Found is a page of users, and how many there are on all pages.
type Found struct {
	Users []*User
	Total int
}

// Search lists live users in the order of their creation. A filter that a key
// answers costs two round trips; all users in pages cost three a page, however
// far the walk has come; anything else reads up to MaxWalk users, or is a
// *TooManyError.
func (d *Directory) Search(ctx context.Context, t tenant.ID, by Caller, q Query) (Found, error) {
	if q.Filter == nil {
		return d.listAll(ctx, t, by, q)
	}
	if ids, ok, err := d.candidates(ctx, t, q.Filter); err != nil || ok {
		if err != nil {
			return Found{}, err
		}
		users, err := d.store.LiveUsers(ctx, t, ids)
		if err != nil {
			return Found{}, err
		}
		slices.SortFunc(users, func(a, b *User) int { return strings.Compare(a.ID, b.ID) })
		var w window
		err = w.take(d, q, users)
		return w.found, err
	}
	return d.walk(ctx, t, q)
}

// User reads one live user.
func (d *Directory) User(ctx context.Context, t tenant.ID, id string) (*User, error) {
	u, err := d.store.User(ctx, t, id)
	if err == nil && u == nil {
		err = ErrNotFound
	}
	return u, err
}

// candidates finds the ids of all records that can match, when an equality in
// the filter is answered by a key. The whole filter is evaluated on them
// afterwards.
func (d *Directory) candidates(ctx context.Context, t tenant.ID, f *scim.Filter) ([]string, bool, error) {
	lookups := map[string]string{}
	for _, l := range f.Lookups() {
		if _, ok := lookups[l.Attribute]; !ok {
			lookups[l.Attribute] = l.Value
		}
	}
	if id, ok := lookups["id"]; ok {
		if !ValidID(id) {
			return nil, true, nil
		}
		return []string{id}, true, nil
	}
	if name, ok := lookups["userName"]; ok {
		return d.holder(ctx, t, UserName, FoldName(name))
	}
	if id, ok := lookups["externalId"]; ok {
		if id == "" {
			return nil, true, nil
		}
		return d.holder(ctx, t, ExternalID, HashExternalID(id))
	}
	if email, ok := lookups["emails.value"]; ok {
		folded := FoldName(email)
		if !validClaim(folded) {
			return nil, true, nil
		}
		ids, err := d.store.EmailHolders(ctx, t, folded)
		if err == nil && len(ids) > d.maxWalk {
			err = &TooManyError{Sought: "filter", Limit: d.maxWalk}
		}
		return ids, true, err
	}
	return nil, false, nil
}

func (d *Directory) holder(ctx context.Context, t tenant.ID, kind Kind, value string) ([]string, bool, error) {
	if !validClaim(value) {
		return nil, true, nil
	}
	holders, err := d.store.Holders(ctx, t, Claims{kind: value})
	if id, ok := holders[kind]; ok && err == nil {
		return []string{id}, true, nil
	}
	return nil, true, err
}

// MaxClaim is the longest folded userName or email in bytes: with an id behind
// it, it is a part of a sort key, of at most 1,024 bytes.
const MaxClaim = scim.MaxFolded

// validClaim tells whether any record can hold the value: what is looked up is
// not limited as what is stored.
func validClaim(value string) bool { return value != "" && len(value) <= MaxClaim }

// ValidID tells whether a text can be the id of a resource: 1 to 64 letters,
// digits, hyphens and underscores. Any other names none.
func ValidID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// listAll is a page of all users. The count of users is in the ledger, so the
// total is exact and costs one read.
func (d *Directory) listAll(ctx context.Context, t tenant.ID, by Caller, q Query) (Found, error) {
	if q.Count == 0 {
		l, err := d.store.Ledger(ctx, t)
		return Found{Total: int(l.Users)}, err
	}
	var ledger Ledger
	var page Page
	var err error
	// One more than asked for: whether the walk goes on is known, not guessed.
	want := q.Count + 1
	if q.StartIndex == 1 {
		ledger, page, err = d.store.LedgerAndUsers(ctx, t, "", want)
	} else {
		ledger, page, err = d.laterPage(ctx, t, by, q, want)
	}
	if err != nil {
		return Found{}, err
	}
	users := page.Users
	for page.More && len(users) < want && fitting(users) == len(users) && len(page.Users) > 0 {
		page, err = d.store.Users(ctx, t, users[len(users)-1].ID, want-len(users))
		if err != nil {
			return Found{}, err
		}
		users = append(users, page.Users...)
	}
	more := page.More
	if fit := min(fitting(users), q.Count); len(users) > fit {
		users, more = users[:fit], true
	}
	next := q.StartIndex + len(users)
	switch {
	case len(users) == 0:
		return Found{Total: int(ledger.Users)}, nil
	case !more:
		// A user made while the page was read is on it and not yet in the ledger.
		return Found{Users: users, Total: max(int(ledger.Users), next-1)}, nil
	}
	// Harmless to lose: the next page then skips from the beginning.
	saving, cancel := context.WithTimeout(ctx, bookmarkPatience)
	defer cancel()
	_ = d.store.SaveBookmark(saving, t, mark(by, q, next), users[len(users)-1].ID)
	// In a walk from which users were deleted behind it the numbers of the others
	// stay, so that it ends when the last one was given and not before.
	return Found{Users: users, Total: max(int(ledger.Users), next)}, nil
}

// laterPage reads a page that is not the first: behind the last user of the page
// before it, if that was read in the last minutes, else by skipping from the
// beginning.
func (d *Directory) laterPage(ctx context.Context, t tenant.ID, by Caller, q Query, want int) (Ledger, Page, error) {
	ledger, after, err := d.store.LedgerAndBookmark(ctx, t, mark(by, q, q.StartIndex))
	if err != nil {
		return Ledger{}, Page{}, err
	}
	if after == "" {
		if q.StartIndex > int(ledger.Users) {
			return ledger, Page{}, nil
		}
		if after, err = d.skip(ctx, t, q.StartIndex-1); err != nil || after == "" {
			return ledger, Page{}, err
		}
	}
	page, err := d.store.Users(ctx, t, after, want)
	return ledger, page, err
}

// fitting is how many users fit into a page: one at least.
func fitting(users []*User) int {
	size := 0
	for i, u := range users {
		if size += len(u.Doc); size > maxPageBytes && i > 0 {
			return i
		}
	}
	return len(users)
}

func mark(by Caller, q Query, startIndex int) Bookmark {
	m := Bookmark{TokenID: by.TokenID, StartIndex: startIndex, Now: by.Time}
	if q.Filter != nil {
		m.Filter = q.Filter.String()
	}
	return m
}

// skip finds the id of the n-th live user, "" when there are fewer.
func (d *Directory) skip(ctx context.Context, t tenant.ID, n int) (string, error) {
	if n > d.maxWalk {
		return "", &TooManyError{Sought: "startIndex", Limit: d.maxWalk}
	}
	end := d.now().Add(d.walkTime)
	after := ""
	for n > 0 {
		page, err := d.store.Users(ctx, t, after, n)
		if err != nil {
			return "", err
		}
		if len(page.Users) == 0 {
			return "", nil
		}
		n -= len(page.Users)
		after = page.Users[len(page.Users)-1].ID
		if n > 0 && !page.More {
			return "", nil
		}
		if n > 0 && d.now().After(end) {
			return "", &TooManyError{Sought: "startIndex", Limit: d.maxWalk}
		}
	}
	return after, nil
}

// walk evaluates a filter on every user, within the bounds.
func (d *Directory) walk(ctx context.Context, t tenant.ID, q Query) (Found, error) {
	end := d.now().Add(d.walkTime)
	var w window
	after, read := "", 0
	for {
		page, err := d.store.Users(ctx, t, after, 0)
		if err != nil {
			return Found{}, err
		}
		if read += len(page.Users); read > d.maxWalk || read == d.maxWalk && page.More {
			return Found{}, &TooManyError{Sought: "filter", Limit: d.maxWalk}
		}
		if err := w.take(d, q, page.Users); err != nil {
			return Found{}, err
		}
		if !page.More || len(page.Users) == 0 {
			return w.found, nil
		}
		if d.now().After(end) {
			return Found{}, &TooManyError{Sought: "filter", Limit: d.maxWalk}
		}
		after = page.Users[len(page.Users)-1].ID
	}
}

// window gathers the matching users of the page asked for, and counts all.
type window struct {
	found Found
	size  int
}

func (w *window) take(d *Directory, q Query, users []*User) error {
	for _, u := range users {
		r, err := d.Served(u)
		if err != nil {
			return err
		}
		if !q.Filter.Match(r) {
			continue
		}
		w.found.Total++
		if w.found.Total >= q.StartIndex && len(w.found.Users) < q.Count && w.size < maxPageBytes {
			w.found.Users = append(w.found.Users, u)
			w.size += len(u.Doc)
		}
	}
	return nil
}
