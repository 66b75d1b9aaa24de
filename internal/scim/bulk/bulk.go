// Package bulk decodes bulk requests, orders their operations, and puts ids in
// place of bulkIds. It performs none.
//
// RFC 7644 §3.7
package bulk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// Request is a decoded bulk request. RFC 7644 §3.7
type Request struct {
	// FailOnErrors is the number of errors that end the request; 0 is any number.
	FailOnErrors int
	Operations   []Operation
}

// Operation is one operation of a bulk request as it was sent. RFC 7644 §3.7
type Operation struct {
	// Method is POST, PUT, PATCH or DELETE; with any other, Fault is set.
	Method string
	// BulkID names the resource that a POST creates, for the other operations
	// and the answer.
	BulkID string
	Path   string
	// Version is an entity tag, as in If-Match; nil if there is none.
	Version *string
	// Data is the body of the single request; nil for a DELETE.
	Data map[string]any
	// Fault is the fault of this operation, nil if there is none. The other
	// operations are performed in any case.
	Fault *scim.Error
}

// The methods of operations.
const (
	Post   = "POST"
	Put    = "PUT"
	Patch  = "PATCH"
	Delete = "DELETE"
)

const (
	// maxID is the longest bulkId in bytes: errors repeat it.
	maxID = 128
	// maxMethod is the longest text in bytes that errors repeat as a
	// method.
	maxMethod = 16
	// levels is how many levels of nesting a bulk request adds around the
	// data of an operation, which may itself nest as deep as in a single
	// request.
	levels = 3
)

// Decode decodes the body of a bulk request. An error concerns the request as a
// whole; the fault of one operation is stored in that operation. An unknown
// member of the request is refused, because a misspelled failOnErrors would do
// more than requested. An unknown member of an operation is ignored: the
// SCIM-SDK's client sends some of its own. RFC 7644 §3.7
func Decode(body []byte) (*Request, []scim.Notice, error) {
	object, err := scim.DecodeDeep(body, levels)
	if err != nil {
		return nil, nil, err
	}
	var notices scim.Notices
	b := &Request{}
	var list []any
	for _, name := range scim.SortedNames(object) {
		v := object[name]
		switch {
		case scim.EqualName(name, "schemas"):
		case scim.EqualName(name, "failOnErrors"):
			b.FailOnErrors, err = failOnErrors(v)
		case scim.EqualName(name, "Operations"):
			var ok bool
			if list, ok = v.([]any); !ok {
				err = &scim.Error{Type: scim.InvalidSyntax, Detail: "Operations must be an array of operations, not " + scim.KindOf(v) + "."}
			}
		default:
			err = &scim.Error{Type: scim.InvalidSyntax, Detail: "A bulk request has no " + scim.NoticeName(name) + ": it has schemas, failOnErrors and Operations."}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if err := notices.CheckSchemas(scim.Member(object, "schemas"), scim.BulkRequestURN, scim.NoExtension); err != nil {
		return nil, nil, err
	}
	if list == nil {
		return nil, nil, &scim.Error{Type: scim.InvalidSyntax, Detail: "Operations is missing: it must be an array of operations."}
	}
	if len(list) == 0 {
		notices.Add(scim.NoticeNoOperations, "Operations")
	}
	b.Operations = make([]Operation, len(list))
	for i, v := range list {
		o, ok := v.(map[string]any)
		if !ok {
			return nil, nil, scim.InOperation(i+1, &scim.Error{Type: scim.InvalidSyntax, Detail: "an operation must be an object, not " + scim.KindOf(v) + "."})
		}
		b.Operations[i] = decodeOperation(o, &notices)
	}
	return b, notices, nil
}

// failOnErrors reads 0 as absent: clients in languages without an absent
// integer always send it.
func failOnErrors(v any) (int, error) {
	if v == nil {
		return 0, nil
	}
	n, ok := v.(scim.Number)
	if !ok {
		return 0, &scim.Error{Type: scim.InvalidValue, Detail: "failOnErrors must be a number, not " + scim.KindOf(v) + "."}
	}
	i, err := strconv.ParseInt(string(n), 10, 32)
	if err != nil || i < 0 {
		return 0, &scim.Error{Type: scim.InvalidValue, Detail: "failOnErrors must be a whole number, 1 or more; leave it out to accept any number of errors."}
	}
	return int(i), nil
}

func decodeOperation(object map[string]any, notices *scim.Notices) Operation {
	var o Operation
	fault := func(kind scim.ErrorType, format string, args ...any) {
		if o.Fault == nil {
			o.Fault = &scim.Error{Type: kind, Detail: fmt.Sprintf(format, args...)}
		}
	}
	text := func(name string) string {
		v := scim.Member(object, name)
		s, ok := v.(string)
		if !ok && v != nil {
			fault(scim.InvalidSyntax, "%s must be a string, not %s.", name, scim.KindOf(v))
		}
		return s
	}
	for _, name := range scim.SortedNames(object) {
		if !isMember(name) && object[name] != nil {
			notices.Add(scim.NoticeUnknownAttribute, "Operations."+name)
		}
	}
	// The bulkId comes first: whatever else is wrong with the operation, its
	// result is identified by it.
	if o.BulkID = text("bulkId"); !validID(o.BulkID) {
		fault(scim.InvalidValue, "bulkId must have at most %d bytes and no control characters.", maxID)
		o.BulkID = ""
	}
	if o.Method = text("method"); !slices.Contains([]string{Post, Put, Patch, Delete}, o.Method) {
		fault(scim.InvalidValue, "method must be POST, PUT, PATCH or DELETE, in upper case.")
		if len(o.Method) > maxMethod {
			o.Method = ""
		}
	}
	if o.Path = text("path"); o.Path == "" {
		fault(scim.InvalidSyntax, "path is missing: say which endpoint or resource the operation is for, for example /Users.")
	}
	if o.Method == Post && o.BulkID == "" {
		fault(scim.InvalidValue, "a POST needs a bulkId, which identifies its result.")
	}
	if v := scim.Member(object, "version"); v != nil && o.Method != Post {
		version := text("version")
		o.Version = &version
	}
	if o.Method != Delete {
		o.Data = decodeData(scim.Member(object, "data"), notices, fault)
	}
	return o
}

// isMember reports whether an operation has a member of the name in a request,
// or in an answer, from which some clients send it back.
func isMember(name string) bool {
	return slices.ContainsFunc([]string{"method", "bulkId", "version", "path", "data", "location", "response", "status"},
		func(known string) bool { return scim.EqualName(known, name) })
}

// validID reports whether a bulkId can be repeated in an error. "" means that
// there is none.
func validID(id string) bool {
	return len(id) <= maxID && !strings.ContainsFunc(id, unicode.IsControl)
}

// decodeData returns the data of an operation. JSON in a string is decoded: older
// clients of the SCIM-SDK send that.
func decodeData(v any, notices *scim.Notices, fault func(scim.ErrorType, string, ...any)) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case nil:
		fault(scim.InvalidSyntax, "data is missing: send what the single request would have as its body.")
		return nil
	case string:
		inner, err := scim.DecodeObject([]byte(v))
		if err != nil {
			fault(scim.InvalidSyntax, "data must be an object, not a string.")
			return nil
		}
		notices.Add(scim.NoticeStringifiedValue, "Operations.data")
		return inner
	}
	fault(scim.InvalidSyntax, "data must be an object, not %s.", scim.KindOf(v))
	return nil
}

// ShortID returns a bulkId quoted and short enough for an error.
func ShortID(id string) string { return strconv.Quote(text.Cut(id, maxID)) }
