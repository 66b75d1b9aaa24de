package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// The table's errors become errors of the directory, which say whether anything was
// changed: an unknown outcome takes precedence, and a caller that timed out does not learn
// the state of the table.
func TestErrors_OfTheTable(t *testing.T) {
	both := func(x, y error) error { return fmt.Errorf("%w: %w", x, y) }
	for name, tt := range map[string]struct{ err, read, write error }{
		"no connection":                {table.ErrNoConnection, directory.ErrUnreachable, directory.ErrUnreachable},
		"refused for good":             {table.ErrUnreachable, directory.ErrUnreachable, directory.ErrUnreachable},
		"a broken disk":                {table.ErrStorage, directory.ErrUnreachable, directory.ErrUnreachable},
		"no answer":                    {table.ErrUnavailable, directory.ErrUnreachable, nil},
		"no answer in the time":        {both(table.ErrUnavailable, context.DeadlineExceeded), directory.ErrBusy, nil},
		"no answer, the caller left":   {both(table.ErrUnavailable, context.Canceled), directory.ErrBusy, nil},
		"throttled":                    {table.ErrThrottled, directory.ErrBusy, directory.ErrBusy},
		"a conflict":                   {table.ErrConflict, nil, directory.ErrBusy},
		"too late":                     {table.ErrTooLate, nil, directory.ErrBusy},
		"unknown":                      {table.ErrUnknownOutcome, nil, directory.ErrUnresolved},
		"unknown, then no connection":  {both(table.ErrUnknownOutcome, table.ErrNoConnection), nil, directory.ErrUnresolved},
		"unknown, then too late":       {both(table.ErrTooLate, table.ErrUnknownOutcome), nil, directory.ErrUnresolved},
		"unknown, then a broken disk":  {both(table.ErrStorage, table.ErrUnknownOutcome), nil, directory.ErrUnresolved},
		"unknown, and the caller left": {both(table.ErrUnknownOutcome, context.Canceled), nil, directory.ErrUnresolved},
	} {
		for side, got := range map[string]struct{ err, want error }{"read": {readError(tt.err), tt.read}, "write": {writeError(tt.err), tt.write}} {
			for _, of := range []error{directory.ErrUnreachable, directory.ErrBusy, directory.ErrUnresolved} {
				assert.Falsef(t, got.want != nil && errors.Is(got.err, of) != (of == got.want), "%s, %s: %v, want %v", name, side, got.err, got.want)
			}
			assert.ErrorIsf(t, got.err, tt.err, "%s, %s: %v hides the error", name, side, got.err)
		}
	}
}
