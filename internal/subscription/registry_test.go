package subscription_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// memory keeps registrations. before is called before each change.
type memory struct {
	endpoints []subscription.Endpoint
	revision  int64
	states    map[string]subscription.State
	before    func()
}

func (r *memory) Registrations(context.Context) (subscription.Registrations, error) {
	return subscription.Registrations{Endpoints: slices.Clone(r.endpoints), Revision: r.revision}, nil
}

func (r *memory) change(read subscription.Registrations, apply func()) error {
	if r.before != nil {
		r.before()
	}
	if read.Revision != r.revision {
		return subscription.ErrChanged
	}
	r.revision++
	apply()
	return nil
}

func (r *memory) CreateEndpoint(_ context.Context, read subscription.Registrations, e subscription.Endpoint) error {
	return r.change(read, func() { r.endpoints = append(r.endpoints, e) })
}

func (r *memory) ChangeEndpoint(_ context.Context, read subscription.Registrations, e subscription.Endpoint, enabled bool) error {
	return r.change(read, func() {
		i := slices.IndexFunc(r.endpoints, func(other subscription.Endpoint) bool { return other.ID == e.ID })
		r.endpoints[i] = e
		if enabled {
			delete(r.states, e.ID)
		}
	})
}

func (r *memory) DeleteEndpoint(_ context.Context, read subscription.Registrations, id string) error {
	return r.change(read, func() {
		r.endpoints = slices.DeleteFunc(r.endpoints, func(e subscription.Endpoint) bool { return e.ID == id })
	})
}

func (r *memory) EndpointStates(_ context.Context, endpoints []subscription.Endpoint) ([]subscription.State, error) {
	states := make([]subscription.State, len(endpoints))
	for i, e := range endpoints {
		states[i] = r.states[e.ID]
	}
	return states, nil
}

// registry is a Registry with its store and clock.
type registry struct {
	*subscription.Registry
	stored *memory
	now    time.Time
}

func newRegistry() *registry {
	r := &registry{
		stored: &memory{states: map[string]subscription.State{}},
		now:    time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
	}
	ids := 0
	r.Registry = subscription.NewRegistry(r.stored, func() string { ids++; return fmt.Sprintf("e%02d", ids) }, func() time.Time { return r.now })
	return r
}

func wanted(n int) subscription.Endpoint {
	return subscription.Endpoint{URL: fmt.Sprintf("https://a%d.example/", n), Label: "billing"}
}

func (r *registry) create(t *testing.T, n int) subscription.Endpoint {
	t.Helper()
	e, err := r.Create(t.Context(), wanted(n))
	require.NoError(t, err)
	return e
}

func TestCreate_ReturnsEndpointWithASecretOfItsOwn(t *testing.T) {
	r := newRegistry()
	a, b := r.create(t, 1), r.create(t, 2)
	require.Equal(t, int64(1), a.Version)
	require.Equal(t, r.now, a.Created)
	require.Len(t, a.Secrets, 1)
	require.NotEqual(t, a.Secrets[0].Key, b.Secrets[0].Key)
	text := a.Secrets[0].Text()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	require.NoError(t, err)
	require.Equal(t, a.Secrets[0].Key, key)
	require.Len(t, key, 32)
	require.True(t, strings.HasPrefix(text, "whsec_"))
	all, err := r.Endpoints(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
}

// A choice of the caller that no registration has is not taken over.
func TestCreate_TakesOnlyWhatIsChosen(t *testing.T) {
	r := newRegistry()
	e := wanted(1)
	e.Secrets, e.Version, e.Disabled = []subscription.Secret{{Key: []byte("mine")}}, 9, r.now
	e, err := r.Create(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, int64(1), e.Version)
	require.Zero(t, e.Disabled)
	require.NotEqual(t, []byte("mine"), e.Secrets[0].Key)
}

func TestCreate_RefusesURLTwiceAndTooMany(t *testing.T) {
	r := newRegistry()
	first := r.create(t, 1)
	_, err := r.Create(t.Context(), wanted(1))
	var taken *subscription.TakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, first.ID, taken.Holder)
	for n := 2; n <= subscription.MaxEndpoints; n++ {
		r.create(t, n)
	}
	_, err = r.Create(t.Context(), wanted(subscription.MaxEndpoints+1))
	require.ErrorIs(t, err, subscription.ErrTooMany)
	require.NoError(t, r.Delete(t.Context(), first.ID))
	r.create(t, 1)
}

// Of two requests at once the second sees what the first has done.
func TestCreate_DecidesAgainAfterAnotherChange(t *testing.T) {
	r := newRegistry()
	r.stored.before = func() {
		r.stored.before = nil
		r.create(t, 1)
	}
	_, err := r.Create(t.Context(), wanted(1))
	var taken *subscription.TakenError
	require.ErrorAs(t, err, &taken)
	r.stored.before = func() { r.stored.revision++ }
	_, err = r.Create(t.Context(), wanted(2))
	require.ErrorIs(t, err, subscription.ErrBusy)
}

func TestChange_AppliesUnderVersion(t *testing.T) {
	r := newRegistry()
	ctx := t.Context()
	e := r.create(t, 1)
	r.create(t, 2)
	relabel := func(e *subscription.Endpoint) { e.Label = "other" }
	changed, err := r.Change(ctx, e.ID, 1, relabel)
	require.NoError(t, err)
	require.Equal(t, int64(2), changed.Version)
	require.Equal(t, "other", changed.Label)
	_, err = r.Change(ctx, e.ID, 1, relabel)
	require.ErrorIs(t, err, subscription.ErrVersion)
	same, err := r.Change(ctx, e.ID, 0, relabel)
	require.NoError(t, err)
	require.Equal(t, int64(2), same.Version, "nothing was changed")
	_, err = r.Change(ctx, e.ID, 0, func(e *subscription.Endpoint) { e.URL = wanted(2).URL })
	var taken *subscription.TakenError
	require.ErrorAs(t, err, &taken)
	_, err = r.Change(ctx, "e99", 0, relabel)
	require.ErrorIs(t, err, subscription.ErrNotFound)
	_, err = r.Endpoint(ctx, "e99")
	require.ErrorIs(t, err, subscription.ErrNotFound)
	require.ErrorIs(t, r.Delete(ctx, "e99"), subscription.ErrNotFound)
	_, err = r.Rotate(ctx, "e99")
	require.ErrorIs(t, err, subscription.ErrNotFound)
}

func TestChange_EnablesWhatFailuresDisabled(t *testing.T) {
	r := newRegistry()
	ctx := t.Context()
	e := r.create(t, 1)
	r.stored.states[e.ID] = subscription.State{Failures: 9, Disabled: r.now, Reason: "It failed for 3 days."}
	seen, err := r.Endpoint(ctx, e.ID)
	require.NoError(t, err)
	require.Equal(t, "It failed for 3 days.", seen.Reason)
	require.Equal(t, 9, seen.State.Failures)

	// Another change leaves it disabled.
	seen, err = r.Change(ctx, e.ID, 0, func(e *subscription.Endpoint) { e.Label = "other" })
	require.NoError(t, err)
	require.Equal(t, r.now, seen.Disabled)
	require.Contains(t, r.stored.states, e.ID)

	seen, err = r.Change(ctx, e.ID, 0, func(e *subscription.Endpoint) { e.Disabled, e.Reason = time.Time{}, "" })
	require.NoError(t, err)
	require.Zero(t, seen.Disabled)
	require.Zero(t, seen.State)
	require.NotContains(t, r.stored.states, e.ID)
}

func TestRotate_SignsWithBothSecretsForADay(t *testing.T) {
	r := newRegistry()
	ctx := t.Context()
	e := r.create(t, 1)
	old := e.Secrets[0].Key
	require.Equal(t, [][]byte{old}, e.Signing(r.now))
	rotated, err := r.Rotate(ctx, e.ID)
	require.NoError(t, err)
	current := rotated.Secrets[0].Key
	require.False(t, bytes.Equal(old, current))
	require.Equal(t, int64(2), rotated.Version)
	require.Equal(t, [][]byte{current, old}, rotated.Signing(r.now.Add(24*time.Hour-1)))
	require.Equal(t, [][]byte{current}, rotated.Signing(r.now.Add(24*time.Hour)))

	// A repeated rotation, whose answer was lost, does not end what receivers know.
	r.now = r.now.Add(time.Hour)
	again, err := r.Rotate(ctx, e.ID)
	require.NoError(t, err)
	require.Len(t, again.Signing(r.now), 3)
	require.Contains(t, again.Signing(r.now), old)
	require.Equal(t, rotated.Secrets[1].End, again.Secrets[2].End, "the time of the first one is the same")
	for range 9 {
		again, err = r.Rotate(ctx, e.ID)
		require.NoError(t, err)
		require.LessOrEqual(t, len(again.Secrets), 4)
	}
	r.now = r.now.Add(25 * time.Hour)
	again, err = r.Rotate(ctx, e.ID)
	require.NoError(t, err)
	require.Len(t, again.Secrets, 2)
}

// An endpoint that is limited to tenants gets no event of another tenant, and none of the
// deployment.
func TestWants_OnlyChosenTenantsAndTypes(t *testing.T) {
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	beta, err := tenant.ParseID("beta")
	require.NoError(t, err)
	all := subscription.Endpoint{}
	require.True(t, all.Wants(acme, event.UserCreated))
	require.True(t, all.Wants(tenant.ID{}, event.WebhookDisabled))
	one := subscription.Endpoint{Tenants: []tenant.ID{acme}, Types: []event.Type{event.UserCreated}}
	require.True(t, one.Wants(acme, event.UserCreated))
	require.False(t, one.Wants(acme, event.UserUpdated))
	require.False(t, one.Wants(beta, event.UserCreated))
	require.False(t, one.Wants(tenant.ID{}, event.UserCreated))
	one.Disabled = time.Now()
	require.False(t, one.Wants(acme, event.UserCreated))
}
