package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// SweepInterval is the time from the start of one sweep to the next, in a
// deployment (template.yaml) and in rollcall local.
const SweepInterval = 5 * time.Minute

// Sweep writes the signals of credentials that end soon, finishes the work that
// requests of all tenants left unfinished, and logs one line, scim.sweep, described in docs/reference/log-events.md. The end of the
// context is not an error: unfinished work is safe to leave, and the next sweep
// continues it.
func (a *App) Sweep(ctx context.Context) error {
	s := a.sweep(ctx)
	s.log(ctx, a.service.Log)
	return s.err()
}

// SweepEvery sweeps now and after every interval, until the context ends. It
// logs the sweeps that found something to do.
func (a *App) SweepEvery(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if s := a.sweep(ctx); s.found() {
			s.log(ctx, a.service.Log)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// A sweep has the fields of a sweep's log line.
type sweep struct {
	store.Sweeping
	// expiring are the signals of credentials that end soon.
	expiring int
	// failures are the errors of failed tasks and signals, and the error that ended
	// the search for either. interrupted means that the sweep ran out of time, which is not a
	// failure.
	failures    []error
	interrupted bool
	duration    time.Duration
	used        table.Counts
}

func (a *App) sweep(ctx context.Context) sweep {
	start := a.service.Now()
	ctx, usage := table.WithUsage(ctx)
	expiring, unsignalled := a.Store.SignalExpiring(ctx) // at first: a long deletion must not delay it
	swept, err := a.Store.Sweep(ctx, store.SweepAge)
	s := sweep{Sweeping: swept, expiring: expiring, failures: append(parts(unsignalled), parts(err)...), used: usage.Counts()}
	if ended := ctx.Err(); ended != nil {
		s.interrupted = true
		s.failures = slices.DeleteFunc(s.failures, func(err error) bool { return errors.Is(err, ended) })
	}
	s.duration = a.service.Now().Sub(start)
	return s
}

// parts returns the errors that were joined into one.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.Clone(joined.Unwrap())
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

func (s *sweep) found() bool { return s.Finished+s.Advanced+s.expiring > 0 || len(s.failures) > 0 }

// maxReasons is the largest number of different failures in a line: a table
// that cannot be written fails every task in the same way.
const maxReasons = 5

// err returns the failures in one line, each reason with the first task that it
// failed; nil if nothing failed.
func (s *sweep) err() error {
	var reasons []string
	seen := map[string]bool{}
	for _, err := range s.failures {
		why := err
		if inner := errors.Unwrap(err); inner != nil {
			why = inner
		}
		switch {
		case seen[why.Error()]:
		case len(reasons) == maxReasons:
			return fmt.Errorf("%s; and more", strings.Join(reasons, "; "))
		default:
			seen[why.Error()] = true
			reasons = append(reasons, strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return errors.New(strings.Join(reasons, "; "))
}

func (s *sweep) log(ctx context.Context, logger *slog.Logger) {
	level := slog.LevelInfo
	if s.interrupted {
		level = slog.LevelWarn
	}
	attrs := append([]slog.Attr{
		slog.String("event", "scim.sweep"),
		slog.Int(logline.Due, s.Due),
		slog.Int(logline.Done, s.Finished),
		slog.Int("young", s.Young),
		slog.Int("failed", s.Failed),
		slog.Int("advanced", s.Advanced),
		slog.Int(logline.Left, s.Left),
		slog.Float64(logline.OldestSeconds, s.Oldest.Seconds()),
		slog.Float64(logline.StalledSeconds, s.Stalled.Seconds()),
		slog.Int(logline.Deleted, s.Deleted),
		slog.Int("expiring", s.expiring),
		slog.Bool("interrupted", s.interrupted),
		slog.Float64("durationMs", float64(s.duration.Microseconds())/1000),
	}, logline.Fields(s.used)...)
	if err := s.err(); err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	logger.LogAttrs(ctx, level, "scim.sweep", attrs...)
}
