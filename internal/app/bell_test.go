package app_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
)

// deliveries counts the runs for each endpoint, and how many of them ran at once.
type deliveries struct {
	mu              sync.Mutex
	runs, now, most map[string]int
}

func (d *deliveries) deliver(_ context.Context, endpoint string) error {
	d.mu.Lock()
	d.runs[endpoint]++
	d.now[endpoint]++
	d.most[endpoint] = max(d.most[endpoint], d.now[endpoint])
	d.mu.Unlock()
	time.Sleep(time.Second)
	d.mu.Lock()
	d.now[endpoint]--
	d.mu.Unlock()
	return nil
}

func newDeliveries() *deliveries {
	return &deliveries{runs: map[string]int{}, now: map[string]int{}, most: map[string]int{}}
}

// counted returns the runs.
func (d *deliveries) counted() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.runs)
}

// A wake-up during a delivery is not lost: what was stored may have come too late for it.
func TestBell_DeliversOnceMoreAfterAWakeUpDuringADelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeliveries()
		ctx, cancel := context.WithCancel(t.Context())
		b := app.NewBell(ctx)
		b.Deliver(d.deliver)
		require.NoError(t, b.Wake(ctx, []string{"slow", "other"}))
		time.Sleep(time.Second / 2)
		for range 10 {
			require.NoError(t, b.Wake(ctx, []string{"slow"}))
		}
		time.Sleep(10 * time.Second)
		cancel()
		b.Wait()
		assert.Equal(t, map[string]int{"slow": 2, "other": 1}, d.counted())
		assert.Equal(t, map[string]int{"slow": 1, "other": 1}, d.most)
	})
}

func TestBell_WakesAfterADelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeliveries()
		ctx, cancel := context.WithCancel(t.Context())
		b := app.NewBell(ctx)
		b.Deliver(d.deliver)
		require.NoError(t, b.WakeAfter(ctx, "now", 0))
		require.NoError(t, b.WakeAfter(ctx, "later", time.Minute))
		require.NoError(t, b.WakeAfter(ctx, "never", time.Hour))
		time.Sleep(59 * time.Second)
		assert.Equal(t, map[string]int{"now": 1}, d.counted())
		time.Sleep(2 * time.Second)
		assert.Equal(t, map[string]int{"now": 1, "later": 1}, d.counted())
		cancel()
		b.Wait()
		require.NoError(t, b.Wake(ctx, []string{"now"}))
		assert.Equal(t, map[string]int{"now": 1, "later": 1}, d.counted(), "a delivery began after the end")
	})
}
