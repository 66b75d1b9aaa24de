// Package guide has the steps by which an administrator connects an identity provider:
// what to select on which screen, and which values to enter where. The setup pages of the
// documentation and the portal's pages are made from it, so that they never differ. It
// also says, from the documents of the admin API, how far a connection is set up.
//
// It reads nothing by itself and holds no secret.
package guide

import (
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// A Product is an identity provider with the ways to connect it.
type Product struct {
	// ID names the product in addresses.
	ID string
	// Provider is the product as log entries name it, "" for any other identity provider.
	Provider idp.Provider
	Name     string
	// Page is the file of its setup page in docs/how-to.
	Page string
	// Source says from where the names of its screens are.
	Source string
	// Connections are the ways to connect it, the one to prefer first.
	Connections []Connection
	// Tries say what to do in the product to make each check pass.
	Tries Tries
	// Expect says what to expect of the product, one fact each.
	Expect []string
}

// A Connection is one way to connect a product.
type Connection struct {
	// ID names the connection among those of all products.
	ID string
	// Name is the kind of the connection, for example "OAuth client credentials".
	Name string
	// When says for which app or administrator it is, "" if there is no other way.
	When string
	// Credential is what the product authenticates with.
	Credential Credential
	Steps      []Step
}

// A Credential is the kind of credential that a connection needs.
type Credential string

// The kinds of credentials.
const (
	// StaticToken is a token that the product keeps.
	StaticToken Credential = "token"
	// ClientSecret is the secret of an OAuth client.
	ClientSecret Credential = "secret"
	// ClientKey is an OAuth client with a public key of the product's (private_key_jwt).
	ClientKey Credential = "key"
	// Federation is an OAuth client with the assertions of another issuer.
	Federation Credential = "federation"
)

// OAuth reports whether the credential is an OAuth client's.
func (c Credential) OAuth() bool { return c != StaticToken }

// A Step is one step of a connection. In its texts, *asterisks* enclose a name on the
// product's screen, and `backquotes` a value.
type Step struct {
	Title string
	// Create reports that the credential is created in this step.
	Create bool
	// Text are the paragraphs before the values, and After those behind them.
	Text, After []string
	// Enter are values to enter in the product, and Take values of the product to enter
	// where the credential is created.
	Enter, Take []Value
}

// A Value is a value to copy, with the label of its field on the product's screen.
type Value struct {
	Field string
	Kind  Kind
	// Text is the whole of a fixed value or of a choice. Before and After enclose any other.
	Text, Before, After string
}

// A Kind is what a value is.
type Kind string

// The kinds of values. Those from Issuer on are the product's, and enter the client's
// federation.
const (
	// Fixed is a text to enter, and Choice one to select.
	Fixed         Kind = "fixed"
	Choice        Kind = "choice"
	BaseURL       Kind = "baseUrl"
	Token         Kind = "token"
	TokenEndpoint Kind = "tokenEndpoint"
	ClientID      Kind = "clientId"
	Secret        Kind = "clientSecret"
	Issuer        Kind = "issuer"
	Subject       Kind = "subject"
	Audience      Kind = "audience"
	KeysURL       Kind = "jwksUri"
)

// Given has the values of a deployment and of a credential, by kind.
type Given map[Kind]string

// Of returns the text to enter for a value. It is "" while its credential is not created.
func (g Given) Of(v Value) string {
	if v.Kind.Constant() {
		return v.Text
	}
	if g[v.Kind] == "" {
		return ""
	}
	return v.Before + g[v.Kind] + v.After
}

// Constant reports whether values of the kind are the same for every tenant.
func (k Kind) Constant() bool { return k == Fixed || k == Choice }

// Once reports whether a value of the kind is shown only when its credential is created.
func (k Kind) Once() bool { return k == Token || k == Secret }

// Products returns all products, the most common first; any other identity provider is last.
func Products() []Product {
	return []Product{okta(), entra(), oneLogin(), jumpCloud(), google(), pingOne(), pingFederate(), another()}
}

// Find returns a connection and its product by the connection's id.
func Find(id string) (Product, Connection, bool) {
	for _, p := range Products() {
		if i := slices.IndexFunc(p.Connections, func(c Connection) bool { return c.ID == id }); i >= 0 {
			return p, p.Connections[i], true
		}
	}
	return Product{}, Connection{}, false
}

// Title returns the title of the product's pages.
func (p Product) Title() string {
	if p.Provider == "" {
		return "Connect another identity provider"
	}
	return "Connect " + p.Name
}

// Label returns the label of a credential for the connection: by it the product is
// recognized where its requests do not name it.
func (p Product) Label() string {
	if p.Provider == "" {
		return "Identity provider"
	}
	return p.Name
}

// owns reports whether requests of an identity provider, as log entries name it, are the
// product's.
func (p Product) owns(name string) bool {
	if p.Provider != "" {
		return idp.Provider(name) == p.Provider
	}
	return !slices.ContainsFunc(Products(), func(o Product) bool { return o.Provider != "" && o.Provider == idp.Provider(name) })
}

// A Span is a part of a text.
type Span struct {
	Text string
	// Screen reports that it is a name on a screen, and Code that it is a value.
	Screen, Code bool
}

// Spans returns the parts of a text of a guide.
func Spans(text string) []Span {
	var spans []Span
	for text != "" {
		i := strings.IndexAny(text, "*`")
		if i < 0 {
			return append(spans, Span{Text: text})
		}
		if i > 0 {
			spans = append(spans, Span{Text: text[:i]})
		}
		mark := text[i : i+1]
		within, rest, _ := strings.Cut(text[i+1:], mark)
		spans = append(spans, Span{Text: within, Screen: mark == "*", Code: mark == "`"})
		text = rest
	}
	return spans
}

// Plain returns a text of a guide without its marks.
func Plain(text string) string {
	var b strings.Builder
	for _, s := range Spans(text) {
		b.WriteString(s.Text)
	}
	return b.String()
}
