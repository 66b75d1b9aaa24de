package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A binary is a test binary in which the mutants are compiled.
type binary struct {
	name    string // the package's folder below internal
	dir     string
	file    string
	seeded  bool // the flags of rapid are known to it
	sim     bool // it has the simulation, of which a few histories run
	mutants int
}

// A test is one test of a binary, as it ran without a mutant.
type test struct {
	binary  *binary
	Package string        `json:"package"`
	Name    string        `json:"name"`
	Cost    time.Duration `json:"cost"` // of the processor
	Wall    time.Duration `json:"wall"`
	Steps   int64         `json:"steps"`
	Failed  bool          `json:"failed,omitempty"`
	Reached []int         `json:"reached"`
	Cases   []string      `json:"cases,omitempty"`
	Divided bool          `json:"divided,omitempty"` // its cases are tests of their own
	reaches map[int]bool
}

func (t test) String() string { return t.Package + "." + t.Name }

// top returns the test that a case belongs to.
func (t test) top() string {
	name, _, _ := strings.Cut(t.Name, "/")
	return t.Package + "." + name
}

// compile builds the test binaries of packages with the mutants.
func compile(g *generated, dir string, packages []string) ([]*binary, error) {
	replace := map[string]string{}
	for name, text := range g.files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
		replace[filepath.Join(g.Dir, name)] = file
	}
	overlay := filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return nil, err
	}
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output() //nolint:noctx // it reads go.mod
	if err != nil {
		return nil, err
	}
	var binaries []*binary
	for _, name := range packages {
		b := &binary{name: name, dir: filepath.Join(strings.TrimSpace(string(root)), "internal", name), mutants: len(g.mutants)}
		b.file = filepath.Join(dir, strings.ReplaceAll(name, "/", "_")+".test")
		cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", b.file, ".") //nolint:gosec,noctx // the tests of this module
		cmd.Dir = b.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("compiling the tests of %s: %w\n%s", name, err, out)
		}
		if _, err := os.Stat(b.file); errors.Is(err, os.ErrNotExist) {
			continue // no test files
		}
		help, _ := exec.Command(b.file, "-h").CombinedOutput() //nolint:gosec,noctx // it lists the flags, and fails
		b.seeded = strings.Contains(string(help), "-rapid.seed")
		b.sim = strings.Contains(string(help), "-sim.runs")
		binaries = append(binaries, b)
	}
	return binaries, nil
}

// An outcome is how a run of tests ended.
type outcome struct {
	failed bool
	killer string
	output string
	cost   time.Duration
	wall   time.Duration
}

var failedTest = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// failed returns which of some tests failed, according to their output.
func failed(output string, names []string) string {
	for _, m := range failedTest.FindAllStringSubmatch(output, -1) {
		for _, name := range names {
			if m[1] == name || strings.HasPrefix(m[1], name+"/") {
				return name
			}
		}
	}
	return ""
}

// pattern returns the pattern that selects a test, or one case of it: Test/case.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// run runs tests of the binary, with variables that set the switch.
func (b *binary) run(ctx context.Context, names []string, limit time.Duration, variables ...string) (outcome, error) {
	temp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(temp) //nolint:errcheck // a temporary folder
	patterns := make([]string, len(names))
	for i, name := range names {
		patterns[i] = pattern(name)
	}
	arguments := []string{"-test.short", "-test.failfast", "-test.paniconexit0", "-test.timeout", limit.String(), "-test.run", strings.Join(patterns, "|")}
	isMeasured := len(variables) > 0 && strings.HasPrefix(variables[0], "MUTATE_LOG=")
	if isMeasured {
		arguments = append(arguments, "-test.v") // it names the cases
	}
	if b.seeded {
		arguments = append(arguments, "-rapid.seed=1", "-rapid.nofailfile")
	}
	if b.sim {
		arguments = append(arguments, "-sim.runs=600") // a twentieth of them, as the run is short
	}
	ctx, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.file, arguments...) //nolint:gosec // the binary built above
	if isMeasured {                                       // a slow test is ended early
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", fmt.Sprintf(`ulimit -t %d; exec "$0" "$@"`, int(fast.Seconds())+1), b.file}, arguments...)...) //nolint:gosec // the same
	}
	cmd.Dir = b.dir
	cmd.Env = append(plainEnvironment(), "TMPDIR="+temp)
	cmd.Env = append(cmd.Env, variables...)
	cmd.WaitDelay = time.Second
	began := time.Now()
	out, err := cmd.CombinedOutput()
	o := outcome{failed: err != nil, output: string(out), wall: time.Since(began)}
	if cmd.ProcessState != nil {
		o.cost = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if o.failed {
		o.killer = names[0]
		if killer := failed(o.output, names); killer != "" {
			o.killer = killer
		} else if len(names) > 1 {
			o.killer = oneOf + strings.Join(names, ", ")
		}
	}
	return o, ctx.Err()
}

// plainEnvironment is the environment without what makes tests use DynamoDB.
func plainEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "ROLLCALL_TEST_DYNAMODB=") || strings.HasPrefix(v, "CI=") || strings.HasPrefix(v, "MUTATE_")
	})
}

// tests returns the names of the tests of the binary.
func (b *binary) tests() ([]string, error) {
	cmd := exec.Command(b.file, "-test.list", "^(Test|Fuzz|Example)") //nolint:gosec,noctx // the binary built above
	cmd.Dir = b.dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the tests of %s: %w", b.name, err)
	}
	return strings.Fields(string(out)), nil
}

const (
	// fast is how much of a processor a fast test takes at most.
	fast = 5 * time.Second
	// patience is how long a test may take that mostly waits for others.
	patience = 2 * time.Minute
)

// measure runs each test by itself without a mutant, and returns those that pass and are
// fast, the cheapest first, and the names of the others. Tests that were measured before are
// not run again. An expensive test is measured case by case.
func measure(ctx context.Context, binaries []*binary, dir string, workers int, before []test) (all, fastOnes []test, left []string, err error) {
	for _, b := range binaries {
		names, err := b.tests()
		if err != nil {
			return nil, nil, nil, err
		}
		for _, name := range names {
			all = append(all, test{binary: b, Package: b.name, Name: name})
		}
	}
	m := &meter{dir: dir, before: before}
	each(len(all), workers, func(i int) { m.measure(ctx, &all[i]) })
	var cases []test
	for i, t := range all {
		if t.Cost > divisible && len(t.Cases) > 1 && strings.HasPrefix(t.Name, "Test") {
			for _, name := range t.Cases {
				cases = append(cases, test{binary: t.binary, Package: t.Package, Name: t.Name + "/" + name})
			}
			all[i].Divided = true
		}
	}
	each(len(cases), workers, func(i int) { m.measure(ctx, &cases[i]) })
	all = append(all, cases...)
	keepWhole(all)
	begins := map[*binary]time.Duration{}
	for _, b := range binaries {
		o, err := b.run(ctx, []string{"TestOfNoPackage"}, patience)
		if err != nil {
			return nil, nil, nil, err
		}
		begins[b] = o.cost
	}
	for _, t := range all {
		t.reaches = map[int]bool{}
		for _, id := range t.Reached {
			t.reaches[id] = true
		}
		switch {
		case t.Divided:
		case t.Failed || t.Cost > fast:
			left = append(left, fmt.Sprintf("%s (%.1f s)", t, t.Cost.Seconds()))
		case len(t.Reached) > 0:
			// Tests run many at a time: the beginning of their process is not a cost of each.
			t.Cost = max(t.Cost-begins[t.binary], time.Millisecond)
			fastOnes = append(fastOnes, t)
		}
	}
	slices.SortFunc(fastOnes, func(a, b test) int { return cmp.Compare(a.Cost, b.Cost) })
	return all, fastOnes, left, ctx.Err()
}

// keepWhole keeps a divided test that reaches more than its cases do by themselves: one of
// them fails alone, or the test does something besides.
func keepWhole(all []test) {
	inCases := map[string]map[int]bool{}
	for _, t := range all {
		if t.Failed || !strings.Contains(t.Name, "/") {
			continue
		}
		if inCases[t.top()] == nil {
			inCases[t.top()] = map[int]bool{}
		}
		for _, id := range t.Reached {
			inCases[t.top()][id] = true
		}
	}
	for i, t := range all {
		if t.Divided {
			all[i].Divided = !slices.ContainsFunc(t.Reached, func(id int) bool { return !inCases[t.top()][id] })
		}
	}
}

// divisible is the cost of a test that is measured case by case.
const divisible = 100 * time.Millisecond

// A meter measures tests.
type meter struct {
	dir    string
	before []test
	logs   atomic.Int64
}

var runningCase = regexp.MustCompile(`(?m)^=== RUN   [^/\s]+/([^/\s]+)$`)

// measure runs a test, unless it was measured before.
func (m *meter) measure(ctx context.Context, t *test) {
	if i := slices.IndexFunc(m.before, func(old test) bool { return !old.Failed && old.String() == t.String() }); i >= 0 {
		b := t.binary
		*t = m.before[i]
		t.binary = b
		return
	}
	log := filepath.Join(m.dir, fmt.Sprintf("reached%d", m.logs.Add(1)))
	o, err := t.binary.run(ctx, []string{t.Name}, patience, "MUTATE_LOG="+log)
	if err == nil {
		err = t.read(log)
	}
	_ = os.Remove(log) // its folder is removed at the end
	t.Cost, t.Wall, t.Failed = o.cost, o.wall, o.failed || err != nil
	for _, c := range runningCase.FindAllStringSubmatch(o.output, -1) {
		if !slices.Contains(t.Cases, c[1]) {
			t.Cases = append(t.Cases, c[1])
		}
	}
}

// read reads which mutants a test reached, and in how many steps.
func (t *test) read(log string) error {
	file, err := os.Open(log)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		word, count, isSteps := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseInt(cmp.Or(count, word), 10, 64)
		if err != nil {
			return err
		}
		if isSteps {
			t.Steps = max(t.Steps, n)
		} else {
			t.Reached = append(t.Reached, int(n))
		}
	}
	return lines.Err()
}

// each calls work for 0 to n-1, by some workers.
func each(n, workers int, work func(int)) {
	next := make(chan int)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
}
