// Package embedded is a table in one file of a key-value store, or in memory:
// for `rollcall local` without other software, and for fast tests.
//
// It keeps the contract of table.Table as DynamoDB does, including its limits
// and the shape of its pages. It is for one process, and no Lambda function
// links it. It does not enforce the expiry of items: DynamoDB deletes late, so
// readers check.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// ErrInUse says that another process has the file open.
var ErrInUse = errors.New("another process has it open")

// lockWait is how long Open waits for another process to close the file: enough
// for a process that is about to end.
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
//
// A Table that finds a damaged page stops serving: every further call fails
// with table.ErrStorage, so that nothing more is read from or written to a
// damaged file.
type Table struct {
	db     *bbolt.DB
	remove string // the file to remove on Close, if it could not be removed before
	now    func() time.Time
	// writing is held by a write. bbolt's own lock may stay held by a write
	// that found a damaged page.
	writing sync.Mutex
	broken  atomic.Bool
	// suffixes are those of the partitions that the stream has, nil without a stream;
	// changed is its signal, trimmed the sequence up to which it is consumed, and most the
	// largest number of its records.
	suffixes []string
	changed  chan struct{}
	trimmed  atomic.Uint64
	most     uint64
}

var _ table.Table = (*Table)(nil)

// Open opens the table in a file, and creates it if the file does not exist or
// is empty. What was written survives a crash. While it is open, another
// process fails to open it with ErrInUse. A damaged file is ErrDamaged, and
// stays as it is.
func Open(path string) (*Table, error) { return openFile(path, true) }

// OpenExisting opens an existing file as Open does: it returns os.ErrNotExist for
// a missing file, and ErrDamaged for an empty one.
func OpenExisting(path string) (*Table, error) { return openFile(path, false) }

func openFile(path string, create bool) (*Table, error) {
	return open(path, &bbolt.Options{
		Timeout: lockWait, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			if !create {
				flag &^= os.O_CREATE
			}
			file, err := os.OpenFile(name, flag, mode)
			if err != nil {
				return nil, err
			}
			if err := sound(file, create); err != nil {
				return nil, errors.Join(err, file.Close())
			}
			return file, nil
		},
	})
}

// sound locks a file and inspects it, before bbolt maps it into memory.
func sound(file *os.File, create bool) error {
	if err := lock(file); err != nil {
		return err
	}
	empty, err := inspect(file)
	if err == nil && empty && !create {
		return damaged("it is empty")
	}
	return err
}

// Memory returns a table that is gone when it is closed or the process ends.
func Memory() (*Table, error) { return memory(nil) }

// Copy returns a copy of the table at one moment, in memory, that is
// independent of it.
func (t *Table) Copy() (*Table, error) {
	return memory(func(path string) error {
		return t.db.View(func(tx *bbolt.Tx) error { return tx.CopyFile(path, 0o600) })
	})
}

// memory returns a table in memory, with what fill writes into its file.
func memory(fill func(path string) error) (*Table, error) {
	// One code path for both: memory is a file without a name that is never
	// synced.
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
	// Where an open file cannot be removed, Close removes it.
	if removed := os.RemoveAll(dir); removed != nil && err == nil {
		t.remove = dir
	}
	return t, err
}

func open(path string, options *bbolt.Options) (*Table, error) {
	t := &Table{now: time.Now, changed: make(chan struct{}, 1), most: StreamRecords}
	err := t.guard(func() (err error) {
		t.db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout), errors.Is(err, ErrInUse):
		return nil, fmt.Errorf("embedded: %s: %w", path, ErrInUse)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum), t.broken.Load():
		return nil, fmt.Errorf("embedded: %s: %w (%w)", path, ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("embedded: %s: %w", path, err)
	}
	if err := t.guard(t.prepare); err != nil {
		_ = t.Close() // the first error says more
		return nil, fmt.Errorf("embedded: %s: %w", path, err)
	}
	return t, nil
}

// guard makes a call that follows the pages of the file. A page that was
// damaged since it was inspected makes bbolt panic, or the processor fault:
// neither may end the process.
func (t *Table) guard(call func() error) (err error) {
	if t.broken.Load() {
		return fmt.Errorf("%w: a damaged page was found before", table.ErrStorage)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			t.broken.Store(true)
			// The panic's text may contain keys, and so personal data.
			err = fmt.Errorf("%w: a page is damaged: panic of type %T at %s", table.ErrStorage, p, debug.Stack())
		}
	}()
	return call()
}

// prepare creates the buckets of a new file and checks the format of an old one.
func (t *Table) prepare() error {
	fresh := false
	err := t.db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		fresh = meta == nil
		if !fresh && string(meta.Get(formatKey)) != string(formatValue) {
			return errors.New("written by another version of rollcall")
		}
		if !fresh {
			t.suffixes = readSuffixes(tx)
		}
		return nil
	})
	if err == nil && fresh {
		err = t.db.Update(createBuckets)
	}
	return err
}

func createBuckets(tx *bbolt.Tx) error {
	for _, name := range [][]byte{itemBucket, tokenBucket, expiryBucket, metaBucket} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return tx.Bucket(metaBucket).Put(formatKey, formatValue)
}

// Close ends the table after the calls in progress. Later calls fail. A table
// that found a damaged page is left to the end of the process, which frees its
// file: bbolt's locks may be held forever.
func (t *Table) Close() error {
	var err error
	if !t.broken.Load() {
		err = t.settle()
	}
	if !t.broken.Load() {
		err = errors.Join(err, t.db.Close())
	}
	if t.remove != "" {
		err = errors.Join(err, os.RemoveAll(t.remove))
	}
	return err
}

// Get implements table.Table.
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
	if err := t.guard(func() error { return t.db.View(f) }); err != nil {
		return failed(err)
	}
	return nil
}

// failed returns the error of a call that the file did not serve.
func failed(err error) error {
	if errors.Is(err, table.ErrStorage) {
		return fmt.Errorf("embedded: %w", err)
	}
	return fmt.Errorf("embedded: %w: %w", table.ErrStorage, err)
}

// load reads one item, nil if it does not exist.
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
