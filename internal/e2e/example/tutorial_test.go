//go:build unix

package example

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const tutorial = "docs/tutorials/integrate-in-an-hour.md"

// An action is something that the tutorial's reader does: a block of commands, or a comment that
// says what happens in the application's terminal.
type action struct {
	// heading is that of the section, and language that of the subsection, "" outside of one.
	heading, language string
	commands          string
	// shows is what the commands print, "" if it is not shown.
	shows string
	// comment is the text of the comment, "" for a block.
	comment string
}

var (
	tutorialPart = regexp.MustCompile("(?ms)^(##+) ([^\n]+)$|^```(sh|json|text)\n(.*?)^```$|^<!-- ([^\n]*) -->$")
	// varying is what differs in each run.
	varying = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)
)

// readTutorial returns the actions of the tutorial, in order.
func readTutorial(t *testing.T) []action {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, tutorial))
	require.NoError(t, err)
	var all []action
	var heading, language string
	for _, part := range tutorialPart.FindAllStringSubmatch(string(text), -1) {
		switch {
		case part[1] == "##":
			heading, language = part[2], ""
		case part[1] != "":
			language = part[2]
		case part[3] == "sh":
			all = append(all, action{heading: heading, language: language, commands: part[4]})
		case part[3] != "":
			require.NotEmpty(t, all)
			all[len(all)-1].shows = strings.TrimSpace(part[4])
		default:
			all = append(all, action{heading: heading, comment: part[5]})
		}
	}
	return all
}

// A reader follows the tutorial in a copy of the repository.
type reader struct {
	t           *testing.T
	folder      string
	environment []string
	replace     *strings.Replacer
	// url lists the application's users.
	url string
	// setting are the commands of the application's terminal before the application starts.
	// idp are those of the identity provider's terminal that set its variables.
	setting, idp string
	command      string
	application  *process
}

// The commands of the tutorial work as printed, in each language.
func TestTutorial_CommandsWorkAsPrinted(t *testing.T) {
	if *prepared == "" {
		t.Skip("make sdk prepares the applications, and runs this")
	}
	actions := readTutorial(t)
	languages := map[string]bool{}
	for _, a := range actions {
		if a.language != "" {
			languages[a.language] = true
		}
	}
	require.GreaterOrEqual(t, len(languages), 2)
	for language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			r := newReader(t, actions[0].commands)
			for _, a := range actions[1:] {
				if a.language == "" || a.language == language {
					r.does(a)
				}
			}
		})
	}
}

func newReader(t *testing.T, serve string) *reader {
	t.Helper()
	r := &reader{t: t, folder: t.TempDir()}
	files, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimRight(string(files), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) { // deleted, and not committed yet
			continue
		}
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(r.folder, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(r.folder, name), text, info.Mode()))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	r.url = "http://" + address + "/users"

	r.environment = []string{
		"XDG_STATE_HOME=" + t.TempDir(), "MAKEFLAGS=", "MAKELEVEL=",
		"GOFLAGS=-buildvcs=false -trimpath", // what is compiled does not depend on the folder
		"PATH=" + filepath.Join(*prepared, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
	require.True(t, strings.HasPrefix(serve, "make run "), serve)
	s := r.starts(strings.Replace(strings.TrimSpace(serve), `ARGS="`, `ARGS="--listen 127.0.0.1:0 `, 1))
	up := regexp.MustCompile(`base URL +http://(127\.0\.0\.1:\d+)/`)
	s.await("the server answers", func() bool { return up.MatchString(s.output.String()) && strings.Contains(s.output.String(), "Ctrl-C") })
	r.replace = strings.NewReplacer("127.0.0.1:8080", up.FindStringSubmatch(s.output.String())[1], "127.0.0.1:3000", address, "PORT=3000", "PORT="+port)
	return r
}

// starts runs commands in a shell of its own, whose last command stays.
func (r *reader) starts(commands string) *process {
	r.t.Helper()
	before, last := "", commands
	if i := strings.LastIndex(commands, "\n"); i >= 0 {
		before, last = commands[:i+1], commands[i+1:]
	}
	variables := regexp.MustCompile(`^((?:\w+=\S+ )*)(.*)$`).FindStringSubmatch(last)
	// exec, so that a signal reaches the program.
	return start(r.t, r.environment, "bash", "-euc", "cd '"+r.folder+"'\n"+before+variables[1]+"exec "+variables[2])
}

func (r *reader) does(a action) {
	r.t.Helper()
	commands := r.replace.Replace(a.commands)
	switch {
	case a.comment == "the application stops":
		r.application.stop()
	case a.comment == "the application starts":
		r.startApplication()
	case a.comment == "the application reconciles":
		out := r.run(r.setting + "\n" + r.command + " reconcile")
		assert.Equal(r.t, a.shows, strings.TrimSpace(out))
	case a.comment != "":
		require.Fail(r.t, "unknown comment", a.comment)
	case a.language != "":
		r.command = strings.TrimSpace(commands)
		r.startApplication()
		// It is installed once.
		r.command = r.command[strings.LastIndex(r.command, "\n")+1:]
	case a.heading == "Start the application":
		// The secret is shown once, so the webhook is registered once.
		r.setting = r.run(commands + "\nexport -p | grep -E ' (WEBHOOK_SECRET|ROLLCALL_ADMIN_URL|ROLLCALL_ADMIN_TOKEN|DATABASE|PORT)='")
		require.Equal(r.t, 5, strings.Count(r.setting, "declare -x "), r.setting)
	case strings.TrimSpace(commands) == "curl -s "+r.url:
		r.shows(a, commands)
	default:
		// What a block sets, later ones use.
		file := filepath.Join(r.folder, "bin", "terminal")
		r.run(r.idp + commands + "\n{ declare -p TOKEN ADA GROUP 2>/dev/null || true; declare -f scim; } >'" + file + "'")
		set, err := os.ReadFile(file)
		require.NoError(r.t, err)
		r.idp = string(set) + "\n"
	}
}

func (r *reader) startApplication() {
	r.t.Helper()
	r.application = r.starts(r.setting + "\n" + r.command)
	r.application.await("the application serves", func() bool { return strings.Contains(r.application.output.String(), "serving on") })
}

// shows repeats a command until it prints what the tutorial shows.
func (r *reader) shows(a action, commands string) {
	r.t.Helper()
	require.NotEmpty(r.t, a.shows)
	mask := func(text string) string { return varying.ReplaceAllString(strings.TrimSpace(text), "*") }
	var got string
	r.application.await(a.shows, func() bool {
		got = r.run(commands)
		return mask(got) == mask(a.shows)
	})
}

// run runs commands in bash, and returns what they print.
func (r *reader) run(commands string) string {
	r.t.Helper()
	c := exec.CommandContext(r.t.Context(), "bash", "-euc", "set -o pipefail\ncd '"+r.folder+"'\n"+commands)
	c.Env = append(os.Environ(), r.environment...)
	out, err := c.Output()
	var stderr []byte
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		stderr = failed.Stderr
	}
	require.NoErrorf(r.t, err, "%s\n%s%s", commands, out, stderr)
	return string(out)
}
