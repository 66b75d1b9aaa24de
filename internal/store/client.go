package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of OAuth clients, besides attrLabel, attrCreated and attrRevoked.
const (
	attrClientVersion = "ver"  // counts the changes of the client
	attrSigningKey    = "skey" // base64: authenticates the client's access tokens
	attrClientSecrets = "secs" // JSON of storedClientSecret, the oldest first
	attrFederation    = "fed"  // JSON of storedFederation; absent if the client has none
	attrClientKeys    = "jwks" // JSON of storedClientKeys; absent if the client has none
)

// storedClientSecret is the stored form of an access.Secret. Times are milliseconds since 1970.
type storedClientSecret struct {
	ID       string `json:"id"`
	Hash     string `json:"hash"`
	LastFour string `json:"last4"`
	Label    string `json:"label,omitempty"`
	Created  int64  `json:"crt"`
	Expires  int64  `json:"exp"`
	Revoked  int64  `json:"rev,omitempty"`
}

// storedFederation is the stored form of an access.Federation.
type storedFederation struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	JWKSURI  string `json:"uri"`
	Revision int64  `json:"rev"`
	Since    int64  `json:"since"`
}

// storedClientKeys is the stored form of an access.KeySet.
type storedClientKeys struct {
	JWKS     string `json:"jwks"`
	Revision int64  `json:"rev"`
	Since    int64  `json:"since"`
}

// AddClient implements access.ClientStore. As for a token, the condition on the tenant refuses
// a client of a tenant that is being deleted. The condition on the roster settles the race of two
// new clients, which would both find room for one.
func (s *Store) AddClient(ctx context.Context, t tenant.ID, c access.Client, read access.Roster, forgotten ...access.Client) error {
	same := table.Absent()
	if read.Version != 0 {
		same = table.Is(attrClientVersion, table.Number(read.Version))
	}
	roster := table.Item{Key: rosterKey(t), Attributes: table.Attributes{attrClientVersion: table.Number(read.Version + 1)}}
	ops := []table.Op{table.Put(roster, same), table.Put(clientItem(t, c), table.Absent()), table.Check(tenantKey(t), table.Present())}
	for _, one := range forgotten {
		ops = append(ops, table.Delete(clientKey(t, one.ID)), table.Delete(usedKey(t, one.ID)))
		for _, secret := range one.Secrets {
			ops = append(ops, table.Delete(usedKey(t, secret.ID)))
		}
	}
	err := s.write(ctx, s.now().Add(journal.WriteTime), append(ops, s.secretOps(t, c)...)...)
	var failed *table.ConditionError
	switch {
	case errors.As(err, &failed) && slices.ContainsFunc(failed.Failed, func(f table.FailedCondition) bool { return f.Op != 0 }):
		return tenant.ErrNotFound
	case failed != nil:
		return access.ErrClientChanged
	}
	return writeError(err)
}

// Roster implements access.ClientStore. The version is read before the clients: one that is added
// meanwhile makes the next AddClient fail.
func (s *Store) Roster(ctx context.Context, t tenant.ID) (access.Roster, error) {
	item, _, err := s.read(ctx, rosterKey(t))
	if err != nil {
		return access.Roster{}, err
	}
	all, err := s.Clients(ctx, t)
	return access.Roster{Clients: all, Version: item.Attributes.Number(attrClientVersion)}, err
}

// ChangeClient implements access.ClientStore. The condition is the version that was read: of
// two changes at once, the second is decided again, so that a secret that was just revoked is
// not brought back.
func (s *Store) ChangeClient(ctx context.Context, t tenant.ID, c access.Client) error {
	ops := []table.Op{table.Put(clientItem(t, c), table.Is(attrClientVersion, table.Number(c.Version-1)))}
	err := s.write(ctx, s.now().Add(journal.WriteTime), append(ops, s.secretOps(t, c)...)...)
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return access.ErrClientChanged
	}
	return writeError(err)
}

// secretOps write the items by which a sweep finds the secrets of a client before they end.
// Those of secrets that are not new exist already, and stay as they are.
func (s *Store) secretOps(t tenant.ID, c access.Client) []table.Op {
	var ops []table.Op
	for _, one := range endingSecrets(c) {
		ops = append(ops, one.put(t, s.now())...)
	}
	return ops
}

func clientItem(t tenant.ID, c access.Client) table.Item {
	secrets := make([]storedClientSecret, len(c.Secrets))
	for i, one := range c.Secrets {
		secrets[i] = storedClientSecret{
			ID: one.ID, Hash: one.Hash, LastFour: one.LastFour, Label: one.Label,
			Created: one.Created.UnixMilli(), Expires: one.Expires.UnixMilli(), Revoked: millis(one.Revoked).Number(),
		}
	}
	a := table.Attributes{
		attrClientVersion: table.Number(c.Version),
		attrCreated:       millis(c.Created),
		attrRevoked:       millis(c.Revoked),
		attrSigningKey:    table.Text(base64.StdEncoding.EncodeToString(c.SigningKey)),
		attrClientSecrets: table.Text(encode(secrets)),
	}
	if c.Label != "" {
		a[attrLabel] = table.Text(c.Label)
	}
	if f := c.Federation; f != nil {
		a[attrFederation] = table.Text(encode(storedFederation{f.Issuer, f.Subject, f.Audience, f.JWKSURI, f.Revision, f.Since.UnixMilli()}))
	}
	if k := c.Keys; k != nil {
		a[attrClientKeys] = table.Text(encode(storedClientKeys{k.JWKS, k.Revision, k.Since.UnixMilli()}))
	}
	return table.Item{Key: clientKey(t, c.ID), Attributes: a}
}

// decodeClient returns the client that an item is. The error quotes nothing of it.
func decodeClient(id string, a table.Attributes) (access.Client, error) {
	c := access.Client{
		ID: id, Label: a.Text(attrLabel), Created: timeOf(a, attrCreated), Revoked: timeOf(a, attrRevoked),
		Version: a.Number(attrClientVersion),
	}
	damaged := fmt.Errorf("store: the client %s is damaged", id)
	var secrets []storedClientSecret
	if json.Unmarshal([]byte(a.Text(attrClientSecrets)), &secrets) != nil {
		return access.Client{}, damaged
	}
	for _, one := range secrets {
		c.Secrets = append(c.Secrets, access.Secret{
			ID: one.ID, Hash: one.Hash, LastFour: one.LastFour, Label: one.Label,
			Created: timeAt(one.Created), Expires: timeAt(one.Expires), Revoked: timeAt(one.Revoked),
		})
	}
	var err error
	if c.SigningKey, err = base64.StdEncoding.DecodeString(a.Text(attrSigningKey)); err != nil {
		return access.Client{}, damaged
	}
	if text := a.Text(attrFederation); text != "" {
		var f storedFederation
		if json.Unmarshal([]byte(text), &f) != nil {
			return access.Client{}, damaged
		}
		c.Federation = &access.Federation{
			Issuer: f.Issuer, Subject: f.Subject, Audience: f.Audience, JWKSURI: f.JWKSURI, Revision: f.Revision, Since: timeAt(f.Since),
		}
	}
	if text := a.Text(attrClientKeys); text != "" {
		var k storedClientKeys
		if json.Unmarshal([]byte(text), &k) != nil {
			return access.Client{}, damaged
		}
		c.Keys = &access.KeySet{JWKS: k.JWKS, Revision: k.Revision, Since: timeAt(k.Since)}
	}
	return c, nil
}

// Client implements access.ClientStore.
func (s *Store) Client(ctx context.Context, t tenant.ID, id string) (access.Client, bool, error) {
	item, ok, err := s.read(ctx, clientKey(t, id))
	if err != nil || !ok {
		return access.Client{}, false, err
	}
	c, err := decodeClient(id, item.Attributes)
	if err != nil {
		return access.Client{}, false, err
	}
	return s.withUse(ctx, t, c)
}

// withUse adds the last uses of a client and of its secrets: one round trip.
func (s *Store) withUse(ctx context.Context, t tenant.ID, c access.Client) (access.Client, bool, error) {
	keys := []table.Key{usedKey(t, c.ID)}
	for _, one := range c.Secrets {
		keys = append(keys, usedKey(t, one.ID))
	}
	items, err := s.table.Get(ctx, keys...)
	if err != nil {
		return access.Client{}, false, readError(err)
	}
	used := map[string]table.Attributes{}
	for key, item := range items {
		used[key.Sort] = item.Attributes
	}
	addUse(&c, used)
	return c, true, nil
}

func addUse(c *access.Client, used map[string]table.Attributes) {
	c.LastUsed = timeOf(used[c.ID], attrTime)
	for i, one := range c.Secrets {
		c.Secrets[i].LastUsed = timeOf(used[one.ID], attrTime)
	}
}

// Clients implements access.ClientStore.
func (s *Store) Clients(ctx context.Context, t tenant.ID) ([]access.Client, error) {
	found, used, err := s.credentialItems(ctx, t, clientKey(t, "").Sort)
	if err != nil {
		return nil, err
	}
	clients := make([]access.Client, len(found))
	for i, item := range found {
		if clients[i], err = decodeClient(item.Sort[len(clientKey(t, "").Sort):], item.Attributes); err != nil {
			return nil, err
		}
		addUse(&clients[i], used)
	}
	return clients, nil
}

// AccessClient implements access.Source. It reads as many items as Access.
func (s *Store) AccessClient(ctx context.Context, t tenant.ID, client, used string) (
	access.Owner, access.Client, bool, error,
) {
	items, err := s.table.Get(ctx, tenantKey(t), clientKey(t, client), usedKey(t, used), schemasKey(t), ledgerKey(t))
	if err != nil {
		return access.Owner{}, access.Client{}, false, readError(err)
	}
	item, ok := items[clientKey(t, client)]
	if !ok {
		return access.Owner{}, access.Client{}, false, nil
	}
	c, err := decodeClient(client, item.Attributes)
	if err != nil {
		return access.Owner{}, access.Client{}, false, err
	}
	c.LastUsed = timeOf(items[usedKey(t, used)].Attributes, attrTime)
	owner, ok, err := s.ownerOf(t, items)
	return owner, c, ok, err
}

// HasClient reports whether a client exists, from its item alone.
func (s *Store) HasClient(ctx context.Context, t tenant.ID, client string) (bool, error) {
	_, ok, err := s.read(ctx, clientKey(t, client))
	return ok, err
}

// Registration implements access.ClientSource.
func (s *Store) Registration(ctx context.Context, t tenant.ID, client string) (
	settings tenant.Settings, c access.Client, keys []access.Key, ok bool, err error,
) {
	items, err := s.table.Get(ctx, tenantKey(t), clientKey(t, client), tokenKeysKey())
	if err != nil {
		return settings, c, nil, false, readError(err)
	}
	owner, known := items[tenantKey(t)]
	item, ok := items[clientKey(t, client)]
	if !known || !ok {
		return settings, c, nil, false, nil
	}
	if settings, err = decodeSettings(t, owner.Attributes.Text(attrSettings)); err != nil {
		return settings, c, nil, false, err
	}
	if c, err = decodeClient(client, item.Attributes); err != nil {
		return settings, c, nil, false, err
	}
	if stored, ok := items[tokenKeysKey()]; ok {
		if keys, err = decodeTokenKeys(stored); err != nil {
			return settings, c, nil, false, err
		}
	}
	return settings, c, keys, true, nil
}

// ClaimAssertion implements access.ClientSource. The condition settles the race of two
// requests with one assertion.
func (s *Store) ClaimAssertion(ctx context.Context, t tenant.ID, digest string, until time.Time) error {
	item := table.Item{Key: assertionKey(t, digest), Attributes: table.Attributes{table.ExpiryName: table.Number(until.Unix() + 1)}}
	err := s.write(ctx, s.now().Add(journal.WriteTime), table.Put(item, table.Absent()))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return access.ErrReplayed
	}
	return writeError(err)
}
