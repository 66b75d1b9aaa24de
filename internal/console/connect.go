package console

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/guide"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

// A productRow is an identity provider with the ways to connect it.
type productRow struct {
	Name        string
	Connections []connectionRow
}

// A connectionRow is one way to connect an identity provider.
type connectionRow struct{ Name, When, To string }

// connections: GET /console/t/{tenant}/connect lists the ways to connect an identity provider.
func (c *site) connections(q *request) (page, error) {
	var rows []productRow
	for _, p := range guide.Products() {
		row := productRow{Name: p.Name}
		for _, one := range p.Connections {
			row.Connections = append(row.Connections, connectionRow{Name: one.Name, When: one.When, To: q.at.of("connect", one.ID)})
		}
		rows = append(rows, row)
	}
	return page{name: "connections", title: "Connect", here: "Connect", data: map[string]any{"Rows": rows}}, nil
}

// A connecting is a connection on its page.
type connecting struct {
	product    guide.Product
	connection guide.Connection
	// to is the address of the page.
	to string
	// known is what the service knows of the tenant.
	known guide.Known
	// base is the tenant's base URL, and refusesTokens reports that it takes no static tokens.
	base          string
	refusesTokens bool
	// created is the credential that was just created and is shown once, nil for none.
	created *minted
	// form has the fields of a new credential.
	form fieldset
}

// connection: GET /console/t/{tenant}/connect/{connection}
func (c *site) connection(q *request) (page, error) {
	p, one, ok := guide.Find(q.parameters["connection"])
	if !ok {
		return noPage(), nil
	}
	v := connecting{product: p, connection: one, form: credentialInputs(p, one)}
	return c.connectionPage(q, v)
}

// connectionPage shows the steps of a connection with the tenant's values, and how far it is.
func (c *site) connectionPage(q *request, v connecting) (page, error) {
	v.to = q.at.of("connect", v.connection.ID)
	if err := c.readConnection(q, &v); err != nil {
		return page{}, err
	}
	// What is shown once is taken when nothing can fail any more.
	if q.Method == http.MethodGet && q.URL.Query().Has("created") && !ahead(q.Request) {
		kind := mintedToken
		if v.connection.Credential.OAuth() {
			kind = clientSecret
		}
		v.created = q.visit.shown(q.tenant, kind)
	}
	chosen := v.chosen(q)
	title, steps := v.product.Title(), v.steps(q, chosen)
	p := page{name: "connection", title: title, here: "Connect", data: map[string]any{
		"Title": title, "Name": v.connection.Name, "When": v.connection.When, "Several": len(v.product.Connections) > 1, "All": q.at.of("connect"), "To": v.to,
		"Refused": v.refusesTokens && !v.connection.Credential.OAuth(), "Steps": steps, "Once": shownOnce(steps), "Expect": v.product.Expect,
		"Credentials": v.credentials(chosen), "Chosen": chosen,
		"Checks": c.checkRows(q, guide.Checks(v.product, v.connection, chosen, v.known)),
	}}
	if v.form.wrong() {
		p.status = http.StatusBadRequest
	}
	return p, nil
}

// readConnection reads what the service knows.
func (c *site) readConnection(q *request, v *connecting) (err error) {
	t, err := q.client.Tenant(q.Context(), q.tenant)
	if err != nil {
		return err
	}
	v.base, v.refusesTokens = t.BaseURL, t.StaticTokens == "refuse"
	if v.known.Overview, err = q.client.Overview(q.Context(), q.tenant); err != nil {
		return err
	}
	if v.known.Tokens, err = q.client.Tokens(q.Context(), q.tenant); err != nil {
		return err
	}
	if v.known.Clients, err = q.client.Clients(q.Context(), q.tenant); err != nil {
		return err
	}
	if v.known.Causes, err = c.allCauses(q); err != nil {
		return err
	}
	for _, search := range guide.Searches() {
		found, err := q.client.Log(q.Context(), q.tenant, search)
		if err != nil {
			return err
		}
		v.known.Entries = append(v.known.Entries, found.Entries...)
	}
	return nil
}

// A credentialRow is a credential that the connection can use.
type credentialRow struct {
	id, label, name string
	created         time.Time
}

// fitting returns the live credentials of the connection's kind, the newest first.
func (v connecting) fitting() []credentialRow {
	var rows []credentialRow
	if !v.connection.Credential.OAuth() {
		for _, t := range v.known.Tokens {
			if t.State == live {
				rows = append(rows, credentialRow{t.ID, t.Label, orNone(t.Label) + ", ends in " + t.LastFour, instantOf(t.CreatedAt)})
			}
		}
	}
	for _, one := range v.known.Clients {
		if one.State == live && v.authenticates(one) {
			rows = append(rows, credentialRow{one.ClientID, one.Label, orNone(one.Label) + ", " + one.ClientID, instantOf(one.CreatedAt)})
		}
	}
	slices.SortStableFunc(rows, func(x, y credentialRow) int { return y.created.Compare(x.created) })
	return rows
}

// authenticates reports whether a client authenticates as the connection does.
func (v connecting) authenticates(one adminwire.Client) bool {
	secrets, _ := one.LiveSecrets()
	switch v.connection.Credential {
	case guide.ClientSecret:
		return secrets > 0
	case guide.ClientKey:
		return one.Keys != nil
	case guide.Federation:
		return one.Federation != nil
	}
	return false
}

func instantOf(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return *at
}

// chosen returns the id of the credential that the page is about: the one that was just created,
// the one that the address names, or else the newest that is labelled as the product's; "" for none.
func (v connecting) chosen(q *request) string {
	if v.created != nil {
		return v.created.id
	}
	rows := v.fitting()
	if asked := q.URL.Query().Get("credential"); asked != "" {
		if slices.ContainsFunc(rows, func(r credentialRow) bool { return r.id == asked }) {
			return asked
		}
	}
	for _, r := range rows {
		if idp.FromLabel(r.label) == v.product.Provider {
			return r.id
		}
	}
	return ""
}

// credentials returns the choice of a credential, nil for none.
func (v connecting) credentials(chosen string) []choice {
	rows := v.fitting()
	if len(rows) == 0 {
		return nil
	}
	pairs := make([]string, 0, 2*len(rows)+2)
	for _, r := range rows {
		pairs = append(pairs, r.id, nameText(r.name).String())
	}
	if chosen == "" {
		pairs = append(pairs, "", "any credential of the product")
	}
	return choices(chosen, pairs...)
}

// given returns the values to enter, as far as they are known.
func (v connecting) given(chosen string) guide.Given {
	given := guide.Given{guide.BaseURL: v.base}
	for _, one := range v.known.Clients {
		if one.ClientID == chosen {
			given[guide.ClientID], given[guide.TokenEndpoint] = one.ClientID, one.TokenEndpoint
		}
	}
	if v.created == nil {
		return given
	}
	if v.connection.Credential.OAuth() {
		given[guide.Secret] = v.created.text
	} else {
		given[guide.Token] = v.created.text
	}
	return given
}

// A stepRow is a step of a connection with its values.
type stepRow struct {
	Title       string
	Text, After []string
	Values      []valueRow
	// Take are the labels of the product's values.
	Take []string
	// Create reports that the step creates the credential, Another that there is one already,
	// and Inputs are the fields of a new one.
	Create, Another bool
	Inputs          fieldset
	// To is where the form is sent, with the session's Token, and Wrong reports that it was
	// refused.
	To, Token, Button string
	Wrong             bool
	// Rotate is where the chosen credential is replaced, "" for nowhere.
	Rotate string
	// Client is the client that still lacks what authenticates it.
	Client string
}

// A valueRow is a value to copy.
type valueRow struct {
	ID, Field, Text string
	// Secret reports that the value is shown only once, and Choice that it is selected.
	Secret, Choice bool
	// Missing says why there is no text.
	Missing string
}

// steps returns the steps with the values for the chosen credential.
func (v connecting) steps(q *request, chosen string) []stepRow {
	given := v.given(chosen)
	rows := make([]stepRow, len(v.connection.Steps))
	created := 0
	for i, s := range v.connection.Steps {
		row := stepRow{Title: s.Title, Text: s.Text, After: s.After}
		if s.Create {
			created = i + 1
			row.Create, row.Another, row.Inputs, row.Button = true, chosen != "", v.form, createButton(v.connection)
			row.Rotate, row.Client = v.rotation(q, chosen), q.PostForm.Get("client")
			row.To, row.Token, row.Wrong = v.to, q.visit.formToken(), v.form.wrong()
		}
		for j, value := range s.Enter {
			text := given.Of(value)
			one := valueRow{ID: "value-" + strconv.Itoa(i+1) + "-" + strconv.Itoa(j+1), Field: value.Field, Text: text, Secret: value.Kind.Once(), Choice: value.Kind == guide.Choice}
			switch {
			case text != "":
			case chosen != "" && value.Kind.Once():
				one.Missing = "It was shown when it was created. If you do not have it, replace it in step " + strconv.Itoa(created) + "."
			default:
				one.Missing = "It is there after step " + strconv.Itoa(created) + "."
			}
			row.Values = append(row.Values, one)
		}
		for _, value := range s.Take {
			row.Take = append(row.Take, value.Field)
		}
		rows[i] = row
	}
	return rows
}

// shownOnce returns the field of a value that is shown only now, "" for none.
func shownOnce(steps []stepRow) string {
	for _, s := range steps {
		for _, value := range s.Values {
			if value.Secret && value.Text != "" {
				return value.ID
			}
		}
	}
	return ""
}

// rotation returns where the chosen credential is replaced without a pause, "" for nowhere.
func (v connecting) rotation(q *request, chosen string) string {
	for _, t := range v.known.Tokens {
		if t.ID == chosen && t.ReplacedBy == "" && t.Replaces == "" {
			return q.at.of("tokens", t.ID, "rotate")
		}
		if t.ID == chosen {
			return q.at.of("tokens")
		}
	}
	if chosen != "" && v.connection.Credential == guide.ClientSecret {
		return q.at.of("clients", chosen)
	}
	return ""
}

// A checkRow is a check of a connection as it is shown.
type checkRow struct {
	guide.Check
	Title, Class, Mark string
	When               *When
	RequestTo, CauseTo string
}

// checkRows returns the checks as they are shown.
func (c *site) checkRows(q *request, checks []guide.Check) []checkRow {
	rows := make([]checkRow, len(checks))
	for i, check := range checks {
		row := checkRow{Check: check, Title: check.Kind.Title(), When: whenOf(check.Time, c.now())}
		switch check.State {
		case guide.Passed:
			row.Class, row.Mark = "good", "✓"
		case guide.Failing:
			row.Class, row.Mark = "bad", "✕"
		case guide.Waiting:
			row.Mark = "–"
		}
		if check.RequestID != "" {
			row.RequestTo = q.at.of("requests", check.RequestID)
		}
		if check.Cause != "" {
			row.CauseTo = q.at.address("causes", check.Cause)
		}
		rows[i] = row
	}
	return rows
}
