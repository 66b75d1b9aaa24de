package adminapi

import (
	"context"
	_ "embed"
	"net/http"
)

// OpenAPI describes the routes, as they are served at Prefix + /openapi.json. make openapi
// writes it.
//
//go:embed openapi.json
var OpenAPI []byte

// readOpenAPI: GET /openapi.json
func (s *Service) readOpenAPI(context.Context, *request) (*reply, error) {
	return &reply{Status: http.StatusOK, Body: OpenAPI, MediaType: "application/json"}, nil
}
