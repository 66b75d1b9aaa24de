package cause_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/setting"
)

func TestDocument_IsMadeFromTheTable(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "reference", "causes.md")
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Truef(t, bytes.Equal(got, cause.Document(journal.Documented, setting.Documented)), "%s is out of date: make generate writes it", file)
}
