package console

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/idp"
)

// A Text is a text of others as it is shown: in parts, of which characters that
// would be invisible, or would change what is beside them, are written out.
type Text struct {
	Parts []Part
	// Whole is the whole text if Parts are only its beginning, nil otherwise.
	Whole []Part
}

// A Part is a run of a text. A Mark stands for a character and is not part of
// the text itself.
type Part struct {
	Text string
	Mark bool
}

// The numbers of characters after which a text is cut: a name, and a text of
// sentences.
const (
	nameLength   = 80
	detailLength = 2000
	// wholeLength limits the whole text, too.
	wholeLength = 8000
)

// nameText returns a name as it is shown.
func nameText(s string) Text { return cutText(s, nameLength) }

// detailText returns a text of several sentences as it is shown.
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

// parts returns the first characters of a text; more reports whether there are
// others.
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

// unseen reports whether a character is not what it looks like: controls, text
// directions, characters without width, and those that look like a space.
func unseen(r rune) bool {
	switch r {
	case '\u115F', '\u1160', '\u3164', '\uFFA0', '\u2800', '\u034F':
		return true
	}
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// String returns the text in one line, where elements are impossible: in a
// title or a label. Characters that are written out are in brackets.
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

// Empty reports whether the text is empty.
func (t Text) Empty() bool { return len(t.Parts) == 0 }

// plain returns a text for a field, which shows what was typed, without
// characters that a page may not have.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\ufffe' || r == '\uffff' {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

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

// whenOf returns when for a time that may be absent.
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
