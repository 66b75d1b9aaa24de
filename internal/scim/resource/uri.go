package resource

import (
	"net/url"
	"strings"
)

// isURIReference reports whether a text is an absolute or relative URI, in
// which spaces and non-ASCII letters are encoded. RFC 7643 §2.3.7, RFC 3986
// §4.1
func isURIReference(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|' ' && c|' ' <= 'z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", c) < 0 {
			return false
		}
	}
	_, err := url.Parse(s)
	return err == nil && strings.Count(s, "#") < 2
}
