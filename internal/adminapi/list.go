package adminapi

import (
	"encoding/base64"
	"slices"
)

// listOf returns the documents of a list.
func listOf[E, D any](list []E, document func(E) D) []D {
	documents := make([]D, len(list))
	for i, e := range list {
		documents[i] = document(e)
	}
	return documents
}

// maxPosition is the longest position in a list, in bytes.
const maxPosition = 128

var errNoPosition = &problem{kind: kindInvalid, detail: "after must be the next of a page; leave it out for the first page."}

// sealPosition returns a position in a list as clients see it. It is opaque to them, and has
// no secret.
func sealPosition(position string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(position))
}

// openPosition reads a position that a client sends back: an id, with a mark for the list that
// it is in. Any other text could not be a key of the table.
func openPosition(text string, longest int) (string, error) {
	position, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(position) > longest || slices.ContainsFunc(position, func(c byte) bool { return c <= ' ' || c > '~' }) {
		return "", errNoPosition
	}
	return string(position), nil
}
