package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// suites are the packages whose tests run against the mutants of each package, and those
// whose tests run against the survivors.
var suites = map[string][2][]string{
	"journal":   {{"journal"}, {"provlog", "directory", "httpapi"}},
	"tenant":    {{"tenant"}, {"access", "store", "directory", "httpapi"}},
	"access":    {{"access"}, {"store", "httpapi"}},
	"store":     {{"store", "directory"}, {"provlog", "access", "adminapi", "httpapi", "e2e/sim"}},
	"directory": {{"directory", "httpapi"}, {"store", "e2e/replay/replaytest", "e2e/sim"}},
}

func main() {
	list := flag.Bool("list", false, "only list the mutants")
	again := flag.Bool("again", false, "only run the mutants that survived the last run, or are new")
	match := flag.String("match", "", "only run the mutants whose name matches")
	own := flag.Bool("own", false, "only the tests that run against all mutants, not those against the survivors")
	above := flag.Bool("above", false, "go on with the survivors of the last run, and only try the tests of the packages above")
	limit := flag.Duration("for", 0, "how long to run: what is left over then has no result, and the score is that of a sample; 0 for no limit")
	sample := flag.Int("sample", 0, "only run so many mutants, at random, that are not of transactions; 0 for all")
	order := flag.Uint64("order", 1, "chooses the random order, and so the sample of a run with -for")
	workers := flag.Int("workers", 2, "test processes at once")
	flag.Parse()
	passed := true
	for _, name := range flag.Args() {
		r := &run{
			name: name, again: *again || *above, own: *own, above: *above, part: *match != "" || *limit > 0 || *sample > 0, sample: *sample,
			listed: *match == "",
			out:    filepath.Join("bin", "mutate"), match: regexp.MustCompile(*match), workers: *workers, order: *order,
		}
		ctx, cancel := context.WithCancel(context.Background())
		if *limit > 0 {
			ctx, cancel = context.WithTimeout(ctx, *limit)
		}
		ok, err := r.mutate(ctx, *list)
		cancel()
		if err != nil {
			log.Fatal(err)
		}
		passed = passed && ok
	}
	if !passed {
		os.Exit(1)
	}
}

// A run is the run of one package.
type run struct {
	name    string
	again   bool
	own     bool
	above   bool   // leaves out the tests of the package itself
	part    bool   // some mutants may be left out
	sample  int    // how many run that are not of transactions, 0 for all
	listed  bool   // the survivors are those of the whole package, or of a sample of it
	out     string // the folder of results
	match   *regexp.Regexp
	workers int
	order   uint64 // chooses the random order
	dir     string
	began   time.Time
}

// mutate finds, runs and reports the mutants of the package, and returns whether the
// score is high enough.
func (r *run) mutate(ctx context.Context, list bool) (bool, error) {
	g, err := generate("./internal/" + r.name)
	if err != nil {
		return false, err
	}
	r.began = time.Now()
	r.log("%d mutants, %d do not compile", len(g.mutants), g.dropped)
	if list {
		fmt.Print(listOf(g.mutants))
		return true, nil
	}
	all, err := parseAccepted(acceptedText)
	if err != nil {
		return false, err
	}
	chosen := r.chosen(g.mutants)
	if err := r.earlier(g.mutants); err != nil {
		return false, err
	}
	if r.dir, err = os.MkdirTemp("", "mutate"); err != nil {
		return false, err
	}
	defer os.RemoveAll(r.dir) //nolint:errcheck // a temporary folder
	for i, suite := range suites[r.name] {
		if i > 0 && r.own || i == 0 && r.above {
			continue
		}
		if err := r.hunt(ctx, g, r.left(all, g.mutants, chosen, i == 0), suite); err != nil && ctx.Err() == nil {
			return false, err
		}
		if err := r.save(g.mutants); err != nil {
			return false, err
		}
	}
	if hasConditions(g.mutants) {
		if err := writeKillers(killersFile, r.name, g.mutants, !r.own && ctx.Err() == nil); err != nil {
			return false, err
		}
	}
	return r.result(all, g.mutants)
}

// result reports and lists the survivors, and returns whether the score is high enough.
func (r *run) result(all []acceptance, mutants []Mutant) (bool, error) {
	reasons, faults := reasonsOf(all, r.name, mutants)
	accepted := map[string]bool{}
	for name := range reasons {
		accepted[name] = true
	}
	passed := report(os.Stdout, r.name, accepted, mutants, r.part)
	for _, fault := range faults {
		fmt.Println(fault)
	}
	if !r.listed {
		return passed && len(faults) == 0, nil
	}
	return passed && len(faults) == 0, writeSurvivors(survivorsFile, r.name, reasons, mutants)
}

// left returns the chosen mutants that are to run against a suite: those that no test has
// killed, and that are not accepted, unless it is the first.
func (r *run) left(all []acceptance, mutants []Mutant, chosen []*Mutant, isFirst bool) []*Mutant {
	reasons, _ := reasonsOf(all, r.name, mutants)
	var left []*Mutant
	for _, m := range chosen {
		if m.Result != Killed && (isFirst || reasons[m.Name()] == "") {
			left = append(left, m)
		}
	}
	return left
}

// chosen returns the mutants that may run, in their order.
func (r *run) chosen(mutants []Mutant) []*Mutant {
	var all []*Mutant
	for n, m := range mutants {
		if r.match.MatchString(m.Name()) && (r.sample == 0 || !m.Condition) {
			all = append(all, &mutants[n])
		}
	}
	shuffle(all, r.order)
	if r.sample > 0 {
		all = all[:min(r.sample, len(all))]
	}
	return all
}

func hasConditions(mutants []Mutant) bool {
	return slices.ContainsFunc(mutants, func(m Mutant) bool { return m.Condition })
}

// shuffle orders mutants so that those of transactions come first, and any number of the
// others is a sample of all.
func shuffle(mutants []*Mutant, order uint64) {
	random := rand.New(rand.NewPCG(order, 2)) //nolint:gosec // G404: the same order in each run
	random.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	slices.SortStableFunc(mutants, func(a, b *Mutant) int {
		switch {
		case a.Condition == b.Condition:
			return 0
		case a.Condition:
			return -1
		default:
			return 1
		}
	})
}

// listOf lists mutants, a line each.
func listOf(mutants []Mutant) string {
	var b strings.Builder
	for _, m := range mutants {
		fmt.Fprintln(&b, m.Line, m.Name(), m.Condition)
	}
	return b.String()
}

// hunt runs the tests of a suite against mutants of the package.
func (r *run) hunt(ctx context.Context, g *generated, mutants []*Mutant, suite []string) error {
	if len(mutants) == 0 {
		return nil
	}
	binaries, err := compile(g, r.dir, suite)
	if err != nil {
		return err
	}
	r.log("%v compiled", suite)
	var before []test
	if r.again {
		if before, err = r.measured(g, suite); err != nil {
			return err
		}
	}
	all, tests, slow, err := measure(ctx, binaries, r.dir, r.workers, before)
	if err == nil {
		err = r.keepMeasured(g, suite, all)
	}
	if err != nil {
		return err
	}
	r.log("%d fast tests reach it; without %v", len(tests), slow)
	h := newHunt(tests, g.mutants)
	h.all(ctx, mutants, r.workers, func(done, all int) {
		if done%100 == 0 || done == all {
			r.log("%d of %d", done, all)
		}
		if done%50 == 0 {
			_ = r.save(g.mutants)
		}
	})
	return nil
}

// A measurement is what the tests of a suite reach in one version of a package.
type measurement struct {
	Source string `json:"source"` // a hash of the package with its mutants
	Tests  []test `json:"tests"`
}

func (r *run) measuredFile(suite []string) string {
	return filepath.Join(r.out, r.name+"-by-"+strings.ReplaceAll(strings.Join(suite, "-"), "/", "_")+".json")
}

// measured returns the tests measured by an earlier run, if the package is the same.
func (r *run) measured(g *generated, suite []string) ([]test, error) {
	text, err := os.ReadFile(r.measuredFile(suite))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m measurement
	if err := json.Unmarshal(text, &m); err != nil || m.Source != g.hash() {
		return nil, err
	}
	return m.Tests, nil
}

func (r *run) keepMeasured(g *generated, suite []string, tests []test) error {
	text, err := json.Marshal(measurement{g.hash(), tests})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.file()), 0o750); err != nil {
		return err
	}
	return os.WriteFile(r.measuredFile(suite), text, 0o600)
}

func (r *run) log(format string, values ...any) {
	log.Printf("%s (%s): "+format, append([]any{r.name, time.Since(r.began).Round(time.Second)}, values...)...)
}

func (r *run) file() string { return filepath.Join(r.out, r.name+".json") }

// save writes the results for a later run. A mutant that was not tried keeps its result of
// an earlier run.
func (r *run) save(mutants []Mutant) error {
	last, err := r.last()
	if err != nil {
		return err
	}
	mutants = slices.Clone(mutants)
	for i := range mutants {
		if m := &mutants[i]; m.Result == "" {
			m.Result, m.Killer = last[m.Name()].Result, last[m.Name()].Killer
		}
	}
	text, err := json.MarshalIndent(mutants, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.file()), 0o750); err != nil {
		return err
	}
	return os.WriteFile(r.file(), text, 0o600)
}

// earlier takes over which mutants the last run killed, if only the others are to run.
func (r *run) earlier(mutants []Mutant) error {
	if !r.again {
		return nil
	}
	last, err := r.last()
	if err != nil {
		return err
	}
	for i := range mutants {
		if m := last[mutants[i].Name()]; m.Result == Killed {
			mutants[i].Result, mutants[i].Killer = Killed, m.Killer
		}
	}
	return nil
}

// last returns the mutants with the results of earlier runs, by name.
func (r *run) last() (map[string]Mutant, error) {
	text, err := os.ReadFile(r.file())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var mutants []Mutant
	if err := json.Unmarshal(text, &mutants); err != nil {
		return nil, err
	}
	byName := map[string]Mutant{}
	for _, m := range mutants {
		byName[m.Name()] = m
	}
	return byName, nil
}
