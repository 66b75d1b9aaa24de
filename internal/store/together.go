package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Together runs calls in parallel and waits for all of them: one sequential
// round trip.
func (s *Store) Together(ctx context.Context, calls ...func(context.Context) error) error {
	return sideBySide(table.Together(ctx), calls...)
}

// sideBySide runs calls in parallel and waits for all of them.
func sideBySide(ctx context.Context, reads ...func(context.Context) error) error {
	errs := make([]error, len(reads))
	done := make(chan struct{})
	for i, read := range reads[1:] {
		go func() {
			defer func() {
				if p := recover(); p != nil { // it would end the process from here
					errs[i+1] = fmt.Errorf("store: panic of type %T at %s", p, debug.Stack())
				}
				done <- struct{}{}
			}()
			errs[i+1] = read(ctx)
		}()
	}
	errs[0] = reads[0](ctx)
	for range reads[1:] {
		<-done
	}
	return errors.Join(errs...)
}

// parallelWrites is how many calls of one request run at once.
const parallelWrites = 4

// parallel does n things, a few at a time, and stops at the first that fails.
func parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	if n == 1 {
		return do(ctx, 0)
	}
	parent := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next atomic.Int64
	worker := func(ctx context.Context) error {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return nil
			}
			if ctx.Err() != nil {
				return parent.Err() // nil if another worker failed, whose error is returned
			}
			if err := do(ctx, i); err != nil {
				cancel()
				return err
			}
		}
	}
	workers := make([]func(context.Context) error, min(n, parallelWrites))
	for i := range workers {
		workers[i] = worker
	}
	if len(workers) == 0 {
		return nil
	}
	return sideBySide(ctx, workers...)
}
