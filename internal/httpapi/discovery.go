package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// readServiceProviderConfig answers GET /ServiceProviderConfig. RFC 7643 §5,
// RFC 9865 §4
func (s *Service) readServiceProviderConfig(_ context.Context, q *request) (*reply, error) {
	q.event.Operation = journal.Discover
	supported := func(yes bool) map[string]any { return map[string]any{"supported": yes} }
	return jsonReply(map[string]any{
		"schemas":        []any{scim.ServiceURN},
		"patch":          supported(true),
		"bulk":           map[string]any{"supported": true, "maxOperations": scim.MaxBulkOperations, "maxPayloadSize": MaxBody},
		"filter":         map[string]any{"supported": true, "maxResults": directory.MaxCount},
		"changePassword": supported(false),
		"sort":           supported(true),
		"etag":           supported(true),
		"pagination": map[string]any{
			"cursor": true, "index": true, "defaultPaginationMethod": "index",
			"defaultPageSize": defaultCount, "maxPageSize": directory.MaxCount,
			"cursorTimeout": int(CursorTime.Seconds()),
		},
		"authenticationSchemes": []any{
			map[string]any{
				"type": "oauthbearertoken", "name": "Bearer token", "primary": true,
				"description": "A token of this tenant, sent as 'Authorization: Bearer TOKEN'.",
				"specUri":     "https://www.rfc-editor.org/info/rfc6750",
			},
			map[string]any{
				"type": "oauth2", "name": "OAuth 2.0 client credentials", "primary": false,
				"description":      "An access token from the token endpoint, /oauth2/token at the root of the host, sent as 'Authorization: Bearer TOKEN'.",
				"specUri":          "https://www.rfc-editor.org/info/rfc6749",
				"documentationUri": "https://github.com/rollcall-scim/rollcall/blob/main/docs/reference/oauth.md",
			},
		},
		"meta": map[string]any{
			"resourceType": "ServiceProviderConfig",
			"location":     s.BaseURL + "/ServiceProviderConfig",
		},
	})
}

// schemas returns the schemas of the tenant's resource types, each once.
func (s *Service) schemas(q *request) []*schema.Schema {
	var all []*schema.Schema
	for _, rt := range s.types(q).All() {
		all = append(all, rt.Schema)
		for _, e := range rt.Extensions {
			all = append(all, e.Schema)
		}
	}
	return all
}

// listSchemas answers GET /Schemas. RFC 7644 §4
func (s *Service) listSchemas(_ context.Context, q *request) (*reply, error) {
	var documents []map[string]any
	for _, schema := range s.schemas(q) {
		documents = append(documents, schema.Document(s.BaseURL))
	}
	return s.discoveryList(q, documents)
}

// readSchema answers GET /Schemas/{id}. RFC 7644 §4
func (s *Service) readSchema(_ context.Context, q *request) (*reply, error) {
	q.event.Operation = journal.Discover
	// The schemas of the discovery resources are not listed: a client that
	// lists schemas maps the attributes of users and groups.
	for _, schema := range append(s.schemas(q), schema.Service()...) {
		if strings.EqualFold(schema.ID, q.pathID) {
			return jsonReply(schema.Document(s.BaseURL))
		}
	}
	return nil, &problem{cause: cause.SchemaNotFound}
}

// listResourceTypes answers GET /ResourceTypes. RFC 7644 §4
func (s *Service) listResourceTypes(_ context.Context, q *request) (*reply, error) {
	var documents []map[string]any
	for _, rt := range s.types(q).All() {
		documents = append(documents, rt.Document(s.BaseURL))
	}
	return s.discoveryList(q, documents)
}

// readResourceType answers GET /ResourceTypes/{id}. RFC 7644 §4
func (s *Service) readResourceType(_ context.Context, q *request) (*reply, error) {
	q.event.Operation = journal.Discover
	for _, rt := range s.types(q).All() {
		if scim.EqualName(rt.Name, q.pathID) {
			return jsonReply(rt.Document(s.BaseURL))
		}
	}
	return nil, &problem{cause: cause.SchemaNotFound}
}

// discoveryList answers with all documents. Paging parameters are ignored, and
// a filter is refused. RFC 7644 §4
func (s *Service) discoveryList(q *request, documents []map[string]any) (*reply, error) {
	q.event.Operation = journal.Discover
	filter, err := q.parameter("filter")
	if err != nil {
		return nil, err
	}
	if filter != "" {
		return nil, &problem{cause: cause.DiscoveryFilter}
	}
	encoded := make([][]byte, len(documents))
	for i, document := range documents {
		encoded[i] = scim.EncodeValue(document)
	}
	return &reply{status: http.StatusOK, body: scim.ListDocument(len(encoded), 1, encoded)}, nil
}

func jsonReply(document map[string]any) (*reply, error) {
	meta, _ := document["meta"].(map[string]any)
	location, _ := meta["location"].(string)
	return &reply{status: http.StatusOK, body: scim.EncodeValue(document), location: location}, nil
}
