package journal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/journal"
)

func TestAsked_IsReadAsWritten(t *testing.T) {
	for _, a := range []journal.Asked{nil, {}, {journal.AskedUserName: "a&b=c%", journal.AskedEmail: "", journal.AskedJoins: "u1,u2"}} {
		require.Equal(t, a, journal.ParseAsked(a.Text()))
	}
	require.Equal(t, []string{"u1", "u2"}, journal.Asked{journal.AskedJoins: "u1,u2"}.Members(journal.AskedJoins))
	require.Empty(t, journal.Asked{}.Members(journal.AskedJoins))
}

// Values that are too long count as unknown: a part of them would be another request.
func TestAsked_TooLongIsUnknown(t *testing.T) {
	require.Empty(t, journal.Asked{journal.AskedUserName: strings.Repeat("a", 801)}.Text())
	require.NotEmpty(t, journal.Asked{journal.AskedUserName: strings.Repeat("a", 800)}.Text())
	require.Nil(t, journal.ParseAsked("%"))
}
