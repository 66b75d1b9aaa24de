package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of tenants.
const (
	attrSettings  = "settings" // JSON of tenant.Settings
	attrCursorKey = "key"      // 256 random bits that sign cursors, base64
)

// ErrTenantExists says that the tenant exists already.
var ErrTenantExists = tenant.ErrExists

// CreateTenant creates a tenant with its ledger, or returns ErrTenantExists.
func (s *Store) CreateTenant(ctx context.Context, t tenant.ID, settings tenant.Settings,
	seatLimit, readerLimit int64, now time.Time,
) error {
	encoded, err := encodeSettings(settings)
	if err != nil {
		return err
	}
	key := make([]byte, 32)
	if _, err := io.ReadFull(s.random, key); err != nil {
		return err // not of crypto/rand, which ends the program instead
	}
	item := table.Item{Key: tenantKey(t), Attributes: table.Attributes{
		attrSettings:  table.Text(encoded),
		attrCursorKey: table.Text(base64.StdEncoding.EncodeToString(key)),
		attrCreated:   millis(now),
	}}
	ledger := ledgerItem(ledgerKey(t), directory.Ledger{SeatLimit: seatLimit, ReaderLimit: readerLimit})
	err = s.write(ctx, now.Add(journal.WriteTime),
		table.Put(item, table.Absent()), table.Put(ledger, table.Absent()), table.Put(table.Item{Key: listedKey(t)}))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return ErrTenantExists
	}
	return writeError(err)
}

func encodeSettings(settings tenant.Settings) (string, error) {
	encoded, err := json.Marshal(settings)
	if err != nil {
		return "", fmt.Errorf("store: settings: %w", err)
	}
	return string(encoded), nil
}

// decodeSettings decodes settings; a setting newer than the stored text has its
// default.
func decodeSettings(t tenant.ID, text string) (tenant.Settings, error) {
	settings := tenant.DefaultSettings()
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		return tenant.Settings{}, fmt.Errorf("store: settings of %s: %w", t, err)
	}
	return settings, nil
}

func decodeTenant(t tenant.ID, item, ledger table.Item) (tenant.Tenant, error) {
	text := item.Attributes.Text(attrSettings)
	settings, err := decodeSettings(t, text)
	if err != nil {
		return tenant.Tenant{}, err
	}
	key, err := base64.StdEncoding.DecodeString(item.Attributes.Text(attrCursorKey))
	if err != nil {
		return tenant.Tenant{}, fmt.Errorf("store: the cursor key of %s is damaged", t)
	}
	seats, readers := decodeLimits(ledger.Attributes)
	return tenant.Tenant{
		ID: t, Settings: settings, MaxSeats: seats, MaxReaders: readers,
		Created: timeOf(item.Attributes, attrCreated), CursorKey: key, Stored: text,
	}, nil
}

// Tenant reads a tenant and its limits: one round trip, and another one for the
// progress of its deletion.
func (s *Store) Tenant(ctx context.Context, t tenant.ID) (tenant.Tenant, bool, error) {
	items, err := s.table.Get(ctx, tenantKey(t), ledgerKey(t))
	if err != nil {
		return tenant.Tenant{}, false, readError(err)
	}
	item, ok := items[tenantKey(t)]
	if !ok {
		return tenant.Tenant{}, false, nil
	}
	s.shards.learn(t, items[ledgerKey(t)].Attributes)
	found, err := decodeTenant(t, item, items[ledgerKey(t)])
	if err == nil && found.Settings.Ending {
		found.Deletion, err = s.deletion(ctx, t)
	}
	return found, err == nil, err
}

func (s *Store) deletion(ctx context.Context, t tenant.ID) (tenant.Deletion, error) {
	task, _, err := s.read(ctx, taskKey(t, taskSort(tenantTask(t))))
	return tenant.Deletion{Items: task.Attributes.Number(attrDeletes), At: timeOf(task.Attributes, attrMoved)}, err
}

// Tenants reads a page of tenants: two round trips.
func (s *Store) Tenants(ctx context.Context, after string, limit int) (page []tenant.Tenant, next string, err error) {
	listed, err := s.table.Query(ctx, table.Query{Partition: tenantsPartition, After: after, Limit: limit})
	if err != nil {
		return nil, "", readError(err)
	}
	var ids []tenant.ID
	var keys []table.Key
	for _, item := range listed.Items {
		id, err := tenant.ParseID(item.Sort)
		if err != nil {
			return nil, "", fmt.Errorf("store: listed tenant: %w", err)
		}
		ids = append(ids, id)
		keys = append(keys, tenantKey(id), ledgerKey(id))
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, "", err
	}
	for _, id := range ids {
		item, ok := items[tenantKey(id)]
		if !ok {
			continue // deleted between the two reads
		}
		found, err := decodeTenant(id, item, items[ledgerKey(id)])
		if err != nil {
			return nil, "", err
		}
		page = append(page, found)
	}
	if listed.More {
		next = listed.Last
	}
	return page, next, nil
}

// TenantNames reads a page of the names of all tenants, as they are listed.
func (s *Store) TenantNames(ctx context.Context, after string, limit int) (names []string, next string, err error) {
	listed, err := s.table.Query(ctx, table.Query{Partition: tenantsPartition, After: after, Limit: limit})
	if err != nil {
		return nil, "", readError(err)
	}
	for _, item := range listed.Items {
		names = append(names, item.Sort)
	}
	if listed.More {
		next = listed.Last
	}
	return names, next, nil
}

func sameSettings(t tenant.Tenant) table.Condition {
	return table.Is(attrSettings, table.Text(t.Stored))
}

// changed turns a failed condition into tenant.ErrChanged.
func changed(err error) error {
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return tenant.ErrChanged
	}
	return writeError(err)
}

// EndTenant disables a tenant for good, and leaves what is stored of it to a
// task.
func (s *Store) EndTenant(ctx context.Context, before tenant.Tenant, now time.Time) error {
	settings := before.Settings
	settings.Ending, settings.SCIMDisabled = true, true
	encoded, err := encodeSettings(settings)
	if err != nil {
		return err
	}
	ops := []table.Op{table.Update(tenantKey(before.ID),
		table.Change{Set: table.Attributes{attrSettings: table.Text(encoded)}}, sameSettings(before))}
	for _, o := range taskOps(before.ID, tenantTask(before.ID), table.Attributes{attrTime: millis(now)}) {
		ops = append(ops, o.Op)
	}
	return changed(s.write(ctx, now.Add(journal.WriteTime), ops...))
}
