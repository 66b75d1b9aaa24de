package adminclient

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func TestEventPages_FollowNextWhileThereIsMore(t *testing.T) {
	var asked []string
	answers := []string{
		`{"events":[{"id":"1","type":"user.created","data":{"id":"u"}}],"next":"a+1","caughtUpTo":"2026-01-05T09:00:00Z","more":true}`,
		`{"events":[],"next":"a2","caughtUpTo":"2026-01-05T09:00:00Z","more":true}`,
		`{"events":[{"id":"2","type":"user.purged","data":null}],"next":"a3","caughtUpTo":"2026-01-05T09:00:00Z","more":false}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.EscapedPath()+"?"+r.URL.RawQuery)
		if len(asked) > len(answers) {
			w.WriteHeader(http.StatusGone)
			_, _ = w.Write([]byte(`{"type":"x#cursor-expired","detail":"too old","next":"now"}`))
			return
		}
		_, _ = w.Write([]byte(answers[len(asked)-1]))
	}))
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/admin/v1", Bearer("secret"))
	require.NoError(t, err)
	var ids []string
	next := ""
	for page, err := range c.EventPages(t.Context(), "ac/me", adminwire.EventsQuery{Limit: 7, Types: "user.created,user.purged"}) {
		require.NoError(t, err)
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		next = page.Next
	}
	require.Equal(t, []string{"1", "2"}, ids)
	require.Equal(t, "a3", next)
	const path = "/admin/v1/tenants/ac%2Fme/events?"
	require.Equal(t, []string{
		path + "limit=7&types=user.created%2Cuser.purged", path + "after=a%2B1&limit=7&types=user.created%2Cuser.purged",
		path + "after=a2&limit=7&types=user.created%2Cuser.purged",
	}, asked)
	var problem *Problem
	for _, err := range c.EventPages(t.Context(), "acme", adminwire.EventsQuery{}) {
		require.ErrorAs(t, err, &problem)
	}
	require.Equal(t, "now", problem.Next)
	require.Len(t, asked, 4)
}
