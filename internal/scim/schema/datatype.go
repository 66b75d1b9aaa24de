package schema

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Fits reports whether a value of one part is of the attribute's type: any
// object for a complex attribute.
func (a *Attribute) Fits(v any) bool {
	var ok bool
	switch a.Type {
	case TypeComplex:
		_, ok = v.(map[string]any)
	case TypeBoolean:
		_, ok = v.(bool)
	case TypeDecimal:
		_, ok = v.(scim.Number)
	case TypeInteger:
		var n scim.Number
		n, ok = v.(scim.Number)
		ok = ok && !strings.ContainsAny(string(n), ".eE")
	default:
		var s string
		s, ok = v.(string)
		ok = ok && (a.Type != TypeDateTime || isDateTime(s)) && (a.Type != TypeBinary || isBase64(s))
	}
	return ok
}

// isDateTime accepts xsd:dateTime with and without a time zone. RFC 7643 §2.3.5
func isDateTime(s string) bool {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func isBase64(s string) bool {
	_, err := DecodeBase64(s)
	return err == nil
}

// DecodeBase64 decodes both alphabets, with and without padding and line
// breaks. RFC 7643 §2.3.6
func DecodeBase64(s string) ([]byte, error) {
	s = strings.Map(func(c rune) rune {
		switch c {
		case '-':
			return '+'
		case '_':
			return '/'
		case '\r', '\n', '\t', ' ':
			return -1
		}
		return c
	}, s)
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}
