// Package embedded is a table in one file of a key-value store, or in memory: for
// `rollcall local` with nothing but Go, and for fast tests.
//
// It keeps the contract of table.Table as DynamoDB does, its limits and the shape of
// its pages included. It is for one process, and no Lambda function links it. It
// does not enforce the expiry of items: DynamoDB deletes late, so readers check.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// ErrInUse means that another process has the file open.
var ErrInUse = errors.New("another process has it open")

// lockWait is how long Open waits for another process to let go of the file: long
// enough for one that is just ending.
const lockWait = time.Second

// tokenLife is how long a token is remembered, as in DynamoDB.
const tokenLife = 10 * time.Minute

// The buckets of the file. format holds the version of the layout.
var (
	itemBucket   = []byte("items")   // item key → attributes
	tokenBucket  = []byte("tokens")  // token → time used, fingerprint of the operations
	expiryBucket = []byte("expired") // time used, token → nothing, the order of forgetting
	metaBucket   = []byte("meta")

	formatKey   = []byte("format")
	formatValue = []byte("rollcall-1")
)

// Table is a table in a file. It is safe for concurrent use; writes take turns.
type Table struct {
	db     *bbolt.DB
	remove string // the file to remove on Close, when it could not be removed before
	now    func() time.Time
}

var _ table.Table = (*Table)(nil)

// Open opens the table in a file, and makes the file when there is none. What was
// written stays, through a crash too. While it is open no other process can open it:
// it fails with ErrInUse.
func Open(path string) (*Table, error) {
	return open(path, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType})
}

// Memory makes a table that is gone when it is closed or the process ends.
func Memory() (*Table, error) { return memory(nil) }

// Copy is the table as it is at one moment, in memory: what happens to one of the
// two does not happen to the other.
func (t *Table) Copy() (*Table, error) {
	return memory(func(path string) error {
		return t.db.View(func(tx *bbolt.Tx) error { return tx.CopyFile(path, 0o600) })
	})
}

// memory makes a table in memory, of what fill writes into its file.
func memory(fill func(path string) error) (*Table, error) {
	// One code path for both: memory is a file that has no name and is never synced.
	dir, err := os.MkdirTemp("", "rollcall-")
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	path := filepath.Join(dir, "memory.db")
	if fill != nil {
		if err := fill(path); err != nil {
			return nil, errors.Join(fmt.Errorf("embedded: %w", err), os.RemoveAll(dir))
		}
	}
	t, err := open(path, &bbolt.Options{
		NoSync: true, NoGrowSync: true, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	})
	// Where a file in use cannot be removed, Close does it.
	if removed := os.RemoveAll(dir); removed != nil && err == nil {
		t.remove = dir
	}
	return t, err
}

func open(path string, options *bbolt.Options) (*Table, error) {
	db, err := bbolt.Open(path, 0o600, options)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("embedded: %s: %w", path, ErrInUse)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return nil, fmt.Errorf("embedded: %s is not a file of rollcall, or is damaged: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("embedded: %w", err)
	}
	if err := db.Update(prepare); err != nil {
		_ = db.Close() // the first error says more
		return nil, fmt.Errorf("embedded: %s: %w", path, err)
	}
	return &Table{db: db, now: time.Now}, nil
}

// prepare makes the buckets of a new file and checks the format of an old one.
func prepare(tx *bbolt.Tx) error {
	if meta := tx.Bucket(metaBucket); meta != nil {
		if string(meta.Get(formatKey)) != string(formatValue) {
			return errors.New("written by another version of rollcall")
		}
		return nil
	}
	for _, name := range [][]byte{itemBucket, tokenBucket, expiryBucket, metaBucket} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return tx.Bucket(metaBucket).Put(formatKey, formatValue)
}

// Close ends the table after the calls under way. Later calls fail.
func (t *Table) Close() error {
	err := t.db.Close()
	if t.remove != "" {
		err = errors.Join(err, os.RemoveAll(t.remove))
	}
	return err
}

// Get is table.Table.Get.
func (t *Table) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if err := table.CheckGet(keys...); err != nil {
		return nil, err
	}
	items := make(map[table.Key]table.Item, len(keys))
	err := t.view(ctx, func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(itemBucket)
		for _, key := range keys {
			item, err := load(bucket, key)
			if err != nil {
				return err
			}
			if item != nil {
				items[key] = *item
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

func (t *Table) view(ctx context.Context, f func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", table.ErrUnavailable, err)
	}
	if err := t.db.View(f); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

// load reads one item, nil when there is none.
func load(bucket *bbolt.Bucket, key table.Key) (*table.Item, error) {
	raw := bucket.Get(encodeKey(key))
	if raw == nil {
		return nil, nil
	}
	attributes, err := decodeAttributes(raw)
	if err != nil {
		return nil, err
	}
	return &table.Item{Key: key, Attributes: attributes}, nil
}
