package system

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A silent is a table that does not answer writes.
type silent struct{ table.Table }

func (s silent) Write(ctx context.Context, _ table.Transaction) error {
	<-ctx.Done()
	return fmt.Errorf("%w: %w", table.ErrUnknownOutcome, ctx.Err())
}

// A request whose writes are not answered ends before Lambda ends its function: the
// records of all operations of a bulk request share the time of one.
func TestRequests_EndWhenWritesAreNotAnswered(t *testing.T) {
	const functionTimeout = 20 * time.Second // Timeout in template.yaml
	user := func(n int) string { return userBody(fmt.Sprintf(`"userName":"u%d"`, n)) }
	operations := make([]string, 100)
	for n := range operations {
		operations[n] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, n, user(n))
	}
	for name, tt := range map[string]struct {
		path, body string
		status     int
	}{
		"one user":       {"/Users", user(0), 503},
		"one refusal":    {"/Users", userBody(`"userName":""`), 400},
		"100 operations": {"/Bulk", stage.Bulk(operations...), 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &later{Table: enginetest.Memory(t)}
				s := newService(t, l, 500, app.Options{})
				s.send("GET", "/Users?count=0", "")
				l.Table = silent{l.Table}
				begun := time.Now()
				require.Equal(t, tt.status, s.send("POST", tt.path, tt.body).status)
				require.Less(t, time.Since(begun), functionTimeout)
			})
		})
	}
}
