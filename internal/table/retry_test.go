package table_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// script is a table that gives the answers in order, the last one forever, and
// records what it was sent and when.
type script struct {
	answers []error
	takes   time.Duration
	sent    []table.Transaction
	at      []time.Time
}

func (s *script) answer() error {
	time.Sleep(s.takes)
	s.at = append(s.at, time.Now())
	if len(s.answers) == 1 {
		return s.answers[0]
	}
	err := s.answers[0]
	s.answers = s.answers[1:]
	return err
}

func (s *script) Write(_ context.Context, tx table.Transaction) error {
	s.sent = append(s.sent, tx)
	return s.answer()
}

func (s *script) Get(context.Context, ...table.Key) (map[table.Key]table.Item, error) {
	return map[table.Key]table.Item{}, s.answer()
}

func (s *script) Query(context.Context, table.Query) (table.Page, error) {
	return table.Page{}, s.answer()
}

var (
	deletion  = table.Transaction{Token: "one", Ops: []table.Op{table.Delete(table.Key{Partition: "p", Sort: "s"})}}
	condition = &table.ConditionError{Failed: []table.FailedCondition{{Op: 0}}}
	limit     = &table.LimitError{Op: -1, Reason: "test"}
	errOther  = errors.New("access denied")
)

func TestRetrying_Write(t *testing.T) {
	conflict, throttle, unknown := table.ErrConflict, table.ErrThrottled, table.ErrUnknownOutcome
	for name, c := range map[string]struct {
		answers []error
		want    error // nil for success
		not     []error
		tries   int
	}{
		"success is not sent again":                {[]error{nil}, nil, nil, 1},
		"a conflict is":                            {[]error{conflict, nil}, nil, nil, 2},
		"a throttle is":                            {[]error{throttle, throttle, nil}, nil, nil, 3},
		"a lost answer is":                         {[]error{unknown, nil}, nil, nil, 2},
		"a failed condition is not":                {[]error{condition}, condition, nil, 1},
		"a refusal is not":                         {[]error{limit}, limit, nil, 1},
		"a used token is not":                      {[]error{table.ErrTokenReused}, table.ErrTokenReused, nil, 1},
		"another error is not":                     {[]error{errOther}, errOther, []error{unknown}, 1},
		"a condition settles a conflict":           {[]error{conflict, condition}, condition, []error{conflict}, 2},
		"a condition settles a lost answer":        {[]error{unknown, condition}, condition, []error{unknown}, 2},
		"a conflict does not settle a lost answer": {[]error{unknown, conflict}, unknown, []error{conflict}, 0},
		"another error does not settle it":         {[]error{unknown, errOther}, unknown, []error{errOther}, 0},
		"endless conflicts":                        {[]error{conflict}, conflict, []error{unknown, throttle}, 0},
		"the last error counts":                    {[]error{conflict, throttle}, throttle, []error{conflict}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: c.answers}
				ctx, usage := table.WithUsage(t.Context())
				start := time.Now()
				err := table.Retrying(s).Write(ctx, deletion)
				assert.Truef(t, errors.Is(err, c.want) && (c.want != nil || err == nil), "got %v, want %v", err, c.want)
				for _, not := range c.not {
					assert.NotErrorIsf(t, err, not, "%v is also %v", err, not)
				}
				assert.Falsef(t, c.tries > 0 && len(s.sent) != c.tries, "sent %d times, want %d", len(s.sent), c.tries)
				elapsed := time.Since(start)
				assert.Truef(t, elapsed <= 8*time.Second, "took %v", elapsed)
				got := usage.Counts().Retries
				assert.Equalf(t, len(s.sent)-1, got, "counted %d retries of %d calls", got, len(s.sent))
				for _, tx := range s.sent {
					if tx.Token != deletion.Token || len(tx.Ops) != 1 || tx.Ops[0].Key != deletion.Ops[0].Key {
						t.Errorf("sent %v, want the same transaction", tx)
					}
				}
			})
		})
	}
}

// Nobody waits for an optional transaction, unless it may have been applied.
func TestRetrying_GivesUpOptionalAtAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := deletion
		tx.Optional = true
		s := &script{answers: []error{table.ErrConflict, nil}}
		require.ErrorIs(t, table.Retrying(s).Write(t.Context(), tx), table.ErrConflict)
		require.Len(t, s.sent, 1)
		for _, first := range []error{table.ErrThrottled, table.ErrUnknownOutcome} {
			s = &script{answers: []error{first, nil}}
			require.NoError(t, table.Retrying(s).Write(t.Context(), tx))
			require.Len(t, s.sent, 2)
		}
		s = &script{answers: []error{table.ErrUnknownOutcome, table.ErrConflict, nil}}
		require.NoError(t, table.Retrying(s).Write(t.Context(), tx))
		require.Len(t, s.sent, 3)
	})
}

func TestRetrying_WaitsLongerEachTime(t *testing.T) {
	for last, want := range map[error][]time.Duration{
		table.ErrThrottled:      {10, 20, 40, 80, 160, 320, 500, 500},
		table.ErrUnknownOutcome: {10, 20, 40, 80, 160, 320, 500, 500},
		table.ErrConflict:       {20, 22, 26, 29, 34, 38, 44, 50, 58, 66, 76, 86, 99, 113, 129, 148, 169, 193, 221, 252, 288, 330, 377, 431, 492, 500, 500},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []error{last}}
			longest := table.RetryJitter(func(d time.Duration) time.Duration { return d })
			require.ErrorIs(t, table.Retrying(s, longest).Write(t.Context(), deletion), last)
			for i, want := range want {
				got := s.at[i+1].Sub(s.at[i]).Truncate(time.Millisecond)
				assert.Equalf(t, want*time.Millisecond, got, "%v: wait %d is %v, want %v ms", last, i, got, want)
			}
			elapsed := s.at[len(s.at)-1].Sub(s.at[0])
			assert.Truef(t, elapsed >= 7*time.Second && elapsed <= 8*time.Second, "%v: the last try is after %v", last, elapsed)
		})
	}
}

// Without a connection a call is tried for two seconds, and never after a refusal of the
// caller; an answer in between begins the two seconds again, and a write whose answer
// was lost is tried for the whole time.
func TestRetrying_StopsEarlyWithoutAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none, second := table.ErrNoConnection, table.RetryJitter(func(time.Duration) time.Duration { return time.Second })
		for name, c := range map[string]struct {
			answers     []error
			read, write error
			tries       int
			wrote       int
		}{
			"always":             {[]error{none}, none, none, 2, 2},
			"once":               {[]error{none, nil}, nil, nil, 2, 2},
			"refused":            {[]error{table.ErrUnreachable}, table.ErrUnreachable, table.ErrUnreachable, 1, 1},
			"an answer between":  {[]error{none, table.ErrThrottled, none}, none, none, 4, 4},
			"after a lost write": {[]error{table.ErrUnknownOutcome, none}, table.ErrUnknownOutcome, table.ErrUnknownOutcome, 1, 8},
		} {
			read, write := &script{answers: c.answers}, &script{answers: c.answers}
			_, err := table.Retrying(read, second).Get(t.Context(), table.Key{Partition: "p", Sort: "s"})
			if !errors.Is(err, c.read) || (c.read == nil) != (err == nil) || len(read.at) != c.tries {
				t.Errorf("%s: a read is %v after %d tries, want %v after %d", name, err, len(read.at), c.read, c.tries)
			}
			err = table.Retrying(write, second).Write(t.Context(), deletion)
			if !errors.Is(err, c.write) || (c.write == nil) != (err == nil) || len(write.at) != c.wrote {
				t.Errorf("%s: a write is %v after %d tries, want %v after %d", name, err, len(write.at), c.write, c.wrote)
			}
			if errors.Is(err, table.ErrUnknownOutcome) && errors.Is(err, table.ErrUnreachable) {
				t.Errorf("%s: a write of unknown outcome is reported as one that did not arrive: %v", name, err)
			}
		}
	})
}

func TestRetrying_ObeysNotAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := deletion
		tx.NotAfter = time.Now().Add(2 * time.Second)
		s := &script{answers: []error{table.ErrUnknownOutcome}}
		err := table.Retrying(s).Write(t.Context(), tx)
		assert.Truef(t, errors.Is(err, table.ErrTooLate) && errors.Is(err, table.ErrUnknownOutcome), "got %v, want ErrTooLate and ErrUnknownOutcome", err)
		for _, at := range s.at {
			if at.After(tx.NotAfter) {
				t.Errorf("sent %v too late", at.Sub(tx.NotAfter))
			}
		}
		sent := len(s.sent)
		err = table.Retrying(s).Write(t.Context(), tx)
		if !errors.Is(err, table.ErrTooLate) || errors.Is(err, table.ErrUnknownOutcome) || len(s.sent) != sent {
			t.Errorf("got %v with %d calls, want only ErrTooLate and none", err, len(s.sent)-sent)
		}
	})
}

func TestRetrying_StopsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, last := range []error{table.ErrUnknownOutcome, table.ErrConflict} {
			ctx, cancel := context.WithCancel(t.Context())
			s := &script{answers: []error{last}}
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			err := table.Retrying(s).Write(ctx, deletion)
			if !errors.Is(err, last) || !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
				t.Errorf("got %v after %v", err, time.Since(start))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := &script{answers: []error{table.ErrUnknownOutcome}}
		start := time.Now()
		err := table.Retrying(s).Write(ctx, deletion)
		if !errors.Is(err, table.ErrUnknownOutcome) || time.Since(start) > time.Second {
			t.Errorf("with a deadline: %v after %v", err, time.Since(start))
		}
	})
}

// A write whose first answer was lost, and whose context ends during the retry,
// stays unknown even if the engine says that the second attempt was not sent.
func TestRetrying_ContextEndsOnSecondTry(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &script{answers: []error{table.ErrUnknownOutcome, context.Canceled}}
	err := table.Retrying(cancelling{s, cancel}).Write(ctx, deletion)
	assert.Truef(t, errors.Is(err, table.ErrUnknownOutcome) && errors.Is(err, context.Canceled) && len(s.sent) == 2, "got %v after %d tries", err, len(s.sent))
}

// cancelling ends the caller's context with the second attempt.
type cancelling struct {
	*script
	cancel context.CancelFunc
}

func (c cancelling) Write(ctx context.Context, tx table.Transaction) error {
	if len(c.sent) == 1 {
		c.cancel()
	}
	return c.script.Write(ctx, tx)
}

func TestRetrying_Reads(t *testing.T) {
	for name, c := range map[string]struct {
		answers []error
		want    error
		tries   int
	}{
		"success":                {[]error{nil}, nil, 1},
		"throttled":              {[]error{table.ErrThrottled, nil}, nil, 2},
		"no answer":              {[]error{table.ErrUnavailable, table.ErrUnavailable, nil}, nil, 3},
		"refused":                {[]error{limit}, limit, 1},
		"another error":          {[]error{errOther}, errOther, 1},
		"never an answer":        {[]error{table.ErrUnavailable}, table.ErrUnavailable, 0},
		"throttled, then denied": {[]error{table.ErrThrottled, errOther}, errOther, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				get, query := &script{answers: c.answers}, &script{answers: c.answers}
				ctx, usage := table.WithUsage(t.Context())
				_, err := table.Retrying(get).Get(ctx, table.Key{Partition: "p", Sort: "s"})
				assert.Truef(t, errors.Is(err, c.want) && (c.want != nil || err == nil), "get: %v, want %v", err, c.want)
				got := usage.Counts().Retries
				assert.Equalf(t, len(get.at)-1, got, "counted %d retries of %d calls", got, len(get.at))
				_, err = table.Retrying(query).Query(t.Context(), table.Query{Partition: "p"})
				assert.Truef(t, errors.Is(err, c.want) && (c.want != nil || err == nil), "query: %v, want %v", err, c.want)
				if c.tries > 0 && (len(get.at) != c.tries || len(query.at) != c.tries) {
					t.Errorf("sent %d and %d times, want %d", len(get.at), len(query.at), c.tries)
				}
			})
		})
	}
}

func TestRetrying_OptionsReplaceTheClock(t *testing.T) {
	now := time.Unix(0, 0)
	var slept time.Duration
	s := &script{answers: []error{table.ErrConflict}}
	r := table.Retrying(s,
		table.RetryFor(time.Hour),
		table.RetryClock(func() time.Time { return now }, func(_ context.Context, d time.Duration) error {
			slept += d
			now = now.Add(d)
			return nil
		}),
		table.RetryJitter(func(d time.Duration) time.Duration { return d }))
	require.ErrorIs(t, r.Write(t.Context(), deletion), table.ErrConflict)
	assert.Truef(t, slept >= time.Hour-time.Second && slept <= time.Hour, "slept %v, want an hour", slept)
}

// A caller that can put an operation elsewhere learns of the second conflict on it, and of
// no other conflict, and never while an answer is lost.
func TestRetrying_ReturnsConflictsOnAMovableOperation(t *testing.T) {
	on := func(ops ...int) error { return &table.ConflictError{Ops: ops} }
	lost := table.ErrUnknownOutcome
	for name, c := range map[string]struct {
		movable int
		answers []error
		want    error
		tries   int
	}{
		"two conflicts":                {1, []error{on(0), on(0), nil}, table.ErrConflict, 2},
		"one conflict":                 {1, []error{on(0), nil}, nil, 2},
		"two, with others":             {1, []error{on(0, 1), on(1), table.ErrThrottled, on(1, 0), nil}, table.ErrConflict, 4},
		"on other operations":          {2, []error{on(0), on(0), on(2), nil}, nil, 4},
		"on unknown operations":        {1, []error{table.ErrConflict, table.ErrConflict, table.ErrConflict, nil}, nil, 4},
		"on none that is movable":      {0, []error{on(0), on(0), on(0), nil}, nil, 4},
		"after a lost answer":          {1, []error{lost, on(0), on(0), nil}, nil, 4},
		"an answer is lost in between": {1, []error{on(0), lost, on(0), on(0), nil}, nil, 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tx := deletion
				tx.Movable = c.movable
				s := &script{answers: c.answers}
				require.ErrorIs(t, table.Retrying(s).Write(t.Context(), tx), c.want)
				require.Len(t, s.at, c.tries)
			})
		})
	}
}
