package scim

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
		letter := 'a' <= lower(c) && lower(c) <= 'z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", c) < 0 {
			return false
		}
	}
	_, err := url.Parse(s)
	return err == nil && strings.Count(s, "#") < 2
}

// sameReference reports whether two references name the same resource: the
// version of the API before the endpoint may be present or not. RFC 7643 §2.4
func sameReference(a, b string) bool {
	root, resource := unversioned(a)
	otherRoot, otherResource := unversioned(b)
	return root == otherRoot && resource == otherResource
}

// unversioned cuts a reference before endpoint and id, and removes the version
// there: https://example.com/v2/Users/u1 becomes https://example.com and
// /Users/u1.
func unversioned(ref string) (root, resource string) {
	at := strings.LastIndexByte(ref, '/')
	if at > 0 {
		at = strings.LastIndexByte(ref[:at], '/')
	}
	if at < 0 {
		return "", ref
	}
	root, resource = ref[:at], ref[at:]
	version := root[strings.LastIndexByte(root, '/')+1:]
	if len(version) > 1 && version[0] == 'v' && strings.Trim(version[1:], "0123456789") == "" && len(version) < len(root) {
		root = root[:len(root)-len(version)-1]
	}
	return root, resource
}
