package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The errors of Clients.
var (
	// ErrNoClient: the tenant has no client with the id.
	ErrNoClient = errors.New("access: client not found")
	// ErrNoSecret: the client has no secret with the id.
	ErrNoSecret = errors.New("access: client secret not found")
	// ErrTooManyClients: the tenant has the largest number of clients that are not revoked.
	ErrTooManyClients = errors.New("access: too many clients")
	// ErrTooManySecrets: the client has the largest number of live secrets.
	ErrTooManySecrets = errors.New("access: too many client secrets")
	// ErrTooFar: the requested end of a secret is more than MaxSecretLife away.
	ErrTooFar = errors.New("access: expiry too far in the future")
	// ErrClientChanged: the client was changed concurrently.
	ErrClientChanged = errors.New("access: client changed meanwhile")
)

// The bounds of a tenant's clients.
const (
	// MaxClients is how many clients that are not revoked a tenant may have.
	MaxClients = 20
	// MaxSecrets is how many live secrets a client may have: two during a rotation, with
	// some reserve.
	MaxSecrets = 5
	// keptClients is how many revoked clients are stored, so that their requests get the
	// reason: when another one is created, those beyond are deleted, first the ones that were
	// revoked first.
	keptClients = 50
	// maxForgotten is how many are deleted at once.
	maxForgotten = 2
	// keptSecrets is how many secrets are stored with a client: beyond, those that ended
	// first are forgotten.
	keptSecrets = 20
	// MaxSecretLife and SecretLife are how long a secret is valid at most, and unless the
	// caller chooses: Entra's gallery asks for one to three years.
	MaxSecretLife = 3 * 366 * 24 * time.Hour
	SecretLife    = 365 * 24 * time.Hour
)

// A ClientStore keeps clients. Package store implements it.
type ClientStore interface {
	// Roster reads all clients of a tenant with their version.
	Roster(ctx context.Context, t tenant.ID) (Roster, error)
	// AddClient stores a new client beside those that were read, and deletes some of them.
	// tenant.ErrNotFound: the tenant does not exist. ErrClientChanged: another client was
	// added since.
	AddClient(ctx context.Context, t tenant.ID, c Client, read Roster, forgotten ...Client) error
	// ChangeClient stores a changed client, whose Version is one more than that of the
	// client that was read. ErrClientChanged: it is another one by now.
	ChangeClient(ctx context.Context, t tenant.ID, c Client) error
	// Client reads one client; ok is false if it does not exist.
	Client(ctx context.Context, t tenant.ID, id string) (c Client, ok bool, err error)
	// Clients reads all clients of a tenant, with revoked ones, in the order of ids.
	Clients(ctx context.Context, t tenant.ID) ([]Client, error)
}

// A Roster is all clients of a tenant, with revoked ones, in the order of ids.
type Roster struct {
	Clients []Client
	// Version is another number after each client that was added.
	Version int64
}

// Clients manages the OAuth clients of all tenants. It is safe for concurrent use.
type Clients struct {
	store ClientStore
	marker
}

// NewClients returns a Clients.
func NewClients(s ClientStore, now func() time.Time) *Clients {
	return &Clients{s, newMarker(nil, now)}
}

// WithKeys marks new secrets with the deployment's key. Call it before the Clients are used.
func (k *Clients) WithKeys(keys Keys) *Clients {
	k.keys = keys
	return k
}

// Settled leaves it to others to create the deployment's keys: these Clients may only read them.
// Call it before they are used.
func (k *Clients) Settled() *Clients {
	k.fixed = true
	return k
}

// WithRandom replaces the source of ids and secrets, for tests that repeat a run. Call it
// before the Clients are used.
func (k *Clients) WithRandom(random io.Reader) *Clients {
	k.random = random
	return k
}

// ClientWanted are the choices for a new client.
type ClientWanted struct {
	Label string
	// Expires is when its first secret ends; zero means after SecretLife.
	Expires time.Time
	// NoSecret leaves the secret out, for a client that proves itself by keys or a
	// federation.
	NoSecret bool
}

// SecretWanted are the choices for a new secret.
type SecretWanted struct {
	Label string
	// Expires is when it ends; zero means after SecretLife.
	Expires time.Time
}

// Clients lists the clients of a tenant, including revoked ones.
func (k *Clients) Clients(ctx context.Context, t tenant.ID) ([]Client, error) {
	return k.store.Clients(ctx, t)
}

// Client reads one client. ErrNoClient if there is none.
func (k *Clients) Client(ctx context.Context, t tenant.ID, id string) (Client, error) {
	if len(id) != idSize || !isBase32(id) {
		return Client{}, ErrNoClient
	}
	c, ok, err := k.store.Client(ctx, t, id)
	if err == nil && !ok {
		err = ErrNoClient
	}
	return c, err
}

// Create creates a client, with a first secret unless the caller wants none. The secret's
// text is returned once and not stored.
func (k *Clients) Create(ctx context.Context, t tenant.ID, w ClientWanted) (c Client, secretText string, s Secret, err error) {
	signing := make([]byte, 32)
	if _, err := io.ReadFull(k.random, signing); err != nil {
		return Client{}, "", Secret{}, fmt.Errorf("access: signing key: %w", err) // not of crypto/rand, which ends the program instead
	}
	c = Client{ID: randomText(k.random, 10), Label: w.Label, Created: k.now(), SigningKey: signing, Version: 1}
	if !w.NoSecret {
		if secretText, s, err = k.mint(ctx, t, SecretWanted{Expires: w.Expires}); err != nil {
			return Client{}, "", Secret{}, err
		}
		c.Secrets = []Secret{s}
	}
	if err := k.add(ctx, t, c); err != nil {
		return Client{}, "", Secret{}, err
	}
	return c, secretText, s, nil
}

// add stores a new client, unless the tenant has MaxClients. If another one was added meanwhile,
// the clients are read again. It deletes the revoked clients beyond keptClients.
func (k *Clients) add(ctx context.Context, t tenant.ID, c Client) error {
	for range maxRounds {
		read, err := k.store.Roster(ctx, t)
		if err != nil {
			return err
		}
		var revoked []Client
		for _, one := range read.Clients {
			if !one.Revoked.IsZero() {
				revoked = append(revoked, one)
			}
		}
		if len(read.Clients)-len(revoked) >= MaxClients {
			return ErrTooManyClients
		}
		slices.SortFunc(revoked, func(a, b Client) int { return a.Revoked.Compare(b.Revoked) })
		forgotten := revoked[:min(max(0, len(revoked)-keptClients), maxForgotten)]
		if err := k.store.AddClient(ctx, t, c, read, forgotten...); !errors.Is(err, ErrClientChanged) {
			return err
		}
	}
	return ErrClientChanged
}

func (k *Clients) mint(ctx context.Context, t tenant.ID, w SecretWanted) (string, Secret, error) {
	now := k.now()
	switch {
	case w.Expires.IsZero():
		w.Expires = now.Add(SecretLife)
	case !now.Before(w.Expires):
		return "", Secret{}, ErrPast
	case w.Expires.Sub(now) > MaxSecretLife:
		return "", Secret{}, ErrTooFar
	}
	key, err := k.key(ctx)
	if err != nil {
		return "", Secret{}, err
	}
	text, s := mintSecret(k.random, t, key)
	s.Label, s.Created, s.Expires = w.Label, now, w.Expires
	return text, s, nil
}

// change reads a client, changes it and stores it. If another change came first, it is read
// and changed again. ErrClientRevoked for a revoked client.
func (k *Clients) change(ctx context.Context, t tenant.ID, id string, change func(*Client) error) (Client, error) {
	for range maxRounds {
		c, err := k.Client(ctx, t, id)
		if err != nil {
			return Client{}, err
		}
		if !c.Revoked.IsZero() {
			return Client{}, ErrClientRevoked
		}
		if err := change(&c); err != nil {
			return Client{}, err
		}
		c.Version++
		if err = k.store.ChangeClient(ctx, t, c); !errors.Is(err, ErrClientChanged) {
			return c, err
		}
	}
	return Client{}, ErrClientChanged
}

// Rename changes the label of a client.
func (k *Clients) Rename(ctx context.Context, t tenant.ID, id, label string) (Client, error) {
	return k.change(ctx, t, id, func(c *Client) error {
		c.Label = label
		return nil
	})
}

// AddSecret gives a client another secret. All its live ones are accepted, so that the
// identity provider can be changed over without a refused request.
func (k *Clients) AddSecret(ctx context.Context, t tenant.ID, id string, w SecretWanted) (text string, s Secret, err error) {
	text, s, err = k.mint(ctx, t, w)
	if err != nil {
		return "", Secret{}, err
	}
	_, err = k.change(ctx, t, id, func(c *Client) error {
		live := 0
		for _, s := range c.Secrets {
			if s.Live(k.now()) {
				live++
			}
		}
		if live >= MaxSecrets {
			return ErrTooManySecrets
		}
		c.Secrets = kept(append(c.Secrets, s), k.now())
		return nil
	})
	if err != nil {
		return "", Secret{}, err
	}
	return text, s, nil
}

// kept returns the secrets that stay stored: beyond keptSecrets, the oldest that have ended
// are left out.
func kept(secrets []Secret, now time.Time) []Secret {
	for i := 0; len(secrets) > keptSecrets && i < len(secrets); {
		if secrets[i].Live(now) {
			i++
			continue
		}
		secrets = slices.Delete(secrets, i, i+1)
	}
	return secrets
}

// EndSecret revokes a secret; one that has ended stays as it is. Access tokens that were
// issued for it end within CacheTime.
func (k *Clients) EndSecret(ctx context.Context, t tenant.ID, id, secretID string) error {
	_, err := k.change(ctx, t, id, func(c *Client) error {
		for i, s := range c.Secrets {
			if s.ID == secretID {
				if s.Revoked.IsZero() {
					c.Secrets[i].Revoked = k.now()
				}
				return nil
			}
		}
		return ErrNoSecret
	})
	return err
}

// SetFederation replaces the federation of a client. Access tokens that were issued for the
// one before end within CacheTime. The caller has checked the values.
func (k *Clients) SetFederation(ctx context.Context, t tenant.ID, id string, f Federation) (Client, error) {
	return k.change(ctx, t, id, func(c *Client) error {
		f.Revision, f.Since = c.Version+1, k.now()
		c.Federation = &f
		return nil
	})
}

// EndFederation removes the federation of a client.
func (k *Clients) EndFederation(ctx context.Context, t tenant.ID, id string) error {
	_, err := k.change(ctx, t, id, func(c *Client) error {
		c.Federation = nil
		return nil
	})
	return err
}

// SetKeys replaces the keys of a client. Access tokens that were issued for those before end
// within CacheTime. The caller has checked the keys.
func (k *Clients) SetKeys(ctx context.Context, t tenant.ID, id, jwks string) (Client, error) {
	return k.change(ctx, t, id, func(c *Client) error {
		c.Keys = &KeySet{JWKS: jwks, Revision: c.Version + 1, Since: k.now()}
		return nil
	})
}

// EndKeys removes the keys of a client.
func (k *Clients) EndKeys(ctx context.Context, t tenant.ID, id string) error {
	_, err := k.change(ctx, t, id, func(c *Client) error {
		c.Keys = nil
		return nil
	})
	return err
}

// Revoke revokes a client with all its secrets; a revoked one stays as it is. Its access
// tokens end within CacheTime. The client stays stored, until keptClients others were revoked after
// it, so that a request of it gets the reason.
func (k *Clients) Revoke(ctx context.Context, t tenant.ID, id string) error {
	_, err := k.change(ctx, t, id, func(c *Client) error {
		c.Revoked = k.now()
		return nil
	})
	if errors.Is(err, ErrClientRevoked) {
		return nil
	}
	return err
}
