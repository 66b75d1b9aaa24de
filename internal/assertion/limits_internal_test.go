package assertion

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The numbers of docs/reference/limits.md are those of the code.
func TestLimits_AreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "limits.md"))
	require.NoError(t, err)
	for _, row := range []string{
		fmt.Sprintf("| client assertion | %d KB; valid for %.0f hours; a minute of", MaxSize>>10, MaxLife.Hours()),
		fmt.Sprintf("| keys of a federation | %d keys in %d KB, read within %.0f s |", MaxKeys, MaxSet>>10, fetchTime.Seconds()),
		fmt.Sprintf("| %d addresses; each for %.0f hour, and for %.0f hours while", maxSets, freshTime.Hours(), staleTime.Hours()),
		"one a minute, instance and address",
	} {
		assert.Contains(t, string(page), row)
	}
	require.Equal(t, [2]time.Duration{time.Minute, time.Minute}, [2]time.Duration{Leeway, missTime})
}
