package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// The limits of the schemas that one tenant registers, which are read together
// with its token.
const (
	// MaxRegistrations is the largest number of schemas of one tenant.
	MaxRegistrations = 10
	// MaxRegistrationsSize is the most bytes that they take together, as JSON.
	MaxRegistrationsSize = 64 << 10
)

// Registration is a schema that was registered: it extends one resource type. Required means that each resource of the type must have values
// of it; the identity provider has to be set up for that first.
type Registration struct {
	ResourceType string
	Required     bool
	Schema       *Schema
}

// ParseRegistration parses a registration: an object with
// resourceType, required and the schema, or only the schema, which then extends
// User and is not required. A fault is an *scim.Error, as from Parse.
func ParseRegistration(document []byte) (Registration, error) {
	object, err := scim.DecodeObject(document)
	if err != nil {
		return Registration{}, err
	}
	out := Registration{ResourceType: "User"}
	parser := parser{}
	inner, wrapped := scim.LookupMember(object, "schema")
	if !wrapped {
		out.Schema, err = parser.schema(object)
		return out, err
	}
	const whose = "The registration"
	if err := onlyMembers(object, whose, "resourceType", "required", "schema"); err != nil {
		return Registration{}, err
	}
	kind, err := textMember(object, "resourceType", whose, maxName)
	if err != nil {
		return Registration{}, err
	}
	if kind != "" {
		out.ResourceType = kind
	}
	d := definition{path: whose, object: object}
	if out.Required = d.boolean("required"); d.err != nil {
		return Registration{}, d.err
	}
	schema, ok := inner.(map[string]any)
	if !ok {
		return Registration{}, refusal(whose, "has %s as schema: a Schema resource", scim.KindOf(inner))
	}
	out.Schema, err = parser.schema(schema)
	return out, err
}

// ErrNotRegistered says that the tenant has no schema with the URN.
var ErrNotRegistered = errors.New("schema: not registered")

// Registrations are the schemas of one tenant, as they are stored and changed
// together. They are never changed in place.
type Registrations struct {
	all []Registration
	// past reports that a schema was replaced or removed: resources may have
	// values that no schema describes any more.
	past bool
}

// All returns the schemas, in the order in which they were registered.
func (s Registrations) All() []Registration { return slices.Clone(s.all) }

// Put returns s with one more schema, or with the schema of the same URN
// replaced; or an *scim.Error. base are the built-in types, whose schemas cannot be
// replaced.
func (s Registrations) Put(base Types, added Registration) (Registrations, error) {
	if !slices.ContainsFunc(base.All(), func(rt *ResourceType) bool { return rt.Name == added.ResourceType }) {
		return s, &scim.Error{Type: scim.InvalidValue, Detail: "A schema extends User or Group, not " + scim.NoticeName(added.ResourceType) + "."}
	}
	urn := added.Schema.ID
	if base.defines(urn) {
		return s, &scim.Error{Type: scim.InvalidValue, Detail: urn + " belongs to the service or the standard: choose your own URN, for example urn:example:hr:1.0:User."}
	}
	for _, a := range added.Schema.Attributes {
		if base.defaults(a.Name) {
			return s, takenName(urn, a.Name)
		}
	}
	out := Registrations{past: s.past}
	at := -1
	for i, known := range s.all {
		if scim.EqualName(known.Schema.ID, urn) {
			// Registering the same schema again changes nothing.
			at, out.past = i, s.past || string(scim.EncodeValue(known.document())) != string(scim.EncodeValue(added.document()))
		} else if overlap(known.Schema.ID, urn) {
			return s, &scim.Error{Type: scim.InvalidValue, Detail: urn + " and " + known.Schema.ID + " cannot be distinguished in paths: one is a prefix of the other."}
		}
	}
	if out.all = slices.Clone(s.all); at >= 0 {
		out.all[at] = added
	} else {
		out.all = append(out.all, added)
	}
	if len(out.all) > MaxRegistrations {
		return s, &scim.Error{Type: scim.InvalidValue, Detail: fmt.Sprintf("A tenant has at most %d schemas: remove one, or put the attributes into another.", MaxRegistrations)}
	}
	if n := len(out.Encode()); n > MaxRegistrationsSize {
		return s, &scim.Error{Type: scim.InvalidValue, Detail: fmt.Sprintf(
			"The tenant's schemas would have %d bytes together: at most %d are allowed. Shorten descriptions, or remove a schema.", n, MaxRegistrationsSize)}
	}
	return out, nil
}

// Remove returns s without the schema of a URN; ok is false if it has none.
func (s Registrations) Remove(urn string) (left Registrations, ok bool) {
	left.all = slices.DeleteFunc(slices.Clone(s.all), func(known Registration) bool { return scim.EqualName(known.Schema.ID, urn) })
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
	for _, standard := range []string{scim.EnterpriseURN, scim.RollcallURN} {
		if overlap(standard, urn) {
			return true
		}
	}
	return hasPrefix(urn, standardNames) && !hasPrefix(urn, vendors)
}

// defaults reports that an extension has an attribute of a name with a value in
// every resource: it is also found without its URN.
func (t Types) defaults(name string) bool {
	for _, rt := range t.All() {
		for _, e := range rt.Extensions {
			if a := e.Schema.Attribute(name); a != nil && a.Defaulted {
				return true
			}
		}
	}
	return false
}

// overlap reports that two URNs are equal, or that one is a prefix of the
// other: what follows it would be parsed as an attribute.
func overlap(a, b string) bool {
	return scim.EqualName(a, b) || hasPrefix(a, b+":") || hasPrefix(b, a+":")
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && scim.EqualName(s[:len(prefix)], prefix)
}

// With returns the types with registered schemas. A schema whose URN the types
// define now, because a deployment's own URN was changed, is left out.
func (t Types) With(s Registrations) Types {
	extend := func(rt *ResourceType) *ResourceType {
		out := *rt
		out.Extensions = slices.Clone(rt.Extensions)
		out.past, out.decoded = s.past, s.past
		for _, own := range s.all {
			if own.ResourceType == rt.Name && !t.defines(own.Schema.ID) {
				out.Extensions = append(out.Extensions, Extension{Schema: own.Schema, Required: own.Required, Registered: true})
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
func (s Registrations) Encode() []byte {
	all := make([]any, len(s.all))
	for i, own := range s.all {
		all[i] = own.document()
	}
	return scim.EncodeValue(map[string]any{"schemas": all, "past": s.past})
}

// DecodeRegistrations decodes what Encode wrote.
func DecodeRegistrations(stored []byte) (Registrations, error) {
	r, err := scim.DecodeStored(stored)
	if err != nil {
		return Registrations{}, fmt.Errorf("tenant's schemas: %w", err)
	}
	var s Registrations
	s.past, _ = r["past"].(bool)
	all, _ := r["schemas"].([]any)
	for _, v := range all {
		own := scim.Object(v)
		parser := parser{}
		schema, err := parser.schema(scim.Object(own["schema"]))
		if err != nil {
			return Registrations{}, fmt.Errorf("tenant's schemas: %v", err) //nolint:errorlint // no fault of the request: not an *Error
		}
		required, _ := own["required"].(bool)
		s.all = append(s.all, Registration{ResourceType: scim.Resource(own).Text("resourceType"), Required: required, Schema: schema})
	}
	return s, nil
}

// document returns the registration in the form that ParseRegistration parses.
func (s Registration) document() map[string]any {
	schema := s.Schema.Document("")
	delete(schema, "meta")
	return map[string]any{"resourceType": s.ResourceType, "required": s.Required, "schema": schema}
}

// Find returns the schema of a URN, in any case.
func (s Registrations) Find(urn string) (Registration, bool) {
	i := slices.IndexFunc(s.all, func(own Registration) bool { return strings.EqualFold(own.Schema.ID, urn) })
	if i < 0 {
		return Registration{}, false
	}
	return s.all[i], true
}
