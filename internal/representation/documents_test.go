package representation

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

var documents = New(directory.Types(""), "https://scim.test/scim/v2")

// Filters see the same attributes as the JSON, which has attributes added to
// the stored document.
func TestDocuments_JSONIsTheResource(t *testing.T) {
	at := time.Date(2026, time.January, 5, 9, 0, 0, 123e6, time.UTC)
	g := &directory.Group{ID: "g1", Version: 3, Created: at, Modified: at, Doc: []byte(`{"schemas":["` + scim.CoreGroupURN + `"],"id":"g1","displayName":"A \"B\""}`)}
	u := &directory.User{ID: "u1", Version: 12, Created: at, Modified: at, Doc: []byte(`{"schemas":["` + scim.CoreUserURN + `"],"id":"u1","userName":"ann\u2028"}`)}
	for name, c := range map[string]struct {
		json func() ([]byte, error)
		read func() (scim.Resource, error)
	}{
		"user":              {func() ([]byte, error) { return documents.UserJSON(u, nil) }, func() (scim.Resource, error) { return documents.User(u, nil) }},
		"user with groups":  {func() ([]byte, error) { return documents.UserJSON(u, []*directory.Group{g}) }, func() (scim.Resource, error) { return documents.User(u, []*directory.Group{g}) }},
		"group":             {func() ([]byte, error) { return documents.GroupJSON(g, nil) }, func() (scim.Resource, error) { return documents.Group(g, nil) }},
		"group, no members": {func() ([]byte, error) { return documents.GroupJSON(g, []string{}) }, func() (scim.Resource, error) { return documents.Group(g, []string{}) }},
		"group of two":      {func() ([]byte, error) { return documents.GroupJSON(g, []string{"u1", "u2"}) }, func() (scim.Resource, error) { return documents.Group(g, []string{"u1", "u2"}) }},
	} {
		want, err := c.read()
		require.NoError(t, err)
		text, err := c.json()
		require.NoError(t, err)
		got, err := scim.DecodeStored(text)
		assert.Truef(t, err == nil && reflect.DeepEqual(got, want), "%s: %s, %v; want %v", name, text, err, want)
	}
	size := documents.UserSize(u)
	alone, err := documents.UserJSON(u, nil)
	require.NoError(t, err)
	assert.Equalf(t, len(alone)+1, size.Plain, "a user takes %d bytes, want the document and a comma", size.Plain)
}
