package store

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// A record names its newest log entries, and each entry names those before it:
// the history of one record is read without the whole log, and without an index
// item for each entry, which every change would pay for.
//
// Each name is an attribute of its own, because members join and leave a group
// concurrently: each change adds its name, whatever others do.
const linkPrefix = "h."

// link returns the key of an entry in short form.
func link(key string) string {
	id, _ := uuid.Parse(key)
	if id.String() != key { // not a UUID, or written in another way
		return key
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// linked returns the key that a link stands for.
func linked(text string) string {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != len(uuid.UUID{}) {
		return text
	}
	return uuid.UUID(raw).String()
}

// decodeHistory returns the names that a record has.
func decodeHistory(a table.Attributes) journal.History {
	var h journal.History
	for name := range a {
		if text, ok := strings.CutPrefix(name, linkPrefix); ok {
			h = append(h, linked(text))
		}
	}
	slices.SortFunc(h, func(x, y string) int { return strings.Compare(y, x) })
	return h
}

// keepHistory adds the names of its log entries to a record that is written as
// a whole, including the name of a new entry.
func keepHistory(a table.Attributes, earlier journal.History, e journal.Entry) {
	for _, key := range earlier.With(e.Key()) {
		a[linkPrefix+link(key)] = table.Number(1)
	}
}

// extendHistory adds the name of an entry to a record that is updated.
func extendHistory(c *table.Change, earlier journal.History, e journal.Entry) {
	c.Set[linkPrefix+link(e.Key())] = table.Number(1)
	kept := earlier.With(e.Key())
	for _, key := range earlier {
		if !slices.Contains(kept, key) {
			c.Remove = append(c.Remove, linkPrefix+link(key))
		}
	}
}

// joinLinks returns the names, as stored in an entry, of the entries before it.
func joinLinks(h journal.History) string {
	links := make([]string, 0, len(h))
	for _, key := range h[:min(len(h), journal.MaxHistory)] {
		links = append(links, link(key))
	}
	return strings.Join(links, ",")
}

func splitLinks(text string) journal.History {
	var h journal.History
	for _, l := range splitIDs(text) {
		h = append(h, linked(l))
	}
	return h
}
