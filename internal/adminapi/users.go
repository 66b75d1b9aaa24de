package adminapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// accountType sets an account type, if one was sent.
func accountType(sent adminwire.Optional[string], to *tenant.AccountType, otherwise tenant.AccountType) error {
	return choose("accountType", sent, to, otherwise, tenant.User, tenant.Reader)
}

func userReply(status int, u *directory.User) (*reply, error) {
	document, err := admindoc.User(u)
	if err != nil {
		return nil, err
	}
	return answer(status, document, etag(u.Version))
}

// createUser: POST /tenants/{tenant}/users creates a user of the application,
// by the same rules of uniqueness and seats as for the identity provider.
func (s *Service) createUser(ctx context.Context, q *request) (*reply, error) {
	var body adminwire.NewUser
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	by, err := s.by(ctx, q)
	if err != nil {
		return nil, err
	}
	own := directory.AppUser{
		UserName: body.UserName, Email: body.Email, DisplayName: body.DisplayName, Active: body.Active, Protected: body.Protected,
		Origin: directory.OriginManual, Type: by.Settings.DefaultAccountType,
	}
	if err := accountType(body.AccountType, &own.Type, own.Type); err != nil {
		return nil, err
	}
	if err := choose("origin", body.Origin, &own.Origin, directory.OriginManual, directory.OriginManual, directory.OriginJIT); err != nil {
		return nil, err
	}
	result, err := s.Directory.CreateInApp(ctx, q.tenant, by, own)
	if err != nil {
		return nil, err
	}
	q.resource, q.action = result.User.ID, string(result.Action)
	return userReply(http.StatusCreated, result.User)
}

// readUser: GET /tenants/{tenant}/users/{user}, deleted ones too.
func (s *Service) readUser(ctx context.Context, q *request) (*reply, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	u, err := s.Directory.AppUser(ctx, q.tenant, q.parameters["user"])
	if err != nil {
		return nil, err
	}
	return userReply(http.StatusOK, u)
}

// changeUser: PATCH /tenants/{tenant}/users/{user}
func (s *Service) changeUser(ctx context.Context, q *request) (*reply, error) {
	version, err := q.version()
	if err != nil {
		return nil, err
	}
	var body struct {
		adminwire.UserChange
		Origin jsontext.Value `json:"origin"`
	}
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	if body.Origin != nil {
		return nil, &problem{kind: kindInvalid, detail: "origin cannot be changed: it says how the user was created."}
	}
	by, err := s.by(ctx, q)
	if err != nil {
		return nil, err
	}
	change, err := userChange(body.UserChange)
	if err != nil {
		return nil, err
	}
	var match directory.Versions
	if version > 0 {
		match = directory.Versions{version}
	}
	result, err := s.Directory.ModifyInApp(ctx, q.tenant, by, q.about("user"), match, change)
	if err != nil {
		return nil, err
	}
	q.action = string(result.Action)
	return userReply(http.StatusOK, result.User)
}

// userChange returns the change in a body; null is the default of a new user,
// except for members that always have a value.
func userChange(body adminwire.UserChange) (directory.AppChange, error) {
	var c directory.AppChange
	for _, m := range []struct {
		null   bool
		detail string
	}{
		{isNull(body.UserName), "userName cannot be null: every user has one."},
		{isNull(body.Active), "active must be true or false."},
		{isNull(body.AccountType), "accountType must be user or reader."},
	} {
		if m.null {
			return c, &problem{kind: kindInvalid, detail: m.detail}
		}
	}
	c.UserName, c.Active = body.UserName.Value, body.Active.Value
	c.Email, c.DisplayName, c.Protected = orZero(body.Email), orZero(body.DisplayName), orZero(body.Protected)
	if body.AccountType.Set {
		c.Type = new(tenant.AccountType)
		return c, accountType(body.AccountType, c.Type, tenant.User)
	}
	return c, nil
}

func isNull[T any](sent adminwire.Optional[T]) bool { return sent.Set && sent.Value == nil }

// orZero returns a value to set: the zero value for null, and nil if the value
// is absent.
func orZero[T any](sent adminwire.Optional[T]) *T {
	if isNull(sent) {
		return new(T)
	}
	return sent.Value
}

// purgeUser: DELETE /tenants/{tenant}/users/{user} deletes the record for good.
func (s *Service) purgeUser(ctx context.Context, q *request) (*reply, error) {
	by, err := s.by(ctx, q)
	if err != nil {
		return nil, err
	}
	id := q.about("user")
	q.action = "purged"
	_, err = s.Directory.Purge(ctx, q.tenant, by, id)
	return noContent(), err
}

// listUsers: GET /tenants/{tenant}/users, in the order of their creation.
// deleted=true lists the deleted ones too, after the others. subject lists only the
// users whose id, userName, externalId or email it is, state only the users in a state, and
// managedBy only those that identity providers, or the application, manage.
func (s *Service) listUsers(ctx context.Context, q *request) (*reply, error) {
	limit, after, err := q.list()
	if err != nil {
		return nil, err
	}
	deleted, err := q.flag("deleted")
	if err != nil {
		return nil, err
	}
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	wanted := directory.AppQuery{After: after, Limit: limit, Deleted: deleted}
	if err := q.narrowUsers(&wanted); err != nil {
		return nil, err
	}
	read := func() (directory.AppPage, error) { return s.Directory.AppUsers(ctx, q.tenant, wanted) }
	if q.query.Has("subject") {
		read = func() (directory.AppPage, error) {
			return s.Directory.MatchUsers(ctx, q.tenant, q.parameter("subject"), wanted)
		}
	}
	found, err := read()
	if err != nil {
		return nil, err
	}
	page := adminwire.Users{Users: make([]adminwire.User, len(found.Users)), Next: sealPosition(found.Next)}
	for i, u := range found.Users {
		if page.Users[i], err = admindoc.User(u); err != nil {
			return nil, err
		}
	}
	return ok(page)
}

// narrowUsers adds the parameters state and managedBy to a query.
func (q *request) narrowUsers(to *directory.AppQuery) error {
	state, by := q.parameter("state"), q.parameter("managedBy")
	if !slices.Contains([]string{"", "active", "inactive", "deleted"}, state) {
		return &problem{kind: kindInvalid, detail: "state must be active, inactive or deleted."}
	}
	if !slices.Contains([]string{"", "idp", "app"}, by) {
		return &problem{kind: kindInvalid, detail: "managedBy must be idp or app."}
	}
	if state == "" && by == "" {
		return nil
	}
	to.OnlyDeleted = state == "deleted"
	to.Deleted = to.OnlyDeleted || state == "" && to.Deleted
	to.Wanted = func(u *directory.User) bool {
		return (state == "" || u.State() == state) && (by == "" || u.Linked == (by == "idp"))
	}
	return nil
}
