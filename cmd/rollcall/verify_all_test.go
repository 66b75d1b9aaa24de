package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// addTenants creates tenants without users.
func addTenants(t *testing.T, engine table.Table, names ...string) {
	t.Helper()
	s := app.NewStore(engine, app.Options{})
	for _, name := range names {
		id, err := tenant.ParseID(name)
		require.NoError(t, err)
		require.NoError(t, s.CreateTenant(t.Context(), id, tenant.DefaultSettings(), 5, 5, time.Now()))
	}
}

// endTenant begins the deletion of a tenant.
func endTenant(t *testing.T, engine table.Table, name string) {
	t.Helper()
	id, err := tenant.ParseID(name)
	require.NoError(t, err)
	require.NoError(t, tenant.NewRegistry(app.NewStore(engine, app.Options{}), time.Now).End(t.Context(), id))
}

// tenantsFolder returns the folder of the tenants acme, of two users and a group,
// and t00, t01 and so on, which are empty.
func tenantsFolder(t *testing.T, empty int) string {
	t.Helper()
	data, _, _ := populated(t)
	on(t, data, func(engine table.Table) {
		for i := range empty {
			addTenants(t, engine, fmt.Sprintf("t%02d", i))
		}
	})
	return data
}

// verifyAll runs rollcall verify --all --json, and returns its lines.
func verifyAll(t *testing.T, args ...string) (status int, lines map[string]tenantLine, sum *summary, stderr string) {
	t.Helper()
	out, said := &output{}, &output{}
	status = run(t.Context(), append([]string{"verify", "--all", "--json"}, args...), strings.NewReader(""), out, said)
	lines, sum = linesOf(t, out.String())
	return status, lines, sum, said.String()
}

func linesOf(t *testing.T, text string) (lines map[string]tenantLine, sum *summary) {
	t.Helper()
	lines = map[string]tenantLine{}
	for line := range strings.Lines(text) {
		var l stateLine
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		assert.Equal(t, verifyVersion, l.Version, line)
		assert.Nil(t, sum, "a line after the summary")
		switch {
		case l.Summary != nil:
			sum = l.Summary
		default:
			assert.NotContains(t, lines, l.Tenant)
			lines[l.Tenant] = l.tenantLine
		}
	}
	return lines, sum
}

func TestVerifyAll_LineForEachTenantAndSummary(t *testing.T) {
	data := tenantsFolder(t, 3)
	status, lines, sum, _ := verifyAll(t, "--data", data)
	assert.Equal(t, 0, status)
	require.Len(t, lines, 4)
	require.NotNil(t, sum)
	acme := lines["acme"]
	assert.Equal(t, []any{resultClean, int64(2), int64(1), int64(2)}, []any{acme.Result, acme.Users, acme.Groups, acme.Seats})
	assert.Positive(t, acme.ReadUnits)
	assert.Equal(t, []int{4, 4, 0}, []int{sum.Tenants, sum.Clean, sum.Faults})

	// Unfinished work is no fault of a tenant in use.
	leave(t, data, time.Now(), "g1")
	status, lines, sum, _ = verifyAll(t, "--data", data)
	assert.Equal(t, 0, status)
	assert.Equal(t, []int{1, 1}, []int{sum.Faults, sum.Unfinished})
	assert.Equal(t, resultClean, lines["acme"].Result)

	// Each kind of result, in one run.
	write(t, data,
		table.Update(table.Key{Partition: "T#t00#LEDGER", Sort: "0"}, table.Change{Set: table.Attributes{"users": table.Number(7)}}),
		table.Update(table.Key{Partition: "T#t01", Sort: "TENANT"}, table.Change{Set: table.Attributes{"settings": table.Text("{")}}))
	on(t, data, func(engine table.Table) { endTenant(t, engine, "t02") })
	status, lines, sum, stderr := verifyAll(t, "--data", data)
	assert.Equal(t, exitFailure, status, "faults come before tenants that were not checked")
	assert.Contains(t, stderr, "tenants with faults: 1; tenants that could not be checked: 1")
	assert.Equal(t, "ledger", lines["t00"].Faults[0].Item)
	got := map[string]string{}
	for name, line := range lines {
		got[name] = line.Result
	}
	assert.Equal(t, map[string]string{"acme": resultClean, "t00": resultFaults, "t01": resultUnchecked, "t02": resultDeleted}, got)
	assert.Equal(t, []int{4, 1, 1, 1, 1}, []int{sum.Tenants, sum.Clean, sum.Faulty, sum.Deleted, sum.Unchecked})
	assert.Contains(t, lines["t01"].Error, "settings of t01")

	write(t, data, table.Update(table.Key{Partition: "T#t00#LEDGER", Sort: "0"}, table.Change{Set: table.Attributes{"users": table.Number(0)}}))
	status, _, _, stderr = verifyAll(t, "--data", data)
	assert.Equal(t, exitUnchecked, status)
	assert.Contains(t, stderr, `"code":"unchecked"`)
}

func TestVerifyAll_PrintsForPeople(t *testing.T) {
	data := tenantsFolder(t, 1)
	write(t, data, table.Update(table.Key{Partition: "T#t00#LEDGER", Sort: "0"}, table.Change{Set: table.Attributes{"users": table.Number(7)}}))
	out, said := &output{}, &output{}
	status := run(t.Context(), []string{"verify", "--all", "--data", data, "--parallel", "1"}, strings.NewReader(""), out, said)
	assert.Equal(t, exitFailure, status)
	for _, want := range []string{"acme: no fault in ", "t00: ledger: counts 7 users, there are 0\n", "tenants 2: clean 1, with faults 1,"} {
		assert.Contains(t, out.String(), want)
	}
	assert.Equal(t, "rollcall: tenants with faults: 1; tenants that could not be checked: 0\n", said.String())
}

// endsAfter is an output that ends the run after some lines, as Ctrl-C does.
type endsAfter struct {
	output

	lines int32
	count atomic.Int32
	end   context.CancelFunc
}

func (e *endsAfter) Write(p []byte) (int, error) {
	if e.count.Add(1) == e.lines {
		e.end()
	}
	return e.output.Write(p)
}

// A run that was interrupted or killed continues: no tenant is read twice, except
// one that was cut off, and the summary is that of an uninterrupted run.
func TestVerifyAll_ContinuesAfterAnInterruption(t *testing.T) {
	const tenants = 12
	data := tenantsFolder(t, tenants-1)
	write(t, data, table.Update(table.Key{Partition: "T#t05#LEDGER", Sort: "0"}, table.Change{Set: table.Attributes{"users": table.Number(7)}}))
	_, _, whole, _ := verifyAll(t, "--data", data)
	for _, parallel := range []string{"1", "4"} {
		for after := int32(1); after < tenants; after += 3 {
			state := filepath.Join(t.TempDir(), "state")
			args := []string{"--data", data, "--state", state, "--parallel", parallel}
			ctx, cancel := context.WithCancel(t.Context())
			out, said := &endsAfter{lines: after, end: cancel}, &output{}
			status := run(ctx, append([]string{"verify", "--all", "--json"}, args...), strings.NewReader(""), out, said)
			first, sum := linesOf(t, out.String())
			assert.Nil(t, sum)
			assert.Equal(t, exitUnchecked, status)
			assert.Contains(t, said.String(), "the next run with this --state continues")
			assert.GreaterOrEqual(t, len(first), int(after))

			// A kill leaves a part of a line at most.
			content, err := os.ReadFile(state)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(state, append(content, `{"version":1,"tenant":"t10","res`...), 0o600))
			status, second, sum, stderr := verifyAll(t, args...)
			assert.Equal(t, exitFailure, status)
			assert.Contains(t, stderr, fmt.Sprintf("which has finished %d tenants", len(first)))
			assert.Len(t, second, tenants-len(first))
			for name := range second {
				assert.NotContains(t, first, name, "read again")
			}
			assert.Equal(t, whole, sum)

			// A finished run begins again.
			_, third, sum, _ := verifyAll(t, args...)
			assert.Len(t, third, tenants)
			assert.Equal(t, whole, sum)
		}
	}
}

// A tenant that could not be checked is read again by the next run, and no other.
func TestVerifyAll_ReadsWhatItCouldNotCheckAgain(t *testing.T) {
	data := tenantsFolder(t, 2)
	settings := table.Key{Partition: "T#t01", Sort: "TENANT"}
	var sound table.Item
	on(t, data, func(engine table.Table) {
		items, err := engine.Get(t.Context(), settings)
		require.NoError(t, err)
		sound = items[settings]
	})
	write(t, data, table.Update(settings, table.Change{Set: table.Attributes{"settings": table.Text("{")}}))
	args := []string{"--data", data, "--state", filepath.Join(t.TempDir(), "state")}
	status, _, _, _ := verifyAll(t, args...)
	assert.Equal(t, exitUnchecked, status)
	write(t, data, table.Put(sound))
	status, lines, sum, _ := verifyAll(t, args...)
	assert.Equal(t, 0, status)
	assert.Len(t, lines, 1)
	assert.Equal(t, []int{3, 3, 0}, []int{sum.Tenants, sum.Clean, sum.Unchecked})
}

// Two runs do not write one file: the second is refused, and the first continues.
func TestVerifyAll_RefusesTheStateOfARunInProgress(t *testing.T) {
	data, path := tenantsFolder(t, 1), filepath.Join(t.TempDir(), "state")
	first, err := openVerifyState(path, "elsewhere", time.Now())
	require.NoError(t, err)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	status, lines, _, stderr := verifyAll(t, "--data", data, "--state", path)
	assert.Equal(t, exitUsage, status)
	assert.Empty(t, lines)
	assert.Contains(t, stderr, "another 'rollcall verify --all' is writing it")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	first.close()
	again, err := openVerifyState(path, "elsewhere", time.Now())
	require.NoError(t, err)
	again.close()
}

func TestVerifyAll_RefusesAnotherState(t *testing.T) {
	data, other := tenantsFolder(t, 1), tenantsFolder(t, 1)
	state := filepath.Join(t.TempDir(), "state")
	ctx, cancel := context.WithCancel(t.Context())
	run(ctx, []string{"verify", "--all", "--json", "--data", data, "--state", state, "--parallel", "1"}, strings.NewReader(""),
		&endsAfter{lines: 1, end: cancel}, &output{})
	for name, content := range map[string]string{
		"of another table": "", "text": "my notes\n", "text without an end": "my notes", "another version": `{"version":2,"state":{}}` + "\n",
		"results": `{"version":1,"tenant":"acme","result":"clean"}` + "\n",
	} {
		path := state
		if content != "" {
			path = filepath.Join(t.TempDir(), "state")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		}
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		status, lines, _, stderr := verifyAll(t, "--data", other, "--state", path)
		assert.Equal(t, exitUsage, status, name)
		assert.Empty(t, lines, name)
		assert.Contains(t, stderr, "name another file", name)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, string(before), string(after), name)
	}
}

// whileReading is a table that calls do before one of its queries.
type whileReading struct {
	table.Table

	at      int64
	queries atomic.Int64
	do      func()
}

func (w *whileReading) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if w.queries.Add(1) == w.at {
		w.do()
	}
	return w.Table.Query(ctx, q)
}

// The deletion of a tenant, at any point of its reading, is no fault.
func TestVerifyAll_TenantDeletedMeanwhile(t *testing.T) {
	whole, _, _ := populated(t)
	content, err := os.ReadFile(filepath.Join(whole, "rollcall.db"))
	require.NoError(t, err)
	for at, met := int64(1), true; met; at++ {
		data := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(data, "rollcall.db"), content, 0o600))
		on(t, data, func(engine table.Table) {
			w := &whileReading{Table: engine, at: at, do: func() {
				endTenant(t, engine, "acme")
				later := app.NewStore(engine, app.Options{Now: func() time.Time { return time.Now().Add(time.Hour) }})
				_, err := later.Sweep(t.Context(), 0)
				assert.NoError(t, err)
			}}
			line := (&fleet{store: app.NewStore(w, app.Options{}), reading: map[string]*table.Usage{}}).check(t.Context(), "acme")
			met = w.queries.Load() >= at
			if met {
				assert.Equalf(t, resultDeleted, line.Result, "before query %d: %+v", at, line)
				assert.Emptyf(t, line.Faults, "before query %d", at)
			}
		})
	}
}

func TestVerifyAll_OnDynamoDB(t *testing.T) {
	endpoint := tabletest.Endpoint(t)
	name := "rollcall-verify-all-" + strings.ToLower(time.Now().UTC().Format("20060102t150405.000000000"))
	s := start(t, "--dynamodb", endpoint, "--table", name)
	populate(s)
	status, lines, sum, stderr := verifyAll(t, "--dynamodb", endpoint, "--table", name, "--max-rcu", "50")
	assert.Equal(t, 0, status, stderr)
	assert.Equal(t, int64(2), lines["acme"].Users)
	assert.Equal(t, 1, sum.Clean)
	s.end()
}

func TestVerifyAll_Mistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"a tenant too":        {[]string{"--all", "--tenant", "acme"}, "--all reads every tenant"},
		"a repair too":        {[]string{"--all", "--repair"}, "one tenant"},
		"state of one":        {[]string{"--tenant", "acme", "--state", "f"}, "--all"},
		"parallel of one":     {[]string{"--tenant", "acme", "--parallel", "2"}, "--all"},
		"none side by side":   {[]string{"--all", "--parallel", "0"}, "--parallel"},
		"a negative capacity": {[]string{"--all", "--max-rcu", "-1"}, "--max-rcu"},
	} {
		said := &output{}
		status := run(t.Context(), append([]string{"verify", "--data", t.TempDir()}, tt.args...), strings.NewReader(""), said, said)
		assert.Equal(t, exitUsage, status, name)
		assert.Contains(t, said.String(), tt.says, name)
	}
	status, _, _, stderr := verifyAll(t, "--data", t.TempDir())
	assert.Equal(t, exitUnchecked, status, "a table that cannot be read")
	assert.Contains(t, stderr, "there is no data in")
}

// The documents describe each member of the lines.
func TestVerifyAll_LinesAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "how-to", "verify.md"))
	require.NoError(t, err)
	var missing []string
	for _, of := range []reflect.Type{reflect.TypeFor[tenantLine](), reflect.TypeFor[summary](), reflect.TypeFor[fault]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if !strings.Contains(string(text), "`"+name+"`") {
				missing = append(missing, name)
			}
		}
	}
	slices.Sort(missing)
	assert.Empty(t, slices.Compact(missing))
}
