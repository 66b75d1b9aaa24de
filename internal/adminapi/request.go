package adminapi

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/text"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A request is a request while it is answered.
type request struct {
	*http.Request
	id    string
	start time.Time
	// operator is the authorized identity, or "" if there is none.
	operator string
	// actor is the person at the application that the operator acts for, or "" if
	// the application does not name one.
	actor      string
	event      *requestEvent
	parameters map[string]string
	tenant     tenant.ID
	// resource and action are those of the log line.
	resource, action string
	query            url.Values
}

// ActorHeader names the person in the application who caused a request: the
// application's back end is one operator for all of its people. Without the header the
// log names the operator, and the error about a deleted group names "the application":
// the name of the role is not for administrators of identity providers.
const ActorHeader = "Rollcall-Actor"

// maxActor is the longest name in bytes: it is a part of log entries.
const maxActor = 128

// readActor reads the actor's name, which is one line of text.
func (q *request) readActor() error {
	name := strings.TrimSpace(q.Header.Get(ActorHeader))
	if credential.In(name) {
		return &problem{kind: kindInvalid, detail: "The header " + ActorHeader + exposed}
	}
	if !isLine(name, maxActor) || len(q.Header.Values(ActorHeader)) > 1 {
		return &problem{kind: kindInvalid, detail: fmt.Sprintf("The header %s is not one line of text of at most %d bytes.", ActorHeader, maxActor)}
	}
	q.actor = name
	return nil
}

// exposed is the end of a refusal, after the name of the part that contains a credential.
const exposed = " has a token or secret of this service in it; nothing was changed. Take it out, and rotate the token or secret: other logs may have it."

// exposedInURL refuses a URL with a credential in it: URLs are in the logs of every
// proxy on the way.
func (q *request) exposedInURL() error {
	query, err := url.QueryUnescape(q.URL.RawQuery)
	if err != nil {
		query = q.URL.RawQuery
	}
	if credential.In(q.URL.Path) || credential.In(query) {
		return &problem{kind: kindInvalid, detail: "The URL" + exposed}
	}
	return nil
}

// isLine reports whether a text is one printable line of at most the given
// number of bytes.
func isLine(s string, longest int) bool {
	return len(s) <= longest && utf8.ValidString(s) &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// who returns the name for the log entry of a change.
func (q *request) who() string {
	if q.actor != "" {
		return q.actor
	}
	return q.operator
}

// MaxBody is the largest accepted body, in bytes. It is enforced while the body is
// read.
const MaxBody = 256 << 10

// decode reads the body as a JSON object into v and refuses members that v does not
// have: a misspelled name that was ignored would change nothing, or too much.
func (q *request) decode(v any) error {
	body, err := q.body()
	if err != nil {
		return err
	}
	if jsontext.Value(body).Kind() == 'n' { // it would be taken for {}
		return &problem{kind: kindInvalid, detail: "The body is null and not an object."}
	}
	err = json.Unmarshal(body, v, json.RejectUnknownMembers(true))
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntactic):
		return &problem{kind: kindSyntax, detail: fmt.Sprintf("The body is not JSON at byte %d, or names a member twice.", syntactic.ByteOffset+1)}
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return &problem{kind: kindInvalid, detail: fmt.Sprintf("%s is not a member of this resource.", pointerName(semantic.JSONPointer))}
	case errors.As(err, &semantic):
		return &problem{kind: kindInvalid, detail: wrongForm(semantic.JSONPointer, semantic.GoType)}
	}
	return &problem{kind: kindSyntax, detail: "The body is not a JSON object of this resource."}
}

// wrongForm returns the error for a member of the wrong type, in the words of JSON.
func wrongForm(p jsontext.Pointer, t reflect.Type) string {
	if p == "" {
		return "The body must be a JSON object."
	}
	form := "a text"
	if t != nil && t.Kind() == reflect.Slice {
		form = "a list of texts"
	}
	switch t {
	case reflect.TypeFor[int64](), reflect.TypeFor[int]():
		form = "a number or null"
	case reflect.TypeFor[bool]():
		form = "true or false"
	case reflect.TypeFor[time.Time]():
		form = "a time, for example 2027-01-31T00:00:00Z, or null"
	}
	return strings.Trim(pointerName(p), `"`) + " must be " + form + "."
}

// pointerName returns the member that a JSON pointer names, which may be the client's
// text.
func pointerName(p jsontext.Pointer) string {
	name := strings.TrimPrefix(string(p), "/")
	if name == "" {
		return "The body"
	}
	const longest = 60
	return strconv.Quote(text.Cut(name, longest))
}

// body reads the request's body, or {} if there is none.
func (q *request) body() ([]byte, error) {
	switch web.MediaType(q.Request) {
	case "", "application/json", "application/merge-patch+json", "application/scim+json":
	default:
		return nil, &problem{kind: kindMedia, detail: "Unsupported media type; send application/json."}
	}
	body, err := web.ReadBody(q.Request, MaxBody)
	switch {
	case errors.Is(err, web.ErrBodyTooLarge):
		return nil, &problem{kind: kindTooLarge, detail: fmt.Sprintf("The body is larger than %d bytes.", MaxBody)}
	case err != nil:
		return nil, &problem{kind: kindSyntax, detail: "The body could not be read completely."}
	case credential.In(string(body)):
		return nil, &problem{kind: kindInvalid, detail: "The body" + exposed}
	case len(bytes.TrimSpace(body)) > 0:
		return body, nil
	case q.Method == http.MethodPatch:
		return nil, &problem{kind: kindSyntax, detail: "The body is empty; send an object with the members to change."}
	}
	return []byte("{}"), nil
}

// parameter returns a parameter of the query, "" when it is absent.
func (q *request) parameter(name string) string { return q.query.Get(name) }

// readQuery reads the query, and refuses parameters other than these, and repeated ones.
func (q *request) readQuery(names []string) (err error) {
	if q.query, err = url.ParseQuery(q.URL.RawQuery); err != nil {
		return &problem{kind: kindSyntax, detail: "The query string cannot be decoded."}
	}
	for name, values := range q.query {
		if len(values) == 1 && slices.Contains(names, name) {
			continue
		}
		detail := "The query has a parameter twice, or one that the resource does not have"
		if len(names) > 0 {
			detail += "; it has " + strings.Join(names, ", ")
		}
		return &problem{kind: kindInvalid, detail: detail + "."}
	}
	return nil
}

// count reads the parameter limit, the largest length of a page.
func (q *request) count() (int, error) {
	text := q.parameter("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, &problem{kind: kindInvalid, detail: fmt.Sprintf("limit must be a number from 1 to %d.", maxLimit)}
	}
	return n, nil
}

// The sizes of a page.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// about returns the id of a resource in the path, and adds it to the log line.
func (q *request) about(name string) string {
	id := q.parameters[name]
	if directory.ValidID(id) { // any other is the client's text
		q.resource = id
	}
	return id
}

// flag reads a parameter that is true or false, false when it is absent.
func (q *request) flag(name string) (bool, error) {
	switch q.parameter(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, &problem{kind: kindInvalid, detail: name + " must be true or false."}
}

// version reads the version in If-Match, 0 for any.
func (q *request) version() (int64, error) {
	text := q.Header.Get("If-Match")
	if text == "" || text == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(text, "W/"), `"`), 10, 64)
	if err != nil || n < 1 {
		return 0, &problem{kind: kindVersion, detail: "If-Match names an unknown version."}
	}
	return n, nil
}

// list reads the parameters of a list.
func (q *request) list() (limit int, after string, err error) {
	if limit, err = q.count(); err != nil {
		return 0, "", err
	}
	after, err = openPosition(q.parameter("after"), maxPosition)
	return limit, after, err
}

// parseTenant reads the tenant of a path.
func parseTenant(name string) (tenant.ID, error) {
	id, err := tenant.ParseID(name)
	if err != nil {
		return tenant.ID{}, &problem{kind: kindInvalid, detail: "Invalid tenant in the path: " + err.Error() + "."}
	}
	return id, nil
}
