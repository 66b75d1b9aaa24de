// Command lambdasize builds the functions as they are deployed, and reports
// their size and start time, compared with a function that only creates a
// DynamoDB client. make lambda-size runs it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime"
)

const (
	// megabyte is the unit of Lambda's own limits.
	megabyte = 1 << 20
	// maxZip is the largest archive, in bytes. Lambda accepts 50 MB, but the
	// time of a start grows with the size.
	maxZip = 5 * megabyte
	// slow is the start time from which a function is reported, as a multiple of
	// the empty function's start time.
	slow = 1.5
	// grace is how long a process has to stop after SIGTERM.
	grace = 5 * time.Second

	empty = "internal/dev/lambdaruntime/testdata/empty"
)

const usage = `lambdasize builds the functions as they are deployed, and says of each how large
the binary and its archive are, for arm64, and how long a process takes on this
machine from its start until it asks for its first event.

The last column is that time in starts of a function that does nothing but hold a
DynamoDB client, from the same run: the starts of all take turns.

Usage:
  lambdasize [flags]

The exit status is 1 when an archive is over 5 MB (of 2^20 bytes), and 2 for wrong
use. A slow start is reported, and is not a failure: a busy machine causes one.

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run does the work of main with its environment as arguments, and returns the
// exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("lambdasize", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	starts := flags.Int("starts", 20, "`NUMBER` of starts of each function")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return 0
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("%q is not a flag", flags.Arg(0))
	case err == nil && *starts < 1:
		err = errors.New("-starts is a number from 1")
	}
	if err != nil {
		fmt.Fprintf(stderr, "lambdasize: %v; 'lambdasize --help' lists the flags\n", err)
		return 2
	}
	measures, err := measureAll(ctx, *starts, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "lambdasize:", err)
		return 1
	}
	if !report(stdout, measures) {
		return 1
	}
	return 0
}

// A measure is the result for one function.
type measure struct {
	name string
	// binary and archive are sizes in bytes, for arm64.
	binary, archive int64
	// starts are the times from the start until the function asks for its first
	// event.
	starts []time.Duration
}

// measureAll measures the functions, the empty one last.
func measureAll(ctx context.Context, starts int, progress io.Writer) (_ []measure, err error) {
	dir, err := os.MkdirTemp("", "rollcall-lambdasize-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	folders := append(slices.Clone(lambdaruntime.Functions), empty)
	var deployed, here string
	for _, target := range []struct {
		folder               *string
		system, architecture string
	}{{&deployed, "linux", "arm64"}, {&here, "", ""}} {
		if *target.folder, err = os.MkdirTemp(dir, "build-*"); err != nil {
			return nil, err
		}
		fmt.Fprintf(progress, "building for %s\n", cmp.Or(target.architecture, "this machine"))
		if err := lambdaruntime.Build(ctx, *target.folder, target.system, target.architecture, folders...); err != nil {
			return nil, err
		}
	}

	measures := make([]measure, len(folders))
	for i, folder := range folders {
		measures[i].name = path.Base(folder)
		file := lambdaruntime.Bootstrap(deployed, folder)
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		measures[i].binary = info.Size()
		if measures[i].archive, err = archiveSize(ctx, file); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(progress, "starting each %d times\n", starts)
	// The functions take turns, each round beginning with another one, so that
	// other load on the machine slows all of them. The first round reads the
	// files and is not counted.
	for round := range starts + 1 {
		for turn := range folders {
			i := (round + turn) % len(folders)
			elapsed, err := start(ctx, lambdaruntime.Bootstrap(here, folders[i]))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", folders[i], err)
			}
			if round > 0 {
				measures[i].starts = append(measures[i].starts, elapsed)
			}
		}
	}
	return measures, nil
}

// start starts a binary once, without a table.
func start(ctx context.Context, binary string) (time.Duration, error) {
	f, err := lambdaruntime.Start(ctx, lambdaruntime.Process{Binary: binary, Env: map[string]string{
		"ROLLCALL_TABLE":      "none",
		"ROLLCALL_BASE_URL":   "https://scim.example.com/scim/v2",
		"ROLLCALL_WAKE_QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/wake", "ROLLCALL_EVENT_BUS": "rollcall",
	}})
	if err != nil {
		return 0, err
	}
	_, err = f.Shutdown(grace)
	return f.Init().Duration, err
}

// archiveSize returns the size of an archive with this file only. It is packed
// with gzip, which comes within a few bytes of zip and sam package;
// compress/flate would make it 3 % larger.
func archiveSize(ctx context.Context, name string) (int64, error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	var size counter
	cmd := exec.CommandContext(ctx, "gzip", "-6", "-n", "-c")
	cmd.Stdin, cmd.Stdout = file, &size
	err = cmd.Run()
	if err = errors.Join(err, file.Close()); err != nil {
		return 0, fmt.Errorf("gzip of %s: %w", name, err)
	}
	return int64(size), nil
}

// A counter counts what is written to it.
type counter int64

// Write counts p.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// report prints the measures, those of the empty function last, and reports
// whether every archive is small enough.
func report(w io.Writer, measures []measure) (ok bool) {
	reference := median(measures[len(measures)-1].starts)
	ok = true
	var notes []string
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "function\tbinary MB\tzip MB\tstart ms\tof empty\t\n")
	for _, m := range measures {
		elapsed := median(m.starts)
		ratio := float64(elapsed) / float64(reference)
		fmt.Fprintf(table, "%s\t%.2f\t%.2f\t%.1f\t%.2f\t\n", m.name,
			float64(m.binary)/megabyte, float64(m.archive)/megabyte, float64(elapsed.Microseconds())/1000, ratio)
		if m.archive > maxZip {
			ok = false
			notes = append(notes, fmt.Sprintf("%s: the archive is larger than %d MB", m.name, maxZip/megabyte))
		}
		if ratio > slow {
			notes = append(notes, fmt.Sprintf("%s: starts slowly, more than %.1f times as long as the empty function", m.name, slow))
		}
	}
	_ = table.Flush() // as Fprintln's errors
	for _, note := range notes {
		fmt.Fprintln(w, note)
	}
	return ok
}

// median returns the median of some times.
func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
