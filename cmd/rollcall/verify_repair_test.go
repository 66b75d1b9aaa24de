package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// The repairs are shown first, need a confirmation, and are made with an entry in the
// log; afterwards the tenant has no fault.
func TestVerify_RebuildNames(t *testing.T) {
	data, _, user := populated(t)
	write(t, data, table.Delete(table.Key{Partition: "T#acme#NAMES#user", Sort: "bob@example.com"}),
		table.Put(table.Item{Key: table.Key{Partition: "T#acme#NAMES#gname", Sort: "free"}, Attributes: table.Attributes{"uid": table.Text("nobody")}}))
	want := []string{
		"user " + user + ": userName not reserved: reserved",
		"reservation in T#acme#NAMES#gname: displayName reserved for nobody, which does not have it: deleted",
	}

	status, stdout, stderr := verify(t, "--data", data, "--rebuild-names")
	assert.Equal(t, exitFailure, status)
	for _, line := range want {
		assert.Contains(t, stdout, "would repair "+line+"\n")
	}
	assert.Contains(t, stdout, "repairs: 2; nothing was changed, --apply makes them\n")
	assert.Contains(t, stderr, "faults in the tenant acme: 2")

	status, _, stderr = verify(t, "--data", data, "--rebuild-names", "--apply")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, stderr, "Confirmation required; pass --yes.")

	status, stdout, _ = verify(t, "--data", data, "--rebuild-names", "--apply", "--yes", "--by", "mia", "--json")
	assert.Equal(t, 0, status, stdout)
	var got verdict
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.NotNil(t, got.Corrected)
	assert.True(t, got.Corrected.Applied)
	assert.Empty(t, got.Faults)
	require.Len(t, got.Corrected.Repairs, 2)
	for i, r := range got.Corrected.Repairs {
		assert.Equal(t, want[i], r.Item+": "+r.Change)
	}

	s := start(t, "--data", data)
	defer s.end()
	out := &output{}
	assert.Equal(t, 0, run(t.Context(), []string{"log", "acme", "--info", s.path, "--subject", user, "--json"}, strings.NewReader(""), out, out), out)
	assert.Contains(t, out.String(), `"who":"mia"`)
	assert.Contains(t, out.String(), `"action":"repaired"`)
	assert.Contains(t, out.String(), got.Corrected.Repairs[0].Entry)
}

func TestVerify_Recount(t *testing.T) {
	data, _, _ := populated(t)
	write(t, data, table.Update(table.Key{Partition: "T#acme#LEDGER", Sort: "0"}, table.Change{Set: table.Attributes{"seats": table.Number(7)}}))
	const change = "counts 7 seats, there are 2: set to 2 seats, 0 readers, 2 users and 1 groups in one shard"
	status, stdout, _ := verify(t, "--data", data, "--recount")
	assert.Equal(t, exitFailure, status)
	assert.Contains(t, stdout, "would repair ledger: "+change+"\n")
	status, stdout, _ = verify(t, "--data", data, "--recount", "--apply", "--yes")
	assert.Equal(t, 0, status, stdout)
	assert.Contains(t, stdout, "repaired ledger: "+change+" (log entry ")
	assert.Contains(t, stdout, "no fault")

	s := start(t, "--data", data)
	defer s.end()
	out := &output{}
	assert.Equal(t, 0, run(t.Context(), []string{"log", "acme", "--info", s.path}, strings.NewReader(""), out, out), out)
	assert.Contains(t, out.String(), "repaired")
}

// Each class of damage is named by verify; --rebuild-names and --recount repair it, or say
// that it is left; afterwards verify agrees.
func TestVerify_DamagedTable(t *testing.T) {
	for name, tt := range map[string]struct {
		damage func(user, group string) []table.Op
		fault  string
		left   bool
	}{
		"a count": {func(string, string) []table.Op {
			return []table.Op{table.Update(table.Key{Partition: "T#acme#LEDGER", Sort: "0"}, table.Change{Add: map[string]int64{"users": -1}})}
		}, "ledger: counts 1 users, there are 2", false},
		"a lost ledger": {func(string, string) []table.Op {
			return []table.Op{table.Delete(table.Key{Partition: "T#acme#LEDGER", Sort: "0"})}
		}, "ledger: has no first shard", false},
		"a missing reservation": {func(string, string) []table.Op {
			return []table.Op{table.Delete(table.Key{Partition: "T#acme#NAMES#user", Sort: "bob@example.com"})}
		}, "has no reservation in T#acme#NAMES#user", false},
		"a reservation for nobody": {func(string, string) []table.Op {
			return []table.Op{table.Put(table.Item{Key: table.Key{Partition: "T#acme#NAMES#mail", Sort: "x@y.test"}, Attributes: table.Attributes{"uid": table.Text("nobody")}})}
		}, "reservation of nobody: names a record that does not hold it", false},
		"two records with one value": {func(user, _ string) []table.Op {
			return []table.Op{table.Update(table.Key{Partition: "T#acme#USERS", Sort: user}, table.Change{Set: table.Attributes{
				"held.user": table.Text("ann@example.com"), "doc": table.Text(`{"active":true,"userName":"ann@example.com"}`),
			}})}
		}, "holds the same userName as user", true},
		"a membership without its mirror": {func(user, group string) []table.Op {
			return []table.Op{table.Delete(table.Key{Partition: "T#acme#U#" + user, Sort: group + "#1"})}
		}, "whose mirror is missing", true},
	} {
		t.Run(name, func(t *testing.T) {
			data, group, user := populated(t)
			write(t, data, tt.damage(user, group)...)
			status, stdout, _ := verify(t, "--data", data)
			assert.Equal(t, exitFailure, status)
			assert.Contains(t, stdout, tt.fault)

			status, stdout, _ = verify(t, "--data", data, "--rebuild-names", "--recount", "--apply", "--yes")
			again, faults, _ := verify(t, "--data", data)
			assert.Equal(t, status, again)
			if tt.left {
				assert.Equal(t, exitFailure, status)
				assert.Contains(t, stdout, "These faults are left for you to correct")
				assert.Contains(t, faults, tt.fault)
				return
			}
			assert.Equal(t, 0, status, stdout)
			assert.Contains(t, stdout, "repaired ")
			assert.Contains(t, faults, "no fault in ")
		})
	}
}

func TestVerify_RebuildNamesMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"all tenants":    {[]string{"--all", "--rebuild-names"}, "are for one tenant"},
		"with --repair":  {[]string{"--tenant", "acme", "--repair", "--rebuild-names"}, "run it first"},
		"only --apply":   {[]string{"--tenant", "acme", "--apply"}, "give one of them too"},
		"--yes too soon": {[]string{"--tenant", "acme", "--rebuild-names", "--yes"}, "belong to --apply"},
	} {
		said := &output{}
		status := run(t.Context(), append([]string{"verify", "--data", t.TempDir()}, tt.args...), strings.NewReader(""), said, said)
		assert.Equal(t, exitUsage, status, name)
		assert.Contains(t, said.String(), tt.says, name)
	}
}
