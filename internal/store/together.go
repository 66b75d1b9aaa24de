package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// together runs reads side by side and waits for all of them: one sequential
// round trip.
func together(ctx context.Context, reads ...func(context.Context) error) error {
	ctx = table.Together(ctx)
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
