package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const (
	// verifyVersion is the version of the lines of verify --all. It changes when a
	// member is removed or changes its meaning.
	verifyVersion = 1
	// defaultReadUnits is how many read units a second verify --all uses in
	// DynamoDB: a third of what one partition has.
	defaultReadUnits = 1000
	// defaultParallel is how many tenants are read side by side.
	defaultParallel = 4
	// maxFaults is how many faults a line has.
	maxFaults = 1000
	// progressEvery is how often the progress is printed.
	progressEvery = 10 * time.Second
)

// The results of a tenant.
const (
	resultClean     = "clean"
	resultFaults    = "faults"
	resultDeleted   = "deleted"
	resultUnchecked = "unchecked"
)

// A tenantLine is what verify --all prints of one tenant.
type tenantLine struct {
	Version int    `json:"version"`
	Tenant  string `json:"tenant"`
	Result  string `json:"result"`
	// Faults are at most maxFaults, and MoreFaults the number of the others.
	Faults     []fault `json:"faults"`
	MoreFaults int     `json:"moreFaults,omitempty"`
	Users      int64   `json:"users"`
	Groups     int64   `json:"groups"`
	Seats      int64   `json:"seats"`
	Readers    int64   `json:"readers"`
	ItemsRead  int     `json:"itemsRead"`
	ReadUnits  float64 `json:"readUnits"`
	// Error is why the tenant could not be checked.
	Error string `json:"error,omitempty"`
}

// A summaryLine is the last line of verify --all.
type summaryLine struct {
	Version int     `json:"version"`
	Summary summary `json:"summary"`
}

// A summary has the numbers of a run, with those of the run that it continues.
type summary struct {
	Tenants   int `json:"tenants"`
	Clean     int `json:"clean"`
	Faulty    int `json:"faulty"`
	Deleted   int `json:"deleted"`
	Unchecked int `json:"unchecked"`
	// Faults are all faults, Unfinished those of unfinished work.
	Faults     int     `json:"faults"`
	Unfinished int     `json:"unfinished"`
	ItemsRead  int     `json:"itemsRead"`
	ReadUnits  float64 `json:"readUnits"`
	// Due is the number of tasks that are due in all tenants, OldestSeconds the age
	// of the oldest, and StalledSeconds the longest time without progress, as in the
	// line of a sweep.
	Due            int     `json:"due"`
	OldestSeconds  float64 `json:"oldestSeconds"`
	StalledSeconds float64 `json:"stalledSeconds"`
}

func (s *summary) add(l tenantLine) {
	s.Tenants++
	switch l.Result {
	case resultClean:
		s.Clean++
	case resultFaults:
		s.Faulty++
	case resultDeleted:
		s.Deleted++
	case resultUnchecked:
		s.Unchecked++
	}
	s.Faults += len(l.Faults) + l.MoreFaults
	for _, f := range l.Faults {
		if f.Unfinished {
			s.Unfinished++
		}
	}
	s.ItemsRead += l.ItemsRead
	s.ReadUnits += l.ReadUnits
}

// String returns the summary in words.
func (s *summary) String() string {
	return fmt.Sprintf("tenants %d: clean %d, with faults %d, deleted meanwhile %d, not checked %d; faults %d, of which unfinished %d; read %d items with %.0f read units; tasks due %d, the oldest for %.0f s, without progress for %.0f s",
		s.Tenants, s.Clean, s.Faulty, s.Deleted, s.Unchecked, s.Faults, s.Unfinished, s.ItemsRead, s.ReadUnits, s.Due, s.OldestSeconds, s.StalledSeconds)
}

// err returns the error of a run: that there are faults, or that tenants could
// not be checked.
func (s *summary) err() error {
	switch {
	case s.Faulty > 0:
		return fmt.Errorf("tenants with faults: %d; tenants that could not be checked: %d", s.Faulty, s.Unchecked)
	case s.Unchecked > 0:
		return uncheckedError{fmt.Errorf("tenants that could not be checked: %d", s.Unchecked)}
	}
	return nil
}

// fleet is a run of verify --all.
type fleet struct {
	store   *store.Store
	options verifyOptions
	stdout  io.Writer
	state   *verifyState
	mu      sync.Mutex // for what follows
	summary summary
	reading map[string]*table.Usage
}

func (o *verifyOptions) runAll(ctx context.Context, stdout, stderr io.Writer) error {
	opened, err := o.openTable(ctx)
	if err != nil {
		return unchecked(err)
	}
	defer opened.close()
	f := &fleet{store: app.NewStore(opened.Table, app.Options{}), options: *o, stdout: stdout, reading: map[string]*table.Usage{}}
	if f.state, err = openVerifyState(o.state, opened.place, time.Now()); err != nil {
		return err
	}
	defer f.state.close()
	f.summary = f.state.summary
	if n := len(f.state.finished); n > 0 {
		fmt.Fprintf(stderr, "continuing the run of %s, which has finished %d tenants\n", f.state.begun.UTC().Format(time.RFC3339), n)
	}
	end := f.report(stderr)
	err = f.run(ctx)
	end()
	if err != nil {
		return f.ended(err)
	}
	if err := f.state.end(f.summary); err != nil {
		return uncheckedError{err}
	}
	if o.json {
		if err := printLine(stdout, summaryLine{verifyVersion, f.summary}); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(stdout, f.summary.String())
	}
	return f.summary.err()
}

// ended returns the error of a run that did not reach its end.
func (f *fleet) ended(err error) error {
	next := "with --state FILE the next run would continue"
	if f.state.file != nil {
		next = "the next run with this --state continues"
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return uncheckedError{fmt.Errorf("ended after %d tenants, %d of them with faults (%s); %s", f.summary.Tenants, f.summary.Faulty, first, next)}
}

// report prints the progress from time to time, until the returned function is
// called.
func (f *fleet) report(stderr io.Writer) (end func()) {
	ticker, done := time.NewTicker(progressEvery), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ticker.C:
				fmt.Fprintln(stderr, f.atPresent())
			case <-done:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		running.Wait()
	}
}

// atPresent returns the progress in words.
func (f *fleet) atPresent() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	units := f.summary.ReadUnits
	for _, usage := range f.reading {
		units += usage.Counts().ReadUnits
	}
	return fmt.Sprintf("verified %d tenants, %d of them with faults; reading %d; %.0f read units", f.summary.Tenants, f.summary.Faulty, len(f.reading), units)
}

// tenantsAtOnce is how many names of tenants are read at once.
const tenantsAtOnce = 1000

// run checks the tenants that are not finished, a few side by side.
func (f *fleet) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	names := make(chan string)
	var running sync.WaitGroup
	for range f.options.parallel {
		running.Go(func() {
			for name := range names {
				line := f.check(ctx, name)
				if ctx.Err() != nil {
					continue // what was cut off is begun again
				}
				if err := f.done(line); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := f.list(ctx, names)
	close(names)
	running.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	backlog, err := f.store.Backlog(ctx)
	f.summary.Due, f.summary.OldestSeconds, f.summary.StalledSeconds = backlog.Due, backlog.Oldest.Seconds(), backlog.Stalled.Seconds()
	return err
}

// list sends the names of the tenants that are not finished.
func (f *fleet) list(ctx context.Context, names chan<- string) error {
	for after, more := "", true; more; {
		page, next, err := f.store.TenantNames(ctx, after, tenantsAtOnce)
		if err != nil {
			return fmt.Errorf("the list of tenants cannot be read: %w", err)
		}
		for _, name := range page {
			if f.state.finished[name] {
				continue
			}
			select {
			case names <- name:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		after, more = next, next != ""
	}
	return nil
}

// check reads one tenant.
func (f *fleet) check(ctx context.Context, name string) tenantLine {
	ctx, usage := table.WithUsage(ctx)
	f.mu.Lock()
	f.reading[name] = usage
	f.mu.Unlock()
	line := tenantLine{Version: verifyVersion, Tenant: name, Faults: []fault{}}
	if err := line.check(ctx, f.store); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		line.Result, line.Error = resultUnchecked, first
	}
	used := usage.Counts()
	line.ItemsRead, line.ReadUnits = used.ItemsRead, used.ReadUnits
	return line
}

// errMoving says that a tenant's counts could not be compared.
var errMoving = errors.New("its counts changed during each reading, and could not be compared with its records: verify it when fewer requests are made")

func (l *tenantLine) check(ctx context.Context, s *store.Store) error {
	t, err := tenant.ParseID(l.Tenant)
	if err != nil {
		return fmt.Errorf("the list of tenants has an entry that is not a tenant: %w", err)
	}
	if gone, err := isDeleted(ctx, s, t); err != nil || gone {
		l.Result = resultDeleted
		return err
	}
	v, err := s.Verify(ctx, t)
	// A deletion meanwhile looks like many faults, or like an empty tenant.
	if gone, goneErr := isDeleted(ctx, s, t); goneErr == nil && gone {
		l.Result = resultDeleted
		return nil
	}
	if err != nil {
		return err
	}
	l.count(v)
	l.Result = resultClean
	for _, f := range v.Faults {
		if !f.Unfinished {
			l.Result = resultFaults
		}
		if len(l.Faults) == maxFaults {
			l.MoreFaults++
			continue
		}
		l.Faults = append(l.Faults, faultOf(f))
	}
	if v.Moving && l.Result == resultClean {
		return errMoving
	}
	return nil
}

func (l *tenantLine) count(v store.Verified) {
	l.Users, l.Groups, l.Seats, l.Readers = v.Counts.Users, v.Counts.Groups, v.Counts.Seats, v.Counts.Readers
}

// isDeleted reports whether a tenant does not exist, or is being deleted.
func isDeleted(ctx context.Context, s *store.Store, t tenant.ID) (bool, error) {
	found, ok, err := s.Tenant(ctx, t)
	return err == nil && (!ok || found.Settings.Ending), err
}

// done stores the result of a tenant and prints it.
func (f *fleet) done(l tenantLine) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.reading, l.Tenant)
	f.summary.add(l)
	if err := f.state.add(l); err != nil {
		return err
	}
	if f.options.json {
		return printLine(f.stdout, l)
	}
	l.print(f.stdout)
	return nil
}

func (l *tenantLine) print(w io.Writer) {
	name := visible(l.Tenant)
	for _, fault := range l.Faults {
		fmt.Fprintf(w, "%s: %s\n", name, fault)
	}
	switch {
	case l.MoreFaults > 0:
		fmt.Fprintf(w, "%s: and %d more faults\n", name, l.MoreFaults)
	case l.Result == resultDeleted:
		fmt.Fprintf(w, "%s: deleted meanwhile\n", name)
	case l.Result == resultUnchecked:
		fmt.Fprintf(w, "%s: not checked: %s\n", name, visible(l.Error))
	case len(l.Faults) == 0:
		fmt.Fprintf(w, "%s: no fault in %d items; users %d, groups %d, seats in use %d, readers %d\n",
			name, l.ItemsRead, l.Users, l.Groups, l.Seats, l.Readers)
	}
}

// printLine prints a document in one line.
func printLine(w io.Writer, document any) error {
	line, err := inertJSON(document)
	if err == nil {
		_, err = io.WriteString(w, line)
	}
	return err
}
