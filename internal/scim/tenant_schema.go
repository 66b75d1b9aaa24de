package scim

import (
	"fmt"
	"slices"
	"strings"
)

// The limits of a tenant's schemas, which are read together with its token.
const (
	// MaxTenantSchemas is the largest number of schemas of one tenant.
	MaxTenantSchemas = 10
	// MaxTenantSchemasSize is the most bytes that they take together, as JSON.
	MaxTenantSchemasSize = 64 << 10
)

// TenantSchema is a schema that a tenant has registered: it extends one
// resource type. Required means that each resource of the type must have values
// of it; the identity provider has to be set up for that first.
type TenantSchema struct {
	ResourceType string
	Required     bool
	Schema       *Schema
}

// ParseTenantSchema parses what a tenant registers: an object with
// resourceType, required and the schema, or only the schema, which then extends
// User and is not required. A fault is an *Error, as from ParseSchema.
func ParseTenantSchema(document []byte) (TenantSchema, error) {
	object, err := decodeObject(document)
	if err != nil {
		return TenantSchema{}, err
	}
	out := TenantSchema{ResourceType: "User"}
	parser := schemaParser{}
	inner, wrapped := lookupMember(object, "schema")
	if !wrapped {
		out.Schema, err = parser.schema(object)
		return out, err
	}
	const whose = "The registration"
	if err := onlyMembers(object, whose, "resourceType", "required", "schema"); err != nil {
		return TenantSchema{}, err
	}
	kind, err := textMember(object, "resourceType", whose, maxSchemaName)
	if err != nil {
		return TenantSchema{}, err
	}
	if kind != "" {
		out.ResourceType = kind
	}
	d := definition{path: whose, object: object}
	if out.Required = d.boolean("required"); d.err != nil {
		return TenantSchema{}, d.err
	}
	schema, ok := inner.(map[string]any)
	if !ok {
		return TenantSchema{}, schemaError(whose, "has %s as schema: a Schema resource", kindOf(inner))
	}
	out.Schema, err = parser.schema(schema)
	return out, err
}

// TenantSchemas are all schemas of a tenant, as they are stored and changed
// together. They are never changed in place.
type TenantSchemas struct {
	all []TenantSchema
	// past reports that a schema was replaced or removed: resources may have
	// values that no schema describes any more.
	past bool
}

// All returns the schemas, in the order in which they were registered.
func (s TenantSchemas) All() []TenantSchema { return slices.Clone(s.all) }

// Put returns s with one more schema, or with the schema of the same URN
// replaced; or an *Error. base are the built-in types: a tenant cannot define
// their schemas.
func (s TenantSchemas) Put(base Types, added TenantSchema) (TenantSchemas, error) {
	if !slices.ContainsFunc(base.All(), func(rt *ResourceType) bool { return rt.Name == added.ResourceType }) {
		return s, &Error{InvalidValue, "A schema extends User or Group, not " + noticeName(added.ResourceType) + "."}
	}
	urn := added.Schema.ID
	if base.defines(urn) {
		return s, &Error{InvalidValue, urn + " belongs to the service or the standard: choose your own URN, for example urn:example:hr:1.0:User."}
	}
	out := TenantSchemas{past: s.past}
	at := -1
	for i, known := range s.all {
		if EqualName(known.Schema.ID, urn) {
			// Registering the same schema again changes nothing.
			at, out.past = i, s.past || string(EncodeValue(known.document())) != string(EncodeValue(added.document()))
		} else if overlap(known.Schema.ID, urn) {
			return s, &Error{InvalidValue, urn + " and " + known.Schema.ID + " cannot be distinguished in paths: one is a prefix of the other."}
		}
	}
	if out.all = slices.Clone(s.all); at >= 0 {
		out.all[at] = added
	} else {
		out.all = append(out.all, added)
	}
	if len(out.all) > MaxTenantSchemas {
		return s, &Error{InvalidValue, fmt.Sprintf("A tenant has at most %d schemas: remove one, or put the attributes into another.", MaxTenantSchemas)}
	}
	if n := len(out.Encode()); n > MaxTenantSchemasSize {
		return s, &Error{InvalidValue, fmt.Sprintf(
			"The tenant's schemas would have %d bytes together: at most %d are allowed. Shorten descriptions, or remove a schema.", n, MaxTenantSchemasSize)}
	}
	return out, nil
}

// Remove returns s without the schema of a URN; ok is false if it has none.
func (s TenantSchemas) Remove(urn string) (left TenantSchemas, ok bool) {
	left.all = slices.DeleteFunc(slices.Clone(s.all), func(known TenantSchema) bool { return EqualName(known.Schema.ID, urn) })
	left.past = true
	return left, len(left.all) < len(s.all)
}

// defines reports that a URN is that of one of the types' schemas, or of the
// standard's, or cannot be distinguished from one in a path.
func (t Types) defines(urn string) bool {
	for _, rt := range t.All() {
		if overlap(rt.Schema.ID, urn) {
			return true
		}
		for _, e := range rt.Extensions {
			if overlap(e.Schema.ID, urn) {
				return true
			}
		}
	}
	// RFC 7643 §10.3: vendors' extensions are below extension, under names of
	// their own.
	const standardNames, vendors = "urn:ietf:params:scim:", "urn:ietf:params:scim:schemas:extension:"
	for _, standard := range []string{EnterpriseURN, RollcallURN} {
		if overlap(standard, urn) {
			return true
		}
	}
	return hasPrefix(urn, standardNames) && !hasPrefix(urn, vendors)
}

// overlap reports that two URNs are equal, or that one is a prefix of the
// other: what follows it would be parsed as an attribute.
func overlap(a, b string) bool {
	return EqualName(a, b) || hasPrefix(a, b+":") || hasPrefix(b, a+":")
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && EqualName(s[:len(prefix)], prefix)
}

// With returns the types with a tenant's schemas. A schema whose URN the types
// define now, because a deployment's own URN was changed, is left out.
func (t Types) With(s TenantSchemas) Types {
	extend := func(rt *ResourceType) *ResourceType {
		out := *rt
		out.Extensions = slices.Clone(rt.Extensions)
		out.past, out.decoded = s.past, s.past
		for _, own := range s.all {
			if own.ResourceType == rt.Name && !t.defines(own.Schema.ID) {
				out.Extensions = append(out.Extensions, Extension{Schema: own.Schema, Required: own.Required, own: true})
				out.decoded = out.decoded || slices.ContainsFunc(own.Schema.Attributes, (*Attribute).onRequest)
			}
		}
		return &out
	}
	return Types{User: extend(t.User), Group: extend(t.Group)}
}

// onRequest reports that the attribute, or a part of it, is returned only on
// request.
func (a *Attribute) onRequest() bool {
	return a.Returned == ReturnedRequest || slices.ContainsFunc(a.SubAttributes, (*Attribute).onRequest)
}

// Encode returns what is stored: the same text for the same schemas.
func (s TenantSchemas) Encode() []byte {
	all := make([]any, len(s.all))
	for i, own := range s.all {
		all[i] = own.document()
	}
	return EncodeValue(map[string]any{"schemas": all, "past": s.past})
}

// DecodeTenantSchemas decodes what Encode wrote.
func DecodeTenantSchemas(stored []byte) (TenantSchemas, error) {
	r, err := Decode(stored)
	if err != nil {
		return TenantSchemas{}, fmt.Errorf("tenant's schemas: %w", err)
	}
	var s TenantSchemas
	s.past, _ = r["past"].(bool)
	all, _ := r["schemas"].([]any)
	for _, v := range all {
		own := asElement(v)
		parser := schemaParser{}
		schema, err := parser.schema(asElement(own["schema"]))
		if err != nil {
			return TenantSchemas{}, fmt.Errorf("tenant's schemas: %v", err) //nolint:errorlint // no fault of the request: not an *Error
		}
		required, _ := own["required"].(bool)
		s.all = append(s.all, TenantSchema{ResourceType: Resource(own).Text("resourceType"), Required: required, Schema: schema})
	}
	return s, nil
}

// document returns the registration in the form that ParseTenantSchema parses.
func (s TenantSchema) document() map[string]any {
	schema := s.Schema.Document("")
	delete(schema, "meta")
	return map[string]any{"resourceType": s.ResourceType, "required": s.Required, "schema": schema}
}

// Find returns the schema of a URN, in any case.
func (s TenantSchemas) Find(urn string) (TenantSchema, bool) {
	i := slices.IndexFunc(s.all, func(own TenantSchema) bool { return strings.EqualFold(own.Schema.ID, urn) })
	if i < 0 {
		return TenantSchema{}, false
	}
	return s.all[i], true
}
