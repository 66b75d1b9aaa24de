package scim

// Types are the resource types as one tenant has them: with the extensions that
// every tenant has, and those of its own. The zero Types are none.
type Types struct {
	User, Group *ResourceType
}

// All are the resource types, in the order in which they are listed.
func (t Types) All() []*ResourceType { return []*ResourceType{t.User, t.Group} }

// Or is t, or, where t is none, other.
func (t Types) Or(other Types) Types {
	if t.User == nil {
		return other
	}
	return t
}
