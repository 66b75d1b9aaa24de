package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"
)

func newSchema() *cobra.Command {
	var list, get, put, remove asking
	return parent("schema", "schemas of a tenant's own",
		list.add(&cobra.Command{
			Use: "list TENANT", Short: "list the schemas", Args: takes(1),
			RunE: func(c *cobra.Command, args []string) error {
				answer, err := list.ask(c, http.MethodGet, tenantPath(args[0], "schemas"), nil, nil)
				if err != nil {
					return err
				}
				return list.show(c, answer, func(w io.Writer) {
					var rows [][]string
					all, _ := answer["schemas"].([]any)
					for _, v := range all {
						v, _ := v.(map[string]any)
						schema, _ := v["schema"].(map[string]any)
						rows = append(rows, []string{text(schema["id"]), text(v["resourceType"]), text(v["required"]), text(schema["name"])})
					}
					aligned(w, []string{"SCHEMA", "EXTENDS", "REQUIRED", "NAME"}, rows)
				})
			},
		}),
		get.add(&cobra.Command{
			Use: "get TENANT URN", Short: "print a schema, as JSON", Args: takes(2),
			RunE: func(c *cobra.Command, args []string) error {
				answer, err := get.ask(c, http.MethodGet, tenantPath(args[0], "schemas", args[1]), nil, nil)
				if err != nil {
					return err
				}
				get.json = true
				return get.show(c, answer, nil)
			},
		}),
		put.add(&cobra.Command{
			Use: "put TENANT FILE", Short: "register a schema (docs/tenant-schemas.md), or replace that of its URN", Args: takes(2),
			RunE: func(c *cobra.Command, args []string) error {
				text, err := os.ReadFile(args[1])
				if err != nil {
					return fmt.Errorf("the schema cannot be read: %w", err)
				}
				var sent struct {
					ID     string `json:"id"`
					Schema struct {
						ID string `json:"id"`
					} `json:"schema"`
				}
				if err := json.Unmarshal(text, &sent); err != nil {
					return fmt.Errorf("%s is no JSON object: %w", args[1], err)
				}
				urn := sent.Schema.ID
				if urn == "" {
					urn = sent.ID
				}
				if urn == "" {
					return fmt.Errorf("%s has no id: the URN of the schema", args[1])
				}
				answer, err := put.ask(c, http.MethodPut, tenantPath(args[0], "schemas", urn), nil, json.RawMessage(text))
				if err != nil {
					return err
				}
				return put.show(c, answer, func(w io.Writer) { fmt.Fprintf(w, "%s is registered; it holds within 10 seconds.\n", urn) })
			},
		}),
		remove.add(&cobra.Command{
			Use: "delete TENANT URN", Short: "take a schema away; what resources have of it stays stored", Args: takes(2),
			RunE: func(c *cobra.Command, args []string) error {
				if _, err := remove.ask(c, http.MethodDelete, tenantPath(args[0], "schemas", args[1]), nil, nil); err != nil {
					return err
				}
				return remove.show(c, map[string]any{"id": args[1]}, func(w io.Writer) { fmt.Fprintf(w, "%s is taken away.\n", args[1]) })
			},
		}))
}
