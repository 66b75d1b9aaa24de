package adminapi

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// A searched is a search that found nothing.
type searched struct {
	provlog.Query
	// failing reports whether failing subjects were searched, and not the log.
	failing  bool
	settings tenant.Settings
	now      time.Time
}

// nothingDocument explains why a search found nothing.
func (s searched) nothingDocument(n provlog.Nothing) *adminwire.Nothing {
	return &adminwire.Nothing{
		Reason: string(n.Reason), Detail: s.detail(n), LogDays: s.settings.LogDays, Newest: instant(n.Newest), Similar: n.Similar,
	}
}

// wholeNames describes how a subject is compared with names.
const wholeNames = "A search finds the whole userName, primary email, externalId or id of a user, and the whole displayName, externalId or id of a group; upper and lower case are the same, except in an externalId or id."

func (s searched) detail(n provlog.Nothing) string {
	subject, filters := fmt.Sprintf("%q", text.CutRunes(s.Subject, longestShown)), s.filters()
	kept := fmt.Sprintf("the log keeps entries for %s", amount.Count(int64(s.settings.LogDays), "day"))
	switch n.Reason {
	case provlog.UnknownSubject:
		return "No user, group or log entry has the name or id " + subject + ". " + wholeNames
	case provlog.NoEntry:
		return subject + " is a user or group that this tenant has or had, but the log has no entry of it: " + kept + "."
	case provlog.OtherEntries:
		return fmt.Sprintf("%s has log entries, the newest of %s, but none with %s.", subject, said(n.Newest), filters)
	case provlog.NotFailing:
		if n.Newest.IsZero() {
			return subject + " is a user or group that this tenant has or had, and its provisioning does not fail."
		}
		return fmt.Sprintf("The provisioning of %s does not fail; its newest log entry is of %s.", subject, said(n.Newest))
	case provlog.BeforeRetention:
		return fmt.Sprintf("The time searched ends at %s, and %s: since %s.",
			said(s.To), kept, said(s.now.Add(-s.settings.LogRetention())))
	case provlog.NoMatch:
		switch {
		case s.failing && s.Subject != "":
			return fmt.Sprintf("The provisioning of %s fails, but not with %s.", subject, filters)
		case s.failing:
			return "Users or groups fail, but none with " + filters + "."
		}
		return "The log has entries, but none with " + filters + "; " + kept + "."
	}
	if s.failing {
		return "No user or group of this tenant fails."
	}
	return "The log has no entry: no identity provider has sent a change to this tenant, or all changes are longer ago; " + kept + "."
}

// filters lists the filters of the search, besides its subject.
func (s searched) filters() string {
	var all []string
	add := func(format, value string) {
		if value != "" {
			all = append(all, fmt.Sprintf(format, value))
		}
	}
	add("the cause %s", string(s.Cause))
	add("the outcome %s", string(s.Outcome))
	add("the type %s", s.Type)
	add("a time from %s", said(s.From))
	add("a time to %s", said(s.To))
	if len(all) == 0 {
		return "these filters"
	}
	return strings.Join(all, ", ")
}

// longestShown is the number of characters that a detail shows of a client's text.
const longestShown = 80

// said writes a time for a sentence, or "" if there is none.
func said(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}
