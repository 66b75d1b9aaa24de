package system

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A page ends where it would name more than 2,000 members, also within the events of one
// request, and no event is left out or repeated there.
func TestPull_EndsWithinALargeSet(t *testing.T) {
	s, clock := pulling(t, enginetest.Memory(t))
	const size = 2500
	ids := make([]string, size)
	for i := range ids {
		ids[i] = s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%06d","active":false`, i)))
	}
	slices.Sort(ids)
	g := s.must(201, "POST", "/Groups", groupBody("Team", ids[:2]...))
	s.must(200, "PUT", "/Groups/"+g, groupBody("Team", ids...))
	clock.settled()
	var got, added []string
	pages, after := 0, ""
	for more := true; more; pages++ {
		page := s.eventPage(after, "types=group.created,group.members_changed")
		members := 0
		for _, e := range page["events"].([]any) {
			e := e.(map[string]any)
			m := e["members"].(map[string]any)
			members += len(m["added"].([]any)) + len(m["removed"].([]any))
			assert.Len(t, m["current"], len(m["added"].([]any)))
			got = append(got, e["id"].(string))
			if m["replaced"] == true {
				for _, id := range m["added"].([]any) {
					added = append(added, id.(string))
				}
			}
		}
		assert.LessOrEqual(t, members, 2000)
		after, more = page["next"].(string), page["more"] == true
	}
	assert.Len(t, got, 4) // created, and three parts
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(got))), 4)
	slices.Sort(added)
	assert.Equal(t, ids, added)
	assert.GreaterOrEqual(t, pages, 2)
}
