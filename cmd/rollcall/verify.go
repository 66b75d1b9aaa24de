package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// verifyOptions are the flags of rollcall verify.
type verifyOptions struct {
	engineFlags
	tenant string
	stack  string
	repair bool
	now    bool
	json   bool

	repairs repairFlags

	all      bool
	state    string
	maxRCU   int
	parallel int
}

const verifyLong = `Read all that is stored of a tenant, and report what contradicts itself: one line for
each broken invariant, on the standard output. Nothing is changed without --repair.
The tenant may be in use: a fault is reported if two readings found it.

--stack and --table name a deployment in AWS, by its stack or by its table, in the
account and the region that AWS tools take from the environment.

A fault marked (unfinished) is work that a request left over; a request in progress
looks the same. One marked (renewable) is a name that an earlier version reserved in
another form. --repair first finishes what is older than a minute, as the deployed
sweep does, renews what is renewable, and then verifies; a value that two live records
have stays as it is, and both are named. With --now it finishes younger work too, and
gives up what a request has staged: that request is safe, and may be answered 503.
Work that must wait is named with the time after which it can be finished: with
--repair --now that is only the deletion of a tenant, for 45 seconds. Other faults are
not repaired: docs/how-to/verify.md says what they mean.

--rebuild-names shows how reservations that are missing, or that name a record without
the value, are corrected, and the index of emails. A value that two live records have
stays as it is, and both are named. --recount shows how the counts of the ledger are set
to those of the records; while requests change them, it refuses. With --apply these
repairs are made, after a confirmation: each is one transaction with an entry in the
provisioning log.

--all reads every tenant, a few side by side, and reports each in one line when it is
done; --json documents these lines in docs/how-to/verify.md. Unfinished work is listed,
and is no fault of a tenant in use. With --state FILE a run that was interrupted or
killed continues: what it has finished is not read again. In DynamoDB it reads at most
1,000 read units a second, unless --max-rcu says otherwise.

With --json the answer is one line, {"tenant", "faults": [{"item", "problem",
"unfinished", "renewable"}], "repaired", "renewed", "itemsRead"}, and with --repair
"waiting": [{"task", "after"}] if work must wait.

Exit status:
  0  no fault
  1  faults, or a repair failed
  2  wrong use, or something could not be checked: a tenant that does not exist
     or cannot be read, or counts that requests changed all the time`

func newVerify() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use: "verify {--tenant ID | --all}", Short: "check that a tenant's data is sound", Long: verifyLong, Args: takes(0),
		Example: `  rollcall verify --tenant acme --stack rollcall
  rollcall verify --tenant acme --data ~/rollcall-data --repair
  rollcall verify --tenant acme --stack rollcall --recount --apply
  rollcall verify --all --stack rollcall --json --state verify.state`,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := o.check(c.Flags())
			if err != nil {
				return err
			}
			if o.all {
				return o.runAll(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
			}
			return o.run(c, t)
		},
	}
	flags := c.Flags()
	o.register(flags)
	flags.Lookup("data").Usage = "read the data that 'rollcall local --data `DIR`' keeps"
	flags.StringVar(&o.tenant, "tenant", "", "`ID` of the tenant")
	flags.StringVar(&o.stack, "stack", "", "`NAME` of a deployment's stack in AWS, which names the table")
	flags.BoolVar(&o.repair, "repair", false, "first finish what was left over more than a minute ago")
	flags.BoolVar(&o.now, "now", false, "with --repair: finish younger work too, or say when it can be finished")
	o.repairs.register(flags)
	flags.BoolVar(&o.json, "json", false, jsonUsage)
	flags.BoolVar(&o.all, "all", false, "verify all tenants")
	flags.StringVar(&o.state, "state", "", "with --all: keep the finished tenants in `FILE`, to continue a run that was cut off")
	flags.IntVar(&o.parallel, "parallel", defaultParallel, "with --all: read `N` tenants side by side")
	flags.IntVar(&o.maxRCU, "max-rcu", 0, "read at most `N` read units a second; 0 is no limit (default 1000 with --all in DynamoDB)")
	return c
}

// check returns the error about the flags, or the tenant.
func (o *verifyOptions) check(flags *pflag.FlagSet) (tenant.ID, error) {
	if err := o.checkAll(flags); err != nil {
		return tenant.ID{}, err
	}
	if err := o.repairs.check(flags, o); err != nil {
		return tenant.ID{}, err
	}
	switch {
	case o.tenant == "" && !o.all:
		return tenant.ID{}, usageError{errors.New("--tenant ID is missing: the tenant to verify, or --all")}
	case o.data != "" && o.endpoint != "":
		return tenant.ID{}, usageError{errors.New("--data and --dynamodb exclude each other: choose one")}
	case o.stack != "" && (o.data != "" || o.endpoint != "" || flags.Changed("table")):
		return tenant.ID{}, usageError{errors.New("--stack names the table: leave out --data, --dynamodb and --table")}
	case o.data == "" && o.endpoint == "" && o.stack == "" && !flags.Changed("table"):
		return tenant.ID{}, usageError{errors.New("no data is named: pass --data DIR or --dynamodb ENDPOINT, or in AWS --stack NAME or --table NAME")}
	case o.now && !o.repair:
		return tenant.ID{}, usageError{errors.New("--now says what --repair finishes: give both")}
	}
	if o.all {
		return tenant.ID{}, nil
	}
	t, err := tenant.ParseID(o.tenant)
	if err != nil {
		return t, usageError{fmt.Errorf("--tenant %q: %w", o.tenant, err)}
	}
	return t, nil
}

// checkAll returns the error about the flags of --all.
func (o *verifyOptions) checkAll(flags *pflag.FlagSet) error {
	switch {
	case o.all && o.tenant != "":
		return mistake("--all reads every tenant: leave out --tenant")
	case o.all && o.repair:
		return mistake("--repair is for one tenant: name it with --tenant")
	case !o.all && (flags.Changed("state") || flags.Changed("parallel")):
		return mistake("--state and --parallel belong to --all")
	case o.parallel < 1:
		return mistake("--parallel must be at least 1")
	case o.maxRCU < 0:
		return mistake("--max-rcu must be at least 1, or 0 for no limit")
	}
	if o.all && !flags.Changed("max-rcu") && o.data == "" {
		o.maxRCU = defaultReadUnits
	}
	return nil
}

// An uncheckedError says what could not be checked.
type uncheckedError struct{ error }

func (e uncheckedError) Unwrap() error { return e.error }

// unchecked marks an error as one of something that could not be checked, unless
// it has a status of its own.
func unchecked(err error) error {
	if exitStatus(err) != exitFailure {
		return err
	}
	return uncheckedError{err}
}

// openTable opens the table that the flags name, with their limit.
func (o *verifyOptions) openTable(ctx context.Context) (opened engine, err error) {
	if o.stack != "" {
		if o.table, err = tableOfStack(ctx, o.stack); err != nil {
			return engine{}, err
		}
	}
	opened, err = o.open(ctx, func() (engine, error) { return o.openAWS(ctx) })
	if err == nil && o.maxRCU > 0 {
		opened.Table = meter.Limit(opened.Table, o.maxRCU, time.Now)
	}
	return opened, err
}

func (o *verifyOptions) run(c *cobra.Command, t tenant.ID) error {
	ctx := c.Context()
	if o.repairs.apply {
		if err := askable(c, o.repairs.yes); err != nil {
			return err
		}
	}
	opened, err := o.openTable(ctx)
	if err != nil {
		return unchecked(err)
	}
	defer opened.close()
	s := app.NewStore(opened.Table, app.Options{})

	v := verdict{Tenant: t.String(), Faults: []fault{}}
	var failed error
	if o.repair {
		failed = v.repair(ctx, s, t, o.now)
	}
	if o.repairs.any() {
		failed = v.repairs(c, o, s, t)
		if errors.Is(failed, errDeclined) {
			return failed
		}
	}
	switch err := v.audit(ctx, s, t); {
	case errors.Is(err, errNoTenant):
		return unchecked(fmt.Errorf("%w in %s", err, opened.place))
	case err != nil:
		return unchecked(fmt.Errorf("the tenant %s cannot be read from %s: %w", t, opened.place, err))
	}
	if err := v.print(c.OutOrStdout(), *o); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return v.err()
}

// A verdict is the result of verify, and what --json prints.
type verdict struct {
	Tenant    string  `json:"tenant"`
	Faults    []fault `json:"faults"`
	Repaired  int     `json:"repaired"`
	Renewed   int     `json:"renewed"`
	ItemsRead int     `json:"itemsRead"`
	// Waiting are the tasks that may not be finished yet.
	Waiting []waiting `json:"waiting,omitempty"`
	// Corrected are the repairs of --rebuild-names and --recount.
	Corrected *corrected `json:"corrected,omitempty"`
	// Moving reports that requests changed the counts all the time, so that they
	// were not compared with the records.
	Moving bool `json:"moving,omitempty"`

	ledger directory.Ledger
	// young is the number of tasks left to requests, and kept the number of
	// records with a value that could not be renewed.
	young, kept int
}

// A waiting is a task that can be finished after a time.
type waiting struct {
	Task  string    `json:"task"`
	After time.Time `json:"after"`
}

// String says when a task can be finished, as of a time.
func (w waiting) String(now time.Time) string {
	return fmt.Sprintf("task %s: can be finished after %s UTC (in %s)", visible(w.Task), w.After.UTC().Format("15:04:05"), inWords(w.After.Sub(now)))
}

// inWords returns a time to wait, in minutes and seconds.
func inWords(d time.Duration) string {
	seconds := max(1, int((d+time.Second-1)/time.Second))
	if seconds < 60 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
}

type fault struct {
	Item       string `json:"item"`
	Problem    string `json:"problem"`
	Unfinished bool   `json:"unfinished"`
	Renewable  bool   `json:"renewable"`
}

func faultOf(f store.Fault) fault {
	return fault{Item: f.Item, Problem: f.Problem, Unfinished: f.Unfinished, Renewable: f.Renewable}
}

// String returns the fault as it is printed.
func (f fault) String() string {
	s := visible(f.Item) + ": " + visible(f.Problem)
	if f.Unfinished {
		s += " (unfinished)"
	}
	if f.Renewable {
		s += " (renewable)"
	}
	return s
}

// repair finishes unfinished work. What fails is added to the verdict as
// unfinished.
func (v *verdict) repair(ctx context.Context, s *store.Store, t tenant.ID, now bool) error {
	var swept store.Sweeping
	var err error
	if now {
		swept, err = s.SweepNow(ctx, t)
	} else {
		swept, err = s.SweepTenant(ctx, t, store.SweepAge)
	}
	v.Repaired, v.young = swept.Finished, swept.Young
	for _, w := range swept.Waiting {
		// To the second, and not before.
		v.Waiting = append(v.Waiting, waiting{w.Task, w.Until.UTC().Truncate(time.Second).Add(time.Second)})
	}
	slices.SortFunc(v.Waiting, func(a, b waiting) int { return strings.Compare(a.Task, b.Task) })
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("what was left over in the tenant %s cannot be finished (%d done, %d failed): %s", t, swept.Finished, swept.Failed, first)
	}
	renewed, err := s.RenewNames(ctx, t)
	v.Renewed, v.kept = renewed.Records, renewed.Kept
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("the names of the tenant %s cannot be renewed (%d done): %s", t, renewed.Records, first)
	}
	return nil
}

var errNoTenant = errors.New("there is no tenant")

func (v *verdict) audit(ctx context.Context, s *store.Store, t tenant.ID) error {
	ctx, usage := table.WithUsage(ctx)
	verified, err := s.Verify(ctx, t)
	if err != nil {
		return err
	}
	v.ItemsRead, v.ledger, v.Moving = usage.Counts().ItemsRead, verified.Ledger, verified.Moving
	for _, f := range verified.Faults {
		v.Faults = append(v.Faults, faultOf(f))
	}
	// Every tenant has a ledger. A lost one is a fault in the list if there is
	// something to count.
	if len(v.Faults) == 0 && v.ledger == (directory.Ledger{}) {
		return fmt.Errorf("%w %s", errNoTenant, t)
	}
	return nil
}

func (v *verdict) print(w io.Writer, o verifyOptions) error {
	if o.json {
		return printLine(w, v)
	}
	if o.repair {
		fmt.Fprintf(w, "finished of what was left over: %d; too young, and left to requests: %d\n", v.Repaired, v.young)
		if v.Renewed+v.kept > 0 {
			fmt.Fprintf(w, "records whose names were renewed: %d; with a name that another record has, and left as they are: %d\n", v.Renewed, v.kept)
		}
		for _, task := range v.Waiting {
			fmt.Fprintln(w, task.String(time.Now()))
		}
	}
	if v.Corrected != nil {
		v.Corrected.print(w)
	}
	for _, f := range v.Faults {
		fmt.Fprintln(w, f)
	}
	if len(v.Faults) > 0 && v.Corrected != nil && v.Corrected.Applied {
		fmt.Fprintln(w, "These faults are left for you to correct: docs/how-to/verify.md says how.")
	}
	if len(v.Faults) == 0 && !v.Moving {
		fmt.Fprintf(w, "%s: no fault in %d items; users %d, groups %d, seats in use %d, readers %d\n",
			v.Tenant, v.ItemsRead, v.ledger.Users, v.ledger.Groups, v.ledger.Seats, v.ledger.Readers)
	}
	return nil
}

// err returns the number of faults as an error, or nil if there is none.
func (v *verdict) err() error {
	if len(v.Faults) == 0 {
		if v.Moving {
			return unchecked(fmt.Errorf("the tenant %s: %w", v.Tenant, errMoving))
		}
		return nil
	}
	unfinished := 0
	for _, f := range v.Faults {
		if f.Unfinished {
			unfinished++
		}
	}
	return fmt.Errorf("faults in the tenant %s: %d, of which unfinished: %d", v.Tenant, len(v.Faults), unfinished)
}
