package iam

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
)

func TestPage_HasTheRolesOfTheTemplate(t *testing.T) {
	page, err := os.ReadFile("../../../docs/threat-model.md")
	require.NoError(t, err)
	want, err := Page(page, rollcall.Template)
	require.NoError(t, err)
	require.Equal(t, string(want), string(page), "run make generate")
	_, err = Page([]byte("no table"), rollcall.Template)
	require.Error(t, err)
}
