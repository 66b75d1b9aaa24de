package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/sheet"
)

func userOffboarding() *cobra.Command {
	var a asking
	var asCSV bool
	c := a.add(&cobra.Command{
		Use: "offboarding TENANT USER", Short: "show when a user left, and when each webhook acknowledged it", Args: takes(2),
		Long: "Show the latest changes that deactivated, deleted or purged a user, and when each webhook\n" +
			"acknowledged them.\n\n" + userHelp + " A purged user has only the id.",
		Example: "  rollcall users offboarding acme ann@example.com\n  rollcall users offboarding acme ann@example.com --csv",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			o, err := p.offboarding(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if asCSV {
				w, err := sheet.Offboarding.To(c.OutOrStdout())
				if err != nil {
					return err
				}
				return w.Write(sheet.OffboardingRows(o))
			}
			return a.show(c, o, func(w io.Writer) { printOffboarding(w, o) })
		},
	})
	csvFlag(c, &asCSV)
	return completes(c, false, a.tenants)
}

// offboarding reads the evidence of a user, by id of a purged one too.
func (p place) offboarding(ctx context.Context, tenant, user string) (adminwire.Offboarding, error) {
	read := func(id string) (adminwire.Offboarding, error) {
		return call[adminwire.Offboarding](ctx, p, http.MethodGet, tenantPath(tenant, "users", id, "offboarding"), nil, nil)
	}
	var gone error
	if uuids.FindString(user) == user && user != "" {
		o, err := read(user)
		if !isNotFound(err) {
			return o, err
		}
		gone = err
	}
	u, err := p.user(ctx, tenant, user, true)
	var unknown notFoundError
	if gone != nil && errors.As(err, &unknown) {
		return adminwire.Offboarding{}, gone
	}
	if err != nil {
		return adminwire.Offboarding{}, err
	}
	return read(u.ID)
}

func printOffboarding(w io.Writer, o adminwire.Offboarding) {
	if len(o.Departures) == 0 {
		fmt.Fprintf(w, "The user is %s; the log has no departure.\n", text(o.State))
	}
	for i, d := range o.Departures {
		if i > 0 {
			fmt.Fprintln(w)
		}
		labelled(w, "", departureLines(d))
		for _, e := range d.Endpoints {
			labelled(w, "  ", [][2]string{{otherwise(text(e.URL), text(e.WebhookID)), endpointLine(e)}})
		}
	}
	if o.SearchedTo != nil {
		fmt.Fprintf(w, "\nThe log was searched back to %s: older departures may be missing.\n", seconds(o.SearchedTo))
	}
}

// departureLines returns what is known of a departure itself.
func departureLines(d adminwire.Departure) [][2]string {
	request := text(d.RequestID)
	if d.IdPRequestID != "" {
		request += ", the identity provider's id " + text(d.IdPRequestID)
	}
	lines := [][2]string{
		{text(strings.TrimPrefix(d.Type, "user.")), seconds(d.Committed) + "  " + text(d.UserName)},
		{"by", strings.TrimSpace(map[string]string{"idp": "identity provider", "application": "application"}[d.Actor.Type] + " " + text(d.Actor.Name))},
		{"request", request},
	}
	if d.ReturnedAt != nil {
		lines = append(lines, [2]string{"came back", seconds(d.ReturnedAt)})
	}
	switch {
	case d.Notice != "":
		return append(lines, [2]string{"acknowledged", "no. " + text(d.Notice)})
	case d.SecondsToAcknowledge != nil:
		return append(lines, [2]string{"acknowledged", fmt.Sprintf("by all, after %.1f seconds", *d.SecondsToAcknowledge)})
	}
	return append(lines, [2]string{"acknowledged", "not by all"})
}

// endpointLine says what came of a departure at a webhook.
func endpointLine(e adminwire.DepartureDelivery) string {
	said := text(e.State)
	if e.DeliveredAt != nil {
		said += " " + seconds(e.DeliveredAt)
	}
	if e.FirstAttempt != nil {
		said += fmt.Sprintf(", first attempt %s, attempts: %d", seconds(e.FirstAttempt), e.Attempts)
	}
	if e.NextAttempt != nil {
		said += ", next attempt " + seconds(e.NextAttempt)
	}
	if e.Reason != "" {
		said += ": " + text(e.Reason)
	}
	return said
}
