package match

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/fold"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Sort is an order of the resources of a type, by one attribute. Resources
// without a value come last in ascending order, and first in descending order.
// RFC 7644 §3.4.2.3
type Sort struct {
	rt     *schema.ResourceType
	target schema.Target
	// Descending is the order from the largest value to the smallest.
	Descending bool
	// absent reports that no resource of the type has the attribute.
	absent  bool
	notices scim.Notices
}

// Notices returns how the name differs from the standard's spelling of it.
func (s *Sort) Notices() []scim.Notice { return s.notices }

// maxSortKey is how much of a text counts in an order, in bytes of its fold:
// texts that are equal so far are in the order of their ids.
const maxSortKey = 512

var errSortBySchema = &scim.Error{Type: scim.InvalidValue, Detail: "sortBy names a whole schema; write one of its attributes after its URN and a colon."}

// CompileSort parses and checks sortBy and sortOrder for resources of a type;
// others are the types that are listed in the same list, whose attributes may
// be named too. The error is an *scim.Error: of type Sensitive if the values are
// never returned, otherwise of type InvalidValue. RFC 7644 §3.4.2.3
func CompileSort(rt *schema.ResourceType, others []*schema.ResourceType, by, order string) (*Sort, error) {
	s := &Sort{rt: rt}
	switch {
	case order == "" || scim.EqualName(order, "ascending"):
	case scim.EqualName(order, "descending"):
		s.Descending = true
	default:
		return nil, &scim.Error{Type: scim.InvalidValue, Detail: "sortOrder must be ascending or descending."}
	}
	found := rt.Resolve(by)
	for i := 0; i < len(others) && !found.Known() && !found.Core && len(found.Candidates) == 0; i++ {
		found = others[i].Resolve(by)
		s.absent = found.Known()
	}
	switch {
	case len(found.Candidates) > 0:
		return nil, &scim.Error{Type: scim.InvalidValue, Detail: found.Ambiguity("sortBy", by)}
	case found.Core:
		return nil, errSortBySchema
	case !found.Known():
		return nil, &scim.Error{Type: scim.InvalidValue, Detail: "sortBy names " + scim.NoticeName(by) + ", which " + rt.Name +
			" does not have; name an attribute of its schemas, for example " + sortExample(rt) + "."}
	}
	s.target = found.Target
	found.NoteSpelling(&s.notices)
	return s, s.check(rt)
}

// sortExample returns an attribute that resources of the type can be sorted by.
func sortExample(rt *schema.ResourceType) string {
	if rt.Schema.Attribute("userName") != nil {
		return "userName"
	}
	return "displayName"
}

// check refuses an attribute without an order, and selects the value of a
// multi-valued one.
func (s *Sort) check(rt *schema.ResourceType) error {
	t := &s.target
	if t.Attribute == nil {
		return errSortBySchema
	}
	for _, a := range []*schema.Attribute{t.Attribute, t.Sub} {
		if a != nil && (a.Returned == schema.ReturnedNever || a.Mutability == schema.WriteOnly) {
			return &scim.Error{Type: scim.Sensitive, Detail: a.Name + " is never returned, so it cannot be used in sortBy."}
		}
	}
	if t.Attribute.MultiValued && t.Attribute.Mutability == schema.ReadOnly || t.Extension == nil && scim.EqualName(t.Attribute.Name, "members") {
		return &scim.Error{Type: scim.InvalidValue, Detail: fmt.Sprintf("%ss are not sorted by %s; name an attribute that has one value.", rt.Name, t.Attribute.Name)}
	}
	if t.Attribute.Type == schema.TypeComplex && t.Sub == nil {
		// A multi-valued attribute is ordered by the value of the primary one.
		if t.Attribute.MultiValued {
			t.Sub = t.Attribute.Sub("value")
		}
		if t.Sub == nil {
			return &scim.Error{Type: scim.InvalidValue, Detail: "sortBy names " + t.Attribute.Name + ", which has several parts; name one of them, for example " +
				t.Attribute.Name + "." + t.Attribute.SubAttributes[0].Name + "."}
		}
	}
	return nil
}

// Attribute returns the canonical name of the attribute, with the URN of an
// extension.
func (s *Sort) Attribute() string { return s.target.String() }

// String returns the order in one spelling, which is equal for equal orders.
func (s *Sort) String() string {
	if s.Descending {
		return s.Attribute() + " descending"
	}
	return s.Attribute()
}

// Uses reports whether the order reads a core or common attribute.
func (s *Sort) Uses(attribute string) bool {
	return s.target.Extension == nil && s.target.Attribute.Name == attribute
}

// Key returns a resource's key in the ascending order: keys are ordered by
// their bytes, and those of resources without a value come after all others.
func (s *Sort) Key(r scim.Resource) string {
	if s.absent {
		return sortAbsent
	}
	r = s.rt.Shown(r)
	leaf := s.target.Attribute
	v := schema.Part(r, s.target.Extension, leaf.Name)
	if list, ok := v.([]any); ok {
		v = principal(list)
	}
	if s.target.Sub != nil {
		leaf = s.target.Sub
		parts, _ := v.(map[string]any)
		v = parts[leaf.Name]
		if list, ok := v.([]any); ok {
			v = principal(list)
		}
	}
	if key, ok := sortKey(leaf, v); ok {
		return sortPresent + key
	}
	return sortAbsent
}

const (
	sortPresent = "1"
	sortAbsent  = "2"
)

// principal returns the value by which a resource with several is sorted: the
// primary one, else the first.
func principal(list []any) any {
	for _, v := range list {
		if parts, ok := v.(map[string]any); ok && parts["primary"] == true {
			return v
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// sortKey returns a value as a text whose bytes are in the order of the values.
func sortKey(leaf *schema.Attribute, v any) (string, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return "1", true
		}
		return "0", true
	case scim.Number:
		n, ok := number(string(v))
		if !ok {
			return "", false
		}
		return numberKey(n), true
	case string:
		switch {
		case v == "":
			return "", false
		case leaf.Type == schema.TypeDateTime:
			at, ok := instant(v)
			if !ok {
				return "", false
			}
			return instantKey(at), true
		case leaf.Type == schema.TypeString && !leaf.CaseExact:
			v = fold.Value(v)
		}
		return v[:min(len(v), maxSortKey)], true
	}
	return "", false
}

// instantKey returns a time as a sortable text. Package time reads years of
// four digits; in UTC the first may be before year 0, and the last after 9999.
func instantKey(at time.Time) string {
	const secondsBefore = 1 << 40 // more than any year of four digits is from 1970
	return fmt.Sprintf("%016x%08x", at.Unix()+secondsBefore, at.Nanosecond())
}

// numberKey returns a number as a sortable text: its sign, the position of its
// first digit, and its digits; for negative numbers the last two are inverted.
func numberKey(n *big.Rat) string {
	sign := n.Sign()
	if sign == 0 {
		return "1"
	}
	abs := new(big.Rat).Abs(n)
	digits := strings.TrimRight(abs.FloatString(maxFraction), "0")
	whole, fraction, _ := strings.Cut(digits, ".")
	whole = strings.TrimLeft(whole, "0")
	place := len(whole)
	if whole == "" {
		place = -(len(fraction) - len(strings.TrimLeft(fraction, "0")))
	}
	key := strconv.Itoa(5000+place) + strings.TrimLeft(whole+fraction, "0")
	if sign > 0 {
		return "2" + key
	}
	turned := []byte(key)
	for i, c := range turned {
		turned[i] = '9' - c + '0'
	}
	return "0" + string(turned) + "~"
}

// maxFraction is the largest number of digits after the point in a number that
// number accepts.
const maxFraction = 308 + 400
