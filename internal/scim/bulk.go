package scim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// BulkRequest is a decoded bulk request. RFC 7644 §3.7
type BulkRequest struct {
	// FailOnErrors is the number of errors that end the request; 0 is any number.
	FailOnErrors int
	Operations   []BulkOperation
}

// BulkOperation is one operation of a bulk request as it was sent. RFC 7644 §3.7
type BulkOperation struct {
	// Method is POST, PUT, PATCH or DELETE; with any other, Fault is set.
	Method string
	// BulkID names the resource that a POST creates, for the other operations
	// and the answer.
	BulkID string
	Path   string
	// Version is an entity tag, as in If-Match; nil if there is none.
	Version *string
	// Data is what the single request would have as its body; nil for a DELETE.
	Data map[string]any
	// Fault is what is wrong with this operation, nil if nothing is. The other
	// operations are performed in any case.
	Fault *Error
}

// The methods of operations.
const (
	BulkPost   = "POST"
	BulkPut    = "PUT"
	BulkPatch  = "PATCH"
	BulkDelete = "DELETE"
)

const (
	// maxBulkID is the longest bulkId in bytes: errors repeat it.
	maxBulkID = 128
	// maxBulkMethod is the longest text in bytes that errors repeat as a
	// method.
	maxBulkMethod = 16
	// bulkLevels is how many levels of nesting a bulk request adds around the
	// data of an operation, which may itself nest as deep as in a single
	// request.
	bulkLevels = 3
)

// DecodeBulk decodes the body of a bulk request. An error concerns the request
// as a whole; the fault of one operation is stored in that operation. An
// unknown member of the request is refused, because a misspelled failOnErrors
// would do more than was asked for. An unknown member of an operation is
// ignored: the SCIM-SDK's client sends some of its own. RFC 7644 §3.7
func DecodeBulk(body []byte) (*BulkRequest, []Notice, error) {
	object, err := decodeDeep(body, bulkLevels)
	if err != nil {
		return nil, nil, err
	}
	var told notices
	b := &BulkRequest{}
	var list []any
	for _, name := range sortedNames(object) {
		v := object[name]
		switch {
		case EqualName(name, "schemas"):
		case EqualName(name, "failOnErrors"):
			b.FailOnErrors, err = failOnErrors(v)
		case EqualName(name, "Operations"):
			var ok bool
			if list, ok = v.([]any); !ok {
				err = &Error{InvalidSyntax, "Operations must be an array of operations, not " + kindOf(v) + "."}
			}
		default:
			err = &Error{InvalidSyntax, "A bulk request has no " + noticeName(name) + ": it has schemas, failOnErrors and Operations."}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if err := told.checkSchemas(member(object, "schemas"), BulkRequestURN, noExtension); err != nil {
		return nil, nil, err
	}
	if list == nil {
		return nil, nil, &Error{InvalidSyntax, "Operations is missing: it must be an array of operations."}
	}
	if len(list) == 0 {
		told.add(NoticeNoOperations, "Operations")
	}
	b.Operations = make([]BulkOperation, len(list))
	for i, v := range list {
		o, ok := v.(map[string]any)
		if !ok {
			return nil, nil, inOperation(i+1, &Error{InvalidSyntax, "an operation must be an object, not " + kindOf(v) + "."})
		}
		b.Operations[i] = decodeBulkOperation(o, &told)
	}
	return b, told, nil
}

// failOnErrors reads 0 as absent: clients in languages without an absent
// integer always send it.
func failOnErrors(v any) (int, error) {
	if v == nil {
		return 0, nil
	}
	n, ok := v.(Number)
	if !ok {
		return 0, &Error{InvalidValue, "failOnErrors must be a number, not " + kindOf(v) + "."}
	}
	i, err := strconv.ParseInt(string(n), 10, 32)
	if err != nil || i < 0 {
		return 0, &Error{InvalidValue, "failOnErrors must be a whole number, 1 or more; leave it out to accept any number of errors."}
	}
	return int(i), nil
}

func decodeBulkOperation(object map[string]any, told *notices) BulkOperation {
	var o BulkOperation
	fault := func(kind ErrorType, format string, args ...any) {
		if o.Fault == nil {
			o.Fault = &Error{kind, fmt.Sprintf(format, args...)}
		}
	}
	text := func(name string) string {
		v := member(object, name)
		s, ok := v.(string)
		if !ok && v != nil {
			fault(InvalidSyntax, "%s must be a string, not %s.", name, kindOf(v))
		}
		return s
	}
	for _, name := range sortedNames(object) {
		if !bulkName(name) && object[name] != nil {
			told.add(NoticeUnknownAttribute, "Operations."+name)
		}
	}
	// The bulkId comes first: whatever else is wrong with the operation, its
	// result is identified by it.
	if o.BulkID = text("bulkId"); !validBulkID(o.BulkID) {
		fault(InvalidValue, "bulkId must have at most %d bytes and no control characters.", maxBulkID)
		o.BulkID = ""
	}
	if o.Method = text("method"); !slices.Contains([]string{BulkPost, BulkPut, BulkPatch, BulkDelete}, o.Method) {
		fault(InvalidValue, "method must be POST, PUT, PATCH or DELETE, in upper case.")
		if len(o.Method) > maxBulkMethod {
			o.Method = ""
		}
	}
	if o.Path = text("path"); o.Path == "" {
		fault(InvalidSyntax, "path is missing: say which endpoint or resource the operation is for, for example /Users.")
	}
	if o.Method == BulkPost && o.BulkID == "" {
		fault(InvalidValue, "a POST needs a bulkId, which identifies its result.")
	}
	if v := member(object, "version"); v != nil && o.Method != BulkPost {
		version := text("version")
		o.Version = &version
	}
	if o.Method != BulkDelete {
		o.Data = bulkData(member(object, "data"), told, fault)
	}
	return o
}

// bulkName reports whether an operation has a member of the name in a request,
// or in an answer, from which some clients send it back.
func bulkName(name string) bool {
	return slices.ContainsFunc([]string{"method", "bulkId", "version", "path", "data", "location", "response", "status"},
		func(known string) bool { return EqualName(known, name) })
}

// validBulkID reports whether a bulkId can be repeated in an error. "" stands
// for none.
func validBulkID(id string) bool {
	return len(id) <= maxBulkID && !strings.ContainsFunc(id, unicode.IsControl)
}

// bulkData returns the data of an operation. JSON in a string is decoded: older
// clients of the SCIM-SDK send that.
func bulkData(v any, told *notices, fault func(ErrorType, string, ...any)) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case nil:
		fault(InvalidSyntax, "data is missing: send what the single request would have as its body.")
		return nil
	case string:
		inner, err := decodeObject([]byte(v))
		if err != nil {
			fault(InvalidSyntax, "data must be an object, not a string.")
			return nil
		}
		told.add(NoticeStringifiedValue, "Operations.data")
		return inner
	}
	fault(InvalidSyntax, "data must be an object, not %s.", kindOf(v))
	return nil
}

// ShortBulkID returns a bulkId quoted and short enough for an error.
func ShortBulkID(id string) string {
	if len(id) <= maxBulkID {
		return strconv.Quote(id)
	}
	cut := maxBulkID
	for cut > 0 && !utf8.RuneStart(id[cut]) {
		cut--
	}
	return strconv.Quote(id[:cut] + "…")
}
