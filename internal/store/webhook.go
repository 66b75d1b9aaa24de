package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of the registration of an endpoint, besides its creation, version and label.
const (
	attrURL      = "url"
	attrTypes    = "types"   // comma separated, "" for all
	attrTenants  = "tenants" // comma separated, "" for all
	attrSecrets  = "secrets" // JSON of storedSecret, the newest first
	attrDisabled = "off"     // milliseconds since 1970; absent if it is not disabled
	attrReason   = "why"
)

// The attributes of the state of an endpoint, besides attrDisabled and attrReason.
const (
	attrFailingSince = "since"  // milliseconds since 1970; 0 while it works
	attrFailures     = "fails"  // failed attempts since the last success
	attrPaused       = "paused" // milliseconds since 1970; 0 if it is not paused
	attrLastSuccess  = "ok"     // milliseconds since 1970
	attrStreak       = "streak" // events that failed for the first time since the last success
	attrPauses       = "pauses" // pauses since the last success
	attrRecovered    = "back"   // when it last worked again after a pause
)

// storedSecret is the stored form of a subscription.Secret.
type storedSecret struct {
	Key string `json:"key"` // base64
	End int64  `json:"end"` // milliseconds since 1970, 0 of the current one
}

// Registrations reads all endpoints as they are registered, in the order of their creation:
// one round trip.
func (s *Store) Registrations(ctx context.Context) (subscription.Registrations, error) {
	var all subscription.Registrations
	err := s.pages(ctx, table.Query{Partition: registeredKey().Partition}, func(items []table.Item) (bool, error) {
		for _, item := range items {
			if item.Key == registeredKey() {
				all.Revision = item.Attributes.Number(attrRevision)
				continue
			}
			e, err := decodeEndpoint(item)
			if err != nil {
				return false, err
			}
			all.Endpoints = append(all.Endpoints, e)
		}
		return true, nil
	})
	return all, err
}

// Endpoints reads all endpoints. Those that failures have disabled are disabled too: two
// round trips.
func (s *Store) Endpoints(ctx context.Context) ([]subscription.Endpoint, error) {
	all, err := s.Registrations(ctx)
	if err != nil || len(all.Endpoints) == 0 {
		return nil, err
	}
	states, err := s.EndpointStates(ctx, all.Endpoints)
	if err != nil {
		return nil, err
	}
	for i := range all.Endpoints {
		all.Endpoints[i] = all.Endpoints[i].In(states[i])
	}
	return all.Endpoints, nil
}

// Endpoint reads one endpoint, which failures may have disabled; ok is false if it does not
// exist.
func (s *Store) Endpoint(ctx context.Context, id string) (e subscription.Endpoint, ok bool, err error) {
	items, err := s.table.Get(ctx, endpointKey(id), endpointStateKey(id))
	item, ok := items[endpointKey(id)]
	if err != nil || !ok {
		return subscription.Endpoint{}, false, readError(err)
	}
	if e, err = decodeEndpoint(item); err != nil {
		return subscription.Endpoint{}, false, err
	}
	return e.In(decodeEndpointState(items[endpointStateKey(id)].Attributes)), true, nil
}

// EndpointStates reads how endpoints do, in their order.
func (s *Store) EndpointStates(ctx context.Context, endpoints []subscription.Endpoint) ([]subscription.State, error) {
	keys := make([]table.Key, len(endpoints))
	for i, e := range endpoints {
		keys[i] = endpointStateKey(e.ID)
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	states := make([]subscription.State, len(endpoints))
	for i, key := range keys {
		states[i] = decodeEndpointState(items[key].Attributes)
	}
	return states, nil
}

// Waiting reads a page of the events that wait for an endpoint, newest first, from the first
// one before a Seq: one round trip. More reports that older ones may follow.
func (s *Store) Waiting(ctx context.Context, endpoint, before string, limit int) (page []subscription.Pending, more bool, err error) {
	read, err := s.table.Query(ctx, table.Query{
		Partition: webhookPartition(endpoint, webhookPending), After: before, Limit: limit, Descending: true,
	})
	if err != nil {
		return nil, false, readError(err)
	}
	for _, item := range read.Items {
		p, err := decodePending(endpoint, item)
		if err != nil {
			return nil, false, err
		}
		page = append(page, p)
	}
	return page, read.More, nil
}

// CreateEndpoint registers an endpoint. It returns subscription.ErrChanged if the
// registrations are not those that were read.
func (s *Store) CreateEndpoint(ctx context.Context, read subscription.Registrations, e subscription.Endpoint) error {
	return registered(s.write(ctx, time.Time{}, registeredOp(read), table.Put(endpointItem(e))))
}

// ChangeEndpoint replaces a registration, or returns subscription.ErrChanged. With enabled it
// also deletes how the endpoint does: it begins again.
func (s *Store) ChangeEndpoint(ctx context.Context, read subscription.Registrations, e subscription.Endpoint, enabled bool) error {
	ops := []table.Op{registeredOp(read), table.Put(endpointItem(e))}
	if enabled {
		ops = append(ops, table.Delete(endpointStateKey(e.ID)))
	}
	return registered(s.write(ctx, time.Time{}, ops...))
}

// DeleteEndpoint deletes a registration, or returns subscription.ErrChanged. A task deletes the
// rest: an endpoint may have any number of events that wait.
func (s *Store) DeleteEndpoint(ctx context.Context, read subscription.Registrations, id string) error {
	return registered(s.write(ctx, time.Time{}, registeredOp(read), table.Delete(endpointKey(id)),
		table.Put(table.Item{Key: endpointDueKey(id, taskErase), Attributes: table.Attributes{attrTime: millis(s.now())}})))
}

// erasingTime is how long the rest of a deleted endpoint is left alone: the feed and the
// deliveries that began before the deletion have ended by then, and store nothing more.
const erasingTime = 2 * time.Minute

// finishEndpoint finishes a task of an endpoint. It may be stopped at any point: the next call
// continues.
func (s *Store) finishEndpoint(ctx context.Context, due *dueTask, endpoint, task string) error {
	switch task {
	case taskErase:
		return s.eraseEndpoint(ctx, due, endpoint)
	case taskAgain:
		_, _, err := s.Redeliver(ctx, endpoint)
		return err
	default:
		return fmt.Errorf("store: unknown task of an endpoint: %q", task)
	}
}

// eraseEndpoint deletes what is stored of a deleted endpoint. What is left is its progress.
func (s *Store) eraseEndpoint(ctx context.Context, due *dueTask, endpoint string) error {
	if until := due.at.Add(erasingTime); s.now().Before(until) {
		return youngUntil(until)
	}
	// The lease first: a process that delivers stores nothing without it.
	for _, name := range []string{webhookState, webhookUrgent, webhookPending, webhookSent} {
		if err := s.erase(ctx, webhookPartition(endpoint, name)); err != nil {
			return err
		}
	}
	return writeError(s.write(ctx, time.Time{}, table.Delete(endpointDueKey(endpoint, taskErase))))
}

// erase deletes all items of a partition.
func (s *Store) erase(ctx context.Context, partition string) error {
	return s.pages(ctx, table.Query{Partition: partition}, func(items []table.Item) (bool, error) {
		for chunk := range slices.Chunk(items, table.MaxOps) {
			ops := make([]table.Op, len(chunk))
			large := 0
			for i, item := range chunk {
				ops[i] = table.Delete(item.Key)
				large += unitsOf(item) - leastUnits
			}
			paceOf(ctx).charge(large)
			if err := s.write(ctx, time.Time{}, ops...); err != nil {
				return false, writeError(err)
			}
		}
		return true, nil
	})
}

// registeredOp counts a change of the registrations. Its condition fails after any other
// change: which URLs are taken, and how many endpoints there are, is then unknown.
func registeredOp(read subscription.Registrations) table.Op {
	when := table.Absent()
	if read.Revision > 0 {
		when = table.Is(attrRevision, table.Number(read.Revision))
	}
	return table.Put(table.Item{Key: registeredKey(), Attributes: table.Attributes{
		attrRevision: table.Number(read.Revision + 1),
	}}, when)
}

// registered turns a failed condition into subscription.ErrChanged.
func registered(err error) error {
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return subscription.ErrChanged
	}
	return writeError(err)
}

func endpointItem(e subscription.Endpoint) table.Item {
	a := table.Attributes{
		attrURL:     table.Text(e.URL),
		attrLabel:   table.Text(e.Label),
		attrTypes:   table.Text(joined(e.Types, func(t event.Type) string { return string(t) })),
		attrTenants: table.Text(joined(e.Tenants, tenant.ID.String)),
		attrSecrets: table.Text(encodeSecrets(e.Secrets)),
		attrCreated: millis(e.Created),
		attrVersion: table.Number(e.Version),
	}
	if !e.Disabled.IsZero() {
		a[attrDisabled], a[attrReason] = millis(e.Disabled), table.Text(e.Reason)
	}
	return table.Item{Key: endpointKey(e.ID), Attributes: a}
}

// joined joins the texts of values by commas; none of them has one.
func joined[V any](values []V, text func(V) string) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = text(v)
	}
	return strings.Join(texts, ",")
}

func decodeEndpoint(item table.Item) (subscription.Endpoint, error) {
	a := item.Attributes
	e := subscription.Endpoint{
		ID: item.Sort, URL: a.Text(attrURL), Label: a.Text(attrLabel), Created: timeOf(a, attrCreated),
		Version: a.Number(attrVersion), Disabled: timeOf(a, attrDisabled), Reason: a.Text(attrReason),
	}
	for _, name := range splitIDs(a.Text(attrTypes)) {
		e.Types = append(e.Types, event.Type(name))
	}
	for _, name := range splitIDs(a.Text(attrTenants)) {
		t, err := tenant.ParseID(name)
		if err != nil {
			return e, fmt.Errorf("store: tenants of the endpoint %s: %w", e.ID, err)
		}
		e.Tenants = append(e.Tenants, t)
	}
	var err error
	e.Secrets, err = decodeSecrets(a.Text(attrSecrets))
	if err != nil {
		return e, fmt.Errorf("store: the secrets of the endpoint %s are damaged", e.ID) // the decoder's error may quote them
	}
	return e, nil
}

func encodeSecrets(secrets []subscription.Secret) string {
	stored := make([]storedSecret, len(secrets))
	for i, s := range secrets {
		stored[i] = storedSecret{Key: base64.StdEncoding.EncodeToString(s.Key), End: millis(s.End).Number()}
	}
	return encode(stored)
}

func decodeSecrets(text string) ([]subscription.Secret, error) {
	var stored []storedSecret
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return nil, err
	}
	secrets := make([]subscription.Secret, len(stored))
	for i, s := range stored {
		key, err := base64.StdEncoding.DecodeString(s.Key)
		if err != nil {
			return nil, err
		}
		secrets[i].Key, secrets[i].End = key, timeAt(s.End)
	}
	return secrets, nil
}

func decodeEndpointState(a table.Attributes) subscription.State {
	return subscription.State{
		FailingSince: timeOf(a, attrFailingSince), Failures: int(a.Number(attrFailures)),
		Paused: timeOf(a, attrPaused), LastSuccess: timeOf(a, attrLastSuccess),
		Disabled: timeOf(a, attrDisabled), Reason: a.Text(attrReason),
		Streak: int(a.Number(attrStreak)), Pauses: int(a.Number(attrPauses)), Recovered: timeOf(a, attrRecovered),
	}
}

// endpointStateItem returns the item of how an endpoint does.
func endpointStateItem(endpoint string, s subscription.State) table.Item {
	a := table.Attributes{
		attrFailingSince: millis(s.FailingSince), attrFailures: table.Number(int64(s.Failures)),
		attrPaused: millis(s.Paused), attrLastSuccess: millis(s.LastSuccess),
	}
	setNumbers(a, map[string]int64{
		attrStreak: int64(s.Streak), attrPauses: int64(s.Pauses), attrRecovered: millis(s.Recovered).Number(),
	})
	if !s.Disabled.IsZero() {
		a[attrDisabled], a[attrReason] = millis(s.Disabled), table.Text(s.Reason)
	}
	return table.Item{Key: endpointStateKey(endpoint), Attributes: a}
}
