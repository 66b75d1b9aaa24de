package kill

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A region is a part of a data file, by what bbolt keeps there.
type region string

// The regions of a file.
const (
	metaRegion    region = "state of the file" // its newest one
	headerRegion  region = "header of a page"
	elementRegion region = "element of a page"
	keyRegion     region = "key"
	valueRegion   region = "value"
	unusedRegion  region = "unused"
)

// regions returns the offsets of a file by region. It follows bbolt's format from the
// newest state, so that free pages are unused.
func regions(t *testing.T, content []byte) map[region][]int {
	t.Helper()
	order := binary.NativeEndian
	const header, element = 16, 16
	size := int(order.Uint32(content[header+8:]))
	newest := 0
	if order.Uint64(content[size+header+48:]) > order.Uint64(content[header+48:]) {
		newest = size
	}
	found, used := map[region][]int{}, make([]bool, len(content))
	add := func(r region, from, to int) {
		for i := from; i < to; i++ {
			if !used[i] {
				found[r] = append(found[r], i)
			}
			used[i] = true
		}
	}
	add(metaRegion, newest+header, newest+header+64)
	var follow func(page uint64)
	var leaf func(page []byte, at, from int)
	leaf = func(page []byte, at, from int) {
		for n := range int(order.Uint16(page[from+10:])) {
			e := from + header + n*element
			key := e + int(order.Uint32(page[e+4:]))
			value := key + int(order.Uint32(page[e+8:]))
			end := value + int(order.Uint32(page[e+12:]))
			if order.Uint32(page[e:]) == 1 { // a bucket
				if root := order.Uint64(page[value:]); root != 0 {
					follow(root)
				} else {
					add(headerRegion, at+value+16, at+value+32)
					leaf(page, at, value+16)
				}
				add(elementRegion, at+value, at+value+8) // its root
				end = value
			}
			add(elementRegion, at+e, at+e+element)
			add(keyRegion, at+key, at+value)
			add(valueRegion, at+value, at+end)
		}
	}
	follow = func(id uint64) {
		at := int(id) * size
		page := content[at : at+size*(1+int(order.Uint32(content[at+12:])))]
		add(headerRegion, at, at+header)
		if order.Uint16(page[8:]) == 2 {
			leaf(page, at, 0)
			return
		}
		for n := range int(order.Uint16(page[10:])) {
			e := header + n*element
			key := e + int(order.Uint32(page[e:]))
			add(elementRegion, at+e, at+e+element)
			add(keyRegion, at+key, at+key+int(order.Uint32(page[e+4:])))
			follow(order.Uint64(page[e+8:]))
		}
	}
	follow(order.Uint64(content[newest+header+16:]))
	for i, is := range used {
		if !is {
			found[unusedRegion] = append(found[unusedRegion], i)
		}
	}
	return found
}

// A damaging is a way to damage a file.
type damaging struct {
	name  string
	apply func(random *rand.Rand, content []byte) []byte
	// harmless says that the file may still be served, with all its data, if the damage
	// meets no page in use; blind that it may be served with other data: with another text
	// (a key or a value), or without the last write (the state of the file).
	harmless, blind bool
}

func damagings(at map[region][]int) []damaging {
	flip := func(r region) func(*rand.Rand, []byte) []byte {
		return func(random *rand.Rand, content []byte) []byte {
			content[at[r][random.IntN(len(at[r]))]] ^= byte(1 << random.IntN(8))
			return content
		}
	}
	return []damaging{
		{"cut off anywhere", func(random *rand.Rand, content []byte) []byte { return content[:1+random.IntN(len(content)-1)] }, true, false},
		{"zeros from anywhere to its end", func(random *rand.Rand, content []byte) []byte {
			clear(content[random.IntN(len(content)):])
			return content
		}, true, false},
		{"a page of zeros", func(random *rand.Rand, content []byte) []byte {
			page := random.IntN(len(content)/os.Getpagesize()) * os.Getpagesize()
			clear(content[page : page+os.Getpagesize()])
			return content
		}, true, false},
		{"a page of another place", func(random *rand.Rand, content []byte) []byte {
			pages := len(content) / os.Getpagesize()
			from, to := random.IntN(pages)*os.Getpagesize(), random.IntN(pages)*os.Getpagesize()
			copy(content[to:to+os.Getpagesize()], bytes.Clone(content[from:from+os.Getpagesize()]))
			return content
		}, true, false},
		{"a bit flipped: " + string(metaRegion), flip(metaRegion), true, true},
		{"a bit flipped: " + string(headerRegion), flip(headerRegion), true, false},
		{"a bit flipped: " + string(elementRegion), flip(elementRegion), true, false},
		{"a bit flipped: " + string(keyRegion), flip(keyRegion), false, true},
		{"a bit flipped: " + string(valueRegion), flip(valueRegion), false, true},
		{"a bit flipped: " + string(unusedRegion), flip(unusedRegion), true, false},
	}
}

// TestLocal_RefusesOrServesADamagedFile damages a data file in random places. Either
// rollcall local refuses it, with one line that says what to do, and leaves the file as it
// is; or it serves exactly the data of before. Only a bit that flips within a text may be
// served as another text, since bbolt has no checksum for it, and a damaged state of the
// file looks like a crash during the last write. Nothing ends by a panic.
func TestLocal_RefusesOrServesADamagedFile(t *testing.T) {
	t.Parallel()
	data := filepath.Join(folder(t), "data")
	s := startLocal(t, data)
	since := time.Now()
	own := newTenancy(s.newTenant(t, "acme"), since, 0, 2, *seed, mostUser)
	fill(t, s, []*tenancy{own})
	for range 100 {
		for _, c := range own.clients {
			require.True(t, c.step(t.Context(), s), "%v", c.faults)
		}
	}
	s.kill(t)
	sound, err := os.ReadFile(filepath.Join(data, "rollcall.db"))
	require.NoError(t, err)
	each := 4
	if *full {
		each = 40
	}
	random := rand.New(rand.NewPCG(*seed, 11))
	table := []string{"", "| damage | refused | served, unchanged | served, with other data |", "|---|---|---|---|"}
	for _, d := range damagings(regions(t, sound)) {
		counts := map[string]int{}
		for range each {
			content := d.apply(random, bytes.Clone(sound))
			got := serveDamaged(t, data, content, own)
			counts[got]++
			assert.False(t, got == changedData && !d.blind, "%s: served with other data", d.name)
			assert.False(t, got == sameData && !d.harmless && !d.blind, "%s: not noticed", d.name)
		}
		table = append(table, fmt.Sprintf("| %s | %d | %d | %d |", d.name, counts[refusedData], counts[sameData], counts[changedData]))
	}
	t.Log(strings.Join(table, "\n"))
}

// What becomes of a damaged file.
const (
	refusedData = "refused"
	sameData    = "same"
	changedData = "changed"
)

// serveDamaged starts rollcall local on a damaged file, and returns what became of it.
func serveDamaged(t *testing.T, from string, content []byte, own *tenancy) string {
	t.Helper()
	data := filepath.Join(folder(t), "data")
	require.NoError(t, os.CopyFS(data, os.DirFS(from)))
	path := filepath.Join(data, "rollcall.db")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	info := filepath.Join(data, "info.json")
	s, err := serve(t, launch(t, localArgs(data, info)...), info)
	said := s.stderr.String()
	assert.NotContains(t, said, "goroutine ")
	if err != nil {
		assert.Equal(t, 1, s.cmd.ProcessState.ExitCode(), "%s", said)
		assert.Equal(t, 1, strings.Count(said, "\n"), "one line: %s", said)
		for _, word := range []string{"damaged", "nothing was changed", "Restore rollcall.db from a copy", data} {
			assert.Contains(t, said, word)
		}
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(content, after), "a refused file was changed")
		return refusedData
	}
	defer s.kill(t)
	states, _, err := reader{own.account, s}.read(t.Context(), own.prefixes()...)
	if err != nil {
		return changedData
	}
	for _, c := range own.clients {
		if len(c.state.differences(states[c.prefix])) > 0 {
			return changedData
		}
	}
	return sameData
}
