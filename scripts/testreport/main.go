// Command testreport runs go test and prints a summary: a line for each package, the
// whole output of failed tests, how many tests were skipped for which reason, the
// tests that -show matches, and how many passed, failed and were skipped.
//
//	testreport [-show REGEXP] -- ARGUMENT OF go test…
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

func main() {
	show := flag.String("show", "", "print the tests whose name matches, passed too")
	flag.Parse()
	named := regexp.MustCompile(*show)
	if *show == "" {
		named = regexp.MustCompile(`^$`)
	}
	cmd := exec.Command("go", append([]string{"test", "-json"}, flag.Args()...)...) //nolint:gosec,noctx // go test with the caller's arguments; it ends with go test
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		fatal(err)
	}
	if err := cmd.Start(); err != nil {
		fatal(err)
	}
	report := &report{w: os.Stdout, named: named, output: make(map[string][]string), broken: make(map[string]bool), reasons: make(map[string]int)}
	if err := report.read(out); err != nil {
		fatal(err)
	}
	err = cmd.Wait()
	report.end()
	if err != nil || report.failed > 0 {
		os.Exit(1)
	}
	if report.passed == 0 {
		fatal(fmt.Errorf("no test ran"))
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "testreport:", err)
	os.Exit(2)
}

// An event is a line of go test -json.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

type report struct {
	w      io.Writer
	named  *regexp.Regexp
	output map[string][]string // by package and test
	// broken are the packages with a failed test. A package that fails without one
	// (it does not compile, or crashed) counts as one failure.
	broken                  map[string]bool
	passed, failed, skipped int
	reasons                 map[string]int
}

func (r *report) read(out io.Reader) error {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				fmt.Fprint(r.w, line)
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		r.output[key] = append(r.output[key], e.Output)
	case "build-output":
		fmt.Fprint(r.w, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e, key)
		} else {
			r.endTest(e, key)
		}
		delete(r.output, key)
	}
}

func (r *report) endPackage(e event, key string) {
	lines := r.output[key]
	if e.Action == "fail" {
		if !r.broken[e.Package] {
			r.failed++
		}
		fmt.Fprint(r.w, strings.Join(lines, ""))
		return
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "ok") {
			fmt.Fprint(r.w, line)
		}
	}
}

func (r *report) endTest(e event, key string) {
	switch e.Action {
	case "pass":
		r.passed++
		if r.named.MatchString(e.Test) {
			fmt.Fprintf(r.w, "    PASS %s (%.2fs)\n", e.Test, e.Elapsed)
		}
	case "fail":
		r.failed++
		r.broken[e.Package] = true
		fmt.Fprint(r.w, strings.Join(r.output[key], ""))
	case "skip":
		r.skipped++
		r.reasons[reason(r.output[key])]++
	}
}

// place matches the file and line before the reason of a skipped test, and frame the lines that go
// test prints around it.
var (
	place = regexp.MustCompile(`^\s*\S+\.go:\d+: `)
	frame = regexp.MustCompile(`^(=== |\s*--- )`)
)

// reason returns the reason that a skipped test gave.
func reason(output []string) string {
	for _, line := range output {
		if !frame.MatchString(line) {
			return strings.TrimSpace(place.ReplaceAllString(line, ""))
		}
	}
	return "no reason given"
}

func (r *report) end() {
	for _, why := range slices.Sorted(maps.Keys(r.reasons)) {
		fmt.Fprintf(r.w, "%d skipped: %s\n", r.reasons[why], why)
	}
	fmt.Fprintf(r.w, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
}
