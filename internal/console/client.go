package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// A clientRow is an OAuth client as a row, and as the facts of its page.
type clientRow struct {
	ID, Label, To string
	Revoked       *When
	// Methods says how it authenticates, "" for not at all.
	Methods           string
	Created, LastUsed *When
	// Ends is when its last secret that works expires, and Soon whether that is within
	// soonTime.
	Ends *When
	Soon bool
}

// soonTime is how long before the end of a secret the console warns: entering another one in
// an identity provider takes an administrator there.
const soonTime = 30 * 24 * time.Hour

func newClientRow(at home, c adminwire.Client, now time.Time) clientRow {
	r := clientRow{
		ID: c.ClientID, Label: c.Label, To: at.of("clients", c.ClientID),
		Revoked: whenOf(c.RevokedAt, now), Created: whenOf(c.CreatedAt, now), LastUsed: whenOf(c.LastUsedAt, now),
	}
	_, last := c.LiveSecrets()
	r.Methods, r.Ends = strings.Join(c.Methods(), ", "), whenOf(last, now)
	r.Soon = last != nil && last.Sub(now) < soonTime
	return r
}

// A secretRow is a secret of a client as a row.
type secretRow struct {
	ID, Label, LastFour, State          string
	Created, Expires, LastUsed, Revoked *When
	Soon                                bool
	// End is the address that ends it, "" for one that does not work any more.
	End string
}

func newSecretRow(client string, s adminwire.ClientSecret, now time.Time) secretRow {
	r := secretRow{
		ID: s.SecretID, Label: s.Label, LastFour: s.LastFour, State: s.State,
		Created: whenOf(s.CreatedAt, now), Expires: whenOf(s.ExpiresAt, now), LastUsed: whenOf(s.LastUsedAt, now), Revoked: whenOf(s.RevokedAt, now),
	}
	if s.State == live {
		r.End = client + "/end-secret" + question(url.Values{"secret": {s.SecretID}}.Encode())
		r.Soon = s.ExpiresAt != nil && s.ExpiresAt.Sub(now) < soonTime
	}
	return r
}

// An input is a field of a form with a text.
type input struct {
	Name, Label, Help, Placeholder, Value, Wrong string
	// Long reports whether it has several lines.
	Long bool
	Max  int
}

// A fieldset has the fields of a form, in their order.
type fieldset []input

// read fills the fields with what was sent.
func (in fieldset) read(q *request) {
	for i := range in {
		in[i].Value = strings.TrimSpace(q.PostForm.Get(in[i].Name))
		if !in[i].Long && (len(in[i].Value) > in[i].Max || strings.ContainsFunc(in[i].Value, text.Hidden)) {
			in[i].Wrong = fmt.Sprintf("Enter one line of at most %d bytes, without invisible characters.", in[i].Max)
		}
	}
}

// value returns the text of a field.
func (in fieldset) value(name string) string {
	for _, one := range in {
		if one.Name == name {
			return one.Value
		}
	}
	return ""
}

// mark sets what is wrong with a field.
func (in fieldset) mark(name, wrong string) {
	for i := range in {
		if in[i].Name == name {
			in[i].Wrong = wrong
		}
	}
}

// wrong reports whether something is wrong with a field.
func (in fieldset) wrong() bool {
	for _, one := range in {
		if one.Wrong != "" {
			return true
		}
	}
	return false
}

// markRefusal marks the field that a refusal of the service is about, and returns any other
// error: a detail begins with the name of the member.
func (in fieldset) markRefusal(err error) error {
	var refusal *adminclient.Problem
	if !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest {
		return err
	}
	for i := range in {
		name := map[string]string{"expires": "expiresAt", "name": "label"}[in[i].Name]
		if name == "" {
			name = in[i].Name
		}
		if strings.HasPrefix(refusal.Detail, name) {
			in[i].Wrong = refusal.Detail
			return nil
		}
	}
	return err
}

// secretInputs are the fields of a new secret, or of a new client, which has one.
func secretInputs(labelHelp string) fieldset {
	return fieldset{
		{Name: "label", Label: "Label", Help: labelHelp, Max: maxLabel},
		{Name: "expires", Label: "Secret expires (UTC)", Help: "At most 3 years from now. Leave empty for a year.", Placeholder: "2027-01-31 12:00", Max: 40},
	}
}

// expiry returns the end of a secret that was entered, nil for none; it marks one that is no time.
func (in fieldset) expiry(now time.Time) *time.Time {
	at, ok := readTime(in.value("expires"))
	switch {
	case !ok:
		in.mark("expires", "Enter a time, for example 2027-01-31 12:00.")
	case in.value("expires") == "":
		return nil
	case !at.After(now):
		in.mark("expires", "This time is in the past. Leave empty for a year.")
	}
	at = at.UTC()
	return &at
}

// federationInputs are the fields of a federation; f is the one that the client has, or nil.
func federationInputs(f *adminwire.Federation) fieldset {
	if f == nil {
		f = &adminwire.Federation{}
	}
	return fieldset{
		{Name: "issuer", Label: "Issuer", Help: "The claim iss of the assertions, exactly.", Placeholder: "https://login.microsoftonline.com/TENANT_ID/v2.0", Max: maxClaim, Value: f.Issuer},
		{Name: "subject", Label: "Subject", Help: "The claim sub, exactly.", Max: maxClaim, Value: f.Subject},
		{Name: "audience", Label: "Audience", Help: "The claim aud, exactly.", Max: maxClaim, Value: f.Audience},
		{Name: "jwksUri", Label: "JWKS URL", Help: "Where the issuer publishes its keys: https, on a host that the deployment allows.", Placeholder: "https://login.microsoftonline.com/TENANT_ID/discovery/v2.0/keys", Max: maxClaim, Value: f.JWKSURI},
	}
}

// maxClaim is the longest value of a federation, in bytes.
const maxClaim = 500

// keysInputs are the fields of the client's own keys.
func keysInputs() fieldset {
	return fieldset{{Name: "jwks", Label: "JWK Set", Help: "Public keys only, RSA or P-256. They replace those that the client has.", Placeholder: `{"keys": [...]}`, Long: true}}
}

// clients: GET /console/t/{tenant}/clients
func (c *site) clients(q *request) (page, error) {
	return c.clientsPage(q, secretInputs("For example “Entra production”."))
}

func (c *site) clientsPage(q *request, form fieldset) (page, error) {
	t, err := q.client.Tenant(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	all, err := q.client.Clients(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	rows := make([]clientRow, len(all))
	for i, one := range all {
		rows[i] = newClientRow(q.at, one, c.now())
	}
	p := page{name: "clients", title: "Clients", here: "Clients", data: map[string]any{
		"Rows": rows, "Inputs": form, "To": q.at.of("clients"), "Token": q.visit.formToken(),
		"StaticRefused": t.StaticTokens == "refuse", "SettingsTo": q.at.of("settings"), "TokensTo": q.at.of("tokens"),
	}}
	if form.wrong() {
		p.status = http.StatusBadRequest
	}
	return p, nil
}

// createClient: POST /console/t/{tenant}/clients creates a client. The next page shows its
// secret, so that reloading the page does not create a second client.
func (c *site) createClient(q *request) (page, error) {
	form := secretInputs("For example “Entra production”.")
	form.read(q)
	body := adminwire.NewClient{Label: form.value("label"), ExpiresAt: form.expiry(c.now())}
	if q.PostForm.Get("method") == "assertions" {
		body = adminwire.NewClient{Label: body.Label, Secret: adminwire.Of(false)}
		form.mark("expires", "")
	}
	if form.wrong() {
		return c.clientsPage(q, form)
	}
	made, err := q.client.CreateClient(q.Context(), q.tenant, body)
	if err = form.markRefusal(err); err != nil {
		return page{}, err
	}
	switch {
	case form.wrong():
		return c.clientsPage(q, form)
	case made.Text == "":
		q.visit.storeNotice("Client created. Set how it authenticates.")
		return goOn(q.at.of("clients", made.ClientID)), nil
	}
	return c.keepClientSecret(q, minted{id: made.ClientID, label: made.Label, text: made.Text, expires: made.ExpiresAt, endpoint: made.TokenEndpoint}), nil
}

// keepClientSecret keeps a new secret for the page that shows it.
func (c *site) keepClientSecret(q *request, m minted) page {
	m.tenant, m.kind = q.tenant, clientSecret
	q.visit.keep(m)
	return goOn(q.at.of("client-secret"))
}

// clientSecret: GET /console/t/{tenant}/client-secret shows a new secret, once.
func (c *site) clientSecret(q *request) (page, error) {
	clients := q.at.of("clients")
	if q.Method == http.MethodHead || ahead(q.Request) {
		return goOn(clients), nil
	}
	m := q.visit.shown(q.tenant, clientSecret)
	if m == nil {
		return page{status: http.StatusGone, name: "problem", title: "Secret already shown", here: "Clients", data: problem{
			What: "Secret already shown", Why: "A secret is shown only once and is not stored.",
			Do: []string{"If it is lost, open the client under Clients, add another secret and end the lost one."},
		}}, nil
	}
	return page{name: "client-secret", title: "New secret", here: "Clients", data: map[string]any{
		"ID": m.id, "Label": m.label, "Text": m.text, "Expires": whenOf(m.expires, c.now()), "Endpoint": m.endpoint, "To": q.at.of("clients", m.id),
	}}, nil
}

// A clientForms has the forms of a client's page; a nil one is as the client is.
type clientForms struct{ label, added, federation, keys fieldset }

// oauthClient: GET /console/t/{tenant}/clients/{client}
func (c *site) oauthClient(q *request) (page, error) {
	one, err := q.client.OAuthClient(q.Context(), q.tenant, q.parameters["client"])
	if err != nil {
		return page{}, err
	}
	return c.clientPage(q, one, clientForms{}), nil
}

func (c *site) clientPage(q *request, one adminwire.Client, f clientForms) page {
	wrong := f.label.wrong() || f.added.wrong() || f.federation.wrong() || f.keys.wrong()
	if f.label == nil {
		f.label = labelInputs(one.Label)
	}
	if f.added == nil {
		f.added = secretInputs("For example the year.")
	}
	if f.federation == nil {
		f.federation = federationInputs(one.Federation)
	}
	if f.keys == nil {
		f.keys = keysInputs()
	}
	to := q.at.of("clients", one.ClientID)
	rows := make([]secretRow, len(one.Secrets))
	for i, s := range one.Secrets {
		rows[i] = newSecretRow(to, s, c.now())
	}
	data := map[string]any{
		"Row": newClientRow(q.at, one, c.now()), "Live": one.State == live, "Endpoint": one.TokenEndpoint, "Secrets": rows, "To": to,
		"Token": q.visit.formToken(), "Labels": f.label, "Secret": f.added, "Federation": f.federation, "Keys": f.keys,
		"HasFederation": one.Federation != nil, "HasKeys": one.Keys != nil, "KeyNames": "", "Operates": q.operates(),
	}
	if one.Federation != nil {
		data["FederationSince"] = whenOf(one.Federation.Since, c.now())
	}
	if one.Keys != nil {
		data["KeyNames"], data["KeysSince"] = strings.Join(one.Keys.Names(), ", "), whenOf(one.Keys.Since, c.now())
	}
	p := page{name: "client", title: "Client", here: "Clients", data: data}
	if wrong {
		p.status = http.StatusBadRequest
	}
	return p
}

// A clientEffect is a change of a client that is confirmed first.
type clientEffect struct {
	title, what, button, done string
	do                        func(c *site, q *request, client string) error
}

// clientEffects are the changes of a client that are confirmed, by the last segment of the path.
var clientEffects = map[string]clientEffect{
	"revoke": {
		title: "Revoke the client", button: "Revoke client", done: "Client revoked. Its access tokens are refused within 10 seconds.",
		what: "It gets no access tokens, and those that it has are refused within 10 seconds. An identity provider that still uses it stops provisioning. This cannot be undone.",
		do: func(c *site, q *request, client string) error {
			return q.client.RevokeClient(q.Context(), q.tenant, client)
		},
	},
	"end-secret": {
		title: "End the secret", button: "End secret", done: "Secret ended. Access tokens that it got are refused within 10 seconds.",
		what: "It gets no access tokens, and those that it got are refused within 10 seconds. Do this when the identity provider uses another secret. This cannot be undone.",
		do: func(c *site, q *request, client string) error {
			return q.client.RevokeClientSecret(q.Context(), q.tenant, client, q.PostForm.Get("secret"))
		},
	},
	"remove-federation": {
		title: "Remove the federation", button: "Remove federation", done: "Federation removed.",
		what: "Assertions of the issuer get no access tokens, and those that they got are refused within 10 seconds.",
		do: func(c *site, q *request, client string) error {
			return q.client.RemoveFederation(q.Context(), q.tenant, client)
		},
	},
	"remove-keys": {
		title: "Remove the keys", button: "Remove keys", done: "Keys removed.",
		what: "Assertions that are signed by these keys get no access tokens, and those that they got are refused within 10 seconds.",
		do: func(c *site, q *request, client string) error {
			return q.client.RemoveClientKeys(q.Context(), q.tenant, client)
		},
	},
}

// confirmClient: GET /console/t/{tenant}/clients/{client}/{change} asks before a client is changed.
func (c *site) confirmClient(q *request) (page, error) {
	name := q.parameters["change"]
	effect, ok := clientEffects[name]
	if !ok {
		return noPage(), nil
	}
	one, err := q.client.OAuthClient(q.Context(), q.tenant, q.parameters["client"])
	if err != nil {
		return page{}, err
	}
	row := newClientRow(q.at, one, c.now())
	v := confirmation{
		Title: effect.title, What: []string{effect.what}, Button: effect.button, Danger: true,
		Facts: []fact{{"Client", one.ClientID}, {"Label", orNone(one.Label)}, {"Authenticates by", orNone(row.Methods)}, {"Last used", lastUse(row.LastUsed)}},
		To:    row.To + "/" + name, Back: row.To, Token: q.visit.formToken(),
	}
	if name == "end-secret" {
		s, ok := secretOf(one, q.URL.Query().Get("secret"))
		if !ok {
			return problemPage(http.StatusNotFound, "Secret not found", "Open the client under Clients: it lists the secrets."), nil
		}
		v.Facts = append(v.Facts[:2], fact{"Secret", strings.TrimSpace(s.Label + " …" + s.LastFour)}, fact{"Last used", lastUse(whenOf(s.LastUsedAt, c.now()))})
		v.Fields = []field{{"secret", s.SecretID}}
	}
	return page{name: "change", title: effect.title, here: "Clients", data: v}, nil
}

// orNone returns a text, or the word none.
func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// lastUse returns the time of the last use in words.
func lastUse(at *When) string {
	if at == nil {
		return "never"
	}
	return at.Full
}

// secretOf returns a client's secret by its id.
func secretOf(one adminwire.Client, id string) (adminwire.ClientSecret, bool) {
	for _, s := range one.Secrets {
		if s.SecretID == id {
			return s, true
		}
	}
	return adminwire.ClientSecret{}, false
}

// changeClient: POST /console/t/{tenant}/clients/{client}/{change}
func (c *site) changeClient(q *request) (page, error) {
	name, client := q.parameters["change"], q.parameters["client"]
	forms := map[string]func(q *request, one adminwire.Client) (page, error){
		"label": c.labelClient, "secret": c.addClientSecret, "federation": c.setFederation, "keys": c.setClientKeys,
	}
	if form := forms[name]; form != nil {
		one, err := q.client.OAuthClient(q.Context(), q.tenant, client)
		if err != nil {
			return page{}, err
		}
		return form(q, one)
	}
	effect, ok := clientEffects[name]
	if !ok {
		return noPage(), nil
	}
	if name == "end-secret" && !q.operates() {
		if last, err := isLastMethod(q, client); err != nil || last {
			return problemPage(http.StatusConflict, "The only way to authenticate", "Nothing was changed: without this secret the client could not authenticate any more. Add another secret and enter it in the identity provider, then end this one."), err
		}
	}
	if err := effect.do(c, q, client); err != nil {
		return page{}, err
	}
	return c.clientChanged(q, effect.done), nil
}

// isLastMethod reports whether a client authenticates by one secret and nothing else.
func isLastMethod(q *request, client string) (bool, error) {
	one, err := q.client.OAuthClient(q.Context(), q.tenant, client)
	works := 0
	for _, s := range one.Secrets {
		if s.State == live {
			works++
		}
	}
	return err == nil && works <= 1 && one.Federation == nil && one.Keys == nil, err
}

// clientChanged goes on to the page of the client, with a notice.
func (c *site) clientChanged(q *request, notice string) page {
	q.visit.storeNotice(notice)
	return goOn(q.at.of("clients", q.parameters["client"]))
}

// addClientSecret creates another secret of a client.
func (c *site) addClientSecret(q *request, one adminwire.Client) (page, error) {
	form := secretInputs("For example the year.")
	form.read(q)
	body := adminwire.NewClientSecret{Label: form.value("label"), ExpiresAt: form.expiry(c.now())}
	if form.wrong() {
		return c.clientPage(q, one, clientForms{added: form}), nil
	}
	made, err := q.client.CreateClientSecret(q.Context(), q.tenant, one.ClientID, body)
	if err = form.markRefusal(err); err != nil {
		return page{}, err
	}
	if form.wrong() {
		return c.clientPage(q, one, clientForms{added: form}), nil
	}
	return c.keepClientSecret(q, minted{id: one.ClientID, label: one.Label, text: made.Text, expires: made.ExpiresAt, endpoint: made.TokenEndpoint}), nil
}

// setFederation sets the federation of a client.
func (c *site) setFederation(q *request, one adminwire.Client) (page, error) {
	form := federationInputs(nil)
	form.read(q)
	for i := range form {
		if form[i].Value == "" {
			form[i].Wrong = "Enter the value that the identity provider shows."
		}
	}
	if form.wrong() {
		return c.clientPage(q, one, clientForms{federation: form}), nil
	}
	_, err := q.client.SetFederation(q.Context(), q.tenant, one.ClientID, adminwire.NewFederation{
		Issuer: form.value("issuer"), Subject: form.value("subject"), Audience: form.value("audience"), JWKSURI: form.value("jwksUri"),
	})
	if err = form.markRefusal(err); err != nil {
		return page{}, err
	}
	if form.wrong() {
		return c.clientPage(q, one, clientForms{federation: form}), nil
	}
	return c.clientChanged(q, "Federation set. Its assertions get access tokens within 10 seconds."), nil
}

// labelInputs returns the field with the label of a client.
func labelInputs(label string) fieldset {
	return fieldset{{Name: "name", Label: "Label", Help: "For example “Entra production”. Requests and access tokens do not depend on it.", Value: label, Max: maxLabel}}
}

// labelClient changes the label of a client.
func (c *site) labelClient(q *request, one adminwire.Client) (page, error) {
	form := labelInputs("")
	form.read(q)
	if form.wrong() {
		return c.clientPage(q, one, clientForms{label: form}), nil
	}
	_, err := q.client.ChangeClient(q.Context(), q.tenant, one.ClientID, adminwire.ClientChange{Label: adminwire.Of(form.value("name"))})
	if err = form.markRefusal(err); err != nil {
		return page{}, err
	}
	if form.wrong() {
		return c.clientPage(q, one, clientForms{label: form}), nil
	}
	return c.clientChanged(q, "Label changed."), nil
}

// decodeJWKS decodes a JSON object, and reports whether the text is one.
func decodeJWKS(text string, set *map[string]any) bool {
	return json.Unmarshal([]byte(text), set) == nil && *set != nil
}

// setClientKeys sets the keys of a client. What was sent is not shown again: it may have been a
// private key.
func (c *site) setClientKeys(q *request, one adminwire.Client) (page, error) {
	form := keysInputs()
	var body adminwire.NewClientKeys
	if !decodeJWKS(q.PostForm.Get("jwks"), &body.JWKS) {
		form.mark("jwks", `Enter a JWK Set: {"keys": [...]}. What was sent is not JSON, or names a member twice.`)
		return c.clientPage(q, one, clientForms{keys: form}), nil
	}
	_, err := q.client.SetClientKeys(q.Context(), q.tenant, one.ClientID, body)
	if err = form.markRefusal(err); err != nil {
		return page{}, err
	}
	if form.wrong() {
		return c.clientPage(q, one, clientForms{keys: form}), nil
	}
	return c.clientChanged(q, "Keys set. Assertions that they sign get access tokens within 10 seconds."), nil
}
