package directory_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// written counts the transactions that are sent to a table.
type written struct {
	table.Table
	n atomic.Int64
}

func (w *written) Write(ctx context.Context, tx table.Transaction) error {
	w.n.Add(1)
	return w.Table.Write(ctx, tx)
}

// hintFixture returns a directory, and a function that returns how many transactions
// a POST sends.
func hintFixture(t *testing.T) (*fixture, func(body string) (directory.Result, int64, error)) {
	t.Helper()
	w := &written{Table: enginetest.Memory(t)}
	f := newFixtureOn(t, table.Retrying(w), 10, 10)
	return f, func(body string) (directory.Result, int64, error) {
		before := w.n.Load()
		result, err := f.post(body)
		return result, w.n.Load() - before, err
	}
}

const ann = `{"userName":"ann","externalId":"1","emails":[{"value":"ann@x.test"}]}`

// sought returns a search by a filter.
func sought(f *fixture, text string) directory.Query {
	f.t.Helper()
	compiled, err := match.CompileFilter(f.types, text)
	require.NoError(f.t, err)
	return directory.Query{Filter: compiled, StartIndex: 1, Count: 10}
}

// reason returns why a value is refused.
func reason(t *testing.T, err error) *directory.TakenError {
	t.Helper()
	var taken *directory.TakenError
	require.ErrorAs(t, err, &taken)
	return taken
}

func TestProvision_RefusesAgainWithoutATransaction(t *testing.T) {
	f, post := hintFixture(t)
	u := f.mustPost(ann)
	_, n, first := post(ann)
	require.EqualValues(t, 1, n, "the transaction shows the holder")
	_, n, again := post(ann)
	require.Zero(t, n)
	require.Equal(t, reason(t, first), reason(t, again))
	require.Equal(t, u.ID, reason(t, again).HolderID)
}

func TestProvision_ReactivatesAFoundUserInOneTransaction(t *testing.T) {
	for name, end := range map[string]func(f *fixture, id string){
		"inactive": func(f *fixture, id string) { f.mustPatch(id, `[{"op":"replace","path":"active","value":false}]`) },
		"deleted":  func(f *fixture, id string) { require.NoError(f.t, f.remove(id)) },
	} {
		t.Run(name, func(t *testing.T) {
			f, post := hintFixture(t)
			u := f.mustPost(ann)
			end(f, u.ID)
			_, err := f.dir.Search(t.Context(), f.tenant, f.by(), sought(f, `userName eq "ann"`))
			require.NoError(t, err)
			result, n, err := post(ann)
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
			require.Equal(t, u.ID, result.User.ID)
		})
	}
}

// A hint that is no longer true costs a read, and refuses nobody.
func TestProvision_CreatesDespiteAFormerHolder(t *testing.T) {
	f, post := hintFixture(t)
	u := f.mustPost(ann)
	_, _, err := post(ann)
	require.Error(t, err)
	_, err = f.put(u.ID, `{"userName":"bea","externalId":"2","emails":[{"value":"bea@x.test"}]}`, nil)
	require.NoError(t, err)
	result, n, err := post(ann)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.Equal(t, journal.Created, result.Action)
	require.NotEqual(t, u.ID, result.User.ID)
}

// Only one of two holders has a hint: the refusal is the same as without hints.
func TestProvision_HintsChangeNoAnswer(t *testing.T) {
	const both = `{"userName":"ann","externalId":"9","emails":[{"value":"bob@x.test"}]}`
	for name, state := range map[string]string{"active": "true", "inactive": "false"} {
		for _, by := range []string{`userName eq "ann"`, `emails eq "bob@x.test"`, `userName eq "nobody"`} {
			t.Run(name+" "+by, func(t *testing.T) {
				f, post := hintFixture(t)
				a := f.mustPost(`{"userName":"ann","emails":[{"value":"ann@x.test"}]}`)
				f.mustPost(`{"userName":"bob","emails":[{"value":"bob@x.test"}]}`)
				f.mustPatch(a.ID, `[{"op":"replace","path":"active","value":`+state+`}]`)
				plain := f.directory(0)
				_, want := plain.Provision(t.Context(), f.tenant, f.by(), f.decode(both))
				_, err := f.dir.Search(t.Context(), f.tenant, f.by(), sought(f, by))
				require.NoError(t, err)
				_, _, got := post(both)
				require.Equal(t, reason(t, want).Reason, reason(t, got).Reason)
				require.Equal(t, directory.TakenActive, reason(t, got).Reason)
			})
		}
	}
}

// A hint of one tenant is none of another.
func TestProvision_HintsOfATenantAreItsOwn(t *testing.T) {
	shared := enginetest.Memory(t)
	f, other := newFixtureFor(t, shared, "acme", 10), newFixtureFor(t, shared, "other", 10)
	f.mustPost(ann)
	_, err := f.post(ann)
	require.Error(t, err)
	require.NotEmpty(t, f.dir.LikelyHolder(f.tenant, f.decode(ann)))
	require.Empty(t, f.dir.LikelyHolder(other.tenant, f.decode(ann)))
	_, err = f.dir.Provision(t.Context(), other.tenant, f.by(), f.decode(ann))
	require.NoError(t, err)
}

// fullFixture returns a directory whose one seat is in use, after a refusal by its
// ledger.
func fullFixture(t *testing.T) (*fixture, *directory.User, func(body string) (directory.Result, int64, error)) {
	t.Helper()
	f, post := hintFixture(t)
	require.NoError(t, f.store.SetSeatLimit(t.Context(), f.tenant, 1, f.now))
	u := f.mustPost(ann)
	_, n, err := post(`{"userName":"bob"}`)
	require.EqualValues(t, 1, n)
	requireFull(t, err)
	return f, u, post
}

func requireFull(t *testing.T, err error) {
	t.Helper()
	var full *directory.FullError
	require.ErrorAs(t, err, &full)
	require.EqualValues(t, 1, full.Used)
	require.EqualValues(t, 1, full.Limit)
}

func TestProvision_RefusesByAFullLedgerAgainWithoutATransaction(t *testing.T) {
	_, _, post := fullFixture(t)
	for _, name := range []string{"bob", "carl"} {
		_, n, err := post(`{"userName":"` + name + `"}`)
		require.Zero(t, n)
		requireFull(t, err)
	}
}

// A seat that was freed since is granted: the ledger has changed.
func TestProvision_GrantsASeatThatIsFreeAgain(t *testing.T) {
	for name, free := range map[string]func(f *fixture, id string){
		"by a deactivation": func(f *fixture, id string) { f.mustPatch(id, `[{"op":"replace","path":"active","value":false}]`) },
		"by a higher limit": func(f *fixture, _ string) {
			require.NoError(f.t, f.store.SetSeatLimit(context.Background(), f.tenant, 2, f.now))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, u, post := fullFixture(t)
			free(f, u.ID)
			_, n, err := post(`{"userName":"bob"}`)
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
		})
	}
}

// The ledger of the hint is full; that of the moment is, too, but it has changed in
// between: only the transaction can tell whether there was a moment without a free seat.
func TestProvision_TrustsNoLedgerThatHasChanged(t *testing.T) {
	f, u, post := fullFixture(t)
	f.mustPatch(u.ID, `[{"op":"replace","path":"active","value":false}]`)
	f.mustPatch(u.ID, `[{"op":"replace","path":"active","value":true}]`)
	_, n, err := post(`{"userName":"bob"}`)
	require.EqualValues(t, 1, n)
	requireFull(t, err)
}

func TestProvision_UniquenessComesBeforeAFullLedger(t *testing.T) {
	f, _, _ := fullFixture(t)
	_, err := f.post(`{"userName":"other","externalId":"1"}`)
	require.Equal(t, directory.TakenActive, reason(t, err).Reason)
}

func TestProvision_AFullLedgerRefusesOnlyWhatNeedsASeat(t *testing.T) {
	_, _, post := fullFixture(t)
	for _, body := range []string{
		`{"userName":"inactive","active":false}`,
		`{"userName":"reader","` + extension + `":{"isTeamAccount":false}}`,
	} {
		_, n, err := post(body)
		require.NoError(t, err, body)
		require.EqualValues(t, 1, n)
	}
}

// A ledger that has no Reader licence refuses no User, and the reverse.
func TestProvision_AFullLedgerRefusesOneKind(t *testing.T) {
	for _, isUser := range []bool{false, true} {
		w := &written{Table: enginetest.Memory(t)}
		f := newFixtureOn(t, table.Retrying(w), 1, 1)
		body := func(name string, isUser bool) string {
			return fmt.Sprintf(`{"userName":%q,%q:{"isTeamAccount":%t}}`, name, extension, isUser)
		}
		f.mustPost(body("first", isUser))
		for range 2 {
			_, err := f.post(body("second", isUser))
			requireFull(t, err)
		}
		_, err := f.post(body("other", !isUser))
		require.NoError(t, err)
	}
}

// A refusal names the same value of a user, whichever of its values has a hint.
func TestProvision_HintsChangeNoNamedValue(t *testing.T) {
	f, _ := hintFixture(t)
	f.mustPost(ann)
	_, want := f.directory(0).Provision(t.Context(), f.tenant, f.by(), f.decode(ann))
	for _, by := range []string{`userName eq "ann"`, `externalId eq "1"`} {
		d := f.directory(0)
		_, err := d.Search(t.Context(), f.tenant, f.by(), sought(f, by))
		require.NoError(t, err)
		_, got := d.Provision(t.Context(), f.tenant, f.by(), f.decode(ann))
		require.Equal(t, reason(t, want), reason(t, got), "a hint by %s", by)
	}
}
