package main

import (
	"bufio"
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
	"time"
)

// A binary is a test binary in which the mutants are compiled.
type binary struct {
	name    string // the package's folder below internal
	dir     string
	file    string
	seeded  bool // the flags of rapid are known to it
	mutants int
}

// A test is one test of a binary, as it ran without a mutant.
type test struct {
	binary  *binary
	name    string
	cost    time.Duration // of the processor
	wall    time.Duration
	steps   int64
	reaches map[int]bool
}

func (t test) String() string { return t.binary.name + "." + t.name }

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

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// run runs tests of the binary, with variables that set the switch.
func (b *binary) run(ctx context.Context, names []string, limit time.Duration, variables ...string) (outcome, error) {
	temp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(temp) //nolint:errcheck // a temporary folder
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	arguments := []string{"-test.short", "-test.failfast", "-test.paniconexit0", "-test.timeout", limit.String(), "-test.run", "^(" + strings.Join(quoted, "|") + ")$"}
	if b.seeded {
		arguments = append(arguments, "-rapid.seed=1", "-rapid.nofailfile")
	}
	ctx, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.file, arguments...) //nolint:gosec // the binary built above
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
		if m := failedTest.FindStringSubmatch(o.output); m != nil {
			o.killer, _, _ = strings.Cut(m[1], "/")
		} else if len(names) > 1 {
			o.killer = "one of " + strings.Join(names, ", ")
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
// fast, and the names of the others.
func measure(ctx context.Context, binaries []*binary, dir string, workers int) (tests []test, left []string, err error) {
	var all []test
	for _, b := range binaries {
		names, err := b.tests()
		if err != nil {
			return nil, nil, err
		}
		for _, name := range names {
			all = append(all, test{binary: b, name: name})
		}
	}
	var mu sync.Mutex
	each(len(all), workers, func(i int) {
		t := &all[i]
		log := filepath.Join(dir, fmt.Sprintf("reached%d", i))
		o, failed := t.binary.run(ctx, []string{t.name}, patience, "MUTATE_LOG="+log)
		if failed == nil {
			failed = t.read(log)
		}
		t.cost, t.wall = o.cost, o.wall
		mu.Lock()
		defer mu.Unlock()
		switch {
		case failed != nil && err == nil && ctx.Err() != nil:
			err = failed
		case failed != nil || o.failed || o.cost > fast:
			left = append(left, fmt.Sprintf("%s (%.1f s)", t, o.cost.Seconds()))
		case len(t.reaches) > 0:
			tests = append(tests, *t)
		}
	})
	slices.SortFunc(tests, func(a, b test) int { return int(a.cost - b.cost) })
	return tests, left, err
}

// read reads which mutants a test reached, and in how many steps.
func (t *test) read(log string) error {
	t.reaches = map[int]bool{}
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
		n, err := strconv.ParseInt(cmpOr(count, word), 10, 64)
		if err != nil {
			return err
		}
		if isSteps {
			t.steps = max(t.steps, n)
		} else {
			t.reaches[int(n)] = true
		}
	}
	return lines.Err()
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
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
