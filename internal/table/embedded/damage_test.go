package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// filled returns the content of a file with a few levels of pages, further
// pages and free ones.
func filled(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	tbl, err := Open(path)
	require.NoError(t, err)
	tbl.db.NoSync = true
	require.NoError(t, tbl.KeepRecords("#3"))
	for i := range 60 {
		var ops []table.Op
		for j := range 40 {
			ops = append(ops, table.Put(filledItem(i*40+j)))
		}
		write(t, tbl, fmt.Sprint("put", i), ops...)
	}
	for i := range 12 {
		var ops []table.Op
		for j := range 40 {
			ops = append(ops, table.Delete(filledItem(i*120+j).Key))
		}
		write(t, tbl, fmt.Sprint("delete", i), ops...)
	}
	write(t, tbl, "large", table.Put(table.Item{Key: key(1), Attributes: table.Attributes{"doc": table.Text(strings.Repeat("x", 60_000))}}))
	require.NoError(t, tbl.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

func key(i int) table.Key {
	return table.Key{Partition: fmt.Sprintf("T#acme#%d", i%7), Sort: fmt.Sprintf("%06d-%s", i, strings.Repeat("k", i%60))}
}

func filledItem(i int) table.Item {
	return table.Item{Key: key(i), Attributes: table.Attributes{"n": table.Number(int64(i)), "doc": table.Text(strings.Repeat("d", i%150))}}
}

func write(t *testing.T, tbl *Table, token string, ops ...table.Op) {
	t.Helper()
	require.NoError(t, tbl.Write(t.Context(), table.Transaction{Token: token, Ops: ops}))
}

// put writes a file to a new folder.
func put(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// use reads all of a table and writes to it. Calls fail with table.ErrStorage
// or not at all.
func use(t *testing.T, tbl *Table) (calls, failures int) {
	t.Helper()
	tbl.db.NoSync = true
	ctx := context.Background()
	count := func(err error) {
		calls++
		var condition *table.ConditionError
		switch {
		case err == nil, errors.As(err, &condition):
		case errors.Is(err, table.ErrStorage):
			failures++
		default:
			t.Errorf("a call failed with %v, want table.ErrStorage", err)
		}
	}
	for i := range 7 {
		for _, descending := range []bool{false, true} {
			q := table.Query{Partition: key(i).Partition, Limit: 100, Descending: descending}
			for more := true; more && calls < 500; {
				page, err := tbl.Query(ctx, q)
				count(err)
				more, q.After = page.More, page.Last
			}
		}
	}
	for i := range 40 {
		_, err := tbl.Get(ctx, key(i*61), key(i*61+1))
		count(err)
		token := fmt.Sprint("u", i)
		switch i % 3 {
		case 0:
			err = tbl.Write(ctx, table.Transaction{Token: token, Ops: []table.Op{table.Put(filledItem(i * 59)), table.Delete(key(i*59 + 1))}})
		case 1:
			err = tbl.Write(ctx, table.Transaction{Token: token, Ops: []table.Op{table.Update(key(i*53), table.Change{Set: table.Attributes{"m": table.Number(1)}})}})
		default:
			err = tbl.Write(ctx, table.Transaction{Token: token, Ops: []table.Op{table.Check(key(i*47), table.Present())}})
		}
		count(err)
	}
	return calls, failures
}

// wantRefused opens a damaged file: it must be refused, and stay as it is.
func wantRefused(t *testing.T, content []byte) {
	t.Helper()
	path := put(t, content)
	for _, open := range []func(string) (*Table, error){Open, OpenExisting} {
		tbl, err := open(path)
		if !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), path) || strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("got %v, want ErrDamaged with the path, in one line", err)
		}
		if err == nil {
			_ = tbl.Close()
		}
	}
	after, err := os.ReadFile(path)
	assert.Truef(t, err == nil && bytes.Equal(after, content), "the file was changed, %v", err)
}

func TestOpen_RefusesDamagedFiles(t *testing.T) {
	sound := filled(t)
	page := os.Getpagesize()
	order := binary.NativeEndian
	root := rootOf(t, sound)
	require.EqualValues(t, kindBranch, order.Uint16(sound[root*page+8:]), "the file is too small for this test")
	changed := func(change func(b []byte)) []byte {
		b := bytes.Clone(sound)
		change(b)
		return b
	}
	random := make([]byte, 64<<10)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	newest := 0
	if order.Uint64(sound[page+pageHeader+48:]) > order.Uint64(sound[pageHeader+48:]) {
		newest = 1
	}
	for name, content := range map[string][]byte{
		"a byte":                   sound[:1],
		"less than a page":         sound[:page-1],
		"a page":                   sound[:page],
		"two pages":                sound[:2*page],
		"a tenth":                  sound[:len(sound)/10],
		"half":                     sound[:len(sound)/2],
		"garbage":                  random,
		"a text":                   []byte(strings.Repeat("not a table\n", 4096)),
		"zeros":                    make([]byte, len(sound)),
		"no beginning":             changed(func(b []byte) { clear(b[:2*page]) }),
		"the rest zero":            changed(func(b []byte) { clear(b[2*page:]) }),
		"another file's beginning": changed(func(b []byte) { copy(b, random[:2*page]) }),
		"a branch that is its own child": changed(func(b []byte) {
			order.PutUint64(b[root*page+pageHeader+8:], uint64(root))
		}),
		"a branch that leads to one child twice": changed(func(b []byte) {
			copy(b[root*page+pageHeader+8:][:8], b[root*page+pageHeader+element+8:])
		}),
		"a branch without elements":      changed(func(b []byte) { order.PutUint16(b[root*page+10:], 0) }),
		"a branch with too many":         changed(func(b []byte) { order.PutUint16(b[root*page+10:], 0xFFFF) }),
		"further pages beyond the end":   changed(func(b []byte) { order.PutUint32(b[root*page+12:], 0xFFFFFFF0) }),
		"a key of four gigabytes":        changed(func(b []byte) { order.PutUint32(b[root*page+pageHeader+4:], 0xFFFFFFF0) }),
		"a page that lies elsewhere":     changed(func(b []byte) { order.PutUint64(b[root*page:], 1<<40) }),
		"a page of another kind":         changed(func(b []byte) { order.PutUint16(b[root*page+8:], 0x40) }),
		"a list of free pages of others": changed(func(b []byte) { freePages(b, newest, page, func(ids []byte) { order.PutUint64(ids, uint64(root)) }) }),
		"a free page twice":              changed(func(b []byte) { freePages(b, newest, page, func(ids []byte) { copy(ids[8:], ids[:8]) }) }),
		"a free page beyond the end":     changed(func(b []byte) { freePages(b, newest, page, func(ids []byte) { order.PutUint64(ids, 1<<50) }) }),
	} {
		t.Run(name, func(t *testing.T) { wantRefused(t, content) })
	}
}

// rootOf returns the page from which all items are found.
func rootOf(t *testing.T, content []byte) int {
	t.Helper()
	tbl, err := Open(put(t, content))
	require.NoError(t, err)
	var root uint64
	err = tbl.db.View(func(tx *bbolt.Tx) error {
		root = uint64(tx.Bucket(itemBucket).Root())
		return nil
	})
	require.NoError(t, errors.Join(err, tbl.Close()))
	return int(root)
}

// freePages changes the ids in the newest list of free pages.
func freePages(b []byte, newest, page int, change func(ids []byte)) {
	list := binary.NativeEndian.Uint64(b[newest*page+pageHeader+32:])
	change(b[int(list)*page+pageHeader:])
}

// Every lost page is detected, unless it was free.
func TestOpen_RefusesAnyLostPage(t *testing.T) {
	sound := filled(t)
	page := os.Getpagesize()
	lost := 0
	for id := 2; id < len(sound)/page; id++ {
		b := bytes.Clone(sound)
		clear(b[id*page : (id+1)*page])
		tbl, err := Open(put(t, b))
		if err != nil {
			if lost++; !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d: %v", id, err)
			}
			continue
		}
		use(t, tbl)
		_ = tbl.Close()
	}
	all := len(sound) / page
	assert.Truef(t, lost >= all/4, "%d of %d lost pages are detected", lost, all)
}

// treePages returns the pages of the tree of the items.
func treePages(t *testing.T, content []byte) (ids []uint64) {
	t.Helper()
	size, order := os.Getpagesize(), binary.NativeEndian
	var follow func(id uint64)
	follow = func(id uint64) {
		ids = append(ids, id)
		page := content[int(id)*size:]
		for n := range int(order.Uint16(page[10:])) {
			if order.Uint16(page[8:]) == kindBranch {
				follow(order.Uint64(page[pageHeader+n*element+8:]))
			}
		}
	}
	follow(uint64(rootOf(t, content)))
	return ids
}

// Each bit of a page's header is noticed: with a smaller number of elements, items would
// be missing, and everything else would be as it should be.
func TestOpen_RefusesAnyBitOfAPageHeader(t *testing.T) {
	sound := filled(t)
	file, err := os.OpenFile(put(t, sound), os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	pages := treePages(t, sound)
	require.Greater(t, len(pages), 20)
	for n, id := range pages {
		if n%5 > 0 {
			continue
		}
		for bit := range pageHeader * 8 {
			at := int64(id)*int64(os.Getpagesize()) + int64(bit/8)
			_, err := file.WriteAt([]byte{sound[at] ^ 1<<(bit%8)}, at)
			require.NoError(t, err)
			_, err = inspect(file)
			require.ErrorIs(t, err, ErrDamaged, "page %d, bit %d", id, bit)
			_, err = file.WriteAt(sound[at:at+1], at)
			require.NoError(t, err)
		}
	}
	_, err = inspect(file)
	require.NoError(t, err)
}

// Flipped bytes are detected, or are part of a text: no call ends the process,
// and all answers are those of table.Table.
func TestOpen_AfterBytesFlipped(t *testing.T) {
	sound := filled(t)
	refused := 0
	const seeds = 300
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 7))
		b := bytes.Clone(sound)
		for range 1 + r.IntN(8) {
			at := r.IntN(len(b))
			if seed%3 == 0 { // in the elements of a page
				at = at/os.Getpagesize()*os.Getpagesize() + r.IntN(200)
			}
			b[at] ^= 1 << r.IntN(8)
		}
		tbl, err := Open(put(t, b))
		if err != nil {
			if refused++; !errors.Is(err, ErrDamaged) && !strings.Contains(err.Error(), "another version") {
				t.Errorf("seed %d: %v", seed, err)
			}
			continue
		}
		use(t, tbl)
		_ = tbl.Close()
	}
	assert.Truef(t, refused >= seeds/4 && refused != seeds, "%d of %d files are refused: both outcomes must occur", refused, seeds)
}

// Changing the file of an open table ends its service, not the process.
func TestTable_SurvivesADamagedFile(t *testing.T) {
	page := os.Getpagesize()
	for name, harm := range map[string]func(t *testing.T, path string, size int64){
		"truncated": func(t *testing.T, path string, size int64) {
			t.Helper()
			require.NoError(t, os.Truncate(path, size/8))
		},
		"truncated to nothing": func(t *testing.T, path string, _ int64) {
			t.Helper()
			require.NoError(t, os.Truncate(path, 0))
		},
		"overwritten": func(t *testing.T, path string, size int64) {
			t.Helper()
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			for at := int64(2 * page); at < size; at += int64(page) {
				_, err := file.WriteAt(bytes.Repeat([]byte{0xA5}, 64), at)
				require.NoError(t, err)
			}
			require.NoError(t, file.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := put(t, filled(t))
			tbl, err := Open(path)
			require.NoError(t, err)
			info, err := os.Stat(path)
			require.NoError(t, err)
			harm(t, path, info.Size())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				calls, failures := use(t, tbl)
				assert.Truef(t, failures >= calls/2, "%d of %d calls fail", failures, calls)
				_ = tbl.Close()
			}()
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Fatal("a call hangs")
			}
		})
	}
}

func TestOpenExisting_NeedsAFileWithData(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "rollcall.db")
	if _, err := OpenExisting(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v, want os.ErrNotExist", err)
	}
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("the file was created: %v", err)
	}
	empty := put(t, nil)
	if _, err := OpenExisting(empty); !errors.Is(err, ErrDamaged) {
		t.Errorf("empty: %v, want ErrDamaged", err)
	}
	// A first start that was killed.
	tbl, err := Open(empty)
	require.NoError(t, err)
	require.NoError(t, tbl.Close())
	tbl, err = OpenExisting(empty)
	require.NoError(t, err)
	_, failures := use(t, tbl)
	assert.Truef(t, failures == 0, "%d calls fail", failures)
	require.NoError(t, tbl.Close())
}
