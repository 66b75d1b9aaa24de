package scim

import "sync"

// foldMemo remembers the folds of the long values that a filter has met lately. A filter
// of two hundred comparisons asks for the fold of each value two hundred times, and
// folding three kilobytes takes longer than looking into them. The zero foldMemo is
// ready for use. Safe for concurrent use.
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
	// foldWorth is how long a value is whose fold is remembered, in bytes.
	foldWorth = 64
	// maxFolds bounds the memory of one filter, in bytes: the texts of one resource.
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
