package setting

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

func TestDocument_IsMadeFromTheTable(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "reference", "faulty-settings.md")
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Truef(t, string(got) == string(Document()), "%s is out of date: make generate writes it", file)
}

func TestSetupTable_IsInTheSetupPages(t *testing.T) {
	for name, p := range map[string]idp.Provider{"connect-okta.md": idp.Okta, "connect-entra.md": idp.Entra} {
		page, err := os.ReadFile(filepath.Join("..", "..", "docs", "how-to", name))
		require.NoError(t, err)
		want, err := SetupPage(page, p)
		require.NoError(t, err)
		assert.Truef(t, string(page) == string(want), "%s is out of date: make generate writes it", name)
	}
}
