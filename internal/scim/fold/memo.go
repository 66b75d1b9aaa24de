package fold

import (
	"sync"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// Memo caches the folds of the long values that a filter met lately. A
// filter of two hundred comparisons asks for the fold of each value two hundred
// times, and folding three kilobytes takes longer than comparing them. The zero
// Memo is ready for use and safe for concurrent use.
type Memo struct {
	mu    sync.Mutex
	folds map[key]string
	bytes int
}

// key is a text, folded whole or as a part.
type key struct {
	text  string
	whole bool
}

const (
	// worth is the shortest value whose fold is cached, in bytes.
	worth = 64
	// maxBytes limits the memory of one filter, in bytes: the texts of one
	// resource.
	maxBytes = 2 * scim.MaxResource
)

// Part returns what the function Part returns, cached.
func (m *Memo) Part(s string) string { return m.fold(key{s, false}, Part) }

// Value returns what the function Value returns, cached.
func (m *Memo) Value(s string) string { return m.fold(key{s, true}, Value) }

// Equal reports whether s folds to folded.
func (m *Memo) Equal(s, folded string) bool {
	if len(s) < worth || isPlain(s) {
		return equal(s, folded)
	}
	return m.Value(s) == folded
}

func (m *Memo) fold(of key, fold func(string) string) string {
	if len(of.text) < worth {
		return fold(of.text)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if folded, ok := m.folds[of]; ok {
		return folded
	}
	folded := fold(of.text)
	if m.bytes += len(of.text) + len(folded); m.folds == nil || m.bytes > maxBytes {
		m.folds, m.bytes = map[key]string{}, len(of.text)+len(folded)
	}
	m.folds[of] = folded
	return folded
}
