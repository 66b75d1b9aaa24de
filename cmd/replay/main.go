// Command replay sends the recorded requests of identity providers to a running
// server and reports, a line each, whether its answers are correct. It creates
// users and groups under random names, and deletes them afterwards.
//
//	replay -base http://127.0.0.1:8080/scim/v2 [-only ID,…] [-with CAPABILITY,…] [-strict]
//	replay -info FILE
//
// Keep tokens off the command line, which others on the machine can see: set
// ROLLCALL_TOKEN and ROLLCALL_OTHER_TOKEN, or use the file that rollcall local
// --info writes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// The exit statuses.
const (
	exitPassed = 0
	exitFailed = 1 // a line failed
	exitUsage  = 2 // nothing was sent
)

type options struct {
	base, token, other, extension, info, file, only, with string
	strict                                                bool
}

func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	o, err := parse(args, env, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitPassed
	}
	var cases []replay.Case
	if err == nil {
		cases, err = o.cases()
	}
	target := replay.Target{
		Timed:  true,
		Client: client(), Base: o.base, Token: o.token, Other: o.other, ExtensionURN: o.extension, Shared: true,
		Strict: o.strict,
	}
	if err == nil && target.ExtensionURN == "" {
		target.ExtensionURN, err = replay.FindExtension(ctx, target)
	}
	if err != nil {
		fmt.Fprintln(stderr, "replay:", err)
		return exitUsage
	}
	return report(ctx, stdout, target, cases)
}

func parse(args []string, env func(string) string, stderr io.Writer) (options, error) {
	o := options{token: env("ROLLCALL_TOKEN"), other: env("ROLLCALL_OTHER_TOKEN")}
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.base, "base", "", "base `URL` of the server, which ends in /scim/v2")
	token := flags.String("token", "", "bearer `TOKEN` of the tenant (or ROLLCALL_TOKEN)")
	other := flags.String("other-token", "", "bearer `TOKEN` of a second tenant (or ROLLCALL_OTHER_TOKEN), for the lines about two")
	flags.StringVar(&o.info, "info", "", "`FILE` that rollcall local --info wrote: takes base URL and token from it")
	flags.StringVar(&o.extension, "extension", "", "`URN` of the schema with isTeamAccount; read from the server if empty")
	flags.StringVar(&o.file, "file", "", "`FILE` of requests instead of the project's own")
	flags.StringVar(&o.only, "only", "", "`IDS` of the lines to send, with commas between; * at the end of one stands for the rest")
	flags.StringVar(&o.with, "with", "", "`CAPABILITIES`, for example groups,bulk: also send the lines that wait for these")
	flags.BoolVar(&o.strict, "strict", false, "the tenants' dialects, unknownAttributes and unknownMembers are refuse: expect a strict tenant's answers")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *token != "" {
		o.token = *token
	}
	if *other != "" {
		o.other = *other
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag; -help lists them", flags.Arg(0))
	}
	if o.info != "" {
		if err := o.readInfo(); err != nil {
			return o, err
		}
	}
	switch {
	case o.base == "":
		return o, errors.New("no server: give -base or -info")
	case o.token == "":
		return o, errors.New("no token: set ROLLCALL_TOKEN, or give -info or -token")
	}
	o.base = strings.TrimSuffix(o.base, "/")
	return o, nil
}

// readInfo reads the options that no flag sets from a server's info file.
func (o *options) readInfo() error {
	text, err := os.ReadFile(o.info)
	if err != nil {
		return fmt.Errorf("-info: %w; rollcall local --info FILE writes it while it runs", err)
	}
	var info struct{ BaseURL, Token string }
	if err := json.Unmarshal(text, &info); err != nil {
		return fmt.Errorf("-info %s: %w", o.info, err)
	}
	if o.base == "" {
		o.base = info.BaseURL
	}
	if info.Token != "" {
		o.token = info.Token
	}
	return nil
}

// cases returns the lines to send.
func (o *options) cases() ([]replay.Case, error) {
	cases, err := replay.Cases()
	if o.file != "" {
		cases, err = load(o.file)
	}
	if err != nil {
		return nil, err
	}
	if o.only != "" {
		for pattern := range strings.SplitSeq(o.only, ",") {
			if !slices.ContainsFunc(cases, func(c replay.Case) bool { return matches(pattern, c.ID) }) {
				return nil, fmt.Errorf("-only: no line %s", pattern)
			}
		}
		cases = slices.DeleteFunc(cases, func(c replay.Case) bool {
			return !slices.ContainsFunc(strings.Split(o.only, ","), func(p string) bool { return matches(p, c.ID) })
		})
	}
	for i, c := range cases {
		cases[i] = c.Ready(strings.Split(o.with, ",")...)
	}
	return cases, nil
}

func load(name string) ([]replay.Case, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return replay.Load(file)
}

func matches(pattern, id string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(id, prefix)
	}
	return pattern == id
}

// client returns a client that keeps as many connections as requests are sent
// concurrently, and follows no redirects: an identity provider would not send
// its token elsewhere.
func client() *http.Client {
	const connections = 64
	return &http.Client{
		Timeout:   40 * time.Second,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: connections, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// report runs the cases and prints how each ended, then the counts.
func report(ctx context.Context, w io.Writer, target replay.Target, cases []replay.Case) int {
	counts := make(map[replay.Outcome]int)
	for _, c := range cases {
		if ctx.Err() != nil {
			fmt.Fprintln(w, "interrupted")
			counts[replay.Failed]++
			break
		}
		result := replay.Run(ctx, target, c)
		counts[result.Outcome]++
		switch result.Outcome {
		case replay.Waiting, replay.NotRun:
			fmt.Fprintf(w, "%s: %s: %s\n", result.Outcome, result.ID, strings.Join(result.Reasons, "; "))
		default:
			fmt.Fprintf(w, "%s %s\n", result.Outcome, result.ID)
			for _, reason := range result.Reasons {
				fmt.Fprintf(w, "     %s\n", strings.ReplaceAll(reason, "\n", "\n     "))
			}
		}
		for _, what := range result.Unseen {
			fmt.Fprintf(w, "     not checked: %s\n", what)
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed", counts[replay.Passed], counts[replay.Failed])
	for _, more := range []struct {
		outcome replay.Outcome
		text    string
	}{{replay.Waiting, "skipped"}, {replay.NotRun, "not run"}} {
		if n := counts[more.outcome]; n > 0 {
			fmt.Fprintf(w, ", %d %s", n, more.text)
		}
	}
	fmt.Fprintln(w)
	if counts[replay.Failed] > 0 || counts[replay.Passed] == 0 {
		return exitFailed
	}
	return exitPassed
}
