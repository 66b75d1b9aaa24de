// Package representation writes users and groups as they are served: with meta,
// locations, references to other resources and entity tags. It decides nothing
// and reads nothing.
package representation

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// timeFormat is a dateTime in milliseconds, the precision that is stored. RFC
// 7643 §2.3.5
const timeFormat = "2006-01-02T15:04:05.000Z"

// Documents writes the users and groups of a service. It is safe for concurrent
// use.
type Documents struct {
	types   schema.Types
	baseURL string
}

// New returns Documents. baseURL is the beginning of every location, without a
// trailing slash. It comes from configuration, never from a request.
func New(types schema.Types, baseURL string) *Documents { return &Documents{types, baseURL} }

// UserLocation returns the URI of a user. RFC 7643 §3.1
func (d *Documents) UserLocation(id string) string { return d.location(d.types.User, id) }

// GroupLocation returns the URI of a group.
func (d *Documents) GroupLocation(id string) string { return d.location(d.types.Group, id) }

func (d *Documents) location(rt *schema.ResourceType, id string) string {
	return d.baseURL + rt.Endpoint + "/" + id
}

// Tag returns a version as an entity tag. It is weak, because what is served of
// a resource depends on the requested attributes, and a user's version does not
// change with its groups. RFC 7644 §3.14
func Tag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// stamp is the data of a meta attribute.
type stamp struct {
	rt                *schema.ResourceType
	id                string
	version           int64
	created, modified time.Time
}

func (d *Documents) stampOf(u *directory.User) stamp {
	return stamp{d.types.User, u.ID, u.Version, u.Created, u.Modified}
}

func (d *Documents) stampOfGroup(g *directory.Group) stamp {
	return stamp{d.types.Group, g.ID, g.Version, g.Created, g.Modified}
}

// meta returns a resource's meta attribute. RFC 7643 §3.1
func (d *Documents) meta(s stamp) map[string]any {
	return map[string]any{
		"resourceType": s.rt.Name,
		"created":      formatTime(s.created),
		"lastModified": formatTime(s.modified),
		"location":     d.location(s.rt, s.id),
		"version":      Tag(s.version),
	}
}

// metaJSON returns meta as JSON.
func (d *Documents) metaJSON(s stamp) []byte {
	b := make([]byte, 0, 256)
	b = append(b, `{"resourceType":"`...)
	b = append(b, s.rt.Name...)
	b = append(b, `","created":"`...)
	b = append(b, formatTime(s.created)...)
	b = append(b, `","lastModified":"`...)
	b = append(b, formatTime(s.modified)...)
	b = append(b, `","location":`...)
	b = strconv.AppendQuote(b, d.location(s.rt, s.id))
	b = append(b, `,"version":"W/\"`...)
	b = strconv.AppendInt(b, s.version, 10)
	return append(b, `\""}`...)
}

// User returns a user as filters and projections see it: with meta, and with
// the groups if there are any.
func (d *Documents) User(u *directory.User, groups []*directory.Group) (scim.Resource, error) {
	r, err := u.Resource()
	if err != nil {
		return nil, err
	}
	r["meta"] = d.meta(d.stampOf(u))
	if len(groups) > 0 {
		r["groups"] = d.groupElements(groups)
	}
	return r, nil
}

// UserJSON returns a user with groups as JSON, without decoding what is stored. The error
// is that of a damaged table, in which the record has no valid document.
func (d *Documents) UserJSON(u *directory.User, groups []*directory.Group) ([]byte, error) {
	doc := u.Doc
	if err := scim.CheckStored(doc); err != nil {
		return nil, fmt.Errorf("user %s: %w", u.ID, err)
	}
	if len(groups) > 0 {
		doc = scim.SpliceAttribute(doc, "groups", scim.EncodeValue(d.groupElements(groups)))
	}
	return scim.Splice(doc, d.metaJSON(d.stampOf(u))), nil
}

// Group returns a group as filters and projections see it: with meta, and with
// the members unless they are nil.
func (d *Documents) Group(g *directory.Group, members []string) (scim.Resource, error) {
	r, err := g.Resource()
	if err != nil {
		return nil, err
	}
	r["meta"] = d.meta(d.stampOfGroup(g))
	if members != nil {
		r["members"] = d.memberElements(members)
	}
	return r, nil
}

// GroupJSON returns a group as JSON, without decoding what is stored: with its
// members, unless they are nil. The error is as for a user.
func (d *Documents) GroupJSON(g *directory.Group, members []string) ([]byte, error) {
	doc := g.Doc
	if err := scim.CheckStored(doc); err != nil {
		return nil, fmt.Errorf("group %s: %w", g.ID, err)
	}
	if members != nil {
		doc = scim.SpliceAttribute(doc, "members", d.membersJSON(members))
	}
	return scim.Splice(doc, d.metaJSON(d.stampOfGroup(g))), nil
}

// membersJSON returns members as JSON, each with $ref and type. It has no
// display names: they would cost a read of each user, or a copy that becomes
// outdated.
func (d *Documents) membersJSON(members []string) []byte {
	prefix := string(scim.EncodeValue(d.UserLocation("")))
	prefix = prefix[:len(prefix)-1] // without the closing quote
	b := make([]byte, 0, len(members)*(len(prefix)+110)+2)
	b = append(b, '[')
	for i, id := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"value":"`...)
		b = append(b, id...)
		b = append(b, `","$ref":`...)
		b = append(b, prefix...)
		b = append(b, id...)
		b = append(b, `","type":"User"}`...)
	}
	return append(b, ']')
}

// MemberSize returns the size of one member in a document, in bytes.
func (d *Documents) MemberSize() int { return len(d.membersJSON([]string{sampleID})) }

const sampleID = "00000000-0000-7000-8000-000000000000"

// memberElements returns members as values of a resource.
func (d *Documents) memberElements(members []string) []any {
	elements := make([]any, len(members))
	for i, id := range members {
		elements[i] = map[string]any{"value": id, "$ref": d.UserLocation(id), "type": "User"}
	}
	return elements
}

// groupElements returns groups as values of a user's resource, with their
// current displayNames.
func (d *Documents) groupElements(groups []*directory.Group) []any {
	elements := make([]any, 0, len(groups))
	for _, g := range groups {
		element := map[string]any{"value": g.ID, "$ref": d.GroupLocation(g.ID), "type": "direct"}
		if r, err := g.Resource(); err == nil && r.Text("displayName") != "" {
			element["display"] = r.Text("displayName")
		}
		elements = append(elements, element)
	}
	return elements
}

// UserSize returns what a user without groups takes on a page.
func (d *Documents) UserSize(u *directory.User) directory.Size { return d.size(u.Doc, d.stampOf(u)) }

// GroupSize returns what a group without members takes on a page.
func (d *Documents) GroupSize(g *directory.Group) directory.Size {
	return d.size(g.Doc, d.stampOfGroup(g))
}

// size returns what a whole stored document takes on a page: with meta, and
// with the comma after it.
func (d *Documents) size(doc []byte, s stamp) directory.Size {
	meta := d.metaJSON(s)
	n := len(doc) + len(`,"meta":`) + len(meta) + len(",")
	return directory.Size{Plain: n, Printed: n + escapes(doc) + escapes(meta) + len(`""`)}
}

// escapes returns how many bytes a stored document grows by as a string inside
// JSON. It has no control characters; JavaScript's two line separators grow
// from three bytes to six.
func escapes(doc []byte) int {
	return bytes.Count(doc, []byte{'"'}) + bytes.Count(doc, []byte{'\\'}) +
		3*(bytes.Count(doc, []byte("\u2028"))+bytes.Count(doc, []byte("\u2029")))
}

func formatTime(t time.Time) string { return t.UTC().Format(timeFormat) }
