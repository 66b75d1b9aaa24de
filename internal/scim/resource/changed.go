package resource

import (
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Changed lists the attributes by which two resources differ, sorted: names of
// the top level, and those of extensions after their URN. Either resource may
// be nil. The order of multi-valued attributes counts, because it is kept.
// schemas and id follow from the rest and are not listed.
func Changed(rt *schema.ResourceType, before, after scim.Resource) []string {
	var changed []string
	seen := map[string]bool{"schemas": true, "id": true}
	for _, e := range rt.Extensions {
		urn := e.Schema.ID
		seen[urn] = true
		b, _ := before[urn].(map[string]any)
		a, _ := after[urn].(map[string]any)
		for _, name := range differing(b, a, nil) {
			changed = append(changed, urn+":"+name)
		}
	}
	changed = append(changed, differing(before, after, seen)...)
	slices.Sort(changed)
	return changed
}

func differing(before, after map[string]any, skip map[string]bool) []string {
	var names []string
	for name, v := range before {
		if !skip[name] && !scim.EqualValue(v, after[name]) {
			names = append(names, name)
		}
	}
	for name, v := range after {
		if _, ok := before[name]; !ok && v != nil && !skip[name] {
			names = append(names, name)
		}
	}
	return names
}
