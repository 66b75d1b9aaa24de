package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/credential"
)

// user finds the user that an argument means: by id, or by a whole userName,
// externalId or email. An id comes before a name. A deleted user is found where
// deleted is set.
func (p place) user(ctx context.Context, tenant, text string, deleted bool) (adminwire.User, error) {
	// The service's ids are looked up at once, in one request for most.
	if uuids.FindString(text) == text && text != "" {
		u, err := call[adminwire.User](ctx, p, http.MethodGet, tenantPath(tenant, "users", text), nil, nil)
		if !isNotFound(err) {
			return u, err
		}
	}
	page, err := call[adminwire.Users](ctx, p, http.MethodGet, tenantPath(tenant, "users"), url.Values{"subject": {text}, "deleted": {"true"}}, nil)
	if err != nil {
		return adminwire.User{}, err
	}
	found := page.Users
	if !deleted {
		found = slices.DeleteFunc(slices.Clone(found), func(u adminwire.User) bool { return u.Deleted })
		if len(found) == 0 && len(page.Users) > 0 {
			return adminwire.User{}, notFoundError(fmt.Sprintf("the user %q of %s is deleted: 'rollcall users get' shows it, 'rollcall users purge' deletes it for good", text, tenant))
		}
	}
	return one(found, page.Next != "", text, "user", tenant, "id, userName, externalId or email", func(u adminwire.User) (id, name string) {
		if u.Deleted {
			return u.ID, u.UserName + ", deleted"
		}
		return u.ID, u.UserName
	})
}

// group finds the group that an argument means: by id, or by a whole displayName or
// externalId.
func (p place) group(ctx context.Context, tenant, text string) (adminwire.Group, error) {
	if uuids.FindString(text) == text && text != "" {
		g, err := call[adminwire.Group](ctx, p, http.MethodGet, tenantPath(tenant, "groups", text), nil, nil)
		// The refusal of a deleted group says when it was deleted.
		if !isNotFound(err) || strings.Contains(err.Error(), "deleted") {
			return g, err
		}
	}
	page, err := call[adminwire.Groups](ctx, p, http.MethodGet, tenantPath(tenant, "groups"), url.Values{"subject": {text}}, nil)
	if err != nil {
		return adminwire.Group{}, err
	}
	return one(page.Groups, page.Next != "", text, "group", tenant, "id, displayName or externalId", func(g adminwire.Group) (id, name string) {
		return g.ID, g.DisplayName
	})
}

// token finds the token that an argument means: by id, by a whole label, or by its last
// four characters. Tokens that are revoked or expired are passed over where a valid one
// matches: a token has the label of the one that it replaced.
func (p place) token(ctx context.Context, tenant, text string) (adminwire.Token, error) {
	found, by, err := p.tokens(ctx, tenant, text)
	if err != nil {
		return adminwire.Token{}, err
	}
	live := slices.DeleteFunc(slices.Clone(found), func(t adminwire.Token) bool { return t.State != "live" })
	if len(live) > 0 {
		found = live
	}
	return oneToken(found, text, tenant, by)
}

// rotated finds the old token of the rotation that an argument means. Both tokens of a
// rotation can have one label, and mean the same here.
func (p place) rotated(ctx context.Context, tenant, text string) (string, error) {
	found, by, err := p.tokens(ctx, tenant, text)
	if err != nil {
		return "", err
	}
	old := map[string]bool{}
	for _, t := range found {
		switch {
		case t.ReplacedBy != "":
			old[t.ID] = true
		case t.Replaces != "":
			old[t.Replaces] = true
		}
	}
	if len(old) == 1 {
		for id := range old {
			return id, nil
		}
	}
	t, err := oneToken(found, text, tenant, by)
	return t.ID, err
}

// tokens returns the tokens that have a text as their id, else those with it as their label,
// else those that end in it; by says which.
func (p place) tokens(ctx context.Context, tenant, text string) (found []adminwire.Token, by string, err error) {
	if credential.In(text) {
		return nil, "", mistake("The argument is the text of a token. Give the token's id, its label, or its last four characters; 'rollcall token list %s' lists them.", tenant)
	}
	answer, err := call[adminwire.Tokens](ctx, p, http.MethodGet, tenantPath(tenant, "tokens"), nil, nil)
	if err != nil {
		return nil, "", err
	}
	for _, name := range []string{"id", "label", "lastFour"} {
		for _, t := range answer.Tokens {
			if text == map[string]string{"id": t.ID, "label": t.Label, "lastFour": t.LastFour}[name] {
				found = append(found, t)
			}
		}
		if len(found) > 0 && text != "" {
			return found, name, nil
		}
		found = nil
	}
	return nil, "", notFoundError(fmt.Sprintf("token not found: %s has none with the id, the label or the last four characters %q; 'rollcall token list %s' lists them", tenant, text, tenant))
}

func oneToken(found []adminwire.Token, text, tenant, by string) (adminwire.Token, error) {
	return one(found, false, text, "token", tenant, by, func(t adminwire.Token) (id, name string) {
		return t.ID, strings.TrimPrefix(t.Label+", "+t.State, ", ")
	})
}

func isNotFound(err error) bool {
	var problem *adminclient.Problem
	return errors.As(err, &problem) && problem.Status == http.StatusNotFound
}

// one returns the only record that a text matches, or the one whose id it is. A text that
// matches none or several is an error: nothing is guessed.
func one[R any](found []R, more bool, text, what, tenant, by string, names func(R) (id, name string)) (R, error) {
	var none R
	for _, f := range found {
		if id, _ := names(f); id == text {
			return f, nil
		}
	}
	switch {
	case len(found) == 0:
		return none, notFoundError(fmt.Sprintf("%s not found: %s has none with the %s %q", what, tenant, by, text))
	case len(found) == 1 && !more:
		return found[0], nil
	}
	const most = 5
	listed := make([]string, 0, most+1)
	for _, f := range found[:min(len(found), most)] {
		id, name := names(f)
		listed = append(listed, fmt.Sprintf("%s (%s)", id, name))
	}
	if len(found) > most || more {
		listed = append(listed, "and more")
	}
	return none, ambiguousError(fmt.Sprintf("%q is the name of several %ss of %s; give the id of one: %s", text, what, tenant, strings.Join(listed, ", ")))
}

// create creates a tenant. An existing one is a refusal, and stays as it is.
func (p place) create(ctx context.Context, path string, body any) (adminwire.Tenant, error) {
	answer, err := p.client.Create(ctx, path, body)
	if err != nil {
		return adminwire.Tenant{}, p.advised(ctx, path, err)
	}
	return decoded[adminwire.Tenant](answer)
}
