// Command rollcall runs and operates the SCIM service: `rollcall local` serves it
// on this machine, with the same handlers as on AWS Lambda; `rollcall verify`
// reads a tenant's data, wherever it is kept, and says whether it is sound.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `rollcall keeps the roll of a SaaS product's users: a SCIM 2.0 service.

Usage:
  rollcall local [flags]    serve it on this machine
  rollcall verify [flags]   check that a tenant's data is sound
  rollcall help             show this text

'rollcall COMMAND --help' lists the flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit status: 0,
// 1 for a failure, 2 for a wrong use.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	var err error
	switch args[0] {
	case "local":
		err = runLocal(ctx, args[1:], stdout, stderr)
	case "verify":
		err = runVerify(ctx, args[1:], stdout, stderr)
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	default:
		err = usageError{fmt.Errorf("there is no command %q; 'rollcall help' lists them", args[0])}
	}
	var misuse usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &misuse):
		fmt.Fprintln(stderr, "rollcall:", err)
		return 2
	}
	fmt.Fprintln(stderr, "rollcall:", err)
	return 1
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }
