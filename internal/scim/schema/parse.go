package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
)

// The limits of a registered schema. A tenant's schemas are read with its token,
// and compiled when they change, so together they must stay small.
const (
	// MaxAttributes is the largest number of attributes and
	// sub-attributes of a schema.
	MaxAttributes = 100
	// maxURN and maxName are the longest URN and the longest name
	// of an attribute in bytes: they are repeated in each resource.
	maxURN  = 200
	maxName = 64
	// maxText is the longest description, or canonical value, in bytes.
	maxText = 1000
	// maxCanonicalValues is the largest number of canonical values of an attribute.
	maxCanonicalValues = 100
)

// Parse parses a schema to be registered, in the form in which it
// is served under /Schemas: a Schema resource. Omitted characteristics have the
// defaults of RFC 7643 §2.2. An *scim.Error says what is wrong and what to do. A
// schema that promises what the service does not do is refused:
//
//   - uniqueness other than none, because nothing keeps the values unique;
//   - writeOnly that is returned, and required that is read-only or never
//     returned, because a value that is never returned is checked and not
//     stored;
//   - references and binary values without regard to case;
//   - complex attributes in complex attributes.
//
// RFC 7643 §2, §7
func Parse(document []byte) (*Schema, error) {
	object, err := scim.DecodeObject(document)
	if err != nil {
		return nil, err
	}
	p := parser{}
	return p.schema(object)
}

// parser counts what one schema has.
type parser struct {
	urn        string
	attributes int
}

func (p *parser) schema(object map[string]any) (*Schema, error) {
	if err := onlyMembers(object, "The schema", "schemas", "id", "name", "description", "attributes", "meta"); err != nil {
		return nil, err
	}
	list, err := new(scim.Notices).ReadSchemas(scim.Member(object, "schemas"))
	if err != nil {
		return nil, err
	}
	for _, urn := range list {
		if !scim.EqualName(urn, scim.SchemaURN) {
			return nil, scim.WrongSchema(scim.SchemaURN, urn)
		}
	}
	s := &Schema{}
	if s.ID, err = textMember(object, "id", "The schema", maxURN); err != nil {
		return nil, err
	}
	if err := checkURN(s.ID); err != nil {
		return nil, err
	}
	p.urn = s.ID
	if s.Name, err = textMember(object, "name", s.ID, maxText); err != nil {
		return nil, err
	}
	if s.Description, err = textMember(object, "description", s.ID, maxText); err != nil {
		return nil, err
	}
	if s.Name == "" {
		s.Name = s.ID[strings.LastIndexByte(s.ID, ':')+1:]
	}
	if s.Attributes, err = p.list(nil, s.ID, scim.Member(object, "attributes")); err != nil {
		return nil, err
	}
	return s, nil
}

// checkURN accepts a URN that can precede an attribute in a filter and in a
// path. RFC 8141 §2; RFC 7643 §10
func checkURN(urn string) error {
	parts := strings.Split(urn, ":")
	_, err := filter.ParsePath(urn+":a", filter.Limits{})
	if err != nil || len(parts) < 3 || !scim.EqualName(parts[0], "urn") || strings.Contains(urn, "..") {
		return &scim.Error{
			Type: scim.InvalidValue,
			Detail: "id must be a URN of letters, digits, hyphens, dots and underscores between colons, for example urn:example:hr:1.0:User, not " +
				scim.NoticeName(urn) + ".",
		}
	}
	return nil
}

// list parses attributes, or the sub-attributes of parent.
func (p *parser) list(parent *Attribute, path string, v any) ([]*Attribute, error) {
	what := "attributes"
	if parent != nil {
		what = "subAttributes"
	}
	sent, ok := v.([]any)
	if !ok || len(sent) == 0 {
		return nil, refusal(path, "needs %s: an array of at least one definition", what)
	}
	if p.attributes += len(sent); p.attributes > MaxAttributes {
		return nil, refusal(p.urn, "has more than %d attributes and sub-attributes: make it two schemas", MaxAttributes)
	}
	var all []*Attribute
	for i, v := range sent {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, refusal(path, "has %s in %s, at %d: a definition is an object", scim.KindOf(v), what, i+1)
		}
		a, err := p.attribute(parent, path, i+1, object)
		if err != nil {
			return nil, err
		}
		if find(all, a.Name) != nil {
			return nil, refusal(path, "has %s twice: names are equal in any case", a.Name)
		}
		all = append(all, a)
	}
	return all, nil
}

// attribute parses one definition. RFC 7643 §7
func (p *parser) attribute(parent *Attribute, path string, number int, object map[string]any) (*Attribute, error) {
	unnamed := fmt.Sprintf("%s, definition %d,", path, number)
	name, err := textMember(object, "name", unnamed, maxName)
	if err != nil {
		return nil, err
	}
	if err := checkAttributeName(parent, unnamed, name); err != nil {
		return nil, err
	}
	separator := ":"
	if parent != nil {
		separator = "."
	}
	path += separator + name
	d := definition{path: path, object: object}
	if err := onlyMembers(object, path, "name", "type", "multiValued", "description", "required", "canonicalValues",
		"caseExact", "mutability", "returned", "uniqueness", "referenceTypes", "subAttributes"); err != nil {
		return nil, err
	}
	a := &Attribute{
		Name:        name,
		Type:        word(&d, "type", TypeString, TypeBoolean, TypeDecimal, TypeInteger, TypeDateTime, TypeBinary, TypeReference, TypeComplex),
		MultiValued: d.boolean("multiValued"),
		Description: d.text("description"),
		Required:    d.boolean("required"),
		CaseExact:   d.boolean("caseExact"),
		Mutability:  word(&d, "mutability", ReadWrite, ReadOnly, Immutable, WriteOnly),
		Returned:    word(&d, "returned", ReturnedDefault, ReturnedAlways, ReturnedNever, ReturnedRequest),
		Uniqueness:  word(&d, "uniqueness", UniqueNone, UniqueServer, UniqueGlobal),
	}
	a.CanonicalValues = d.texts("canonicalValues")
	a.ReferenceTypes = d.texts("referenceTypes")
	d.check(parent, a)
	if d.err != nil {
		return nil, d.err
	}
	if a.Type == TypeComplex {
		a.SubAttributes, err = p.list(a, path, scim.Member(object, "subAttributes"))
	}
	return a, err
}

// reservedNames are the common attributes, which every resource has outside of
// its schemas, and the members of a group. RFC 7643 §3.1
var reservedNames = []string{"schemas", "id", "externalId", "meta", "members"}

// filterWords have another meaning in a filter. RFC 7644 §3.4.2.2
var filterWords = []string{
	"and", "or", "not", "pr", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "true", "false", "null",
}

// checkAttributeName checks a name against the grammar. $ref is the only name
// that begins with a dollar sign, and only for a sub-attribute. RFC 7643 §2.1,
// §2.4
func checkAttributeName(parent *Attribute, unnamed, name string) error {
	if parent != nil && name == "$ref" {
		return nil
	}
	path, err := filter.ParsePath("urn:x:"+name, filter.Limits{})
	if err != nil || path.Attribute != name || strings.HasPrefix(name, "$") {
		return refusal(unnamed, "has the invalid name %q: a name is a letter, then letters, digits, hyphens and underscores", scim.NoticeName(name))
	}
	same := func(word string) bool { return scim.EqualName(word, name) }
	if slices.ContainsFunc(filterWords, same) || parent == nil && slices.ContainsFunc(reservedNames, same) {
		return takenName(unnamed, name)
	}
	return nil
}

func takenName(whose, name string) error {
	return refusal(whose, "has the name %s, which has another meaning already: choose another name", name)
}

// definition is one attribute's definition as it was sent; err is the first
// fault.
type definition struct {
	path   string
	object map[string]any
	err    error
}

func (d *definition) fail(format string, args ...any) {
	if d.err == nil {
		d.err = refusal(d.path, format, args...)
	}
}

func (d *definition) boolean(name string) bool {
	v, sent := scim.LookupMember(d.object, name)
	b, ok := v.(bool)
	if sent && v != nil && !ok {
		d.fail("has %s as %s: true or false", scim.KindOf(v), name)
	}
	return b
}

func (d *definition) text(name string) string {
	s, err := textMember(d.object, name, d.path, maxText)
	if err != nil && d.err == nil {
		d.err = err
	}
	return s
}

// word returns one of the words that a characteristic may have, the first if it
// is omitted; case is ignored.
func word[T ~string](d *definition, name string, words ...T) T {
	sent := d.text(name)
	if sent == "" {
		return words[0]
	}
	for _, w := range words {
		if scim.EqualName(string(w), sent) {
			return w
		}
	}
	d.fail("has the %s %q: one of %v", name, scim.NoticeName(sent), words)
	return words[0]
}

func (d *definition) texts(name string) []string {
	v := scim.Member(d.object, name)
	list, ok := v.([]any)
	if v != nil && !ok || len(list) > maxCanonicalValues {
		d.fail("needs %s to be an array of at most %d strings", name, maxCanonicalValues)
		return nil
	}
	var texts []string
	for _, v := range list {
		s, ok := v.(string)
		if !ok || s == "" || len(s) > maxText || strings.IndexFunc(s, scim.IsHidden) >= 0 {
			d.fail("needs %s to be an array of strings of 1 to %d printable bytes", name, maxText)
			return nil
		}
		texts = append(texts, s)
	}
	return texts
}

// check refuses what does not fit together, and fills in what follows from the
// type.
func (d *definition) check(parent, a *Attribute) {
	d.checkPromises(parent, a)
	d.checkType(parent, a)
	caseExact, hasCase := scim.LookupMember(d.object, "caseExact")
	switch a.Type {
	case TypeReference, TypeBinary:
		if hasCase && caseExact == false {
			d.fail("is of type %s, which is case exact (RFC 7643 §2.3.6, §2.3.7): leave caseExact out", a.Type)
		}
		a.CaseExact = true
	case TypeString:
	default:
		a.CaseExact = false
	}
	if a.Type == TypeReference && len(a.ReferenceTypes) == 0 {
		a.ReferenceTypes = []string{"external"}
	}
}

// checkPromises refuses what the service could not keep.
func (d *definition) checkPromises(parent, a *Attribute) {
	never := a.Returned == ReturnedNever
	switch {
	case a.Uniqueness != UniqueNone:
		d.fail("has the uniqueness %s: this service keeps only values of its built-in schemas unique; use none", a.Uniqueness)
	case a.Mutability == WriteOnly && !never:
		d.fail("is writeOnly, and returned %s: a writeOnly attribute is never returned", a.Returned)
	case a.Mutability == ReadOnly && never:
		d.fail("is readOnly and returned never: it could be neither written nor read")
	case a.Mutability == Immutable && never:
		d.fail("is immutable and returned never: a value that is not stored cannot be compared")
	case a.Required && a.Mutability == ReadOnly:
		d.fail("is required and readOnly: clients cannot be required to send what they may not change")
	case a.Required && never:
		d.fail("is required and returned never: such values are checked and not stored, so the service cannot know whether one exists")
	case a.Required && parent != nil && parent.Mutability == ReadOnly:
		d.fail("is required, in an attribute that is readOnly")
	}
}

// checkType refuses what does not belong to the type. RFC 7643 §2.3, §2.4
func (d *definition) checkType(parent, a *Attribute) {
	_, hasSubs := scim.LookupMember(d.object, "subAttributes")
	switch {
	case a.Type == TypeComplex && parent != nil:
		d.fail("is complex, inside a complex attribute: RFC 7643 §2.3.8 allows one level only; make it an attribute of the schema")
	case a.Type != TypeComplex && hasSubs:
		d.fail("has subAttributes, and is of type %s: those are for complex", a.Type)
	case len(a.ReferenceTypes) > 0 && a.Type != TypeReference:
		d.fail("has referenceTypes, and is of type %s: those are for reference", a.Type)
	case len(a.CanonicalValues) > 0 && a.Type != TypeString && a.Type != TypeReference:
		d.fail("has canonicalValues, and is of type %s: those are for strings", a.Type)
	case a.Name == "primary" && parent != nil && parent.MultiValued && (a.Type != TypeBoolean || a.MultiValued):
		d.fail("says which value is preferred (RFC 7643 §2.4): its type is boolean")
	}
	for _, t := range a.ReferenceTypes {
		if !slices.Contains([]string{"User", "Group", "external", "uri"}, t) {
			d.fail("refers to %s: one of User, Group, external, uri", scim.NoticeName(t))
		}
	}
}

// onlyMembers refuses an unknown name: if it is misspelled, what it says would
// be ignored.
func onlyMembers(object map[string]any, whose string, known ...string) error {
	for _, name := range scim.SortedNames(object) {
		if !slices.ContainsFunc(known, func(k string) bool { return scim.EqualName(k, name) }) {
			return refusal(whose, "has %s, which is unknown there: known are %s", scim.NoticeName(name), strings.Join(known, ", "))
		}
	}
	return nil
}

// textMember returns the string under a name, "" if there is none.
func textMember(object map[string]any, name, whose string, longest int) (string, error) {
	v := scim.Member(object, name)
	if v == nil {
		return "", nil
	}
	s, ok := v.(string)
	if !ok {
		return "", refusal(whose, "has %s as %s: a string", scim.KindOf(v), name)
	}
	if len(s) > longest {
		return "", refusal(whose, "has a %s of %d bytes: at most %d", name, len(s), longest)
	}
	if strings.IndexFunc(s, scim.IsControl) >= 0 {
		return "", refusal(whose, "has a control character in its %s: take it out", name)
	}
	return s, nil
}

func refusal(whose, format string, args ...any) *scim.Error {
	return &scim.Error{Type: scim.InvalidValue, Detail: scim.NoticeName(whose) + " " + fmt.Sprintf(format, args...) + "."}
}
