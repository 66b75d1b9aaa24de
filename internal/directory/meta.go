package directory

import (
	"strconv"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// timeFormat is a dateTime in milliseconds, the precision that is stored. RFC
// 7643 §2.3.5
const timeFormat = "2006-01-02T15:04:05.000Z"

// Location returns the URI of a user. RFC 7643 §3.1
func (d *Directory) Location(id string) string { return d.location(d.users, id) }

// GroupLocation returns the URI of a group.
func (d *Directory) GroupLocation(id string) string { return d.location(d.groups, id) }

func (d *Directory) location(rt *scim.ResourceType, id string) string {
	return d.baseURL + rt.Endpoint + "/" + id
}

// Tag returns a version as an entity tag. It is weak, because what is served of
// a resource depends on the requested attributes, and a user's version does not
// change with its groups. RFC 7644 §3.14
func Tag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// stamp is the data of a meta attribute.
type stamp struct {
	rt                *scim.ResourceType
	id                string
	version           int64
	created, modified time.Time
}

func (d *Directory) stampOf(u *User) stamp {
	return stamp{d.users, u.ID, u.Version, u.Created, u.Modified}
}

func (d *Directory) stampOfGroup(g *Group) stamp {
	return stamp{d.groups, g.ID, g.Version, g.Created, g.Modified}
}

// meta returns a resource's meta attribute. RFC 7643 §3.1
func (d *Directory) meta(s stamp) map[string]any {
	return map[string]any{
		"resourceType": s.rt.Name,
		"created":      formatTime(s.created),
		"lastModified": formatTime(s.modified),
		"location":     d.location(s.rt, s.id),
		"version":      Tag(s.version),
	}
}

// metaDocument returns meta as JSON.
func (d *Directory) metaDocument(s stamp) []byte {
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

// Served returns a user's resource as filters and projections see it: with
// meta, without groups.
func (d *Directory) Served(u *User) (scim.Resource, error) {
	r, err := u.Resource()
	if err != nil {
		return nil, err
	}
	r["meta"] = d.meta(d.stampOf(u))
	return r, nil
}

// Document returns a user with groups as JSON, without decoding what is stored.
func (d *Directory) Document(u *User, groups []*Group) []byte {
	doc := u.Doc
	if elements := d.GroupElements(groups); len(elements) > 0 {
		doc = scim.SpliceAttribute(doc, "groups", scim.EncodeValue(elements))
	}
	return scim.Splice(doc, d.metaDocument(d.stampOf(u)))
}

// ServedGroup returns a group's resource as filters and projections see it:
// with meta, without members.
func (d *Directory) ServedGroup(g *Group) (scim.Resource, error) {
	r, err := g.Resource()
	if err != nil {
		return nil, err
	}
	r["meta"] = d.meta(d.stampOfGroup(g))
	return r, nil
}

// GroupDocument returns a group as JSON, without decoding what is stored: with
// its members, unless they are nil.
func (d *Directory) GroupDocument(g *Group, members []string) []byte {
	doc := g.Doc
	if members != nil {
		doc = scim.SpliceAttribute(doc, "members", d.MembersDocument(members))
	}
	return scim.Splice(doc, d.metaDocument(d.stampOfGroup(g)))
}

// MembersDocument returns members as JSON, each with $ref and type. It has no
// display names: they would cost a read of each user, or a copy that becomes
// outdated.
func (d *Directory) MembersDocument(members []string) []byte {
	prefix := string(scim.EncodeValue(d.Location("")))
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

// MemberSize is what one member takes in a document, in bytes.
func (d *Directory) MemberSize() int { return len(d.MembersDocument([]string{sampleID})) }

const sampleID = "00000000-0000-7000-8000-000000000000"

// MemberElements returns members as values of a resource.
func (d *Directory) MemberElements(members []string) []any {
	elements := make([]any, len(members))
	for i, id := range members {
		elements[i] = map[string]any{"value": id, "$ref": d.Location(id), "type": "User"}
	}
	return elements
}

// GroupElements returns groups as values of a user's resource, with their
// current displayNames.
func (d *Directory) GroupElements(groups []*Group) []any {
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

func formatTime(t time.Time) string { return t.UTC().Format(timeFormat) }

func formatEpoch(epoch int64) string { return strconv.FormatInt(epoch, 10) }
