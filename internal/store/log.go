package store

import (
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a log entry, which is the change feed's entry too.
const (
	attrTime         = "at"    // milliseconds since 1970, when the request began
	attrTokenID      = "tok"   // the token of the request
	attrIdP          = "idp"   // the identity provider, from its user agent
	attrBy           = "by"    // "app" for what the application did
	attrWho          = "who"   // the person that the application named
	attrOperation    = "op"    // what was requested: create, replace, modify, delete, purge
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
	attrSkipped      = "skip" // ids of members that are not users, or that a refusal concerns
	attrTolerated    = "tol"  // what was not accepted as it was sent, comma separated
	attrSeatsThen    = "su"   // seats in use as last read, with the change
	attrLimitThen    = "sl"   // the limit at that time
	attrSeatsRead    = "sat"  // when they were read
	attrBulk         = "bulk" // the bulk request it belongs to
	attrIdPRequest   = "idpr" // the identity provider's id of the request
	attrEarlier      = "prev" // links to the record's earlier entries
)

// maxChangedSize keeps an entry within the 1 KB that its write is budgeted for;
// "…" stands for names beyond it.
const maxChangedSize = 256

// maxLogText is the most bytes of a userName or externalId that an entry
// stores.
const maxLogText = 128

// logOp writes an entry, which names the record's earlier ones.
func logOp(t tenant.ID, e directory.Entry, earlier directory.History, expires time.Time) table.Op {
	item := logItem(t, e, expires)
	if len(earlier) > 0 {
		item.Attributes[attrEarlier] = table.Text(joinLinks(earlier))
	}
	return table.Put(item, table.Absent())
}

func historyOf(u *directory.User) directory.History {
	if u == nil {
		return nil
	}
	return u.History
}

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
		attrTolerated:  joinNames(e.Tolerances),
		attrIdPRequest: e.IdPRequestID,
		attrBulk:       e.BulkID,
		attrDetail:     cutTo(e.Note, maxDetail),
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
	if !e.Counts.Read.IsZero() {
		a[attrSeatsThen], a[attrLimitThen] = table.Number(e.Counts.Seats+e.Seats), table.Number(e.Counts.SeatLimit)
		a[attrSeatsRead] = millis(e.Counts.Read)
	}
	if e.NewSet {
		a[attrNewSet] = table.Number(int64(e.Size))
	}
	if e.ID != "" {
		a[attrPartOf] = table.Text(e.RequestID)
	}
	return table.Item{Key: logKey(t, e.Key(), 0), Attributes: a}
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

// cut returns a text as the log stores it: without a credential of ours, and
// shortened to maxLogText at a rune's boundary.
func cut(s string) string { return cutTo(credential.Redact(s), maxLogText) }

// cutTo shortens a text to a number of bytes at a rune's boundary.
func cutTo(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && s[size]&0xC0 == 0x80 {
		size--
	}
	return s[:size] + "…"
}
