package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// OwnUser is a user to be created by the application: without an identity
// provider, by hand or just in time at the first login.
type OwnUser struct {
	UserName    string
	Email       string
	DisplayName string
	// Origin is OriginManual or OriginJIT.
	Origin Origin
	// Type is the account type; "" stands for the tenant's default.
	Type tenant.AccountType
	// Active is nil for true.
	Active *bool
	// Protected users are protected as by ModifyOwn.
	Protected bool
}

// CreateOwn creates a user of the application, which no identity provider
// manages until one links it. It takes a seat or a Reader licence as any other
// user does (*FullError). A value that a live user holds, active or not, is a
// *TakenError. A value that only a deleted user holds moves to the new one: the
// application wants a person of its own, and does not restore the user that an
// identity provider deleted, with the ids that the provider knew it by.
func (d *Directory) CreateOwn(ctx context.Context, t tenant.ID, by Caller, own OwnUser) (Result, error) {
	if own.Origin != OriginManual && own.Origin != OriginJIT {
		return Result{}, invalidOwn("origin", "manual or jit")
	}
	if own.Type == "" {
		own.Type = by.Settings.DefaultAccountType
	}
	if err := checkType(own.Type); err != nil {
		return Result{}, err
	}
	wanted, err := d.ownResource(own.UserName, own.Email, own.DisplayName)
	if err != nil {
		return Result{}, err
	}
	after := User{
		ID: d.newID(by.Time), Version: 1, Created: by.Time, Modified: by.Time,
		Active: own.Active == nil || *own.Active, Type: own.Type, Origin: own.Origin, Protected: own.Protected,
	}
	if !after.Active {
		after.OffBy = ByApplication
	}
	record, document := d.record(by, wanted, after)
	w := d.newUserWork(t, by, "create")
	return w.run(ctx, func(ctx context.Context) (decision, error) {
		if err := w.findHolders(ctx, seek(document)); err != nil {
			return decision{}, err
		}
		lose, err := w.loseOrRefuse(ctx, record, document)
		if err != nil {
			return decision{}, err
		}
		made := w.change(Created, nil, record, [2]scim.Resource{nil, document}, lose)
		made.change.Guard, err = d.guard(ctx, t, nil, record)
		return made, err
	})
}

// OwnChange is a change of a user by the application, of its own user or one
// that an identity provider manages. A nil field stays as it is.
type OwnChange struct {
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

// ModifyOwn changes a live user for the application: it deactivates,
// reactivates, converts, protects or renames. It does not link or unlink. It is
// one transaction; a missing seat is a *FullError, and a value that another
// live user holds a *TakenError.
func (d *Directory) ModifyOwn(ctx context.Context, t tenant.ID, by Caller, id string, match Versions,
	asked OwnChange,
) (Result, error) {
	if asked.Type != nil {
		if err := checkType(*asked.Type); err != nil {
			return Result{}, err
		}
	}
	w := d.newUserWork(t, by, "modify")
	return w.run(ctx, func(ctx context.Context) (decision, error) {
		before, err := w.live(ctx, id)
		if err != nil {
			return decision{}, err
		}
		old, err := before.Resource()
		if err != nil {
			return decision{}, err
		}
		wanted, err := d.ownChanged(old, asked)
		if err != nil {
			return decision{}, err
		}
		after, document := d.record(by, wanted, decideOwn(by, before, asked))
		lose, err := w.loseOrRefuse(ctx, after, document)
		if err != nil {
			return decision{}, err
		}
		if !match.Allow(before.Version) {
			return decision{}, w.refuseVersion(ctx, after, document)
		}
		made := w.change(updateAction(before, after), before, after, [2]scim.Resource{old, document}, lose)
		if before.Protected != after.Protected {
			made.result.Changed = append(made.result.Changed, "protected")
			made.change.Entry.Changed = made.result.Changed
		}
		if len(made.result.Changed) == 0 && before.OffBy == after.OffBy {
			return decision{result: Result{User: before, Action: Unchanged}}, nil
		}
		made.change.Guard, err = d.guard(ctx, t, before, after)
		return made, err
	})
}

// decideOwn applies the application's change to a user.
func decideOwn(by Caller, before *User, asked OwnChange) User {
	after := *before
	after.Version, after.Modified = before.Version+1, by.Time
	if asked.Type != nil {
		after.Type = *asked.Type
	}
	if asked.Protected != nil {
		after.Protected = *asked.Protected
	}
	if asked.Active != nil {
		after.Active, after.OffBy = *asked.Active, ""
		if !after.Active {
			// A user deactivated by the identity provider before can only be
			// reactivated by the application from now on.
			after.OffBy = ByApplication
		}
	}
	return after
}

// ownChanged returns a user's resource with the values that the application
// changes.
func (d *Directory) ownChanged(old scim.Resource, asked OwnChange) (scim.Resource, error) {
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
	checked, err := d.ownResource(value(asked.UserName, "x"), value(asked.Email, ""), value(asked.DisplayName, ""))
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
			return nil, invalidOwn("email", "an address")
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

// ownResource returns a resource of the values that the application sends,
// checked as an identity provider's are.
func (d *Directory) ownResource(userName, email, displayName string) (scim.Resource, error) {
	values := map[string]any{"schemas": []string{scim.CoreUserURN}, "userName": userName}
	if email != "" && FoldName(email) == "" {
		return nil, invalidOwn("email", "an address")
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
	r, _, err := scim.DecodeResource(d.users, body)
	return r, err
}

func checkType(kind tenant.AccountType) error {
	if kind != tenant.User && kind != tenant.Reader {
		return invalidOwn("accountType", "user or reader")
	}
	return nil
}

func invalidOwn(name, what string) error {
	return &scim.Error{Type: scim.InvalidValue, Detail: fmt.Sprintf("%s must be %s.", name, what)}
}

// OwnUser reads one user as the application sees it, live or deleted.
func (d *Directory) OwnUser(ctx context.Context, t tenant.ID, id string) (*User, error) {
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

// OwnQuery is a request for a page of users as the application sees them.
type OwnQuery struct {
	// After is where the page begins: the Next of the previous page, "" at the
	// beginning.
	After string
	// Limit is the largest number of users wanted; it is between 1 and
	// MaxOwnCount.
	Limit int
	// Deleted includes the deleted users, after the others.
	Deleted bool
}

// MaxOwnCount is the largest page of users as the application sees them.
const MaxOwnCount = 200

// OwnPage is a page of users.
type OwnPage struct {
	Users []*User
	// Next is where the next page begins, "" if there is none.
	Next string
}

// The parts of a walk over users: prefixes of After and Next.
const (
	placeLive = "live."
	placeGone = "gone."
)

// OwnUsers reads a page of users in the order of their creation, as the
// application sees them: whether an identity provider manages each (Linked),
// its origin and type, whether it is protected and who deactivated it. One
// round trip, two where the live users end.
func (d *Directory) OwnUsers(ctx context.Context, t tenant.ID, q OwnQuery) (OwnPage, error) {
	limit := min(max(q.Limit, 1), MaxOwnCount)
	var page OwnPage
	after, gone := strings.CutPrefix(q.After, placeGone)
	if !gone {
		after = strings.TrimPrefix(q.After, placeLive)
		live, err := d.store.Users(ctx, t, Range{After: after, Limit: limit})
		if err != nil {
			return OwnPage{}, err
		}
		page.Users = live.Records
		switch {
		case live.More:
			page.Next = placeLive + live.Last
			return page, nil
		case !q.Deleted:
			return page, nil
		case len(page.Users) == limit:
			page.Next = placeGone
			return page, nil
		}
		after = ""
	}
	deleted, err := d.store.DeletedUsers(ctx, t, Range{After: after, Limit: limit - len(page.Users)})
	if err != nil {
		return OwnPage{}, err
	}
	page.Users = append(page.Users, deleted.Records...)
	if deleted.More {
		page.Next = placeGone + deleted.Last
	}
	return page, nil
}
