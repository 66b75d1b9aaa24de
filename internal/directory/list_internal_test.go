package directory

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
)

// A search whose last record takes the filter's work over the limit is complete; before
// any other record it is refused.
func TestMatching_IsCompleteWithItsLastRecord(t *testing.T) {
	filter := strings.Repeat(`emails.value co "q" or `, 150) + `emails.value co "y"`
	large := scim.Resource{"emails": make([]any, 10_000)}
	for i := range large["emails"].([]any) {
		large["emails"].([]any)[i] = map[string]any{"value": "a@example.com"}
	}
	small := scim.Resource{"emails": []any{map[string]any{"value": "y@example.com"}}}
	for name, tt := range map[string]struct {
		resources []scim.Resource
		complete  bool
	}{
		"the last":  {[]scim.Resource{small, large}, true},
		"the first": {[]scim.Resource{large, small}, false},
	} {
		f, err := match.CompileFilter(Types(scim.RollcallURN).User, filter)
		require.NoError(t, err)
		l := &list[*User]{
			d: &Directory{now: time.Now}, query: Query{Filter: f},
			served: func(context.Context, []*User) ([]scim.Resource, error) { return tt.resources, nil },
		}
		found := 0
		err = l.matching(t.Context(), []*User{{ID: "a"}, {ID: "b"}}, func(*User, scim.Resource) { found++ })
		require.Greater(t, f.Work(), MaxFilterWork, "%s", name)
		if tt.complete {
			require.NoError(t, err)
			require.Equal(t, 1, found)
			continue
		}
		var many *TooManyError
		require.ErrorAs(t, err, &many)
	}
}
