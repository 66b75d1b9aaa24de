package store

import (
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/text"
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
	attrFaults       = "flt"  // the faulty settings, by name
	attrLimitThen    = "sl"   // the limit at that time
	attrSeatsRead    = "sat"  // when they were read
	attrBulk         = "bulk" // the bulk request it belongs to
	attrIdPRequest   = "idpr" // the identity provider's id of the request
	attrEarlier      = "prev" // links to the record's earlier entries
	attrBegins       = "beg"  // 1 of a failure whose subject did not fail before
	attrKept         = "kept" // 1 of the deletion of a user that stays readable
	attrEnded        = "end"  // 1 of a reactivation that ended the user's memberships
	attrLeftGroups   = "lft"  // ids of the groups that the user left
	attrLost         = "lost" // deleted users that lost a value, as id:version
)

// maxChangedSize keeps an entry within the 1 KB that its write is budgeted for;
// "…" stands for names beyond it.
const maxChangedSize = 256

// maxEntrySize is the most bytes of an entry about a success, whose write is budgeted for
// 1 KB. One that is longer goes without its faulty settings.
const maxEntrySize = 1024

// maxLogText is the most bytes of a userName or externalId that an entry
// stores.
const maxLogText = 128

// logOp writes an entry, which names the record's earlier ones.
func logOp(t tenant.ID, e journal.Entry, earlier journal.History, expires time.Time) table.Op {
	e.Earlier = earlier
	return table.Put(logItem(t, e, expires), table.Absent())
}

func historyOf(u *directory.User) journal.History {
	if u == nil {
		return nil
	}
	return u.History
}

func logItem(t tenant.ID, e journal.Entry, expires time.Time) table.Item {
	a := table.Attributes{
		attrTime:         millis(e.Time),
		attrOperation:    table.Text(string(e.Operation)),
		attrAction:       table.Text(string(e.Action)),
		attrOutcome:      table.Text(string(e.Outcome)),
		attrResourceType: table.Text(e.ResourceType),
		attrResourceID:   table.Text(e.ResourceID),
		attrVersion:      table.Number(e.Version),
		table.ExpiryName: table.Number(expires.Unix()),
	}
	setTexts(a, map[string]string{
		attrCause:      string(e.Cause),
		attrScimType:   string(e.ScimType),
		attrDetail:     text.Cut(e.Detail, maxDetail),
		attrRemedy:     string(e.Remedy),
		attrFaults:     joinNames(setting.Names(e.Faults)),
		attrAbout:      subjectName(e.About),
		attrTokenID:    e.TokenID,
		attrIdP:        string(e.IdP),
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
		attrEarlier:    joinLinks(e.Earlier),
		attrLeftGroups: strings.Join(e.Left, ","),
		attrLost:       joinLosses(e.Lost),
	})
	setFlags(a, map[string]bool{attrBegins: e.Begins, attrKept: e.Kept, attrEnded: e.Ended})
	if e.ID != "" {
		a[attrPartOf] = table.Text(e.RequestID)
	}
	setNumbers(a, map[string]int64{attrSeatDelta: e.Seats, attrReaderDelta: e.Readers})
	if e.StandsFor > 1 {
		a[attrCount] = table.Number(e.StandsFor)
	}
	setSeats(a, e)
	if e.NewSet {
		a[attrNewSet], a[attrEpoch] = table.Number(int64(e.Size)), table.Number(e.Epoch)
	}
	return fitting(e, table.Item{Key: logKey(t, e.Key(), 0), Attributes: a})
}

// setSeats sets the seats at the time of the entry, if they are known.
func setSeats(a table.Attributes, e journal.Entry) {
	if e.SeatCounts.Read.IsZero() {
		return
	}
	a[attrSeatsThen], a[attrLimitThen] = table.Number(e.SeatCounts.Seats+e.Seats), table.Number(e.SeatCounts.SeatLimit)
	a[attrSeatsRead] = millis(e.SeatCounts.Read)
}

// setFlags sets the flags that are true.
func setFlags(a table.Attributes, flags map[string]bool) {
	for name, set := range flags {
		if set {
			a[name] = flag(true)
		}
	}
}

// fitting returns the item of an entry, without the faulty settings of a success if it is
// too large with them.
func fitting(e journal.Entry, item table.Item) table.Item {
	if e.Outcome != journal.Failure && len(e.Faults) > 0 && table.Size(item) > maxEntrySize {
		delete(item.Attributes, attrFaults)
	}
	return item
}

// setTexts sets the texts that are not empty, and setNumbers the numbers that are
// not 0.
func setTexts(a table.Attributes, texts map[string]string) {
	for name, text := range texts {
		if text != "" {
			a[name] = table.Text(text)
		}
	}
}

func setNumbers(a table.Attributes, numbers map[string]int64) {
	for name, n := range numbers {
		if n != 0 {
			a[name] = table.Number(n)
		}
	}
}

// joinLosses returns losses as an entry stores them.
func joinLosses(lost []journal.Loss) string {
	texts := make([]string, len(lost))
	for i, l := range lost {
		texts[i] = l.ID + ":" + strconv.FormatInt(l.Version, 10)
	}
	return strings.Join(texts, ",")
}

func splitLosses(text string) []journal.Loss {
	var lost []journal.Loss
	for _, one := range splitIDs(text) {
		id, version, _ := strings.Cut(one, ":")
		n, _ := strconv.ParseInt(version, 10, 64) // 0 is "not known"
		lost = append(lost, journal.Loss{ID: id, Version: n})
	}
	return lost
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
func cut(s string) string { return text.Cut(credential.Redact(s), maxLogText) }
