package adminapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// schemaDocument returns a schema as the tenant registered it.
func (s *Service) schemaDocument(t schema.Registration) adminwire.Schema {
	return adminwire.Schema{ResourceType: t.ResourceType, Required: t.Required, Schema: t.Schema.Document(s.BaseURL)}
}

// schemas reads the schemas of the request's tenant.
func (s *Service) schemas(ctx context.Context, q *request) (schema.Registrations, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return schema.Registrations{}, err
	}
	return s.Store.Schemas(ctx, q.tenant)
}

// schema reads the schema that the path names.
func (s *Service) schema(ctx context.Context, q *request) (schema.Registration, error) {
	own, err := s.schemas(ctx, q)
	if err != nil {
		return schema.Registration{}, err
	}
	found, ok := own.Find(q.parameters["schema"])
	if !ok {
		return schema.Registration{}, errNoSchema
	}
	return found, nil
}

// listSchemas: GET /tenants/{tenant}/schemas
func (s *Service) listSchemas(ctx context.Context, q *request) (*reply, error) {
	own, err := s.schemas(ctx, q)
	if err != nil {
		return nil, err
	}
	var list adminwire.Schemas
	for _, schema := range own.All() {
		list.Schemas = append(list.Schemas, s.schemaDocument(schema))
	}
	return ok(list)
}

// readSchema: GET /tenants/{tenant}/schemas/{schema}
func (s *Service) readSchema(ctx context.Context, q *request) (*reply, error) {
	schema, err := s.schema(ctx, q)
	if err != nil {
		return nil, err
	}
	return ok(s.schemaDocument(schema))
}

var errNoSchema = &problem{kind: kindNotFound, detail: "Schema not found."}

// putSchema: PUT /tenants/{tenant}/schemas/{schema} registers a schema, or replaces
// it. It holds for requests that begin 10 seconds later, at most.
func (s *Service) putSchema(ctx context.Context, q *request) (*reply, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	schema, err := schema.ParseRegistration(body)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(schema.Schema.ID, q.parameters["schema"]) {
		return nil, &problem{kind: kindInvalid, detail: "The id of the schema must be that of the path: " + schema.Schema.ID + "."}
	}
	replaced, err := s.Store.PutSchema(ctx, q.tenant, s.Types, schema, q.start)
	if err != nil {
		return nil, err
	}
	q.resource, q.action = schema.Schema.ID, "updated"
	status := http.StatusOK
	if !replaced {
		status, q.action = http.StatusCreated, "created"
	}
	return answer(status, s.schemaDocument(schema), nil)
}

// deleteSchema: DELETE /tenants/{tenant}/schemas/{schema} removes a schema. Its
// values in resources stay stored, and are not served.
func (s *Service) deleteSchema(ctx context.Context, q *request) (*reply, error) {
	schema, err := s.schema(ctx, q)
	if err != nil {
		return nil, err
	}
	q.resource, q.action = schema.Schema.ID, "deleted"
	return noContent(), s.Store.RemoveSchema(ctx, q.tenant, schema.Schema.ID, q.start)
}
