package feed

import (
	"context"
	"log/slog"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// A Stream has the records of a table of this process, for a server that Lambda does not pass
// them to.
type Stream interface {
	// Records returns up to limit records after the one with the given sequence, oldest
	// first; after "" those that are not trimmed.
	Records(ctx context.Context, after string, limit int) ([]table.Record, error)
	// Trim removes the records up to the one with the given sequence.
	Trim(upTo string) error
	// Changed receives a value when there are new records.
	Changed() <-chan struct{}
}

// How Follow reads a stream, and how it tries a record that fails again: after firstPause, then
// after double the time, up to longestPause. At maxAttempts it leaves the record out, so that
// the ones after it have their turn: the deployed feed does so too, after some hours.
const (
	batchSize    = 100
	firstPause   = 250 * time.Millisecond
	longestPause = 30 * time.Second
	maxAttempts  = 12
)

// Follow handles the records of a stream until the context ends. It waits for new ones without
// asking. A record is trimmed once it is done: after a crash the last ones are handled again.
func (h *Handler) Follow(ctx context.Context, s Stream) {
	position, attempts, pause := "", 0, firstPause
	for ctx.Err() == nil {
		records, err := s.Records(ctx, position, batchSize)
		if err == nil && len(records) == 0 {
			select {
			case <-ctx.Done():
			case <-s.Changed():
			}
			continue
		}
		done := 0
		if err == nil {
			done, err = h.batch(ctx, s, records)
		} else if ctx.Err() == nil {
			h.c.Log.LogAttrs(ctx, slog.LevelError, "", slog.String("event", "feed"), slog.String("error", err.Error()))
		}
		if done > 0 {
			position, attempts, pause = records[done-1].Sequence, 0, firstPause
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if len(records) > 0 {
			attempts++
		}
		if attempts == maxAttempts {
			h.abandon(ctx, s, records[done])
			position, attempts, pause = records[done].Sequence, 0, firstPause
			continue
		}
		_ = h.c.Sleep(ctx, pause) // the loop ends with the context
		pause = min(2*pause, longestPause)
	}
}

// batch handles records, and trims and returns those that are done.
func (h *Handler) batch(ctx context.Context, s Stream, records []table.Record) (done int, err error) {
	failed, err := h.Handle(ctx, records)
	done = len(records)
	if err != nil {
		done = indexOf(records, failed)
	}
	if done > 0 {
		h.trim(ctx, s, records[done-1])
	}
	return done, err
}

// trim removes the records up to one from the stream. A failure only means that they come
// again after a restart.
func (h *Handler) trim(ctx context.Context, s Stream, upTo table.Record) {
	if err := s.Trim(upTo.Sequence); err != nil {
		h.c.Log.LogAttrs(ctx, slog.LevelWarn, "", slog.String("event", "feed"), slog.String("error", err.Error()))
	}
}

// abandon logs a record that is left out, and removes it.
func (h *Handler) abandon(ctx context.Context, s Stream, r table.Record) {
	h.c.Log.LogAttrs(ctx, slog.LevelError, "", slog.String("event", "feed.abandoned"),
		slog.String("partition", r.Key.Partition), slog.String("sort", r.Key.Sort), slog.String("sequence", r.Sequence))
	h.trim(ctx, s, r)
}
