// Command try breaks the service's promises one at a time, and reports whether the test
// that holds each promise notices. No source file of the repository changes.
// It records the times of a run of all.
//
//	go run ./internal/check/sabotage/try [-name PATTERN] [-sample N -seed TEXT] [-record]
package main

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/check/sabotage"
)

func main() {
	name := flag.String("name", "", "only sabotages whose name matches")
	sample := flag.Int("sample", 0, "only a number of sabotages, chosen by -seed; 0 for all")
	seed := flag.String("seed", "", "chooses the sample; the commit, if empty")
	parallel := flag.Int("p", max(1, runtime.NumCPU()/2), "how many tests run at once")
	record := flag.Bool("record", false, "record the times of a part as well, in "+sabotage.MeasuredFile)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	failed, err := try(ctx, *name, *sample, *seed, *parallel, *record || *name == "" && *sample == 0)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sabotage:", err)
	}
	if err != nil || failed > 0 {
		os.Exit(1)
	}
}

func try(ctx context.Context, name string, sample int, seed string, parallel int, record bool) (failed int, err error) {
	pattern, err := regexp.Compile(name)
	if err != nil {
		return 0, err
	}
	root, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	chosen := slices.DeleteFunc(sabotage.All(), func(s sabotage.Sabotage) bool { return !pattern.MatchString(s.Name) })
	if sample > 0 {
		if seed == "" {
			seed = commit(ctx)
		}
		fmt.Printf("%d of %d sabotages, chosen by -seed %s\n", min(sample, len(chosen)), len(chosen), seed)
		h := fnv.New64a()
		_, _ = h.Write([]byte(seed))
		rand.New(rand.NewPCG(h.Sum64(), 0)).Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] }) //nolint:gosec // G404: no secret depends on it
		chosen = chosen[:min(sample, len(chosen))]
	}
	begun := time.Now()
	trials := sabotage.Trials{Root: root, Parallel: parallel, Done: func(t sabotage.Trial) { t.Report(os.Stdout) }}
	tried, err := trials.Run(ctx, chosen)
	for _, t := range tried {
		if t.Verdict != sabotage.Red {
			failed++
		}
	}
	fmt.Printf("sabotage: %d passed, %d failed, in %s\n", len(tried)-failed, failed, time.Since(begun).Round(time.Second))
	if record && err == nil {
		if err = sabotage.Record(sabotage.MeasuredFile, tried, time.Now()); err == nil {
			fmt.Println("the times are in", sabotage.MeasuredFile+"; make generate writes them to docs/testing.md")
		}
	}
	return failed, err
}

// commit returns the hash of the commit, or the day where there is no repository.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return time.Now().UTC().Format(time.DateOnly)
	}
	return strings.TrimSpace(string(out))
}
