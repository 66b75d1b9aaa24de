package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// host begins the URL of every request.
const host = "https://scim.test"

// An instance is one process of the service: its caches, its clock, and its
// connection to the table.
type instance struct {
	world  *world
	number int
	// skew is by how much its clock is fast.
	skew        time.Duration
	random      io.Reader
	app         *app.App
	scim, admin http.Handler
	// oauth is nil in a run without OAuth clients.
	oauth http.Handler
	// ended is closed by a crash.
	ended chan struct{}
	// clogUntil is until when its calls do not get through to the table.
	clogUntil time.Time
	serving   map[*request]bool
	tokens    atomic.Int64
	// reliable reports that its calls meet no faults.
	reliable bool
}

// start starts an instance.
func (w *world) start() *instance {
	w.started++
	in := &instance{
		world: w, number: w.started, ended: make(chan struct{}), serving: map[*request]bool{},
		skew: w.skew(),
	}
	in.random = w.source()
	a, err := app.NewWith(wire{in}, app.Config{BaseURL: host + "/scim/v2", TenantRate: w.rate}, slog.New(lines{in}), in.options())
	if err != nil {
		panic(err) // the configuration above is wrong
	}
	in.app, in.scim, in.admin = a, a.Handler(), a.AdminHandler()
	if w.options.OAuth {
		in.oauth = a.OAuthHandler()
	}
	return in
}

// now returns the time by the instance's clock.
func (in *instance) now() time.Time { return time.Now().Add(in.skew).Round(0) }

// options are those of a service, and of any program, in this instance.
func (in *instance) options() app.Options {
	return app.Options{
		Now: in.now, Random: in.random, NewToken: in.token,
		Retry: []table.RetryOption{
			table.RetryClock(in.now, in.sleep),
			table.RetryJitter(func(d time.Duration) time.Duration { return d }), // drawn by sleep
		},
	}
}

// token returns the token of a transaction. Goroutines that run in parallel draw
// tokens in any order, so nothing depends on them.
func (in *instance) token() string { return fmt.Sprintf("%d-%d", in.number, in.tokens.Add(1)) }

// maxSkew is by how much the clocks of two instances differ at most.
const maxSkew = 2 * time.Second

// source returns a source of randomness for one instance.
func (w *world) source() io.Reader {
	var seed [32]byte
	for i := 0; i < len(seed); i += 8 {
		binary.LittleEndian.PutUint64(seed[i:], w.random.Uint64())
	}
	return &source{random: rand.NewChaCha8(seed)}
}

// source is a repeatable source of ids and secrets. It is safe for concurrent use.
type source struct {
	mu     sync.Mutex
	random *rand.ChaCha8
}

// Read is io.Reader.Read.
func (s *source) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Read(b)
}

// sleep is the wait between two tries of a call: an event, whose time is drawn
// up to the longest.
func (in *instance) sleep(ctx context.Context, most time.Duration) error {
	woken := make(chan struct{})
	number := requestOf(ctx).number()
	in.world.scheduler.post(&event{
		name: func() string { return fmt.Sprintf("pause %06d %03d %s", number, in.number, most) },
		plan: func(random *rand.Rand) time.Duration { return time.Duration(random.Int64N(int64(most) + 1)) },
		run:  func() { close(woken) },
	})
	select {
	case <-woken:
		return nil
	case <-in.ended:
		return errCrashed
	case <-ctx.Done():
		in.takeTurn(func() string { return fmt.Sprintf("cancelled pause %06d %03d %s", number, in.number, most) })
		return ctx.Err()
	}
}

// takeTurn lets a goroutine whose context has ended go on by an event: the end of
// one context may wake several, which would go on in any order.
func (in *instance) takeTurn(name func() string) {
	turn := make(chan struct{})
	in.world.scheduler.post(&event{
		name: name,
		plan: func(*rand.Rand) time.Duration { return 0 },
		run:  func() { close(turn) },
	})
	select {
	case <-turn:
	case <-in.ended:
	}
}

func (in *instance) hasEnded() bool {
	select {
	case <-in.ended:
		return true
	default:
		return false
	}
}

// clogged returns for how long calls do not get through from now on.
func (in *instance) clogged(now time.Time) time.Duration {
	return max(0, in.clogUntil.Sub(now))
}

// crash ends an instance in the middle of what it does. What it has sent may
// still arrive; its clients see a broken connection.
func (in *instance) crash() {
	w := in.world
	w.reached["an instance crashes"]++
	if len(in.serving) > 0 {
		w.reached["an instance crashes in the middle of a request"]++
	}
	w.record("crash of instance %d with %d requests", in.number, len(in.serving))
	close(in.ended)
	for _, r := range inOrder(in.serving) {
		r.crashed = true
		w.scheduler.after(time.Duration(w.random.Int64N(int64(10*time.Millisecond))), func() { r.finish(nil) })
	}
	clear(in.serving)
}

// setHeader sets the header that the client sends.
func (r *request) setHeader(h http.Header) {
	h.Set("User-Agent", r.agent)
	switch {
	case r.admin:
		h.Set(web.OperatorHeader, "arn:aws:iam::123456789012:role/application")
		h.Set("Content-Type", "application/json")
	case r.by != nil:
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		if r.basic != "" {
			h.Set("Authorization", "Basic "+r.basic)
		}
	default:
		h.Set("Authorization", "Bearer "+r.token)
		h.Set("Content-Type", "application/scim+json")
	}
}

// serve handles a request in a goroutine of its own, as API Gateway has it
// handled.
func (in *instance) serve(r *request) {
	w := in.world
	r.in, r.began = in, time.Now()
	in.serving[r] = true
	handler, url := in.scim, host+"/scim/v2"+r.path
	switch {
	case r.admin:
		handler, url = in.admin, host+adminapi.Prefix+r.path
	case r.by != nil:
		handler, url = in.oauth, host+r.path
	}
	hr := httptest.NewRequestWithContext(context.WithValue(background, requestKey{}, r), r.method, url, strings.NewReader(r.body))
	r.setHeader(hr.Header)
	go func() {
		recorded := httptest.NewRecorder()
		handler.ServeHTTP(recorded, hr)
		if in.hasEnded() {
			return
		}
		r.took = time.Since(r.began)
		a := &answer{status: recorded.Code, header: recorded.Header(), text: recorded.Body.Bytes()}
		w.scheduler.post(&event{
			name: func() string { return fmt.Sprintf("answer %06d", r.number()) },
			plan: func(random *rand.Rand) time.Duration {
				return time.Duration(random.Int64N(int64(5 * time.Millisecond)))
			},
			run: func() {
				if in.hasEnded() {
					return // before the answer was sent: crash has ended the request
				}
				delete(in.serving, r)
				r.served = a
				if w.random.Float64() < w.lostAnswers() {
					w.reached["an answer does not reach its client"]++
					w.record("answer to request %d is lost", r.number())
					return
				}
				r.finish(a)
			},
		})
	}()
}

// lines receives the log lines of an instance, and counts those of each request.
type lines struct{ in *instance }

// Enabled is slog.Handler.Enabled.
func (l lines) Enabled(context.Context, slog.Level) bool { return true }

// Handle is slog.Handler.Handle.
func (l lines) Handle(ctx context.Context, line slog.Record) error {
	r := requestOf(ctx)
	line.Attrs(func(a slog.Attr) bool {
		if name := a.Value.String(); r != nil && a.Key == "event" && slices.Contains([]string{"scim.request", "admin.request", logline.OAuth}, name) {
			r.lines.Add(1)
		}
		return true
	})
	return nil
}

// WithAttrs is slog.Handler.WithAttrs.
func (l lines) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup is slog.Handler.WithGroup.
func (l lines) WithGroup(string) slog.Handler { return l }
