// Command replay sends a running SCIM server what identity providers really
// send, and checks every answer.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

const usage = `replay sends a running SCIM server the requests of identity providers, and checks
every answer. It makes users with names of their own and deletes them; run it
against a tenant that nothing else uses, with at most 2,000 free seats.

Usage:
  replay -base URL -token TOKEN [-other-token TOKEN] [-only ID]
  replay -info FILE             as 'rollcall local --info FILE' writes it

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments. Its status is 0 when every case
// that was run passed, 1 when one failed or none was run, 2 for a wrong use.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	target := idp.Target{Client: &http.Client{Timeout: 30 * time.Second}}
	var only, info string
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&target.BaseURL, "base", "", "base `URL` of the server, ending in /scim/v2")
	flags.StringVar(&target.Token, "token", os.Getenv("ROLLCALL_TOKEN"), "bearer `TOKEN` of a tenant; by default $ROLLCALL_TOKEN")
	flags.StringVar(&target.OtherToken, "other-token", "", "bearer `TOKEN` of a second tenant")
	flags.StringVar(&target.ExtensionURN, "extension", "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User", "`URN` of the extension that has isTeamAccount")
	flags.StringVar(&only, "only", "", "run the cases whose id begins with `ID`")
	flags.StringVar(&info, "info", "", "read base and token from this `FILE`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if info != "" {
		if err := readInfo(info, &target); err != nil {
			fmt.Fprintln(stderr, "replay:", err)
			return 2
		}
	}
	if target.BaseURL == "" || target.Token == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "replay: needs -base and -token, or -info; -help tells more")
		return 2
	}
	cases, err := idp.Cases()
	if err != nil {
		fmt.Fprintln(stderr, "replay:", err)
		return 1
	}
	passed, failed, notRun := 0, 0, 0
	for _, c := range cases {
		if !strings.HasPrefix(c.ID, only) {
			continue
		}
		result := idp.Run(ctx, target, c)
		switch {
		case result.NotRun != "":
			notRun++
			fmt.Fprintf(stdout, "not run  %s: %s\n", c.ID, result.NotRun)
		case result.Passed():
			passed++
			fmt.Fprintf(stdout, "pass     %s\n", c.ID)
		default:
			failed++
			fmt.Fprintf(stdout, "FAIL     %s\n", c.ID)
			for _, f := range result.Failures {
				fmt.Fprintf(stdout, "           %s\n", f)
			}
		}
		for _, unseen := range result.Unseen {
			fmt.Fprintf(stdout, "           not seen from here: %s\n", unseen)
		}
	}
	fmt.Fprintf(stdout, "\n%d passed, %d failed, %d skipped\n", passed, failed, notRun)
	if failed > 0 || passed == 0 {
		return 1
	}
	return 0
}

// readInfo reads what rollcall local wrote.
func readInfo(path string, target *idp.Target) error {
	encoded, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var info struct{ BaseURL, Token string }
	if err := json.Unmarshal(encoded, &info); err != nil {
		return fmt.Errorf("%s is not what rollcall local --info writes: %w", path, err)
	}
	target.BaseURL, target.Token = info.BaseURL, info.Token
	return nil
}
