package scim

import "sync"

// foldMemo caches the folds of the long values that a filter met lately. A
// filter of two hundred comparisons asks for the fold of each value two hundred
// times, and folding three kilobytes takes longer than comparing them. The zero
// foldMemo is ready for use and safe for concurrent use.
type foldMemo struct {
	mu    sync.Mutex
	folds map[foldOf]string
	bytes int
}

// foldOf is a text, folded whole or as a part.
type foldOf struct {
	text  string
	whole bool
}

const (
	// foldWorth is the length from which a value's fold is cached, in bytes.
	foldWorth = 64
	// maxFolds limits the memory of one filter, in bytes: the texts of one
	// resource.
	maxFolds = 2 * MaxResource
)

// text is foldText.
func (m *foldMemo) text(s string) string { return m.fold(foldOf{s, false}, foldText) }

// whole is Fold.
func (m *foldMemo) whole(s string) string { return m.fold(foldOf{s, true}, Fold) }

// equal is foldEqual.
func (m *foldMemo) equal(s, folded string) bool {
	if len(s) < foldWorth || isPlain(s) {
		return foldEqual(s, folded)
	}
	return m.whole(s) == folded
}

func (m *foldMemo) fold(of foldOf, fold func(string) string) string {
	if len(of.text) < foldWorth {
		return fold(of.text)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if folded, ok := m.folds[of]; ok {
		return folded
	}
	folded := fold(of.text)
	if m.bytes += len(of.text) + len(folded); m.folds == nil || m.bytes > maxFolds {
		m.folds, m.bytes = map[foldOf]string{}, len(of.text)+len(folded)
	}
	m.folds[of] = folded
	return folded
}
