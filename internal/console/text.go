package console

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// The numbers of characters after which a text is cut: a name, and a text of
// sentences.
const (
	nameLength   = 80
	detailLength = 2000
)

// nameText returns a name as it is shown.
func nameText(s string) text.Shown { return text.Page(s, nameLength) }

// detailText returns a text of several sentences as it is shown.
func detailText(s string) text.Shown { return text.Page(s, detailLength) }

// A When is a time as it is shown.
type When struct {
	// ISO is for programs, Full for people, Ago the time since then or until
	// then.
	ISO, Full, Ago string
}

// when returns a time as it is shown now, or nil.
func when(at, now time.Time) *When {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &When{ISO: at.Format("2006-01-02T15:04:05.000Z"), Full: at.Format("2006-01-02 15:04:05 UTC"), Ago: ago(now.Sub(at))}
}

// whenOf returns what when returns, or nil if the time is absent.
func whenOf(at *time.Time, now time.Time) *When {
	if at == nil {
		return nil
	}
	return when(*at, now)
}

// ago returns how long ago, or how far ahead, a time is.
func ago(d time.Duration) string {
	form := "%s ago"
	if d < 0 {
		d, form = -d, "in %s"
	}
	if d < 10*time.Second {
		return "just now"
	}
	return fmt.Sprintf(form, amount.Length(d))
}

// labels are the causes whose names are not headings.
var labels = map[string]string{
	"":                             "No cause",
	"scim_disabled":                "SCIM is turned off",
	"seat_limit":                   "No free seat",
	"reader_limit":                 "No Reader licence left",
	"duplicate":                    "Duplicate user",
	"duplicate_inactive":           "Duplicate user, inactive",
	"duplicate_several":            "Values of several users",
	"duplicate_group":              "Duplicate group",
	"duplicate_deactivated_in_app": "Duplicate, deactivated in the application",
	"deactivated_in_app":           "Deactivated in the application",
	"external_id_changed":          "External ID changed",
	"identity_differs":             "userName or email differs from the application",
	"identity_changed":             "Linked with another userName or email",
	"external_id_refused":          "External ID refused",
	"own_user":                     "User of the application",
	"own_user_conversion":          "User of the application, not a Reader",
	"validation":                   "Invalid request",
	"tolerated":                    "Accepted with changes",
	"unknown_members":              "Unknown members",
	"protected":                    "Protected user",
	"group_deleted":                "Group deleted in the application",
	"internal":                     "Internal error",
	"store_unavailable":            "Database cannot be reached",
	"bad_event":                    "Incomplete request",
	"no_route":                     "Unknown endpoint",
}

// label returns a cause in words.
func label(cause string) string {
	if l, ok := labels[cause]; ok {
		return l
	}
	words := strings.ReplaceAll(nameText(cause).String(), "_", " ")
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}

// kind returns a type of resource in words.
func kind(resourceType string) string {
	if resourceType == "" {
		return "–"
	}
	return nameText(resourceType).String()
}

// idpName returns an identity provider in words.
func idpName(name string) string {
	if name == "" {
		return "–"
	}
	return nameText(idp.Provider(name).Name()).String()
}

// breaks splits a text after each @: an address that has to be split is split there.
func breaks(s string) []string {
	return slices.DeleteFunc(strings.SplitAfter(s, "@"), func(part string) bool { return part == "" })
}
