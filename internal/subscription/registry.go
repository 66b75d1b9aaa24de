package subscription

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// The errors of a Registry.
var (
	// ErrNotFound: no endpoint has the id.
	ErrNotFound = errors.New("subscription: endpoint not found")
	// ErrChanged: the registrations have changed since they were read.
	ErrChanged = errors.New("subscription: changed meanwhile")
	// ErrVersion: the request names another version than the endpoint's.
	ErrVersion = errors.New("subscription: version differs")
	// ErrTooMany: there are MaxEndpoints endpoints.
	ErrTooMany = errors.New("subscription: too many endpoints")
	// ErrDisabled: nothing is sent to the endpoint.
	ErrDisabled = errors.New("subscription: endpoint disabled")
	// ErrRedelivering: an earlier redelivery to the endpoint is not complete.
	ErrRedelivering = errors.New("subscription: being redelivered")
	// ErrNoEvent: the event is not stored any more, or the endpoint does not get it.
	ErrNoEvent = errors.New("subscription: no such event for the endpoint")
	// ErrBusy: others changed the registrations at each attempt of a change.
	ErrBusy = errors.New("subscription: busy")
)

// A TakenError reports that an endpoint has the URL already.
type TakenError struct{ Holder string }

// Error names the endpoint.
func (e *TakenError) Error() string {
	return "subscription: the URL is that of the endpoint " + e.Holder
}

// Registrations are all endpoints as they were read together.
type Registrations struct {
	// Endpoints are in the order of their ids, which is that of their creation.
	Endpoints []Endpoint
	// Revision counts the changes of all of them, 0 before the first.
	Revision int64
}

// Find returns an endpoint.
func (r Registrations) Find(id string) (Endpoint, bool) {
	i := slices.IndexFunc(r.Endpoints, func(e Endpoint) bool { return e.ID == id })
	if i < 0 {
		return Endpoint{}, false
	}
	return r.Endpoints[i], true
}

// free returns a TakenError if another endpoint has the URL.
func (r Registrations) free(e Endpoint) error {
	for _, other := range r.Endpoints {
		if other.URL == e.URL && other.ID != e.ID {
			return &TakenError{other.ID}
		}
	}
	return nil
}

// Store keeps endpoints. Package store implements it. Each change returns ErrChanged if the
// registrations are not those that were read.
type Store interface {
	Registrations(ctx context.Context) (Registrations, error)
	CreateEndpoint(ctx context.Context, read Registrations, e Endpoint) error
	// ChangeEndpoint replaces a registration; with enabled it also deletes its State.
	ChangeEndpoint(ctx context.Context, read Registrations, e Endpoint, enabled bool) error
	// DeleteEndpoint deletes a registration, and leaves what waits for it and what was
	// delivered to it to a task.
	DeleteEndpoint(ctx context.Context, read Registrations, id string) error
	// EndpointStates reads how endpoints do, in their order.
	EndpointStates(ctx context.Context, endpoints []Endpoint) ([]State, error)
}

// Registry is all endpoints, and the rules by which they change. It is safe for concurrent
// use.
type Registry struct {
	store  Store
	newID  func() string
	now    func() time.Time
	random io.Reader
}

// NewRegistry returns a Registry. newID creates UUIDv7s.
func NewRegistry(s Store, newID func() string, now func() time.Time) *Registry {
	return &Registry{store: s, newID: newID, now: now, random: rand.Reader}
}

// WithRandom replaces the source of secrets, for tests that repeat a run. Call it before the
// Registry is used.
func (r *Registry) WithRandom(random io.Reader) *Registry {
	r.random = random
	return r
}

// maxDecisions is how often a change is decided again because another came first.
const maxDecisions = 5

// An Observed endpoint is an endpoint with how it does.
type Observed struct {
	Endpoint
	State State
}

// Endpoints reads all endpoints, with how they do.
func (r *Registry) Endpoints(ctx context.Context) ([]Observed, error) {
	all, err := r.store.Registrations(ctx)
	if err != nil {
		return nil, err
	}
	return r.observe(ctx, all.Endpoints)
}

// Endpoint reads one endpoint, with how it does.
func (r *Registry) Endpoint(ctx context.Context, id string) (Observed, error) {
	all, err := r.store.Registrations(ctx)
	if err != nil {
		return Observed{}, err
	}
	e, ok := all.Find(id)
	if !ok {
		return Observed{}, ErrNotFound
	}
	observed, err := r.observe(ctx, []Endpoint{e})
	if err != nil {
		return Observed{}, err
	}
	return observed[0], nil
}

func (r *Registry) observe(ctx context.Context, endpoints []Endpoint) ([]Observed, error) {
	states, err := r.store.EndpointStates(ctx, endpoints)
	if err != nil {
		return nil, err
	}
	observed := make([]Observed, len(endpoints))
	for i, e := range endpoints {
		observed[i] = Observed{e.In(states[i]), states[i]}
	}
	return observed, nil
}

// Create registers an endpoint with the URL, label, types and tenants of wanted, and returns
// it with its secret.
func (r *Registry) Create(ctx context.Context, wanted Endpoint) (Endpoint, error) {
	secret, err := r.secret()
	if err != nil {
		return Endpoint{}, err
	}
	e := Endpoint{
		ID: r.newID(), URL: wanted.URL, Label: wanted.Label, Types: wanted.Types, Tenants: wanted.Tenants,
		Secrets: []Secret{secret}, Created: r.now(), Version: 1,
	}
	return e, r.decide(ctx, func(read Registrations) error {
		if err := read.free(e); err != nil {
			return err
		}
		if len(read.Endpoints) >= MaxEndpoints {
			return ErrTooMany
		}
		return r.store.CreateEndpoint(ctx, read, e)
	})
}

// Change applies a change to an endpoint. version is the version that it must have, 0 for any.
func (r *Registry) Change(ctx context.Context, id string, version int64, apply func(*Endpoint)) (Observed, error) {
	var changed Observed
	err := r.decide(ctx, func(read Registrations) error {
		before, ok := read.Find(id)
		if !ok {
			return ErrNotFound
		}
		if version != 0 && version != before.Version {
			return ErrVersion
		}
		observed, err := r.observe(ctx, []Endpoint{before})
		if err != nil {
			return err
		}
		changed = observed[0]
		after := before
		// Disabled by failures, it is enabled like one that a person has disabled.
		after.Disabled, after.Reason = changed.Disabled, changed.Reason
		apply(&after)
		enabled := after.Disabled.IsZero() && !changed.Disabled.IsZero()
		if after.equal(changed.Endpoint) {
			return nil
		}
		if err := read.free(after); err != nil {
			return err
		}
		after.Version++
		if err := r.store.ChangeEndpoint(ctx, read, after, enabled); err != nil {
			return err
		}
		if changed.Endpoint = after; enabled {
			changed.State = State{}
		}
		return nil
	})
	return changed, err
}

// equal reports whether two states of an endpoint differ in nothing that a request changes.
func (e Endpoint) equal(other Endpoint) bool {
	return e.URL == other.URL && e.Label == other.Label && slices.Equal(e.Types, other.Types) &&
		slices.Equal(e.Tenants, other.Tenants) && e.Disabled.Equal(other.Disabled)
}

// OldSecretTime is how long a secret still signs after it was replaced, so that receivers can
// be changed over.
const OldSecretTime = 24 * time.Hour

// maxSecrets is how many secrets sign at once, at most: each is a part of a header. It is
// more than two, because a rotation is repeated when its answer was lost: what receivers know
// must still sign.
const maxSecrets = 4

// Rotate gives an endpoint a new secret, and returns it as the first. Those before sign for
// OldSecretTime after they were replaced.
func (r *Registry) Rotate(ctx context.Context, id string) (Observed, error) {
	secret, err := r.secret()
	if err != nil {
		return Observed{}, err
	}
	var rotated Observed
	err = r.decide(ctx, func(read Registrations) error {
		e, ok := read.Find(id)
		if !ok {
			return ErrNotFound
		}
		e.Secrets = replaced(e.Secrets, secret, r.now())
		e.Version++
		// The state is read before: after the change only its answer must succeed, or nobody
		// would see the secret.
		observed, err := r.observe(ctx, []Endpoint{e})
		if err != nil {
			return err
		}
		rotated = observed[0]
		return r.store.ChangeEndpoint(ctx, read, e, false)
	})
	return rotated, err
}

// replaced returns secrets with a new current one.
func replaced(before []Secret, current Secret, now time.Time) []Secret {
	after := []Secret{current}
	for _, s := range before {
		if s.End.IsZero() {
			s.End = now.Add(OldSecretTime)
		}
		if now.Before(s.End) && len(after) < maxSecrets {
			after = append(after, s)
		}
	}
	return after
}

// Delete deletes an endpoint, with what waits for it and what was delivered to it.
func (r *Registry) Delete(ctx context.Context, id string) error {
	return r.decide(ctx, func(read Registrations) error {
		if _, ok := read.Find(id); !ok {
			return ErrNotFound
		}
		return r.store.DeleteEndpoint(ctx, read, id)
	})
}

// decide reads the registrations and lets decide change them, again if they have changed
// meanwhile.
func (r *Registry) decide(ctx context.Context, decide func(Registrations) error) error {
	for range maxDecisions {
		read, err := r.store.Registrations(ctx)
		if err != nil {
			return err
		}
		if err := decide(read); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return ErrBusy
}

// keySize is the size of a secret's key in bytes: that of the hash that signs. The
// specification allows 24 to 64.
const keySize = 32

// secret returns a new current secret.
func (r *Registry) secret() (Secret, error) {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(r.random, key); err != nil {
		return Secret{}, fmt.Errorf("subscription: secret: %w", err) // not of crypto/rand, which ends the program instead
	}
	return Secret{Key: key}, nil
}

// SecretPrefix begins the text of a secret.
const SecretPrefix = "whsec_"

// Text returns the secret as the libraries of Standard Webhooks take it. It is shown once.
func (s Secret) Text() string { return SecretPrefix + base64.StdEncoding.EncodeToString(s.Key) }
