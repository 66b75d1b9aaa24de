package canary

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Of a page its status and headers are compared, and no text that people read.
func TestExpected_OfAPage(t *testing.T) {
	e := expected{Status: 403, Headers: map[string]string{"cache-control": "no-store"}}
	page := `{"statusCode":403,"headers":{"Cache-Control":"no-store"},"body":"<!DOCTYPE html>"}`
	require.NoError(t, e.compare([]byte(page)))
	require.Error(t, e.compare([]byte(`{"statusCode":200,"headers":{"Cache-Control":"no-store"},"body":""}`)))
	require.Error(t, e.compare([]byte(`{"statusCode":403,"headers":{},"body":""}`)))
	e.Body = map[string]any{}
	require.Error(t, e.compare([]byte(page)))
}
