package directory

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/tenant"
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
			d: &Directory{now: time.Now, maxWalk: MaxWalk}, query: Query{Filter: f, Count: 10, Cursor: &Cursor{}},
			served: func(context.Context, []*User) ([]scim.Resource, error) { return tt.resources, nil },
			size:   func(*User) Size { return Size{} },
			page: func(context.Context, tenant.ID, Range) (Page[*User], error) {
				return Page[*User]{Records: []*User{{ID: "a"}, {ID: "b"}}}, nil
			},
		}
		walked, err := l.stepMatching(t.Context())
		require.NoError(t, err, "a walk by cursors goes on in its next page")
		if tt.complete {
			require.Nil(t, walked.Next)
		} else {
			require.Equal(t, &Cursor{ID: "a"}, walked.Next)
		}
		f, err = match.CompileFilter(Types(scim.RollcallURN).User, filter)
		require.NoError(t, err)
		l.query.Filter = f // another one has done no work yet
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

// Candidates are read in batches until the time is over, the first batch in any case.
func TestEachOf_ReadsBatchesWhileThereIsTime(t *testing.T) {
	ids := make([]string, 2*readBatch+1)
	for i := range ids {
		ids[i] = fmt.Sprintf("u%04d", i)
	}
	now := time.Unix(0, 0)
	var late time.Duration
	l := &list[*User]{
		d: &Directory{now: func() time.Time { return now }, maxWalk: len(ids), walkTime: time.Second},
		byID: func(_ context.Context, _ tenant.ID, ids []string) ([]*User, error) {
			now = now.Add(late)
			users := make([]*User, len(ids))
			for i, id := range ids {
				users[len(ids)-1-i] = &User{ID: id}
			}
			return users, nil
		},
	}
	for each, want := range map[time.Duration]int{0: len(ids), 400 * time.Millisecond: len(ids), 600 * time.Millisecond: 2 * readBatch, 2 * time.Second: readBatch} {
		late = each
		var read []string
		err := l.eachOf(t.Context(), ids, func(users []*User) error {
			for _, u := range users {
				read = append(read, u.ID)
			}
			return nil
		})
		require.Equal(t, ids[:want], read, "%s for each batch", each)
		require.Equal(t, want < len(ids), err != nil, "%s for each batch: %v", each, err)
	}
}

// A page that lacks records, because names of deleted users are among them, reads on with as
// many as it lacks, and with a few more names that may be of deleted users too.
func TestFill_ReadsWhatThePageLacks(t *testing.T) {
	for want, lacks := range map[int]int{2: fewNames, fewNames + 1: fewNames, 100: 99, 1001: 1000} {
		var limits []int
		l := &list[*User]{
			d: &Directory{now: time.Now, walkTime: time.Minute}, size: func(*User) Size { return Size{} },
			page: func(_ context.Context, _ tenant.ID, r Range) (Page[*User], error) {
				limits = append(limits, r.Limit)
				return Page[*User]{Records: make([]*User, r.Limit)}, nil
			},
		}
		records, _, err := l.fill(t.Context(), Order{}, Page[*User]{Records: make([]*User, 1), More: true}, want)
		require.NoError(t, err)
		require.Equal(t, []int{lacks}, limits, "a page of %d", want-1)
		require.Len(t, records, want-1)
	}
}

// A page is at most as large as an answer may be, in either of its forms.
func TestSize_FitsUpToTheLimit(t *testing.T) {
	plain, printed := MaxPageBytes-pageHead, maxPrintedBytes-pageHead
	for size, want := range map[Size]bool{
		{}: true, {plain, printed}: true, {plain + 1, 0}: false, {0, printed + 1}: false, {plain + 1, printed + 1}: false,
	} {
		require.Equal(t, want, size.fits(), "%+v", size)
	}
}

// A page that has only names of deleted users, and no time to read on, is an error: an empty
// page would mean the end.
func TestFill_HasAtLeastOneRecord(t *testing.T) {
	now := time.Unix(0, 0)
	l := &list[*User]{
		d: &Directory{now: func() time.Time { return now }, walkTime: time.Second, maxWalk: 7}, size: func(*User) Size { return Size{} },
		page: func(context.Context, tenant.ID, Range) (Page[*User], error) {
			now = now.Add(time.Minute)
			return Page[*User]{More: true}, nil
		},
	}
	_, _, err := l.fill(t.Context(), Order{}, Page[*User]{More: true}, 10)
	require.Equal(t, &TooManyError{Sought: "sortBy", Limit: 7}, err)
	records, more, err := l.fill(t.Context(), Order{}, Page[*User]{Records: make([]*User, 1), More: true}, 10)
	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, records, 1)
}

// A walk that has read as many records as it may does not read on to see whether others
// follow.
func TestEach_ReadsNoPageBeyondTheLimit(t *testing.T) {
	for limit, want := range map[int]int{3: 2, 4: 2, 5: 3} {
		pages := 0
		l := &list[*User]{
			d: &Directory{now: time.Now, walkTime: time.Minute, maxWalk: limit},
			page: func(context.Context, tenant.ID, Range) (Page[*User], error) {
				pages++
				return Page[*User]{Records: make([]*User, 2), More: true}, nil
			},
		}
		err := l.each(t.Context(), "filter", func([]*User) error { return nil })
		require.Equal(t, &TooManyError{Sought: "filter", Limit: limit}, err)
		require.Equal(t, want, pages, "at most %d records", limit)
	}
}

// Groups have the same sets of members as before if no epoch is another one and no change is
// unfinished.
func TestSameSets_ComparesEpochsAndChanges(t *testing.T) {
	before := []*Group{{ID: "a", Epoch: 1}, {ID: "b", Epoch: 2}}
	for name, tt := range map[string]struct {
		now  []*Group
		want bool
	}{
		"the same": {[]*Group{{ID: "a", Epoch: 1}, {ID: "b", Epoch: 2}}, true}, "fewer": {[]*Group{{ID: "b", Epoch: 2}}, true},
		"another set": {[]*Group{{ID: "a", Epoch: 2}, {ID: "b", Epoch: 2}}, false}, "another group": {[]*Group{{ID: "c", Epoch: 1}}, false},
		"a change": {[]*Group{{ID: "a", Epoch: 1, PendingChange: "w"}}, false},
	} {
		require.Equal(t, tt.want, sameSets(before, tt.now), name)
	}
}
