package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
)

// summaryText returns the overview as plain lines, for an e-mail or a ticket. Hidden
// characters are written out, as on a page, so that a name cannot begin a line.
func summaryText(t adminwire.Tenant, o adminwire.Overview, now time.Time) string {
	var b strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&b, format+"\n", values...) }
	tenant := nameText(t.ID).String()
	if t.DisplayName != "" {
		tenant += " (" + nameText(t.DisplayName).String() + ")"
	}
	line("Provisioning of the tenant %s, %s", tenant, now.UTC().Format("2006-01-02 15:04 UTC"))
	line("State: %s. %s", nameText(o.State), detailText(o.Summary))
	h := newHealth(home{}, o)
	if o.Failing > 0 {
		var causes []string
		for _, c := range h.Causes {
			causes = append(causes, label(c.Cause)+" "+amount.Number(int64(c.Count)))
		}
		more := ""
		if o.FailingMore {
			more = " and more"
		}
		line("Failing now: %s%s (%s)", amount.Number(int64(o.Failing)), more, strings.Join(causes, ", "))
	}
	for _, n := range o.Notices {
		line("- %s", strings.TrimSpace(detailText(n.Text).String()+" "+detailText(n.WhatToDo).String()))
	}
	line("%s; %s; %s, %s", inUse(o.Seats, "seat"), inUse(o.Readers, "reader"),
		amount.Count(o.Users, "user"), amount.Count(o.Groups, "group"))
	for _, s := range newSync(home{}, o, now) {
		if s.Seen != nil {
			line("Last request of %s: %s", idpName(s.IdP), s.Seen.Full)
		}
	}
	return b.String()
}
