package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
)

// commandTree returns every command, each after its parent.
func commandTree() (all []*cobra.Command) {
	root := newRoot(strings.NewReader(""), &output{}, &output{})
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		all = append(all, c)
		for _, below := range c.Commands() {
			visit(below)
		}
	}
	visit(root)
	return all
}

// words splits a line as a shell does, at the quotes used in the documents.
func words(t *testing.T, line string) (list []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`("[^"]*"|'[^']*'|[^\s"'])+`).FindAllString(line, -1) {
		list = append(list, strings.NewReplacer(`"`, "", "'", "").Replace(m))
	}
	return list
}

// checkUse fails the test unless the arguments are those of an existing
// command, with its flags and the number of arguments that it accepts.
func checkUse(t *testing.T, line string) *cobra.Command {
	t.Helper()
	_, call, found := strings.Cut(line, "rollcall ")
	if !found {
		t.Errorf("%q does not call rollcall", line)
		return nil
	}
	call, _, _ = strings.Cut(call, " |")
	call = strings.TrimSuffix(call, ")")
	root := newRoot(strings.NewReader(""), &output{}, &output{})
	c, rest, err := root.Find(words(t, call))
	if err == nil {
		c.InitDefaultHelpFlag()
		err = c.ParseFlags(rest)
	}
	if err == nil {
		err = c.ValidateArgs(c.Flags().Args())
	}
	if err == nil && c.HasSubCommands() {
		err = unknownCommand(c, strings.Join(c.Flags().Args(), " "))
	}
	assert.NoErrorf(t, err, "%q", line)
	return c
}

func TestHelp_EveryCommandHasExamplesThatParse(t *testing.T) {
	for _, c := range commandTree() {
		if c.HasSubCommands() {
			continue
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.SplitSeq(c.Example, "\n") {
			if used := checkUse(t, line); used != nil && used.CommandPath() != c.CommandPath() {
				t.Errorf("an example of %s is one of %s", c.CommandPath(), used.CommandPath())
			}
		}
	}
}

func TestHelp_FitsATerminal(t *testing.T) {
	for _, c := range commandTree() {
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		out := &output{}
		status := run(t.Context(), args, strings.NewReader(""), out, out)
		assert.Equalf(t, 0, status, "%v: status %d: %s", args, status, out)
		for line := range strings.SplitSeq(out.String(), "\n") {
			if c.Name() != "bash" && c.Name() != "zsh" && c.Name() != "fish" && c.Name() != "powershell" && utf8.RuneCountInString(line) > helpWidth {
				t.Errorf("%s --help has a line of %d characters: %s", c.CommandPath(), utf8.RuneCountInString(line), line)
			}
		}
		if c.HasSubCommands() {
			continue
		}
		if c.Flags().Lookup("admin-url") != nil && !strings.Contains(out.String(), "\nWhich server") {
			t.Errorf("%s --help does not list the server's flags apart: %s", c.CommandPath(), out)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if name, _ := pflag.UnquoteUsage(f); name != strings.ToUpper(name) {
				t.Errorf("%s --%s does not name its value: %q", c.CommandPath(), f.Name, name)
			}
		})
	}
}

func TestHelp_IsOneOfACommand(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"help", "tenant", "create"}, {"tenant", "create", "--help"}, {"help", "completion", "bash"}} {
		out, said := &output{}, &output{}
		if status := run(t.Context(), args, strings.NewReader(""), out, said); status != 0 || said.String() != "" || !strings.Contains(out.String(), "Usage:\n  rollcall") {
			t.Errorf("%v: status %d: %s%s", args, status, out, said)
		}
	}
	out := &output{}
	run(t.Context(), []string{"help"}, strings.NewReader(""), out, out)
	at := -1
	for _, title := range []string{"\nStart:\n", "\nLook into failures:\n", "\nTenants, tokens and clients:\n", "\nUsers and groups:\n", "\nOperate:\n"} {
		next := strings.Index(out.String(), title)
		assert.Truef(t, next > at, "%q is not after %d in %s", title, at, out)
		at = next
	}
	assert.NotContains(t, out.String(), "Additional", "a command has no group")
}

// The reference names every command and every flag, and no other.
func TestReference_IsComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/command.md")
	require.NoError(t, err)
	reference := string(text)
	flags := map[string]bool{"help": true}
	for _, c := range commandTree() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			flags[f.Name] = true
			if f.Name != "help" && !regexp.MustCompile("`[^`]*--"+f.Name+`\b`).MatchString(reference) {
				t.Errorf("docs/reference/command.md does not have --%s of %s", f.Name, c.CommandPath())
			}
		})
		if c.HasSubCommands() || !c.HasParent() {
			continue
		}
		if path := strings.TrimPrefix(c.CommandPath(), "rollcall "); !strings.Contains(reference, "`"+path+"`") && !strings.Contains(reference, "`"+path+" ") {
			t.Errorf("docs/reference/command.md does not have `%s`", path)
		}
	}
	for _, m := range regexp.MustCompile("--([a-z][a-z-]+)").FindAllStringSubmatch(reference, -1) {
		assert.Truef(t, flags[m[1]], "docs/reference/command.md has --%s, which no command has", m[1])
	}
	// The first column of a table has commands with arguments, and so have the blocks.
	uses := regexp.MustCompile("(?m)^\\| `((?:"+strings.Join(commandNames(), "|")+") ?[^`]*)`").FindAllStringSubmatch(reference, -1)
	assert.Truef(t, len(uses) >= 40, "docs/reference/command.md has %d commands in its tables", len(uses))
	for _, m := range uses {
		use := regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(m[1], "")
		checkUse(t, "rollcall "+strings.NewReplacer("SETTING ...", "displayName=x", "...", "").Replace(use))
	}
	for _, m := range regexp.MustCompile("(?m)^(rollcall .*?)(?:  +#.*)?$").FindAllStringSubmatch(reference, -1) {
		checkUse(t, m[1])
	}
}

// Commands in the documents' blocks are accepted by the command.
func TestDocuments_CommandsParse(t *testing.T) {
	pages, err := filepath.Glob("../../docs/[^d]*/*.md")
	require.NoError(t, err)
	checked := 0
	for _, page := range append(pages, "../../README.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		lines := regexp.MustCompile("(?m)^ *(rollcall [a-z-]+ .*?)(?:  +#.*)?$").FindAllStringSubmatch(fenced(string(text)), -1)
		for _, m := range lines {
			checked++
			if checkUse(t, m[1]); t.Failed() {
				t.Fatalf("in %s", page)
			}
		}
	}
	assert.Truef(t, checked >= 10, "the documents have %d commands", checked)
}

// fenced returns the text of a document's blocks of shell commands.
func fenced(text string) string {
	var b strings.Builder
	for _, m := range regexp.MustCompile("(?s)```(?:sh|console|powershell)?\n(.*?)```").FindAllStringSubmatch(text, -1) {
		b.WriteString(m[1])
	}
	return regexp.MustCompile(`\\\n *`).ReplaceAllString(b.String(), "") // commands of several lines
}

func commandNames() (names []string) {
	for _, c := range commandTree() {
		if c.HasParent() && !c.Parent().HasParent() {
			names = append(names, c.Name())
		}
	}
	return names
}

// The command knows the settings that the service accepts.
func TestSettings_AreTheServices(t *testing.T) {
	var description struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					Type any   `json:"type"`
					Enum []any `json:"enum"`
				} `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(adminapi.OpenAPI, &description))
	for schema, known := range map[string][]setting{"TenantSettings": tenantSettings, "UserChange": userSettings} {
		properties := description.Components.Schemas[schema].Properties
		require.NotEmptyf(t, properties, "%s has no properties", schema)
		for name, p := range properties {
			at := slices.IndexFunc(known, func(s setting) bool { return s.name == name })
			if at < 0 {
				assert.Equalf(t, "id", name, "%s.%s is not a setting of the command", schema, name)
				continue
			}
			s := known[at]
			types, _ := json.Marshal(p.Type)
			kind := textSetting
			switch {
			case strings.Contains(string(types), "integer"):
				kind = numberSetting
			case strings.Contains(string(types), "boolean"):
				kind = boolSetting
			}
			var choices []string
			for _, v := range p.Enum {
				if choice, ok := v.(string); ok {
					choices = append(choices, choice)
				}
			}
			if s.kind != kind || !slices.Equal(choices, s.choices) {
				t.Errorf("%s.%s is %s %v, the command has %v %v", schema, name, types, choices, s.kind, s.choices)
			}
		}
		for _, s := range known {
			_, ok := properties[s.name]
			assert.Truef(t, ok, "%s has no %s", schema, s.name)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, args := range [][]string{{"--version"}, {"version"}} {
		out := &output{}
		status := run(t.Context(), args, strings.NewReader(""), out, out)
		assert.Truef(t, status == 0 && regexp.MustCompile(`^rollcall \S+.*, go1\.\S+, \w+/\w+\n$`).MatchString(out.String()), "%v: %d %q", args, status, out)
	}
	out := &output{}
	var b build
	if status := run(t.Context(), []string{"version", "--json"}, strings.NewReader(""), out, out); status != 0 || json.Unmarshal([]byte(out.String()), &b) != nil || b.Module != "github.com/rollcall-scim/rollcall" || b.Version == "" {
		t.Errorf("--json: %d %s", status, out)
	}
	commit := strings.Repeat("0123456789ab", 4)[:40]
	for name, tt := range map[string]struct {
		info *debug.BuildInfo
		want string
	}{
		"a release": {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "rollcall v1.2.3, go"},
		"go install of a commit": {
			&debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261130105203-0123456789ab"}},
			"rollcall v0.0.0-20261130105203-0123456789ab, commit 0123456789ab, go",
		},
		"make in a checkout": {
			&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: commit}, {Key: "vcs.modified", Value: "true"}}},
			"rollcall v1.2.3, commit 0123456789ab with changes, go",
		},
		"a prerelease":           {&debug.BuildInfo{Main: debug.Module{Version: "v1.0.0-rc.1"}}, "rollcall v1.0.0-rc.1, go"},
		"no record of the build": {nil, "rollcall (devel), go"},
	} {
		got := buildOf(tt.info).String()
		assert.Truef(t, strings.HasPrefix(got, tt.want), "%s: %q, want %q", name, got, tt.want)
	}
}

// For a mistyped word the nearest ones are suggested, at every level.
func TestSuggestions(t *testing.T) {
	for line, want := range map[string]string{
		"tennant":                         `unknown command "tennant". Did you mean "tenant"?`,
		"user list acme":                  `unknown command "user". Did you mean "users"?`,
		"failure acme":                    `unknown command "failure". Did you mean "failures"?`,
		"tenant creat acme":               `unknown command "tenant creat". Did you mean "tenant create"?`,
		"tenant lsit --json=false":        `unknown command "tenant lsit". Did you mean "tenant list"?`,
		"token rotate statr acme x":       `unknown command "token rotate statr". Did you mean "token rotate start"?`,
		"completion bahs":                 `unknown command "completion bahs". Did you mean "completion bash"?`,
		"help tenant creat":               `unknown command "tenant creat". Did you mean "tenant create"?`,
		"xyzzy":                           `unknown command "xyzzy"; 'rollcall help' lists the commands`,
		"users xyzzy":                     `unknown command "users xyzzy"; 'rollcall users --help' lists the commands`,
		"log acme --cuase x":              "unknown flag --cuase. Did you mean --cause?",
		"tenant set acme maxSeat=1":       `unknown setting "maxSeat". Did you mean "maxSeats"?`,
		"tenant create acme scimenable=x": `unknown setting "scimenable". Did you mean "scimEnabled"?`,
		"tenant put acme zzz=1":           `unknown setting "zzz". Known: displayName, maxSeats,`,
		"users set acme x acitve=true":    `unknown setting "acitve". Did you mean "active"?`,
		"log acme --outcome failed":       `unknown outcome "failed". Known: success, warning, failure, skipped`,
		"log acme --type Users":           `unknown type "Users". Did you mean "User"?`,
		"failures acme --type Gruop":      `unknown type "Gruop". Did you mean "Group"?`,
		"tenant set acme maxSeats=many":   "maxSeats must be a number or null.",
		"log acme --limit x":              `--limit must be a number, not "x"; 'rollcall log --help' lists the flags`,
		"token create acme --quiet=maybe": `--quiet must be true or false, not "maybe"`,
		"token create acme --expires x":   `--expires: "x" is not a time`,
		"tenant set acme":                 "Usage: rollcall tenant set TENANT SETTING ... ('rollcall tenant set --help' lists the flags)",
		"seats set acme 1.5":              "maxSeats must be a number or null.",
	} {
		out, said := &output{}, &output{}
		status := run(t.Context(), words(t, line), strings.NewReader(""), out, said)
		if status != exitUsage || out.String() != "" || !strings.HasPrefix(said.String(), "rollcall: "+want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("rollcall %s: status %d, %q, want %q", line, status, said, want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"seat_limit", "reader_limit", "rate_limit", "duplicate", "token_revoked"}
	for word, want := range map[string]string{
		"seat_limt": "seat_limit", "SEAT_LIMIT": "seat_limit", "dupl": "duplicate", "token-revoked": "token_revoked",
		"": "", "x": "", "limit": "", strings.Repeat("a", 100_000): "",
	} {
		assert.Equalf(t, want, strings.Join(nearest(word, names), " "), "%.20q is near", word)
	}
}
