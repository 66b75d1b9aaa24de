package mirror

import (
	"context"
	"time"
)

// SetWait replaces the waiting of an API.
func SetWait(a *API, waits func(d time.Duration)) {
	a.wait = func(_ context.Context, d time.Duration) error {
		waits(d)
		return nil
	}
}
