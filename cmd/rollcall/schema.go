package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func newSchema() *cobra.Command {
	var list, get asking
	return parent("schema", "a tenant's own schemas",
		completes(list.add(&cobra.Command{
			Use: "list TENANT", Short: "list the schemas of a tenant", Args: takes(1),
			Example: "  rollcall schema list acme",
			RunE: func(c *cobra.Command, args []string) error {
				answer, err := connectAndCall[adminwire.Schemas](&list, c, http.MethodGet, tenantPath(args[0], "schemas"), nil, nil)
				if err != nil {
					return err
				}
				return list.show(c, answer, func(w io.Writer) {
					var rows [][]string
					for _, s := range answer.Schemas {
						rows = append(rows, []string{text(s.Schema["id"]), text(s.ResourceType), text(s.Required), text(s.Schema["name"])})
					}
					printList(w, "schemas", []column{{"SCHEMA", stays}, {"EXTENDS", stays}, {"REQUIRED", stays}, {"NAME", below}}, rows)
				})
			},
		}), false, list.tenants),
		completes(get.add(&cobra.Command{
			Use: "get TENANT URN", Short: "print a schema, as JSON", Args: takes(2),
			Example: "  rollcall schema get acme urn:example:hr:1.0:Person",
			RunE: func(c *cobra.Command, args []string) error {
				answer, err := connectAndCall[adminwire.Schema](&get, c, http.MethodGet, tenantPath(args[0], "schemas", args[1]), nil, nil)
				if err != nil {
					return err
				}
				get.json = true
				return get.show(c, answer, nil)
			},
		}), false, get.tenants, get.schemas),
		schemaPut(),
		schemaDelete())
}

func schemaPut() *cobra.Command {
	var a asking
	return withFile(a.add(&cobra.Command{
		Use: "put TENANT FILE", Short: "register a schema, or replace the one with its URN", Args: takes(2),
		Long:    "Register a schema of a tenant, or replace the one with its URN (docs/reference/tenant-schemas.md).",
		Example: "  rollcall schema put acme docs/examples/hr-person.json",
		RunE: func(c *cobra.Command, args []string) error {
			content, err := os.ReadFile(args[1])
			if err != nil {
				return fmt.Errorf("the schema cannot be read: %w", err)
			}
			var sent struct {
				ID     string `json:"id"`
				Schema struct {
					ID string `json:"id"`
				} `json:"schema"`
			}
			if err := json.Unmarshal(content, &sent); err != nil {
				return fmt.Errorf("%s is not a JSON object: %w", args[1], err)
			}
			urn := sent.Schema.ID
			if urn == "" {
				urn = sent.ID
			}
			if urn == "" {
				return fmt.Errorf("%s has no id: the URN of the schema", args[1])
			}
			answer, err := connectAndCall[adminwire.Schema](&a, c, http.MethodPut, tenantPath(args[0], "schemas", urn), nil, json.RawMessage(content))
			if err != nil {
				return err
			}
			return a.show(c, answer, func(w io.Writer) {
				fmt.Fprintf(w, "%s is registered. It takes effect within 10 seconds.\n", text(urn))
			})
		},
	}), a.tenants)
}

func schemaDelete() *cobra.Command {
	var a asking
	yes := false
	return completes(addYes(a.add(&cobra.Command{
		Use: "delete TENANT URN", Short: "delete a schema; stored values of it are no longer served", Args: takes(2),
		Long: `Delete a schema of a tenant. Values of its attributes stay stored with users and
groups, but are no longer returned, and identity providers can no longer write them.

The command asks for confirmation. Without a terminal it needs --yes.`,
		Example: "  rollcall schema delete acme urn:example:hr:1.0:Person",
		RunE: func(c *cobra.Command, args []string) error {
			if err := askable(c, yes); err != nil {
				return err
			}
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			path := tenantPath(args[0], "schemas", args[1])
			if _, err := p.do(c.Context(), http.MethodGet, path, nil, nil); err != nil {
				return err
			}
			what := fmt.Sprintf("This deletes the schema %s of %s. Values of its attributes are no longer returned or written.", visible(args[1]), visible(args[0]))
			if err := confirm(c, yes, what, "yes"); err != nil {
				return err
			}
			if _, err := p.do(c.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return err
			}
			return a.show(c, deleted{ID: args[1]}, func(w io.Writer) { fmt.Fprintf(w, "%s is deleted.\n", text(args[1])) })
		},
	}), &yes), false, a.tenants, a.schemas)
}

// withFile sets the completer of the first argument of a command. The second
// argument is a file.
func withFile(c *cobra.Command, first completer) *cobra.Command {
	completes(c, false, first)
	offer := c.ValidArgsFunction
	c.ValidArgsFunction = func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return []cobra.Completion{"json"}, cobra.ShellCompDirectiveFilterFileExt
		}
		return offer(c, args, typed)
	}
	return c
}
