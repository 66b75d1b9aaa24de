//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readmePort is the port in the documents. The test's server takes a free one,
// which replaces it in the commands and answers; nothing else of them is
// changed.
const readmePort = "127.0.0.1:8080"

var (
	block    = regexp.MustCompile("(?s)```(\\w+)\n(.*?)```\n")
	serverUp = regexp.MustCompile(`base URL +http://(127\.0\.0\.1:\d+)/`)
	changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z|rct_acme_\S+|rca_local_\S+|\?t=\S+|\S+/local-\d+-\d+\.json`)
)

// section is a block of commands with the block that shows what it prints.
type section struct {
	commands string
	// shows is "" for commands whose output is not shown.
	shows string
}

// sections returns the blocks of commands in a document.
func sections(t *testing.T, path, language string) []section {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var all []section
	for _, b := range block.FindAllStringSubmatch(string(text), -1) {
		switch {
		case b[1] == language:
			all = append(all, section{commands: b[2]})
		case (b[1] == "json" || b[1] == "text") && len(all) > 0 && all[len(all)-1].shows == "":
			all[len(all)-1].shows = b[2]
		}
	}
	return all
}

// programFor finds a program that the test needs. In CI a missing one is a failure.
func programFor(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is not installed", name)
	default:
		t.Skipf("%s is not installed: the documented commands are not tested in it", name)
	}
	return path
}

// made is a server that make run started, in a process group of its own.
type made struct {
	t       *testing.T
	process *exec.Cmd
	stdout  *output
	stderr  *output
	address string
}

// makeRun runs a documented command that starts a server.
func makeRun(t *testing.T, command string) *made {
	t.Helper()
	arguments := strings.Trim(strings.TrimPrefix(strings.TrimPrefix(command, "make run"), " ARGS="), `"`)
	m := &made{t: t, stdout: &output{}, stderr: &output{}}
	m.process = exec.CommandContext(t.Context(), programFor(t, "make"), "-s", "run", "ARGS="+strings.TrimSpace(arguments+" --listen 127.0.0.1:0"))
	m.process.Dir = filepath.Join("..", "..")
	m.process.Stdout, m.process.Stderr = m.stdout, m.stderr
	m.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	m.process.Cancel = func() error { return syscall.Kill(-m.process.Process.Pid, syscall.SIGKILL) }
	m.process.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	require.NoError(t, m.process.Start())
	for range 1200 { // the first time, it is built
		if found := serverUp.FindStringSubmatch(m.stdout.String()); found != nil && strings.Contains(m.stdout.String(), "Ctrl-C") {
			m.address = found[1]
			return m
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s starts no server: %s%s", command, m.stdout, m.stderr)
	return nil
}

// end stops the server as Ctrl-C does.
func (m *made) end() {
	m.t.Helper()
	assert.NoError(m.t, syscall.Kill(-m.process.Process.Pid, syscall.SIGINT))
	_ = m.process.Wait() // make is interrupted too
}

// masked returns a text without what differs in each run.
func (m *made) masked(text string) string {
	return changing.ReplaceAllString(strings.ReplaceAll(text, m.address, readmePort), "*")
}

// The commands of the README and the tutorial work as printed in the usual shells,
// where comments, "!", "?" and "[" have a meaning.
func TestREADME_CommandsWorkAsPrinted(t *testing.T) {
	commandsWorkAsPrinted(t, "../../README.md")
}

func TestTutorial_CommandsWorkAsPrinted(t *testing.T) {
	commandsWorkAsPrinted(t, "../../docs/tutorials/first-ten-minutes.md")
}

func commandsWorkAsPrinted(t *testing.T, document string) {
	for shell, options := range map[string][]string{
		"bash": {"--norc", "--noprofile", "-i"},
		"zsh":  {"-f", "-i", "+o", "promptsp"},
	} {
		t.Run(shell, func(t *testing.T) {
			path := programFor(t, shell)
			programFor(t, "curl")
			ownState(t)
			var m *made
			var script strings.Builder
			var want []string
			check := func() {
				if m != nil {
					m.runs(path, options, script.String(), want)
					m.end()
				}
				script.Reset()
				want = nil
			}
			for _, s := range sections(t, document, "sh") {
				if strings.HasPrefix(s.commands, "make run") {
					check()
					m = makeRun(t, strings.TrimSpace(s.commands))
					if got := m.masked(m.stdout.String()); s.shows != "" && got != changing.ReplaceAllString(s.shows, "*") {
						t.Errorf("%s prints\n%s\nthe document shows\n%s", s.commands, m.stdout, s.shows)
					}
					continue
				}
				fmt.Fprintf(&script, "%s\nprintf '\\n==== %%s\\n' $?\n", strings.ReplaceAll(s.commands, readmePort, m.address))
				want = append(want, s.shows)
			}
			check()
		})
	}
}

// runs runs commands one after another in one shell, and compares what each prints.
func (m *made) runs(shell string, options []string, script string, want []string) {
	m.t.Helper()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(m.t.Context(), shell, options...)
	c.Dir = filepath.Join("..", "..")
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(script), &stdout, &stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal, even when the test has one
	c.Env = append(os.Environ(), "PS1=", "PS2=", "PROMPT=")
	err := c.Run()
	parts := regexp.MustCompile(`(?s)(.*?)\n==== (\d+)\n`).FindAllStringSubmatch(stdout.String(), -1)
	require.Truef(m.t, err == nil && len(parts) == len(want), "%v; %d of %d blocks ran: %s%s", err, len(parts), len(want), &stdout, &stderr)
	for i, part := range parts {
		assert.Equalf(m.t, "0", part[2], "block %d ends with status %s: %s%s", i+1, part[2], part[1], &stderr)
		if got := m.masked(strings.TrimSpace(part[1])); want[i] != "" && got != changing.ReplaceAllString(strings.TrimSpace(want[i]), "*") {
			m.t.Errorf("block %d prints\n%s\nthe document shows\n%s", i+1, part[1], want[i])
		}
	}
}

// request is a request of a document's commands.
type request struct {
	method, path string
	body         any
}

var (
	curlURL  = regexp.MustCompile(`'(http://[^']*)'|"(http://[^"]*)"|(http://\S+)`)
	curlBody = regexp.MustCompile(`(?s)-d '(.*)'\n?$`)
	curlVerb = regexp.MustCompile(`-X (\w+)`)
	psCall   = regexp.MustCompile(`Invoke-RestMethod -Method (\w+) -Uri "\$Base([^"]*)" -Headers \$Headers`)
	psBody   = regexp.MustCompile(`(?s)-Body \(?'(.*)'\)?\n?$`)
)

// newRequest returns a request as both kinds of shell send it. A variable is "ID".
func newRequest(t *testing.T, method, path, body string) request {
	t.Helper()
	for _, same := range [][2]string{{"%22", `"`}, {"http://" + readmePort + "/scim/v2", ""}, {`'"$ID"'`, "ID"}, {"$ID", "ID"}, {"' + $Id + '", "ID"}, {"${Id}", "ID"}} {
		path, body = strings.ReplaceAll(path, same[0], same[1]), strings.ReplaceAll(body, same[0], same[1])
	}
	r := request{method: strings.ToUpper(method), path: path}
	if body != "" {
		err := json.Unmarshal([]byte(body), &r.body)
		assert.NoErrorf(t, err, "%s %s: %v: %s", method, path, err, body)
	}
	return r
}

// PowerShell's form sends the README's requests. There is no PowerShell among the
// packages that CI can install, so this compares texts and runs nothing; the commands
// keep to one form, which this test reads.
func TestPowerShell_SendsTheRequestsOfTheREADME(t *testing.T) {
	var want, got []request
	for _, s := range sections(t, "../../README.md", "sh") {
		for _, command := range strings.Split(s.commands, "curl ")[1:] {
			command, _, _ = strings.Cut(command, "| sed")
			u := curlURL.FindStringSubmatch(command)
			method, body := http.MethodGet, ""
			if m := curlBody.FindStringSubmatch(command); m != nil {
				method, body = http.MethodPost, m[1]
			}
			if m := curlVerb.FindStringSubmatch(command); m != nil {
				method = m[1]
			}
			want = append(want, newRequest(t, method, u[1]+u[2]+u[3], body))
		}
	}
	for _, s := range sections(t, "../../docs/tutorials/powershell.md", "powershell") {
		for _, call := range strings.SplitAfter(s.commands, "Invoke-RestMethod")[1:] {
			command := "Invoke-RestMethod" + call
			m := psCall.FindStringSubmatch(command)
			require.NotNilf(t, m, "not in the form that is compared: %s", command)
			body := ""
			if b := psBody.FindStringSubmatch(command); b != nil {
				body = b[1]
			}
			got = append(got, newRequest(t, m[1], m[2], body))
		}
	}
	assert.Truef(t, len(want) >= 5 && reflect.DeepEqual(got, want), "PowerShell sends\n%v\nthe README sends\n%v", got, want)
}
