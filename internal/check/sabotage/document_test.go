package sabotage

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

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
	for name, seconds := range m.Seconds {
		require.True(t, names[name], "%s was measured and does not exist", name)
		require.Less(t, seconds, Limit.Seconds(), name)
	}
}
