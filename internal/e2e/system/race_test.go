package system

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// atOnce sends n requests at the same time and counts the statuses. Like an
// identity provider, it repeats a request that is answered with a retryable
// error.
func (s *service) atOnce(n int, request func(i int) (method, path, body string)) map[int]int {
	var wait sync.WaitGroup
	begin := make(chan struct{})
	answers := make([]answer, n)
	for i := range n {
		wait.Add(1)
		go func() {
			defer wait.Done()
			method, path, body := request(i)
			<-begin
			for {
				answers[i] = s.send(method, path, body)
				seconds, err := strconv.Atoi(answers[i].header.Get("Retry-After"))
				if err != nil {
					return
				}
				time.Sleep(time.Duration(seconds) * 10 * time.Millisecond)
			}
		}()
	}
	close(begin)
	wait.Wait()
	statuses := map[int]int{}
	for _, a := range answers {
		statuses[a.status]++
		assert.Truef(s.t, a.status < 500, "status %d: %v", a.status, a.body)
	}
	return statuses
}

func wantStatuses(t *testing.T, got map[int]int, want map[int]int) {
	t.Helper()
	for status, n := range want {
		if got[status] != n {
			t.Errorf("answers %v, want %v", got, want)
			return
		}
	}
	assert.Lenf(t, got, len(want), "answers %v, want %v", got, want)
}

// TestRaces checks what must hold for concurrent requests about the same
// resource: on each engine, and with colliding transactions as in DynamoDB.
func TestRaces(t *testing.T) {
	enginetest.Each(t, enginetest.Three(), func(t *testing.T, engine enginetest.Engine) {
		t.Run("50 creates of one userName make one user", func(t *testing.T) {
			s := newService(t, engine.Open(t), 100, app.Options{})
			got := s.atOnce(50, func(i int) (string, string, string) {
				return "POST", "/Users", userBody(fmt.Sprintf(`"userName":"race@example.com","title":"%d"`, i))
			})
			wantStatuses(t, got, map[int]int{201: 1, 409: 49})
			s.check(1)
		})
		t.Run("two userNames and one externalId make one user", func(t *testing.T) {
			s := newService(t, engine.Open(t), 100, app.Options{})
			for round := range 10 {
				got := s.atOnce(2, func(i int) (string, string, string) {
					return "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d-%d","externalId":"e-%d"`, round, i, round))
				})
				wantStatuses(t, got, map[int]int{201: 1, 409: 1})
			}
			s.check(10)
		})
		t.Run("100 creates with 10 seats left take 10 seats", func(t *testing.T) {
			s := newService(t, engine.Open(t), 10, app.Options{})
			got := s.atOnce(100, func(i int) (string, string, string) {
				return "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%03d"`, i))
			})
			wantStatuses(t, got, map[int]int{201: 10, 403: 90})
			s.check(10)
			l := s.ledger()
			assert.EqualValuesf(t, 10, l.Users, "%d users counted, want 10", l.Users)
		})
		t.Run("the last seat goes to one of two", func(t *testing.T) {
			s := newService(t, engine.Open(t), 1, app.Options{})
			got := s.atOnce(2, func(i int) (string, string, string) {
				return "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i))
			})
			wantStatuses(t, got, map[int]int{201: 1, 403: 1})
			s.check(1)
		})
		t.Run("20 reactivations of one user take one seat", func(t *testing.T) {
			for _, way := range []string{"POST", "PATCH", "PUT", "restore"} {
				s := newService(t, engine.Open(t), 5, app.Options{})
				id := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
				want := map[int]int{200: 20}
				if way == "restore" {
					s.must(204, "DELETE", "/Users/"+id, "")
				} else {
					s.must(200, "PATCH", "/Users/"+id, patchBody(deactivate))
				}
				if way == "POST" || way == "restore" {
					want = map[int]int{200: 1, 409: 19}
				}
				s.check(0)
				got := s.atOnce(20, func(i int) (string, string, string) {
					switch way {
					case "PATCH":
						return "PATCH", "/Users/" + id, patchBody(activate)
					case "PUT":
						return "PUT", "/Users/" + id, userBody(`"userName":"a","active":true`)
					}
					return "POST", "/Users", userBody(`"userName":"a"`)
				})
				wantStatuses(t, got, want)
				s.check(1)
			}
		})
		t.Run("concurrent PATCHes of different attributes all stay", func(t *testing.T) {
			s := newService(t, engine.Open(t), 5, app.Options{})
			id := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
			names := []string{"title", "nickName", "displayName", "userType", "locale", "timezone", "preferredLanguage", "profileUrl"}
			got := s.atOnce(len(names), func(i int) (string, string, string) {
				return "PATCH", "/Users/" + id, patchBody(fmt.Sprintf(`[{"op":"add","path":%q,"value":"v%d"}]`, names[i], i))
			})
			wantStatuses(t, got, map[int]int{200: len(names)})
			a := s.send("GET", "/Users/"+id, "")
			for i, name := range names {
				assert.Truef(t, a.body[name] == fmt.Sprintf("v%d", i), "%s = %v, want v%d", name, a.body[name], i)
			}
			want := fmt.Sprintf(`W/"%d"`, len(names)+1)
			assert.Equalf(t, want, a.header.Get("ETag"), "version %s, want %s: one for each change", a.header.Get("ETag"), want)
			s.check(1)
		})
		t.Run("of several writers with If-Match one wins", func(t *testing.T) {
			s := newService(t, engine.Open(t), 5, app.Options{})
			id := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
			var wait sync.WaitGroup
			statuses := make([]int, 10)
			for i := range statuses {
				wait.Add(1)
				go func() {
					defer wait.Done()
					statuses[i] = s.send("PATCH", "/Users/"+id,
						patchBody(fmt.Sprintf(`[{"op":"add","path":"title","value":"v%d"}]`, i)), "If-Match", `W/"1"`).status
				}()
			}
			wait.Wait()
			got := map[int]int{}
			for _, status := range statuses {
				got[status]++
			}
			wantStatuses(t, got, map[int]int{200: 1, http.StatusPreconditionFailed: 9})
		})
		t.Run("delete against reactivation, rename against create", func(t *testing.T) {
			s := newService(t, engine.Open(t), 50, app.Options{})
			for round := range 8 {
				name := fmt.Sprintf(`"userName":"r%d","externalId":"e%d"`, round, round)
				id := s.must(201, "POST", "/Users", userBody(name))
				s.atOnce(4, func(i int) (string, string, string) {
					switch i {
					case 0:
						return "DELETE", "/Users/" + id, ""
					case 1:
						return "POST", "/Users", userBody(name)
					case 2:
						return "PATCH", "/Users/" + id, patchBody(fmt.Sprintf(`[{"op":"replace","path":"userName","value":"n%d"}]`, round))
					}
					return "POST", "/Users", userBody(fmt.Sprintf(`"userName":"n%d"`, round))
				})
			}
			s.check(s.active())
		})
		if engine.Conflicts != nil {
			t.Run("every kind of write comes through a conflict", func(t *testing.T) { everyKindConflicts(t, engine) })
			overlaps, injected, recovered := engine.Conflicts.Totals()
			t.Logf("%d overlapping writes and %d others refused, %d writes came through a conflict", overlaps, injected, recovered)
			assert.True(t, overlaps != 0 && injected != 0 && recovered != 0, "the conflict engine refused nothing: the races above prove nothing")
		}
	})
}

// everyKindConflicts repeats each kind of write until one of that kind met a
// conflict and succeeded.
func everyKindConflicts(t *testing.T, e enginetest.Engine) {
	s := newService(t, e.Open(t), 1000, app.Options{})
	came := map[journal.Action]int{}
	note := func(a answer) answer {
		require.Truef(t, a.status < 300, "status %d: %v", a.status, a.body)
		if retries, _ := a.event["retries"].(float64); retries > 0 {
			action, _ := a.event["action"].(string)
			came[journal.Action(action)]++
		}
		return a
	}
	kinds := []journal.Action{
		journal.Created, journal.Updated, journal.Deactivated, journal.Reactivated, journal.Deleted, journal.Restored,
	}
	missing := func() (kind journal.Action) {
		for _, kind := range kinds {
			if came[kind] == 0 {
				return kind
			}
		}
		return ""
	}
	for round := 0; missing() != ""; round++ {
		if round == 200 {
			t.Fatalf("no %s met a conflict and succeeded in %d rounds", missing(), round)
		}
		body := userBody(fmt.Sprintf(`"userName":"c%d","emails":[{"value":"c%d@x"}]`, round, round))
		id, _ := note(s.send("POST", "/Users", body)).body["id"].(string)
		note(s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"add","path":"title","value":"x"}]`)))
		note(s.send("PUT", "/Users/"+id, body))
		note(s.send("PATCH", "/Users/"+id, patchBody(deactivate)))
		note(s.send("POST", "/Users", body))
		note(s.send("DELETE", "/Users/"+id, ""))
		note(s.send("POST", "/Users", body))
	}
	t.Logf("succeeded after a conflict: %v", came)
	s.check(s.active())
}
