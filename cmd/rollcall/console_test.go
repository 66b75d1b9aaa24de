package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// printedLink matches the link in the command's output.
var printedLink = regexp.MustCompile(`http://127\.0\.0\.1:\d+/console/\S*\?t=\S+`)

// browse opens a link with a browser's cookies, and returns the page that it
// leads to.
func browse(t *testing.T, link string) (status int, at *url.URL, page string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	require.NoError(t, err)
	response, err := (&http.Client{Jar: jar}).Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Request.URL, string(body)
}

func TestConsole_IsPartOfRollcallLocal(t *testing.T) {
	s := start(t, "--seats", "1")
	s.send("POST", "/Users", bob)
	s.send("POST", "/Users", strings.Replace(bob, "bob", "ann", 1))
	link := printedLink.FindString(s.stdout.String())
	if link == "" || link != s.info.ConsoleURL || !strings.Contains(s.stdout.String(), "works once") {
		t.Errorf("printed %q, the file has %q", s.stdout, s.info.ConsoleURL)
	}
	status, at, page := browse(t, link)
	if status != http.StatusOK || at.Path != "/console/t/acme" || at.RawQuery != "" || !strings.Contains(page, "1 of 1 seat in use") || !strings.Contains(page, `id="failing-link"`) {
		t.Errorf("%d at %s: %s", status, at, page)
	}
	if status, _, page := browse(t, link); status != http.StatusForbidden || strings.Contains(page, "seat") {
		t.Errorf("the link again: %d", status)
	}
	// The service beside it works as before.
	if status, answer := s.send("GET", "/Users", ""); status != http.StatusOK || answer["totalResults"] != 1.0 {
		t.Errorf("/Users: %d %v", status, answer)
	}
	s.end()
	for _, secret := range []string{strings.SplitN(link, "?t=", 2)[1], s.info.AdminToken} {
		assert.NotContains(t, s.stderr.String(), secret, "the log has a secret")
	}
	assert.Contains(t, s.stderr.String(), `"event":"console.request"`, "the log has no line of the console")
}

func TestConsole_AsksAServiceThatRuns(t *testing.T) {
	s := start(t)
	defer s.end()
	for _, tt := range []struct {
		args []string
		path string
	}{
		{nil, "/console/t/acme"}, // the only tenant
		{[]string{"--tenant", "acme", "--listen", "localhost:0"}, "/console/t/acme"},
		{[]string{"--tenant", "nobody"}, "/console/t/nobody"},
	} {
		ctx, stop := context.WithCancel(t.Context())
		out, said := &output{}, &output{}
		ended := make(chan int, 1)
		go func() {
			ended <- run(ctx, append([]string{"console", "--info", s.path}, tt.args...), strings.NewReader(""), out, said)
		}()
		link := ""
		for range 200 {
			if link = printedLink.FindString(out.String()); link != "" {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		require.NotEmptyf(t, link, "no link: %s %s", out, said)
		want := http.StatusOK
		if strings.HasSuffix(tt.path, "nobody") {
			want = http.StatusNotFound
		}
		status, at, page := browse(t, link)
		assert.Truef(t, status == want && at.Path == tt.path && strings.Contains(page, "Service: this machine"), "%v: %d at %s: %s", tt.args, status, at, page)
		stop()
		if status := <-ended; status != 0 {
			t.Errorf("%v: exit status %d: %s", tt.args, status, said)
		}
		if strings.Contains(out.String()+said.String(), s.info.AdminToken) || strings.Contains(said.String(), "?t=") {
			t.Errorf("%v: a secret is told: %s", tt.args, said)
		}
	}
}

func TestConsole_IsForThisMachineAlone(t *testing.T) {
	s := start(t)
	defer s.end()
	for listen, want := range map[string]string{
		"0.0.0.0:0":        "would show the console to other machines",
		"[::]:0":           "would show the console to other machines",
		":0":               "would show the console to other machines",
		"192.0.2.1:8090":   "would show the console to other machines",
		"127.0.0.1":        "is not HOST:PORT",
		"nowhere.invalid:": "host not found",
	} {
		s.refuses(exitUsage, want, "console", "--listen", listen)
	}
	s.refuses(exitUsage, `"message":"console has no --json`, "console", "--json")
	s.refuses(exitUsage, "Usage: rollcall console", "console", "acme")
}

func TestNearAddress(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080", "[::1]:8080": "[::1]:8080", "0.0.0.0:8080": "127.0.0.1:8080", "[::]:8080": "127.0.0.1:8080",
		"192.0.2.1:8080": "", "nonsense": "",
	} {
		near, ok := nearAddress(address)
		assert.Truef(t, ok == (want != "") && (!ok || near == want), "%s is reached at %q, %t", address, near, ok)
	}
}

// A service that other machines reach has its console for this machine, by
// name.
func TestConsole_OfAServiceForAllIsForThisMachine(t *testing.T) {
	s := start(t, "--listen", "0.0.0.0:0")
	defer s.end()
	status, _, page := browse(t, s.info.ConsoleURL)
	assert.Truef(t, status == http.StatusOK && strings.Contains(page, "acme"), "%d %s", status, page)
	_, port, err := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(s.info.BaseURL, "http://"), "/scim/v2"))
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/console/", http.NoBody)
	require.NoError(t, err)
	r.Host = "intranet.example:" + port
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	_ = response.Body.Close()
	assert.Equal(t, http.StatusMisdirectedRequest, response.StatusCode, "another name")
}
