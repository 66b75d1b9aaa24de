package store

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// An operation uses two write units for each kilobyte that is begun, and two at least.
func TestUnitsOf_CountsKilobytes(t *testing.T) {
	of := func(size int) table.Item {
		item := table.Item{Key: table.Key{Partition: "p", Sort: "s"}, Attributes: table.Attributes{"a": table.Text("")}}
		item.Attributes["a"] = table.Text(strings.Repeat("x", size-table.Size(item)))
		require.Equal(t, size, table.Size(item))
		return item
	}
	for size, want := range map[int]int{10: 2, 1023: 2, 1024: 2, 1025: 4, 2048: 4, 2049: 6, 10 << 10: 20} {
		require.Equal(t, want, unitsOf(of(size)), "%d bytes", size)
	}
}

// A sweep writes as many units at once as its burst has, and then as many a second as its pace
// allows. What it did not use is saved up to the burst.
func TestPace_LimitsUnitsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		ctx, p := withPace(t.Context(), 100)
		write := func(units int) time.Duration {
			before := time.Now()
			require.NoError(t, paceOf(ctx).wait(ctx, make([]table.Op, units/leastUnits)))
			return time.Since(before)
		}
		require.Zero(t, write(sweepBurst))
		require.Equal(t, 2*time.Second, write(200))
		require.Equal(t, 500*time.Millisecond, write(50))
		time.Sleep(10 * time.Second) // 1,000 units
		require.Zero(t, write(1000))
		require.Equal(t, time.Second, write(100))
		time.Sleep(time.Hour)
		require.Zero(t, write(sweepBurst))
		require.Equal(t, time.Second, write(100))
		p.charge(300)
		require.Equal(t, 4*time.Second, write(100))
		ended, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, p.wait(ended, make([]table.Op, 50)), context.Canceled)
		require.Less(t, time.Since(begun), 2*time.Hour)
	})
	var none *pace
	require.NoError(t, none.wait(t.Context(), make([]table.Op, 100_000)))
	require.NoError(t, (&pace{}).wait(t.Context(), make([]table.Op, 100_000)), "a pace that only counts")
}
