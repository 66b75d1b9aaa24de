package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPortalLink(t *testing.T) {
	s := start(t)
	defer s.end()
	// A browser that keeps what it is asked to open.
	bin := t.TempDir()
	opened := filepath.Join(bin, "opened")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "xdg-open"), []byte("#!/bin/sh\nprintf %s \"$1\" > "+opened+"\n"), 0o755))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))

	out, said := s.command(0, "portal", "link", "acme", "--actor", "anna@acme.example", "--setup", "--return-url", "https://app.example/settings", "--minutes", "5", "--open")
	link, rest, _ := strings.Cut(out, "\n")
	origin := strings.TrimSuffix(s.info.BaseURL, "/scim/v2")
	require.True(t, strings.HasPrefix(link, origin+"/portal/open?t=rcl_acme_"), out)
	assert.Contains(t, rest, "Give it to anna@acme.example alone.")
	got, err := os.ReadFile(opened)
	require.NoError(t, err)
	assert.Equal(t, link, string(got))
	status, _, page := browse(t, link)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "anna@acme.example")

	require.NoError(t, os.Remove(opened))
	assert.Contains(t, s.object("portal", "link", "acme", "--actor", "anna")["url"], origin+"/portal/open?t=rcl_acme_")
	assert.NoFileExists(t, opened, "it is opened without --open")
	s.refuses(exitUsage, "--actor is missing", "portal", "link", "acme")
	s.refuses(exitUsage, "Usage: rollcall portal link TENANT", "portal", "link", "--actor", "anna")
	s.refuses(exitRefused, "minutes", "portal", "link", "acme", "--actor", "anna", "--minutes", "0")
	s.refuses(exitRefused, "returnUrl must be an https URL", "portal", "link", "acme", "--actor", "anna", "--return-url", "javascript:alert(1)")
	s.refuses(exitNotFound, `"nobody"`, "portal", "link", "nobody", "--actor", "anna")
	secret := strings.SplitN(link, "rcl_", 2)[1]
	assert.NotContains(t, said+s.stderr.String(), secret, "a link is in the log")

	// Without a browser the link is there, and the error does not repeat it.
	require.NoError(t, os.WriteFile(filepath.Join(bin, "xdg-open"), []byte("#!/bin/sh\nexit 3\n"), 0o755))
	out, said = s.command(1, "portal", "link", "acme", "--actor", "anna", "--open")
	assert.Contains(t, out, "/portal/open?t=rcl_acme_")
	assert.Contains(t, said, "open the link yourself")
	assert.NotContains(t, said, "rcl_")
}

// Only the URL of a web page is given to another program.
func TestOpenInBrowser_RefusesOtherAddresses(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, address := range []string{"", "--version", "file:///etc/passwd", "javascript:alert(1)", "https:", "/portal/open"} {
		assert.ErrorContains(t, openInBrowser(t.Context(), "linux", address), "not the URL of a web page", address)
	}
	for system, program := range map[string]string{"linux": "xdg-open", "freebsd": "xdg-open", "darwin": "open", "windows": "rundll32"} {
		assert.ErrorContains(t, openInBrowser(t.Context(), system, "https://scim.test/portal/open?t=secret"), "("+program+": ")
	}
}
