package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// AppUser is a user to be created by the application: without an identity
// provider, by hand or just in time at the first login.
type AppUser struct {
	UserName    string
	Email       string
	DisplayName string
	// Origin is OriginManual or OriginJIT.
	Origin Origin
	// Type is the account type; "" stands for the tenant's default.
	Type tenant.AccountType
	// Active is nil for true.
	Active *bool
	// Protected users are protected as by ModifyInApp.
	Protected bool
}

// CreateInApp creates a user of the application, which no identity provider
// manages until one links it. It takes a seat or a Reader licence as any other
// user does (*FullError). A value that a live user holds, active or not, is a
// *TakenError. A value that only a deleted user holds moves to the new one: the
// application wants a new user, and does not restore the one that an identity
// provider deleted, with the ids that the provider knew it by.
func (d *Directory) CreateInApp(ctx context.Context, t tenant.ID, by Caller, asked AppUser) (Result, error) {
	if asked.Origin != OriginManual && asked.Origin != OriginJIT {
		return Result{}, invalidValue("origin", "manual or jit")
	}
	if asked.Type == "" {
		asked.Type = by.Settings.DefaultAccountType
	}
	if err := checkType(asked.Type); err != nil {
		return Result{}, err
	}
	wanted, err := d.appResource(asked.UserName, asked.Email, asked.DisplayName)
	if err != nil {
		return Result{}, err
	}
	after := User{
		ID: d.newID(by.Time), Version: 1, Created: by.Time, Modified: by.Time,
		Active: asked.Active == nil || *asked.Active, Type: asked.Type, Origin: asked.Origin, Protected: asked.Protected,
	}
	if !after.Active {
		after.DeactivatedBy = journal.ByApplication
	}
	record, document := d.record(by, wanted, after)
	w := d.newUserWork(t, by, journal.Create)
	return w.run(ctx, func(ctx context.Context) (decision, error) {
		if err := w.findHolders(ctx, seek(document)); err != nil {
			return decision{}, err
		}
		transfers, err := w.transferOrRefuse(ctx, record, document)
		if err != nil {
			return decision{}, err
		}
		made := w.change(journal.Created, nil, record, [2]scim.Resource{nil, document}, transfers)
		made.change.Protected, err = d.protectedChange(ctx, t, nil, record)
		return made, err
	})
}

// AppChange is a change of a user, linked or not, by the application. A nil
// field stays as it is.
type AppChange struct {
	// Active: only the application reactivates a user that it deactivated; it
	// can also reactivate a user that an identity provider deactivated.
	Active *bool
	// Protected users cannot be deactivated, deleted, renamed, made a Reader,
	// or taken out of a group by an identity provider.
	Protected *bool
	// Type converts the user, and its seat or Reader licence with it.
	Type *tenant.AccountType
	// UserName and Email are the unique values of the user: Email replaces the
	// unique email. An empty DisplayName removes it.
	UserName, Email, DisplayName *string
}

// ModifyInApp changes a live user for the application: it deactivates,
// reactivates, converts, protects or renames. It does not link or unlink. It is
// one transaction; a missing seat is a *FullError, and a value that another
// live user holds a *TakenError.
func (d *Directory) ModifyInApp(ctx context.Context, t tenant.ID, by Caller, id string, match Versions,
	asked AppChange,
) (Result, error) {
	if asked.Type != nil {
		if err := checkType(*asked.Type); err != nil {
			return Result{}, err
		}
	}
	w := d.newUserWork(t, by, journal.Modify)
	return w.run(ctx, func(ctx context.Context) (decision, error) {
		before, old, err := w.live(ctx, id)
		if err != nil {
			return decision{}, err
		}
		wanted, err := d.rewrittenInApp(old, asked)
		if err != nil {
			return decision{}, err
		}
		after, document := d.record(by, wanted, changedInApp(by, before, asked))
		transfers, err := w.transferOrRefuse(ctx, after, document)
		if err != nil {
			return decision{}, err
		}
		if !match.Allow(before.Version) {
			return decision{}, w.refuseVersion(ctx, after, document)
		}
		made := w.change(updateAction(before, after), before, after, [2]scim.Resource{old, document}, transfers)
		if before.Protected != after.Protected {
			made.result.Changed = append(made.result.Changed, "protected")
			made.change.Entry.Changed = made.result.Changed
		}
		if len(made.result.Changed) == 0 && before.DeactivatedBy == after.DeactivatedBy {
			return decision{result: Result{User: before, Action: journal.Unchanged}}, nil
		}
		made.change.Protected, err = d.protectedChange(ctx, t, before, after)
		return made, err
	})
}

// changedInApp applies the application's change to a user.
func changedInApp(by Caller, before *User, asked AppChange) User {
	after := *before
	after.Version, after.Modified = before.Version+1, by.Time
	if asked.Type != nil {
		after.Type = *asked.Type
	}
	if asked.Protected != nil {
		after.Protected = *asked.Protected
	}
	if asked.Active != nil {
		after.Active, after.DeactivatedBy = *asked.Active, ""
		if !after.Active {
			// A user deactivated by the identity provider before can only be
			// reactivated by the application from now on.
			after.DeactivatedBy = journal.ByApplication
		}
	}
	return after
}

// rewrittenInApp returns a user's resource with the values that the application
// changes.
func (d *Directory) rewrittenInApp(old scim.Resource, asked AppChange) (scim.Resource, error) {
	wanted := maps.Clone(old)
	if asked.UserName == nil && asked.Email == nil && asked.DisplayName == nil {
		return wanted, nil
	}
	value := func(of *string, otherwise string) string {
		if of == nil {
			return otherwise
		}
		return *of
	}
	checked, err := d.appResource(value(asked.UserName, "x"), value(asked.Email, ""), value(asked.DisplayName, ""))
	if err != nil {
		return nil, err
	}
	if asked.UserName != nil {
		wanted["userName"] = checked["userName"]
	}
	if asked.DisplayName != nil {
		delete(wanted, "displayName")
		if name, ok := checked["displayName"]; ok {
			wanted["displayName"] = name
		}
	}
	if asked.Email != nil {
		if FoldName(*asked.Email) == "" {
			return nil, invalidValue("email", "an address")
		}
		wanted["emails"] = withUniqueEmail(old, *asked.Email, checked["emails"].([]any))
	}
	return wanted, nil
}

// withUniqueEmail returns a user's emails with another address in the unique
// one; a user without it gets the given first ones. A second email with the
// same address would be a duplicate.
func withUniqueEmail(old scim.Resource, address string, first []any) []any {
	emails, _ := old["emails"].([]any)
	unique := UniqueEmail(old)
	at := slices.IndexFunc(emails, func(e any) bool { return emailValue(e) == unique })
	if at < 0 {
		return append(first, emails...)
	}
	kept := make([]any, 0, len(emails))
	for i, e := range emails {
		if i == at {
			changed := maps.Clone(e.(map[string]any))
			changed["value"] = address
			kept = append(kept, changed)
		} else if FoldName(emailValue(e)) != FoldName(address) {
			kept = append(kept, e)
		}
	}
	return kept
}

// appResource returns a resource of the values that the application sends,
// checked as an identity provider's are.
func (d *Directory) appResource(userName, email, displayName string) (scim.Resource, error) {
	values := map[string]any{"schemas": []string{scim.CoreUserURN}, "userName": userName}
	if email != "" && FoldName(email) == "" {
		return nil, invalidValue("email", "an address")
	}
	if email != "" {
		values["emails"] = []any{map[string]any{"value": email, "type": "work", "primary": true}}
	}
	if displayName != "" {
		values["displayName"] = displayName
	}
	body, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	r, _, err := resource.Decode(d.users, body)
	return r, err
}

func checkType(kind tenant.AccountType) error {
	if kind != tenant.User && kind != tenant.Reader {
		return invalidValue("accountType", "user or reader")
	}
	return nil
}

func invalidValue(name, what string) error {
	return &scim.Error{Type: scim.InvalidValue, Detail: fmt.Sprintf("%s must be %s.", name, what)}
}

// AppUser reads one user as the application sees it, live or deleted.
func (d *Directory) AppUser(ctx context.Context, t tenant.ID, id string) (*User, error) {
	if !ValidID(id) {
		return nil, ErrNotFound
	}
	records, err := d.store.Records(ctx, t, []string{id})
	if err != nil {
		return nil, err
	}
	u := records[id]
	if u == nil {
		return nil, ErrNotFound
	}
	return u, nil
}

// AppQuery is a request for a page of users as the application sees them.
type AppQuery struct {
	// After is where the page begins: the Next of the previous page, "" at the
	// beginning.
	After string
	// Limit is the largest number of users wanted; it is between 1 and
	// MaxAppCount.
	Limit int
	// Deleted includes the deleted users, after the others.
	Deleted bool
	// OnlyDeleted begins a page of wanted users at the deleted ones.
	OnlyDeleted bool
	// Wanted reports whether a user belongs on the page; nil for every user.
	Wanted func(*User) bool
}

// maxAppReads is how many users a page of wanted ones reads: a page may have fewer
// users than its limit, even none, and its Next continues.
const maxAppReads = 5 * MaxAppCount

// MaxAppCount is the largest page of users as the application sees them.
const MaxAppCount = 200

// AppPage is a page of users.
type AppPage struct {
	Users []*User
	// Next is where the next page begins, "" if there is none.
	Next string
}

// The parts of a walk over users: prefixes of After and Next.
const (
	prefixLive    = "live."
	prefixDeleted = "gone."
)

// AppUsers reads a page of users in the order of their creation, as the
// application sees them: whether an identity provider manages each (Linked),
// its origin and type, whether it is protected and who deactivated it. One
// round trip, two where the live users end.
//
// Of a page of wanted users at most maxAppReads are read, in as many round trips as
// MaxAppCount fits into that number, and one more where the live users end.
func (d *Directory) AppUsers(ctx context.Context, t tenant.ID, q AppQuery) (AppPage, error) {
	if q.Wanted == nil {
		return d.appUsers(ctx, t, q)
	}
	limit := min(max(q.Limit, 1), MaxAppCount)
	found := AppPage{Next: q.After}
	if q.OnlyDeleted && q.After == "" {
		found.Next = prefixDeleted
	}
	for read := 0; read < maxAppReads; {
		page, err := d.appUsers(ctx, t, AppQuery{After: found.Next, Limit: MaxAppCount, Deleted: q.Deleted || q.OnlyDeleted})
		if err != nil {
			return AppPage{}, err
		}
		for i, u := range page.Users {
			if !q.Wanted(u) {
				continue
			}
			if found.Users = append(found.Users, u); len(found.Users) == limit {
				if found.Next = placeOf(u); i == len(page.Users)-1 {
					found.Next = page.Next
				}
				return found, nil
			}
		}
		read += max(len(page.Users), 1)
		if found.Next = page.Next; page.Next == "" {
			break
		}
	}
	return found, nil
}

// placeOf returns where a page begins that follows a user.
func placeOf(u *User) string {
	if u.Deleted {
		return prefixDeleted + u.ID
	}
	return prefixLive + u.ID
}

func (d *Directory) appUsers(ctx context.Context, t tenant.ID, q AppQuery) (AppPage, error) {
	limit := min(max(q.Limit, 1), MaxAppCount)
	var page AppPage
	after, gone := strings.CutPrefix(q.After, prefixDeleted)
	if !gone {
		after = strings.TrimPrefix(q.After, prefixLive)
		live, err := d.store.Users(ctx, t, Range{After: after, Limit: limit})
		if err != nil {
			return AppPage{}, err
		}
		page.Users = live.Records
		switch {
		case live.More:
			page.Next = prefixLive + live.Last
			return page, nil
		case !q.Deleted:
			return page, nil
		case len(page.Users) == limit:
			page.Next = prefixDeleted
			return page, nil
		}
		after = ""
	}
	deleted, err := d.store.DeletedUsers(ctx, t, Range{After: after, Limit: limit - len(page.Users)})
	if err != nil {
		return AppPage{}, err
	}
	page.Users = append(page.Users, deleted.Records...)
	if deleted.More {
		page.Next = prefixDeleted + deleted.Last
	}
	return page, nil
}
