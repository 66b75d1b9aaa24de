package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/credential"
)

const (
	clientHelp  = "CLIENT is a client's id, whole or only its last part, or its label."
	secretsHelp = "A secret works for a year, unless --expires says another time of at most 3 years."
	once        = "The secret is shown only once: enter it in the identity provider now."
)

func newClient() *cobra.Command {
	return parent("client", "OAuth clients of identity providers and their secrets",
		clientCreate(), clientList(), clientShow(), clientLabel(), clientRotate(), clientFederate(), clientKeys(), clientRevoke())
}

// oauthClient finds the OAuth client that an argument means: by its id, by the last part of its
// id, or by a whole label. Revoked clients are passed over where a live one matches.
func (p place) oauthClient(ctx context.Context, tenant, text string) (adminwire.Client, error) {
	if credential.In(text) {
		return adminwire.Client{}, mistake("The argument is a secret. Give the client's id or its label; 'rollcall client list %s' lists them.", tenant)
	}
	answer, err := call[adminwire.Clients](ctx, p, http.MethodGet, tenantPath(tenant, "clients"), nil, nil)
	if err != nil {
		return adminwire.Client{}, err
	}
	var live, revoked []adminwire.Client
	for _, c := range answer.Clients {
		switch {
		case text == c.ClientID || text == lastPart(c.ClientID):
			return c, nil
		case text == "" || text != c.Label:
		case c.State == "live":
			live = append(live, c)
		default:
			revoked = append(revoked, c)
		}
	}
	if len(live) == 0 {
		live = revoked
	}
	found, err := one(live, false, text, "client", tenant, "id or label", func(c adminwire.Client) (id, name string) {
		return c.ClientID, strings.TrimPrefix(c.Label+", "+c.State, ", ")
	})
	if len(live) == 0 {
		return found, notFoundError(fmt.Sprintf("%v; 'rollcall client list %s' lists them", err, tenant))
	}
	return found, err
}

// lastPart returns the part of a client's id that names it within its tenant.
func lastPart(clientID string) string { return clientID[strings.LastIndex(clientID, "_")+1:] }

// clients offers a tenant's clients that are not revoked.
func (a *asking) clients(ctx context.Context, before []string) []cobra.Completion {
	return names(ctx, a, tenantPath(before[0], "clients"), func(page adminwire.Clients, offer offer) {
		for _, c := range page.Clients {
			if c.State == "live" {
				offer(c.ClientID, c.Label)
			}
		}
	})
}

// connectToClient connects to the service, and finds the client args[1] of the tenant args[0].
func (a *asking) connectToClient(c *cobra.Command, args []string) (place, adminwire.Client, error) {
	p, err := a.connect(c.Context())
	if err != nil {
		return place{}, adminwire.Client{}, err
	}
	found, err := p.oauthClient(c.Context(), args[0], args[1])
	return p, found, err
}

// expiry returns the value of the flag --expires, nil without one.
func expiry(given string) (*time.Time, error) {
	if given == "" {
		return nil, nil //nolint:nilnil // the service's own
	}
	at, err := parseExpiry(given, time.Now())
	return &at, err
}

const expiresUsage = "`TIME` at which the secret expires, or how long it works, for example 90d; a year without it"

// secretFlags are the flags of a command that creates a secret.
type secretFlags struct {
	asking
	label, expires string
}

func clientCreate() *cobra.Command {
	var o secretFlags
	noSecret := false
	c := o.add(&cobra.Command{
		Use: "create TENANT", Short: "create an OAuth client for an identity provider", Args: takes(1),
		Long:    "Create an OAuth client for an identity provider, with a secret. The secret is shown only\nonce. " + secretsHelp + "\n\nWith --no-secret, let assertions authenticate the client: 'rollcall client federate' or\n'rollcall client keys'.",
		Example: "  rollcall client create acme --label \"Entra production\"\n  rollcall client create acme --expires 180d --json\n  rollcall client create acme --no-secret",
		RunE: func(c *cobra.Command, args []string) error {
			if noSecret && o.expires != "" {
				return mistake("--expires is of the secret, and --no-secret asks for none: leave one of them out")
			}
			body := adminwire.NewClient{Label: o.label}
			if noSecret {
				body.Secret = adminwire.Of(false)
			}
			var err error
			if body.ExpiresAt, err = expiry(o.expires); err != nil {
				return err
			}
			made, err := connectAndCall[adminwire.CreatedClient](&o.asking, c, http.MethodPost, tenantPath(args[0], "clients"), nil, body)
			if err != nil {
				return err
			}
			return o.show(c, made, func(w io.Writer) { printCreated(w, args[0], made) })
		},
	})
	c.Flags().StringVar(&o.label, "label", "", "`TEXT` that names the client, for example \"Entra production\"")
	c.Flags().StringVar(&o.expires, "expires", "", expiresUsage)
	c.Flags().BoolVar(&noSecret, "no-secret", false, "create no secret")
	return completes(c, false, o.tenants)
}

// printCreated prints a new client with what to enter in the identity provider.
func printCreated(w io.Writer, tenant string, made adminwire.CreatedClient) {
	rows := [][2]string{{"client id", text(made.ClientID)}}
	next := fmt.Sprintf("It needs assertions to authenticate:\n  rollcall client federate %s %s --issuer ISSUER --subject SUBJECT --audience AUDIENCE --jwks-uri URL\n  rollcall client keys %[1]s %[2]s --jwks FILE", visible(tenant), text(made.ClientID))
	if made.Text != "" {
		rows = append(rows, [2]string{"client secret", made.Text}, [2]string{"secret id", text(made.SecretID)}, [2]string{"expires", seconds(made.ExpiresAt)})
		next = once
	}
	labelled(w, "", append(rows, [2]string{"token endpoint", text(made.TokenEndpoint)}))
	fmt.Fprintf(w, "\n%s\n", next)
}

func clientList() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "list TENANT", Short: "list OAuth clients, without their secrets", Args: takes(1),
		Example: "  rollcall client list acme",
		RunE: func(c *cobra.Command, args []string) error {
			answer, err := connectAndCall[adminwire.Clients](&a, c, http.MethodGet, tenantPath(args[0], "clients"), nil, nil)
			if err != nil {
				return err
			}
			return a.show(c, answer, func(w io.Writer) {
				rows := make([][]string, len(answer.Clients))
				for i, one := range answer.Clients {
					_, last := one.LiveSecrets()
					rows[i] = []string{
						text(one.ClientID), text(one.Label), text(one.State), otherwise(seconds(one.LastUsedAt), "never"), methods(one), seconds(last),
					}
				}
				printList(w, "clients", []column{
					{"CLIENT", stays},
					{"LABEL", stays},
					{"STATE", stays},
					{"LAST USED", stays},
					{"AUTHENTICATES BY", below},
					{"SECRETS END", below},
				}, rows)
			})
		},
	}), false, a.tenants)
}

// methods says in words how a client authenticates.
func methods(c adminwire.Client) string {
	return otherwise(text(strings.Join(c.Methods(), ", ")), "nothing")
}

func clientShow() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "show TENANT CLIENT", Short: "show an OAuth client and how it authenticates", Args: takes(2),
		Long: "Show an OAuth client and how it authenticates, without the texts of its secrets.\n\n" + clientHelp, Example: "  rollcall client show acme \"Entra production\"",
		RunE: func(c *cobra.Command, args []string) error {
			_, found, err := a.connectToClient(c, args)
			if err != nil {
				return err
			}
			return a.show(c, found, func(w io.Writer) { printClient(w, found) })
		},
	}), false, a.tenants, a.clients)
}

func clientLabel() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "label TENANT CLIENT TEXT", Short: "change the label of an OAuth client", Args: takes(3),
		Long:    "Change the label of an OAuth client, which names it in lists and in the log. \"\" removes it.\n\n" + clientHelp,
		Example: "  rollcall client label acme 43f6gntrpcq5oujm \"Entra production\"",
		RunE: func(c *cobra.Command, args []string) error {
			if credential.In(args[2]) {
				return mistake("The label is a secret, and labels are stored and shown. Give another one.")
			}
			p, found, err := a.connectToClient(c, args)
			if err != nil {
				return err
			}
			body := adminwire.ClientChange{Label: adminwire.Of(args[2])}
			changed, err := call[adminwire.Client](c.Context(), p, http.MethodPatch, tenantPath(args[0], "clients", found.ClientID), nil, body)
			if err != nil {
				return err
			}
			return a.show(c, changed, func(w io.Writer) { printClient(w, changed) })
		},
	}), false, a.tenants, a.clients)
}

func printClient(w io.Writer, c adminwire.Client) {
	rows := [][2]string{
		{"client id", text(c.ClientID)},
		{"label", text(c.Label)},
		{"state", text(c.State)},
		{"created", seconds(c.CreatedAt)},
		{"last used", otherwise(seconds(c.LastUsedAt), "never")},
		{"token endpoint", text(c.TokenEndpoint)},
	}
	if c.RevokedAt != nil {
		rows = append(rows, [2]string{"revoked", seconds(c.RevokedAt)})
	}
	if f := c.Federation; f != nil {
		rows = append(rows, [2]string{"issuer", text(f.Issuer)}, [2]string{"subject", text(f.Subject)}, [2]string{"audience", text(f.Audience)}, [2]string{"keys of it", text(f.JWKSURI)})
	}
	if c.Keys != nil {
		rows = append(rows, [2]string{"own keys", text(strings.Join(c.Keys.Names(), ", "))})
	}
	labelled(w, "", rows)
	if len(c.Secrets) == 0 {
		return
	}
	fmt.Fprintln(w)
	list := make([][]string, len(c.Secrets))
	for i, s := range c.Secrets {
		list[i] = []string{text(s.SecretID), text(s.Label), text(s.LastFour), text(s.State), otherwise(seconds(s.LastUsedAt), "never"), seconds(s.ExpiresAt)}
	}
	printTable(w, []column{{"SECRET", stays}, {"LABEL", left}, {"ENDS IN", stays}, {"STATE", stays}, {"LAST USED", below}, {"EXPIRES", stays}}, list)
}

func clientRotate() *cobra.Command {
	var o secretFlags
	end, yes := "", false
	c := addYes(o.add(&cobra.Command{
		Use: "rotate TENANT CLIENT", Short: "create a second secret, or end the first one", Args: takes(2),
		Long: "Create a secret of an OAuth client beside those that it has, which still work. The secret is\nshown only once. " + secretsHelp + ` Once the identity provider uses it, end the one before
with --end: access tokens that it got stop working within 10 seconds.

` + clientHelp + ` SECRET is a secret's id, its label, or the last four
characters of its text.

--end asks for confirmation. Without a terminal it needs --yes.`,
		Example: "  rollcall client rotate acme \"Entra production\" --expires 180d\n  rollcall client rotate acme \"Entra production\" --end 43f6gntrpcq5oujm",
		RunE: func(c *cobra.Command, args []string) error {
			if end == "" {
				return o.addSecret(c, args)
			}
			if o.label != "" || o.expires != "" {
				return mistake("--end takes neither --label nor --expires: they are of a new secret")
			}
			return o.endSecret(c, args, end, yes)
		},
	}), &yes)
	c.Flags().StringVar(&o.label, "label", "", "`TEXT` that names the secret")
	c.Flags().StringVar(&o.expires, "expires", "", expiresUsage)
	c.Flags().StringVar(&end, "end", "", "end `SECRET`, and create none")
	return completes(c, false, o.tenants, o.clients)
}

// addSecret creates a secret of the client args[1].
func (o *secretFlags) addSecret(c *cobra.Command, args []string) error {
	ends, err := expiry(o.expires)
	if err != nil {
		return err
	}
	p, found, err := o.connectToClient(c, args)
	if err != nil {
		return err
	}
	made, err := call[adminwire.CreatedClientSecret](c.Context(), p, http.MethodPost, tenantPath(args[0], "clients", found.ClientID, "secrets"), nil,
		adminwire.NewClientSecret{Label: o.label, ExpiresAt: ends})
	if err != nil {
		return err
	}
	return o.show(c, made, func(w io.Writer) {
		labelled(w, "", [][2]string{
			{"client id", text(made.ClientID)},
			{"client secret", made.Text},
			{"secret id", text(made.SecretID)},
			{"expires", seconds(made.ExpiresAt)},
			{"token endpoint", text(made.TokenEndpoint)},
		})
		fmt.Fprintf(w, "\n%s\n", once)
	})
}

// endSecret revokes a secret of the client args[1].
func (o *secretFlags) endSecret(c *cobra.Command, args []string, secret string, yes bool) error {
	if err := askable(c, yes); err != nil {
		return err
	}
	p, found, err := o.connectToClient(c, args)
	if err != nil {
		return err
	}
	s, err := secretOf(found, secret)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("This ends the secret %s of the client %s, which ends in %s. It cannot be restored, and access tokens that it got stop working.", text(s.SecretID), text(found.ClientID), text(s.LastFour))
	if n, _ := found.LiveSecrets(); n == 1 && s.State == "live" {
		what += " It is the last secret that works."
	}
	if err := confirm(c, yes, what, "yes"); err != nil {
		return err
	}
	if _, err := p.do(c.Context(), http.MethodDelete, tenantPath(args[0], "clients", found.ClientID, "secrets", s.SecretID), nil, nil); err != nil {
		return err
	}
	return o.show(c, deleted{ID: s.SecretID}, func(w io.Writer) {
		fmt.Fprintf(w, "Secret %s is revoked. It stops working within 10 seconds.\n", text(s.SecretID))
	})
}

// secretOf finds the secret of a client that a text means: by id, by a whole label, or by its
// last four characters. Secrets that do not work are passed over where one that works matches.
func secretOf(c adminwire.Client, given string) (adminwire.ClientSecret, error) {
	if credential.In(given) {
		return adminwire.ClientSecret{}, mistake("--end is the text of a secret. Give its id, its label, or its last four characters.")
	}
	var live, others []adminwire.ClientSecret
	for _, s := range c.Secrets {
		switch {
		case given == s.SecretID:
			return s, nil
		case given != s.Label && given != s.LastFour:
		case s.State == "live":
			live = append(live, s)
		default:
			others = append(others, s)
		}
	}
	if len(live) == 0 {
		live = others
	}
	return one(live, false, given, "secret", c.ClientID, "id, the label or the last four characters", func(s adminwire.ClientSecret) (id, name string) {
		return s.SecretID, strings.TrimPrefix(s.Label+", "+s.State, ", ")
	})
}

func clientFederate() *cobra.Command {
	var a asking
	var body adminwire.NewFederation
	remove, yes := false, false
	c := addYes(a.add(&cobra.Command{
		Use: "federate TENANT CLIENT", Short: "let another issuer's assertions authenticate a client", Args: takes(2),
		Long: `Let assertions of another issuer authenticate an OAuth client, in place of a secret (workload
identity federation). An assertion must have exactly this issuer, subject and audience, and a
signature by a key of the URL, whose host the deployment allows:

  rollcall client federate acme "Entra production" \
    --issuer https://login.microsoftonline.com/TENANT_ID/v2.0 \
    --subject OBJECT_ID --audience api://rollcall \
    --jwks-uri https://login.microsoftonline.com/TENANT_ID/discovery/v2.0/keys

` + clientHelp + `

--remove asks for confirmation. Without a terminal it needs --yes.`,
		Example: "  rollcall client federate acme \"Entra production\" --remove",
		RunE: func(c *cobra.Command, args []string) error {
			given := 0
			for _, value := range []string{body.Issuer, body.Subject, body.Audience, body.JWKSURI} {
				if value != "" {
					given++
				}
			}
			switch {
			case remove && given > 0:
				return mistake("--remove takes no --issuer, --subject, --audience or --jwks-uri")
			case remove:
				return a.removeMethod(c, args, yes, "federation", "the federation")
			case given < 4:
				return mistake("give all of --issuer, --subject, --audience and --jwks-uri, or --remove")
			}
			return a.setMethod(c, args, "federation", body, "Assertions of this issuer authenticate the client within 10 seconds.")
		},
	}), &yes)
	c.Flags().StringVar(&body.Issuer, "issuer", "", "`TEXT` of the claim iss")
	c.Flags().StringVar(&body.Subject, "subject", "", "`TEXT` of the claim sub")
	c.Flags().StringVar(&body.Audience, "audience", "", "`TEXT` of the claim aud")
	c.Flags().StringVar(&body.JWKSURI, "jwks-uri", "", "`URL` of the issuer's keys")
	c.Flags().BoolVar(&remove, "remove", false, "remove the federation; access tokens that it got stop working")
	return completes(c, false, a.tenants, a.clients)
}

func clientKeys() *cobra.Command {
	var a asking
	file := ""
	remove, yes := false, false
	c := addYes(a.add(&cobra.Command{
		Use: "keys TENANT CLIENT", Short: "set the public keys of a client (private_key_jwt)", Args: takes(2),
		Long: `Set the public keys with which an OAuth client signs its assertions, in place of a secret
(private_key_jwt). FILE is a JWK Set with at most 10 public keys, RSA or P-256. Files
with a private key are refused.

` + clientHelp + `

--remove asks for confirmation. Without a terminal it needs --yes.`,
		Example: "  rollcall client keys acme \"Okta production\" --jwks keys.json\n  rollcall client keys acme \"Okta production\" --remove",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case remove && file != "":
				return mistake("--remove and --jwks exclude each other: choose one")
			case remove:
				return a.removeMethod(c, args, yes, "keys", "the keys")
			case file == "":
				return mistake("give --jwks FILE, or --remove")
			}
			set, err := readJWKS(file)
			if err != nil {
				return err
			}
			return a.setMethod(c, args, "keys", adminwire.NewClientKeys{JWKS: set}, "Assertions that are signed by these keys authenticate the client within 10 seconds.")
		},
	}), &yes)
	c.Flags().StringVar(&file, "jwks", "", "`FILE` with the JWK Set")
	c.Flags().BoolVar(&remove, "remove", false, "remove the keys; access tokens that they got stop working")
	_ = c.MarkFlagFilename("jwks", "json")
	return completes(c, false, a.tenants, a.clients)
}

// setMethod sets the federation or the keys of the client args[1].
func (a *asking) setMethod(c *cobra.Command, args []string, segment string, body any, done string) error {
	p, found, err := a.connectToClient(c, args)
	if err != nil {
		return err
	}
	changed, err := call[adminwire.Client](c.Context(), p, http.MethodPut, tenantPath(args[0], "clients", found.ClientID, segment), nil, body)
	if err != nil {
		return err
	}
	return a.show(c, changed, func(w io.Writer) {
		printClient(w, changed)
		fmt.Fprintf(w, "\n%s\n", done)
	})
}

// removeMethod removes the federation or the keys of the client args[1].
func (a *asking) removeMethod(c *cobra.Command, args []string, yes bool, segment, what string) error {
	if err := askable(c, yes); err != nil {
		return err
	}
	p, found, err := a.connectToClient(c, args)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("This removes %s of the client %s, which authenticates by: %s. Access tokens that the removed method got stop working.", what, text(found.ClientID), methods(found))
	if err := confirm(c, yes, question, "yes"); err != nil {
		return err
	}
	if _, err := p.do(c.Context(), http.MethodDelete, tenantPath(args[0], "clients", found.ClientID, segment), nil, nil); err != nil {
		return err
	}
	return a.show(c, deleted{ID: found.ClientID}, func(w io.Writer) {
		fmt.Fprintf(w, "Removed %s of %s. It stops working within 10 seconds.\n", what, text(found.ClientID))
	})
}

func clientRevoke() *cobra.Command {
	var a asking
	yes := false
	return completes(addYes(a.add(&cobra.Command{
		Use: "revoke TENANT CLIENT", Short: "revoke an OAuth client; provisioning with it stops", Args: takes(2),
		Long: `Revoke an OAuth client. It gets no access tokens from now on, and those that it has stop
working within 10 seconds. It cannot be restored. 'rollcall client rotate' replaces a secret
without an interruption.

` + clientHelp + `

The command asks for confirmation. Without a terminal it needs --yes.`,
		Example: "  rollcall client revoke acme \"Entra production\"\n  rollcall client revoke acme 43f6gntrpcq5oujm --yes",
		RunE: func(c *cobra.Command, args []string) error {
			if err := askable(c, yes); err != nil {
				return err
			}
			p, found, err := a.connectToClient(c, args)
			if err != nil {
				return err
			}
			used := "It was never used."
			if found.LastUsedAt != nil {
				// The time is stored to the hour.
				used = "It was last used at " + seconds(found.LastUsedAt) + " or within the hour after."
			}
			what := fmt.Sprintf("This revokes the client %s (%s) of %s. %s\nProvisioning with it stops, and it cannot be restored.", text(found.ClientID), text(found.Label), visible(args[0]), used)
			if err := confirm(c, yes, what, "yes"); err != nil {
				return err
			}
			if _, err := p.do(c.Context(), http.MethodDelete, tenantPath(args[0], "clients", found.ClientID), nil, nil); err != nil {
				return err
			}
			return a.show(c, deleted{ID: found.ClientID}, func(w io.Writer) {
				fmt.Fprintf(w, "Client %s is revoked. Its access tokens stop working within 10 seconds.\n", text(found.ClientID))
			})
		},
	}), &yes), false, a.tenants, a.clients)
}

// readJWKS reads a JWK Set from a file. A private key is not sent.
func readJWKS(file string) (map[string]any, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the keys cannot be read: %w", err)
	}
	set, err := decoded[map[string]any](content)
	if err != nil {
		return nil, mistake("%s is not a JWK Set: it is no JSON object", file)
	}
	keys, _ := set["keys"].([]any)
	for _, key := range keys {
		members, _ := key.(map[string]any)
		if adminwire.PrivateMember(members) != "" {
			return nil, mistake("%s has a private key; nothing was sent. Give a JWK Set with the public keys only", file)
		}
	}
	if len(keys) == 0 {
		return nil, mistake(`%s is not a JWK Set: it has no "keys"`, file)
	}
	return set, nil
}
