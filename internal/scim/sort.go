package scim

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Sort is an order of the resources of a type, by one attribute. Those that have
// no value come last in ascending order, and first in descending order.
// RFC 7644 §3.4.2.3
type Sort struct {
	rt     *ResourceType
	target target
	// Descending is the order from the largest value to the smallest.
	Descending bool
	// absent tells that no resource of the type has the attribute.
	absent  bool
	notices notices
}

// Notices are how the name differs from the standard's spelling of it.
func (s *Sort) Notices() []Notice { return s.notices }

// maxSortKey is how much of a text takes part in an order, in bytes of its fold:
// texts that are the same so far are in the order of their ids.
const maxSortKey = 512

var errSortBySchema = &Error{InvalidValue, "sortBy names a whole schema; write one of its attributes after its URN and a colon."}

// CompileSort reads sortBy and sortOrder for resources of a type; others are the
// types that are listed beside it, whose attributes may be named too. The error is
// an *Error: of type Sensitive where the values are never returned, otherwise of
// type InvalidValue. RFC 7644 §3.4.2.3
func CompileSort(rt *ResourceType, others []*ResourceType, by, order string) (*Sort, error) {
	s := &Sort{rt: rt}
	switch {
	case order == "" || equalName(order, "ascending"):
	case equalName(order, "descending"):
		s.Descending = true
	default:
		return nil, &Error{InvalidValue, "sortOrder must be ascending or descending."}
	}
	found := rt.resolve(by)
	for i := 0; i < len(others) && !found.known() && !found.core && len(found.candidates) == 0; i++ {
		found = others[i].resolve(by)
		s.absent = found.known()
	}
	switch {
	case len(found.candidates) > 0:
		return nil, &Error{InvalidValue, ambiguousName("sortBy", by, found)}
	case found.core:
		return nil, errSortBySchema
	case !found.known():
		return nil, &Error{InvalidValue, "sortBy names " + noticeName(by) + ", which " + rt.Name +
			" does not have; name an attribute of its schemas, such as " + sortExample(rt) + "."}
	}
	s.target = found.target
	s.notices.spelled(found)
	return s, s.check(rt)
}

// sortExample is an attribute that resources of the type can be sorted by.
func sortExample(rt *ResourceType) string {
	if rt.Schema.Attribute("userName") != nil {
		return "userName"
	}
	return "displayName"
}

// check refuses what has no order, and names the value of a multi-valued one.
func (s *Sort) check(rt *ResourceType) error {
	t := &s.target
	if t.attr == nil {
		return errSortBySchema
	}
	for _, a := range []*Attribute{t.attr, t.sub} {
		if a != nil && (a.Returned == ReturnedNever || a.Mutability == WriteOnly) {
			return &Error{Sensitive, a.Name + " is never returned, so nothing can be sorted by it."}
		}
	}
	if t.attr.MultiValued && t.attr.Mutability == ReadOnly || t.extension == nil && equalName(t.attr.Name, "members") {
		return &Error{InvalidValue, fmt.Sprintf("%ss are not sorted by %s; name an attribute that has one value.", rt.Name, t.attr.Name)}
	}
	if t.attr.Type == TypeComplex && t.sub == nil {
		// Of several values the order is that of the primary one, by its value.
		if t.attr.MultiValued {
			t.sub = t.attr.Sub("value")
		}
		if t.sub == nil {
			return &Error{InvalidValue, "sortBy names " + t.attr.Name + ", which has several parts; name one of them, such as " +
				t.attr.Name + "." + t.attr.SubAttributes[0].Name + "."}
		}
	}
	return nil
}

// Attribute is the canonical name of what is sorted by, with the URN of an
// extension.
func (s *Sort) Attribute() string { return s.target.String() }

// String is the order in one spelling: two with the same are the same.
func (s *Sort) String() string {
	if s.Descending {
		return s.Attribute() + " descending"
	}
	return s.Attribute()
}

// Uses tells whether the order looks at a core or common attribute.
func (s *Sort) Uses(attribute string) bool {
	return s.target.extension == nil && s.target.attr.Name == attribute
}

// Key is a resource's place in the ascending order: keys are in the order of
// their bytes, and those of resources without a value behind all others.
func (s *Sort) Key(r Resource) string {
	if s.absent {
		return sortAbsent
	}
	if s.rt.past {
		r, _ = s.rt.visible(r)
	}
	leaf := s.target.attr
	v := r.part(s.target.extension, leaf.Name)
	if list, ok := v.([]any); ok {
		v = principal(list)
	}
	if s.target.sub != nil {
		leaf = s.target.sub
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

// principal is the value of several by which a resource is sorted: the primary
// one, else the first.
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

// sortKey is a value as a text whose bytes are in the order of the values.
func sortKey(leaf *Attribute, v any) (string, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return "1", true
		}
		return "0", true
	case Number:
		n, ok := matchNumber(string(v))
		if !ok {
			return "", false
		}
		return numberKey(n), true
	case string:
		switch {
		case v == "":
			return "", false
		case leaf.Type == TypeDateTime:
			at, ok := matchInstant(v)
			if !ok {
				return "", false
			}
			return instantKey(at), true
		case leaf.Type == TypeString && !leaf.CaseExact:
			v = Fold(v)
		}
		return v[:min(len(v), maxSortKey)], true
	}
	return "", false
}

// instantKey is a time as a text. The years that package time reads have four
// digits; in UTC the first may be before year 0, and the last behind 9999.
func instantKey(at time.Time) string {
	const secondsBefore = 1 << 40 // more than a time of four digits is from 1970
	return fmt.Sprintf("%016x%08x", at.Unix()+secondsBefore, at.Nanosecond())
}

// numberKey is a number as a text: its sign, the place of its first digit, and its
// digits; of negative numbers the last two are turned round.
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

// maxFraction is the largest number of digits behind the point that a number has
// which matchNumber takes.
const maxFraction = 308 + 400
