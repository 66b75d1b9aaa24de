package kill

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// freeze stops a process, and returns when it has stopped.
func freeze(t testing.TB, p *os.Process) {
	t.Helper()
	assert.NoError(t, p.Signal(syscall.SIGSTOP))
	for !strings.Contains(processState(t, p), "T") {
		time.Sleep(time.Millisecond) // the kernel has no event for it, except for the parent
	}
}

// processState returns the letter of a process's state, as ps prints it.
func processState(t testing.TB, p *os.Process) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
	if !assert.NoError(t, err) {
		return "T"
	}
	// The name before it is in parentheses.
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}

// A freezing is a call at which a process is frozen, and for how long.
type freezing struct {
	at func(call) bool
	// slow is how long the reads before it take, and frozen how long the process is
	// stopped: together longer than a request may write.
	slow, frozen time.Duration
	// lost reports that the call is not passed on, and that its connection ends. The answer
	// to a call that is passed on waits until the process continues.
	lost bool
}

// longerThanWrites is longer than a request may write.
const longerThanWrites = journal.WriteTime + time.Second/2

// frozen sends a change while its process is frozen at one of its calls.
func (d *deployment) frozen(c change, f freezing) (acknowledged bool) {
	d.t.Helper()
	var mu sync.Mutex
	stopped := make(chan struct{})
	process, began := d.process(c.path), time.Now()
	// While the process is being stopped no other call is passed on: by its answer the
	// process could go on.
	stop := func(c call) bool {
		mu.Lock()
		defer mu.Unlock()
		if !f.at(c) {
			return true
		}
		freeze(d.t, process)
		close(stopped)
		return !f.lost
	}
	d.arm(func(c call) bool {
		if !c.write {
			time.Sleep(time.Until(began.Add(f.slow))) // the read is answered slowly
		}
		return c.write && !f.lost || stop(c)
	}, func(c call) bool {
		return !c.write || f.lost || stop(c) // a write is applied before
	})
	var group sync.WaitGroup
	group.Go(func() { acknowledged = d.c.do(d.t.Context(), d, c) })
	select {
	case <-stopped:
	case <-time.After(15 * time.Second):
		d.t.Error("the request does not make this call")
	}
	time.Sleep(f.frozen) // the request may write no more after it
	assert.NoError(d.t, process.Signal(syscall.SIGCONT))
	group.Wait()
	d.arm(nil, nil)
	return acknowledged
}

// TestFunctions_WriteNothingLate freezes the process of a function in the middle of a
// request, for longer than a request may write, and lets it continue: a virtual machine may
// be paused at any moment. No log entry is then written under an id that is older than
// journal.WriteTime, since a reader of the log relies on that. A change that needs one write
// only is not made any more. A whole new set of members gets its entry when it is complete,
// and may be made late. The next requests or the sweep finish the rest.
func TestFunctions_WriteNothingLate(t *testing.T) {
	t.Parallel()
	firstRead := func(c call) bool { return !c.write && c.number == 1 }
	firstWrite := func(c call) bool { return c.write && c.number == 1 }
	deactivation := func(g *generator, s state) (change, bool) { return g.activity(s, false) }
	newSet := request{"replace 3 members by 40", 3, func(g *generator, s state) (change, bool) { return g.replaceBy(s, 40) }, false}
	long := func(r request) request {
		r.long = true
		return r
	}
	for _, tt := range []struct {
		name string
		request
		freezing
		// refused says that the change may not be made any more.
		refused bool
	}{
		{"before the only write", request{"deactivate a user", 0, deactivation, true}, freezing{firstRead, 0, longerThanWrites, false}, true},
		// The write is tried for longer than it is frozen, so that only its time prevents it.
		{"before the second try of the only write", request{"deactivate a user", 0, deactivation, false}, freezing{firstWrite, 2 * time.Second, longerThanWrites - 2*time.Second, true}, true},
		{"after the only write", request{"create a user", 0, (*generator).create, true}, freezing{firstWrite, 0, longerThanWrites, false}, false},
		{"before the first write of a new set", long(newSet), freezing{firstRead, 0, longerThanWrites, false}, false},
		{"after the first write of a new set", newSet, freezing{firstWrite, 0, longerThanWrites, false}, false},
	} {
		if tt.long && !*full {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, 0)
			c := d.prepare(tt.request)
			d.warm(c)
			before := d.c.state
			acknowledged := d.frozen(c, tt.freezing)
			d.settle()
			if tt.refused {
				assert.False(t, acknowledged, "acknowledged")
				assert.Empty(t, before.differences(d.c.state), "the change was made late")
			}
			d.next()
			d.finish()
		})
	}
}

// TestFunctions_SurviveAFreezeBetweenInvocations freezes a process between two invocations,
// as Lambda does, while its connections end and its token is revoked: it works again, and
// what it has cached has expired.
func TestFunctions_SurviveAFreezeBetweenInvocations(t *testing.T) {
	t.Parallel()
	d := deploy(t, 0)
	d.must(d, func() (change, bool) { return d.c.create(d.c.state) })
	id, err := tenant.ParseID(d.own.tenant)
	require.NoError(t, err)
	token, record := access.Mint(id)
	record.Created = time.Now()
	require.NoError(t, d.direct.app.Store.SaveToken(t.Context(), id, record))
	status := func(token string) int {
		got, err := d.send(t.Context(), "GET", "/Users?count=0", token, "reader", "")
		require.NoError(t, err)
		return got.status
	}
	require.Equal(t, 200, status(token))

	frozen := d.process("/Users")
	freeze(t, frozen)
	keeper := access.NewKeeper(d.direct.app.Store, time.Now)
	require.NoError(t, keeper.Revoke(t.Context(), id, record.ID))
	d.CloseClientConnections()
	time.Sleep(access.CacheTime + time.Second/2) // cached tokens have expired after it
	require.NoError(t, frozen.Signal(syscall.SIGCONT))

	assert.Equal(t, 401, status(token), "a token that was revoked during the freeze")
	d.must(d, func() (change, bool) { return d.c.retitle(d.c.state) })
	assert.Same(t, frozen, d.process("/Users"), "another process serves")
	d.finish()
}

// TestFunctions_LoseNothingAtTheirTimeout lets DynamoDB's answer to a write wait until
// Lambda ends the process.
func TestFunctions_LoseNothingAtTheirTimeout(t *testing.T) {
	t.Parallel()
	for _, r := range requests() {
		if r.name != "create a user" && r.name != "replace 3 members by 40" || r.name == "create a user" && !*full {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, 3*time.Second)
			c := d.prepare(r)
			d.warm(c)
			d.arm(nil, func(at call) bool {
				if at.write {
					<-at.ended // the process is killed meanwhile
				}
				return true
			})
			assert.False(t, d.c.do(t.Context(), d, c), "acknowledged")
			d.arm(nil, nil)
			d.settle()
			d.next()
			d.finish()
		})
	}
}

// An entry that is sent late is noticed, and no other.
func TestProxy_NoticesALateEntry(t *testing.T) {
	t.Parallel()
	table := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(table.Close)
	p := newProxy(t, table.URL)
	send := func(partition string, age time.Duration) {
		id := uuid.Must(uuid.NewV7())
		binary.BigEndian.PutUint64(id[:8], uint64(time.Now().Add(-age).UnixMilli())<<16|0x7000)
		body := fmt.Sprintf(`{"TransactItems":[{"Put":{"Item":{"pk":{"S":%q},"sk":{"S":"%s#1"}}}}]}`, partition, id)
		request, err := http.NewRequestWithContext(t.Context(), "POST", p.URL, strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("X-Amz-Target", "DynamoDB_20120810.TransactWriteItems")
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}
	send("T#acme#USERS", time.Minute)
	send("T#acme#LOG", journal.WriteTime-2*time.Second)
	require.Empty(t, p.late)
	require.Equal(t, 1, p.entries)
	send("T#acme#LOG", journal.WriteTime+time.Second)
	require.Len(t, p.late, 1)
}
