package browsertest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

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
	b.open(s.base+s.console.Link("acme"), "Overview")
	for _, shot := range []struct {
		name, page, heading, scheme string
		width                       int64
		kept                        bool
	}{
		{"console-overview", "", "Overview", "light", 1100, true},
		{"console-overview-dark", "", "Overview", "dark", 1100, true},
		{"console-failed", "/failed", "Failed users", "light", 1100, false},
		{"console-details", "/requests/" + failed.Request, "Details of a request", "light", 1100, true},
		{"console-details-dark", "/requests/" + failed.Request, "Details of a request", "dark", 1100, true},
		{"console-log", "/log?outcome=failure", "Provisioning log", "light", 1100, false},
		{"console-failed-phone", "/failed", "Failed users", "dark", 390, false},
	} {
		t.Run(shot.name, func(t *testing.T) {
			b.t = t
			b.shape(shot.width, 800, shot.width < 600, shot.scheme)
			b.open(s.base+"/console/t/acme"+shot.page, shot.heading)
			b.rename(failed.Okta, "k3v7q2m5x6aw4rtn")
			picture := b.shot()
			n := len(picture)
			assert.Truef(t, n >= 10_000 && (!shot.kept || n <= 300_000), "the picture has %d bytes", n)
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
