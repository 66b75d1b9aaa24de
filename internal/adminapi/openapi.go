package adminapi

import (
	"context"
	_ "embed"
	"net/http"
)

// OpenAPI describes the routes, as they are served at Prefix + /openapi.json.
//
//go:embed openapi.json
var OpenAPI []byte

// readOpenAPI: GET /openapi.json
func (s *Service) readOpenAPI(_ context.Context, q *request) (*reply, error) {
	if err := q.known(); err != nil {
		return nil, err
	}
	return &reply{Status: http.StatusOK, Body: OpenAPI, MediaType: "application/json"}, nil
}
