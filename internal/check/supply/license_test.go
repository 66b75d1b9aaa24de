package supply_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/check/supply"
)

// NOTICE and THIRD_PARTY_LICENSES.txt are those of the modules that are linked today, each
// under a licence that the project accepts.
func TestLicenses_AreThoseOfTheLinkedModules(t *testing.T) {
	modules, err := supply.Modules()
	require.NoError(t, err)
	const hint = "run make generate, and read what changed"
	assert.True(t, read(t, "NOTICE") == string(supply.Notice(modules)), "NOTICE: %s", hint)
	assert.True(t, read(t, "THIRD_PARTY_LICENSES.txt") == string(supply.Licenses(modules)), "THIRD_PARTY_LICENSES.txt: %s", hint)

	find := func(path string) supply.Module {
		i := slices.IndexFunc(modules, func(m supply.Module) bool { return m.Path == path })
		require.GreaterOrEqual(t, i, 0, path)
		return modules[i]
	}
	assert.Equal(t, []string{"BSD-3-Clause"}, find("Go standard library and runtime").Licenses)
	sdk := find("github.com/aws/aws-sdk-go-v2")
	assert.Equal(t, []string{"Apache-2.0", "BSD-3-Clause"}, sdk.Licenses, "a package with a licence of its own")
	assert.Equal(t, []string{"functions", "rollcall"}, sdk.Programs)
	assert.Equal(t, []string{"rollcall"}, find("github.com/spf13/cobra").Programs)
	find("github.com/inconshreveable/mousetrap") // on Windows only
}

// Every text that a linked module's licence asks to pass on is passed on.
func TestNotice_PassesOnAllNotices(t *testing.T) {
	modules, err := supply.Modules()
	require.NoError(t, err)
	notice, texts := string(supply.Notice(modules)), string(supply.Licenses(modules))
	var notices int
	for _, m := range modules {
		assert.True(t, strings.Contains(texts, strings.TrimSpace(m.Path+" "+m.Version)+"\n"), m.Path)
		for name, text := range m.Texts {
			if strings.Contains(strings.ToLower(name), "notice") {
				notices++
				assert.True(t, strings.Contains(notice, text), m.Path)
			} else {
				assert.True(t, strings.Contains(texts, text), m.Path)
			}
		}
	}
	assert.GreaterOrEqual(t, notices, 4)
}
