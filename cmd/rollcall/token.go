package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

const tokenHelp = "TOKEN is a token's id, its label, or the last four characters of its text."

func newToken() *cobra.Command {
	rotate := parent("rotate", "replace a token while both work",
		tokenMint("start TENANT TOKEN", "create a token that replaces another; both work for now", 2,
			"  rollcall token rotate start acme \"Okta production\""),
		tokenRotation("complete", "revoke the old token", http.MethodPut, "Token %s is revoked: only the new token works now."),
		tokenRotation("cancel", "revoke the new token", http.MethodDelete, "The rotation is cancelled: token %s still works, and the new token is revoked."))
	return parent("token", "create, list, rotate and revoke tokens",
		tokenList(), tokenMint("create TENANT", "create a token for an identity provider", 1,
			"  rollcall token create acme --label \"Okta production\"\n  rollcall token create acme --expires 2027-01-31T00:00:00Z --quiet"),
		rotate, tokenRevoke())
}

func tokenList() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "list TENANT", Short: "list tokens, without their texts", Args: takes(1),
		Example: "  rollcall token list acme",
		RunE: func(c *cobra.Command, args []string) error {
			answer, err := connectAndCall[adminwire.Tokens](&a, c, http.MethodGet, tenantPath(args[0], "tokens"), nil, nil)
			if err != nil {
				return err
			}
			return a.show(c, answer, func(w io.Writer) {
				rows := make([][]string, len(answer.Tokens))
				for i, t := range answer.Tokens {
					rows[i] = []string{
						text(t.ID), text(t.Label), text(t.LastFour), text(t.State),
						otherwise(seconds(t.LastUsedAt), "never"), otherwise(seconds(t.ExpiresAt), "never"), text(t.Replaces),
					}
				}
				printList(w, "tokens", []column{
					{"TOKEN", stays},
					{"LABEL", stays},
					{"ENDS IN", stays},
					{"STATE", stays},
					{"LAST USED", stays},
					{"EXPIRES", below},
					{"REPLACES", below},
				}, rows)
			})
		},
	}), false, a.tenants)
}

// otherwise returns a value for a table, or the word none if the value is
// empty.
func otherwise(value, none string) string {
	if value == "-" {
		return none
	}
	return value
}

// mintFlags are the flags of a command that creates a token.
type mintFlags struct {
	asking
	label, expires string
	quiet          bool
}

// tokenMint returns a command that creates a token. With two arguments, the new token
// replaces the one named by the second. The token's text is printed only once.
func tokenMint(use, short string, arguments int, example string) *cobra.Command {
	var o mintFlags
	long := sentence(short) + "\n\nThe token is shown only once."
	offers := []completer{o.tenants}
	if arguments == 2 {
		long += " " + tokenHelp
		offers = append(offers, o.tokens)
	}
	c := o.add(&cobra.Command{
		Use: use, Short: short, Long: long, Args: takes(arguments), Example: example,
		RunE: func(c *cobra.Command, args []string) error { return o.mint(c, args) },
	})
	c.Flags().StringVar(&o.label, "label", "", "`TEXT` that names the token, for example \"Okta production\"")
	c.Flags().StringVar(&o.expires, "expires", "", "`TIME` at which it expires, or how long it works, for example 90d; never if it is left out")
	c.Flags().BoolVar(&o.quiet, "quiet", false, "print only the token")
	return completes(c, false, offers...)
}

// mint creates a token of the tenant args[0], which replaces the token args[1] if it is given.
func (o *mintFlags) mint(c *cobra.Command, args []string) error {
	if o.quiet && o.json {
		return usageError{errors.New("--quiet and --json exclude each other: choose one")}
	}
	body := adminwire.NewToken{Label: o.label}
	if o.expires != "" {
		at, err := parseExpiry(o.expires, time.Now())
		if err != nil {
			return err
		}
		body.ExpiresAt = &at
	}
	p, err := o.connect(c.Context())
	if err != nil {
		return err
	}
	path := tenantPath(args[0], "tokens")
	if len(args) == 2 {
		old, err := p.token(c.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		path = tenantPath(args[0], "tokens", old.ID, "rotation")
	}
	t, err := call[adminwire.MintedToken](c.Context(), p, http.MethodPost, path, nil, body)
	if err != nil {
		return err
	}
	return o.show(c, t, func(w io.Writer) {
		if o.quiet {
			fmt.Fprintln(w, t.Text)
			return
		}
		fmt.Fprintf(w, "token    %s\nid       %s\nexpires  %s\n\nThe token is shown only once: enter it in the identity provider now.\n",
			t.Text, t.ID, otherwise(text(t.ExpiresAt), "never"))
	})
}

// parseExpiry parses the expiry of a token: a time, or a time from now.
func parseExpiry(s string, now time.Time) (time.Time, error) {
	at, err := parseMoment(s, now)
	if age, ok := parseAge(s); ok {
		at = now.Add(age)
	} else if err != nil {
		return time.Time{}, mistake("--expires: %q is not a time: give a time, for example 2027-01-31T00:00:00Z, or how long from now, for example 12h or 90d", s)
	}
	return at.UTC(), nil
}

// tokenRotation returns a command that ends a rotation.
func tokenRotation(name, short, method, done string) *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: name + " TENANT TOKEN", Short: short, Args: takes(2),
		Long:    sentence(short) + "\n\nTOKEN is the old token or the new one, by its id, its label, or the last four\ncharacters of its text.",
		Example: "  rollcall token rotate " + name + " acme \"Okta production\"",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			old, err := p.rotated(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if _, err := p.do(c.Context(), method, tenantPath(args[0], "tokens", old, "rotation"), nil, nil); err != nil {
				return err
			}
			return a.show(c, deleted{ID: old}, func(w io.Writer) { fmt.Fprintf(w, done+"\n", old) })
		},
	}), false, a.tenants, a.tokens)
}

func tokenRevoke() *cobra.Command {
	var a asking
	yes := false
	return completes(addYes(a.add(&cobra.Command{
		Use: "revoke TENANT TOKEN", Short: "revoke a token; provisioning with it stops", Args: takes(2),
		Long: `Revoke a token. It stops working within 10 seconds, and cannot be restored.
'rollcall token rotate' replaces a token without an interruption.

` + tokenHelp + `

The command asks for confirmation. Without a terminal it needs --yes.`,
		Example: "  rollcall token revoke acme \"Okta production\"\n  rollcall token revoke acme 43f6gntrpcq5oujm --yes",
		RunE: func(c *cobra.Command, args []string) error {
			if err := askable(c, yes); err != nil {
				return err
			}
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			t, err := p.token(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if err := confirm(c, yes, revocation(args[0], t), "yes"); err != nil {
				return err
			}
			if _, err := p.do(c.Context(), http.MethodDelete, tenantPath(args[0], "tokens", t.ID), nil, nil); err != nil {
				return err
			}
			return a.show(c, deleted{ID: t.ID}, func(w io.Writer) {
				fmt.Fprintf(w, "Token %s is revoked. It stops working within 10 seconds.\n", text(t.ID))
			})
		},
	}), &yes), false, a.tenants, a.tokens)
}

// revocation describes the effect of revoking a token.
func revocation(tenant string, t adminwire.Token) string {
	name := fmt.Sprintf("token %s, which ends in %s", text(t.ID), text(t.LastFour))
	if t.Label != "" {
		name = fmt.Sprintf("token %q (%s, ends in %s)", visible(t.Label), text(t.ID), text(t.LastFour))
	}
	used := "It was never used."
	if t.LastUsedAt != nil {
		// The time is stored to the hour.
		used = "It was last used at " + seconds(t.LastUsedAt) + " or within the hour after."
	}
	return fmt.Sprintf("This revokes the %s of %s. %s\nProvisioning with this token stops, and the token cannot be restored.", name, visible(tenant), used)
}
