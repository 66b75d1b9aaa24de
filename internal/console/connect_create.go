package console

import (
	"net/url"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/guide"
)

// credentialInputs are the fields of a new credential of a connection.
func credentialInputs(p guide.Product, one guide.Connection) fieldset {
	label := input{Name: "label", Label: "Label", Help: "Names the credential in lists. It begins with the product, for example “" + p.Label() + " production”.", Max: maxLabel, Value: p.Label()}
	expires := input{Name: "expires", Label: "Expires (UTC)", Help: "Leave empty for a token that never expires.", Placeholder: "2027-01-31 12:00", Max: 40}
	switch one.Credential {
	case guide.ClientSecret:
		expires.Label, expires.Help = "Secret expires (UTC)", "At most 3 years from now. Leave empty for a year."
	case guide.ClientKey:
		return append(fieldset{label}, keysInputs()...)
	case guide.Federation:
		return append(fieldset{label}, federationInputs(nil)...)
	}
	return fieldset{label, expires}
}

// createButton returns the label of the button that creates the credential.
func createButton(one guide.Connection) string {
	if one.Credential.OAuth() {
		return "Create client"
	}
	return "Create token"
}

// createCredential: POST /console/t/{tenant}/connect/{connection} creates the credential of a
// connection. The next page shows it within the steps, so that reloading a page creates no other.
func (c *site) createCredential(q *request) (page, error) {
	p, one, ok := guide.Find(q.parameters["connection"])
	if !ok {
		return noPage(), nil
	}
	v := connecting{product: p, connection: one, form: credentialInputs(p, one)}
	v.form.read(q)
	create := c.createByAssertions
	switch one.Credential {
	case guide.StaticToken:
		create = c.createStaticToken
	case guide.ClientSecret:
		create = c.createWithSecret
	}
	made, err := create(q, v)
	if err != nil {
		return page{}, err
	}
	if v.form.wrong() {
		return c.connectionPage(q, v)
	}
	query := url.Values{"credential": {made.id}}
	if made.text != "" {
		made.tenant = q.tenant
		q.visit.keep(made)
		query.Set("created", "1")
	} else {
		q.visit.storeNotice("Client created. Continue with the next step.")
	}
	return goOn(q.at.of("connect", one.ID) + question(query.Encode())), nil
}

// createStaticToken creates a token.
func (c *site) createStaticToken(q *request, v connecting) (m minted, err error) {
	body := adminwire.NewToken{Label: v.form.value("label"), ExpiresAt: v.form.expiry(c.now())}
	if v.form.wrong() {
		return m, nil
	}
	made, err := q.client.CreateToken(q.Context(), q.tenant, body)
	if err = v.form.markRefusal(err); err != nil {
		return m, err
	}
	return minted{kind: mintedToken, id: made.ID, label: made.Label, text: made.Text, expires: made.ExpiresAt}, nil
}

// createWithSecret creates a client with a secret.
func (c *site) createWithSecret(q *request, v connecting) (m minted, err error) {
	body := adminwire.NewClient{Label: v.form.value("label"), ExpiresAt: v.form.expiry(c.now())}
	if v.form.wrong() {
		return m, nil
	}
	made, err := q.client.CreateClient(q.Context(), q.tenant, body)
	if err = v.form.markRefusal(err); err != nil {
		return m, err
	}
	return minted{kind: clientSecret, id: made.ClientID, label: made.Label, text: made.Text, expires: made.ExpiresAt, endpoint: made.TokenEndpoint}, nil
}

// createByAssertions creates a client that authenticates by assertions. One whose federation or
// keys were refused cannot authenticate, and is used when the form is sent again.
func (c *site) createByAssertions(q *request, v connecting) (m minted, err error) {
	var keys adminwire.NewClientKeys
	if v.connection.Credential == guide.ClientKey {
		text := q.PostForm.Get("jwks")
		v.form.clear("jwks") // it may have been a private key
		if !decodeJWKS(text, &keys.JWKS) {
			v.form.mark("jwks", `Enter a JWK Set: {"keys": [...]}. What was sent is not JSON, or names a member twice.`)
		}
	} else {
		v.form.require("issuer", "subject", "audience", "jwksUri")
	}
	if v.form.wrong() {
		return m, nil
	}
	if m.id, err = c.unfinishedClient(q, v); err != nil || v.form.wrong() {
		return m, err
	}
	q.PostForm.Set("client", m.id)
	if v.connection.Credential == guide.ClientKey {
		_, err = q.client.SetClientKeys(q.Context(), q.tenant, m.id, keys)
	} else {
		_, err = q.client.SetFederation(q.Context(), q.tenant, m.id, adminwire.NewFederation{
			Issuer: v.form.value("issuer"), Subject: v.form.value("subject"), Audience: v.form.value("audience"), JWKSURI: v.form.value("jwksUri"),
		})
	}
	return m, v.form.markRefusal(err)
}

// unfinishedClient returns the id of a client that cannot authenticate yet: the one that the form
// was sent for before, or a new one.
func (c *site) unfinishedClient(q *request, v connecting) (string, error) {
	if id := q.PostForm.Get("client"); id != "" {
		one, err := q.client.OAuthClient(q.Context(), q.tenant, id)
		if err != nil {
			return "", err
		}
		if one.State != live || len(one.Methods()) > 0 {
			q.PostForm.Del("client")
			v.form.mark("label", "The client that this form was for has been changed meanwhile. Sending the form again creates another one.")
			return "", nil
		}
		return one.ClientID, nil
	}
	made, err := q.client.CreateClient(q.Context(), q.tenant, adminwire.NewClient{Label: v.form.value("label"), Secret: adminwire.Of(false)})
	return made.ClientID, v.form.markRefusal(err)
}

// clear removes what was sent in a field.
func (in fieldset) clear(name string) {
	for i := range in {
		if in[i].Name == name {
			in[i].Value = ""
		}
	}
}

// require marks the fields that are empty.
func (in fieldset) require(names ...string) {
	for _, name := range names {
		if in.value(name) == "" {
			in.mark(name, "Enter the value that the identity provider shows.")
		}
	}
}
