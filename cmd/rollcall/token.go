package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

func newToken() *cobra.Command {
	rotate := parent("rotate", "replace a token while both work",
		tokenMint("start TENANT TOKEN", "make a token beside this one", 2),
		tokenDo("complete TENANT TOKEN", "revoke the old token", http.MethodPut, "revoked: the new token alone works now", "rotation"),
		tokenDo("cancel TENANT TOKEN", "revoke the new token", http.MethodDelete, "cancelled: the old token goes on working", "rotation"))
	return parent("token", "make, list, rotate and revoke tokens",
		tokenList(), tokenMint("create TENANT", "make a token for an identity provider", 1),
		tokenDo("revoke TENANT TOKEN", "revoke a token", http.MethodDelete, "revoked: it is refused within 10 seconds"), rotate)
}

func tokenList() *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: "list TENANT", Short: "list tokens, without their texts", Args: takes(1),
		RunE: func(c *cobra.Command, args []string) error {
			answer, err := a.ask(c, http.MethodGet, tenantPath(args[0], "tokens"), nil, nil)
			if err != nil {
				return err
			}
			list, _ := answer["tokens"].([]any)
			return a.show(c, answer, func(w io.Writer) {
				aligned(w, []string{"TOKEN", "LABEL", "ENDS IN", "STATE", "LAST USED", "EXPIRES", "REPLACES"},
					members(list, "id", "label", "lastFour", "state", "lastUsedAt", "expiresAt", "replaces"))
			})
		},
	})
}

// tokenMint makes a token: its text is printed this once.
func tokenMint(use, short string, arguments int) *cobra.Command {
	var a asking
	var label, expires string
	quiet := false
	c := a.add(&cobra.Command{
		Use: use, Short: short, Args: takes(arguments),
		RunE: func(c *cobra.Command, args []string) error {
			if quiet && a.json {
				return usageError{errors.New("--quiet and --json exclude each other: choose one")}
			}
			body := map[string]any{}
			if label != "" {
				body["label"] = label
			}
			if expires != "" {
				body["expiresAt"] = expires
			}
			path := tenantPath(args[0], "tokens")
			if arguments == 2 {
				path = tenantPath(args[0], "tokens", args[1], "rotation")
			}
			t, err := a.ask(c, http.MethodPost, path, nil, body)
			if err != nil {
				return err
			}
			return a.show(c, t, func(w io.Writer) {
				if quiet {
					fmt.Fprintln(w, t["token"])
					return
				}
				fmt.Fprintf(w, "token  %v\nid     %v\nends   %s\n\nThe token is shown this once: put it into the identity provider now.\n", t["token"], t["id"], text(t["expiresAt"]))
			})
		},
	})
	c.Flags().StringVar(&label, "label", "", "`TEXT` to tell the token by")
	c.Flags().StringVar(&expires, "expires", "", "`TIME` at which it ends, such as 2027-01-31T00:00:00Z; without it, it has no end")
	c.Flags().BoolVar(&quiet, "quiet", false, "print the token alone")
	return c
}

// tokenDo does something to a token that has no answer.
func tokenDo(use, short, method, done string, below ...string) *cobra.Command {
	var a asking
	return a.add(&cobra.Command{
		Use: use, Short: short, Args: takes(2),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := a.ask(c, method, tenantPath(args[0], append([]string{"tokens", args[1]}, below...)...), nil, nil); err != nil {
				return err
			}
			return a.show(c, map[string]any{"id": args[1]}, func(w io.Writer) { fmt.Fprintf(w, "%s is %s.\n", args[1], done) })
		},
	})
}
