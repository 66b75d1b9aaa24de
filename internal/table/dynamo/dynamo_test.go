package dynamo_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

func open(t *testing.T) table.Table {
	t.Helper()
	t.Parallel()
	return tabletest.Dynamo(t)
}

func TestDynamoDBContract(t *testing.T) { tabletest.Run(t, open) }

func TestDynamoDBContract_Concurrent(t *testing.T) { tabletest.RunConcurrent(t, open) }

func TestDynamo_ConcurrentUnderConflicts(t *testing.T) {
	tabletest.RunConcurrent(t, func(t *testing.T) table.Table {
		return tabletest.NewConflict(open(t), tabletest.ConflictOptions{Rate: 0.1, Seed: 1, Hold: time.Millisecond})
	})
}

// faulty returns a table on a transport that fails as planned, and the
// transport.
func faulty(t *testing.T, plan tabletest.WirePlan, options ...dynamo.Option) (table.Table, *tabletest.FaultTransport) {
	t.Helper()
	var transport *tabletest.FaultTransport
	tbl := tabletest.DynamoThrough(t, func(base http.RoundTripper) http.RoundTripper {
		transport = tabletest.NewFaultTransport(base, 1, plan)
		return transport
	}, options...)
	return tbl, transport
}

func TestDynamo_ConcurrentUnderFaults(t *testing.T) {
	tabletest.RunConcurrent(t, func(t *testing.T) table.Table {
		t.Parallel()
		tbl, _ := faulty(t, tabletest.WirePlan{
			Targets: []string{"TransactWriteItems", "GetItem", "BatchGetItem", "Query"},
			Rates: map[tabletest.WireFault]float64{
				tabletest.WireThrottle: 0.03, tabletest.WireReset: 0.03, tabletest.WireTruncated: 0.03,
				tabletest.WireGarbled: 0.03, tabletest.WireServer: 0.03, tabletest.WireRefused: 0.03,
			},
		}, dynamo.AttemptTimeout(10*time.Second))
		return tbl
	})
}

var counter = table.Key{Partition: "secret-partition", Sort: "secret-sort"}

// transaction returns a transaction that increments a counter, and that would
// fail if it were applied twice.
func transaction() table.Transaction {
	return table.Transaction{Token: tabletest.NewToken(), Ops: []table.Op{
		table.Update(counter, table.Change{Add: map[string]int64{"n": 1}, Set: table.Attributes{"s": table.Text("secret-value")}}),
		table.Put(table.Item{Key: table.Key{Partition: "secret-partition", Sort: "once"}}, table.Absent()),
	}}
}

func TestWrite_NetworkFaults(t *testing.T) {
	for fault, c := range map[tabletest.WireFault]struct {
		want    error
		applied int64
	}{
		tabletest.WireThrottle:   {table.ErrThrottled, 0},
		tabletest.WireConflict:   {table.ErrConflict, 0},
		tabletest.WireTooManyWCU: {table.ErrThrottled, 0},
		tabletest.WireInProgress: {table.ErrUnknownOutcome, 0},
		tabletest.WireRefused:    {table.ErrUnknownOutcome, 0},
		tabletest.WireBusy:       {table.ErrUnknownOutcome, 0},
		tabletest.WireHang:       {table.ErrUnknownOutcome, 0},
		tabletest.WireHangAfter:  {table.ErrUnknownOutcome, 1},
		tabletest.WireReset:      {table.ErrUnknownOutcome, 1},
		tabletest.WireTruncated:  {table.ErrUnknownOutcome, 1},
		tabletest.WireGarbled:    {table.ErrUnknownOutcome, 1},
		tabletest.WireServer:     {table.ErrUnknownOutcome, 1},
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			once := tabletest.WirePlan{Requests: map[int]tabletest.WireFault{1: fault}}
			var options []dynamo.Option
			if fault == tabletest.WireHang || fault == tabletest.WireHangAfter {
				options = append(options, dynamo.AttemptTimeout(300*time.Millisecond))
			}

			tbl, wire := faulty(t, once, options...)
			tx := transaction()
			err := tbl.Write(t.Context(), tx)
			require.ErrorIs(t, err, c.want)
			assert.NotContainsf(t, err.Error(), "secret", "the error contains a key or a value: %v", err)
			if wire.Requests() != 1 {
				t.Errorf("%d requests: the SDK retries on its own", wire.Requests())
			}
			wantCount(t, tbl, c.applied)

			// A transaction that is sent again is applied once, whatever the first outcome
			// was. A token belongs to the account, not to the table.
			tbl, wire = faulty(t, once, options...)
			tx = transaction()
			ctx, usage := table.WithUsage(t.Context())
			require.NoError(t, table.Retrying(meter.New(tbl)).Write(ctx, tx), "sent again")
			wantCount(t, tbl, 1)
			tokens := wire.Tokens()
			assert.Truef(t, len(tokens) == 2 && tokens[0] == tx.Token && tokens[1] == tx.Token, "tokens %q, want %q twice", tokens, tx.Token)
			got := usage.Counts()
			assert.Truef(t, got.Retries == 1 && got.RoundTrips == 2, "counted %+v, want 2 round trips, 1 a retry", got)
		})
	}
}

func wantCount(t *testing.T, tbl table.Table, want int64) {
	t.Helper()
	items, err := tbl.Get(t.Context(), counter)
	require.NoError(t, err)
	got := items[counter].Attributes.Number("n")
	assert.Equalf(t, want, got, "applied %d times, want %d", got, want)
}

func TestRead_NetworkFaults(t *testing.T) {
	two := table.Key{Partition: "secret-partition", Sort: "other"}
	reads := map[string]func(ctx context.Context, tbl table.Table) error{
		"GetItem":      func(ctx context.Context, tbl table.Table) error { _, err := tbl.Get(ctx, counter); return err },
		"BatchGetItem": func(ctx context.Context, tbl table.Table) error { _, err := tbl.Get(ctx, counter, two); return err },
		"Query": func(ctx context.Context, tbl table.Table) error {
			_, err := tbl.Query(ctx, table.Query{Partition: "secret-partition"})
			return err
		},
	}
	for target, read := range reads {
		for fault, want := range map[tabletest.WireFault]error{
			tabletest.WireThrottle:  table.ErrThrottled,
			tabletest.WireRefused:   table.ErrUnavailable,
			tabletest.WireBusy:      table.ErrUnavailable,
			tabletest.WireHang:      table.ErrUnavailable,
			tabletest.WireReset:     table.ErrUnavailable,
			tabletest.WireTruncated: table.ErrUnavailable,
			tabletest.WireGarbled:   table.ErrUnavailable,
			tabletest.WireServer:    table.ErrUnavailable,
		} {
			t.Run(target+" "+string(fault), func(t *testing.T) {
				t.Parallel()
				var options []dynamo.Option
				if fault == tabletest.WireHang {
					options = append(options, dynamo.AttemptTimeout(300*time.Millisecond))
				}
				tbl, wire := faulty(t, tabletest.WirePlan{
					Targets:  []string{target},
					Requests: map[int]tabletest.WireFault{1: fault, 2: fault},
				}, options...)
				err := read(t.Context(), tbl)
				assert.Truef(t, errors.Is(err, want) && !strings.Contains(err.Error(), "secret"), "got %v, want %v", err, want)
				assert.NoError(t, read(t.Context(), table.Retrying(tbl)), "sent again")
				if wire.Requests() != 3 {
					t.Errorf("%d requests, want 3", wire.Requests())
				}
			})
		}
	}
}

// The caller's deadline passes before the answer arrives: the write may have
// been applied, and the error says so.
func TestWrite_CallersDeadline(t *testing.T) {
	tbl, _ := faulty(t, tabletest.WirePlan{Requests: map[int]tabletest.WireFault{1: tabletest.WireHangAfter}})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	tx := transaction()
	err := table.Retrying(tbl).Write(ctx, tx)
	assert.Truef(t, errors.Is(err, table.ErrUnknownOutcome) && errors.Is(err, context.DeadlineExceeded), "got %v, want ErrUnknownOutcome and the deadline", err)
	assert.NoError(t, tbl.Write(t.Context(), tx), "sent again")
	wantCount(t, tbl, 1)
}

func TestWrite_NoServer(t *testing.T) {
	client, err := dynamo.NewLocalClient(t.Context(), "http://127.0.0.1:1")
	require.NoError(t, err)
	tbl := dynamo.New(client, "none")
	wantNoConnection(t, tbl, "http://127.0.0.1:1")
}

// wantNoConnection checks that the errors of a read and a write name the address that
// could not be reached, and nothing more.
func wantNoConnection(t *testing.T, tbl table.Table, address string) {
	t.Helper()
	_, read := tbl.Get(t.Context(), counter)
	for name, err := range map[string]error{"read": read, "write": tbl.Write(t.Context(), transaction())} {
		if !errors.Is(err, table.ErrNoConnection) || errors.Is(err, table.ErrUnknownOutcome) ||
			!strings.Contains(err.Error(), address) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want no connection to %s", name, err, address)
		}
	}
}

// An address that does not answer: the connection is never made, and the attempt ends.
func TestDynamo_ConnectionTimeout(t *testing.T) {
	hang := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}}
	local, err := dynamo.NewLocalClient(t.Context(), "http://192.0.2.1:8000")
	require.NoError(t, err)
	o := local.Options()
	o.HTTPClient = hang
	wantNoConnection(t, dynamo.New(dynamodb.New(o), "none", dynamo.AttemptTimeout(100*time.Millisecond)), "http://192.0.2.1:8000")
}

func TestDynamo_UnknownHost(t *testing.T) {
	client, err := dynamo.NewLocalClient(t.Context(), "http://no-such-host.invalid:8000")
	require.NoError(t, err)
	wantNoConnection(t, dynamo.New(client, "none"), "http://no-such-host.invalid:8000")
}

// counting counts requests.
type counting struct {
	http.RoundTripper
	requests atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

func TestNoTable(t *testing.T) {
	c := &counting{}
	client, err := dynamo.NewLocalClient(t.Context(), tabletest.Endpoint(t), func(base http.RoundTripper) http.RoundTripper {
		c.RoundTripper = base
		return c
	})
	require.NoError(t, err)
	tbl := dynamo.New(client, "no-such-table")
	err = table.Retrying(tbl).Write(t.Context(), transaction())
	if !errors.Is(err, table.ErrUnreachable) || !strings.Contains(err.Error(), "the table does not exist") || !strings.Contains(err.Error(), tabletest.Endpoint(t)) {
		t.Errorf("write: %v", err)
	}
	_, err = table.Retrying(tbl).Get(t.Context(), counter)
	assert.Truef(t, errors.Is(err, table.ErrUnreachable) && strings.Contains(err.Error(), "ResourceNotFoundException"), "get: %v", err)
	assert.EqualValues(t, 2, c.requests.Load(), "a permanent error is retried")
}

func TestNewLocalClient_RefusesInvalidEndpoints(t *testing.T) {
	for _, endpoint := range []string{"", "127.0.0.1:8000", "localhost", "ftp://127.0.0.1", "http://", "://"} {
		_, err := dynamo.NewLocalClient(t.Context(), endpoint)
		assert.Errorf(t, err, "%q is accepted as an endpoint", endpoint)
	}
}

// A batch of more than 16 MB is answered in parts.
func TestGet_InParts(t *testing.T) {
	tbl := tabletest.Dynamo(t)
	fill := table.Text(strings.Repeat("x", 390<<10))
	var keys []table.Key
	for i := range 45 {
		k := table.Key{Partition: "p", Sort: string(rune('A' + i))}
		keys = append(keys, k)
		if err := tbl.Write(t.Context(), table.Transaction{Token: tabletest.NewToken(), Ops: []table.Op{
			table.Put(table.Item{Key: k, Attributes: table.Attributes{"fill": fill}}),
		}}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, usage := table.WithUsage(t.Context())
	items, err := meter.New(tbl).Get(ctx, keys...)
	require.Truef(t, err == nil && len(items) == len(keys), "%d items, %v; want %d", len(items), err, len(keys))
	got := usage.Counts()
	assert.Truef(t, got.RoundTrips == 2 && got.ItemsRead == len(keys), "counted %+v, want 2 round trips", got)
}

// A server that was reached and does not answer may have applied the write, even if
// the connection then breaks. The error is not that there was no connection.
func TestDynamo_ServerDoesNotAnswer(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"closes the connection": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = c.Close()
			}
		},
		"does not answer": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handle)
			defer server.Close()
			client, err := dynamo.NewLocalClient(t.Context(), server.URL)
			require.NoError(t, err)
			tbl := dynamo.New(client, "none", dynamo.AttemptTimeout(100*time.Millisecond))
			err = tbl.Write(t.Context(), transaction())
			assert.Truef(t, errors.Is(err, table.ErrUnknownOutcome) && !errors.Is(err, table.ErrUnreachable), "write: %v, want an unknown outcome", err)
			_, err = tbl.Get(t.Context(), counter)
			assert.Truef(t, errors.Is(err, table.ErrUnavailable) && !errors.Is(err, table.ErrUnreachable), "read: %v, want no answer", err)
		})
	}
}

// A caller that times out during the attempts to connect gets the timeout as its
// error, not ErrUnreachable: the two seconds for attempts have not passed.
func TestDynamo_CallerTimesOutWhileConnecting(t *testing.T) {
	local, err := dynamo.NewLocalClient(t.Context(), "http://192.0.2.1:8000")
	require.NoError(t, err)
	o := local.Options()
	o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = dynamo.New(dynamodb.New(o), "none").Get(ctx, counter)
	assert.Truef(t, errors.Is(err, table.ErrUnavailable) && !errors.Is(err, table.ErrUnreachable) && errors.Is(err, context.DeadlineExceeded), "%v", err)
}
