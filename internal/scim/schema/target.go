package schema

import "strings"

// commonSchema holds the attributes that no schema lists.
var commonSchema = &Schema{Attributes: CommonAttributes()}

// Target is the meaning of a name for a resource type: an attribute, a
// sub-attribute of one or, without an attribute, a whole extension.
type Target struct {
	// Extension is nil for the core schema and the common attributes.
	Extension *Schema
	Attribute *Attribute
	Sub       *Attribute
}

// String returns the target's canonical name.
func (t Target) String() string {
	var b strings.Builder
	if t.Extension != nil {
		b.WriteString(t.Extension.ID)
		if t.Attribute != nil {
			b.WriteByte(':')
		}
	}
	if t.Attribute != nil {
		b.WriteString(t.Attribute.Name)
	}
	if t.Sub != nil {
		b.WriteByte('.')
		b.WriteString(t.Sub.Name)
	}
	return b.String()
}

// ReadOnly reports that clients cannot change what the target names.
func (t Target) ReadOnly() bool {
	return t.Attribute != nil && t.Attribute.Mutability == ReadOnly || t.Sub != nil && t.Sub.Mutability == ReadOnly
}

// LookupIn finds an attribute of one schema by a name without URN; extension is
// nil for the core schema and the common attributes.
func (rt *ResourceType) LookupIn(extension *Schema, name string) (Target, bool) {
	name, subName, dotted := strings.Cut(name, ".")
	t := Target{Extension: extension}
	if extension != nil {
		t.Attribute = extension.Attribute(name)
	} else if t.Attribute = rt.Schema.Attribute(name); t.Attribute == nil {
		t.Attribute = commonSchema.Attribute(name)
	}
	if t.Attribute == nil {
		return Target{}, false
	}
	if dotted {
		if t.Sub = t.Attribute.Sub(subName); t.Sub == nil {
			return Target{}, false
		}
	}
	return t, true
}
