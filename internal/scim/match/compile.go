package match

import (
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/fold"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// compiler checks a parsed filter against the schemas of rt or, inside
// brackets, against the sub-attributes of element.
type compiler struct {
	rt      *schema.ResourceType
	element *schema.Attribute
	// others are resource types whose attributes may be named too; foreign
	// collects those that rt does not have.
	others  []*schema.ResourceType
	foreign map[string]bool
	// stringBooleans allows a boolean to be compared with "True".
	stringBooleans bool
	// uses collects Filter.uses.
	uses map[string]bool
	// notices collects the notices of forms beyond the grammar.
	notices *scim.Notices
	// work counts what the tests cost.
	work *work
	// folds caches the folds of values that are compared.
	folds fold.Memo
}

// refusal returns the error about a byte offset of the filter.
func refusal(t scim.ErrorType, pos int, format string, args ...any) *scim.Error {
	return &scim.Error{
		Type:   t,
		Detail: fmt.Sprintf("The filter is refused at position %d: %s.", pos+1, fmt.Sprintf(format, args...)),
	}
}

// compile returns the filter with canonical names, and its test. The parser has
// limited how deep it recurses.
func (c *compiler) compile(e filter.Expr) (filter.Expr, test, error) {
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
		return &filter.Present{Path: t.path}, c.counted(t.present), nil
	case *filter.ValuePath:
		path := e.Path
		path.Filter = e.Filter
		t, err := c.resolve(path)
		if err != nil {
			return nil, nil, err
		}
		if t.attribute != nil && !t.attribute.MultiValued {
			c.notices.Add(scim.NoticeFilterForm, t.attribute.Name)
		}
		canonical := &filter.ValuePath{Path: t.path, Filter: t.path.Filter}
		canonical.Path.Filter = nil
		return canonical, c.counted(t.exists), nil
	case *filter.Compare:
		return c.compare(e)
	}
	return nil, nil, refusal(scim.InvalidFilter, 0, "it is empty")
}

func (c *compiler) both(left, right filter.Expr) (le, re filter.Expr, lt, rt test, err error) {
	if le, lt, err = c.compile(left); err != nil {
		return nil, nil, nil, nil, err
	}
	if re, rt, err = c.compile(right); err != nil {
		return nil, nil, nil, nil, err
	}
	return le, re, lt, rt, nil
}

// compare compiles a comparison with a literal.
func (c *compiler) compare(e *filter.Compare) (filter.Expr, test, error) {
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
			return nil, nil, refusal(scim.InvalidFilter, e.Path.Pos, "null can only be compared with eq and ne")
		}
		return &filter.Compare{Path: t.path, Op: e.Op, Value: e.Value}, c.counted(test), nil
	}
	if t.attribute == nil {
		return nil, nil, refusal(scim.InvalidFilter, e.Path.Pos,
			"a whole extension has no value to compare; write one of its attributes after its URN and a colon")
	}
	if err := t.imply(e.Path.Pos); err != nil {
		return nil, nil, err
	}
	compares, err := c.valueTest(t, e)
	if err != nil {
		return nil, nil, err
	}
	test := func(v any) bool {
		c.work.compared(v)
		return compares(v)
	}
	// An absent value differs from every value; only primary counts as false in
	// a value that lacks it. RFC 7643 §2.4
	none := e.Op == filter.Ne
	absent := none
	if t.leaf().Name == "primary" && t.leaf().Type == schema.TypeBoolean {
		if absent = compares(false); c.element != nil {
			none = absent
		}
	}
	canonical := &filter.Compare{Path: t.path, Op: e.Op, Value: e.Value}
	return canonical, c.counted(func(values map[string]any) bool { return t.any(values, none, absent, test) }), nil
}

// counted returns a test that counts its evaluations.
func (c *compiler) counted(t test) test {
	c.work.terms++
	return func(values map[string]any) bool {
		c.work.units++
		return t(values)
	}
}

// beyond adds a notice of a comparison that the grammar does not have: after
// brackets, or of a whole extension.
func (c *compiler) beyond(t *target) {
	switch {
	case t.attribute == nil:
		c.notices.Add(scim.NoticeFilterForm, t.extension)
	case t.path.Filter != nil:
		c.notices.Add(scim.NoticeFilterForm, t.attribute.Name)
	}
}

// resolve finds what a path names.
func (c *compiler) resolve(p filter.Path) (*target, error) {
	t, err := c.find(p)
	if err != nil {
		return nil, err
	}
	if t.attribute == nil {
		return t, nil
	}
	t.path.Attribute = t.attribute.Name
	if p.Filter != nil {
		if t.attribute.Type != schema.TypeComplex {
			return nil, refusal(scim.InvalidFilter, p.Pos,
				"%s has no sub-attributes, so it cannot have a filter in brackets", t.attribute.Name)
		}
		inner := compiler{element: t.attribute, uses: c.uses, notices: c.notices, work: c.work}
		if t.path.Filter, t.where, err = inner.compile(p.Filter); err != nil {
			return nil, err
		}
	}
	if p.Sub != "" {
		if t.sub = t.attribute.Sub(p.Sub); t.sub == nil {
			return nil, noSub(t.attribute, p.Sub, p.Pos)
		}
		t.path.Sub, t.named.Sub = t.sub.Name, t.sub
	}
	t.named.NoteSpelling(c.notices)
	for _, a := range []*schema.Attribute{t.attribute, t.sub} {
		if a != nil && (a.Returned == schema.ReturnedNever || a.Mutability == schema.WriteOnly) {
			return nil, refusal(scim.Sensitive, p.Pos,
				"%s is never returned, so it cannot be used in a filter; leave it out", a.Name)
		}
	}
	return t, nil
}

// find looks up the attribute of a path in the schema that the path names.
func (c *compiler) find(p filter.Path) (*target, error) {
	t := &target{path: filter.Path{Pos: p.Pos}}
	if c.element != nil {
		if p.URN != "" || p.Sub != "" {
			return nil, refusal(scim.InvalidFilter, p.Pos,
				"inside the brackets of %s, write its sub-attributes without a prefix: %s", c.element.Name, subNames(c.element))
		}
		if t.attribute = c.element.Sub(p.Attribute); t.attribute == nil {
			return nil, noSub(c.element, p.Attribute, p.Pos)
		}
		return t, nil
	}
	n := c.rt.ResolvePath(filter.Path{URN: p.URN, Attribute: p.Attribute, Dotted: p.Dotted})
	switch {
	case n.Attribute != nil:
		t.attribute = n.Attribute
		if n.Extension != nil {
			t.extension, t.path.URN = n.Extension.ID, n.Extension.ID
		} else {
			c.uses[t.attribute.Name] = true
		}
		t.named = n
		return t, nil
	case len(n.Candidates) > 0:
		return nil, refusal(scim.InvalidFilter, p.Pos, "%s is in more than one schema; write %s",
			clip(p.Attribute), strings.Join(n.Candidates, " or "))
	}
	if schema := c.rt.Extension(p.URN + ":" + p.Attribute); schema != nil {
		if p.Sub != "" || p.Filter != nil {
			return nil, refusal(scim.InvalidFilter, p.Pos,
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
func (c *compiler) elsewhere(other *schema.ResourceType, p filter.Path) (found *target, err error) {
	inner := compiler{rt: other, uses: map[string]bool{}, notices: c.notices, work: c.work}
	n := other.ResolvePath(filter.Path{URN: p.URN, Attribute: p.Attribute})
	whole := other.Extension(p.URN + ":" + p.Attribute)
	if n.Attribute == nil && len(n.Candidates) == 0 && whole == nil {
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
func (c *compiler) unknown(p filter.Path) error {
	err := c.unknownName(p)
	err.Rule, err.Attribute = scim.RuleKnown, scim.NoticeName(p.Name())
	return err
}

func (c *compiler) unknownName(p filter.Path) *scim.Error {
	switch {
	case p.URN == "" || scim.EqualName(p.URN, c.rt.Schema.ID):
		return refusal(scim.InvalidFilter, p.Pos, "%s has no attribute %s", c.rt.Name, clip(p.Attribute))
	case c.rt.Extension(p.URN) != nil:
		return refusal(scim.InvalidFilter, p.Pos,
			"the schema %s has no attribute %s", c.rt.Extension(p.URN).ID, clip(p.Attribute))
	}
	name := p.Name()
	if scim.EqualName(name, c.rt.Schema.ID) {
		return refusal(scim.InvalidFilter, p.Pos, "%s is a whole schema; write one of its attributes after it and a colon", c.rt.Schema.ID)
	}
	if meant := c.rt.Meant(name); meant != "" {
		return refusal(scim.InvalidFilter, p.Pos, "%s has no attribute %s; write %s", c.rt.Name, clip(name), meant)
	}
	return refusal(scim.InvalidFilter, p.Pos, "%s has no attribute %s", c.rt.Name, clip(name))
}

func noSub(a *schema.Attribute, name string, pos int) error {
	if len(a.SubAttributes) == 0 {
		return refusal(scim.InvalidFilter, pos, "%s has no sub-attributes; write %s alone", a.Name, a.Name)
	}
	return refusal(scim.InvalidFilter, pos,
		"%s has no sub-attribute %s; it has %s", a.Name, clip(name), subNames(a))
}

func subNames(a *schema.Attribute) string {
	names := make([]string, len(a.SubAttributes))
	for i, s := range a.SubAttributes {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// clip shortens a name for an error.
func clip(name string) string {
	const longest = 80
	return text.Cut(name, longest)
}

// target is the attribute or extension that a path of a filter names in a
// resource, or in an element of a multi-valued attribute.
type target struct {
	// extension is the URN of the attribute's extension, "" for the core
	// schema.
	extension string
	// attribute is nil if the path names a whole extension.
	attribute *schema.Attribute
	// where selects elements of the attribute; nil selects all.
	where test
	sub   *schema.Attribute
	// named is how the name was resolved, for its spelling; empty inside
	// brackets.
	named schema.Name
	// path is the canonical spelling.
	path filter.Path
}

// leaf returns the attribute whose values are compared.
func (t *target) leaf() *schema.Attribute {
	if t.sub != nil {
		return t.sub
	}
	return t.attribute
}

// name returns what errors call the target.
func (t *target) name() string {
	if t.sub != nil {
		return t.attribute.Name + "." + t.sub.Name
	}
	return t.attribute.Name
}

// imply selects the value of a complex attribute that is compared as a whole.
// RFC 7643 §2.4
func (t *target) imply(pos int) error {
	leaf := t.leaf()
	if leaf.Type != schema.TypeComplex {
		return nil
	}
	value := leaf.Sub("value")
	if value == nil || t.sub != nil {
		return refusal(scim.InvalidFilter, pos,
			"%s is complex and cannot be compared as a whole; after a dot, write one of its sub-attributes: %s",
			leaf.Name, subNames(leaf))
	}
	t.sub, t.path.Sub = value, value.Name
	return nil
}

// any reports whether one of the target's values passes a test. none is the
// result if there is no value at all, and absent the result for a value without
// the sub-attribute.
func (t *target) any(values map[string]any, none, absent bool, test func(any) bool) bool {
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
func (t *target) one(v any, absent bool, test func(any) bool) (found, passed bool) {
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
func (t *target) present(values map[string]any) bool {
	if t.attribute == nil {
		return hasContent(values[t.extension])
	}
	return t.any(values, false, false, hasContent)
}

func (t *target) absent(values map[string]any) bool { return !t.present(values) }

// exists reports whether there is an element that where selects.
func (t *target) exists(values map[string]any) bool {
	return t.any(values, false, false, func(any) bool { return true })
}

// hasContent reports whether a value has content.
func hasContent(v any) bool { return hasContentWithin(v, 0) }

func hasContentWithin(v any, depth int) bool {
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
			if depth < deepest && hasContentWithin(v, depth+1) {
				return true
			}
		}
		return false
	case map[string]any:
		for _, v := range v {
			if depth < deepest && hasContentWithin(v, depth+1) {
				return true
			}
		}
		return false
	}
	return true
}
