package schema

import "github.com/rollcall-scim/rollcall/internal/scim"

// Service returns the schemas of the discovery endpoints' answers: the
// service's configuration, resource types, and schemas. RFC 7643 §5, §6, §7,
// §8.7.2
func Service() []*Schema {
	return []*Schema{serviceConfigSchema(), resourceTypeSchema(), schemaSchema()}
}

func serviceConfigSchema() *Schema {
	supported := boolean("supported", "Whether the feature is there.", required, readOnly)
	feature := func(name, description string, more ...*Attribute) *Attribute {
		return complexValue(name, description, required, readOnly, subs(append([]*Attribute{supported}, more...)...))
	}
	return &Schema{
		ID:          scim.ServiceURN,
		Name:        "Service Provider Configuration",
		Description: "What the service provider supports of SCIM",
		Attributes: []*Attribute{
			references("documentationUri", "The address of documentation for people.", readOnly, referenceTypes("external")),
			feature("patch", "Whether resources are changed by PATCH."),
			feature("bulk", "Whether there is /Bulk, and its limits.",
				integer("maxOperations", "The largest number of operations in one request.", required, readOnly),
				integer("maxPayloadSize", "The largest body in bytes.", required, readOnly)),
			feature("filter", "Whether lists are filtered, and their limit.",
				integer("maxResults", "The largest number of resources in one answer.", required, readOnly)),
			feature("changePassword", "Whether passwords are changed."),
			feature("sort", "Whether lists are sorted."),
			feature("etag", "Whether resources have entity tags."),
			complexValue("pagination", "How lists are read page by page (RFC 9865).", readOnly, subs(
				boolean("cursor", "Whether by cursors.", required, readOnly),
				boolean("index", "Whether by startIndex.", required, readOnly),
				text("defaultPaginationMethod", "How, when a request does not say.", readOnly, canonical("cursor", "index")),
				integer("defaultPageSize", "The size of a page when a request does not say.", readOnly),
				integer("maxPageSize", "The largest size of a page.", readOnly),
				integer("cursorTimeout", "How many seconds a cursor is good for.", readOnly),
			)),
			complexValue("authenticationSchemes", "How requests are authenticated.", multiValued, required, readOnly, subs(
				text("type", "The kind of authentication.", required, readOnly,
					canonical("oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest")),
				text("name", "The name of the scheme.", required, readOnly),
				text("description", "What the scheme is.", required, readOnly),
				references("specUri", "The address of its specification.", readOnly, referenceTypes("external")),
				references("documentationUri", "The address of documentation for people.", readOnly, referenceTypes("external")),
				boolean("primary", "Whether this is the preferred scheme.", readOnly),
			)),
		},
	}
}

func resourceTypeSchema() *Schema {
	return &Schema{
		ID:          scim.ResourceTypeURN,
		Name:        "ResourceType",
		Description: "A type of resource: its endpoint, its schema and its extensions",
		Attributes: []*Attribute{
			text("id", "The name of the type again.", readOnly),
			text("name", "The name of the type, as in meta.resourceType.", required, readOnly),
			text("description", "What the type is.", readOnly),
			references("endpoint", "The endpoint, after the base URL.", required, readOnly, referenceTypes("uri")),
			references("schema", "The URN of the type's own schema.", required, readOnly, caseExact, referenceTypes("uri")),
			complexValue("schemaExtensions", "The extensions of the type.", multiValued, readOnly, subs(
				references("schema", "The URN of the extension.", required, readOnly, caseExact, referenceTypes("uri")),
				boolean("required", "Whether every resource of the type has it.", required, readOnly),
			)),
		},
	}
}

// schemaSchema returns the one schema whose sub-attributes are complex: it
// describes itself.
func schemaSchema() *Schema {
	definition := func(more ...*Attribute) []*Attribute {
		return append([]*Attribute{
			text("name", "The name of the attribute.", required, readOnly, caseExact),
			text("type", "Its data type.", required, readOnly,
				canonical("string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex")),
			boolean("multiValued", "Whether it has many values.", required, readOnly),
			text("description", "What it is, for people.", readOnly, caseExact),
			boolean("required", "Whether every resource has it.", required, readOnly),
			text("canonicalValues", "The values that are suggested.", multiValued, readOnly, caseExact),
			boolean("caseExact", "Whether its text compares with regard to case.", readOnly),
			text("mutability", "Who changes it, and when.", readOnly, caseExact,
				canonical("readOnly", "readWrite", "immutable", "writeOnly")),
			text("returned", "When answers have it.", readOnly, caseExact, canonical("always", "never", "default", "request")),
			text("uniqueness", "How far a value of it is unique.", readOnly, caseExact, canonical("none", "server", "global")),
			text("referenceTypes", "What a reference may lead to.", multiValued, readOnly, caseExact),
		}, more...)
	}
	return &Schema{
		ID:          scim.SchemaURN,
		Name:        "Schema",
		Description: "A schema: the attributes under one URN",
		Attributes: []*Attribute{
			text("id", "The URN of the schema.", required, readOnly, caseExact),
			text("name", "The name of the schema.", required, readOnly),
			text("description", "What the schema is, for people.", readOnly),
			complexValue("attributes", "The attributes of the schema.", multiValued, required, readOnly, subs(definition(
				complexValue("subAttributes", "The sub-attributes of a complex one.", multiValued, readOnly, subs(definition()...)),
			)...)),
		},
	}
}

func integer(name, description string, cs ...characteristic) *Attribute {
	return attribute(name, TypeInteger, description, cs)
}
