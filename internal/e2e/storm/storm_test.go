package storm

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
)

// instances is how many instances serve, and seconds how long a storm lasts.
const instances, seconds = 10, 3

// pair sends requests of a tenant at a rate, and after the first second, in which that
// tenant spends its burst, of a calm one.
func pair(t *testing.T, limit, stormRate int) (calm, storm *answers) {
	calm, storm = &answers{}, &answers{}
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, instances, limit)
		_, quiet := stage.Tenant(t, f.apps[0].Store, "quiet", 5)
		_, loud := stage.Tenant(t, f.apps[0].Store, "loud", 5)
		// Every instance has served both tenants.
		f.send(t, &answers{}, 100, time.Second, func(i int) string { return []string{quiet, loud}[i/instances%2] })
		f.all.Wait()
		if stormRate > 0 {
			f.send(t, storm, stormRate, seconds*time.Second, func(int) string { return loud })
		}
		time.Sleep(time.Second)
		f.send(t, calm, 25, (seconds-1)*time.Second, func(int) string { return quiet })
		f.all.Wait()
	})
	return calm, storm
}

// A tenant at ten times its rate is served its rate and refused the rest, and another
// tenant does not notice.
func TestStorm_LeavesOtherTenantsAlone(t *testing.T) {
	const rate = app.DefaultTenantRate
	alone, _ := pair(t, rate, 0)
	calm, storm := pair(t, rate, 10*rate)
	require.Equal(t, map[int]int{200: 25 * (seconds - 1)}, calm.statuses)
	assert.LessOrEqual(t, calm.p99(), alone.p99()*3/2)

	bound := rate*(seconds+2) + instances*(rate/40*seconds+rate/20)
	assert.LessOrEqual(t, storm.statuses[200], bound)
	assert.Equal(t, 10*rate*seconds, storm.statuses[200]+storm.statuses[429])
	for second := range seconds {
		assert.GreaterOrEqual(t, storm.seconds[second], rate*95/100, "second %d", second)
	}
	t.Logf("p99 of the calm tenant: %v alone, %v beside the storm; of the storm %v", alone.p99(), calm.p99(), storm.statuses)

	// Without the limit the calm tenant does notice, or this test would prove nothing.
	unlimited, _ := pair(t, 0, 10*rate)
	assert.Greater(t, unlimited.p99(), alone.p99()*3/2)
}

// Invented tokens cost the partitions of the tenant that they name nothing if they have
// a mark, and at most 20 read units a second from each instance if they have none.
func TestStorm_OfInventedTokensCostsTheTenantLittle(t *testing.T) {
	for _, marked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			const fleetSize = 4
			f := newFleet(t, fleetSize, app.DefaultTenantRate)
			id, _ := stage.Tenant(t, f.apps[0].Store, "acme", 5)
			made, _, err := access.NewKeeper(f.apps[0].Store, time.Now).WithKeys(f.apps[0].Store).Mint(t.Context(), id, access.Wanted{})
			require.NoError(t, err)
			f.table.began, f.table.reads = time.Now(), map[string][]int{}
			var storm answers
			f.send(t, &storm, fleetSize*150, seconds*time.Second, func(int) string {
				invented, _ := access.Mint(id)
				if marked {
					invented = invented[:len(invented)-len("_01234567")] + made[len(made)-len("_")-32:]
				}
				return invented
			})
			f.all.Wait()
			reads := f.table.reads["acme"]
			t.Logf("marked %t: %v; read units of the tenant in each second: %v", marked, storm.statuses, reads)
			assert.Zero(t, storm.statuses[200])
			assert.Equal(t, fleetSize*150*seconds, storm.statuses[401]+storm.statuses[429])
			if marked {
				assert.Empty(t, reads)
				return
			}
			assert.NotEmpty(t, reads)
			for second, units := range reads {
				assert.LessOrEqual(t, units, 20*fleetSize, "second %d", second)
			}
		})
	}
}
