package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
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

func newTokenRow(tenant string, t adminclient.Token, names map[string]string, now time.Time) tokenRow {
	r := tokenRow{
		ID: t.ID, Label: t.Label, LastFour: t.LastFour, State: t.State,
		Created: whenOf(t.CreatedAt, now), Expires: whenOf(t.ExpiresAt, now), LastUsed: whenOf(t.LastUsedAt, now), Revoked: whenOf(t.RevokedAt, now),
		Replaces: names[t.Replaces], ReplacedBy: names[t.ReplacedBy],
	}
	to := func(change string) string { return of(tenant, "tokens", t.ID, change) }
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

// tokenNames are how tokens are called, by id.
func tokenNames(tokens []adminclient.Token) map[string]string {
	names := map[string]string{}
	for _, t := range tokens {
		names[t.ID] = strings.TrimSpace(nameText(t.Label).String() + " …" + nameText(t.LastFour).String())
	}
	return names
}

// tokenForm is what is chosen of a new token.
type tokenForm struct {
	Label, Expires string
	// Wrong is what is wrong with a field, by its name.
	Wrong map[string]string
}

// maxLabel is the longest label, in bytes.
const maxLabel = 100

// readTokenForm reads the form; the browser's own checks are not relied on.
func (c *Console) readTokenForm(q *request) (f tokenForm, w adminclient.TokenWish) {
	f = tokenForm{Label: strings.TrimSpace(q.PostForm.Get("label")), Expires: strings.TrimSpace(q.PostForm.Get("expires")), Wrong: map[string]string{}}
	if len(f.Label) > maxLabel || strings.ContainsFunc(f.Label, unseen) {
		f.Wrong["label"] = "The label is one line of at most 100 bytes, of characters that are seen."
	}
	at, ok := readTime(f.Expires)
	switch {
	case !ok:
		f.Wrong["expires"] = "This is no time such as 2027-01-31 12:00."
	case f.Expires != "" && !at.After(c.now()):
		f.Wrong["expires"] = "This is over already. Leave it empty for a token without an end."
	case f.Expires != "":
		at = at.UTC()
		w.ExpiresAt = &at
	}
	w.Label = f.Label
	return f, w
}

// tokens: GET /console/t/{tenant}/tokens
func (c *Console) tokens(q *request) (page, error) { return c.tokensPage(q, tokenForm{}) }

func (c *Console) tokensPage(q *request, f tokenForm) (page, error) {
	all, err := c.client.Tokens(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	names := tokenNames(all)
	rows := make([]tokenRow, len(all))
	for i, t := range all {
		rows[i] = newTokenRow(q.tenant, t, names, c.now())
	}
	p := page{name: "tokens", title: "Tokens", here: "Tokens", data: map[string]any{
		"Rows": rows, "Form": f, "To": of(q.tenant, "tokens"), "Token": c.sessions.formToken(q.cookie),
	}}
	if len(f.Wrong) > 0 {
		p.status = http.StatusBadRequest
	}
	return p, nil
}

// createToken: POST /console/t/{tenant}/tokens makes a token. Its text is shown by the
// page that follows, so that a page that is read again makes no second one.
func (c *Console) createToken(q *request) (page, error) {
	f, w := c.readTokenForm(q)
	if len(f.Wrong) > 0 {
		return c.tokensPage(q, f)
	}
	made, err := c.client.CreateToken(q.Context(), q.tenant, w)
	if err != nil {
		return page{}, err
	}
	return c.keepToken(q, made, ""), nil
}

// keepToken keeps a new token for the page that shows it.
func (c *Console) keepToken(q *request, made adminclient.NewToken, replaces string) page {
	c.sessions.keep(q.cookie, minted{
		tenant: q.tenant, id: made.ID, label: made.Label, text: made.Text, replaces: replaces, expires: made.ExpiresAt,
	})
	return goOn(of(q.tenant, "tokens", "minted"))
}

// mintedToken: GET /console/t/{tenant}/tokens/minted shows a new token, once.
func (c *Console) mintedToken(q *request) (page, error) {
	tokens := of(q.tenant, "tokens")
	if q.Method == http.MethodHead || ahead(q.Request) {
		return goOn(tokens), nil
	}
	m := c.sessions.shown(q.cookie, q.tenant)
	if m == nil {
		return page{status: http.StatusGone, name: "problem", title: "The token was shown", here: "Tokens", data: problem{
			What: "The token was shown", Why: "A token's text is shown once, and is stored nowhere.",
			Do: []string{"If it is lost, revoke it and make another one: see Tokens."},
		}}, nil
	}
	return page{name: "minted", title: "A new token", here: "Tokens", data: map[string]any{
		"Label": m.label, "Text": m.text, "Expires": whenOf(m.expires, c.now()), "Replaces": m.replaces, "To": tokens,
	}}, nil
}

// change is what can be done with a token.
type change struct {
	// Title is the question's heading, What what happens, Button what is pressed.
	Title, What, Button string
	// Danger tells that it cannot be undone.
	Danger bool
	// Mints tells that it makes a token.
	Mints bool
	done  string
	do    func(c *Console, q *request, token string, w adminclient.TokenWish) (adminclient.NewToken, error)
}

// changes are what can be done with a token, by the last segment of the path.
var changes = map[string]change{
	"revoke": {
		Title: "Revoke the token", What: "Every request with it is refused within 10 seconds. An identity provider that still sends it stops provisioning. It cannot be undone.",
		Button: "Revoke it", Danger: true, done: "The token is revoked: it is refused within 10 seconds.",
		do: func(c *Console, q *request, token string, _ adminclient.TokenWish) (adminclient.NewToken, error) {
			return adminclient.NewToken{}, c.client.RevokeToken(q.Context(), q.tenant, token)
		},
	},
	"rotate": {
		Title: "Start a rotation", What: "A new token is made beside this one, and both work. Put the new one into the identity provider, then complete the rotation here.",
		Button: "Make the new token", Mints: true,
		do: func(c *Console, q *request, token string, w adminclient.TokenWish) (adminclient.NewToken, error) {
			return c.client.StartRotation(q.Context(), q.tenant, token, w)
		},
	},
	"complete": {
		Title: "Complete the rotation", What: "This token is revoked; the one that replaces it goes on working. Do this once the identity provider has the new one. It cannot be undone.",
		Button: "Complete the rotation", Danger: true, done: "The rotation is complete: the new token alone works now.",
		do: func(c *Console, q *request, token string, _ adminclient.TokenWish) (adminclient.NewToken, error) {
			return adminclient.NewToken{}, c.client.CompleteRotation(q.Context(), q.tenant, token)
		},
	},
	"cancel": {
		Title: "Cancel the rotation", What: "The token that was to replace this one is revoked; this one goes on working. It cannot be undone.",
		Button: "Cancel the rotation", Danger: true, done: "The rotation is cancelled: the old token goes on working.",
		do: func(c *Console, q *request, token string, _ adminclient.TokenWish) (adminclient.NewToken, error) {
			return adminclient.NewToken{}, c.client.CancelRotation(q.Context(), q.tenant, token)
		},
	},
}

// confirmToken: GET /console/t/{tenant}/tokens/{token}/{change} asks before a token is
// changed.
func (c *Console) confirmToken(q *request) (page, error) { return c.confirmPage(q, tokenForm{}) }

func (c *Console) confirmPage(q *request, f tokenForm) (page, error) {
	what, ok := changes[q.parameters["change"]]
	if !ok {
		return noPage(), nil
	}
	all, err := c.client.Tokens(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	names := tokenNames(all)
	for _, t := range all {
		if t.ID != q.parameters["token"] {
			continue
		}
		p := page{name: "confirm", title: what.Title, here: "Tokens", data: map[string]any{
			"Change": what, "Row": newTokenRow(q.tenant, t, names, c.now()), "Form": f, "Token": c.sessions.formToken(q.cookie),
			"To": of(q.tenant, "tokens", t.ID, q.parameters["change"]), "Back": of(q.tenant, "tokens"),
		}}
		if len(f.Wrong) > 0 {
			p.status = http.StatusBadRequest
		}
		return p, nil
	}
	return problemPage(http.StatusNotFound, "There is no such token", "It may be another tenant's. See Tokens."), nil
}

// changeToken: POST /console/t/{tenant}/tokens/{token}/{change}
func (c *Console) changeToken(q *request) (page, error) {
	what, ok := changes[q.parameters["change"]]
	if !ok {
		return noPage(), nil
	}
	f, w := c.readTokenForm(q)
	if what.Mints && len(f.Wrong) > 0 {
		return c.confirmPage(q, f)
	}
	made, err := what.do(c, q, q.parameters["token"], w)
	if err != nil {
		return page{}, err
	}
	if what.Mints {
		return c.keepToken(q, made, q.parameters["token"]), nil
	}
	c.sessions.tell(q.cookie, what.done)
	return goOn(of(q.tenant, "tokens")), nil
}
