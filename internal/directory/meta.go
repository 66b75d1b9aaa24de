package directory

import (
	"strconv"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// timeFormat is a dateTime in milliseconds, as many as are stored. RFC 7643
// §2.3.5
const timeFormat = "2006-01-02T15:04:05.000Z"

// Location is the URI of a user. RFC 7643 §3.1
func (d *Directory) Location(id string) string {
	return d.baseURL + d.users.Endpoint + "/" + id
}

// Version is a record's version as an entity tag: weak, because the groups of a
// user are served with it and do not move it. RFC 7644 §3.14
func Version(u *User) string { return `W/"` + strconv.FormatInt(u.Version, 10) + `"` }

// Meta is a user's meta attribute. RFC 7643 §3.1
func (d *Directory) Meta(u *User) map[string]any {
	return map[string]any{
		"resourceType": d.users.Name,
		"created":      formatTime(u.Created),
		"lastModified": formatTime(u.Modified),
		"location":     d.Location(u.ID),
		"version":      Version(u),
	}
}

// MetaDocument is Meta as JSON.
func (d *Directory) MetaDocument(u *User) []byte {
	b := make([]byte, 0, 256)
	b = append(b, `{"resourceType":"`...)
	b = append(b, d.users.Name...)
	b = append(b, `","created":"`...)
	b = append(b, formatTime(u.Created)...)
	b = append(b, `","lastModified":"`...)
	b = append(b, formatTime(u.Modified)...)
	b = append(b, `","location":`...)
	b = strconv.AppendQuote(b, d.Location(u.ID))
	b = append(b, `,"version":"W/\"`...)
	b = strconv.AppendInt(b, u.Version, 10)
	return append(b, `\""}`...)
}

// Served is a user's resource as readers see it, meta included: what filters and
// projections work on.
func (d *Directory) Served(u *User) (scim.Resource, error) {
	r, err := u.Resource()
	if err != nil {
		return nil, err
	}
	r["meta"] = d.Meta(u)
	return r, nil
}

// Document is the same as JSON, without decoding what is stored.
func (d *Directory) Document(u *User) []byte { return scim.Splice(u.Doc, d.MetaDocument(u)) }

func formatTime(t time.Time) string { return t.UTC().Format(timeFormat) }
