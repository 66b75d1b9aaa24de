package event_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
)

func TestDocument_IsThePage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "events.md"))
	require.NoError(t, err)
	require.Equal(t, string(event.Document()), string(page), "out of date: make generate writes it")
	for _, kind := range event.Types() {
		require.Contains(t, string(page), "| `"+string(kind)+"` |")
	}
}

// The page says of a type that this version sends none exactly if no code makes it.
func TestDocument_SaysWhatIsSent(t *testing.T) {
	used := map[string]bool{}
	name := regexp.MustCompile(`\bevent\.([A-Z]\w+)\b`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.Contains(path, "/e2e/") || strings.Contains(path, "/check/") {
			return err
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range name.FindAllStringSubmatch(string(code), -1) {
			used[m[1]] = true
		}
		return nil
	})
	require.NoError(t, err)
	require.True(t, used["ProvisioningFixed"], "nothing was found")
	for constant, kind := range map[string]event.Type{
		"ProvisioningFixed": event.ProvisioningFixed, "SeatsFull": event.SeatsFull, "SeatsAvailable": event.SeatsAvailable,
		"TokenExpiring": event.TokenExpiring, "TokenRefused": event.TokenRefused, "DeactivationsUnusual": event.DeactivationsUnusual,
		"WebhookDisabled": event.WebhookDisabled, "WebhookTest": event.WebhookTest,
	} {
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(string(kind)) + "` .*$").FindString(string(event.Document()))
		require.NotEmpty(t, row)
		require.Equal(t, !used[constant], strings.Contains(row, "this version sends none"), kind)
	}
}
