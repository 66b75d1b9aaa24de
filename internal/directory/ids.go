package directory

import "slices"

// without returns the ids of a list that another list does not contain.
func without(ids, others []string) []string {
	if len(others) == 0 {
		return ids
	}
	leave := setOf(others)
	kept := make([]string, 0, len(ids))
	for _, id := range ids {
		if !leave[id] {
			kept = append(kept, id)
		}
	}
	return kept
}

// setOf returns the elements of a list as a set.
func setOf[E comparable](list []E) map[E]bool {
	set := make(map[E]bool, len(list))
	for _, e := range list {
		set[e] = true
	}
	return set
}

// both returns the ids of a list that another list contains too.
func both(ids, others []string) []string {
	in := setOf(others)
	var common []string
	for _, id := range ids {
		if in[id] {
			common = append(common, id)
		}
	}
	return common
}

func distinctTexts(texts []string) []string {
	texts = slices.Clone(texts)
	slices.Sort(texts)
	return slices.Compact(texts)
}
