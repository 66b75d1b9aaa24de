package mirror

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// A Puller keeps the mirror of one tenant by reading events from the admin API. It works
// beside a Handler, which is faster, and repairs what a Handler missed.
type Puller struct {
	API    *API
	Store  Store
	Tenant string
	// AllowLoss lets Reconcile remove many users or groups at once: see ErrLoss.
	AllowLoss bool
	// After is called with the events of each page after it was applied, and may be nil.
	After func(ctx context.Context, events []Event) error
	// Now is time.Now if it is nil.
	Now func() time.Time
}

// Pull applies all events since the last Pull, up to about 15 seconds ago: newer ones are
// there for a later Pull, so that none is missed. Each page is applied with its cursor in one
// transaction of the store.
//
// The first Pull, and one that comes after events have expired, reads all users, groups and
// members besides, as Reconcile does.
func (p *Puller) Pull(ctx context.Context) error {
	cursor, err := p.cursor(ctx)
	if err != nil {
		return err
	}
	if cursor == "" {
		if cursor, err = p.begin(ctx); err != nil {
			return err
		}
	}
	for more := true; more; {
		page, err := p.API.events(ctx, p.Tenant, cursor, "")
		switch {
		case expired(err):
			if page.Next, err = p.resume(ctx, err); err != nil {
				return err
			}
			page.More = true
		case err != nil:
			return err
		default:
			if err := p.apply(ctx, page); err != nil {
				return err
			}
		}
		cursor, more = page.Next, page.More
	}
	return nil
}

// Follow pulls again and again until the context ends, or Pull fails other than by an answer
// that may be better next time: failed is called with those errors, and may be nil.
func (p *Puller) Follow(ctx context.Context, every time.Duration, failed func(error)) error {
	for {
		err := p.Pull(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && failed != nil:
			failed(err)
		case err != nil:
			return err
		}
		if err := p.API.pause(ctx, every); err != nil {
			return err
		}
	}
}

func (p *Puller) cursor(ctx context.Context) (cursor string, err error) {
	err = p.Store.Update(ctx, p.Tenant, func(tx Tx) (err error) {
		cursor, err = tx.Cursor()
		return err
	})
	return cursor, err
}

// rare is a type of which a tenant has no event in its list: asked for it alone, the admin API
// goes through the events without reading what is true now.
const rare = "webhook.test"

// begin returns the cursor after all events up to now, and applies what is true now.
func (p *Puller) begin(ctx context.Context) (cursor string, err error) {
	for more := true; more; {
		page, err := p.API.events(ctx, p.Tenant, cursor, rare)
		if err != nil {
			return "", err
		}
		cursor, more = page.Next, page.More
	}
	return cursor, p.resync(ctx, cursor)
}

// resume applies what is true now after a cursor has expired, and returns the one to continue
// with.
func (p *Puller) resume(ctx context.Context, err error) (cursor string, failed error) {
	var problem *Problem
	if !errors.As(err, &problem) || problem.Next == "" {
		return "", err
	}
	return problem.Next, p.resync(ctx, problem.Next)
}

// resync applies what is true now, and stores the cursor: the events after it are about all
// that changes while everything is listed.
func (p *Puller) resync(ctx context.Context, cursor string) error {
	if _, err := p.Reconcile(ctx); err != nil {
		return err
	}
	return p.Store.Update(ctx, p.Tenant, func(tx Tx) error { return tx.PutCursor(cursor) })
}

// expired reports whether an error is of a cursor whose events are no longer kept.
func expired(err error) bool {
	var problem *Problem
	return errors.As(err, &problem) && problem.Status == http.StatusGone
}

func (p *Puller) apply(ctx context.Context, page page) error {
	for _, e := range page.Events {
		if e.Tenant != p.Tenant {
			return fmt.Errorf("mirror: %w: event %s of tenant %q is in the list of %q", ErrMalformed, e.ID, e.Tenant, p.Tenant)
		}
	}
	err := p.Store.Update(ctx, p.Tenant, func(tx Tx) error {
		for _, e := range page.Events {
			if err := apply(tx, e); err != nil {
				return err
			}
		}
		return tx.PutCursor(page.Next)
	})
	if err != nil || p.After == nil || len(page.Events) == 0 {
		return err
	}
	return p.After(ctx, page.Events)
}

func (p *Puller) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}
