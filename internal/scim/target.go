package scim

import "strings"

// TeamAccount is the attribute of rollcall's extension that is true for a User,
// who holds a seat, and false for a Reader.
const TeamAccount = "isTeamAccount"

// commonSchema holds the attributes that no schema lists.
var commonSchema = &Schema{Attributes: CommonAttributes()}

// target is what a name means for a resource type: an attribute, a
// sub-attribute of one or, without attr, a whole extension.
type target struct {
	// extension is nil for the core schema and the common attributes.
	extension *Schema
	attr      *Attribute
	sub       *Attribute
}

// String returns the target's canonical name.
func (t target) String() string {
	var b strings.Builder
	if t.extension != nil {
		b.WriteString(t.extension.ID)
		if t.attr != nil {
			b.WriteByte(':')
		}
	}
	if t.attr != nil {
		b.WriteString(t.attr.Name)
	}
	if t.sub != nil {
		b.WriteByte('.')
		b.WriteString(t.sub.Name)
	}
	return b.String()
}

// readOnly reports that clients cannot change what the target names.
func (t target) readOnly() bool {
	return t.attr != nil && t.attr.Mutability == ReadOnly || t.sub != nil && t.sub.Mutability == ReadOnly
}

// lookupIn finds an attribute of one schema by a name without URN; extension is
// nil for the core schema and the common attributes.
func (rt *ResourceType) lookupIn(extension *Schema, name string) (target, bool) {
	name, subName, dotted := strings.Cut(name, ".")
	t := target{extension: extension}
	if extension != nil {
		t.attr = extension.Attribute(name)
	} else if t.attr = rt.Schema.Attribute(name); t.attr == nil {
		t.attr = commonSchema.Attribute(name)
	}
	if t.attr == nil {
		return target{}, false
	}
	if dotted {
		if t.sub = t.attr.Sub(subName); t.sub == nil {
			return target{}, false
		}
	}
	return t, true
}
