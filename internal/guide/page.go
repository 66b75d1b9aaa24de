package guide

import (
	"fmt"
	"slices"
	"strings"
)

// example has the values of the pages' example.
//
//nolint:gosec // G101: the beginnings of credentials, without their secrets
var example = Given{
	BaseURL: "https://scim.example.com/scim/v2", Token: "rct_acme_…",
	TokenEndpoint: "https://scim.example.com/oauth2/token", ClientID: "rcc_acme_…", Secret: "rcs_acme_…",
}

// The lines of a setup page between which the steps stand.
const (
	stepsBegin = "<!-- Generated from internal/guide by go generate; not to be edited. -->\n"
	stepsEnd   = "<!-- The end of the steps. -->\n"
)

// Whole reports whether the setup page of the product is generated whole. Any other page
// has its steps between two lines.
func (p Product) Whole() bool { return p.ID != "okta" && p.ID != "entra" }

// File returns the setup page of the product in the repository.
func (p Product) File() string { return "docs/how-to/" + p.Page }

// Document returns the setup page of a product: the page that is there with its steps up to
// date, or a whole one.
func Document(p Product, page []byte) ([]byte, error) {
	if p.Whole() {
		return wholePage(p), nil
	}
	before, rest, begins := strings.Cut(string(page), stepsBegin)
	_, after, ends := strings.Cut(rest, stepsEnd)
	if !begins || !ends {
		return nil, fmt.Errorf("the page lacks the lines %q and %q", stepsBegin, stepsEnd)
	}
	return []byte(before + stepsBegin + steps(p) + "\n" + stepsEnd + after), nil
}

// steps returns the steps of all connections of a product, and its checks.
func steps(p Product) string {
	var b strings.Builder
	for _, c := range p.Connections {
		if len(p.Connections) > 1 {
			fmt.Fprintf(&b, "\n### %s\n", c.Name)
		}
		if c.When != "" {
			fmt.Fprintf(&b, "\n%s\n", c.When)
		}
		for i, s := range c.Steps {
			writeStep(&b, p, c, i+1, s)
		}
	}
	b.WriteString("\n### See that it works\n\n| check | what to do in " + p.inside() + " |\n|---|---|\n")
	for _, kind := range CheckKinds {
		if try := p.Tries[kind]; try != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", kind.Title(), try)
		}
	}
	b.WriteString("\n`rollcall log acme` and the console show what came, and why it was refused.\n")
	return b.String()
}

// writeStep writes a numbered step with its values.
func writeStep(b *strings.Builder, p Product, c Connection, number int, s Step) {
	fmt.Fprintf(b, "\n**%d. %s.**\n", number, s.Title)
	for i, text := range s.Text {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(text + "\n")
	}
	if s.Create {
		fmt.Fprintf(b, "\n```\n%s\n```\n", command(p, c))
	}
	if len(s.Enter) > 0 {
		b.WriteString("\n| field | value |\n|---|---|\n")
		for _, v := range s.Enter {
			text := example.Of(v)
			if v.Kind != Choice {
				text = "`" + text + "`"
			}
			fmt.Fprintf(b, "| %s | %s |\n", v.Field, text)
		}
	}
	if len(s.Take) > 0 {
		b.WriteString("\n| shown as | enter as |\n|---|---|\n")
		for _, v := range s.Take {
			fmt.Fprintf(b, "| %s | `%s` |\n", v.Field, flags[v.Kind])
		}
	}
	for _, text := range s.After {
		b.WriteString("\n" + text + "\n")
	}
}

// flags are the command's names of the values of a federation.
var flags = map[Kind]string{Issuer: "--issuer", Subject: "--subject", Audience: "--audience", KeysURL: "--jwks-uri"}

// command returns the command that creates the credential of a connection.
func command(p Product, c Connection) string {
	label := p.Label()
	if strings.Contains(label, " ") {
		label = `"` + label + `"`
	}
	switch c.Credential {
	case StaticToken:
		return "rollcall token create acme --label " + label
	case ClientSecret:
		return "rollcall client create acme --label " + label
	case ClientKey:
		return "rollcall client create acme --no-secret --label " + label + "\nrollcall client keys acme CLIENT --jwks FILE"
	}
	return "rollcall client create acme --no-secret --label " + label + "\n" +
		"rollcall client federate acme CLIENT --issuer ISSUER --subject SUBJECT --audience AUDIENCE --jwks-uri URL"
}

// wholePage returns the page of a product that has none of its own.
func wholePage(p Product) []byte {
	var b strings.Builder
	what := "users and groups"
	if p.Tries[GroupPush] == "" {
		what = "users"
	}
	fmt.Fprintf(&b, "# %s\n\n%s\nHow to provision %s from %s into rollcall: what to select on which screen, which values to enter, and how to see that it works.\n",
		p.Title(), stepsBegin, what, p.inside())
	if p.Provider != "" {
		fmt.Fprintf(&b, "\nThe names on screens are those of %s; nobody has tried them in %s.\n", p.Source, p.Name)
	} else {
		b.WriteString("\nEach product has names of its own for the same fields; these are the words of SCIM 2.0 and OAuth 2.0.\n")
	}
	b.WriteString("The page uses the tenant `acme`, at `https://scim.example.com`; `rollcall init --tenant acme --seats 50` creates it.\n" +
		"The console and the customer's portal have the same steps under *Connect*, with the values of the tenant.\n\n## The steps\n")
	b.WriteString(steps(p))
	b.WriteString("\n## What to expect\n\n")
	for _, text := range p.Expect {
		b.WriteString("- " + text + "\n")
	}
	b.WriteString("\n## When something fails\n\n" +
		"The detail of each error says what to do, and ends in the id of the request.\n" +
		"[Causes](../reference/causes.md) and [faulty settings](../reference/faulty-settings.md) have the same texts.\n" +
		"A new user gets the tenant's `defaultAccountType` unless `isTeamAccount` of the schema `urn:ietf:params:scim:schemas:extension:rollcall:2.0:User` is mapped.\n")
	if slices.ContainsFunc(p.Connections, func(c Connection) bool { return c.Credential.OAuth() }) {
		b.WriteString("[Connect an identity provider by OAuth](connect-by-oauth.md) and [the token endpoint](../reference/oauth.md) have the details of OAuth;\n" +
			"[move a tenant to OAuth](move-to-oauth.md) has the way from a token to a client without a refused request.\n")
	}
	return []byte(b.String())
}
