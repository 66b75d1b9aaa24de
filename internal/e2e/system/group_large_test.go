package system

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// seeded returns the ids of the members that seed stores.
func seeded(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("00000000-0000-7000-8000-%012d", i)
	}
	return ids
}

// wantTooLarge checks the refusal of an answer with too many members, and the
// advice in it.
func wantTooLarge(t *testing.T, a answer, group string, gzip bool) {
	t.Helper()
	detail, _ := a.body["detail"].(string)
	if a.status != 400 || a.body["scimType"] != "tooMany" || a.event["cause"] != "answer_too_large" || a.event["outcome"] != "failure" {
		t.Fatalf("%d, %v, cause %v: %.300v", a.status, a.body["scimType"], a.event["cause"], a.body)
	}
	for _, part := range []string{
		"excludedAttributes=members", `GET /scim/v2/Users?filter=groups.value eq "` + group + `"`, "(request " + a.header.Get("X-Request-Id") + ")",
	} {
		assert.Containsf(t, detail, part, "the detail does not say %q", part)
	}
	assert.NotEqualf(t, gzip, strings.Contains(detail, "Accept-Encoding: gzip"), "the client accepts gzip: %t, and the detail is: %s", gzip, detail)
}

// A group of 100,000 members is answered whole to a client that accepts gzip,
// and refused with advice to one that does not. Everything else costs what it
// costs for a small group.
func TestGroup_With100000Members(t *testing.T) {
	t.Parallel()
	const size = 100_000
	raw := enginetest.Memory(t)
	s := newService(t, raw, 10, app.Options{})
	user := s.must(201, "POST", "/Users", budgetUser(0))
	id := s.must(201, "POST", "/Groups", groupBody("large"))
	small := s.must(201, "POST", "/Groups", groupBody("small", user))
	seed(t, raw, id, size)
	want := seeded(size)

	a := s.send("GET", "/Groups/"+id, "")
	wantTooLarge(t, a, id, false)
	if read := a.event["itemsRead"].(float64); read > size/2 {
		t.Errorf("%v items read for an answer that has no room for them", read)
	}
	for _, accepted := range []string{"gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1"} {
		a = s.send("GET", "/Groups/"+id, "", "Accept-Encoding", accepted)
		if a.status != 200 || a.header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: %d, coding %q", accepted, a.status, a.header.Get("Content-Encoding"))
		}
		got := valuesOf(a.body["members"])
		assert.Truef(t, slices.Equal(got, want), "%s: %d members, want %d, each once", accepted, len(got), size)
	}
	a = s.send("GET", "/Groups/"+id+"?attributes=members.value", "", "Accept-Encoding", "gzip")
	got := valuesOf(a.body["members"])
	assert.Truef(t, a.status == 200 && slices.Equal(got, want), "attributes=members.value: %d, %d members", a.status, len(got))
	throughLambda(t, s, id, want)

	s.send("GET", "/ServiceProviderConfig", "") // the token may have expired in the cache meanwhile
	for _, query := range []string{"?excludedAttributes=members", "?attributes=displayName"} {
		a = s.send("GET", "/Groups/"+id+query, "")
		assert.Truef(t, a.status == 200 && a.event["itemsRead"] == 1.0, "%s: %d, %v items read", query, a.status, a.event["itemsRead"])
	}
	if a = s.send("GET", "/Groups", ""); a.status != 200 || a.event["itemsRead"].(float64) > 3 {
		t.Errorf("list: %d, %v items read", a.status, a.event["itemsRead"])
	}
	wantTooLarge(t, s.send("GET", "/Groups?attributes=members", ""), id, false)
	a = s.send("GET", "/Groups?attributes=members", "", "Accept-Encoding", "gzip")
	resources, _ := a.body["Resources"].([]any)
	assert.Truef(t, a.status == 200 && len(resources) == 2, "list with members and gzip: %d, %d groups", a.status, len(resources))

	// A change is answered without the members, and made whether they fit or
	// not. If the test is slow, the token and its tenant are read again, four
	// more items.
	a = s.send("PATCH", "/Groups/"+id, memberPatch("add", user))
	if a.status != 200 || a.body["members"] != nil || a.header.Get("ETag") != `W/"2"` || a.event["itemsRead"].(float64) > directory.MaxShown+3+4 {
		t.Errorf("PATCH: %d with %d members, version %s, %v items read", a.status, len(valuesOf(a.body["members"])), a.header.Get("ETag"), a.event["itemsRead"])
	}
	a = s.send("PATCH", "/Groups/"+id+"?attributes=members", memberPatch("remove", user))
	if a.status != 204 || a.body != nil || a.event["outcome"] != "warning" || a.event["cause"] != "answer_too_large" || a.event["membersRemoved"] != 1.0 {
		t.Errorf("PATCH that asks for members which do not fit: %d %v, event %v", a.status, a.body, a.event)
	}
	a = s.send("PATCH", "/Groups/"+id+"?attributes=members", memberPatch("add", user), "Accept-Encoding", "gzip")
	got = valuesOf(a.body["members"])
	assert.Truef(t, a.status == 200 && len(got) == size+1, "PATCH that asks for members, with gzip: %d, %d members", a.status, len(got))
	a = s.send("PATCH", "/Groups/"+id, patchBody(fmt.Sprintf(`[{"op":"remove","path":"members[value eq \"%s\"]"}]`, user)))
	if a.status != 200 || a.body["members"] != nil || a.header.Get("ETag") != `W/"5"` {
		t.Errorf("PATCH by filter: %d, version %s", a.status, a.header.Get("ETag"))
	}
	a = s.send("PATCH", "/Groups/"+id, patchBody(`[{"op":"replace","value":{"id":"`+id+`","displayName":"larger"}}]`))
	assert.Truef(t, a.status == 200 && a.body["displayName"] == "larger" && a.body["members"] == nil, "PATCH of the name: %d %.200v", a.status, a.body)
	got = s.membersOf(id)
	assert.Truef(t, slices.Equal(got, want), "%d members at last, want %d", len(got), size)
	got = s.groupsOf(user)
	assert.Truef(t, slices.Equal(got, []string{small}), "the user is in %v", got)
}

// throughLambda reads a group as a client of API Gateway does.
func throughLambda(t *testing.T, s *service, group string, want []string) {
	t.Helper()
	event := lambdahttp.Event{
		Version: "2.0", RouteKey: "ANY /scim/v2/Groups/{id}", RawPath: "/scim/v2/Groups/" + group,
		PathParameters: map[string]string{"id": group},
		Headers: map[string]string{
			"host": "scim.test", "authorization": "Bearer " + s.token, "accept-encoding": "gzip, deflate",
		},
	}
	event.RequestContext.RouteKey, event.RequestContext.Stage = event.RouteKey, "$default"
	event.RequestContext.HTTP.Method, event.RequestContext.HTTP.Path = http.MethodGet, event.RawPath
	response, err := lambdahttp.Handler(s.handler)(t.Context(), event)
	if err != nil || response.StatusCode != 200 || !response.IsBase64Encoded || response.Headers["Content-Encoding"] != "gzip" {
		t.Fatalf("%v, %d, base64 %t, %v", err, response.StatusCode, response.IsBase64Encoded, response.Headers)
	}
	payload, err := json.Marshal(response)
	if err != nil || len(payload) > lambdahttp.MaxResponseBytes {
		t.Errorf("%v: the event is %d bytes of %d", err, len(payload), lambdahttp.MaxResponseBytes)
	}
	t.Logf("%d members are an event of %d bytes, of %d", len(want), len(payload), lambdahttp.MaxResponseBytes)
	packed, err := base64.StdEncoding.DecodeString(response.Body)
	require.NoError(t, err)
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	var body map[string]any
	require.NoError(t, json.NewDecoder(unpacked).Decode(&body))
	got := valuesOf(body["members"])
	assert.Truef(t, slices.Equal(got, want), "%d members, want %d", len(got), len(want))
}

// The groups of a list share the room for members: each would fit alone.
func TestGroup_ListOfLargeGroups(t *testing.T) {
	t.Parallel()
	raw := enginetest.Memory(t)
	s := newService(t, raw, 10, app.Options{})
	var ids []string
	for i := range 2 {
		ids = append(ids, s.must(201, "POST", "/Groups", groupBody(fmt.Sprint("large ", i))))
		seed(t, raw, ids[i], 25_000)
		if a := s.send("GET", "/Groups/"+ids[i], ""); a.status != 200 || len(valuesOf(a.body["members"])) != 25_000 {
			t.Errorf("one: %d, %d members", a.status, len(valuesOf(a.body["members"])))
		}
	}
	a := s.send("GET", "/Groups?attributes=members.value,members.$ref,members.type", "")
	wantTooLarge(t, a, ids[1], false)
	a = s.send("GET", "/Groups?attributes=members&count=1&startIndex=2", "")
	if resources, _ := a.body["Resources"].([]any); a.status != 200 || a.body["totalResults"] != 2.0 || len(resources) != 1 {
		t.Errorf("a page of one: %d, %d groups", a.status, len(resources))
	}
	a = s.send("GET", "/Groups?attributes=members", "", "Accept-Encoding", "gzip")
	resources, _ := a.body["Resources"].([]any)
	for _, r := range resources {
		group, _ := r.(map[string]any)
		n := len(valuesOf(group["members"]))
		assert.Equalf(t, 25_000, n, "%v has %d members in the list", group["id"], n)
	}
	assert.Truef(t, a.status == 200 && len(resources) == 2, "with gzip: %d, %d groups", a.status, len(resources))
}

// The way around the limit: the members of a group of any size, page by page;
// and a PUT that repeats 9,000 members to change three.
func TestGroup_MembersPageByPage(t *testing.T) {
	t.Parallel()
	const people = directory.MaxWalk + 300
	s, ids := crowd(t, enginetest.Memory(t), people)
	lone := s.must(201, "POST", "/Users", userBody(`"userName":"lone","active":false`))
	small, large, few := s.grow("small", ids[:3000]), s.grow("large", ids), s.grow("few", ids[3000:3500])
	sorted := slices.Sorted(slices.Values(ids))
	walk := func(query string, want []string, count int) {
		t.Helper()
		var walked []string
		for start := 1; start <= len(want); {
			a := s.send("GET", fmt.Sprintf("/Users?attributes=userName&count=%d&startIndex=%d&filter=%s", count, start, url.QueryEscape(query)), "")
			resources, _ := a.body["Resources"].([]any)
			if a.status != 200 || a.body["totalResults"] != float64(len(want)) || len(resources) != min(count, len(want)+1-start) {
				t.Fatalf("%s from %d: %d, %d users of %v, want %d", query, start, a.status, len(resources), a.body["totalResults"], len(want))
			}
			for _, r := range resources {
				user, _ := r.(map[string]any)
				id, _ := user["id"].(string)
				walked = append(walked, id)
			}
			start += len(resources)
		}
		assert.Truef(t, slices.Equal(walked, want), "%s: %d members walked, want %d, each once in the order of ids", query, len(walked), len(want))
	}
	walk(`groups.value eq "`+small+`"`, sorted[:3000], 200)
	walk(`groups eq "`+few+`" and active eq false`, sorted[3000:3500], 99)
	walk(`groups.value eq "`+large+`"`, sorted, 200)
	for query, want := range map[string]int{
		`groups.value eq "` + large + `"`:                                     people,
		`groups.value eq "` + large + `" and userName eq "u000007"`:           1,
		`groups.value eq "` + large + `" and userName eq "lone"`:              0,
		`groups.value eq "` + large + `" and id eq "` + lone + `"`:            0,
		`groups.value eq "` + small + `" and groups.value eq "` + large + `"`: 3000,
	} {
		for _, count := range []string{"0", "1"} {
			a := s.send("GET", "/Users?count="+count+"&filter="+url.QueryEscape(query), "")
			if a.status != 200 || a.body["totalResults"] != float64(want) {
				t.Errorf("%s: %d, %v in all, want %d", query, a.status, a.body["totalResults"], want)
			}
		}
	}
	a := s.send("GET", "/Users?attributes=groups&count=200&startIndex=2990&filter="+url.QueryEscape(`groups.value eq "`+large+`"`), "")
	resources, _ := a.body["Resources"].([]any)
	require.Truef(t, a.status == 200 && len(resources) == 20, "a page with groups: %d, %d users", a.status, len(resources))
	for i, r := range resources {
		user, _ := r.(map[string]any)
		want := []string{small, large}
		if 2990+i > 3000 {
			want[0] = few
		}
		got := valuesOf(user["groups"])
		assert.Truef(t, slices.Equal(got, slices.Sorted(slices.Values(want))), "user %d is in %v, want %v", 2990+i, got, want)
	}
	// A filter that must be evaluated on each of so many members is refused
	// with advice.
	a = s.send("GET", "/Users?filter="+url.QueryEscape(`groups.value eq "`+large+`" and active eq false`), "")
	if detail, _ := a.body["detail"].(string); a.status != 400 || a.body["scimType"] != "tooMany" || a.event["cause"] != "walk_limit" || !strings.Contains(detail, "10000") {
		t.Errorf("a filter on the members of a large group: %d %v", a.status, a.body)
	}

	id := s.grow("nine thousand", ids[:9000])
	before := s.send("GET", "/Groups/"+id+"?excludedAttributes=members", "").header.Get("ETag")
	sent := slices.Concat(ids[1:9000], ids[9000:9002])
	a = s.send("PUT", "/Groups/"+id, groupBody("nine thousand", sent...))
	if a.status != 200 || !slices.Equal(valuesOf(a.body["members"]), slices.Sorted(slices.Values(sent))) {
		t.Errorf("PUT: %d, %d members", a.status, len(valuesOf(a.body["members"])))
	}
	// Three memberships and their memberships, the counts of two users, the check
	// that one is not protected, the group, the log.
	if writes := a.event["writeUnits"].(float64); a.event["membersAdded"] != 2.0 || a.event["membersRemoved"] != 1.0 || writes > 2*(2*3+2+1+2) {
		t.Errorf("PUT that changes three: %v added, %v removed, %v WRU", a.event["membersAdded"], a.event["membersRemoved"], writes)
	}
	after := a.header.Get("ETag")
	assert.Truef(t, a.event["changed"] == "members" && after != before, "PUT changed %v, version %s after %s", a.event["changed"], after, before)
	a = s.send("PUT", "/Groups/"+id, groupBody("nine thousand", sent...))
	if a.status != 200 || a.event["action"] != "unchanged" || a.event["writeUnits"] != 2.0 {
		t.Errorf("the same PUT again: %d, %v, %v WRU", a.status, a.event["action"], a.event["writeUnits"])
	}
	// 5,001 of them cannot be removed at once.
	a = s.send("PUT", "/Groups/"+id, groupBody("nine thousand", ids[5002:]...))
	assert.Truef(t, a.status == 400 && a.event["cause"] == "member_limit", "PUT that changes too many: %d, cause %v", a.status, a.event["cause"])
	got := s.membersOf(id)
	assert.Lenf(t, got, len(sent), "%d members, want %d", len(got), len(sent))
	s.check(0)
}

// A filter that would read the members of a large group is refused with the
// limit.
//
// Covers: 7644-3.4.2.1-2, 7644-3.12-14
func TestGroup_FilterOverALargeGroup(t *testing.T) {
	raw := enginetest.Memory(t)
	s := newService(t, raw, 10, app.Options{})
	seed(t, raw, s.must(201, "POST", "/Groups", groupBody("large")), directory.MaxWalk+1)
	for _, filter := range []string{`members pr`, `not (members eq "x")`} {
		a := s.send("GET", "/Groups?filter="+url.QueryEscape(filter), "")
		if detail, _ := a.body["detail"].(string); a.status != 400 || a.body["scimType"] != "tooMany" ||
			a.event["cause"] != "walk_limit" || !strings.Contains(detail, "The filter needs more records read than the 10000") {
			t.Errorf("%s: %d, cause %v: %v", filter, a.status, a.event["cause"], a.body["detail"])
		}
	}
}

// A visits is when a user was a member of a group, in ticks of one clock.
// Adding and removing take time, during which a reader may see either.
type visits struct {
	mu sync.Mutex
	// changes alternate; the user is not a member at first.
	changes []change
}

// A change is an add or a removal, from its start to its end.
type change struct{ begin, end int64 }

func (v *visits) begin(tick int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.changes = append(v.changes, change{begin: tick})
}

func (v *visits) end(tick int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.changes[len(v.changes)-1].end = tick
}

// seen returns what a read from one tick to another must have shown: the member
// or not; or either.
func (v *visits) seen(from, to int64) (member, either bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.changes {
		if c.begin >= to {
			break
		}
		if c.end == 0 || c.end > from {
			return false, true
		}
		member = !member
	}
	return member, false
}

// Readers of a large group, while members are added and removed, see each
// member as it was at some moment of the read.
func TestGroup_ReadWhileMembersChange(t *testing.T) {
	const stay, readers, reads = 13_000, 20, 2 // members of two pages
	raw := enginetest.Memory(t)
	s, ids := crowd(t, raw, 8)
	id := s.must(201, "POST", "/Groups", groupBody("busy"))
	seed(t, raw, id, stay)
	staying, moving := seeded(stay), ids[:6] // the others are never members
	var clock, moves atomic.Int64
	var over atomic.Bool
	var movers, looking sync.WaitGroup
	history := make([]visits, len(moving))
	for i, member := range moving {
		movers.Go(func() {
			for round := 0; round%2 == 1 || !over.Load(); round++ { // all are removed in the end
				op := "add"
				if round%2 == 1 {
					op = "remove"
				}
				history[i].begin(clock.Add(1))
				a := s.send("PATCH", "/Groups/"+id, memberPatch(op, member))
				history[i].end(clock.Add(1))
				if a.status != 200 || a.body["members"] != nil || a.event["action"] != "updated" {
					t.Errorf("%s: %d %v, %v", op, a.status, a.body, a.event["action"])
				}
				moves.Add(1)
				// Some change all the time, some rarely.
				for end := time.Now().Add(time.Duration(rand.Int64N(int64(50*time.Millisecond) << i))); !over.Load() && time.Now().Before(end); {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	type look struct {
		from, to int64
		answer   *httptest.ResponseRecorder
	}
	looks := make([]look, readers*reads)
	for i := range readers {
		looking.Go(func() {
			for j := range reads {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://scim.test/scim/v2/Groups/"+id, nil)
				r.Header.Set("Authorization", "Bearer "+s.token)
				r.Header.Set("Accept-Encoding", "gzip")
				l := look{from: clock.Add(1), answer: httptest.NewRecorder()}
				s.handler.ServeHTTP(l.answer, r)
				l.to = clock.Add(1)
				looks[i*reads+j] = l
			}
		})
	}
	looking.Wait()
	over.Store(true)
	movers.Wait()

	known, unsure := 0, 0
	for _, l := range looks {
		var body map[string]any
		err := json.NewDecoder(plain(t, l.answer)).Decode(&body)
		require.Truef(t, err == nil && l.answer.Code == 200, "GET: %d, %v, %v", l.answer.Code, body["detail"], err)
		got := valuesOf(body["members"])
		is := make(map[string]bool, len(got))
		for _, member := range got {
			is[member] = true
		}
		assert.Lenf(t, is, len(got), "%d members are listed twice", len(got)-len(is))
		for _, member := range staying {
			assert.Truef(t, is[member], "%s was there all along and is not in the answer", member)
		}
		for _, member := range ids[len(moving):] {
			assert.Falsef(t, is[member], "%s was never there and is in the answer", member)
		}
		for i, member := range moving {
			want, either := history[i].seen(l.from, l.to)
			switch {
			case either:
				unsure++
			case is[member] != want:
				t.Errorf("from %d to %d: %s is in the answer: %t; it was: %t", l.from, l.to, member, is[member], want)
			default:
				known++
			}
		}
	}
	t.Logf("%d members changed during %d reads; %d times a member stayed the same during a read, %d times not", moves.Load(), len(looks), known, unsure)
	assert.NotEqual(t, 0, unsure, "nothing overlapped: the race proves nothing")
	got := s.membersOf(id)
	assert.Truef(t, slices.Equal(got, staying), "%d members at last, want %d", len(got), len(staying))
	want := fmt.Sprintf(`W/"%d"`, 1+moves.Load())
	version := s.send("GET", "/Groups/"+id+"?excludedAttributes=members", "").header.Get("ETag")
	assert.Equalf(t, want, version, "version %s, want %s: one for each change", version, want)
}

// Readers of a group whose members are replaced again and again see one set or
// the other: never a mixture, never an empty group.
func TestGroup_ReadWhileTheSetIsReplaced(t *testing.T) {
	for _, engine := range enginetest.All()[:2] {
		t.Run(engine.Name, func(t *testing.T) {
			readers, replaces := size(30, 10), size(12, 6)
			s, ids := crowd(t, engine.Open(t), 200)
			sets := [2][]string{slices.Sorted(slices.Values(ids[:100])), slices.Sorted(slices.Values(ids[100:]))}
			id := s.must(201, "POST", "/Groups", groupBody("set", sets[0]...))
			var wait sync.WaitGroup
			var over atomic.Bool
			var reads, seen [2]atomic.Int64
			for i := range readers {
				wait.Go(func() {
					for first := true; first || !over.Load(); first = false {
						a := s.send("GET", "/Groups/"+id, "")
						members := a.body["members"]
						if i%5 == 4 { // in a list
							a = s.send("GET", "/Groups?attributes=members&filter=displayName+eq+%22set%22", "")
							members = nil
							if resources, _ := a.body["Resources"].([]any); len(resources) == 1 {
								group, _ := resources[0].(map[string]any)
								members = group["members"]
							}
						}
						got := valuesOf(members)
						reads[0].Add(1)
						switch {
						case a.status == 200 && slices.Equal(got, sets[0]):
							seen[0].Add(1)
						case a.status == 200 && slices.Equal(got, sets[1]):
							seen[1].Add(1)
						default:
							t.Errorf("GET: %d, %d members, neither set", a.status, len(got))
							return
						}
					}
				})
			}
			for n := range replaces {
				set := sets[(n+1)%2]
				var a answer
				if n%3 == 2 {
					a = s.send("PUT", "/Groups/"+id, groupBody("set", set...))
				} else {
					a = s.send("PATCH", "/Groups/"+id, memberPatch("replace", set...))
				}
				if a.status != 200 || a.event["membersAdded"] != 100.0 || a.event["membersRemoved"] != -1.0 {
					t.Errorf("replace %d: %d, %v added, %v removed: %v", n, a.status, a.event["membersAdded"], a.event["membersRemoved"], a.body["detail"])
				}
			}
			over.Store(true)
			wait.Wait()
			t.Logf("%d reads, %d of the one set, %d of the other", reads[0].Load(), seen[0].Load(), seen[1].Load())
			got := s.membersOf(id)
			assert.Truef(t, slices.Equal(got, sets[0]), "%d members at last, not the set sent last", len(got))
			s.check(0)
		})
	}
}

// An accepted change that its request left half made is seen whole by every
// reader: from the group and from the users, in lists and in filters.
func TestGroup_UnfinishedChangeIsReadAsAWhole(t *testing.T) {
	for _, look := range []string{
		"/Users?attributes=userName,groups&count=20&startIndex=25",
		"/Users?count=20&filter=groups.value+eq+%22{id}%22",
		"/Users?count=20&filter=groups+pr",
		"/Users?count=20&filter=userName+eq+%22u000003%22+and+groups.value+eq+%22{id}%22",
		"/Users?count=20&filter=userName+eq+%22u000070%22+and+groups.value+eq+%22{id}%22",
		"/Groups?filter=id+eq+%22{id}%22+and+members+eq+%22{first}%22",
		"/Groups?filter=id+eq+%22{id}%22+and+members+eq+%22{last}%22",
		"/Groups?filter=members+eq+%22{first}%22",
		"/Groups?filter=members+pr",
	} {
		t.Run(look, func(t *testing.T) {
			base := enginetest.Memory(t)
			s, ids := crowd(t, base, 71)
			id := s.must(201, "POST", "/Groups", groupBody("g"))
			// The change is accepted, and its first part made.
			killed := s.on(t, tabletest.NewFault(base, 1, tabletest.FaultPlan{StopAfter: 2}), app.Options{})
			if a := killed.send("PATCH", "/Groups/"+id, memberPatch("add", ids...)); a.status < 500 {
				t.Fatalf("the request was not killed: %d", a.status)
			}
			path := strings.NewReplacer("{id}", id, "{first}", ids[0], "{last}", ids[70]).Replace(look)
			a := s.send("GET", path, "")
			want := 1.0
			if strings.HasPrefix(look, "/Users") && !strings.Contains(look, "userName+eq") {
				want = 71
			}
			resources, _ := a.body["Resources"].([]any)
			assert.Truef(t, a.status == 200 && a.body["totalResults"] == want, "%d, %v found, want %v", a.status, a.body["totalResults"], want)
			if strings.Contains(look, "attributes") {
				in := 0
				for _, r := range resources {
					user, _ := r.(map[string]any)
					in += len(valuesOf(user["groups"]))
				}
				assert.Falsef(t, in != 0 && in != len(resources), "%d of %d users are in the group, want none or all", in, len(resources))
			}
		})
	}
}
