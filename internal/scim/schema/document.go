package schema

import "github.com/rollcall-scim/rollcall/internal/scim"

// Document returns the schema as it is served under /Schemas. RFC 7643 §7
func (s *Schema) Document(baseURL string) map[string]any {
	return map[string]any{
		"schemas":     []any{scim.SchemaURN},
		"id":          s.ID,
		"name":        s.Name,
		"description": s.Description,
		"attributes":  attributeDocuments(s.Attributes),
		"meta": map[string]any{
			"resourceType": "Schema",
			"location":     baseURL + "/Schemas/" + s.ID,
		},
	}
}

// Document returns the resource type as it is served under /ResourceTypes. RFC
// 7643 §6
func (rt *ResourceType) Document(baseURL string) map[string]any {
	document := map[string]any{
		"schemas":     []any{scim.ResourceTypeURN},
		"id":          rt.Name,
		"name":        rt.Name,
		"description": rt.Description,
		"endpoint":    rt.Endpoint,
		"schema":      rt.Schema.ID,
		"meta": map[string]any{
			"resourceType": "ResourceType",
			"location":     baseURL + "/ResourceTypes/" + rt.Name,
		},
	}
	extensions := make([]any, len(rt.Extensions))
	for i, e := range rt.Extensions {
		extensions[i] = map[string]any{"schema": e.Schema.ID, "required": e.Required}
	}
	// An empty array is listed too: some clients refuse a type without the
	// attribute.
	document["schemaExtensions"] = extensions
	return document
}

func attributeDocuments(attributes []*Attribute) []any {
	out := make([]any, len(attributes))
	for i, a := range attributes {
		out[i] = a.document()
	}
	return out
}

// document returns the attribute's definition. caseExact applies only to text,
// referenceTypes to references, subAttributes to complex attributes.
func (a *Attribute) document() map[string]any {
	document := map[string]any{
		"name":        a.Name,
		"type":        string(a.Type),
		"multiValued": a.MultiValued,
		"description": a.Description,
		"required":    a.Required || a.Defaulted,
		"mutability":  string(a.Mutability),
		"returned":    string(a.Returned),
		"uniqueness":  string(a.Uniqueness),
	}
	switch a.Type {
	case TypeString, TypeReference, TypeBinary:
		document["caseExact"] = a.CaseExact
	case TypeComplex:
		document["subAttributes"] = attributeDocuments(a.SubAttributes)
	}
	if a.Type == TypeReference {
		document["referenceTypes"] = texts(a.ReferenceTypes)
	}
	if len(a.CanonicalValues) > 0 {
		document["canonicalValues"] = texts(a.CanonicalValues)
	}
	return document
}

func texts(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
