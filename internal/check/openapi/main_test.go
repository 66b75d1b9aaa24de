package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
)

func TestOpenAPI_IsGenerated(t *testing.T) {
	want, err := describe()
	require.NoError(t, err)
	if !bytes.Equal(adminapi.OpenAPI, want) {
		t.Error("internal/adminapi/openapi.json is not as generated: run make openapi")
	}
	if bytes.Contains(want, []byte(`"description": ""`)) {
		t.Error("a parameter has no description")
	}
}
