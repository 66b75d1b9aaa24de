package setting

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDocument_IsMadeFromTheTable(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "reference", "faulty-settings.md")
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Truef(t, string(got) == string(Document()), "%s is out of date: make generate writes it", file)
}
