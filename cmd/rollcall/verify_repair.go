package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// repairFlags are the flags of the repairs that are shown before they are made.
type repairFlags struct {
	rebuild bool
	recount bool
	apply   bool
	yes     bool
	by      string
}

func (f *repairFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.rebuild, "rebuild-names", false, "show how missing and wrong reservations are corrected")
	flags.BoolVar(&f.recount, "recount", false, "show how the counts of the ledger are corrected")
	flags.BoolVar(&f.apply, "apply", false, "with --rebuild-names and --recount: make the repairs")
	flags.BoolVar(&f.yes, "yes", false, "with --apply: do not ask for confirmation")
	flags.StringVar(&f.by, "by", "", "with --apply: `NAME` of the person for the provisioning log (default your login name)")
}

// any reports whether a repair is asked for.
func (f *repairFlags) any() bool { return f.rebuild || f.recount }

// check returns the error about the flags.
func (f *repairFlags) check(flags *pflag.FlagSet, o *verifyOptions) error {
	switch {
	case f.any() && o.all:
		return mistake("--rebuild-names and --recount are for one tenant: name it with --tenant")
	case f.any() && o.repair:
		return mistake("--repair changes the tenant at once: run it first, and --rebuild-names or --recount after it")
	case f.apply && !f.any():
		return mistake("--apply makes the repairs of --rebuild-names and --recount: give one of them too")
	case !f.apply && (flags.Changed("yes") || flags.Changed("by")):
		return mistake("--yes and --by belong to --apply")
	}
	return nil
}

// repairer returns who repairs.
func (f *repairFlags) repairer() store.Repairer {
	by := store.Repairer{Who: f.by}
	if by.Who == "" {
		if u, err := user.Current(); err == nil {
			by.Who = u.Username
		}
	}
	return by
}

// A corrected is what the repairs of a tenant change, as --json prints it.
type corrected struct {
	Applied   bool       `json:"applied"`
	Repairs   []repair   `json:"repairs"`
	Conflicts []conflict `json:"conflicts"`
}

type repair struct {
	Item   string `json:"item"`
	Change string `json:"change"`
	// Entry is the id of the entry in the provisioning log, once it is applied.
	Entry string `json:"entry,omitempty"`
}

type conflict struct {
	Item    string `json:"item"`
	Problem string `json:"problem"`
}

// repairs shows or makes the repairs. Before they are made they are computed and
// confirmed.
func (v *verdict) repairs(c *cobra.Command, o *verifyOptions, s *store.Store, t tenant.ID) error {
	f, by := o.repairs, o.repairs.repairer()
	if f.apply && !f.yes {
		planned, err := f.corrected(c.Context(), s, t, by)
		if err != nil {
			return err
		}
		planned.print(c.ErrOrStderr())
		if len(planned.Repairs) > 0 {
			what := fmt.Sprintf("These %d repairs are written to the tenant %s.", len(planned.Repairs), t)
			if err := confirm(c, false, what, t.String()); err != nil {
				return err
			}
		}
	}
	by.Apply = f.apply
	done, err := f.corrected(c.Context(), s, t, by)
	v.Corrected = &done
	if err != nil {
		return fmt.Errorf("the repair of the tenant %s ended after %d repairs, and can be repeated: %w", t, len(done.Repairs), err)
	}
	return nil
}

// corrected makes the repairs, or only computes them.
func (f *repairFlags) corrected(ctx context.Context, s *store.Store, t tenant.ID, by store.Repairer) (corrected, error) {
	r := corrected{Applied: by.Apply, Repairs: []repair{}, Conflicts: []conflict{}}
	if f.rebuild {
		if err := r.rebuild(ctx, s, t, by); err != nil {
			return r, err
		}
	}
	if f.recount {
		return r, r.recount(ctx, s, t, by)
	}
	return r, nil
}

func (r *corrected) rebuild(ctx context.Context, s *store.Store, t tenant.ID, by store.Repairer) error {
	done, err := s.RebuildNames(ctx, t, by)
	for _, one := range done.Repairs {
		r.Repairs = append(r.Repairs, repair(one))
	}
	for _, one := range done.Conflicts {
		r.Conflicts = append(r.Conflicts, conflict{one.Item, one.Problem})
	}
	return err
}

func (r *corrected) recount(ctx context.Context, s *store.Store, t tenant.ID, by store.Repairer) error {
	done, err := s.Recount(ctx, t, by)
	switch {
	case errors.Is(err, store.ErrMoving):
		r.Conflicts = append(r.Conflicts, conflict{"ledger", fmt.Sprintf(
			"is not recounted, because %s: stop them with 'rollcall tenant set %s scimEnabled=false', wait 15 seconds, and recount again", store.ErrMoving, t)})
		return nil
	case err != nil:
		return err
	case done.Change != "":
		r.Repairs = append(r.Repairs, repair{"ledger", done.Change, done.Entry})
	}
	return nil
}

func (r *corrected) print(w io.Writer) {
	does := "would repair"
	if r.Applied {
		does = "repaired"
	}
	for _, one := range r.Repairs {
		fmt.Fprintf(w, "%s %s: %s", does, visible(one.Item), visible(one.Change))
		if one.Entry != "" {
			fmt.Fprintf(w, " (log entry %s)", one.Entry)
		}
		fmt.Fprintln(w)
	}
	for _, one := range r.Conflicts {
		fmt.Fprintf(w, "not repaired: %s %s\n", visible(one.Item), visible(one.Problem))
	}
	if !r.Applied && len(r.Repairs) > 0 {
		fmt.Fprintf(w, "repairs: %d; nothing was changed, --apply makes them\n", len(r.Repairs))
	}
}
