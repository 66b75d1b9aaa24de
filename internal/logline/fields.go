package logline

import (
	"log/slog"
	"reflect"
	"strings"
	"time"
)

// Fields returns the fields of a line from a struct: those with a tag `log:"name"`, in their
// order, those of an embedded struct, or of a pointer to one, in its place. A zero value is left out
// unless its tag ends in ",always". A list of texts becomes one text with commas, an error its
// text, and a duration milliseconds.
func Fields(of any) []slog.Attr { return fields(nil, reflect.Indirect(reflect.ValueOf(of))) }

func fields(all []slog.Attr, of reflect.Value) []slog.Attr {
	for i := range of.NumField() {
		name, always := strings.CutSuffix(of.Type().Field(i).Tag.Get("log"), ",always")
		value := of.Field(i)
		switch {
		case name != "" && (always || !value.IsZero() && (value.Kind() != reflect.Slice || value.Len() > 0)):
			all = append(all, slog.Attr{Key: name, Value: fieldValue(value)})
		case name == "" && of.Type().Field(i).Anonymous && reflect.Indirect(value).Kind() == reflect.Struct:
			all = fields(all, reflect.Indirect(value))
		}
	}
	return all
}

// fieldValue returns a value as it is logged.
func fieldValue(v reflect.Value) slog.Value {
	switch value := v.Interface().(type) {
	case time.Duration:
		return slog.Float64Value(float64(value.Microseconds()) / 1000)
	case []string:
		return slog.StringValue(strings.Join(value, ","))
	case error:
		return slog.StringValue(value.Error())
	}
	if v.Kind() == reflect.String { // of a type of its own
		return slog.StringValue(v.String())
	}
	return slog.AnyValue(v.Interface())
}
