// Package schema has the definitions of attributes: the standard's schemas, the
// resource types built of them, and schemas that are registered while the
// service runs. It decides what a name in a request means, and which part of a
// stored resource its type describes.
//
// RFC 7643
package schema

import "github.com/rollcall-scim/rollcall/internal/scim"

// Type is the data type of an attribute. RFC 7643 §2.3
type Type string

// The data types.
const (
	TypeString    Type = "string"
	TypeBoolean   Type = "boolean"
	TypeDecimal   Type = "decimal"
	TypeInteger   Type = "integer"
	TypeDateTime  Type = "dateTime"
	TypeBinary    Type = "binary"
	TypeReference Type = "reference"
	TypeComplex   Type = "complex"
)

// Mutability says when an attribute may be changed, and by which side. RFC 7643 §7
type Mutability string

// The values of mutability.
const (
	ReadOnly  Mutability = "readOnly"
	ReadWrite Mutability = "readWrite"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"
)

// Returned says when an attribute is part of a response. RFC 7643 §7
type Returned string

// The values of returned.
const (
	ReturnedAlways  Returned = "always"
	ReturnedNever   Returned = "never"
	ReturnedDefault Returned = "default"
	ReturnedRequest Returned = "request"
)

// Uniqueness is the scope in which a value is unique. RFC 7643 §7
type Uniqueness string

// The values of uniqueness.
const (
	UniqueNone   Uniqueness = "none"
	UniqueServer Uniqueness = "server"
	UniqueGlobal Uniqueness = "global"
)

// Attribute defines one attribute of a schema. Definitions are shared and never
// changed once built. RFC 7643 §7
type Attribute struct {
	Name        string
	Type        Type
	MultiValued bool
	Description string
	Required    bool
	// Defaulted reports that every resource has a value although a request may
	// omit it: the service sets one, or keeps the current one. Served schemas
	// say "required", which clients read as not removable.
	Defaulted       bool
	CanonicalValues []string
	CaseExact       bool
	Mutability      Mutability
	Returned        Returned
	Uniqueness      Uniqueness
	ReferenceTypes  []string
	SubAttributes   []*Attribute
}

// Sub returns a sub-attribute by its name in any ASCII case, nil if there is
// none.
func (a *Attribute) Sub(name string) *Attribute { return find(a.SubAttributes, name) }

// Schema defines the attributes under one URN. RFC 7643 §7
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []*Attribute
}

// Attribute returns an attribute by its name in any ASCII case, nil if there is
// none.
func (s *Schema) Attribute(name string) *Attribute { return find(s.Attributes, name) }

// ResourceType is a kind of resource: its core schema and its extensions.
// RFC 7643 §6
type ResourceType struct {
	Name        string
	Endpoint    string
	Description string
	Schema      *Schema
	Extensions  []Extension
	// past reports that resources may have values that no schema describes any
	// more.
	past bool
	// decoded reports that what is stored is not what is served: because of
	// past, or of attributes that are returned on request.
	decoded bool
}

// ServedAsStored reports that resources are served as they are stored: every
// value has its schema, and no attribute is returned only on request.
func (rt *ResourceType) ServedAsStored() bool { return !rt.decoded }

// Extension is a schema that adds attributes to a resource type, under its URN
// as a key of the resource.
type Extension struct {
	Schema   *Schema
	Required bool
	// Registered reports that the extension was registered, not built in.
	Registered bool
}

// Extension returns an extension's schema by its URN in any ASCII case, nil if
// the type has none with that URN.
func (rt *ResourceType) Extension(urn string) *Schema {
	for _, e := range rt.Extensions {
		if scim.EqualName(e.Schema.ID, urn) {
			return e.Schema
		}
	}
	return nil
}

func find(attributes []*Attribute, name string) *Attribute {
	for _, a := range attributes {
		if scim.EqualName(a.Name, name) {
			return a
		}
	}
	return nil
}
