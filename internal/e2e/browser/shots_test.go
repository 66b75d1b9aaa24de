package browsertest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

var shots = flag.String("shots", "", "write screenshots of the console to this `FOLDER`")

// TestShots makes pictures of the pages: make console-shots writes them. They are the
// same each time while the pages, the browser and its fonts are.
func TestShots(t *testing.T) {
	b := browse(t)
	s := serveOn(t, provoke.NewAt(t, enginetest.Memory(t), 45, time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)))
	failed := failedSync(t, s)
	users := s.Ask("GET", "/tenants/acme/users?subject=grace.kim@example.com", "").Body["users"].([]any)
	user := users[0].(map[string]any)["id"].(string)
	b.open(s.base+s.console.Link("acme"), "Overview")
	for _, shot := range []struct {
		name, page, heading, scheme string
		width                       int64
		// height cuts a long page; 0 is the whole page.
		height int64
		kept   bool
	}{
		{"console-overview", "", "Overview", "light", 1100, 0, true},
		{"console-overview-dark", "", "Overview", "dark", 1100, 0, true},
		{"console-failed", "/failed", "Failed users", "light", 1100, 1250, true},
		{"console-failed-dark", "/failed", "Failed users", "dark", 1100, 1250, true},
		{"console-details", "/requests/" + failed.Request, "Details of a request", "light", 1100, 0, true},
		{"console-details-dark", "/requests/" + failed.Request, "Details of a request", "dark", 1100, 0, true},
		{"console-user", "/users/" + user, "User", "light", 1100, 0, true},
		{"console-user-dark", "/users/" + user, "User", "dark", 1100, 0, true},
		{"console-log", "/log?outcome=failure", "Provisioning log", "light", 1100, 0, false},
		{"console-failed-phone", "/failed", "Failed users", "dark", 390, 0, false},
	} {
		t.Run(shot.name, func(t *testing.T) {
			b.t = t
			b.shape(shot.width, max(shot.height, 800), shot.width < 600, shot.scheme)
			b.open(s.base+"/console/t/acme"+shot.page, shot.heading)
			b.rename(failed.Okta, "k3v7q2m5x6aw4rtn")
			b.rename(user, "019cade2-bda0-7000-8c3e-5d2a91f07b46")
			picture := b.shot()
			if shot.height > 0 {
				picture = get(b, chromedp.CaptureScreenshot())
			}
			n := len(picture)
			assert.Truef(t, n >= 10_000 && (!shot.kept || n <= 400_000), "the picture has %d bytes", n)
			if *shots == "" || !shot.kept {
				return
			}
			assert.NoError(t, os.WriteFile(filepath.Join(*shots, shot.name+".png"), picture, 0o644))
		})
	}
	t.Run("console-overview-revoked", func(t *testing.T) {
		b.t = t
		s := serveOn(t, provoke.NewAt(t, enginetest.Memory(t), 45, sceneTime))
		tokens := s.Ask("GET", "/tenants/acme/tokens", "").Body["tokens"].([]any)
		lastFour := tokens[0].(map[string]any)["lastFour"].(string)
		scenes["revoked"](t, s)
		b.shape(1100, 800, false, "light")
		b.open(s.base+s.console.Link("acme"), "Overview")
		b.rename("…"+lastFour, "…e020")
		picture := b.shot()
		n := len(picture)
		assert.Truef(t, n >= 10_000 && n <= 200_000, "the picture has %d bytes", n)
		if *shots != "" {
			assert.NoError(t, os.WriteFile(filepath.Join(*shots, "console-overview-revoked.png"), picture, 0o644))
		}
	})
	b.calm()
}
