package store

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func mustID(t *testing.T, s string) tenant.ID {
	t.Helper()
	id, err := tenant.ParseID(s)
	require.NoError(t, err)
	return id
}

// TestKeys pins every key: stored data outlives the code that wrote it.
func TestKeys(t *testing.T) {
	acme := mustID(t, "acme")
	const user, group, request = "0190-user", "0190-group", "0190-request"
	tests := []struct {
		name, partition, sort string
		key                   table.Key
	}{
		{"tenant", "T#acme", "TENANT", tenantKey(acme)},
		{"schemas", "T#acme", "SCHEMAS", schemasKey(acme)},
		{"token", "T#acme", "TOKEN#k1", tokenKey(acme, "k1")},
		{"client", "T#acme", "CLIENT#c1", clientKey(acme, "c1")},
		{"last report", "T#acme#WATCH", "SEATS", watchKey(acme, "SEATS")},
		{"used assertion", "T#acme#JTI", "digest", assertionKey(acme, "digest")},
		{"ledger", "T#acme#LEDGER", "0", ledgerKey(acme)},
		{"shard of a ledger", "T#acme#LEDGER", "31", shardKey(acme, 31)},
		{"user", "T#acme#USERS", user, userKey(acme, user)},
		{"deleted user", "T#acme#GONE", user, goneKey(acme, user)},
		{"userName", "T#acme#NAMES#user", "alice@example.com", reservationKey(acme, directory.UserName, "alice@example.com")},
		{"email", "T#acme#NAMES#mail", "alice@example.com", reservationKey(acme, directory.Email, "alice@example.com")},
		{"externalId", "T#acme#NAMES#ext", "hash", reservationKey(acme, directory.ExternalID, "hash")},
		{"other email", "T#acme#MAILS", "a@b.c\x00" + user, mailKey(acme, "a@b.c", user)},
		{"group", "T#acme#GROUPS", group, groupKey(acme, group)},
		{"membership", "T#acme#G#0190-group#7", user, membershipKey(acme, group, 7, user)},
		{"mirror", "T#acme#U#0190-user", "0190-group#7", userMembershipKey(acme, user, group, 7)},
		{"log", "T#acme#LOG", request, logKey(acme, request, 0)},
		{"log, second part", "T#acme#LOG", request + "#1", logKey(acme, request, 1)},
		{"failing subject", "T#acme#FAILING", "alice", failingKey(acme, "alice")},
		{"task", "T#acme#TASKS", "0190-task", taskKey(acme, "0190-task")},
		{"bucket", "T#acme#RATE", "BUCKET", bucketKey(acme)},
		{"protected users", "T#acme#GUARD", "#ALL", protectedListKey(acme)},
		{"protected user", "T#acme#GUARD", user, protectedKey(acme, user)},
		{"marker of a deleted group", "T#acme#MARKERS", group, markerKey(acme, group)},
		{"bookmark", "T#acme#MARKS", "hFk6b4WXkTpqHMOUT4px_4i5#101", markKey(acme, "k1", "filter", "", 101)},
	}
	seen := map[table.Key]string{}
	for _, tt := range tests {
		want := table.Key{Partition: tt.partition, Sort: tt.sort}
		assert.Equalf(t, want, tt.key, "%s: key = %q %q, want %q %q", tt.name, tt.key.Partition, tt.key.Sort, want.Partition, want.Sort)
		other := seen[tt.key]
		assert.Emptyf(t, other, "%s has the key of %s", tt.name, other)
		seen[tt.key] = tt.name
		assert.Truef(t, strings.HasPrefix(tt.key.Partition, "T#acme"), "%s: the partition does not begin with the tenant", tt.name)
	}
}

// Shared partitions, and those of endpoints, begin with no tenant; those of one endpoint are of
// no other.
func TestKeys_OfNoTenant(t *testing.T) {
	assert.Equal(t, table.Key{Partition: "WEBHOOKS", Sort: "#ALL"}, registeredKey())
	assert.Equal(t, table.Key{Partition: "WEBHOOKS", Sort: "0190-e"}, endpointKey("0190-e"))
	assert.Equal(t, table.Key{Partition: "W#0190-e#STATE", Sort: "STATE"}, endpointStateKey("0190-e"))
	assert.Equal(t, "W#0190-e#PENDING", webhookPartition("0190-e", webhookPending))
	assert.Equal(t, "W#0190-e#URGENT", webhookPartition("0190-e", webhookUrgent))
	assert.Equal(t, "W#0190-e#SENT", webhookPartition("0190-e", webhookSent))
	assert.Equal(t, table.Key{Partition: "DUE", Sort: "W#0190-e#erase"}, endpointDueKey("0190-e", taskErase))
	assert.Equal(t, table.Key{Partition: "EXPIRING", Sort: "001767323045678#acme#token#k1"}, expiringKey(time.UnixMilli(1767323045678), "acme#token#k1"))
	assert.Equal(t, table.Key{Partition: "EXPIRING", Sort: "#SEARCH"}, searchKey())
	assert.Panics(t, func() { webhookPartition("", webhookSent) })
	_, err := tenant.ParseID(endpointDue)
	assert.Error(t, err, "a tenant could have the id under which the tasks of endpoints are")
}

func TestKeys_KeepTenantsApart(t *testing.T) {
	a, b := mustID(t, "acme"), mustID(t, "acme-users")
	for _, hostile := range []string{"x#T#acme-users#USERS", "T#acme-users", "#", "\x00", "../acme-users"} {
		for name, key := range map[string]table.Key{
			"userName": reservationKey(a, directory.UserName, hostile),
			"mail":     mailKey(a, hostile, "id"),
			"token":    tokenKey(a, hostile),
			"failing":  failingKey(a, hostile),
		} {
			if strings.HasPrefix(key.Partition+"#", "T#"+b.String()+"#") || !strings.HasPrefix(key.Partition+"#", "T#acme#") {
				t.Errorf("%s of %q lies in partition %q", name, hostile, key.Partition)
			}
		}
	}
}

func TestPartition_RefusesNoTenant(t *testing.T) {
	defer func() {
		assert.NotNil(t, recover(), "a key was built for no tenant")
	}()
	userKey(tenant.ID{}, "id")
}

func TestMarkKey_TellsWalksApart(t *testing.T) {
	acme := mustID(t, "acme")
	seen := map[table.Key]bool{}
	for _, k := range []table.Key{
		markKey(acme, "k1", "f", "", 101), markKey(acme, "k2", "f", "", 101), markKey(acme, "k1", "g", "", 101),
		markKey(acme, "k1", "f", "userName", 101), markKey(acme, "k1", "f", "", 201),
		markKey(acme, "k", "1f", "", 101),
	} {
		assert.Falsef(t, seen[k], "two walks share the key %q", k.Sort)
		seen[k] = true
	}
}

// TestItems pins the attributes of the items that are written.
func TestItems(t *testing.T) {
	acme := mustID(t, "acme")
	at := time.UnixMilli(1767323045678).UTC()
	u := &directory.User{
		ID: "u1", Doc: []byte(`{"id":"u1"}`), Version: 3, Created: at, Modified: at.Add(time.Second),
		Active: false, Type: tenant.Reader, DeactivatedBy: journal.ByIdP, Origin: directory.OriginSCIM, Linked: true,
		Held: directory.Claims{directory.UserName: "alice", directory.Email: "a@b.c", directory.ExternalID: "hash"},
	}
	tests := []struct {
		name string
		got  table.Attributes
		want table.Attributes
	}{
		{"user", userItem(acme, u).Attributes, table.Attributes{
			"doc": table.Text(`{"id":"u1"}`), "ver": table.Number(3),
			"crt": table.Number(1767323045678), "mod": table.Number(1767323046678),
			"act": table.Number(0), "typ": table.Text("reader"), "off": table.Text("scim"),
			"org": table.Text("scim"), "lnk": table.Number(1), "jn": table.Number(0), "lv": table.Number(0),
			"held.user": table.Text("alice"), "held.mail": table.Text("a@b.c"), "held.ext": table.Text("hash"),
		}},
		{"ledger", ledgerItem(ledgerKey(acme), directory.Ledger{Seats: 1, SeatLimit: 2, Readers: 3, ReaderLimit: 4, Users: 5, Groups: 6}).Attributes, table.Attributes{
			"seats": table.Number(1), "seatLimit": table.Number(2), "readers": table.Number(3),
			"readerLimit": table.Number(4), "users": table.Number(5), "groups": table.Number(6), "moves": table.Number(0),
		}},
		{"log", logItem(acme, journal.Entry{
			RequestID: "r1", Time: at, TokenID: "k1", IdP: "okta", Operation: "create", Action: journal.Created,
			ResourceType: "User", ResourceID: "u1", Version: 1, Subject: "Alice", ExternalID: "e-1",
			Outcome: journal.Warning, Cause: cause.ExternalIDChanged, Changed: []string{"active", "userName"}, Seats: 1,
		}, at).Attributes, table.Attributes{
			"at": table.Number(1767323045678), "tok": table.Text("k1"), "idp": table.Text("okta"),
			"op": table.Text("create"), "did": table.Text("created"), "out": table.Text("warning"),
			"cause": table.Text("external_id_changed"), "rt": table.Text("User"), "rid": table.Text("u1"),
			"ver": table.Number(1), "name": table.Text("Alice"), "ext": table.Text("e-1"),
			"attrs": table.Text("active,userName"), "dseat": table.Number(1), "ttl": table.Number(1767323045),
		}},
	}
	for _, tt := range tests {
		for name, want := range tt.want {
			assert.Equalf(t, want, tt.got[name], "%s: %s", tt.name, name)
		}
		assert.Lenf(t, tt.got, len(tt.want), "%s: %d attributes, want %d: %v", tt.name, len(tt.got), len(tt.want), tt.got)
	}
	back := decodeUser(userItem(acme, u), false)
	if back.ID != u.ID || string(back.Doc) != string(u.Doc) || back.Version != u.Version || !back.Created.Equal(u.Created) ||
		!back.Modified.Equal(u.Modified) || back.Active != u.Active || back.Type != u.Type || back.DeactivatedBy != u.DeactivatedBy ||
		back.Origin != u.Origin || back.Linked != u.Linked || len(back.Held) != 3 {
		t.Errorf("decodeUser(userItem(u)) = %+v, want %+v", back, u)
	}
}

func TestLogItem_StaysWithinItsBudget(t *testing.T) {
	long := strings.Repeat("é", 4000)
	names := make([]string, 500)
	for i := range names {
		names[i] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"
	}
	item := logItem(mustID(t, strings.Repeat("t", 63)), journal.Entry{
		RequestID: strings.Repeat("r", 36), Time: time.Now(), TokenID: strings.Repeat("k", 16), IdP: "sailpoint",
		Operation: "replace", Action: journal.Deactivated, ResourceType: "User", ResourceID: strings.Repeat("i", 36),
		Version: 1 << 40, Subject: long, ExternalID: long, Outcome: journal.Warning, Cause: cause.ExternalIDChanged, Changed: names, Seats: -1,
		Faults: []setting.Finding{setting.Of(setting.WrongTarget, strings.Repeat("a", 110)), setting.Of(setting.NoSuchTarget, strings.Repeat("b", 110))},
	}, time.Now())
	size := table.Size(item)
	assert.False(t, item.Attributes.Has(attrFaults), "no room for the faults")
	assert.Truef(t, size <= 1024, "a log entry has %d bytes, want at most 1024: its write is two units", size)
}

func TestExplain_TellsConditionsApart(t *testing.T) {
	other := &table.Item{Attributes: table.Attributes{attrHolder: table.Text("other")}}
	ledger := &table.Item{Attributes: table.Attributes{attrSeats: table.Number(5), attrSeatLimit: table.Number(5)}}
	operations := []operation{
		{}, held(table.Op{}, directory.Email), means(table.Op{}, directory.LedgerFull, ""), held(table.Op{}, directory.UserName),
	}
	got := explain(operations, &table.ConditionError{Failed: []table.FailedCondition{
		{Op: 0, Item: other}, {Op: 1, Item: other}, {Op: 2, Item: ledger}, {Op: 3, Item: nil},
	}})
	want := []directory.FailedCondition{
		{Found: directory.RecordChanged},
		{Found: directory.ClaimHeld, ID: "other", Claim: directory.Email},
		{Found: directory.LedgerFull, Ledger: &directory.Ledger{Seats: 5, SeatLimit: 5}},
		{Found: directory.RecordChanged},
	}
	if !got.Stale() || !reflect.DeepEqual(got.Failed, want) || !maps.Equal(got.Holders(), map[directory.Kind]string{directory.Email: "other"}) {
		t.Errorf("explain = %+v", got)
	}
	unsure := &table.ConditionError{Failed: []table.FailedCondition{{Op: 2, Item: ledger}}, Incomplete: true}
	if got := explain(operations, unsure); !got.Stale() {
		t.Errorf("a full ledger with other operations not checked is reported as %+v, want Stale", got)
	}
	if got := explain(operations, &table.ConditionError{Failed: []table.FailedCondition{{Op: 2, Item: ledger}}}); got.Stale() || len(got.Holders()) > 0 {
		t.Errorf("a full ledger alone is reported as %+v", got)
	}
}

// TestSubjectNames pins the names of failing subjects, which are parts of keys.
func TestSubjectNames(t *testing.T) {
	for want, subject := range map[string]journal.Subject{
		"User#u1":                         {Type: journal.TypeUser, ID: "u1", Name: "Dora"},
		"User~nadsxl26tN7hcxCpJyV_QbuyZ":  {Type: journal.TypeUser, Name: "Dora", ExternalID: "e1"},
		"Group~ei1zE337sfTKngU7KSvBHrjOy": {Type: journal.TypeGroup, ExternalID: "e1"},
		"":                                {Type: journal.TypeUser},
	} {
		require.Equal(t, want, subjectName(subject))
	}
}
