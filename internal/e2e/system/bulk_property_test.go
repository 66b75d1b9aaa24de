package system

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// An aloneOperation is an operation with open references, which are filled in
// when it is sent.
type aloneOperation struct {
	method, endpoint string
	// target is the subject of a PUT, PATCH or DELETE.
	target reference
	// data returns the body. refer returns the text of a reference, or "" for
	// one to leave out.
	data    func(refer func(reference) string) string
	refers  []reference
	version string
}

// A reference is an earlier resource, by its index, or one that another
// operation of the request creates.
type reference struct {
	before    int
	operation int
	created   bool
}

func drawReference(t *rapid.T, before, operations int) reference {
	created := before == 0 || rapid.Bool().Draw(t, "created by another")
	r := reference{created: created}
	if created {
		r.operation = rapid.IntRange(0, operations-1).Draw(t, "operation")
	} else {
		r.before = rapid.IntRange(0, before-1).Draw(t, "before")
	}
	return r
}

func drawOperation(t *rapid.T, before, operations int) aloneOperation {
	user := rapid.SampledFrom([]string{"u0", "u1", "u2", "u3", "u4", "u5"}).Draw(t, "userName")
	group := rapid.SampledFrom([]string{"g0", "g1", "g2"}).Draw(t, "displayName")
	active := rapid.SampledFrom([]string{"", `,"active":true`, `,"active":false`}).Draw(t, "active")
	o := aloneOperation{endpoint: "/Users"}
	refer := func() reference {
		r := drawReference(t, before, operations)
		o.refers = append(o.refers, r)
		return r
	}
	userData := func(manager *reference) func(func(reference) string) string {
		return func(text func(reference) string) string {
			rest := active
			if manager != nil {
				if id := text(*manager); id != "" {
					rest += bulkManager(id)
				}
			}
			return userBody(`"userName":"` + user + `"` + rest)
		}
	}
	var manager *reference
	kind := rapid.IntRange(0, 8).Draw(t, "kind")
	if kind <= 4 && rapid.Bool().Draw(t, "has a manager") {
		r := refer()
		manager = &r
	}
	var members []reference
	if kind >= 6 && kind <= 7 {
		o.endpoint = "/Groups"
		for range rapid.IntRange(0, 2).Draw(t, "members") {
			members = append(members, refer())
		}
	}
	ids := func(text func(reference) string) []string {
		var all []string
		for _, m := range members {
			if id := text(m); id != "" {
				all = append(all, id)
			}
		}
		return all
	}
	switch kind {
	case 0, 1, 2, 3:
		o.method, o.data = "POST", userData(manager)
		return o
	case 6:
		o.method = "POST"
		o.data = func(text func(reference) string) string { return groupBody(group, ids(text)...) }
		return o
	case 4:
		o.method, o.data = "PUT", userData(manager)
	case 5:
		o.method = "PATCH"
		o.data = func(func(reference) string) string {
			value := rapid.SampledFrom([]string{`{"title":"t"}`, `{"active":false}`, `{"active":true}`}).Draw(t, "value")
			return patchBody(`[{"op":"replace","value":` + value + `}]`)
		}
		fixed := o.data(nil)
		o.data = func(func(reference) string) string { return fixed }
	case 7:
		op := rapid.SampledFrom([]string{"add", "remove", "replace"}).Draw(t, "op")
		o.method = "PATCH"
		o.data = func(text func(reference) string) string { return memberPatch(op, ids(text)...) }
	case 8:
		o.method, o.endpoint = "DELETE", rapid.SampledFrom([]string{"/Users", "/Users", "/Groups"}).Draw(t, "type")
	}
	o.target = refer()
	o.version = rapid.SampledFrom([]string{"", "", "", `W/"1"`, `*`}).Draw(t, "version")
	return o
}

// A bulk request has the same effect as its operations sent one by one in the
// order in which it ran them, and each operation has the status that it has
// alone.
//
// Covers: 7644-3.7-7, 7644-3.7.3-2
func TestBulk_EqualsSingleRequests(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		both := newService(t, enginetest.Memory(t), 4, app.Options{})
		together := both
		alone := both.on(t, both.table, app.Options{})
		alone.token = both.newTenant("alone", 4)
		var before [2][]string // ids of the resources of earlier requests
		for range rapid.IntRange(1, 3).Draw(rt, "requests") {
			n := rapid.IntRange(1, 8).Draw(rt, "operations")
			operations := make([]aloneOperation, n)
			for i := range operations {
				operations[i] = drawOperation(rt, len(before[0]), n)
			}
			a := together.bulk(bulkOperations(operations, before[0])...)
			statuses, made := alone.oneByOne(operations, a.done, before[1])
			for i, o := range a.operations {
				require.Equalf(rt, statuses[i], o.Status, "operation %d is %s in the bulk request, %s alone: %v", i+1, o.Status, statuses[i], a.body)
				if id, ok := made[i]; ok {
					before[0], before[1] = append(before[0], o.ID()), append(before[1], id)
				}
			}
			if got, want := together.state(), alone.state(); got != want {
				rt.Fatalf("after %s\nin a bulk request:\n%s\nalone:\n%s", bulkOperations(operations, before[0]), got, want)
			}
		}
		together.check(together.active())
	})
}

func bulkOperations(operations []aloneOperation, before []string) []string {
	refer := func(r reference) string {
		if r.created {
			return fmt.Sprint("bulkId:", r.operation)
		}
		return before[r.before]
	}
	all := make([]string, len(operations))
	for i, o := range operations {
		fields := map[string]any{"method": o.method, "path": o.endpoint, "bulkId": fmt.Sprint(i)}
		if o.method != "POST" {
			fields["path"] = o.endpoint + "/" + refer(o.target)
			delete(fields, "bulkId")
		}
		if o.data != nil {
			fields["data"] = json.RawMessage(o.data(refer))
		}
		if o.version != "" {
			fields["version"] = o.version
		}
		text, err := json.Marshal(fields)
		if err != nil {
			panic(err)
		}
		all[i] = string(text)
	}
	return all
}

// oneByOne sends operations in the order of the events of a bulk request. A
// resource that refers to one created later is created without the reference,
// and changed where the bulk request changed it. It returns the statuses, and
// the ids that POSTs created.
func (s *service) oneByOne(operations []aloneOperation, done []map[string]any, before []string) (statuses []string, made map[int]string) {
	statuses, made = make([]string, len(operations)), map[int]string{}
	late := map[int][]reference{}
	for _, e := range done {
		i := int(e["bulkOperation"].(float64)) - 1
		o := operations[i]
		second := statuses[i] != ""
		unknown, failed := false, false
		refer := func(r reference) string {
			if !r.created {
				return before[r.before]
			}
			id, ok := made[r.operation]
			switch {
			case operations[r.operation].method != "POST":
				unknown = true
			case !ok && statuses[r.operation] == "" && !second:
				late[i] = append(late[i], r)
			case !ok:
				failed = true
			}
			return id
		}
		var target, data string
		if o.method != "POST" {
			target = "/" + refer(o.target)
		}
		if o.data != nil {
			data = o.data(refer)
		}
		switch {
		case unknown:
			statuses[i] = "400"
			continue
		case failed:
			statuses[i] = "409"
			continue
		case second:
			var ids []string
			for _, r := range late[i] {
				ids = append(ids, refer(r))
			}
			if failed {
				statuses[i] = "409"
				continue
			}
			body := memberPatch("add", ids...)
			if o.endpoint == "/Users" {
				body = patchBody(`[{"op":"add","path":"` + scim.EnterpriseURN + `:manager","value":{"value":"` + ids[0] + `"}}]`)
			}
			if a := s.send("PATCH", o.endpoint+"/"+made[i], body); a.status != 200 {
				statuses[i] = fmt.Sprint(a.status)
			}
			continue
		}
		var headers []string
		if o.version != "" {
			headers = []string{"If-Match", o.version}
		}
		a := s.send(o.method, o.endpoint+target, data, headers...)
		statuses[i] = fmt.Sprint(a.status)
		if id, ok := a.body["id"].(string); ok && o.method == "POST" {
			made[i] = id
		}
	}
	return statuses, made
}

// state returns the tenant's data, with names in place of ids.
func (s *service) state() string {
	s.t.Helper()
	users, _ := s.send("GET", "/Users?count=200", "").body["Resources"].([]any)
	groups, _ := s.send("GET", "/Groups?count=200&attributes=displayName,members,meta", "").body["Resources"].([]any)
	names := map[string]string{}
	for _, list := range [][]any{users, groups} {
		for _, r := range list {
			r := r.(map[string]any)
			name, _ := r["userName"].(string)
			if name == "" {
				name, _ = r["displayName"].(string)
			}
			names[r["id"].(string)] = name
		}
	}
	var lines []string
	for _, r := range slices.Concat(users, groups) {
		r := r.(map[string]any)
		version := r["meta"].(map[string]any)["version"]
		if members, ok := r["members"].([]any); ok {
			var all []string
			for _, id := range valuesOf(members) {
				all = append(all, names[id])
			}
			slices.Sort(all)
			r["members"] = all
		}
		if enterprise, ok := r[scim.EnterpriseURN].(map[string]any); ok {
			id, _ := enterprise["manager"].(map[string]any)["value"].(string)
			name, ok := names[id]
			if !ok {
				name = "a deleted user"
			}
			r[scim.EnterpriseURN] = name
		}
		for _, name := range []string{"id", "meta", "schemas"} {
			delete(r, name)
		}
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(r)) {
			fmt.Fprintf(&b, "%s=%v ", name, r[name])
		}
		lines = append(lines, b.String()+fmt.Sprint(version))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
