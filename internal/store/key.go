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
	"github.com/rollcall-scim/rollcall/internal/table"
)

const attrTokenKeys = "keys" // JSON of storedKey, the oldest first

// storedKey is the stored form of an access.Key.
type storedKey struct {
	ID      string `json:"id"`
	Secret  string `json:"key"` // base64
	Created int64  `json:"crt"` // milliseconds since 1970
}

// TokenKeys reads the keys that mark tokens: one read unit.
func (s *Store) TokenKeys(ctx context.Context) ([]access.Key, error) {
	item, ok, err := s.read(ctx, tokenKeysKey())
	if err != nil || !ok {
		return nil, err
	}
	return decodeTokenKeys(item)
}

func decodeTokenKeys(item table.Item) ([]access.Key, error) {
	var stored []storedKey
	if err := json.Unmarshal([]byte(item.Attributes.Text(attrTokenKeys)), &stored); err != nil {
		return nil, errors.New("store: the token keys are damaged") // the decoder's error may quote them
	}
	keys := make([]access.Key, len(stored))
	for i, k := range stored {
		secret, err := base64.StdEncoding.DecodeString(k.Secret)
		if err != nil {
			return nil, fmt.Errorf("store: the token key %s is damaged", k.ID)
		}
		keys[i] = access.Key{ID: k.ID, Secret: secret, Created: time.UnixMilli(k.Created).UTC()}
	}
	return keys, nil
}

// AddTokenKey adds a key to those that were read. The condition is that they are as
// they were read: of two instances that add one at once, the second uses the
// first one's.
func (s *Store) AddTokenKey(ctx context.Context, read []access.Key, added access.Key) error {
	when := table.Absent()
	if len(read) > 0 {
		when = table.Is(attrTokenKeys, table.Text(encodeTokenKeys(read)))
	}
	item := table.Item{Key: tokenKeysKey(), Attributes: table.Attributes{
		attrTokenKeys: table.Text(encodeTokenKeys(append(slices.Clone(read), added))),
	}}
	err := s.write(ctx, time.Time{}, table.Put(item, when))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return access.ErrKeys
	}
	return writeError(err)
}

func encodeTokenKeys(keys []access.Key) string {
	stored := make([]storedKey, len(keys))
	for i, k := range keys {
		stored[i] = storedKey{ID: k.ID, Secret: base64.StdEncoding.EncodeToString(k.Secret), Created: k.Created.UnixMilli()}
	}
	return encode(stored)
}
