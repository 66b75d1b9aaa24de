package directory

import (
	"context"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MatchUsers reads a page of the users whose id, userName, externalId or one of whose
// emails is a text, in the order of their ids. Names and addresses compare as they do
// where they are unique, an id and an externalId by each character. Several users may
// have the same email, and one user's id may be another user's userName: the caller
// decides between them. At most four round trips.
func (d *Directory) MatchUsers(ctx context.Context, t tenant.ID, text string, q AppQuery) (AppPage, error) {
	ids, err := d.identified(ctx, t, text, UserName, ExternalID)
	if err != nil {
		return AppPage{}, err
	}
	byEmail, err := inForms(text, func(folded string) ([]string, error) { return d.store.EmailHolders(ctx, t, folded) })
	if err != nil {
		return AppPage{}, err
	}
	ids, next := pageOfIDs(append(ids, byEmail...), q)
	records, err := d.store.Records(ctx, t, ids)
	if err != nil {
		return AppPage{}, err
	}
	page := AppPage{Next: next}
	for _, id := range ids {
		u := records[id]
		if u == nil || u.Deleted && !q.Deleted || q.Wanted != nil && !q.Wanted(u) {
			continue
		}
		r, err := u.Resource()
		if err != nil {
			return AppPage{}, err
		}
		if u.ID == text || matchesUser(r, text) {
			page.Users = append(page.Users, u)
		}
	}
	return page, nil
}

// identified returns the ids of the records whose id, name or externalId is a
// text.
func (d *Directory) identified(ctx context.Context, t tenant.ID, text string, name, externalID Kind) ([]string, error) {
	named, err := d.named(ctx, t, name, text)
	if err != nil {
		return nil, err
	}
	external, err := d.externalID(ctx, t, externalID, text)
	return slices.Concat(validIDs(text), named, external), err
}

// pageOfIDs returns a page of ids, each once, and where the next page begins.
func pageOfIDs(ids []string, q AppQuery) (page []string, next string) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	at, found := slices.BinarySearch(ids, q.After)
	if found {
		at++
	}
	page = ids[at:]
	if limit := min(max(q.Limit, 1), MaxAppCount); len(page) > limit {
		page = page[:limit]
		next = page[limit-1]
	}
	return page, next
}

// matchesUser reports whether a text is a user's userName, externalId or email: an
// index may name records that no longer have it.
func matchesUser(r scim.Resource, text string) bool {
	folded := FoldName(text)
	if r.Text("externalId") == text || folded != "" && FoldName(r.Text("userName")) == folded {
		return text != ""
	}
	emails, _ := r["emails"].([]any)
	return folded != "" && slices.ContainsFunc(emails, func(e any) bool {
		return FoldName(emailValue(e)) == folded
	})
}

// MatchGroups reads the groups whose id, displayName or externalId is a text, as
// MatchUsers does for users. There are at most three.
func (d *Directory) MatchGroups(ctx context.Context, t tenant.ID, text string) ([]*Group, error) {
	ids, err := d.identified(ctx, t, text, GroupName, GroupExternalID)
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	groups, err := d.store.GroupsByID(ctx, t, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	var matching []*Group
	for _, g := range groups {
		r, err := g.Resource()
		if err != nil {
			return nil, err
		}
		if g.ID == text || text != "" && r.Text("externalId") == text || FoldName(text) != "" && FoldName(r.Text("displayName")) == FoldName(text) {
			matching = append(matching, g)
		}
	}
	return matching, nil
}
