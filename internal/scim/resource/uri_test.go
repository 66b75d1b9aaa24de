package resource

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Covers: 7643-2.3.7-2
func TestIsURIReference(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com/a?b=c#d": true, "/Users/1": true, "../Users/1": true, "a": true, "#x": true, "data:image/png;base64,iVBO+/==": true,
		"urn:x:y": true, "https://example.com/%C3%A4": true, "https://[::1]/x": true, "": true,
		"a b": false, "https://example.com/ä": false, "%zz": false, "https://example.com:port/": false, "a\nb": false, `a"b`: false, "a#b#c": false, "<a>": false,
	} {
		assert.Equalf(t, want, isURIReference(text), "%q", text)
	}
}
