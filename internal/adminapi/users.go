package adminapi

import (
	"context"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// accountType reads an account type, "" for one that was not sent.
func accountType(name string, sent optional[string], otherwise tenant.AccountType) (tenant.AccountType, error) {
	kind := otherwise
	return kind, choose(name, sent, &kind, otherwise, tenant.User, tenant.Reader)
}

// userBody is the body of POST and PATCH.
type userBody struct {
	UserName    optional[string] `json:"userName"`
	Email       optional[string] `json:"email"`
	DisplayName optional[string] `json:"displayName"`
	Origin      optional[string] `json:"origin"`
	AccountType optional[string] `json:"accountType"`
	Active      optional[bool]   `json:"active"`
	Protected   optional[bool]   `json:"protected"`
}

// userDocument is a user as the application sees it.
func userDocument(u *directory.User) (map[string]any, error) {
	r, err := u.Resource()
	if err != nil {
		return nil, err
	}
	holds := any(nil)
	if h := u.Holds(); h != directory.HoldsNothing {
		holds = string(h)
	}
	document := map[string]any{
		"id": u.ID, "userName": r.Text("userName"), "email": emptyIsNull(directory.UniqueEmail(r)),
		"displayName": emptyIsNull(r.Text("displayName")), "externalId": emptyIsNull(r.Text("externalId")),
		"origin": string(u.Origin), "scimManaged": u.Linked, "accountType": string(u.Type),
		"active": u.Active, "deactivatedBy": emptyIsNull(string(u.DeactivatedBy)), "deleted": u.Deleted,
		"protected": u.Protected, "holds": holds, "version": u.Version,
		"created": instant(u.Created), "modified": instant(u.Modified),
	}
	return document, nil
}

func emptyIsNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func userReply(status int, u *directory.User) (*reply, error) {
	document, err := userDocument(u)
	if err != nil {
		return nil, err
	}
	return answer(status, document, etag(u.Version))
}

// createUser: POST /tenants/{tenant}/users creates a user of the application,
// by the same rules of uniqueness and seats as for the identity provider.
func (s *Service) createUser(ctx context.Context, q *request) (*reply, error) {
	if err := q.known(); err != nil {
		return nil, err
	}
	var body userBody
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	by, err := s.by(ctx, q)
	if err != nil {
		return nil, err
	}
	own := directory.AppUser{
		UserName: body.UserName.value, Email: body.Email.value, DisplayName: body.DisplayName.value,
		Origin: directory.OriginManual, Protected: body.Protected.value,
	}
	if body.Active.set && !body.Active.null {
		own.Active = &body.Active.value
	}
	if own.Type, err = accountType("accountType", body.AccountType, by.Settings.DefaultAccountType); err != nil {
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
	status := http.StatusCreated
	if result.Action != directory.Created {
		status = http.StatusOK
	}
	return userReply(status, result.User)
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
	if err := q.known(); err != nil {
		return nil, err
	}
	version, err := q.version()
	if err != nil {
		return nil, err
	}
	var body userBody
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	if body.Origin.set {
		return nil, &problem{kind: kindInvalid, detail: "origin cannot be changed: it says how the user was created."}
	}
	by, err := s.by(ctx, q)
	if err != nil {
		return nil, err
	}
	change, err := body.change()
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

// change is the change of the body; null is the default of a new user, except for
// names.
func (b userBody) change() (directory.AppChange, error) {
	var c directory.AppChange
	if b.UserName.set {
		if b.UserName.null {
			return c, &problem{kind: kindInvalid, detail: "userName cannot be null: every user has one."}
		}
		c.UserName = &b.UserName.value
	}
	if b.Email.set {
		c.Email = &b.Email.value
	}
	if b.DisplayName.set {
		c.DisplayName = &b.DisplayName.value
	}
	if b.Active.set {
		if b.Active.null {
			return c, &problem{kind: kindInvalid, detail: "active must be true or false."}
		}
		c.Active = &b.Active.value
	}
	if b.Protected.set {
		c.Protected = &b.Protected.value
	}
	if b.AccountType.set {
		if b.AccountType.null {
			return c, &problem{kind: kindInvalid, detail: "accountType must be user or reader."}
		}
		kind, err := accountType("accountType", b.AccountType, tenant.User)
		if err != nil {
			return c, err
		}
		c.Type = &kind
	}
	return c, nil
}

// purgeUser: DELETE /tenants/{tenant}/users/{user} deletes the record for good.
func (s *Service) purgeUser(ctx context.Context, q *request) (*reply, error) {
	if err := q.known(); err != nil {
		return nil, err
	}
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
// users whose id, userName, externalId or email it is.
func (s *Service) listUsers(ctx context.Context, q *request) (*reply, error) {
	limit, after, err := q.list("deleted", "subject")
	if err != nil {
		return nil, err
	}
	deleted, err := q.flag("deleted")
	if err != nil {
		return nil, err
	}
	if _, err := s.tenantOf(ctx, q); err != nil {
		return nil, err
	}
	wanted := directory.AppQuery{After: after, Limit: limit, Deleted: deleted}
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
	documents := make([]any, len(found.Users))
	for i, u := range found.Users {
		if documents[i], err = userDocument(u); err != nil {
			return nil, err
		}
	}
	return page("users", documents, found.Next)
}
