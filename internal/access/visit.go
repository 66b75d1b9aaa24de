package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The prefixes of what opens the customer's portal: of the secret in a link, and of the cookie of
// a session. Both have the form of a token.
const (
	LinkPrefix  = "rcl"
	VisitPrefix = "rcv"
)

// How long links and sessions of the portal are valid.
const (
	// LinkTime is the usual life of a link, and MinLinkTime and MaxLinkTime are its bounds.
	LinkTime    = 10 * time.Minute
	MinLinkTime = time.Minute
	MaxLinkTime = time.Hour
	// VisitTime is the life of every session.
	VisitTime = 2 * time.Hour
)

// From one address, maxWrong links of a tenant that do not work are looked up in wrongTime. A
// link has 256 random bits, so guessing is hopeless anyway; this stops the attempts.
const (
	maxWrong  = 10
	wrongTime = time.Minute
)

// The reasons for which a link or a session is refused.
var (
	// ErrNoLink: the text is no link of this deployment, or the link was used, has expired, or
	// its tenant is gone. Which of them it is stays unsaid.
	ErrNoLink = errors.New("access: unknown, used or expired link")
	// ErrNoVisit: the same of the cookie of a session.
	ErrNoVisit = errors.New("access: unknown or expired session")
	// ErrTooManyLinks: the address has tried too many links that do not work.
	ErrTooManyLinks = errors.New("access: too many wrong links")
	// ErrLinkTime: a link cannot be valid for that long, or that short.
	ErrLinkTime = errors.New("access: life of a link out of bounds")
)

// A Visitor is the person for whom the application opens the portal.
type Visitor struct {
	// Actor names the person in the log: one line of text.
	Actor string
	// Setup reports whether the person may connect identity providers. Everyone may view.
	Setup bool
	// ReturnURL is where the portal leads back to, "" for nowhere.
	ReturnURL string
}

// A Visit is a link to the portal or a session of it, as it is stored: the secret only as a hash.
type Visit struct {
	Visitor
	// ID is not secret.
	ID               string
	Hash             string
	Created, Expires time.Time
}

// A Guest is the holder of a working link or session.
type Guest struct {
	Tenant tenant.ID
	Visit
}

// VisitStore keeps links and sessions, each in its tenant's partition. Package store implements it.
type VisitStore interface {
	// AddLink stores a link. tenant.ErrNotFound: the tenant does not exist or is being deleted.
	AddLink(ctx context.Context, t tenant.ID, link Visit) error
	// Link reads a link, and how many links that do not work an address has tried in a span of
	// time. ok is false if the link does not exist.
	Link(ctx context.Context, t tenant.ID, id, address string, span int64) (link Visit, wrong int, ok bool, err error)
	// CountWrong counts a link that does not work. The count is kept until a time.
	CountWrong(ctx context.Context, t tenant.ID, address string, span int64, until time.Time) error
	// OpenLink replaces a link by a session. ErrNoLink: the link is gone, or the tenant is.
	OpenLink(ctx context.Context, t tenant.ID, link string, session Visit) error
	// Session reads a session; ok is false if it does not exist.
	Session(ctx context.Context, t tenant.ID, id string) (session Visit, ok bool, err error)
	EndSession(ctx context.Context, t tenant.ID, id string) error
}

// A Porter makes links to the portal, and lets their holders in. It is safe for concurrent use.
//
// The tenant stands in the text of a link and of a cookie, and their mark is checked before
// anything of the tenant is read: nobody makes the portal read a tenant of their choice.
type Porter struct {
	store VisitStore
	marker
	screen *screen
}

// NewPorter returns a Porter. Only the time of day of the clock counts.
func NewPorter(s VisitStore, keys Keys, now func() time.Time) *Porter {
	wall := func() time.Time { return now().Round(0) }
	p := &Porter{store: s, marker: newMarker(keys, wall), screen: newScreen(nil, wall)}
	p.screen.keys = keys
	return p
}

// WithRandom replaces the source of secrets, for tests that repeat a run. Call it before the
// Porter is used.
func (p *Porter) WithRandom(random io.Reader) *Porter {
	p.random = random
	return p
}

// Settled leaves it to others to create the deployment's keys: this Porter may only read them.
func (p *Porter) Settled() *Porter {
	p.fixed = true
	return p
}

// Invite returns the secret of a link that works once, and when it expires.
//
//   - ErrLinkTime: life is not between MinLinkTime and MaxLinkTime.
//   - tenant.ErrNotFound: the tenant does not exist or is being deleted.
func (p *Porter) Invite(ctx context.Context, t tenant.ID, v Visitor, life time.Duration) (text string, expires time.Time, err error) {
	if life < MinLinkTime || life > MaxLinkTime {
		return "", time.Time{}, ErrLinkTime
	}
	text, link, err := p.mint(ctx, LinkPrefix, t, v, life)
	if err != nil {
		return "", time.Time{}, err
	}
	return text, link.Expires, p.store.AddLink(ctx, t, link)
}

// mint returns a new link or session.
func (p *Porter) mint(ctx context.Context, prefix string, t tenant.ID, v Visitor, life time.Duration) (text string, made Visit, err error) {
	key, err := p.key(ctx)
	if err != nil {
		return "", Visit{}, err
	}
	now := p.now()
	text, record := mint(p.random, prefix, t, key)
	return text, Visit{Visitor: v, ID: record.ID, Hash: record.Hash, Created: now, Expires: now.Add(life)}, nil
}

// Look returns whom a link is for, without using it: programs open links before people do.
//
//   - ErrNoLink: it does not work.
//   - ErrTooManyLinks: the address has tried too many that do not.
func (p *Porter) Look(ctx context.Context, text string, from netip.Addr) (Guest, error) {
	token, err := p.minted(ctx, text, LinkPrefix)
	if err != nil {
		return Guest{}, or(err, ErrNoLink)
	}
	now := p.now()
	address, span := addressOf(token.Tenant, from), now.Unix()/int64(wrongTime/time.Second)
	link, wrong, ok, err := p.store.Link(ctx, token.Tenant, token.ID, address, span)
	switch {
	case err != nil:
		return Guest{}, err
	case wrong >= maxWrong:
		return Guest{}, ErrTooManyLinks
	case ok && token.matches(link.Hash) && now.Before(link.Expires):
		return Guest{token.Tenant, link}, nil
	}
	if err := p.store.CountWrong(ctx, token.Tenant, address, span, now.Add(2*wrongTime)); err != nil {
		return Guest{}, err
	}
	return Guest{}, ErrNoLink
}

// Open uses a link up and begins a session, whose browser keeps the cookie. Its errors are those
// of Look.
func (p *Porter) Open(ctx context.Context, text string, from netip.Addr) (cookie string, g Guest, err error) {
	link, err := p.Look(ctx, text, from)
	if err != nil {
		return "", Guest{}, err
	}
	cookie, session, err := p.mint(ctx, VisitPrefix, link.Tenant, link.Visitor, VisitTime)
	if err != nil {
		return "", Guest{}, err
	}
	if err := p.store.OpenLink(ctx, link.Tenant, link.ID, session); err != nil {
		return "", Guest{}, err
	}
	return cookie, Guest{link.Tenant, session}, nil
}

// Tenant returns the tenant that a link or a cookie of this deployment names. Nothing of the
// tenant was read: it may not exist, and the text may not work.
func (p *Porter) Tenant(ctx context.Context, text string) (tenant.ID, error) {
	for _, kind := range []struct {
		prefix string
		err    error
	}{{LinkPrefix, ErrNoLink}, {VisitPrefix, ErrNoVisit}} {
		token, err := p.minted(ctx, text, kind.prefix)
		if err == nil {
			return token.Tenant, nil
		}
		if !errors.Is(err, ErrMalformed) {
			return tenant.ID{}, or(err, kind.err)
		}
	}
	return tenant.ID{}, ErrNoVisit
}

// Session returns the holder of a session's cookie. ErrNoVisit: it is not that of a live session.
func (p *Porter) Session(ctx context.Context, cookie string) (Guest, error) {
	token, err := p.minted(ctx, cookie, VisitPrefix)
	if err != nil {
		return Guest{}, or(err, ErrNoVisit)
	}
	session, ok, err := p.store.Session(ctx, token.Tenant, token.ID)
	switch {
	case err != nil:
		return Guest{}, err
	case !token.matches(session.Hash) || !ok || !p.now().Before(session.Expires):
		return Guest{}, ErrNoVisit
	}
	return Guest{token.Tenant, session}, nil
}

// End ends a session.
func (p *Porter) End(ctx context.Context, g Guest) error {
	return p.store.EndSession(ctx, g.Tenant, g.ID)
}

// minted parses a text that has the mark of one of the deployment's keys. Any other text costs
// no read of a tenant.
func (p *Porter) minted(ctx context.Context, text, prefix string) (Token, error) {
	token, err := parse(text, prefix)
	if err != nil || token.mark == "" {
		return Token{}, ErrMalformed
	}
	switch ok, err := p.screen.minted(ctx, token); {
	case err != nil:
		return Token{}, err
	case !ok:
		// Without the keys nothing is known of it.
		if _, err := p.keys.TokenKeys(ctx); err != nil {
			return Token{}, err
		}
		return Token{}, ErrElsewhere
	}
	return token, nil
}

// or returns the refusal for an error that says that a text was not made here, and any other
// error as it is.
func or(err, refusal error) error {
	if errors.Is(err, ErrMalformed) || errors.Is(err, ErrElsewhere) {
		return fmt.Errorf("%w: %w", refusal, err)
	}
	return err
}

// addressOf returns what is stored of an address: nobody learns from it who came. Of an IPv6
// address the network counts, of which one visitor has all addresses.
func addressOf(t tenant.ID, from netip.Addr) string {
	bits := 32
	if from = from.Unmap().WithZone(""); from.Is6() {
		bits = 64
	}
	network, err := from.Prefix(bits)
	if err != nil { // no address
		network = netip.Prefix{}
	}
	sum := sha256.Sum256([]byte(t.String() + "\x00" + network.String()))
	return hex.EncodeToString(sum[:16])
}
