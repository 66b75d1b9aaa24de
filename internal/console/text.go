package console

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// Text is other people's text as it is shown: in parts, of which those that would not
// be seen, or would turn or break what is beside them, are written out.
type Text struct {
	Parts []Part
	// Whole is the whole text when Parts are its beginning, nil otherwise.
	Whole []Part
}

// Part is a run of a text. A Mark stands for a character and is no part of the text
// itself.
type Part struct {
	Text string
	Mark bool
}

// Lengths in characters at which a text is cut: a name's, and that of what is to be
// read.
const (
	nameLength   = 80
	detailLength = 2000
	// wholeLength bounds the whole text, too.
	wholeLength = 8000
)

// nameText is a name as it is shown.
func nameText(s string) Text { return cutText(s, nameLength) }

// detailText is a text of several sentences as it is shown.
func detailText(s string) Text { return cutText(s, detailLength) }

func cutText(s string, most int) Text {
	first, more := parts(s, most)
	if !more {
		return Text{Parts: first}
	}
	whole, longer := parts(s, wholeLength)
	if longer {
		whole = append(whole, Part{Text: "…", Mark: true})
	}
	return Text{Parts: append(first, Part{Text: "…"}), Whole: whole}
}

// parts are the first characters of a text; more tells that there are others.
func parts(s string, most int) (list []Part, more bool) {
	var run strings.Builder
	end := func() {
		if run.Len() > 0 {
			list = append(list, Part{Text: run.String()})
			run.Reset()
		}
	}
	n := 0
	for i, r := range s {
		if n == most {
			end()
			return list, true
		}
		n++
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			end()
			list = append(list, Part{Text: fmt.Sprintf("0x%02X", s[i]), Mark: true})
			continue
		}
		if !unseen(r) {
			run.WriteRune(r)
			continue
		}
		end()
		list = append(list, Part{Text: fmt.Sprintf("U+%04X", r), Mark: true})
	}
	end()
	return list, false
}

// unseen tells whether a character is more or less than what is seen of it: controls,
// directions, what has no width, and what looks like a space.
func unseen(r rune) bool {
	switch r {
	case '\u115F', '\u1160', '\u3164', '\uFFA0', '\u2800', '\u034F':
		return true
	}
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// String is the text in one line, for where there are no elements: a title, a label.
// Characters that are written out stand in brackets.
func (t Text) String() string {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Mark {
			b.WriteString("[" + p.Text + "]")
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// Empty tells that there is no text.
func (t Text) Empty() bool { return len(t.Parts) == 0 }

// plain is a text for a field, which shows what was typed: without what no page may
// have.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\ufffe' || r == '\uffff' {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// When is a time as it is shown.
type When struct {
	// ISO is for programs, Full for people, Ago how long ago or from now.
	ISO, Full, Ago string
}

// when is a time as it is shown now, nil for none.
func when(at, now time.Time) *When {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &When{ISO: at.Format("2006-01-02T15:04:05.000Z"), Full: at.Format("2006-01-02 15:04:05 UTC"), Ago: ago(now.Sub(at))}
}

// whenOf is a time that there may be.
func whenOf(at *time.Time, now time.Time) *When {
	if at == nil {
		return nil
	}
	return when(*at, now)
}

// ago says how long ago something was, or how far ahead it is.
func ago(d time.Duration) string {
	form := "%s ago"
	if d < 0 {
		d, form = -d, "in %s"
	}
	switch {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf(form, count(int64(d/time.Second), "second"))
	case d < time.Hour:
		return fmt.Sprintf(form, count(int64(d/time.Minute), "minute"))
	case d < 48*time.Hour:
		return fmt.Sprintf(form, count(int64(d/time.Hour), "hour"))
	}
	return fmt.Sprintf(form, count(int64(d/(24*time.Hour)), "day"))
}

// count is a number with its noun.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// number is a number in groups of three.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// labels are causes whose names make no heading.
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

// label is a cause in words.
func label(cause string) string {
	if l, ok := labels[cause]; ok {
		return l
	}
	words := strings.ReplaceAll(nameText(cause).String(), "_", " ")
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}

// kinds are the types of resources in words.
func kind(resourceType string) string {
	if resourceType == "" {
		return "–"
	}
	return nameText(resourceType).String()
}

// idpName is an identity provider in words.
func idpName(name string) string {
	if name == "" {
		return "–"
	}
	return nameText(idp.Provider(name).Name()).String()
}
