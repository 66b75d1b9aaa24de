package kill

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// An instance is the service in this process, with its own caches.
type instance struct {
	app  *app.App
	scim http.Handler
}

func newInstance(t testing.TB, on table.Table, log io.Writer, o app.Options) instance {
	t.Helper()
	a, err := app.NewWith(on, app.Config{BaseURL: "https://scim.test/scim/v2"}, slog.New(slog.NewJSONHandler(log, nil)), o)
	require.NoError(t, err)
	return instance{a, a.Handler()}
}

// open creates a tenant with its shared group.
func (i instance) open(t testing.TB, name string) account {
	t.Helper()
	a := account{tenant: name}
	_, a.token = stage.Tenant(t, i.app.Store, name, 100_000)
	a.share(t, i)
	return a
}

func (i instance) send(ctx context.Context, method, path, token, agent, body string) (answer, error) {
	r := httptest.NewRequestWithContext(ctx, method, "https://scim.test/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("User-Agent", agent)
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	i.scim.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes()}, nil
}

// admin reads a document of the admin API. A 503 is asked again: DynamoDB Local may be slow.
func (i instance) admin(ctx context.Context, path string, query url.Values, into any) error {
	for try := 1; ; try++ {
		status, err := i.adminOnce(ctx, path, query, into)
		if status != http.StatusServiceUnavailable || try == maxReads {
			return err
		}
	}
}

func (i instance) adminOnce(ctx context.Context, path string, query url.Values, into any) (status int, err error) {
	r := httptest.NewRequestWithContext(ctx, "GET", "https://scim.test/admin/v1"+path+"?"+query.Encode(), nil)
	r.Header.Set(web.OperatorHeader, "arn:aws:iam::123456789012:role/application")
	w := httptest.NewRecorder()
	i.app.AdminHandler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return w.Code, fmt.Errorf("GET %s: %d %s", path, w.Code, w.Body)
	}
	return w.Code, json.Unmarshal(w.Body.Bytes(), into)
}

func (i instance) usage(ctx context.Context, tenant string) (u adminwire.Usage, err error) {
	return u, i.admin(ctx, "/tenants/"+tenant+"/usage", nil, &u)
}

func (i instance) log(ctx context.Context, tenant string, from time.Time) ([]adminwire.Entry, error) {
	var all []adminwire.Entry
	query := url.Values{"limit": {"200"}, "from": {from.UTC().Format(time.RFC3339Nano)}}
	for {
		var page adminwire.Log
		if err := i.admin(ctx, "/tenants/"+tenant+"/log", query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Entries...)
		if page.Next == "" {
			return all, nil
		}
		query.Set("after", page.Next)
	}
}
