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
}

const verifyLong = `Read all that is stored of a tenant, and report what contradicts itself: one line for
each broken invariant, on the standard output. Nothing is changed without --repair.

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
not repaired: docs/how-to/verify.md says what they mean. Changes made while the data is
read may look like faults: verify again.

With --json the answer is one line, {"tenant", "faults": [{"item", "problem",
"unfinished", "renewable"}], "repaired", "renewed", "itemsRead"}, and with --repair
"waiting": [{"task", "after"}] if work must wait.

Exit status:
  0  no fault
  1  faults, or the tenant cannot be read or does not exist
  2  wrong use`

func newVerify() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use: "verify --tenant ID", Short: "check that a tenant's data is sound", Long: verifyLong, Args: takes(0),
		Example: `  rollcall verify --tenant acme --stack rollcall
  rollcall verify --tenant acme --data ~/rollcall-data --repair`,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := o.check(c.Flags())
			if err != nil {
				return err
			}
			return o.run(c.Context(), t, c.OutOrStdout())
		},
	}
	flags := c.Flags()
	o.register(flags)
	flags.Lookup("data").Usage = "read the data that 'rollcall local --data `DIR`' keeps"
	flags.StringVar(&o.tenant, "tenant", "", "`ID` of the tenant")
	flags.StringVar(&o.stack, "stack", "", "`NAME` of a deployment's stack in AWS, which names the table")
	flags.BoolVar(&o.repair, "repair", false, "first finish what was left over more than a minute ago")
	flags.BoolVar(&o.now, "now", false, "with --repair: finish younger work too, or say when it can be finished")
	flags.BoolVar(&o.json, "json", false, jsonUsage)
	return c
}

// check returns the error about the flags, or the tenant.
func (o *verifyOptions) check(flags *pflag.FlagSet) (tenant.ID, error) {
	switch {
	case o.tenant == "":
		return tenant.ID{}, usageError{errors.New("--tenant ID is missing: the tenant to verify")}
	case o.data != "" && o.endpoint != "":
		return tenant.ID{}, usageError{errors.New("--data and --dynamodb exclude each other: choose one")}
	case o.stack != "" && (o.data != "" || o.endpoint != "" || flags.Changed("table")):
		return tenant.ID{}, usageError{errors.New("--stack names the table: leave out --data, --dynamodb and --table")}
	case o.data == "" && o.endpoint == "" && o.stack == "" && !flags.Changed("table"):
		return tenant.ID{}, usageError{errors.New("no data is named: pass --data DIR or --dynamodb ENDPOINT, or in AWS --stack NAME or --table NAME")}
	case o.now && !o.repair:
		return tenant.ID{}, usageError{errors.New("--now says what --repair finishes: give both")}
	}
	t, err := tenant.ParseID(o.tenant)
	if err != nil {
		return t, usageError{fmt.Errorf("--tenant %q: %w", o.tenant, err)}
	}
	return t, nil
}

func (o *verifyOptions) run(ctx context.Context, t tenant.ID, stdout io.Writer) (err error) {
	if o.stack != "" {
		if o.table, err = tableOfStack(ctx, o.stack); err != nil {
			return err
		}
	}
	opened, err := o.open(ctx, func() (engine, error) { return o.openAWS(ctx) })
	if err != nil {
		return err
	}
	defer opened.close()
	s := app.NewStore(opened.Table, app.Options{})

	v := verdict{Tenant: t.String(), Faults: []fault{}}
	var failed error
	if o.repair {
		failed = v.repair(ctx, s, t, o.now)
	}
	switch err := v.audit(ctx, s, t); {
	case errors.Is(err, errNoTenant):
		return fmt.Errorf("%w in %s", err, opened.place)
	case err != nil:
		return fmt.Errorf("the tenant %s cannot be read from %s: %w", t, opened.place, err)
	}
	if err := v.print(stdout, *o); err != nil {
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
	faults, err := s.Audit(ctx, t)
	if err != nil {
		return err
	}
	v.ItemsRead = usage.Counts().ItemsRead
	for _, f := range faults {
		v.Faults = append(v.Faults, fault{Item: f.Item, Problem: f.Problem, Unfinished: f.Unfinished, Renewable: f.Renewable})
	}
	if v.ledger, err = s.Ledger(ctx, t); err != nil {
		return err
	}
	// Every tenant has a ledger. A lost one is a fault in the list if there is
	// something to count.
	if len(faults) == 0 && v.ledger == (directory.Ledger{}) {
		return fmt.Errorf("%w %s", errNoTenant, t)
	}
	return nil
}

func (v *verdict) print(w io.Writer, o verifyOptions) error {
	if o.json {
		line, err := inertJSON(v)
		if err == nil {
			_, err = io.WriteString(w, line)
		}
		return err
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
	for _, f := range v.Faults {
		fmt.Fprintf(w, "%s: %s", visible(f.Item), visible(f.Problem))
		if f.Unfinished {
			fmt.Fprint(w, " (unfinished)")
		}
		if f.Renewable {
			fmt.Fprint(w, " (renewable)")
		}
		fmt.Fprintln(w)
	}
	if len(v.Faults) == 0 {
		fmt.Fprintf(w, "%s: no fault in %d items; users %d, groups %d, seats in use %d, readers %d\n",
			v.Tenant, v.ItemsRead, v.ledger.Users, v.ledger.Groups, v.ledger.Seats, v.ledger.Readers)
	}
	return nil
}

// err returns the number of faults as an error, or nil if there is none.
func (v *verdict) err() error {
	if len(v.Faults) == 0 {
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
