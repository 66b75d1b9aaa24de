package faults

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/store"
)

// A state has one line for each user, group, entry and so on that readers of a
// world see, in a fixed order. Names take the place of ids, and times are left
// out, so that the states of two copies of a world are equal if the same was
// done in both.
type state []string

func (s state) equal(other state) bool { return slices.Equal(s, other) }

var groupVersion = regexp.MustCompile(`^(group .*"version":)\d+`)

// unversioned returns a state without the versions of groups.
func (s state) unversioned() state {
	without := make(state, len(s))
	for i, line := range s {
		without[i] = groupVersion.ReplaceAllString(line, "$1")
	}
	return without
}

// maxLines is how many lines of a difference are shown.
const maxLines = 8

// diff returns the first lines that only one of two states has, whole all of
// them.
func (s state) diff(want state) string { return s.difference(want, maxLines) }

func (s state) whole(want state) string { return s.difference(want, 1<<20) }

func (s state) difference(want state, most int) string {
	var b strings.Builder
	shown := 0
	count := map[string]int{}
	for _, line := range s {
		count[line]++
	}
	for _, line := range want {
		count[line]--
	}
	for _, line := range slices.Sorted(maps.Keys(count)) {
		if count[line] != 0 {
			if shown++; shown > most {
				b.WriteString("\n\t…")
				break
			}
		}
		switch n := count[line]; {
		case n > 0:
			fmt.Fprintf(&b, "\n\t+ %.300s (%d)", line, n)
		case n < 0:
			fmt.Fprintf(&b, "\n\t- %.300s (%d)", line, -n)
		}
	}
	return b.String()
}

// A reader reads the state of a world.
type reader struct {
	*world
	lines []string
	names map[string]string // by id
}

// state returns what readers see.
func (w *world) state() state {
	r := &reader{world: w, names: map[string]string{}}
	from := w.healthy
	for name, id := range w.ids {
		r.names[id] = name
	}
	itself := from.send(w.t.Context(), admin("GET", acme, ""))
	if itself.status == 404 || itself.body["deleting"] == true {
		return state{"tenant: none"}
	}
	// Members first: who reads them finishes a change of many members that has been
	// accepted, and each part of it has an entry and a version.
	var served, members []map[string]any
	if a := from.send(w.t.Context(), scim("GET", "/Users?count=200", "")); a.status == 200 {
		served = documents(a.body["Resources"])
	}
	for start := 1; ; start += 20 {
		a := from.send(w.t.Context(), scim("GET", fmt.Sprintf("/Groups?count=20&startIndex=%d&attributes=displayName,members", start), ""))
		page := documents(a.body["Resources"])
		members = append(members, page...)
		if len(page) < 20 {
			break
		}
	}
	r.write("tenant", []map[string]any{itself.body})
	r.write("usage", []map[string]any{from.send(w.t.Context(), admin("GET", acme+"/usage", "")).body})
	users := r.list(from, admin("GET", acme+"/users?deleted=true&limit=200", ""), "users")
	groups := r.list(from, admin("GET", acme+"/groups?limit=200", ""), "groups")
	for _, u := range users {
		r.name(u, "userName")
	}
	for _, g := range groups {
		r.name(g, "displayName")
	}
	r.write("user", users)
	r.write("group", groups)
	r.write("token", r.list(from, admin("GET", acme+"/tokens", ""), "tokens"))
	r.write("client", r.list(from, admin("GET", acme+"/clients", ""), "clients"))
	r.write("schema", r.list(from, admin("GET", acme+"/schemas", ""), "schemas"))
	r.write("webhook", r.list(from, admin("GET", "/webhooks", ""), "webhooks"))
	r.write("marker", r.list(from, admin("GET", acme+"/deleted-groups", ""), "deletedGroups"))
	r.write("entry", slices.DeleteFunc(r.list(from, admin("GET", acme+"/log?limit=200", ""), "entries"), isNoChange))
	r.write("served user", served)
	r.write("served group", members)
	if w.looks != "" {
		r.write("document", []map[string]any{from.send(w.t.Context(), admin("GET", w.looks, "")).body})
	}
	slices.Sort(r.lines)
	return r.lines
}

// isNoChange reports whether an entry is about a request that changed nothing.
func isNoChange(entry map[string]any) bool {
	outcome, action := entry["outcome"], entry["action"]
	return outcome == "failure" || outcome == "skipped" || action == "unchanged" || entry["operation"] == "bulk"
}

func (r *reader) name(document map[string]any, attribute string) {
	id, _ := document["id"].(string)
	if r.names[id] == "" {
		r.names[id] = fmt.Sprint(document[attribute])
	}
}

// list reads a list of documents.
func (r *reader) list(from *instance, q request, part string) []map[string]any {
	a := from.send(r.t.Context(), q)
	if a.status != 200 {
		r.lines = append(r.lines, fmt.Sprintf("%s: %d", part, a.status))
	}
	require.Empty(r.t, a.body["next"], "%s has more than one page", q)
	return documents(a.body[part])
}

func documents(list any) []map[string]any {
	elements, _ := list.([]any)
	all := make([]map[string]any, 0, len(elements))
	for _, e := range elements {
		document, _ := e.(map[string]any)
		all = append(all, document)
	}
	return all
}

// unstable are members that differ between two runs of the same requests.
var unstable = []string{
	"created", "modified", "lastModified", "createdAt", "revokedAt", "lastUsedAt", "deletedAt", "time", "requestId", "location", "$ref",
	"tokenId", "lastFour", "token", "detail", "whatToDo", "documentation", "itemsDeleted", "progressAt", "disabledAt", "oldSecretEnds", "bulkRequestId", "asOf",
}

func (r *reader) write(kind string, all []map[string]any) {
	for _, document := range all {
		switch kind {
		case "tenant": // it changes with the time at which logDays did
			delete(document, "version")
		case "webhook":
			delete(document, "id")
		case "group":
			delete(document, "generation") // an abandoned set of members has one
			if r.lateVersions {
				delete(document, "version")
			}
		case "entry":
			delete(document, "id")
			seats, _ := document["seats"].(map[string]any) // how many were in use is as old as the cache
			document["seats"] = seats["delta"]
		case "client":
			delete(document, "clientId")
			for _, part := range append(documents(document["secrets"]), documents([]any{document["federation"], document["keys"]})...) {
				delete(part, "secretId")
				delete(part, "expiresAt")
				delete(part, "since")
			}
		case "token":
			delete(document, "id")
			for _, name := range []string{"replaces", "replacedBy"} {
				if document[name] != nil {
					document[name] = "another"
				}
			}
		}
		text, err := json.Marshal(r.stable(document))
		require.NoError(r.t, err)
		r.lines = append(r.lines, kind+" "+string(text))
	}
}

// stable returns a value without what differs between runs: times, and ids, in
// whose place names are.
func (r *reader) stable(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range unstable {
			delete(v, name)
		}
		for name, member := range v {
			v[name] = r.stable(member)
		}
	case []any:
		for i := range v {
			v[i] = r.stable(v[i])
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	case string:
		if name := r.names[v]; name != "" {
			return name
		}
	}
	return value
}

// faults returns what verify reports, without unfinished work if that is
// allowed. A tenant that does not exist has none.
func (w *world) faults(unfinished bool) []string {
	var found []string
	all, err := w.healthy.app.Store.Audit(w.t.Context(), w.tenant)
	require.NoError(w.t, err)
	for _, f := range all {
		if !unfinished || !f.Unfinished {
			found = append(found, f.String())
		}
	}
	return found
}

// settle sweeps at a time at which all requests have ended, by all clocks, and
// returns the state then: it is the one that was seen before, and nothing is
// wrong with what is stored.
func (w *world) settle(seen state) (settled state, wrong []string) {
	gone := len(seen) == 1
	if !gone {
		for _, f := range w.faults(true) {
			wrong = append(wrong, "before the sweep: "+f)
		}
	}
	w.clock.move(2*skew + store.SweepAge)
	swept, err := w.healthy.app.Store.SweepTenant(w.t.Context(), w.tenant, store.SweepAge)
	if err != nil || swept.Left > 0 {
		wrong = append(wrong, fmt.Sprintf("the sweep left %d tasks: %v", swept.Left, err))
	}
	settled = seen
	if swept.Finished > 0 {
		settled = w.state()
	}
	if !settled.equal(seen) {
		wrong = append(wrong, "the sweep changes what is seen:"+settled.diff(seen))
	}
	if !gone {
		for _, f := range w.faults(false) {
			wrong = append(wrong, "after the sweep: "+f)
		}
	}
	return settled, wrong
}
