package portal

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/store"
)

// A porter lets guests in. It reads nothing of a tenant before it knows that this deployment has
// made the link or the cookie that names the tenant, and then within that tenant.
type porter struct {
	access *access.Porter
	pace   *pace
}

// Look implements console.Porter.
func (p porter) Look(ctx context.Context, link string, from netip.Addr) (console.Guest, error) {
	ctx, err := p.within(ctx, link, from.String())
	if err != nil {
		return console.Guest{}, known(err, console.ErrNoLink)
	}
	g, err := p.access.Look(ctx, link, from)
	return guestOf(g), known(err, console.ErrNoLink)
}

// Open implements console.Porter.
func (p porter) Open(ctx context.Context, link string, from netip.Addr) (cookie string, _ console.Guest, _ error) {
	ctx, err := p.within(ctx, link, from.String())
	if err != nil {
		return "", console.Guest{}, known(err, console.ErrNoLink)
	}
	cookie, g, err := p.access.Open(ctx, link, from)
	return cookie, guestOf(g), known(err, console.ErrNoLink)
}

// Enter implements console.Porter.
func (p porter) Enter(ctx context.Context, cookie string) (console.Guest, context.Context, error) {
	ctx, err := p.within(ctx, cookie, cookie)
	if err != nil {
		return console.Guest{}, nil, known(err, console.ErrNoVisit)
	}
	g, err := p.access.Session(ctx, cookie)
	return guestOf(g), ctx, known(err, console.ErrNoVisit)
}

// Leave implements console.Porter.
func (p porter) Leave(ctx context.Context, cookie string) error {
	g, err := p.access.Session(ctx, cookie)
	if err != nil {
		return known(err, console.ErrNoVisit)
	}
	return p.access.End(ctx, g)
}

// within returns the context of the tenant that a link or a cookie of this deployment names, for one
// request of a guest.
func (p porter) within(ctx context.Context, text, guest string) (context.Context, error) {
	t, err := p.access.Tenant(ctx, text)
	switch {
	case err != nil:
		return nil, err
	case !p.pace.allows(guest):
		return nil, console.ErrTooFast
	}
	return store.Within(ctx, t), nil
}

func guestOf(g access.Guest) console.Guest {
	return console.Guest{ID: g.ID, Tenant: g.Tenant.String(), Actor: g.Actor, Setup: g.Setup, ReturnURL: g.ReturnURL, Expires: g.Expires}
}

// known returns a refusal in the words of the pages, and any other error as it is.
func known(err, refusal error) error {
	switch {
	case errors.Is(err, access.ErrNoLink), errors.Is(err, access.ErrNoVisit):
		return fmt.Errorf("%w: %w", refusal, err)
	case errors.Is(err, access.ErrTooManyLinks):
		return fmt.Errorf("%w: %w", console.ErrTooFast, err)
	}
	return err
}
