package httpapi

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Readers of lines, and of the reference, find a field in its place.
func TestEvent_HasTheOrderOfTheReference(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/log-events.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "## A request\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var documented []string
	for line := range strings.Lines(table) {
		if column, ok := strings.CutPrefix(line, "| `"); ok {
			column, _, _ = strings.Cut(column, " |")
			documented = append(documented, regexp.MustCompile(`\w+`).FindAllString(column, -1)...)
		}
	}
	// Those that package logline and package lambdahttp add.
	documented = slices.DeleteFunc(documented, func(name string) bool {
		return slices.Contains([]string{"timestamp", "level", "message", "failures", "warnings", "stack", "_aws"}, name)
	})
	var logged []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[event]()) {
		if name, _, _ := strings.Cut(field.Tag.Get("log"), ","); name != "" {
			logged = append(logged, name)
		}
	}
	assert.Truef(t, slices.Equal(documented, logged), "documented: %v\nlogged: %v", documented, logged)
}
