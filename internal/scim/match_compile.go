package scim

import (
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// matchCompiler checks a parsed filter against the schemas of rt or, inside
// brackets, against the sub-attributes of element.
type matchCompiler struct {
	rt      *ResourceType
	element *Attribute
	// others are resource types whose attributes may be named too; foreign
	// collects those that rt does not have.
	others  []*ResourceType
	foreign map[string]bool
	// stringBooleans allows a boolean to be compared with "True".
	stringBooleans bool
	// uses collects Filter.uses.
	uses map[string]bool
	// told collects notices of what is beyond the grammar.
	told *notices
	// folds caches the folds of values that are compared.
	folds foldMemo
}

// matchRefusal returns the error about a byte offset of the filter.
func matchRefusal(t ErrorType, pos int, format string, args ...any) *Error {
	return &Error{
		Type:   t,
		Detail: fmt.Sprintf("The filter is refused at position %d: %s.", pos+1, fmt.Sprintf(format, args...)),
	}
}

// compile returns the filter with canonical names, and its test. The parser has
// limited how deep it recurses.
func (c *matchCompiler) compile(e filter.Expr) (filter.Expr, matchTest, error) {
	switch e := e.(type) {
	case *filter.And:
		left, right, l, r, err := c.both(e.Left, e.Right)
		if err != nil {
			return nil, nil, err
		}
		return &filter.And{Left: left, Right: right}, func(v map[string]any) bool { return l(v) && r(v) }, nil
	case *filter.Or:
		left, right, l, r, err := c.both(e.Left, e.Right)
		if err != nil {
			return nil, nil, err
		}
		return &filter.Or{Left: left, Right: right}, func(v map[string]any) bool { return l(v) || r(v) }, nil
	case *filter.Not:
		operand, test, err := c.compile(e.Expr)
		if err != nil {
			return nil, nil, err
		}
		return &filter.Not{Expr: operand}, func(v map[string]any) bool { return !test(v) }, nil
	case *filter.Present:
		t, err := c.resolve(e.Path)
		if err != nil {
			return nil, nil, err
		}
		c.beyond(t)
		return &filter.Present{Path: t.path}, t.present, nil
	case *filter.ValuePath:
		path := e.Path
		path.Filter = e.Filter
		t, err := c.resolve(path)
		if err != nil {
			return nil, nil, err
		}
		if t.attribute != nil && !t.attribute.MultiValued {
			c.told.add(NoticeFilterForm, t.attribute.Name)
		}
		canonical := &filter.ValuePath{Path: t.path, Filter: t.path.Filter}
		canonical.Path.Filter = nil
		return canonical, t.exists, nil
	case *filter.Compare:
		return c.compare(e)
	}
	return nil, nil, matchRefusal(InvalidFilter, 0, "it is empty")
}

func (c *matchCompiler) both(left, right filter.Expr) (le, re filter.Expr, lt, rt matchTest, err error) {
	if le, lt, err = c.compile(left); err != nil {
		return nil, nil, nil, nil, err
	}
	if re, rt, err = c.compile(right); err != nil {
		return nil, nil, nil, nil, err
	}
	return le, re, lt, rt, nil
}

// compare compiles a comparison with a literal.
func (c *matchCompiler) compare(e *filter.Compare) (filter.Expr, matchTest, error) {
	t, err := c.resolve(e.Path)
	if err != nil {
		return nil, nil, err
	}
	c.beyond(t)
	if e.Value.Kind == filter.Null {
		test := t.present
		switch e.Op {
		case filter.Eq:
			test = t.absent
		case filter.Ne:
		default:
			return nil, nil, matchRefusal(InvalidFilter, e.Path.Pos, "null can only be compared with eq and ne")
		}
		return &filter.Compare{Path: t.path, Op: e.Op, Value: e.Value}, test, nil
	}
	if t.attribute == nil {
		return nil, nil, matchRefusal(InvalidFilter, e.Path.Pos,
			"a whole extension has no value to compare; write one of its attributes after its URN and a colon")
	}
	if err := t.imply(e.Path.Pos); err != nil {
		return nil, nil, err
	}
	test, err := c.valueTest(t, e)
	if err != nil {
		return nil, nil, err
	}
	// An absent value differs from every value; only primary counts as false in
	// a value that lacks it. RFC 7643 §2.4
	none := e.Op == filter.Ne
	absent := none
	if t.leaf().Name == "primary" && t.leaf().Type == TypeBoolean {
		if absent = test(false); c.element != nil {
			none = absent
		}
	}
	canonical := &filter.Compare{Path: t.path, Op: e.Op, Value: e.Value}
	return canonical, func(values map[string]any) bool { return t.any(values, none, absent, test) }, nil
}

// beyond adds a notice of a comparison that the grammar does not have: after
// brackets, or of a whole extension.
func (c *matchCompiler) beyond(t *matchTarget) {
	switch {
	case t.attribute == nil:
		c.told.add(NoticeFilterForm, t.extension)
	case t.path.Filter != nil:
		c.told.add(NoticeFilterForm, t.attribute.Name)
	}
}

// resolve finds what a path names.
func (c *matchCompiler) resolve(p filter.Path) (*matchTarget, error) {
	t, err := c.find(p)
	if err != nil {
		return nil, err
	}
	if t.attribute == nil {
		return t, nil
	}
	t.path.Attribute = t.attribute.Name
	if p.Filter != nil {
		if t.attribute.Type != TypeComplex {
			return nil, matchRefusal(InvalidFilter, p.Pos,
				"%s has no sub-attributes, so it cannot have a filter in brackets", t.attribute.Name)
		}
		inner := matchCompiler{element: t.attribute, uses: c.uses, told: c.told}
		if t.path.Filter, t.where, err = inner.compile(p.Filter); err != nil {
			return nil, err
		}
	}
	if p.Sub != "" {
		if t.sub = t.attribute.Sub(p.Sub); t.sub == nil {
			return nil, matchNoSub(t.attribute, p.Sub, p.Pos)
		}
		t.path.Sub, t.named.sub = t.sub.Name, t.sub
	}
	t.named.noteSpelling(c.told)
	for _, a := range []*Attribute{t.attribute, t.sub} {
		if a != nil && (a.Returned == ReturnedNever || a.Mutability == WriteOnly) {
			return nil, matchRefusal(Sensitive, p.Pos,
				"%s is never returned, so it cannot be used in a filter; leave it out", a.Name)
		}
	}
	return t, nil
}

// find looks up the attribute of a path in the schema that the path names.
func (c *matchCompiler) find(p filter.Path) (*matchTarget, error) {
	t := &matchTarget{path: filter.Path{Pos: p.Pos}}
	if c.element != nil {
		if p.URN != "" || p.Sub != "" {
			return nil, matchRefusal(InvalidFilter, p.Pos,
				"inside the brackets of %s, write its sub-attributes without a prefix: %s", c.element.Name, matchSubNames(c.element))
		}
		if t.attribute = c.element.Sub(p.Attribute); t.attribute == nil {
			return nil, matchNoSub(c.element, p.Attribute, p.Pos)
		}
		return t, nil
	}
	n := c.rt.resolvePath(filter.Path{URN: p.URN, Attribute: p.Attribute, Dotted: p.Dotted})
	switch {
	case n.attr != nil:
		t.attribute = n.attr
		if n.extension != nil {
			t.extension, t.path.URN = n.extension.ID, n.extension.ID
		} else {
			c.uses[t.attribute.Name] = true
		}
		t.named = n
		return t, nil
	case len(n.candidates) > 0:
		return nil, matchRefusal(InvalidFilter, p.Pos, "%s is in more than one schema; write %s",
			matchClip(p.Attribute), strings.Join(n.candidates, " or "))
	}
	if schema := c.rt.Extension(p.URN + ":" + p.Attribute); schema != nil {
		if p.Sub != "" || p.Filter != nil {
			return nil, matchRefusal(InvalidFilter, p.Pos,
				"write an attribute of %s after its URN and a colon", schema.ID)
		}
		at := strings.LastIndexByte(schema.ID, ':')
		t.extension, t.path.URN, t.path.Attribute = schema.ID, schema.ID[:at], schema.ID[at+1:]
		return t, nil
	}
	for _, other := range c.others {
		if found, err := c.elsewhere(other, p); found != nil || err != nil {
			return found, err
		}
	}
	return nil, c.unknown(p)
}

// elsewhere finds an attribute that only another resource type has, so that no
// resource of this type has a value of it. found is nil if that type does not
// have it either.
func (c *matchCompiler) elsewhere(other *ResourceType, p filter.Path) (found *matchTarget, err error) {
	inner := matchCompiler{rt: other, uses: map[string]bool{}, told: c.told}
	n := other.resolvePath(filter.Path{URN: p.URN, Attribute: p.Attribute})
	whole := other.Extension(p.URN + ":" + p.Attribute)
	if n.attr == nil && len(n.candidates) == 0 && whole == nil {
		return nil, nil
	}
	if found, err = inner.find(p); err != nil || found.extension != "" {
		return found, err
	}
	if p.URN == "" {
		c.foreign[found.attribute.Name] = true
		return found, nil
	}
	// This type may have an attribute of the same name, which is a different
	// one.
	found.extension, found.path.URN = other.Schema.ID, other.Schema.ID
	return found, nil
}

// unknown returns the error about a name that the type does not have.
func (c *matchCompiler) unknown(p filter.Path) error {
	switch {
	case p.URN == "" || EqualName(p.URN, c.rt.Schema.ID):
		return matchRefusal(InvalidFilter, p.Pos, "%s has no attribute %s", c.rt.Name, matchClip(p.Attribute))
	case c.rt.Extension(p.URN) != nil:
		return matchRefusal(InvalidFilter, p.Pos,
			"the schema %s has no attribute %s", c.rt.Extension(p.URN).ID, matchClip(p.Attribute))
	}
	name := p.Name()
	if EqualName(name, c.rt.Schema.ID) {
		return matchRefusal(InvalidFilter, p.Pos, "%s is a whole schema; write one of its attributes after it and a colon", c.rt.Schema.ID)
	}
	if meant := c.rt.meant(name); meant != "" {
		return matchRefusal(InvalidFilter, p.Pos, "%s has no attribute %s; write %s", c.rt.Name, matchClip(name), meant)
	}
	return matchRefusal(InvalidFilter, p.Pos, "%s has no attribute %s", c.rt.Name, matchClip(name))
}

func matchNoSub(a *Attribute, name string, pos int) error {
	if len(a.SubAttributes) == 0 {
		return matchRefusal(InvalidFilter, pos, "%s has no sub-attributes; write %s alone", a.Name, a.Name)
	}
	return matchRefusal(InvalidFilter, pos,
		"%s has no sub-attribute %s; it has %s", a.Name, matchClip(name), matchSubNames(a))
}

func matchSubNames(a *Attribute) string {
	names := make([]string, len(a.SubAttributes))
	for i, s := range a.SubAttributes {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// matchClip shortens a name for an error.
func matchClip(name string) string {
	const longest = 80
	if len(name) > longest {
		return name[:longest] + "…"
	}
	return name
}

// matchTarget is what a path of a filter names in a resource, or in an element
// of a multi-valued attribute.
type matchTarget struct {
	// extension is the URN of the attribute's extension, "" for the core
	// schema.
	extension string
	// attribute is nil if the path names a whole extension.
	attribute *Attribute
	// where selects elements of the attribute; nil selects all.
	where matchTest
	sub   *Attribute
	// named is how the name was resolved, for its spelling; empty inside
	// brackets.
	named named
	// path is the canonical spelling.
	path filter.Path
}

// leaf returns the attribute whose values are compared.
func (t *matchTarget) leaf() *Attribute {
	if t.sub != nil {
		return t.sub
	}
	return t.attribute
}

// name returns what errors call the target.
func (t *matchTarget) name() string {
	if t.sub != nil {
		return t.attribute.Name + "." + t.sub.Name
	}
	return t.attribute.Name
}

// imply selects the value of a complex attribute that is compared as a whole.
// RFC 7643 §2.4
func (t *matchTarget) imply(pos int) error {
	leaf := t.leaf()
	if leaf.Type != TypeComplex {
		return nil
	}
	value := leaf.Sub("value")
	if value == nil || t.sub != nil {
		return matchRefusal(InvalidFilter, pos,
			"%s is complex and cannot be compared as a whole; after a dot, write one of its sub-attributes: %s",
			leaf.Name, matchSubNames(leaf))
	}
	t.sub, t.path.Sub = value, value.Name
	return nil
}

// any reports whether one of the target's values passes a test. none is the
// result if there is no value at all, and absent the result for a value without
// the sub-attribute.
func (t *matchTarget) any(values map[string]any, none, absent bool, test func(any) bool) bool {
	if t.extension != "" {
		values, _ = values[t.extension].(map[string]any)
	}
	v := values[t.attribute.Name]
	list, ok := v.([]any)
	if !ok {
		found, passed := t.one(v, absent, test)
		return passed || !found && none
	}
	some := false
	for _, v := range list {
		found, passed := t.one(v, absent, test)
		if passed {
			return true
		}
		some = some || found
	}
	return !some && none
}

// one tests a single value or element. found reports whether it is one to be
// tested.
func (t *matchTarget) one(v any, absent bool, test func(any) bool) (found, passed bool) {
	if v == nil {
		return false, false
	}
	if t.sub == nil && t.where == nil {
		return true, test(v)
	}
	element, ok := v.(map[string]any)
	if !ok || t.where != nil && !t.where(element) {
		return false, false
	}
	if t.sub == nil {
		return true, test(v)
	}
	switch v := element[t.sub.Name].(type) {
	case nil:
		return true, absent
	case []any:
		for _, v := range v {
			if test(v) {
				return true, true
			}
		}
		return true, absent && len(v) == 0
	default:
		return true, test(v)
	}
}

// present reports whether the target has a value. RFC 7644 §3.4.2.2, table 3
func (t *matchTarget) present(values map[string]any) bool {
	if t.attribute == nil {
		return matchPresent(values[t.extension])
	}
	return t.any(values, false, false, matchPresent)
}

func (t *matchTarget) absent(values map[string]any) bool { return !t.present(values) }

// exists reports whether there is an element that where selects.
func (t *matchTarget) exists(values map[string]any) bool {
	return t.any(values, false, false, func(any) bool { return true })
}

// matchPresent reports whether a value has content.
func matchPresent(v any) bool { return matchContent(v, 0) }

func matchContent(v any, depth int) bool {
	// SCIM values nest three deep: elements, their sub-attributes, and those of
	// an extension. There is nothing to find beyond that.
	const deepest = 8
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		for _, v := range v {
			if depth < deepest && matchContent(v, depth+1) {
				return true
			}
		}
		return false
	case map[string]any:
		for _, v := range v {
			if depth < deepest && matchContent(v, depth+1) {
				return true
			}
		}
		return false
	}
	return true
}
