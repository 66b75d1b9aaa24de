package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	jsonv1 "encoding/json"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// followEvery is how often events are asked for with --follow.
const followEvery = 5 * time.Second

// An eventReader prints the events of a tenant, and remembers where it is.
type eventReader struct {
	asking
	tenant  string
	query   adminwire.EventsQuery
	types   []string
	follow  bool
	printed int
}

func newEvents() *cobra.Command {
	var r eventReader
	c := r.add(&cobra.Command{
		Use: "events TENANT", Short: "list what has changed, oldest first",
		Example: "  rollcall events acme\n  rollcall events acme --follow --types user.deactivated,user.deleted\n  rollcall events acme --json --after CURSOR",
		Long: "List the committed changes of users and groups, and facts about provisioning, oldest first. A\n" +
			"change appears 15 seconds after its request. With --json each line is one event, with the user or\n" +
			"group as it is now. The last line on standard error has the cursor with which to go on.",
		Args: takes(1),
		RunE: func(c *cobra.Command, args []string) error {
			r.tenant, r.query.Types, r.query.Limit = args[0], strings.Join(r.types, ","), 500
			return r.run(c)
		},
	})
	c.Flags().BoolVarP(&r.follow, "follow", "f", false, "wait for further events until interrupted")
	c.Flags().StringVar(&r.query.After, "after", "", "go on at this `CURSOR`; without it at the oldest event kept")
	c.Flags().StringSliceVar(&r.types, "types", nil, "`TYPES` of events, separated by commas; all without it")
	completesFlag(c, "types", eventTypes)
	return completes(c, false, r.tenants)
}

// run prints events until no more follow, or until the command is interrupted.
func (r *eventReader) run(c *cobra.Command) error {
	p, err := r.connect(c.Context())
	if err != nil {
		return err
	}
	for {
		if err = r.pages(c, p); err != nil || !r.follow {
			break
		}
		if err = wait(c.Context(), followEvery); err != nil {
			break
		}
	}
	if r.follow && c.Context().Err() != nil {
		err = nil // that is how it ends
	}
	if r.printed == 0 && err == nil && !r.json {
		fmt.Fprintln(c.OutOrStdout(), "No events found. A change appears 15 seconds after its request.")
	}
	if r.query.After != "" && err == nil {
		fmt.Fprintf(c.ErrOrStderr(), "Go on with --after %s\n", r.query.After)
	}
	return err
}

// pages prints the events that there are now.
func (r *eventReader) pages(c *cobra.Command, p place) error {
	for page, err := range p.client.EventPages(c.Context(), r.tenant, r.query) {
		if err != nil {
			return expiredCursor(p.advised(c.Context(), tenantPath(r.tenant), err))
		}
		for _, e := range page.Events {
			if err := r.print(c.OutOrStdout(), e); err != nil {
				return err
			}
			r.printed++
		}
		r.query.After = page.Next
	}
	return nil
}

// expiredCursor returns the error about a cursor that is too old with the one to go on with.
func expiredCursor(err error) error {
	var problem *adminclient.Problem
	if errors.As(err, &problem) && problem.Next != "" {
		problem.Detail = strings.Replace(problem.Detail, "continue with next as after", "go on with --after "+problem.Next, 1)
	}
	return err
}

// wait waits, or returns the error of a context that ends before.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// print prints an event in one line.
func (r *eventReader) print(w io.Writer, e adminwire.Event) error {
	if r.json {
		encoded, err := adminwire.Marshal(e)
		if err != nil {
			return err
		}
		line, err := inertJSON(jsonv1.RawMessage(encoded))
		if err == nil {
			_, err = io.WriteString(w, line)
		}
		return err
	}
	_, err := fmt.Fprintf(w, "%s  %-21s  %s\n", text(e.Time), text(e.Type), strings.Join(eventParts(e), "  "))
	return err
}

// eventParts returns what an event is about, in a few words.
func eventParts(e adminwire.Event) []string {
	parts := []string{}
	add := func(format string, values ...any) { parts = append(parts, fmt.Sprintf(format, values...)) }
	if res := e.Resource; res != nil {
		name := res.UserName + res.DisplayName
		if name == "" {
			name = res.ID
		}
		add("%s", cut(text(name)))
		if res.Version > 0 {
			add("version %d", res.Version)
		}
	}
	if len(e.Changed) > 0 {
		add("changed: %s", text(strings.Join(e.Changed, ", ")))
	}
	if m := e.Members; m != nil {
		if m.Replaced {
			add("members: replaced, %d new", len(m.Added))
		} else if len(m.Added)+len(m.Removed) > 0 {
			add("members: +%d -%d", len(m.Added), len(m.Removed))
		}
	}
	for _, name := range []string{"cause", "limit", "tokenId"} {
		if value := e.Details[name]; value != "" {
			add("%s: %s", name, text(value))
		}
	}
	by := e.Actor.Name
	if by == "" {
		by = e.Actor.Type
	}
	add("by %s", cut(text(by)))
	return parts
}
