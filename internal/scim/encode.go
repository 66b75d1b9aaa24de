package scim

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// EncodeValue returns any value of this package's documents as JSON, names in
// order.
func EncodeValue(v any) []byte { return AppendValue(nil, v) }

// stored are the options to read a document that Encode wrote.
var stored = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// CheckStored returns an error for a document that DecodeStored refuses. It costs a
// tenth of decoding.
func CheckStored(doc []byte) error {
	text := jsontext.Value(doc)
	if text.Kind() == jsontext.KindBeginObject && text.IsValid(stored...) {
		return nil
	}
	return errors.New("stored resource: not a JSON object")
}

// DecodeStored decodes a resource that Encode wrote. Such documents are trusted:
// their names are not checked again.
func DecodeStored(doc []byte) (Resource, error) {
	r := reader{body: doc, trusted: true, dec: jsontext.NewDecoder(bytes.NewBuffer(doc), stored...)}
	v, err := r.value()
	if err == nil && len(bytes.TrimSpace(doc[r.dec.InputOffset():])) > 0 {
		err = errors.New("more than one value")
	}
	if err != nil {
		return nil, fmt.Errorf("stored resource: %v", err) //nolint:errorlint // no fault of the request: not an *Error
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("stored resource: %s instead of an object", KindOf(v))
	}
	return object, nil
}

// Splice returns a document that Encode wrote with meta, given as JSON, added
// at its end. It decodes neither.
func Splice(doc, meta []byte) []byte { return SpliceAttribute(doc, "meta", meta) }

// SpliceAttribute returns a document that Encode wrote with one more attribute,
// given as JSON, at its end. The document itself is not changed.
func SpliceAttribute(doc []byte, name string, value []byte) []byte {
	end := bytes.LastIndexByte(doc, '}')
	if end < 0 || len(value) == 0 {
		return doc
	}
	out := make([]byte, 0, len(doc)+len(name)+len(value)+4)
	out = append(out, doc[:end]...)
	if len(bytes.TrimSpace(out)) > 1 {
		out = append(out, ',')
	}
	out = appendString(out, name)
	out = append(out, ':')
	out = append(out, value...)
	return append(out, '}')
}

// AppendName appends the name of an object's next member, and the colon.
func AppendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendString(b, name), ':')
}

// AppendValue appends a value, the names of objects in alphabetical order.
func AppendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case Number:
		return append(b, v...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendValue(b, element)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for _, name := range SortedNames(v) {
			b = AppendValue(AppendName(b, name), v[name])
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// appendString escapes only what JSON requires. Bytes that are not UTF-8 become
// U+FFFD.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}
