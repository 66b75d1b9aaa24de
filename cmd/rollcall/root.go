package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootLong = `rollcall is a SCIM 2.0 service for the users and groups of a SaaS product.

'rollcall local' serves it on this machine. The other commands find that server by
themselves; --stack NAME asks a deployment in AWS instead, in the account and region
that AWS tools take from the environment (docs/reference/command.md).

Exit status:
  0  done
  1  failed, or a check found something
  2  wrong use
  3  tenant, token, client, schema, user, group or request not found
  4  refused: a value is taken or invalid, no free seat, another version,
     several matches
  5  not authorized
  6  the service does not answer, or is busy`

// The groups of commands in the help, in their order.
const (
	groupStart   = "start"
	groupFailing = "failing"
	groupTenants = "tenants"
	groupUsers   = "users"
	groupEvents  = "events"
	groupOperate = "operate"
)

// newRoot creates the command with all its subcommands.
func newRoot(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use: "rollcall", Short: "SCIM 2.0 for the users and groups of a SaaS product", Long: rootLong,
		SilenceErrors: true, SilenceUsage: true, FParseErrWhitelist: anyFlags,
		Version: thisBuild().String(),
		Args:    cobra.ArbitraryArgs, RunE: runParent,
	}
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.CompletionOptions.DisableNoDescFlag = true
	root.SetVersionTemplate("{{.Version}}\n")
	root.Flags().Bool("version", false, "print the version")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return flagError(c.Flags(), c.CommandPath(), err)
	})
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return emptyFlag(c.Flags()) }
	group := func(id, title string, commands ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: id, Title: title + ":"})
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	group(groupStart, "Start", newLocal(), newInit(), newSimulate(), newTrigger(), newDoctor())
	group(groupFailing, "Look into failures", newFailures(), newCheck(), newPushAgain(), newDrift(), newExplain(), newLog(), newDismiss(), newConsole())
	group(groupTenants, "Tenants, tokens and clients", newTenant(), newSeats(), newToken(), newClient(), newSchema(), newPortal())
	group(groupUsers, "Users and groups", newUsers(), newGroups())
	group(groupEvents, "Events", newEvents(), newListen(), newWebhooks())
	group(groupOperate, "Operate", newVerify(), newVersion())
	addHelp(root)
	return root
}

// run does the work of main with its environment as arguments, and returns the
// exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(stdin, stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	var none noCommandError
	if errors.As(err, &none) && !wantsJSON(args) {
		none.printHelp()
	}
	printError(stderr, err, wantsJSON(args))
	return exitStatus(err)
}

// flagError returns the error about a command's flags. For a long flag with one
// dash, which earlier versions accepted, it shows the form with two; for a
// mistyped one, the nearest.
func flagError(flags *pflag.FlagSet, command string, err error) error {
	var missing *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		what := map[string]string{"bool": "true or false", "duration": "a duration, for example 30s"}[invalid.GetFlag().Value.Type()]
		if what == "" {
			what = "a number"
		}
		return usageError{fmt.Errorf("--%s must be %s, not %q; '%s --help' lists the flags", invalid.GetFlag().Name, what, invalid.GetValue(), command)}
	}
	if !errors.As(err, &missing) {
		return usageError{fmt.Errorf("%w; '%s --help' lists the flags", err, command)}
	}
	if given := missing.GetSpecifiedShortnames(); given != "" {
		name, value, valued := strings.Cut(given, "=")
		if flags.Lookup(name) != nil {
			if valued {
				value = "=" + value
			}
			return usageError{fmt.Errorf("-%s%s: a flag's name takes two dashes: --%[1]s%[2]s", name, value)}
		}
	}
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := nearest(missing.GetSpecifiedName(), names); len(near) > 0 {
		return usageError{fmt.Errorf("unknown flag --%s. Did you mean --%s? '%s --help' lists the flags", missing.GetSpecifiedName(), strings.Join(near, " or --"), command)}
	}
	return usageError{fmt.Errorf("%w; '%s --help' lists the flags", err, command)}
}

// emptyFlag refuses a flag that was given without a value.
func emptyFlag(flags *pflag.FlagSet) error {
	empty := ""
	flags.Visit(func(f *pflag.Flag) {
		if f.Value.String() == "" {
			empty = f.Name
		}
	})
	if empty != "" {
		return usageError{fmt.Errorf("--%s is empty: give it a value, or leave it out", empty)}
	}
	return nil
}

// takes checks the number of arguments, which the command's usage names.
func takes(n int) cobra.PositionalArgs { return between(n, n) }

// between checks that the number of arguments is in a range.
func between(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return misused(c)
		}
		return nil
	}
}

// many is the number of arguments of a command that takes any number.
const many = 1000

// misused returns the error of a command whose arguments are missing or too many.
func misused(c *cobra.Command) error {
	return mistake("Usage: %s ('%s --help' lists the flags)", strings.TrimSuffix(c.UseLine(), " [flags]"), c.CommandPath())
}

// parent creates a command that only has subcommands.
func parent(use, short string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: runParent, FParseErrWhitelist: anyFlags}
	c.AddCommand(below...)
	return c
}

// anyFlags accepts the flags of a command that only has subcommands: a mistyped
// subcommand is reported first, whatever flags follow it.
var anyFlags = cobra.FParseErrWhitelist{UnknownFlags: true}

// runParent returns the error of a command that was given no subcommand, or an unknown one.
func runParent(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(c, args[0])
	}
	return noCommandError{usageError{fmt.Errorf("a command is missing: %s COMMAND", c.CommandPath())}, c}
}

// noCommandError is the error of a command that was given no subcommand: its help comes
// before the error, unless that is JSON.
type noCommandError struct {
	usageError

	command *cobra.Command
}

func (e noCommandError) Unwrap() error { return e.usageError }

// printHelp prints the help of the command on the standard error.
func (e noCommandError) printHelp() {
	e.command.SetOut(e.command.ErrOrStderr())
	_ = e.command.Help()
}

// unknownCommand returns the error of a mistyped command: it names the nearest ones.
func unknownCommand(c *cobra.Command, typed string) error {
	var names []string
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			names = append(names, below.Name())
		}
	}
	text := fmt.Sprintf("unknown command %q", strings.TrimPrefix(c.CommandPath()+" "+typed, "rollcall "))
	if near := nearest(typed, names); len(near) > 0 {
		for i, name := range near {
			near[i] = strings.TrimPrefix(c.CommandPath()+" "+name, "rollcall ")
		}
		return mistake("%s. Did you mean %s?", text, alternatives(near))
	}
	list := "rollcall help"
	if c.HasParent() {
		list = c.CommandPath() + " --help"
	}
	return usageError{fmt.Errorf("%s; '%s' lists the commands", text, list)}
}
