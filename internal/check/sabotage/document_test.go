package sabotage

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The page has the list as it is now. After a change: make generate.
func TestPage_HasTheList(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/testing.md"))
	require.NoError(t, err)
	want, err := Page(page)
	require.NoError(t, err)
	require.Equal(t, string(want), string(page))
}

// The measured times are those of sabotages that exist, each below the limit.
func TestMeasured_AreOfSabotages(t *testing.T) {
	var m Measured
	require.NoError(t, json.Unmarshal(measured, &m))
	names := map[string]bool{}
	for _, s := range All() {
		names[s.Name] = true
	}
	for name, took := range m {
		require.True(t, names[name], "%s was measured and does not exist", name)
		require.Less(t, took.Seconds, Limit.Seconds(), name)
		_, err := time.Parse(time.DateOnly, took.Date)
		require.NoError(t, err, name)
	}
}

// A record has the day of each time, and no time of a sabotage that was not noticed.
func TestRecord_DatesWhatWasTried(t *testing.T) {
	file := filepath.Join(t.TempDir(), "measured.json")
	all := All()
	kept, again, green, added := all[0], all[1], all[2], all[3]
	before := Measured{"gone": {1, "2026-01-01"}}
	for _, s := range []Sabotage{kept, again, green} {
		before[s.Name] = Measurement{1, "2026-01-01"}
	}
	text, err := json.Marshal(before)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	trials := []Trial{
		{Sabotage: again, Verdict: Red, Took: 2340 * time.Millisecond},
		{Sabotage: green, Verdict: Green, Took: time.Second},
		{Sabotage: added, Verdict: Red, Took: 3 * time.Second},
	}
	require.NoError(t, Record(file, trials, time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)))
	text, err = os.ReadFile(file)
	require.NoError(t, err)
	var after Measured
	require.NoError(t, json.Unmarshal(text, &after))
	require.Equal(t, Measured{kept.Name: {1, "2026-01-01"}, again.Name: {2.3, "2026-02-03"}, added.Name: {3, "2026-02-03"}}, after)
	require.Equal(t, "from 2026-01-01 to 2026-02-03", after.days())
	delete(after, kept.Name)
	require.Equal(t, "on 2026-02-03", after.days())
}
