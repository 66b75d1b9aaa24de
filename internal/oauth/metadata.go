package oauth

import (
	"context"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A metadata document describes the authorization server. RFC 8414 §2
type metadata struct {
	Issuer        string `json:"issuer"`
	TokenEndpoint string `json:"token_endpoint"`
	// ResponseTypes is empty, and yet required: there is no authorization endpoint.
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	Methods       []method `json:"token_endpoint_auth_methods_supported"`
	Algorithms    []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	Documentation string   `json:"service_documentation"`
}

// documentation explains how an identity provider is connected by OAuth.
const documentation = "https://github.com/rollcall-scim/rollcall/blob/main/docs/reference/oauth.md"

// algorithms are those of the signature of an assertion.
var algorithms = []string{"RS256", "ES256"}

// readMetadata answers GET /.well-known/oauth-authorization-server. RFC 8414 §3
func (s *Service) readMetadata(_ context.Context, q *request) (*web.Answer, error) {
	q.event.Name, q.event.Operation = "oauth.metadata", journal.Discover
	return jsonAnswer(&web.Answer{Status: http.StatusOK}, metadata{
		Issuer: s.issuer, TokenEndpoint: s.issuer + EndpointPath, ResponseTypes: []string{},
		GrantTypes: []string{clientCredentials}, Methods: []method{secretBasic, secretPost, privateKey}, Algorithms: algorithms,
		Documentation: documentation,
	}), nil
}
