package kill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
)

// A sender sends a SCIM request; its path begins at /Users or the like. An error means
// that there was no answer.
type sender interface {
	send(ctx context.Context, method, path, token, agent, body string) (answer, error)
}

// An answer is a complete response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// remote sends requests to a base URL.
type remote struct {
	base   string
	client *http.Client
}

func (r remote) send(ctx context.Context, method, path, token, agent, body string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.base+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("User-Agent", agent)
	request.Header.Set("Content-Type", "application/scim+json")
	response, err := r.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, read}, err
}

// An account is a tenant, and what its clients need.
type account struct {
	tenant, token string
	shared        string // the id of the group that all clients share
	request       string // the id of the request that created it
}

// A client sends the changes of one generator, one after another, and remembers what must
// be there.
type client struct {
	account
	generator
	state state
	// pending is a change without an acknowledgement, nil for none, and possible the states
	// in which it may have left the data.
	pending  *change
	possible []outcome
	// acknowledged are the request ids of changes since the last check, with the number
	// of log entries that each must have, and unacknowledged the number of changes that
	// were found to be applied.
	acknowledged   map[string]acknowledgement
	unacknowledged int
	// answers counts the statuses; -1 is no answer.
	answers map[int]int
	faults  []string
}

// An acknowledgement is what was acknowledged by one answer.
type acknowledgement struct {
	kind    string
	bulk    bool
	entries int
}

func newClient(a account, name string, number int, seed uint64, most int) *client {
	return &client{
		account: a, state: newState(), acknowledged: map[string]acknowledgement{}, answers: map[int]int{},
		generator: generator{
			dialect: dialects[number%len(dialects)], prefix: name + "-", shared: a.shared, most: most,
			random: rand.New(rand.NewPCG(seed, uint64(number))),
		},
	}
}

func (c *client) fault(format string, args ...any) {
	c.faults = append(c.faults, c.tenant+" "+c.prefix+": "+fmt.Sprintf(format, args...))
}

// step sends one change. It reports false if there was no acknowledgement: then the state
// must be settled before the next step.
func (c *client) step(ctx context.Context, to sender) bool {
	next := c.next(c.state)
	return c.do(ctx, to, next)
}

func (c *client) do(ctx context.Context, to sender, next change) bool {
	got, err := to.send(ctx, next.method, next.path, c.token, c.agent, next.body)
	if err != nil {
		c.answers[-1]++
		if errors.Is(err, errDead) && len(next.operations) > 0 {
			// Some operations may have met a fault before.
			return c.doubt(next, next.partly(c.state, make([]bool, len(next.operations))))
		}
		return c.doubt(next, next.possible(c.state))
	}
	c.answers[got.status]++
	switch {
	case slices.Contains(next.status, got.status):
	case got.status == http.StatusServiceUnavailable:
		if got.header.Get("Retry-After") == "" {
			c.fault("%s: 503 without Retry-After: %s", next.kind, got.body)
		}
		return c.doubt(next, next.possible(c.state))
	default:
		c.fault("%s: %s %s: %d %s, want %v", next.kind, next.method, next.path, got.status, got.body, next.status)
		return c.doubt(next, next.possible(c.state))
	}
	return c.acknowledge(next, got)
}

// doubt records that a change has no acknowledgement.
func (c *client) doubt(sent change, possible []outcome) bool {
	c.pending, c.possible = &sent, possible
	return false
}

// acknowledge takes over a change that was acknowledged. Of a bulk request each operation
// must be.
func (c *client) acknowledge(done change, got answer) bool {
	id, last := got.header.Get("X-Request-Id"), done.after[len(done.after)-1]
	read := newState()
	var document struct {
		ID         string
		Operations []struct{ Status, Location string }
	}
	if len(got.body) > 0 {
		if err := json.Unmarshal(got.body, &document); err != nil {
			c.fault("%s: %v in %s", done.kind, err, got.body)
			return false
		}
	}
	if done.path == "/Bulk" {
		if len(document.Operations) != len(done.after) {
			c.fault("bulk: %d results of %d operations", len(document.Operations), len(done.after))
			return false
		}
		acknowledged, busy := make([]bool, len(done.after)), false
		for i, o := range document.Operations {
			busy = busy || o.Status == "503"
			acknowledged[i] = strings.HasPrefix(o.Status, "2")
			read.users[done.created[i]] = person{id: path.Base(o.Location)}
		}
		if slices.Contains(acknowledged, false) {
			if !busy {
				c.fault("bulk: %s", got.body)
			}
			return c.doubt(done, done.partly(c.state, acknowledged))
		}
	} else {
		for name := range last.users {
			read.users[name] = person{id: document.ID}
		}
		for key := range last.groups {
			read.groups[key] = team{id: document.ID}
		}
	}
	last.adopt(read)
	c.state = last
	c.acknowledged[id] = acknowledgement{done.kind, done.path == "/Bulk", len(done.after)}
	return true
}

// settle compares what was read with what must be there. A pending change may have been
// applied or not, and of a bulk request the first operations.
func (c *client) settle(read state) {
	candidates := []outcome{{c.state, 0}}
	what := "acknowledged state"
	if c.pending != nil {
		candidates = c.possible
		what = fmt.Sprintf("state before %q, %s %s, which was not acknowledged", c.pending.kind, c.pending.method, c.pending.path)
	}
	for _, o := range candidates {
		if len(o.state.differences(read)) > 0 {
			continue
		}
		o.state.adopt(read)
		c.state, c.pending = o.state, nil
		c.unacknowledged += o.applied
		return
	}
	nearest := slices.MinFunc(candidates, func(a, b outcome) int {
		return len(a.state.differences(read)) - len(b.state.differences(read))
	})
	if nearest.applied > 0 {
		what = fmt.Sprintf("state after %d changes of %q, %s %s, which was not acknowledged",
			nearest.applied, c.pending.kind, c.pending.method, c.pending.path)
	}
	c.fault("differs from the %s (the nearest of %d): %s", what, len(candidates), strings.Join(nearest.state.differences(read), "; "))
	// Each fault is reported once.
	for name := range c.state.gone {
		if _, live := read.users[name]; !live {
			read.gone[name] = c.state.gone[name]
		}
	}
	c.state, c.pending = read, nil
}

// A reader reads the whole of one tenant.
type reader struct {
	account
	to sender
}

// maxReads is how often a read is sent that is answered 503.
const maxReads = 20

// get reads a document. A 503 is asked again: with faults switched on, reads fail too.
func (r reader) get(ctx context.Context, path string, into any) error {
	for try := 1; ; try++ {
		got, err := r.to.send(ctx, "GET", path, r.token, "reader", "")
		switch {
		case err != nil:
			return fmt.Errorf("GET %s: %w", path, err)
		case got.status == http.StatusServiceUnavailable && try < maxReads:
		case got.status != http.StatusOK:
			return fmt.Errorf("GET %s: %d %s", path, got.status, got.body)
		default:
			return json.Unmarshal(got.body, into)
		}
	}
}

type listed struct {
	TotalResults int
	Resources    []struct {
		ID, UserName, DisplayName, Title string
		Active                           bool
	}
}

// list reads all pages of a list.
func (r reader) list(ctx context.Context, path, filter string) (listed, error) {
	var all listed
	for {
		var page listed
		query := fmt.Sprintf("?count=200&startIndex=%d", len(all.Resources)+1)
		if filter != "" {
			query += "&filter=" + url.QueryEscape(filter)
		}
		if err := r.get(ctx, path+query, &page); err != nil {
			return all, err
		}
		all.TotalResults = page.TotalResults
		all.Resources = append(all.Resources, page.Resources...)
		if len(page.Resources) == 0 || len(all.Resources) >= page.TotalResults {
			break
		}
	}
	if len(all.Resources) != all.TotalResults {
		return all, fmt.Errorf("GET %s: %d resources, totalResults %d", path, len(all.Resources), all.TotalResults)
	}
	return all, nil
}

// read reads the states of clients by their prefixes, and the number of active users. A
// prefix of "" reads the whole tenant, in which nothing of others may be.
func (r reader) read(ctx context.Context, prefixes ...string) (map[string]state, int, error) {
	states := map[string]state{}
	for _, prefix := range prefixes {
		states[prefix] = newState()
	}
	users, groups := "", ""
	if len(prefixes) == 1 {
		users, groups = fmt.Sprintf("userName sw %q", prefixes[0]), fmt.Sprintf("displayName sw %q", prefixes[0])
	}
	found, err := r.list(ctx, "/Users", users)
	if err != nil {
		return nil, 0, err
	}
	names, active := map[string]string{}, 0
	for _, u := range found.Resources {
		own, ok := states[prefixOf(u.UserName)]
		if _, twice := own.users[u.UserName]; !ok || twice {
			return nil, 0, fmt.Errorf("user %s (%s) should not exist", u.UserName, u.ID)
		}
		own.users[u.UserName] = person{id: u.ID, title: u.Title, active: u.Active}
		names[u.ID] = u.UserName
		if u.Active {
			active++
		}
	}
	found, err = r.list(ctx, "/Groups", groups)
	if err != nil {
		return nil, 0, err
	}
	if len(prefixes) == 1 {
		found.Resources = append(found.Resources, struct {
			ID, UserName, DisplayName, Title string
			Active                           bool
		}{ID: r.shared, DisplayName: sharedName})
	}
	for _, g := range found.Resources {
		if err := r.group(ctx, g.ID, g.DisplayName, states, names); err != nil {
			return nil, 0, err
		}
	}
	return states, active, nil
}

const sharedName = "shared"

// group reads the members of a group into the states.
func (r reader) group(ctx context.Context, id, name string, states map[string]state, names map[string]string) error {
	var document struct{ Members []struct{ Value string } }
	if err := r.get(ctx, "/Groups/"+id, &document); err != nil {
		return err
	}
	key, _, _ := strings.Cut(name, " ")
	own, ok := states[prefixOf(name)]
	if name != sharedName {
		if _, twice := own.groups[key]; !ok || twice {
			return fmt.Errorf("group %q (%s) should not exist", name, id)
		}
		own.groups[key] = team{id: id, name: name, members: map[string]bool{}}
	}
	for _, m := range document.Members {
		member, known := names[m.Value]
		switch {
		case known && name == sharedName:
			states[prefixOf(member)].shared[member] = true
		case known:
			own.groups[key].members[member] = true
		case name != sharedName || len(states) > 1:
			return fmt.Errorf("group %q has the member %s, which is no user", name, m.Value)
		}
	}
	return nil
}

// prefixOf returns the client's part of a name.
func prefixOf(name string) string {
	prefix, _, _ := strings.Cut(name, "-")
	return prefix + "-"
}

// share creates the group that all clients of a tenant share.
func (a *account) share(t testing.TB, to sender) {
	t.Helper()
	got, err := to.send(t.Context(), "POST", "/Groups", a.token, "setup", stage.Group(sharedName))
	require.NoError(t, err)
	require.Equal(t, 201, got.status, "%s", got.body)
	var document struct{ ID string }
	require.NoError(t, json.Unmarshal(got.body, &document))
	a.shared, a.request = document.ID, got.header.Get("X-Request-Id")
}

// httpClient returns a client that opens as many connections as are needed, and sends
// nothing twice.
func httpClient() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
}
