package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/cause"
)

// completeTime is the longest time that the shell waits for names of the service.
const completeTime = time.Second

// completer offers the values of one argument. before are the arguments before it.
type completer func(ctx context.Context, before []string) []cobra.Completion

// completes sets a completer for each argument of a command; if again is set, the last
// one completes all further arguments too.
func completes(c *cobra.Command, again bool, each ...completer) *cobra.Command {
	c.ValidArgsFunction = func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		at := len(args)
		if again {
			at = min(at, len(each)-1)
		}
		if at >= len(each) || each[at] == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offered(each[at](c.Context(), args), typed)
	}
	return c
}

// completesFlag sets the values that the shell offers for a flag.
func completesFlag(c *cobra.Command, name string, offer completer) {
	_ = c.RegisterFlagCompletionFunc(name, func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return offered(offer(c.Context(), args), typed)
	})
}

// offered returns the values that begin with what was typed.
func offered(values []cobra.Completion, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var begin []cobra.Completion
	directive := cobra.ShellCompDirectiveNoFileComp
	for _, value := range values {
		if strings.HasPrefix(value, typed) {
			begin = append(begin, value)
			if strings.HasSuffix(value, "=") {
				directive |= cobra.ShellCompDirectiveNoSpace
			}
		}
	}
	return begin, directive
}

// oneOf offers fixed values.
func oneOf(values ...string) completer {
	return func(context.Context, []string) []cobra.Completion { return values }
}

// causes offers the causes that this version knows.
func causes(context.Context, []string) []cobra.Completion {
	var values []cobra.Completion
	for _, c := range cause.Causes() {
		values = append(values, cobra.CompletionWithDesc(string(c), c.Meaning().Summary))
	}
	return values
}

// settingNames offers what can be set, with its values.
func settingNames(all []setting) completer {
	return func(context.Context, []string) []cobra.Completion {
		var values []cobra.Completion
		for _, s := range all {
			values = append(values, s.name+"=")
			for _, choice := range s.values() {
				values = append(values, s.name+"="+choice)
			}
		}
		return values
	}
}

// tenants offers the tenants of the service that the flags, the environment or the state
// file name: nothing if it does not answer soon.
func (a *asking) tenants(ctx context.Context, _ []string) []cobra.Completion {
	return names(ctx, a, "/tenants", func(page adminwire.Tenants, offer offer) {
		for _, t := range page.Tenants {
			offer(t.ID, t.DisplayName)
		}
	})
}

// tokens offers a tenant's tokens that work.
func (a *asking) tokens(ctx context.Context, before []string) []cobra.Completion {
	return names(ctx, a, tenantPath(before[0], "tokens"), func(page adminwire.Tokens, offer offer) {
		for _, t := range page.Tokens {
			if t.State == "live" {
				offer(t.ID, t.Label)
			}
		}
	})
}

// groups offers a tenant's groups.
func (a *asking) groups(ctx context.Context, before []string) []cobra.Completion {
	return names(ctx, a, tenantPath(before[0], "groups"), func(page adminwire.Groups, offer offer) {
		for _, g := range page.Groups {
			offer(g.DisplayName, string(g.ExternalID))
		}
	})
}

// schemas offers the URNs of a tenant's schemas.
func (a *asking) schemas(ctx context.Context, before []string) []cobra.Completion {
	return names(ctx, a, tenantPath(before[0], "schemas"), func(page adminwire.Schemas, offer offer) {
		for _, s := range page.Schemas {
			urn, _ := s.Schema["id"].(string)
			offer(urn, "")
		}
	})
}

// offer adds a value, with a text that describes it.
type offer func(value, about string)

// names offers the names on the first page of a list, or none if there is no answer
// within a second. An error is not printed: the shell would print it into the command
// line.
func names[D any](ctx context.Context, a *asking, path string, each func(D, offer)) []cobra.Completion {
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	answered := make(chan []cobra.Completion, 1)
	go func() {
		var values []cobra.Completion
		if p, err := a.connect(ctx); err == nil {
			page, _ := call[D](ctx, p, http.MethodGet, path, nil, nil)
			each(page, func(value, about string) {
				switch {
				case value == "" || value != visible(value):
				case about == "":
					values = append(values, value)
				default:
					values = append(values, cobra.CompletionWithDesc(value, visible(about)))
				}
			})
		}
		answered <- values
	}()
	select {
	case values := <-answered:
		return values
	case <-ctx.Done():
		return nil
	}
}
