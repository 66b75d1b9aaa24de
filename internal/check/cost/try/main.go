// Command try computes the bill of a deployment: make cost runs it, in the
// repository's folder.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/check/cost"
)

func main() {
	var own cost.Own
	flag.IntVar(&own.Users, "users", 1000, "users of the deployment")
	flag.StringVar(&own.IdP, "idp", "entra", "traffic of an identity provider: "+strings.Join(cost.IdPs()[1:], ", "))
	flag.IntVar(&own.MemoryMB, "memory", 0, "MemorySize, if it is not the template's")
	flag.IntVar(&own.SampleReads, "sample", 0, "LogSampleReads, if it is not the template's")
	flag.BoolVar(&own.Tracing, "tracing", false, "X-Ray is on")
	flag.IntVar(&own.Webhooks, "webhooks", 0, "webhooks that get all events")
	flag.BoolVar(&own.Bus, "bus", false, "an EventBridge bus gets all events")
	commit := flag.String("snapshot", "", "print the measurement of this commit, as internal/check/cost/before.json has it")
	flag.Parse()
	if err := run(own, *commit); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

func run(own cost.Own, commit string) error {
	tree := os.DirFS(".")
	if commit == "" {
		return cost.Print(os.Stdout, tree, own)
	}
	snapshot, err := cost.Snapshot(tree, commit)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(snapshot)
}
