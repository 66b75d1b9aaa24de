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
	"github.com/rollcall-scim/rollcall/internal/credential"
)

// user finds the user that an argument means: by id, or by a whole userName,
// externalId or email. An id comes before a name. A deleted user is found where
// deleted is set.
func (p place) user(ctx context.Context, tenant, text string, deleted bool) (map[string]any, error) {
	// The service's ids are looked up at once, in one request for most.
	if uuids.FindString(text) == text && text != "" {
		u, err := p.ask(ctx, http.MethodGet, tenantPath(tenant, "users", text), nil, nil)
		if !isNotFound(err) {
			return u, err
		}
	}
	found, more, err := p.matching(ctx, tenantPath(tenant, "users"), "users", url.Values{"subject": {text}, "deleted": {"true"}})
	if err != nil {
		return nil, err
	}
	all := found
	if !deleted {
		found = slices.DeleteFunc(slices.Clone(found), func(u map[string]any) bool { return u["deleted"] == true })
		if len(found) == 0 && len(all) > 0 {
			return nil, notFoundError(fmt.Sprintf("the user %q of %s is deleted: 'rollcall users get' shows it, 'rollcall users purge' deletes it for good", text, tenant))
		}
	}
	return one(found, more, text, "user", tenant, "id, userName, externalId or email", func(u map[string]any) string {
		name := member(u, "userName")
		if u["deleted"] == true {
			name += ", deleted"
		}
		return name
	})
}

// group finds the group that an argument means: by id, or by a whole displayName or
// externalId.
func (p place) group(ctx context.Context, tenant, text string) (map[string]any, error) {
	if uuids.FindString(text) == text && text != "" {
		g, err := p.ask(ctx, http.MethodGet, tenantPath(tenant, "groups", text), nil, nil)
		// The refusal of a deleted group says when it was deleted.
		if !isNotFound(err) || strings.Contains(err.Error(), "deleted") {
			return g, err
		}
	}
	found, more, err := p.matching(ctx, tenantPath(tenant, "groups"), "groups", url.Values{"subject": {text}})
	if err != nil {
		return nil, err
	}
	return one(found, more, text, "group", tenant, "id, displayName or externalId", func(g map[string]any) string { return member(g, "displayName") })
}

// token finds the token that an argument means: by id, by a whole label, or by its last
// four characters. Tokens that are revoked or expired are passed over where a valid one
// matches: a token has the label of the one that it replaced.
func (p place) token(ctx context.Context, tenant, text string) (map[string]any, error) {
	found, by, err := p.tokens(ctx, tenant, text)
	if err != nil {
		return nil, err
	}
	live := slices.DeleteFunc(slices.Clone(found), func(t map[string]any) bool { return member(t, "state") != "live" })
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
		case member(t, "replacedBy") != "":
			old[member(t, "id")] = true
		case member(t, "replaces") != "":
			old[member(t, "replaces")] = true
		}
	}
	if len(old) == 1 {
		for id := range old {
			return id, nil
		}
	}
	t, err := oneToken(found, text, tenant, by)
	return member(t, "id"), err
}

// tokens are the tokens that have a text as their id, else those with it as their label,
// else those that end in it; by is which of the three it is.
func (p place) tokens(ctx context.Context, tenant, text string) (found []map[string]any, by string, err error) {
	if credential.In(text) {
		return nil, "", mistake("The argument is the text of a token. Give the token's id, its label, or its last four characters; 'rollcall token list %s' lists them.", tenant)
	}
	answer, err := p.ask(ctx, http.MethodGet, tenantPath(tenant, "tokens"), nil, nil)
	if err != nil {
		return nil, "", err
	}
	list, _ := answer["tokens"].([]any)
	for _, name := range []string{"id", "label", "lastFour"} {
		for _, v := range list {
			if t, _ := v.(map[string]any); member(t, name) == text {
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

func oneToken(found []map[string]any, text, tenant, by string) (map[string]any, error) {
	return one(found, false, text, "token", tenant, by, func(t map[string]any) string {
		return strings.TrimPrefix(member(t, "label")+", "+member(t, "state"), ", ")
	})
}

func isNotFound(err error) bool {
	var problem *adminclient.Problem
	return errors.As(err, &problem) && problem.Status == http.StatusNotFound
}

// matching reads the first page of a list; more reports that there are others.
func (p place) matching(ctx context.Context, path, name string, query url.Values) (found []map[string]any, more bool, err error) {
	page, err := p.ask(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return nil, false, err
	}
	list, _ := page[name].([]any)
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			found = append(found, m)
		}
	}
	return found, page["next"] != nil, nil
}

// one is the only record that a text matches, or the one whose id it is. A text that
// matches none or several is an error: nothing is guessed.
func one(found []map[string]any, more bool, text, what, tenant, by string, name func(map[string]any) string) (map[string]any, error) {
	for _, f := range found {
		if member(f, "id") == text {
			return f, nil
		}
	}
	switch {
	case len(found) == 0:
		return nil, notFoundError(fmt.Sprintf("%s not found: %s has none with the %s %q", what, tenant, by, text))
	case len(found) == 1 && !more:
		return found[0], nil
	}
	const most = 5
	names := make([]string, 0, most+1)
	for _, f := range found[:min(len(found), most)] {
		names = append(names, fmt.Sprintf("%s (%s)", member(f, "id"), name(f)))
	}
	if len(found) > most || more {
		names = append(names, "and more")
	}
	return nil, ambiguousError(fmt.Sprintf("%q is the name of several %ss of %s; give the id of one: %s", text, what, tenant, strings.Join(names, ", ")))
}

// create creates what a path names, for example a tenant. An existing one is a refusal,
// and stays as it is.
func (p place) create(ctx context.Context, path string, body any) (map[string]any, error) {
	answer, err := p.client.Create(ctx, path, body)
	if err != nil {
		return nil, err
	}
	return object(answer)
}
