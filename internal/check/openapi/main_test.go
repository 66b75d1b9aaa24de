package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
)

func TestOpenAPI_IsGenerated(t *testing.T) {
	want, err := describe()
	require.NoError(t, err)
	assert.True(t, bytes.Equal(adminapi.OpenAPI, want), "internal/adminapi/openapi.json is not as generated: run make openapi")
	assert.False(t, bytes.Contains(want, []byte(`"description": ""`)), "a parameter has no description")
}
