package scim

// Resource is a decoded resource with canonical attribute names: the JSON
// object as served, without meta, groups, members and password. Its values are
// string, bool, Number, map[string]any (complex values and extensions) and
// []any. Absent, null and empty arrays are one state: no entry (RFC 7643 §2.5).
type Resource map[string]any

// Number is a JSON number as it was written, so that integers stay exact.
type Number string

// Text returns the string under a name, "" if there is none.
func (r Resource) Text(name string) string { s, _ := r[name].(string); return s }

// Notice is a tolerance that was applied to a request, or something in it that
// was left out: it becomes a warning in the request's event.
type Notice struct {
	// Kind is one of the Notice constants.
	Kind string
	// Attribute is the attribute that it concerns.
	Attribute string
	// Instead is the correct form, "" if the kind says enough.
	Instead string
}
