package sabotage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limit is the time in which a test notices a sabotage, compilation included. It is the time of
// the processor, which does not depend on what else the machine does.
const Limit = time.Minute

// patience ends a test that waits for something.
const patience = 10 * Limit

// Verdict is the outcome of a trial.
type Verdict string

// The verdicts. Red is the only good one.
const (
	Red      Verdict = "red"
	Green    Verdict = "GREEN: the test did not notice"
	Broken   Verdict = "DOES NOT COMPILE"
	Slow     Verdict = "TOO SLOW"
	Moved    Verdict = "DOES NOT APPLY"
	NotGreen Verdict = "THE TEST FAILS WITHOUT IT, OR IS MISSING"
	Another  Verdict = "ANOTHER TEST FAILED"
)

// Trial is one run of a test against a sabotage, with its verdict.
type Trial struct {
	Sabotage
	Verdict Verdict
	// Took is the processor's time until the test failed, compilation included.
	Took time.Duration
	// Output is what go test wrote, if the verdict is not Red.
	Output string
}

// Trials runs the test of each sabotage, first without and then with it.
type Trials struct {
	// Root is the folder of the repository.
	Root string
	// Parallel is how many tests run at once.
	Parallel int
	// Done is called for each trial, one at a time.
	Done func(Trial)
}

// Run tries sabotages, and returns the trials in their order.
func (t Trials) Run(ctx context.Context, sabotages []Sabotage) ([]Trial, error) {
	passed, err := t.undisturbed(ctx, sabotages)
	if err != nil {
		return nil, err
	}
	trials := make([]Trial, len(sabotages))
	next := make(chan int)
	var done sync.Mutex
	var workers sync.WaitGroup
	for range max(t.Parallel, 1) {
		workers.Go(func() {
			for i := range next {
				trials[i] = t.try(ctx, sabotages[i], passed[sabotages[i].Package])
				done.Lock()
				t.Done(trials[i])
				done.Unlock()
			}
		})
	}
	for i := range sabotages {
		next <- i
	}
	close(next)
	workers.Wait()
	return trials, ctx.Err()
}

// undisturbed returns the names of the tests that pass without any sabotage, by package.
func (t Trials) undisturbed(ctx context.Context, sabotages []Sabotage) (map[string][]string, error) {
	tests := map[string][]string{}
	for _, s := range sabotages {
		name, _, _ := strings.Cut(s.Test, "/")
		if !slices.Contains(tests[s.Package], name) {
			tests[s.Package] = append(tests[s.Package], name)
		}
	}
	passed := map[string][]string{}
	for folder, names := range tests {
		output, _, err := t.test(ctx, folder, "^("+strings.Join(names, "|")+")$", "")
		if err != nil && !isExit(err) {
			return nil, err
		}
		passed[folder] = named(output, "PASS")
	}
	return passed, nil
}

// try runs the test of a sabotage.
func (t Trials) try(ctx context.Context, s Sabotage, passed []string) Trial {
	trial := Trial{Sabotage: s}
	if !slices.ContainsFunc(passed, s.selects) {
		trial.Verdict = NotGreen
		return trial
	}
	overlay, remove, err := t.overlay(s)
	if err != nil {
		trial.Verdict, trial.Output = Moved, err.Error()
		return trial
	}
	defer remove()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	output, took, err := t.test(ctx, s.Package, s.pattern(), overlay)
	trial.Took = took
	if trial.Verdict = s.verdict(output, err); ctx.Err() != nil || took > Limit {
		trial.Verdict = Slow
	}
	if trial.Verdict != Red {
		trial.Output = output
	}
	return trial
}

func (s Sabotage) verdict(output string, err error) Verdict {
	switch {
	case err == nil:
		return Green
	case strings.Contains(output, "[build failed]") || strings.Contains(output, "[setup failed]"):
		return Broken
	case slices.ContainsFunc(named(output, "FAIL"), s.selects):
		return Red
	}
	return Another
}

// selects reports whether the test of the sabotage is the named one.
func (s Sabotage) selects(name string) bool { return name == s.Test }

// pattern returns the test as -run selects it.
func (s Sabotage) pattern() string {
	var parts []string
	for part := range strings.SplitSeq(s.Test, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	return strings.Join(parts, "/")
}

// overlay writes the changed file, and what lets the go command read it.
func (t Trials) overlay(s Sabotage) (name string, remove func(), err error) {
	changed, err := s.Apply(os.DirFS(t.Root))
	if err != nil {
		return "", nil, err
	}
	folder, err := os.MkdirTemp("", "sabotage")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(folder) }
	file := filepath.Join(folder, filepath.Base(s.File))
	name = filepath.Join(folder, "overlay.json")
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(t.Root, filepath.FromSlash(s.File)): file}})
	if err = errors.Join(err, os.WriteFile(file, changed, 0o600), os.WriteFile(name, content, 0o600)); err != nil {
		remove()
		return "", nil, err
	}
	return name, remove, nil
}

// Overlay is the variable of the environment with the name of the overlay, for tests that
// read the files of the repository themselves.
const Overlay = "ROLLCALL_OVERLAY"

// test runs go test with an overlay, "" for none, and returns its output and the processor's
// time.
func (t Trials) test(ctx context.Context, folder, pattern, overlay string) (output string, took time.Duration, err error) {
	args := []string{"test", "-v", "-count=1", "-vet=off", "-run", pattern, "-overlay", overlay}
	cmd := exec.CommandContext(ctx, "go", append(args, folder)...) //nolint:gosec // G204: the table's own packages and tests
	cmd.Dir, cmd.WaitDelay = t.Root, time.Second
	// The table is about the embedded engine: DynamoDB Local is slower.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "ROLLCALL_TEST_") || strings.HasPrefix(e, "CI=") })
	cmd.Env = append(cmd.Env, Overlay+"="+overlay)
	var written bytes.Buffer
	cmd.Stdout, cmd.Stderr = &written, &written
	if err = cmd.Run(); cmd.ProcessState != nil {
		took = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return written.String(), took, err
}

func isExit(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit)
}

// named returns the tests with a result.
func named(output, result string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^ *--- `+result+`: (\S+)`).FindAllStringSubmatch(output, -1) {
		names = append(names, m[1])
	}
	return names
}

// Report writes one line, and the output of a test that did not notice.
func (t Trial) Report(w io.Writer) {
	fmt.Fprintf(w, "%-4.4s %5.1f s  %s\n             %s %s\n", t.Verdict, t.Took.Seconds(), t.Name, t.Package, t.Test)
	if t.Verdict != Red {
		fmt.Fprintf(w, "%s: %s\n%s\n", t.Name, t.Verdict, t.Output)
	}
}
