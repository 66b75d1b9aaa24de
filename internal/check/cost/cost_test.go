package cost

import (
	"bytes"
	"io/fs"
	"os"
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
	require.Error(t, Print(&out, tree, Own{Users: 1, IdP: "mixed"}))
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
