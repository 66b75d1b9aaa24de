package mirror_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/mirror"
)

var writeVectors = flag.Bool("vectors.write", false, "write testdata/vectors.json")

const vectorsFile = "testdata/vectors.json"

// vectors are test cases for a mirror in any language.
type vectors struct {
	About      string            `json:"about"`
	Mirrors    []mirrorVector    `json:"mirrors"`
	Signatures []signatureVector `json:"signatures"`
}

type mirrorVector struct {
	Name   string           `json:"name"`
	Why    string           `json:"why"`
	Events []map[string]any `json:"events"`
	Want   content          `json:"want"`
}

// content is what a mirror has after events: the users that are not purged, the groups that
// are not deleted, and who is a member of which.
type content struct {
	Users   []wantUser  `json:"users"`
	Groups  []wantGroup `json:"groups"`
	Members [][2]string `json:"members"`
}

type wantUser struct {
	ID          string `json:"id"`
	UserName    string `json:"userName"`
	DisplayName string `json:"displayName"`
	Active      bool   `json:"active"`
	Deleted     bool   `json:"deleted"`
	Version     int64  `json:"version"`
}

type wantGroup struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

type signatureVector struct {
	Name     string            `json:"name"`
	Secrets  []string          `json:"secrets"`
	Headers  map[string]string `json:"headers"`
	Body     string            `json:"body"`
	Now      int64             `json:"now"`
	Accepted bool              `json:"accepted"`
}

const aboutVectors = "Test cases for a mirror of users, groups and memberships, in any language. " +
	"mirrors: apply the events in this order, in reverse, and twice: what the mirror has is want each time; a member is [group, user]. " +
	"signatures: whether a request is accepted at the time now (seconds since 1970). " +
	"Written by: go test ./mirror -run TestVectors -vectors.write"

// contentOf returns what a mirror has.
func contentOf(s *mirror.Memory) content {
	c := content{Users: []wantUser{}, Groups: []wantGroup{}, Members: [][2]string{}}
	for _, u := range s.Users(tenant) {
		c.Users = append(c.Users, wantUser{u.ID, u.UserName, u.DisplayName, u.Active, u.Deleted, u.Version})
	}
	for _, g := range s.Groups(tenant) {
		c.Groups = append(c.Groups, wantGroup{g.ID, g.DisplayName})
		for _, user := range s.Members(tenant, g.ID) {
			c.Members = append(c.Members, [2]string{g.ID, user})
		}
	}
	return c
}

// The vectors are as this package behaves, in each order.
func TestVectors(t *testing.T) {
	v := vectors{About: aboutVectors, Mirrors: append(namedVectors(), historyVectors()...), Signatures: signatureVectors(t)}
	encoded, err := json.MarshalIndent(v, "", " ")
	require.NoError(t, err)
	encoded = append(encoded, '\n')
	if *writeVectors {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(vectorsFile, encoded, 0o600))
	}
	stored, err := os.ReadFile(vectorsFile)
	require.NoError(t, err)
	require.True(t, bytes.Equal(stored, encoded), "testdata/vectors.json is not current: go test ./mirror -run TestVectors -vectors.write")

	for _, m := range v.Mirrors {
		for _, events := range orders(m.Events) {
			s := &mirror.Memory{}
			for _, document := range events {
				e, err := mirror.DecodeEvent(marshal(document))
				require.NoError(t, err, m.Name)
				require.NoError(t, mirror.Apply(t.Context(), s, e), m.Name)
			}
			require.Equal(t, m.Want, contentOf(s), m.Name)
		}
	}
	for _, c := range v.Signatures {
		header := http.Header{}
		for name, value := range c.Headers {
			header.Set(name, value)
		}
		err := mirror.Verify(header, []byte(c.Body), c.Secrets, time.Unix(c.Now, 0))
		assert.Equal(t, c.Accepted, err == nil, "%s: %v", c.Name, err)
	}
}

// orders returns events in every order if they are few, else as they are, in reverse and
// twice.
func orders(events []map[string]any) [][]map[string]any {
	if len(events) > 6 {
		reverse := slices.Clone(events)
		slices.Reverse(reverse)
		return [][]map[string]any{events, reverse, append(slices.Clone(events), reverse...)}
	}
	if len(events) == 0 {
		return [][]map[string]any{nil}
	}
	var all [][]map[string]any
	for i, first := range events {
		for _, rest := range orders(slices.Delete(slices.Clone(events), i, i+1)) {
			all = append(all, append([]map[string]any{first}, rest...))
		}
	}
	return all
}

// wire returns an event as it is sent.
func wire(e mirror.Event) map[string]any {
	document := map[string]any{
		"id": e.ID, "type": e.Type, "time": "2026-01-05T09:00:00.000Z", "tenant": e.Tenant, "data": e.Data,
		"actor":    map[string]any{"type": "idp", "name": "okta"},
		"resource": map[string]any{"type": e.Resource.Type, "id": e.Resource.ID, "version": e.Resource.Version, "externalId": nil},
	}
	if e.MembershipsEnded {
		document["membershipsEnded"] = true
	}
	if m := e.Members; m != nil {
		current := []any{}
		for _, c := range m.Current {
			current = append(current, map[string]any{"id": c.ID, "version": c.Version})
		}
		members := map[string]any{"added": orEmpty(m.Added), "removed": orEmpty(m.Removed), "generation": m.Generation, "current": current}
		if m.Replaced {
			members["replaced"] = true
		}
		document["members"] = members
	}
	return document
}

func orEmpty(ids []string) []string { return append([]string{}, ids...) }

func userEvent(id, kind string, version int64, now *modelUser) map[string]any {
	e := mirror.Event{
		ID: id, Type: "user." + kind, Tenant: tenant, Data: json.RawMessage("null"),
		Resource: &mirror.Resource{Type: mirror.TypeUser, ID: "anna", Version: version},
	}
	if now != nil {
		e.Data = userDocument("anna", *now)
	}
	return wire(e)
}

// groupEvent is an event about the members of the group design at a version and generation;
// current are those of added and removed who are members.
func groupEvent(id string, version, generation int64, added, removed []string, current ...mirror.Member) map[string]any {
	return wire(mirror.Event{
		ID: id, Type: "group.members_changed", Tenant: tenant, Data: groupDocument("design", &modelGroup{name: "Design", version: version, generation: generation}),
		Resource: &mirror.Resource{Type: mirror.TypeGroup, ID: "design", Version: version},
		Members:  &mirror.Members{Added: added, Removed: removed, Generation: generation, Current: current},
	})
}

func with(document map[string]any, name string, value any) map[string]any {
	document[name] = value
	return document
}

func replacing(document map[string]any) map[string]any {
	members, ok := document["members"].(map[string]any)
	if !ok {
		panic("no members")
	}
	members["replaced"] = true
	return document
}

var (
	anna   = []string{"anna"}
	design = []wantGroup{{"design", "Design"}}
)

func wantAnna(version int64, active, deleted bool) []wantUser {
	return []wantUser{{"anna", "anna@example.com", "anna at " + strconv.FormatInt(version, 10), active, deleted, version}}
}

func annaAt(version int64) mirror.Member { return mirror.Member{ID: "anna", Version: version} }

// namedVectors are the cases that a rule exists for.
func namedVectors() []mirrorVector {
	live := func(version int64) *modelUser { return &modelUser{version: version, active: true} }
	inactive := &modelUser{version: 2}
	deleted := &modelUser{version: 2, deleted: true}
	none := [][2]string{}
	member := [][2]string{{"design", "anna"}}
	return []mirrorVector{
		{
			"user.deactivated", "the document with the higher version wins",
			[]map[string]any{userEvent("1", "created", 1, live(1)), userEvent("2", "deactivated", 2, inactive)},
			content{wantAnna(2, false, false), []wantGroup{}, none},
		},
		{
			"an event of an unknown type", "a type that a later version adds has data too; members that are unknown are ignored",
			[]map[string]any{userEvent("1", "created", 1, live(1)), with(userEvent("2", "promoted", 2, live(2)), "later", []int{1})},
			content{wantAnna(2, true, false), []wantGroup{}, none},
		},
		{
			"user.purged", "a purged user never returns",
			[]map[string]any{userEvent("1", "created", 1, live(1)), userEvent("2", "updated", 2, live(2)), userEvent("3", "purged", 3, nil)},
			content{[]wantUser{}, []wantGroup{}, none},
		},
		{
			"group.deleted", "a deleted group never returns",
			[]map[string]any{
				groupEvent("1", 1, 1, anna, nil, annaAt(1)), with(with(groupEvent("2", 2, 1, nil, nil), "data", nil), "type", "group.deleted"),
				userEvent("3", "created", 1, live(1)),
			},
			content{wantAnna(1, true, false), []wantGroup{}, none},
		},
		{
			"a join and a leave", "the fact at the higher version of the group wins",
			[]map[string]any{userEvent("1", "created", 1, live(1)), groupEvent("2", 2, 1, anna, nil, annaAt(1)), groupEvent("3", 3, 1, nil, anna)},
			content{wantAnna(1, true, false), design, none},
		},
		{
			"a leave and a join, each sent late", "current is what is true, added and removed are what happened",
			[]map[string]any{userEvent("1", "created", 1, live(1)), groupEvent("2", 4, 1, nil, anna, annaAt(1)), groupEvent("3", 4, 1, anna, nil, annaAt(1))},
			content{wantAnna(1, true, false), design, member},
		},
		{
			"user.deleted", "a deletion ends memberships without an event of each group",
			[]map[string]any{userEvent("1", "created", 1, live(1)), groupEvent("2", 2, 1, anna, nil, annaAt(1)), userEvent("3", "deleted", 2, deleted)},
			content{wantAnna(2, false, true), design, none},
		},
		{
			"user.restored", "a restored user does not get its memberships back",
			[]map[string]any{
				userEvent("1", "created", 1, live(1)), groupEvent("2", 2, 1, anna, nil, annaAt(1)), userEvent("3", "deleted", 2, deleted),
				userEvent("4", "restored", 3, live(3)),
			},
			content{wantAnna(3, true, false), design, none},
		},
		{
			"a membership after a restore", "a membership that began after the deletion stays",
			[]map[string]any{
				userEvent("1", "created", 1, live(3)), groupEvent("2", 2, 1, anna, nil, annaAt(1)), userEvent("3", "deleted", 2, live(3)),
				groupEvent("4", 4, 1, anna, nil, annaAt(3)),
			},
			content{wantAnna(3, true, false), design, member},
		},
		{
			"a reactivation that ends memberships", "membershipsEnded ends what began before the version of the resource",
			[]map[string]any{
				userEvent("1", "created", 1, live(3)), groupEvent("2", 2, 1, anna, nil, annaAt(2)),
				with(userEvent("3", "reactivated", 3, live(3)), "membershipsEnded", true),
			},
			content{wantAnna(3, true, false), design, none},
		},
		{
			"a slow reading across a reactivation",
			"event 2 was read slowly: anna before her reactivation, the group after she had joined again. " +
				"It has the higher version of the group, and event 3 the higher version of anna: both count",
			[]map[string]any{
				userEvent("1", "created", 1, live(3)), groupEvent("2", 10, 1, anna, nil, annaAt(2)), groupEvent("3", 9, 1, anna, nil, annaAt(3)),
				with(userEvent("4", "reactivated", 3, live(3)), "membershipsEnded", true),
			},
			content{wantAnna(3, true, false), design, member},
		},
		{
			"a membership of a user who is leaving", "version 0 means that it may have ended: it ends with any deletion, and another event may say more",
			[]map[string]any{
				userEvent("1", "created", 1, live(3)), userEvent("2", "deleted", 2, deleted), groupEvent("3", 9, 1, anna, nil, annaAt(0)),
			},
			content{wantAnna(3, true, false), design, none},
		},
		{
			"a membership of a user who was leaving and joined again", "the version of anna comes from event 4, the version of the group from event 3",
			[]map[string]any{
				userEvent("1", "created", 1, live(3)), userEvent("2", "deleted", 2, deleted), groupEvent("3", 9, 1, anna, nil, annaAt(0)),
				groupEvent("4", 8, 1, anna, nil, annaAt(3)),
			},
			content{wantAnna(3, true, false), design, member},
		},
		{
			"a deleted user, and no event of the deletion", "a document that says deleted ends memberships too: the event may have come before the mirror began",
			[]map[string]any{userEvent("1", "updated", 3, &modelUser{version: 3, deleted: true}), groupEvent("2", 9, 1, anna, nil, annaAt(2))},
			content{wantAnna(3, false, true), design, none},
		},
		{
			"a replacement of all members", "who is in none of its events has left",
			[]map[string]any{
				userEvent("1", "created", 1, live(1)), groupEvent("2", 2, 1, anna, nil, annaAt(1)), replacing(groupEvent("3", 3, 2, []string{"bob"}, nil, mirror.Member{ID: "bob", Version: 1})),
			},
			content{wantAnna(1, true, false), design, none},
		},
		{
			"a replacement in several events", "each names a part of the new members",
			[]map[string]any{
				userEvent("1", "created", 1, live(1)), groupEvent("2", 2, 1, anna, nil, annaAt(1)), replacing(groupEvent("3", 3, 2, []string{"bob"}, nil)),
				replacing(groupEvent("3-1", 5, 2, anna, nil, annaAt(1))),
			},
			content{wantAnna(1, true, false), design, member},
		},
		{
			"two replacements", "the higher generation counts",
			[]map[string]any{
				userEvent("1", "created", 1, live(1)), replacing(groupEvent("2", 2, 2, anna, nil, annaAt(1))), replacing(groupEvent("3", 3, 3, nil, nil)),
			},
			content{wantAnna(1, true, false), design, none},
		},
		{
			"a record that cannot be read", "data is null, and the user is not gone",
			[]map[string]any{userEvent("1", "created", 1, live(1)), with(userEvent("2", "updated", 2, nil), "unreadable", true)},
			content{wantAnna(1, true, false), []wantGroup{}, none},
		},
		{
			"data that is null", "only user.purged and group.deleted say that something is gone",
			[]map[string]any{
				userEvent("1", "created", 1, live(1)), userEvent("2", "updated", 2, nil), groupEvent("3", 2, 1, anna, nil, annaAt(1)),
				with(with(groupEvent("4", 0, 1, nil, anna), "data", nil), "resource", map[string]any{"type": "Group", "id": "design", "version": 0}),
			},
			content{wantAnna(1, true, false), design, member},
		},
		{
			"a failure of a user without a record", "an operational event names a user and is no change of one",
			[]map[string]any{userEvent("1", "created", 1, live(1)), with(userEvent("2", "x", 0, nil), "type", "provisioning.failing")},
			content{wantAnna(1, true, false), []wantGroup{}, none},
		},
	}
}

// historyVectors are histories of the model.
func historyVectors() []mirrorVector {
	var all []mirrorVector
	for _, seed := range []uint64{1, 2, 3, 4} {
		m := newModel(seed)
		arrived := m.play(45)
		v := mirrorVector{Name: "history " + strconv.FormatUint(seed, 10), Why: "a random history; its events were read and arrived at random times"}
		for _, e := range arrived {
			v.Events = append(v.Events, wire(e))
		}
		v.Want = m.content()
		all = append(all, v)
	}
	return all
}

func signatureVectors(t *testing.T) []signatureVector {
	t.Helper()
	const first, second = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_cm9sbGNhbGwgc2lnbnMgd2l0aCB0aGlzIGtleSE="
	const now = 1767603600
	body := `{"id":"1","type":"user.created","displayName":"Zoë"}`
	signed := func(secret string, at int64) map[string]string {
		header := http.Header{}
		require.NoError(t, mirror.Sign(header, "msg_1", []byte(body), []string{secret}, time.Unix(at, 0)))
		return map[string]string{
			"webhook-id": header.Get("webhook-id"), "webhook-timestamp": header.Get("webhook-timestamp"), "webhook-signature": header.Get("webhook-signature"),
		}
	}
	set := func(headers map[string]string, name, value string) map[string]string {
		headers[name] = value
		return headers
	}
	without := func(headers map[string]string, name string) map[string]string {
		delete(headers, name)
		return headers
	}
	of := func(secret string) string { return signed(secret, now)["webhook-signature"] }
	zero := "v1," + base64.StdEncoding.EncodeToString(make([]byte, 32))
	one, both := []string{first}, []string{first, second}
	return []signatureVector{
		{
			"the example of Standard Webhooks", one,
			map[string]string{
				"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
				"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
			},
			`{"test": 2432232314}`, 1614265330, true,
		},
		{"signed now", one, signed(first, now), body, now, true},
		{"a secret without whsec_", []string{first[len("whsec_"):]}, signed(first, now), body, now, true},
		{"signed 5 minutes ago", one, signed(first, now-300), body, now, true},
		{"signed 5 minutes and a second ago", one, signed(first, now-301), body, now, false},
		{"signed in 5 minutes", one, signed(first, now+300), body, now, true},
		{"signed in 5 minutes and a second", one, signed(first, now+301), body, now, false},
		{"another body", one, signed(first, now), body + " ", now, false},
		{"another id", one, set(signed(first, now), "webhook-id", "msg_2"), body, now, false},
		{"another time", one, set(signed(first, now), "webhook-timestamp", strconv.Itoa(now+1)), body, now, false},
		{"another secret", one, signed(second, now), body, now, false},
		{"the second of two secrets of the receiver", both, signed(second, now), body, now, true},
		{"the second of two signatures of the sender", one, set(signed(first, now), "webhook-signature", zero+" "+of(first)), body, now, true},
		{"two signatures of other secrets", one, set(signed(first, now), "webhook-signature", zero+" "+of(second)), body, now, false},
		{"another version of signatures", one, set(signed(first, now), "webhook-signature", "v2"+of(first)[2:]), body, now, false},
		{"another version beside", one, set(signed(first, now), "webhook-signature", "v1a,AAAA "+of(first)), body, now, true},
		{"no version", one, set(signed(first, now), "webhook-signature", of(first)[3:]), body, now, false},
		{"no base64", one, set(signed(first, now), "webhook-signature", "v1,???"), body, now, false},
		{"an empty signature", one, set(signed(first, now), "webhook-signature", "v1,"), body, now, false},
		{"a part of the signature", one, set(signed(first, now), "webhook-signature", of(first)[:23]), body, now, false},
		{"no id", one, without(signed(first, now), "webhook-id"), body, now, false},
		{"no time", one, without(signed(first, now), "webhook-timestamp"), body, now, false},
		{"no signature", one, without(signed(first, now), "webhook-signature"), body, now, false},
		{"a time that is no number", one, set(signed(first, now), "webhook-timestamp", "now"), body, now, false},
	}
}
