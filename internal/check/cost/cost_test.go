package cost

import (
	"bytes"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree is the repository.
var tree = os.DirFS("../../..")

func TestPage_AgreesWithTheCode(t *testing.T) {
	page, err := Page(tree)
	require.NoError(t, err)
	committed, err := os.ReadFile("../../../docs/reference/cost.md")
	require.NoError(t, err)
	require.Equal(t, string(page), string(committed), "run make generate")
}

func TestMeasure_RepeatsItself(t *testing.T) {
	first, err := Measure()
	require.NoError(t, err)
	again, err := Measure()
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestTraffic_IsWholeAndUsesEveryOperation(t *testing.T) {
	used := map[string]bool{}
	for _, m := range models {
		sum := 0.0
		for _, s := range m.shares() {
			sum += s.part
			used[s.operation] = true
		}
		assert.InDelta(t, 1, sum, 1e-9, m.name)
	}
	for _, o := range operations() {
		if o.name != deleteAgain { // of no identity provider: it is measured for the table
			assert.True(t, used[o.name], o.name)
		}
	}
}

// The steps lead from the former setup to the current one: together they are the
// difference of the totals.
func TestSavings_AddUp(t *testing.T) {
	now, err := current(tree)
	require.NoError(t, err)
	before, err := readBefore()
	require.NoError(t, err)
	at := setup{before.Deployment, before.Measured, now.prices}
	for _, step := range savings {
		step.apply(&at, now)
	}
	for _, m := range models {
		assert.InDelta(t, now.of(m, 1e6).total(), at.of(m, 1e6).total(), 1e-9, m.name)
	}
}

func TestPrint_AddsUp(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Print(&out, tree, Own{Users: 50_000, IdP: "okta", Tracing: true}))
	require.Contains(t, out.String(), "Okta, 50000 users")
	require.Contains(t, out.String(), itemRecovery)
	require.NotContains(t, out.String(), "Webhooks")
	plain := out.String()
	out.Reset()
	require.NoError(t, Print(&out, tree, Own{Users: 50_000, IdP: "okta", Tracing: true, Webhooks: 2, Bus: true}))
	require.Contains(t, out.String(), "Webhooks, 2")
	require.Contains(t, out.String(), "Bus")
	require.Greater(t, last(t, out.String()), last(t, plain))
	require.Error(t, Print(&out, tree, Own{Users: 1, IdP: "mixed"}))
}

// last returns the number at the end of a bill.
func last(t *testing.T, bill string) float64 {
	t.Helper()
	fields := strings.Fields(bill)
	total, err := strconv.ParseFloat(fields[len(fields)-1], 64)
	require.NoError(t, err)
	return total
}

// Each operation of the models that changes something causes events, and no other.
func TestCauses_AreOperationsThatChange(t *testing.T) {
	for name := range causes {
		require.True(t, slices.ContainsFunc(operations(), func(o operation) bool { return o.name == name }), name)
		require.False(t, sampled[name], "%s is a read", name)
	}
	for _, name := range []string{changeNothing, createAgain, joinAgain, unauthorized, createFull} {
		require.NotContains(t, causes, name)
	}
}

// A template in which a setting is not found is an error: it would count as free.
func TestReadDeployment_RefusesATemplateThatItDoesNotKnow(t *testing.T) {
	template, err := fs.ReadFile(tree, "template.yaml")
	require.NoError(t, err)
	for _, gone := range []string{"Format: >-", "SystemLogLevel: WARN", "\n  Tracing:\n", "\n  MemorySize:\n", "\n  LogSampleReads:\n"} {
		changed := strings.Replace(string(template), gone, "\n", 1)
		require.NotEqual(t, string(template), changed, gone)
		_, err := ReadDeployment(fstest.MapFS{"template.yaml": {Data: []byte(changed)}})
		require.Error(t, err, gone)
	}
	d, err := ReadDeployment(tree)
	require.NoError(t, err)
	require.Positive(t, d.accessBytes())
	require.Zero(t, d.platformBytes())
}
