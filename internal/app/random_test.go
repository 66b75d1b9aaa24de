package app_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// Every id, token and key comes from Options.Random: two runs from one seed
// store the same items. A run from another seed, and one without Random, differ.
func TestRandom_DecidesAllThatIsStored(t *testing.T) {
	first, again := store(t, rand.NewChaCha8([32]byte{1})), store(t, rand.NewChaCha8([32]byte{1}))
	require.Equal(t, first, again)
	require.NotEqual(t, first, store(t, rand.NewChaCha8([32]byte{2})))
	require.NotEqual(t, first, store(t, nil))
	require.NotEqual(t, store(t, nil), store(t, nil))
}

// now is the time of all runs: ids contain it, and a write in the past would be
// too late.
var now = time.Now()

// store creates a tenant with a token and a user, and returns all that was
// answered.
func store(t *testing.T, random *rand.ChaCha8) string {
	t.Helper()
	engine, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	o := app.Options{Now: func() time.Time { return now }}
	if random != nil {
		token := 0
		o.Random, o.NewToken = random, func() string { token++; return strconv.Itoa(token) }
	}
	a, err := app.NewWith(engine, app.Config{BaseURL: "https://scim.test/scim/v2"}, slog.New(slog.DiscardHandler), o)
	require.NoError(t, err)
	admin, answers := a.AdminHandler(), ""
	for _, request := range [][3]string{
		{"PUT", "/tenants/acme", `{"maxSeats":5}`},
		{"POST", "/tenants/acme/tokens", `{}`},
		{"POST", "/tenants/acme/users", `{"userName":"ann"}`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), request[0], "https://scim.test"+adminapi.Prefix+request[1], strings.NewReader(request[2]))
		r.Header.Set(web.OperatorHeader, "arn:aws:iam::123456789012:user/owner")
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, r)
		require.Equal(t, 201, w.Code, w.Body)
		answers += fmt.Sprintln(w.Header().Get("X-Request-Id"), w.Body)
	}
	for _, partition := range []string{"T#acme", "T#acme#USERS", "T#acme#LOG"} {
		page, err := engine.Query(t.Context(), table.Query{Partition: partition})
		require.NoError(t, err)
		require.NotEmpty(t, page.Items)
		answers += fmt.Sprintln(page.Items)
	}
	return answers
}
