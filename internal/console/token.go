package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// tokenRow is a token as a row.
type tokenRow struct {
	ID, Label, LastFour, State          string
	Created, Expires, LastUsed, Revoked *When
	// Replaces and ReplacedBy name the other token of a rotation.
	Replaces, ReplacedBy string
	// What may be done with it, as addresses.
	Revoke, Rotate, Complete, Cancel string
}

// live is the state of a token that works.
const live = "live"

func newTokenRow(at home, t adminwire.Token, names map[string]string, now time.Time) tokenRow {
	r := tokenRow{
		ID: t.ID, Label: t.Label, LastFour: t.LastFour, State: t.State,
		Created: whenOf(t.CreatedAt, now), Expires: whenOf(t.ExpiresAt, now), LastUsed: whenOf(t.LastUsedAt, now), Revoked: whenOf(t.RevokedAt, now),
		Replaces: names[t.Replaces], ReplacedBy: names[t.ReplacedBy],
	}
	to := func(change string) string { return at.of("tokens", t.ID, change) }
	if t.State != live {
		return r
	}
	r.Revoke = to("revoke")
	switch {
	case t.ReplacedBy != "":
		r.Complete, r.Cancel = to("complete"), to("cancel")
	case t.Replaces == "":
		r.Rotate = to("rotate")
	}
	return r
}

// tokenNames returns the labels and last characters of tokens, by id.
func tokenNames(tokens []adminwire.Token) map[string]string {
	names := map[string]string{}
	for _, t := range tokens {
		names[t.ID] = strings.TrimSpace(nameText(t.Label).String() + " …" + nameText(t.LastFour).String())
	}
	return names
}

// tokenForm is the form of a new token.
type tokenForm struct {
	Label, Expires string
	// Wrong has the errors of the form's fields, by the name of the field.
	Wrong map[string]string
}

// maxLabel is the longest label, in bytes.
const maxLabel = 100

// readTokenForm reads the form; the browser's own checks are not relied on.
func (c *site) readTokenForm(q *request) (f tokenForm, w adminwire.NewToken) {
	f = tokenForm{Label: strings.TrimSpace(q.PostForm.Get("label")), Expires: strings.TrimSpace(q.PostForm.Get("expires")), Wrong: map[string]string{}}
	if len(f.Label) > maxLabel || strings.ContainsFunc(f.Label, text.Hidden) {
		f.Wrong["label"] = "Enter one line of at most 100 bytes, without invisible characters."
	}
	at, ok := readTime(f.Expires)
	switch {
	case !ok:
		f.Wrong["expires"] = "Enter a time, for example 2027-01-31 12:00."
	case f.Expires != "" && !at.After(c.now()):
		f.Wrong["expires"] = "This time is in the past. Leave empty for a token that never expires."
	case f.Expires != "":
		at = at.UTC()
		w.ExpiresAt = &at
	}
	w.Label = f.Label
	return f, w
}

// tokens: GET /console/t/{tenant}/tokens
func (c *site) tokens(q *request) (page, error) { return c.tokensPage(q, tokenForm{}) }

func (c *site) tokensPage(q *request, f tokenForm) (page, error) {
	all, err := q.client.Tokens(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	names := tokenNames(all)
	rows := make([]tokenRow, len(all))
	for i, t := range all {
		rows[i] = newTokenRow(q.at, t, names, c.now())
	}
	p := page{name: "tokens", title: "Tokens", here: "Tokens", data: map[string]any{
		"Rows": rows, "Form": f, "To": q.at.of("tokens"), "Token": q.visit.formToken(),
	}}
	if len(f.Wrong) > 0 {
		p.status = http.StatusBadRequest
	}
	return p, nil
}

// createToken: POST /console/t/{tenant}/tokens creates a token. The next page shows its
// secret, so that reloading the page does not create a second token.
func (c *site) createToken(q *request) (page, error) {
	f, w := c.readTokenForm(q)
	if len(f.Wrong) > 0 {
		return c.tokensPage(q, f)
	}
	made, err := q.client.CreateToken(q.Context(), q.tenant, w)
	if err != nil {
		return page{}, err
	}
	return c.keepToken(q, made, ""), nil
}

// keepToken keeps a new token for the page that shows it.
func (c *site) keepToken(q *request, made adminwire.MintedToken, replaces string) page {
	q.visit.keep(minted{
		tenant: q.tenant, id: made.ID, label: made.Label, text: made.Text, replaces: replaces, expires: made.ExpiresAt,
	})
	return goOn(q.at.of("tokens", "minted"))
}

// mintedToken: GET /console/t/{tenant}/tokens/minted shows a new token, once.
func (c *site) mintedToken(q *request) (page, error) {
	tokens := q.at.of("tokens")
	if q.Method == http.MethodHead || ahead(q.Request) {
		return goOn(tokens), nil
	}
	m := q.visit.shown(q.tenant, mintedToken)
	if m == nil {
		return page{status: http.StatusGone, name: "problem", title: "Token already shown", here: "Tokens", data: problem{
			What: "Token already shown", Why: "A token is shown only once and is not stored.",
			Do: []string{"If it is lost, rotate it under Tokens: the token that replaces it is shown."},
		}}, nil
	}
	return page{name: "minted", title: "New token", here: "Tokens", data: map[string]any{
		"Label": m.label, "Text": m.text, "Expires": whenOf(m.expires, c.now()), "Replaces": m.replaces, "To": tokens,
	}}, nil
}

// change is a change of a token.
type change struct {
	// Title is the heading of the question, What is the effect, Button the label of the
	// button.
	Title, What, Button string
	// Danger reports whether it cannot be undone.
	Danger bool
	// Mints reports whether it creates a token.
	Mints bool
	done  string
	do    func(c *site, q *request, token string, w adminwire.NewToken) (adminwire.MintedToken, error)
}

// changes are the changes of a token, by the last segment of the path.
var changes = map[string]change{
	"revoke": {
		Title: "Revoke the token", What: "Every request with this token is refused within 10 seconds. An identity provider that still uses it stops provisioning. This cannot be undone.",
		Button: "Revoke token", Danger: true, done: "Token revoked. Requests with it are refused within 10 seconds.",
		do: func(c *site, q *request, token string, _ adminwire.NewToken) (adminwire.MintedToken, error) {
			return adminwire.MintedToken{}, q.client.RevokeToken(q.Context(), q.tenant, token)
		},
	},
	"rotate": {
		Title: "Start a rotation", What: "A second token is created, and both work. Enter the new token in the identity provider, then complete the rotation here.",
		Button: "Create token", Mints: true,
		do: func(c *site, q *request, token string, w adminwire.NewToken) (adminwire.MintedToken, error) {
			return q.client.StartRotation(q.Context(), q.tenant, token, w)
		},
	},
	"complete": {
		Title: "Complete the rotation", What: "This token is revoked; the token that replaces it still works. Do this when the identity provider uses the new token. This cannot be undone.",
		Button: "Complete rotation", Danger: true, done: "Rotation completed. Only the new token works now.",
		do: func(c *site, q *request, token string, _ adminwire.NewToken) (adminwire.MintedToken, error) {
			return adminwire.MintedToken{}, q.client.CompleteRotation(q.Context(), q.tenant, token)
		},
	},
	"cancel": {
		Title: "Cancel the rotation", What: "The new token is revoked; this token still works. This cannot be undone.",
		Button: "Cancel rotation", Danger: true, done: "Rotation cancelled. The old token still works.",
		do: func(c *site, q *request, token string, _ adminwire.NewToken) (adminwire.MintedToken, error) {
			return adminwire.MintedToken{}, q.client.CancelRotation(q.Context(), q.tenant, token)
		},
	},
}

// confirmToken: GET /console/t/{tenant}/tokens/{token}/{change} asks before a token is
// changed.
func (c *site) confirmToken(q *request) (page, error) { return c.confirmPage(q, nil) }

// confirmPage shows the form f; nil is that of a new token with the label of the one it replaces: by
// the label an identity provider is recognized.
func (c *site) confirmPage(q *request, f *tokenForm) (page, error) {
	what, ok := changes[q.parameters["change"]]
	if !ok {
		return noPage(), nil
	}
	all, err := q.client.Tokens(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	names := tokenNames(all)
	for _, t := range all {
		if t.ID != q.parameters["token"] {
			continue
		}
		if f == nil {
			f = &tokenForm{Label: t.Label}
		}
		p := page{name: "confirm", title: what.Title, here: "Tokens", data: map[string]any{
			"Change": what, "Row": newTokenRow(q.at, t, names, c.now()), "Form": *f, "Token": q.visit.formToken(),
			"To": q.at.of("tokens", t.ID, q.parameters["change"]), "Back": q.at.of("tokens"),
		}}
		if len(f.Wrong) > 0 {
			p.status = http.StatusBadRequest
		}
		return p, nil
	}
	return problemPage(http.StatusNotFound, "Token not found", "It may belong to another tenant. See Tokens."), nil
}

// changeToken: POST /console/t/{tenant}/tokens/{token}/{change}
func (c *site) changeToken(q *request) (page, error) {
	what, ok := changes[q.parameters["change"]]
	if !ok {
		return noPage(), nil
	}
	f, w := c.readTokenForm(q)
	if what.Mints && len(f.Wrong) > 0 {
		return c.confirmPage(q, &f)
	}
	made, err := what.do(c, q, q.parameters["token"], w)
	if err != nil {
		return page{}, err
	}
	if what.Mints {
		return c.keepToken(q, made, q.parameters["token"]), nil
	}
	q.visit.storeNotice(what.done)
	return goOn(q.at.of("tokens")), nil
}
