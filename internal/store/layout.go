package store

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The keys of all items. Every partition begins with the tenant, except TENANTS, DUE,
// EXPIRING, KEYS, and those of webhooks, so that an IAM condition on leading keys can restrict a
// role to one tenant. A tenant's id
// has no '#', and values that a client sends occur only in sort keys, at the
// end or before a fixed-size id: no value can reach into another partition or
// another item's key. The table in docs/reference/table.md shows them.

func partition(t tenant.ID, name string) string {
	if t.IsZero() {
		// Unreachable from a request: a grant always names a tenant. Nothing
		// may be stored or read without a tenant.
		panic("store: no tenant")
	}
	if name == "" {
		return "T#" + t.String()
	}
	return "T#" + t.String() + "#" + name
}

// splitPartition returns the tenant's id and the name that a partition of a tenant has, for
// example LOG; ok is false for any other, and for the tenant's own, which has no name.
func splitPartition(partition string) (id, name string, ok bool) {
	rest, ok := strings.CutPrefix(partition, "T#")
	id, name, two := strings.Cut(rest, "#")
	return id, name, ok && two
}

func tenantKey(t tenant.ID) table.Key {
	return table.Key{Partition: partition(t, ""), Sort: "TENANT"}
}

// schemasKey returns the key of the item with the tenant's own schemas.
func schemasKey(t tenant.ID) table.Key {
	return table.Key{Partition: partition(t, ""), Sort: "SCHEMAS"}
}

func tokenKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, ""), Sort: "TOKEN#" + id}
}

// clientKey returns the key of an OAuth client.
func clientKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, ""), Sort: "CLIENT#" + id}
}

// rosterKey returns the key of the item that counts the OAuth clients that were ever added.
func rosterKey(t tenant.ID) table.Key {
	return table.Key{Partition: partition(t, ""), Sort: "CLIENTS"}
}

// assertionKey returns the key of the item that exists while a used assertion is valid.
func assertionKey(t tenant.ID, digest string) table.Key {
	return table.Key{Partition: partition(t, "JTI"), Sort: digest}
}

// usedKey returns the key of the item with the last use of a token. It is
// separate from the token, because the role that serves SCIM requests writes it,
// and may not write tokens.
func usedKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, "USED"), Sort: id}
}

// bucketKey returns the key of the bucket of a tenant's rate. Its partition is its
// own, so that leases take nothing from the capacity of users.
func bucketKey(t tenant.ID) table.Key {
	return table.Key{Partition: partition(t, "RATE"), Sort: "BUCKET"}
}

// listedKey names a tenant in the list of all tenants. Its partition is shared
// by all tenants, like DUE, and contains only their ids.
func listedKey(t tenant.ID) table.Key {
	return table.Key{Partition: tenantsPartition, Sort: t.String()}
}

const tenantsPartition = "TENANTS"

// tokenKeysKey returns the key of the item with the keys that mark tokens. They are
// the deployment's, not a tenant's: a token is judged before its tenant is read.
func tokenKeysKey() table.Key { return table.Key{Partition: "KEYS", Sort: "TOKENS"} }

// ledgerKey returns the key of the first shard of the ledger, the only one unless a
// tenant needs more.
func ledgerKey(t tenant.ID) table.Key { return shardKey(t, 0) }

// shardKey returns the key of a shard of the ledger.
func shardKey(t tenant.ID, shard int) table.Key {
	return table.Key{Partition: partition(t, "LEDGER"), Sort: strconv.Itoa(shard)}
}

func userKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, "USERS"), Sort: id}
}

func goneKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, "GONE"), Sort: id}
}

// reservationKey returns the key of the reservation of a value, among the kinds
// that share its space.
func reservationKey(t tenant.ID, kind directory.Kind, value string) table.Key {
	return table.Key{Partition: partition(t, "NAMES#"+string(kind.Space())), Sort: value}
}

// mailKey returns the key of one other email of one user: the folded value, then
// a NUL, which no stored value contains, and the id.
func mailKey(t tenant.ID, folded, id string) table.Key {
	return table.Key{Partition: partition(t, "MAILS"), Sort: folded + mailDelimiter + id}
}

const mailDelimiter = "\x00"

func groupKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, "GROUPS"), Sort: id}
}

// membershipKey returns the key of a member of a group under one of the group's
// epochs.
func membershipKey(t tenant.ID, group string, epoch int64, user string) table.Key {
	return table.Key{
		Partition: partition(t, "G#"+group+"#"+strconv.FormatInt(epoch, 10)),
		Sort:      user,
	}
}

// userMembershipKey returns the key of the same membership stored with the user.
func userMembershipKey(t tenant.ID, user, group string, epoch int64) table.Key {
	return table.Key{
		Partition: partition(t, "U#"+user),
		Sort:      group + "#" + strconv.FormatInt(epoch, 10),
	}
}

// protectedListKey returns the key of the list of a tenant's protected users: no
// id has a '#'.
func protectedListKey(t tenant.ID) table.Key {
	return table.Key{Partition: partition(t, "GUARD"), Sort: "#ALL"}
}

// protectedKey returns the key of an item that exists while the user is protected.
func protectedKey(t tenant.ID, user string) table.Key {
	return table.Key{Partition: partition(t, "GUARD"), Sort: user}
}

// markerKey returns the key of the marker of a group that was deleted in the
// application.
func markerKey(t tenant.ID, group string) table.Key {
	return table.Key{Partition: partition(t, "MARKERS"), Sort: group}
}

// logKey returns the key of a part of a request's log entry; the first part has
// no number.
func logKey(t tenant.ID, requestID string, part int) table.Key {
	sort := requestID
	if part > 0 {
		sort += "#" + strconv.Itoa(part)
	}
	return table.Key{Partition: partition(t, "LOG"), Sort: sort}
}

// signalKey returns the key of a signal.
func signalKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, "SIGNALS"), Sort: id}
}

// setKey returns the key of a part of the ids of a whole new set, counted from 1: those of
// the log entry with a key.
func setKey(t tenant.ID, entry string, part int) table.Key {
	return table.Key{Partition: partition(t, "SETS"), Sort: fmt.Sprintf("%s#%04d", entry, part)}
}

// The names of the partitions whose items become events.
const (
	logName     = "LOG"
	signalsName = "SIGNALS"
)

// watchKey returns the key of the item that has what was reported last under a name.
func watchKey(t tenant.ID, name string) table.Key {
	return table.Key{Partition: partition(t, "WATCH"), Sort: name}
}

func failingKey(t tenant.ID, subject string) table.Key {
	return table.Key{Partition: partition(t, "FAILING"), Sort: subject}
}

func taskKey(t tenant.ID, id string) table.Key {
	return table.Key{Partition: partition(t, "TASKS"), Sort: id}
}

// dueKey names an unfinished task of any tenant. Its partition is shared by all
// tenants, because the sweep does not know which of them have unfinished work;
// it contains only names of tasks.
func dueKey(t tenant.ID, task string) table.Key {
	return table.Key{Partition: duePartition, Sort: t.String() + "#" + task}
}

const duePartition = "DUE"

// expiringKey names a credential of any tenant that is to cause a signal at a time, in the
// order of the times. Its partition is shared by all tenants, like DUE, and apart from it:
// nothing in it is unfinished work.
func expiringKey(at time.Time, name string) table.Key {
	return table.Key{Partition: expiringPartition, Sort: fmt.Sprintf("%015d#%s", at.UnixMilli(), name)}
}

// searchKey returns the key of the item with the progress of the search for credentials
// without an item. It is before the others.
func searchKey() table.Key { return table.Key{Partition: expiringPartition, Sort: "#SEARCH"} }

const expiringPartition = "EXPIRING"

// endpointDueKey names an unfinished task of an endpoint. It is the task itself: an endpoint
// has no tenant. No tenant's id has a capital letter.
func endpointDueKey(endpoint, task string) table.Key {
	return table.Key{Partition: duePartition, Sort: endpointDue + "#" + endpoint + "#" + task}
}

// endpointDue is what the tasks of endpoints have in place of a tenant's id, and taskErase the
// task that deletes what is stored of a deleted endpoint.
const (
	endpointDue = "W"
	taskErase   = "erase"
)

// markKey returns the key of the bookmark of a page: of one token, resource
// type, sort order and start index.
func markKey(t tenant.ID, tokenID, of, order string, startIndex int) table.Key {
	sum := sha256.Sum256([]byte(tokenID + "\x00" + of + "\x00" + order))
	return table.Key{
		Partition: partition(t, "MARKS"),
		Sort:      base64.RawURLEncoding.EncodeToString(sum[:18]) + "#" + strconv.Itoa(startIndex),
	}
}

// endpointKey returns the key of the registration of a webhook's endpoint.
func endpointKey(id string) table.Key { return table.Key{Partition: "WEBHOOKS", Sort: id} }

// registeredKey returns the key of the item that counts the changes of all registrations.
// It is before them in the order of keys: no id has a '#'.
func registeredKey() table.Key { return table.Key{Partition: "WEBHOOKS", Sort: "#ALL"} }

// webhookPartition returns a partition of an endpoint. An endpoint may get the events of all
// tenants, so its partitions are none of theirs.
func webhookPartition(endpoint, name string) string {
	if endpoint == "" {
		panic("store: no endpoint")
	}
	return "W#" + endpoint + "#" + name
}

// The partitions of an endpoint.
const (
	webhookPending = "PENDING" // the events that wait, in the order in which they are sent
	webhookUrgent  = "URGENT"  // of these, the departures
	webhookSent    = "SENT"    // what came of each event
	webhookState   = "STATE"   // how the endpoint does, and which process sends to it
)

// endpointStateKey returns the key of the item that has how an endpoint does.
func endpointStateKey(endpoint string) table.Key {
	return table.Key{Partition: webhookPartition(endpoint, webhookState), Sort: "STATE"}
}
