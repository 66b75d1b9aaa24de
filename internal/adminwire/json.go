package adminwire

import (
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TimeFormat is the format of a time in UTC.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// FormatTime returns a time as documents have it.
func FormatTime(t time.Time) string { return t.UTC().Format(TimeFormat) }

// times writes times; it is there after the first document, so that functions without
// documents do not link it.
var times struct {
	once   sync.Once
	option json.Options
}

// Marshal encodes a document.
func Marshal(document any) ([]byte, error) {
	times.once.Do(func() {
		times.option = json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, t time.Time) error {
			return e.WriteToken(jsontext.String(FormatTime(t)))
		}))
	})
	return json.Marshal(document, json.Deterministic(true), times.option)
}

// A NullableString is a text that is null when it is empty.
type NullableString string

// String returns the text.
func (s NullableString) String() string { return string(s) }

// MarshalJSON encodes the text.
func (s NullableString) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(s), jsontext.AllowInvalidUTF8(true))
}

// An Optional is a member that can be left out, null, or have a value.
type Optional[T any] struct {
	// Set reports whether the member is there. Value is nil for null.
	Set   bool
	Value *T
}

// Of returns a member with a value.
func Of[T any](value T) Optional[T] { return Optional[T]{Set: true, Value: &value} }

// Or returns the value, or another one for null and for a member that is left out.
func (o Optional[T]) Or(other T) T {
	if o.Value == nil {
		return other
	}
	return *o.Value
}

// IsZero reports whether the member is left out.
func (o Optional[T]) IsZero() bool { return !o.Set }

// MarshalJSON encodes null or the value.
func (o Optional[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.Value) }

// UnmarshalJSON decodes null or a value.
func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	o.Set = true
	return json.Unmarshal(b, &o.Value)
}
