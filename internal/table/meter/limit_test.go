package meter_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

func TestLimit_KeepsTheContract(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table { return meter.Limit(memory(t), 1<<30, time.Now) })
}

// readings is a table in virtual time: each read takes between 1 and 40 ms, and
// uses the units that pages returns.
type readings struct {
	table.Table

	pages func(r *rand.Rand) int

	mu   sync.Mutex
	rand *rand.Rand
	// done are the reads, with the times between which the table used the units.
	done []reading
}

type reading struct {
	sent, ended time.Time
	units       int
}

func (r *readings) Query(context.Context, table.Query) (table.Page, error) {
	r.mu.Lock()
	took, units := time.Duration(1+r.rand.IntN(40))*time.Millisecond, r.pages(r.rand)
	r.mu.Unlock()
	sent := time.Now()
	time.Sleep(took)
	page := table.Page{}
	for left := units * 4096; left > 0; left -= 64 * 4096 {
		page.Items = append(page.Items, sized("i", min(left, 64*4096)))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, reading{sent, time.Now(), units})
	return page, nil
}

// most returns the largest number of units in any second, by the times that at
// returns.
func (r *readings) most(at func(reading) time.Time) int {
	most := 0
	for _, from := range r.done {
		sum := 0
		for _, one := range r.done {
			if since := at(one).Sub(at(from)); since >= 0 && since < time.Second {
				sum += one.units
			}
		}
		most = max(most, sum)
	}
	return most
}

// No second has more than the limit and one page, whatever the sizes of pages
// and the number of parallel reads, and the limit is used.
func TestLimit_NeverExceedsTheLimitByMoreThanOnePage(t *testing.T) {
	sizes := map[string]func(r *rand.Rand) int{
		"single units": func(*rand.Rand) int { return 1 },
		"whole pages":  func(*rand.Rand) int { return meter.PageUnits },
		"any":          func(r *rand.Rand) int { return 1 + r.IntN(meter.PageUnits) },
	}
	for name, pages := range sizes {
		for _, perSecond := range []int{20, 1000} {
			for _, workers := range []int{1, 16} {
				t.Run(fmt.Sprintf("%s, %d a second, %d in parallel", name, perSecond, workers), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						r := &readings{pages: pages, rand: rand.New(rand.NewPCG(1, 2))}
						limited := meter.Limit(r, perSecond, time.Now)
						begun := time.Now()
						var running sync.WaitGroup
						for range workers {
							running.Go(func() {
								for range 160 / workers {
									_, err := limited.Query(t.Context(), table.Query{Partition: "p"})
									assert.NoError(t, err)
								}
							})
						}
						running.Wait()
						total := 0
						for _, one := range r.done {
							total += one.units
						}
						for which, at := range map[string]func(reading) time.Time{
							"sent":  func(one reading) time.Time { return one.sent },
							"ended": func(one reading) time.Time { return one.ended },
						} {
							assert.LessOrEqual(t, r.most(at), perSecond+meter.PageUnits, which)
						}
						// With single units, 1000 a second need more parallel reads than one.
						least := min(float64(perSecond), float64(total)/(160*0.041/float64(min(workers, 1+perSecond/meter.PageUnits))))
						assert.Greater(t, float64(total)/time.Since(begun).Seconds(), least/2, "units a second")
					})
				})
			}
		}
	}
}

// A Get counts a unit for each key until its answer is there, and a caller that
// does not wait any longer gets the error of its context.
func TestLimit_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &readings{pages: func(*rand.Rand) int { return 5000 }, rand: rand.New(rand.NewPCG(1, 2))}
		limited := meter.Limit(r, 10, time.Now)
		_, err := limited.Query(t.Context(), table.Query{Partition: "p"})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err = limited.Get(ctx, table.Key{Partition: "p", Sort: "1"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.True(t, strings.HasPrefix(err.Error(), "meter: not read"))
	})
}
