package corpus_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
)

func TestRead_HasTextsOfEachFile(t *testing.T) {
	c := corpus.Read(t, "../../..")
	assert.Greater(t, len(c.Bodies), 250)
	assert.Greater(t, len(c.Filters), 50)
	assert.Greater(t, len(c.Paths), 60)
	assert.Greater(t, len(c.Values), 300)
	assert.Contains(t, c.Filters, `userName ew ""`)
}
