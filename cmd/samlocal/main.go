// Command samlocal runs the service under AWS SAM on this machine: the
// template, the functions' own binaries in Lambda's containers, DynamoDB Local.
// make sam-api, make sam-invoke, make sam-table and make sam-test run it;
// docs/how-to/sam-local.md is its guide.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

const usage = `samlocal runs rollcall under AWS SAM on this machine: template.yaml, the functions
in Lambda's containers, DynamoDB Local.

Usage:
  samlocal api [flags]                  serve it: sam local start-api
  samlocal invoke --event FILE [flags]  give a function one event: sam local invoke
  samlocal table [flags]                create and fill the table of sam local
  samlocal test [flags]                 check that both answer as 'rollcall local' does
  samlocal help                         show this text

'samlocal COMMAND --help' lists the flags. Docker, Python 3 with venv, and for
DynamoDB Local Java 17 and Maven are needed; SAM itself is fetched.
`

// The exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	// On a signal everything is stopped in order and removed: the processes
	// that are started do not receive the terminal's signals.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], thisMachine(), os.Stdout, os.Stderr))
}

// A machine describes the computer that a run starts on.
type machine struct {
	// find returns the path of a program.
	find func(name string) (string, error)
	env  func(name string) string
	// system and processor are Go's names for them.
	system, processor string
	root              bool
}

func thisMachine() machine {
	return machine{
		find: exec.LookPath, env: os.Getenv,
		system: runtime.GOOS, processor: runtime.GOARCH, root: os.Geteuid() == 0,
	}
}

// run does the work of main with its environment as arguments, and returns the
// exit status.
func run(ctx context.Context, args []string, m machine, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	var err error
	switch args[0] {
	case "api":
		err = runAPI(ctx, args[1:], m, stdout, stderr)
	case "invoke":
		err = runInvoke(ctx, args[1:], m, stdout, stderr)
	case "table":
		err = runTable(ctx, args[1:], stdout, stderr)
	case "test":
		err = runTest(ctx, args[1:], m, stdout, stderr)
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
	default:
		err = usageError{fmt.Errorf("unknown command %q; 'samlocal help' lists them", args[0])}
	}
	var misuse usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.As(err, &misuse):
		fmt.Fprintln(stderr, "samlocal:", err)
		return exitUsage
	case errors.Is(err, errReported):
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "samlocal: interrupted")
	default:
		fmt.Fprintln(stderr, "samlocal:", err)
	}
	return exitFailed
}

// A usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errReported is a failure that has been printed.
var errReported = errors.New("failed")

// parse parses the flags of a command, which takes no arguments.
func parse(flags *flag.FlagSet, about string, args []string, stderr io.Writer) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stderr, "%s\n\nFlags:\n", about)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return err
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	if err != nil {
		return usageError{fmt.Errorf("%w; 'samlocal %s --help' lists the flags", err, flags.Name())}
	}
	return nil
}
