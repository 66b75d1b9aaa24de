package webhook_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

// sources has entries by key.
type sources map[string]*journal.Entry

func (s sources) SourceAt(_ context.Context, _ tenant.ID, key string, _ bool) (event.Source, bool, error) {
	if key == "broken" {
		return event.Source{}, false, errors.New("broken")
	}
	e, ok := s[key]
	return event.Source{Entry: e}, ok, nil
}

// nothing is a store without users and groups.
type nothing struct{}

func (nothing) UsersNow(context.Context, tenant.ID, []string, []string) (map[string]*directory.User, error) {
	return nil, nil
}

func (nothing) GroupsByID(context.Context, tenant.ID, []string) ([]*directory.Group, error) {
	return nil, nil
}

func (nothing) StoredMemberships(context.Context, tenant.ID, []directory.Membership) (map[directory.Membership]bool, error) {
	return nil, nil
}

// An event is derived again from its source when it is sent.
func TestEvents_AreDerivedFromTheirSource(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		entry := &journal.Entry{
			RequestID: "r1", Time: now(), ResourceType: journal.TypeUser, ResourceID: "u1", Action: journal.Reactivated, Version: 3,
			Outcome: journal.Success, Left: []string{"g1"},
		}
		events := webhook.NewEvents(sources{"r1": entry}, admindoc.NewReader(nothing{}))
		p := w.pending("w1", "u1")
		p.Key = "r1"
		first, err := events.Event(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, "r1 user.reactivated acme", first.ID+" "+first.Type+" "+first.Tenant)
		require.EqualValues(t, 3, first.Resource.Version)
		p.Part = 1
		second, err := events.Event(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, "r1-1 group.members_changed", second.ID+" "+second.Type)

		p.Part = 2
		_, err = events.Event(t.Context(), p)
		require.ErrorIs(t, err, webhook.ErrGone, "an event that the source does not have")
		p.Key = "expired"
		_, err = events.Event(t.Context(), p)
		require.ErrorIs(t, err, webhook.ErrGone)
		p.Key = "broken"
		_, err = events.Event(t.Context(), p)
		require.ErrorContains(t, err, "broken")

		own, err := events.Event(t.Context(), subscription.Pending{
			Event: "n1", Key: "n1", Type: event.WebhookDisabled, Committed: now(), Details: map[string]string{"webhook": "w2"},
		})
		require.NoError(t, err)
		require.Equal(t, "n1 webhook.disabled", own.ID+" "+own.Type)
		require.Equal(t, map[string]string{"webhook": "w2"}, own.Details)
		require.Empty(t, own.Tenant)
		require.Equal(t, "null", string(own.Data))
		require.WithinDuration(t, now(), own.Time, time.Second)
	})
}
