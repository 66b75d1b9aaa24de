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
	// Method is POST, PUT, PATCH or DELETE, or there is a fault.
	Method string
	// BulkID names what a POST creates, for the other operations and the answer.
	BulkID string
	Path   string
	// Version is an entity tag, as If-Match has it; nil when there is none.
	Version *string
	// Data is what the request alone would have as its body; nil for a DELETE.
	Data map[string]any
	// Fault is what is wrong with the form of this operation, nil for nothing: the
	// others are done all the same.
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
	// maxBulkID is the longest bulkId in bytes: it is told in errors.
	maxBulkID = 128
	// maxBulkMethod is the longest text in bytes that is told again as a method.
	maxBulkMethod = 16
	// bulkLevels are how many levels a bulk request puts around the data of an
	// operation, which may itself nest as deep as when it is sent alone.
	bulkLevels = 3
)

// DecodeBulk reads the body of a bulk request. An error is about the request as a
// whole; a fault of one operation stands in that operation. A member that it does
// not know is refused, since a misspelled failOnErrors would do more than was
// asked for; in an operation it is passed over: the SCIM-SDK's client has names
// of its own there. RFC 7644 §3.7
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
		case equalName(name, "schemas"):
		case equalName(name, "failOnErrors"):
			b.FailOnErrors, err = failOnErrors(v)
		case equalName(name, "Operations"):
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

// failOnErrors takes 0 for a number that was not given: clients whose language has
// no absent integer always send it.
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
	// The bulkId first: whatever is wrong with the operation, its answer is
	// recognised by it.
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
		fault(InvalidSyntax, "path is missing: say which endpoint or resource the operation is for, such as /Users.")
	}
	if o.Method == BulkPost && o.BulkID == "" {
		fault(InvalidValue, "a POST needs a bulkId, by which its answer is known.")
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

// bulkName tells the names that an operation has in a request or in an answer,
// which some clients send again.
func bulkName(name string) bool {
	return slices.ContainsFunc([]string{"method", "bulkId", "version", "path", "data", "location", "response", "status"},
		func(known string) bool { return equalName(known, name) })
}

// validBulkID tells whether a bulkId can be told in an error. "" is none.
func validBulkID(id string) bool {
	return len(id) <= maxBulkID && !strings.ContainsFunc(id, unicode.IsControl)
}

// bulkData is the data of an operation. A text that is JSON is unwrapped: older
// clients of the SCIM-SDK send it so.
func bulkData(v any, told *notices, fault func(ErrorType, string, ...any)) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case nil:
		fault(InvalidSyntax, "data is missing: it is what the request alone would have as its body.")
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

// ShortBulkID is a bulkId fit to be told in an error.
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
