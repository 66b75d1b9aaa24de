// Command rollcall runs and operates the SCIM service: `rollcall local` serves
// it on this machine, with the same handlers as on AWS Lambda; `rollcall
// verify` checks a tenant's data, wherever it is stored; the other commands
// call the admin API of a running service.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// calledAs is the name of this program in the commands that it prints: main sets it to
// the path that was typed, which may not be in PATH.
var calledAs = "rollcall"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if !strings.Contains(filepath.ToSlash(os.Args[0]), "/go-build") { // the file of go run is gone afterwards
		calledAs = program()
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
