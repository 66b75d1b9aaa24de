package schema

// Types are resource types with their built-in and registered extensions. The
// zero Types are unset.
type Types struct {
	User, Group *ResourceType
}

// All returns the resource types, in the order in which they are listed.
func (t Types) All() []*ResourceType { return []*ResourceType{t.User, t.Group} }

// Or returns t, or other if t is unset.
func (t Types) Or(other Types) Types {
	if t.User == nil {
		return other
	}
	return t
}
