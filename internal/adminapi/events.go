package adminapi

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The bounds of a page of events.
const (
	defaultEvents = 100
	maxEvents     = 500
	// maxEventMembers is how many members the events of a page name, unless it has one event
	// only: of each the user and the membership are read.
	maxEventMembers = 2000
	// maxEventBytes is the size of a page's events as a string inside JSON, which is how a
	// Lambda function returns it: at most 6 MB.
	maxEventBytes = 5 << 20
	// maxEventReads is how many times one request reads further sources, at most
	// eventsPerRead each time: a search for events of a rare type reads no more at once.
	maxEventReads = 4
	eventsPerRead = maxEvents
)

// listEvents: GET /tenants/{tenant}/events lists the events of a tenant, oldest first, or newest
// first. Only what is older than journal.SettleTime is served: nothing older is still to come, so
// a reader that follows next misses nothing.
func (s *Service) listEvents(ctx context.Context, q *request) (*reply, error) {
	search, err := q.eventSearch()
	if err != nil {
		return nil, err
	}
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	seal := cursorSeal{tenant: q.tenant, key: t.CursorKey, newest: search.newest}
	if search.after, err = seal.open(q.parameter("after")); err != nil {
		return nil, err
	}
	search.until = q.start.Add(-journal.SettleTime).Truncate(time.Millisecond)
	// Before an older cursor there is nothing: no events are missing.
	if at := search.after.Time(); !search.newest && !at.IsZero() && !t.Settings.KeepsLogSince(at, q.start) {
		return nil, &problem{kind: kindExpired, next: seal.seal(event.PositionBefore(search.until)), detail: fmt.Sprintf(
			"The log keeps %d days, and the cursor is older, so events may be missing: list all users and groups, delete what is not among them, and continue with next as after.",
			t.Settings.LogDays)}
	}
	found, err := s.searchEvents(ctx, q.tenant, search)
	if err != nil {
		return nil, err
	}
	documents, err := s.Events.Events(ctx, q.tenant, found.drafts)
	if err != nil {
		return nil, err
	}
	n, err := fittingEvents(documents)
	if err != nil {
		return nil, err
	}
	found.cut(n)
	return ok(adminwire.Events{Events: documents[:n], Next: seal.seal(found.next), CaughtUpTo: search.until, More: found.more})
}

// An eventSearch is what a request wants to read.
type eventSearch struct {
	after event.Position
	until time.Time
	limit int
	types []event.Type // empty for all
	// newest reads the newest events first, before the position.
	newest bool
}

func (e eventSearch) wants(t event.Type) bool {
	return len(e.types) == 0 || slices.Contains(e.types, t)
}

// eventSearch reads the parameters limit, types and newest.
func (q *request) eventSearch() (search eventSearch, err error) {
	switch q.parameter("newest") {
	case "", "false":
	case "true":
		search.newest = true
	default:
		return search, &problem{kind: kindInvalid, detail: "newest is true or false."}
	}
	search.limit = defaultEvents
	if text := q.parameter("limit"); text != "" {
		if search.limit, err = strconv.Atoi(text); err != nil || search.limit < 1 || search.limit > maxEvents {
			return search, &problem{kind: kindInvalid, detail: fmt.Sprintf("limit must be a number from 1 to %d.", maxEvents)}
		}
	}
	if text := q.parameter("types"); text != "" {
		for name := range strings.SplitSeq(text, ",") {
			t, known := event.ParseType(strings.TrimSpace(name))
			if !known {
				return search, &problem{kind: kindInvalid, detail: "types has an unknown type; the types are " + eventTypes() + "."}
			}
			search.types = append(search.types, t)
		}
	}
	return search, nil
}

func eventTypes() string {
	types := event.Types()
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

// foundEvents are the events of a page. begins are the positions at which each of them is the
// next, and next the position after the last one and after what was read and is not wanted.
type foundEvents struct {
	drafts  []event.Draft
	begins  []event.Position
	members int // that drafts name
	next    event.Position
	more    bool
}

// cut ends the page after n events.
func (f *foundEvents) cut(n int) {
	if n < len(f.drafts) {
		f.drafts, f.next, f.more = f.drafts[:n], f.begins[n], true
	}
}

// searchEvents reads sources until the page is full, the sources end, or enough was read.
func (s *Service) searchEvents(ctx context.Context, t tenant.ID, search eventSearch) (*foundEvents, error) {
	found := &foundEvents{next: search.after}
	size, read := eventsPerRead, s.Store.Sources
	if len(search.types) == 0 {
		size = search.limit
	}
	if search.newest {
		read = s.Store.NewestSources
	}
	for range maxEventReads {
		page, err := read(ctx, t, found.next, search.until, size)
		if err != nil {
			return nil, err
		}
		for _, source := range page.Sources {
			if full := found.take(t, source, search); full {
				found.more = true
				return found, nil
			}
		}
		found.next, found.more = event.Position{Key: page.To}, page.More
		if !page.More || len(found.drafts) == search.limit {
			return found, nil
		}
		size = eventsPerRead // few of what was read are events
	}
	return found, nil
}

// take adds the events of a source that are after the position, or before it with the newest
// first, and reports whether one of them has no place in the page.
func (f *foundEvents) take(t tenant.ID, source event.Source, search eventSearch) (full bool) {
	key, drafts := source.Key(), event.Of(t, source)
	first, end := 0, len(drafts)
	if within := f.next.Key == key && f.next.Part > 0; within && search.newest {
		end = min(end, f.next.Part)
	} else if within {
		first = f.next.Part
	}
	for n := range end - first {
		i, after := first+n, first+n+1
		if search.newest {
			i, after = end-1-n, end-1-n
		}
		if d := drafts[i]; search.wants(d.Type) {
			members := f.members + len(d.Added) + len(d.Removed)
			if len(f.drafts) == search.limit || len(f.drafts) > 0 && members > maxEventMembers {
				return true
			}
			f.drafts, f.begins, f.members = append(f.drafts, d), append(f.begins, f.next), members
		}
		f.next = event.Position{Key: key, Part: after}
	}
	f.next = event.Position{Key: key}
	return false
}

// fittingEvents returns how many events fit into an answer, one at least.
func fittingEvents(documents []adminwire.Event) (int, error) {
	size := 0
	for i, d := range documents {
		text, err := adminwire.Marshal(d)
		if err != nil {
			return 0, err
		}
		if size += printedSize(text); size > maxEventBytes && i > 0 {
			return i, nil
		}
	}
	return len(documents), nil
}

// printedSize returns the size of a document as a string inside JSON: quotes and backslashes
// take two bytes, and JavaScript's separators of lines and paragraphs six instead of three.
func printedSize(document []byte) int {
	n := len(document)
	for _, one := range []string{`"`, `\`} {
		n += bytes.Count(document, []byte(one))
	}
	for _, one := range []string{"\u2028", "\u2029"} {
		n += len(one) * bytes.Count(document, []byte(one))
	}
	return n
}

// A cursorSeal writes positions among the events of a tenant as clients see them. A client can
// neither make one nor use that of another tenant, or of a list in the other order: without the seal, a wrong cursor would skip
// events without notice. The same position has the same text each time, for as long as the
// tenant exists.
type cursorSeal struct {
	tenant tenant.ID
	key    []byte
	newest bool
}

const cursorMAC = 16 // bytes

// seal returns the text of a position, "" for the beginning.
func (c cursorSeal) seal(p event.Position) string {
	if p.Key == "" {
		return ""
	}
	text := p.Key
	if p.Part > 0 {
		text += "#" + strconv.Itoa(p.Part)
	}
	return base64.RawURLEncoding.EncodeToString(append(c.mac(text), text...))
}

func (c cursorSeal) mac(text string) []byte {
	h := hmac.New(sha256.New, c.key)
	label := "rollcall events\x00"
	if c.newest {
		label = "rollcall newest events\x00"
	}
	h.Write([]byte(label + c.tenant.String() + "\x00" + text))
	return h.Sum(nil)[:cursorMAC]
}

// open reads a position that seal wrote.
func (c cursorSeal) open(text string) (event.Position, error) {
	if text == "" {
		return event.Position{}, nil
	}
	// The base64 decoder ignores line breaks, which no cursor has.
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < cursorMAC || strings.ContainsAny(text, "\r\n") {
		return event.Position{}, errNoEventCursor
	}
	position := string(sealed[cursorMAC:])
	if !hmac.Equal(sealed[:cursorMAC], c.mac(position)) {
		return event.Position{}, errNoEventCursor
	}
	key, part, _ := strings.Cut(position, "#")
	n, _ := strconv.Atoi(part) // "" is 0: all
	return event.Position{Key: key, Part: n}, nil
}

// errNoEventCursor does not say what is wrong: that would help an attacker.
var errNoEventCursor = &problem{kind: kindInvalid, detail: "after must be the next of a page of this tenant's events; leave it out to begin at the oldest event kept, or with newest at the newest one."}
