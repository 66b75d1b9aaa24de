package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// jsonUsage describes --json, which nearly every command has.
const jsonUsage = "print the answer as JSON, and an error too"

// serverFlags are the flags that select the service.
var serverFlags = []string{"info", "stack", "admin-url"}

// helpWidth is the greatest width of the help.
const helpWidth = 80

// usageTemplate is cobra's template, with the flags in two parts and without its
// last line.
const usageTemplate = `Usage:
{{- if .Runnable}}{{if not .HasAvailableSubCommands}}
  {{.UseLine}}{{end}}{{end}}
{{- if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- $all := .Commands}}
{{- range $group := .Groups}}

{{.Title}}
{{- range $all}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if and .HasAvailableSubCommands (not .Groups)}}

Commands:
{{- range $all}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- with ownFlags .}}

Flags:
{{.}}{{end}}
{{- with serverFlags .}}

Which server ('rollcall local' on this machine is found without a flag):
{{.}}{{end}}
{{- if .HasAvailableSubCommands}}

'{{.CommandPath}} COMMAND --help' describes a command.{{end}}
`

// addHelp sets the help of all commands, and adds the commands help and completion to
// the root.
func addHelp(root *cobra.Command) {
	cobra.AddTemplateFunc("ownFlags", func(c *cobra.Command) string { return flagUsages(c, false) })
	cobra.AddTemplateFunc("serverFlags", func(c *cobra.Command) string { return flagUsages(c, true) })
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMMAND]", Short: "describe a command", Args: cobra.ArbitraryArgs, GroupID: groupOperate,
		Example: "  rollcall help\n  rollcall help tenant create",
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(found, append(rest, args...)[0])
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			found, _, err := c.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []cobra.Completion
			for _, below := range found.Commands() {
				if below.IsAvailableCommand() && strings.HasPrefix(below.Name(), typed) {
					names = append(names, cobra.CompletionWithDesc(below.Name(), below.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	})
	root.InitDefaultHelpCmd()
	root.SetCompletionCommandGroupID(groupOperate)
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			describeCompletion(c)
		}
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		completeFlags(c)
		c.Flags().SortFlags = false
		if c.Long == "" {
			c.Long = sentence(c.Short)
		}
		c.Long = wrapped(c.Long)
		for _, below := range c.Commands() {
			visit(below)
		}
	}
	visit(root)
}

// describeCompletion adds examples to cobra's command completion, and makes its
// errors look like those of the other commands.
func describeCompletion(c *cobra.Command) {
	c.Short = "print the completion script of a shell"
	c.Long = "Print the script that makes a shell complete commands, tenants, causes and other\nnames. Load it in the file that the shell reads at its start."
	c.Args, c.RunE = cobra.ArbitraryArgs, runParent
	for _, shell := range c.Commands() {
		shell.Short = "print the completion script of " + shell.Name()
		shell.Args = takes(0)
		shell.Long = sentence(shell.Short) + completionNeeds[shell.Name()]
		shell.Example = map[string]string{
			"bash":       "  source <(rollcall completion bash)",
			"zsh":        "  source <(rollcall completion zsh)",
			"fish":       "  rollcall completion fish | source",
			"powershell": "  rollcall completion powershell | Out-String | Invoke-Expression",
		}[shell.Name()]
	}
}

// completionNeeds has the steps that a shell needs before it can load its script.
var completionNeeds = map[string]string{
	"bash": "\n\nIt needs the package bash-completion: without it, bash prints\n_get_comp_words_by_ref: command not found.",
	"zsh":  "\n\nIt needs zsh's own completion, which 'autoload -U compinit; compinit' turns on.",
}

// completeFlags offers the values of the flags that have the same values in all commands.
func completeFlags(c *cobra.Command) {
	for name, offer := range map[string]completer{
		"cause": causes, "outcome": oneOf(outcomes...), "type": oneOf(resourceTypes...),
		"origin": oneOf("manual", "jit"), "account-type": oneOf("user", "reader"), "state": oneOf("active", "inactive", "deleted"), "managed-by": oneOf("idp", "app"),
	} {
		if c.Flags().Lookup(name) != nil {
			completesFlag(c, name, offer)
		}
	}
	for _, name := range []string{"info", "schema"} {
		if c.Flags().Lookup(name) != nil {
			_ = c.MarkFlagFilename(name)
		}
	}
	if c.Flags().Lookup("data") != nil {
		_ = c.MarkFlagDirname("data")
	}
}

// flagUsages describes the flags of a command: those that select the service, or
// the others, with --json and --help last.
func flagUsages(c *cobra.Command, server bool) string {
	part := pflag.NewFlagSet("", pflag.ContinueOnError)
	part.SortFlags = false
	asks := c.Flags().Lookup("admin-url") != nil
	var last []*pflag.Flag
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Hidden || server != (asks && slices.Contains(serverFlags, f.Name)):
		case f.Name == "json" || f.Name == "help":
			last = append(last, f)
		default:
			part.AddFlag(f)
		}
	})
	slices.SortFunc(last, func(a, b *pflag.Flag) int { return strings.Compare(b.Name, a.Name) })
	for _, f := range last {
		if f.Name == "help" {
			f.Usage = "describe the command"
		}
		part.AddFlag(f)
	}
	return strings.TrimRight(part.FlagUsagesWrapped(helpWidth), "\n")
}

// sentence returns a command's short description as a sentence.
func sentence(short string) string {
	return strings.ToUpper(short[:1]) + short[1:] + "."
}

// wrapped returns a text in lines that fit the help: lines that begin with spaces stay as
// they are.
func wrapped(text string) string {
	var lines []string
	paragraph := ""
	end := func() {
		if paragraph != "" {
			lines = append(lines, folded(paragraph, helpWidth)...)
		}
		paragraph = ""
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || strings.HasPrefix(line, " ") {
			end()
			lines = append(lines, line)
			continue
		}
		paragraph += " " + line
	}
	end()
	return strings.Join(lines, "\n")
}
