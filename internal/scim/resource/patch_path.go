package resource

import (
	"errors"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// location is the place in a resource that the path of an operation names: a
// target and, for a multi-valued attribute, which of its values.
type location struct {
	schema.Target
	// explicit reports that the name is a path, not a name inside a value: it
	// must exist.
	explicit bool
	filter   filter.Expr
	// matches reports whether a value is selected; nil selects all.
	matches func(element map[string]any) bool
	// cost is how much longer reading a value takes because of the filter.
	cost int
}

// locate parses a path and finds what it names. RFC 7644 §3.5.2
func (c *coercer) locate(path string) (location, error) {
	l, name, n, err := c.find(path)
	if err == nil && !l.known() {
		err = unknownPath(c.rt, name, n)
	}
	return l, err
}

// known reports whether the path names something that a resource can have.
func (l location) known() bool { return l.Attribute != nil || l.Extension != nil }

// find does what locate does for a path that may name nothing: it then returns the
// name in the path, and how it was resolved.
func (c *coercer) find(path string) (l location, name string, n schema.Name, err error) {
	rt := c.rt
	if s := rt.Extension(path); s != nil {
		return location{Target: schema.Target{Extension: s}, explicit: true}, path, schema.Name{}, nil
	}
	parsed, fault := parsePath(rt, path, &c.notices)
	if fault != nil {
		return location{}, "", schema.Name{}, fault
	}
	if name, n = parsed.Name(), rt.ResolvePath(parsed); n.Attribute == nil {
		return location{}, name, n, nil
	}
	n.NoteSpelling(&c.notices)
	l = location{Target: n.Target, explicit: true, filter: parsed.Filter}
	if parsed.Filter == nil {
		return l, name, n, nil
	}
	if n.Attribute.Type != schema.TypeComplex {
		return location{}, name, n, &scim.Error{Type: scim.InvalidPath, Rule: scim.RulePath, Attribute: scim.NoticeName(path), Detail: n.Attribute.Name + " has no sub-attributes, so its path cannot have a filter."}
	}
	if !n.Attribute.MultiValued {
		c.notices.Add(scim.NoticeFilterForm, schema.Target{Extension: n.Extension, Attribute: n.Attribute}.String())
	}
	if l.matches, err = match.CompileElement(n.Attribute, parsed.Filter, &c.notices); err != nil {
		return location{}, name, n, inPath(path, err)
	}
	l.cost = len(path) / 8
	return l, name, n, nil
}

// parsePath parses a path of a PATCH, and adds a notice of a missing space. The
// error is an *scim.Error: of type InvalidFilter if the fault is in the brackets,
// else of type InvalidPath. RFC 7644 §3.5.2, §3.12
func parsePath(rt *schema.ResourceType, path string, notices *scim.Notices) (filter.Path, *scim.Error) {
	parsed, tight, err := filter.ReadPath(path, filter.Limits{}, rt.URNs()...)
	if err == nil {
		if tight {
			notices.Add(scim.NoticeFilterSpaces, parsed.Attribute)
		}
		return parsed, nil
	}
	if fault, ok := err.(*filter.Error); ok && fault.Inside { //nolint:errorlint // ReadPath returns no other
		return parsed, &scim.Error{Type: scim.InvalidFilter, Rule: scim.RulePath, Attribute: scim.NoticeName(path), Detail: "invalid filter in the path, " + err.Error() + "."}
	}
	return parsed, &scim.Error{Type: scim.InvalidPath, Rule: scim.RulePath, Attribute: scim.NoticeName(path), Detail: "invalid path, " + err.Error() + "."}
}

// inPath adds to an error about a filter the path that has the filter.
func inPath(path string, err error) error {
	var refused *scim.Error
	if errors.As(err, &refused) {
		refused.Rule, refused.Attribute = scim.RulePath, scim.NoticeName(path)
	}
	return err
}

// unknownPath returns the error for a path that names nothing. It says how to
// write the attribute that may be meant.
func unknownPath(rt *schema.ResourceType, name string, n schema.Name) *scim.Error {
	if len(n.Candidates) > 0 {
		return &scim.Error{Type: scim.InvalidPath, Rule: scim.NoticeAmbiguous, Attribute: scim.NoticeName(name), Detail: n.Ambiguity("the path", name)}
	}
	detail := "unknown attribute of a " + rt.Name + ": " + scim.NoticeName(name)
	if meant := rt.Meant(name); meant != "" {
		return &scim.Error{Type: scim.InvalidPath, Rule: scim.RuleKnown, Attribute: scim.NoticeName(name), Detail: detail + "; write " + meant + "."}
	}
	return &scim.Error{Type: scim.InvalidPath, Rule: scim.RuleKnown, Attribute: scim.NoticeName(name), Detail: detail + "; /Schemas lists those that it has."}
}

// foreignName returns the name in a path that follows the URN of a schema that
// this service does not have; ok is false for any other path. An operation on
// such a path is ignored, as such an attribute in a body is: a mapping of the
// identity provider without a counterpart here must not prevent the operation
// beside it from being applied, which may deactivate a user.
//
// A name that may well mean an attribute of ours is not foreign: without a URN,
// after the URN of one of our schemas or one that looks like a core schema's,
// and a name that decides on access: an attribute that always has a value, and
// the members of a group.
// Names of properties that every JavaScript object has are refused too: no
// schema has them, and only an attacker sends them.
func foreignName(rt *schema.ResourceType, path string) (name string, ok bool) {
	name, brackets, filtered := strings.Cut(path, "[")
	at := strings.LastIndexByte(name, ':')
	if at <= 0 || knownURN(rt, name) || looksCore(name) {
		return "", false
	}
	for part := range strings.SplitSeq(name[at+1:], ".") {
		if !foreignPart(rt, part) {
			return "", false
		}
	}
	// The rest must be a valid path apart from its names.
	plain := name[:at] + ":a"
	if filtered {
		plain += "[" + brackets
	}
	parsed, err := filter.ParsePath(plain, filter.Limits{})
	if err != nil || parsed.Sub != "" && !foreignPart(rt, parsed.Sub) {
		return "", false
	}
	return name, true
}

// knownURN reports whether a name begins with the URN of a schema that the type
// or the service has.
func knownURN(rt *schema.ResourceType, name string) bool {
	begins := func(urn string) bool {
		n := len(urn)
		return len(name) >= n && scim.EqualName(name[:n], urn) && (len(name) == n || name[n] == ':' || name[n] == '.')
	}
	for _, urn := range rt.URNs() {
		if begins(urn) {
			return true
		}
	}
	for urn := range scim.StandardURNs() {
		if begins(urn) {
			return true
		}
	}
	return false
}

// looksCore reports whether a name's URN looks like that of a core schema, as
// those of earlier drafts do: urn:scim:schemas:core:1.0.
func looksCore(name string) bool {
	return strings.Contains(scim.LowerName(name), ":schemas:core:")
}

// foreignPart reports whether a part of a name can be that of an attribute that
// is unrelated to ours.
func foreignPart(rt *schema.ResourceType, part string) bool {
	if n := rt.Resolve(part); n.Known() && n.Attribute != nil && n.Attribute.Defaulted {
		return false
	}
	for _, refused := range []string{"active", "members", "constructor", "prototype", "hasOwnProperty", "toString", "valueOf"} {
		if scim.EqualName(part, refused) {
			return false
		}
	}
	for i := range len(part) {
		if c := part[i]; (c|' ' < 'a' || c|' ' > 'z') && (c < '0' || c > '9') && strings.IndexByte("-_$", c) < 0 {
			return false
		}
	}
	return part != "" && part[0] != '_'
}
