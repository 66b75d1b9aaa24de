package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
)

// The exit statuses. They are told by 'rollcall help'.
const (
	exitFailure      = 1
	exitUsage        = 2
	exitNotFound     = 3
	exitRefused      = 4
	exitUnauthorized = 5
	exitUnavailable  = 6
)

const rootLong = `rollcall keeps the roll of a SaaS product's users: a SCIM 2.0 service.

'rollcall local' serves it on this machine, 'rollcall verify' reads a tenant's data.
The others ask the application's side of a running service (docs/admin-api.md): one on this
machine by --info FILE or ROLLCALL_ADMIN_URL and ROLLCALL_ADMIN_TOKEN, one in AWS
by --stack NAME, in the account and the region that AWS tools take from the
environment.

Exit status:
  0  done
  1  it failed, or a check found something
  2  wrong use
  3  there is no such tenant, token, schema, user or group
  4  refused as it stands: taken, no free seat, another version, a value not taken
  5  not authorized
  6  the service does not answer, or is busy`

// newRoot makes the command with all below it.
func newRoot(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use: "rollcall", Short: "the roll of a SaaS product's users: a SCIM 2.0 service", Long: rootLong,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no command %q; 'rollcall help' lists them", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			c.SetOut(stderr)
			_ = c.Help()
			return usageError{errors.New("which command?")}
		},
	}
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return flagError(c.Flags(), c.CommandPath(), err)
	})
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return emptyFlag(c.Flags()) }
	root.AddCommand(
		newLocal(), newVerify(), newInit(), newDoctor(), newTenant(), newToken(), newSeats(), newUsers(), newGroups(), newSchema(),
		newLog(), newFailures(), newExplain(), newConsole(),
	)
	return root
}

// run is main with its surroundings as arguments; it returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(stdin, stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, "rollcall:", shown(err))
	return exitStatus(err)
}

// shown is an error as it is printed: it names what others sent, and what was typed.
func shown(err error) string {
	var several severalError
	if !errors.As(err, &several) {
		return visible(err.Error())
	}
	lines := make([]string, len(several))
	for i, line := range several {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

// exitStatus is the status that an error ends with.
func exitStatus(err error) int {
	var misuse usageError
	var problem *adminclient.Problem
	switch {
	case errors.As(err, &misuse):
		return exitUsage
	case errors.Is(err, adminclient.ErrUnreachable):
		return exitUnavailable
	case !errors.As(err, &problem):
		return exitFailure
	}
	switch problem.Status {
	case 404:
		return exitNotFound
	case 401, 403:
		return exitUnauthorized
	case 400, 409, 412, 413, 415:
		return exitRefused
	case 429, 503, 504:
		return exitUnavailable
	}
	return exitFailure
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// flagError is what is wrong with a command's flags. A long flag with one dash, which
// earlier versions accepted, is named in its form with two.
func flagError(flags *pflag.FlagSet, command string, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "" {
		name, value, given := strings.Cut(unknown.GetSpecifiedShortnames(), "=")
		if flags.Lookup(name) != nil {
			if given {
				value = "=" + value
			}
			return usageError{fmt.Errorf("-%s%s: a flag's name takes two dashes: --%[1]s%[2]s", name, value)}
		}
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
func takes(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return misused(c)
		}
		return nil
	}
}

// misused is the error of a command whose arguments are missing or too many.
func misused(c *cobra.Command) error {
	return usageError{fmt.Errorf("Usage: %s. '%s --help' lists the flags", strings.TrimSuffix(c.UseLine(), " [flags]"), c.CommandPath())} //nolint:staticcheck // a sentence of its own
}

// parent makes a command that only has others below it.
func parent(use, short string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no command %q; '%s --help' lists them", c.CommandPath()+" "+args[0], c.CommandPath())}
			}
			c.SetOut(c.ErrOrStderr())
			_ = c.Help()
			return usageError{fmt.Errorf("which command of '%s'?", c.CommandPath())}
		},
	}
	c.AddCommand(below...)
	return c
}
