package store

import (
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a log entry, which is the change feed's entry too.
const (
	attrTime         = "at"    // milliseconds since 1970, when the request began
	attrTokenID      = "tok"   // the token that asked
	attrIdP          = "idp"   // the identity provider, from its user agent
	attrBy           = "by"    // "app" for what the application did
	attrWho          = "who"   // on whose behalf, as the application says
	attrOperation    = "op"    // what was asked: create, replace, modify, delete, purge
	attrAction       = "did"   // what was done
	attrOutcome      = "out"   // success, warning; failure and skipped have no change
	attrCause        = "cause" // of a warning
	attrResourceType = "rt"
	attrResourceID   = "rid"
	attrSubject      = "name"  // userName, or a group's displayName
	attrExternalID   = "ext"   // externalId
	attrChanged      = "attrs" // names of attributes, comma separated
	attrSeatDelta    = "dseat"
	attrReaderDelta  = "dread"
	attrPartOf       = "of"   // the request, of an entry that has an id of its own
	attrAdded        = "madd" // ids of members, comma separated
	attrRemoved      = "mrem" // the same
	attrNewSet       = "mset" // size of a whole new set of members
	attrSkipped      = "skip" // ids of members that are no user's
)

// maxChangedSize keeps an entry within the 1 KB that its write is budgeted for;
// names beyond it are left out, and "…" says so.
const maxChangedSize = 256

// maxLogText bounds what is kept of a userName or externalId in an entry.
const maxLogText = 128

func logItem(t tenant.ID, e directory.Entry, expires time.Time) table.Item {
	a := table.Attributes{
		attrTime:         millis(e.Time),
		attrOperation:    table.Text(e.Operation),
		attrAction:       table.Text(string(e.Action)),
		attrOutcome:      table.Text("success"),
		attrResourceType: table.Text(e.ResourceType),
		attrResourceID:   table.Text(e.ResourceID),
		attrVersion:      table.Number(e.Version),
		table.ExpiryName: table.Number(expires.Unix()),
	}
	if e.Warning != "" {
		a[attrOutcome] = table.Text("warning")
		a[attrCause] = table.Text(e.Warning)
	}
	for name, text := range map[string]string{
		attrTokenID:    e.TokenID,
		attrIdP:        e.IdP,
		attrBy:         string(e.By),
		attrWho:        cut(e.Who),
		attrSubject:    cut(e.Subject),
		attrExternalID: cut(e.ExternalID),
		attrChanged:    joinNames(e.Changed),
		attrAdded:      strings.Join(e.Added, ","),
		attrRemoved:    strings.Join(e.Removed, ","),
		attrSkipped:    joinNames(e.Skipped),
	} {
		if text != "" {
			a[name] = table.Text(text)
		}
	}
	if e.Seats != 0 {
		a[attrSeatDelta] = table.Number(e.Seats)
	}
	if e.Readers != 0 {
		a[attrReaderDelta] = table.Number(e.Readers)
	}
	if e.NewSet {
		a[attrNewSet] = table.Number(int64(e.Size))
	}
	id := e.RequestID
	if e.ID != "" {
		id = e.ID
		a[attrPartOf] = table.Text(e.RequestID)
	}
	return table.Item{Key: logKey(t, id, 0), Attributes: a}
}

// joinNames joins as many names as fit.
func joinNames(names []string) string {
	var b strings.Builder
	for i, name := range names {
		if b.Len()+len(name) > maxChangedSize {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString("…")
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name)
	}
	return b.String()
}

// cut shortens a text to maxLogText at a rune's boundary.
func cut(s string) string {
	size := maxLogText
	if len(s) <= size {
		return s
	}
	for size > 0 && s[size]&0xC0 == 0x80 {
		size--
	}
	return s[:size] + "…"
}
