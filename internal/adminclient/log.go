package adminclient

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/errortext"
)

// get reads a document.
func get[D any](ctx context.Context, c *Client, path string, query url.Values) (D, error) {
	return do[D](ctx, c, http.MethodGet, path, query, nil)
}

// do sends a request, and decodes the document that answers it.
func do[D any](ctx context.Context, c *Client, method, path string, query url.Values, body any) (D, error) {
	var document D
	answer, _, err := c.Do(ctx, method, path, query, body)
	if err == nil {
		err = json.Unmarshal(answer, &document)
	}
	return document, err
}

func below(tenant string, segments ...string) string {
	path := "/tenants/" + url.PathEscape(tenant)
	for _, segment := range segments {
		path += "/" + url.PathEscape(segment)
	}
	return path
}

// search returns the query of a search. Zero members are left out.
func search(q adminwire.LogQuery) url.Values {
	v := page(q.After, q.Limit)
	for name, value := range map[string]string{
		"subject": q.Subject, "cause": q.Cause, "outcome": q.Outcome, "resourceType": q.ResourceType,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return v
}

// Log reads a page of a tenant's provisioning log, newest first.
func (c *Client) Log(ctx context.Context, tenant string, q adminwire.LogQuery) (adminwire.Log, error) {
	return get[adminwire.Log](ctx, c, below(tenant, "log"), search(q))
}

// FailedUsers reads a page of the failing users and groups. Of the query it uses
// Subject, Cause, ResourceType and Page.
func (c *Client) FailedUsers(ctx context.Context, tenant string, q adminwire.LogQuery) (adminwire.FailedUsers, error) {
	return get[adminwire.FailedUsers](ctx, c, below(tenant, "failed-users"), search(q))
}

// FailedUsersAndEffects reads what FailedUsers does, and the effects of the possible fixes.
func (c *Client) FailedUsersAndEffects(ctx context.Context, tenant string, q adminwire.LogQuery) (adminwire.FailedUsers, error) {
	query := search(q)
	query.Set("effect", "true")
	return get[adminwire.FailedUsers](ctx, c, below(tenant, "failed-users"), query)
}

// CheckedRequest reads what Request does, and what the subject's last failed request would do
// now.
func (c *Client) CheckedRequest(ctx context.Context, tenant, id string) (adminwire.Explanation, error) {
	return get[adminwire.Explanation](ctx, c, below(tenant, "requests", id), url.Values{"check": {"true"}})
}

// Offboarding reads when a user left, and when each webhook acknowledged it.
func (c *Client) Offboarding(ctx context.Context, tenant, user string) (adminwire.Offboarding, error) {
	return get[adminwire.Offboarding](ctx, c, below(tenant, "users", user, "offboarding"), nil)
}

// PushAgain reads a page of what the identity provider must push again.
func (c *Client) PushAgain(ctx context.Context, tenant string, p adminwire.Page) (adminwire.PushAgain, error) {
	return get[adminwire.PushAgain](ctx, c, below(tenant, "push-again"), page(p.After, p.Limit))
}

// DismissedFailures reads a page of the failing users and groups that were dismissed.
func (c *Client) DismissedFailures(ctx context.Context, tenant, after string, limit int) (adminwire.FailedUsers, error) {
	q := page(after, limit)
	q.Set("dismissed", "true")
	return get[adminwire.FailedUsers](ctx, c, below(tenant, "failed-users"), q)
}

// Dismiss dismisses the failure of the user or group whose last request this is.
func (c *Client) Dismiss(ctx context.Context, tenant, request string, d adminwire.NewDismissal) (adminwire.FailedUser, error) {
	return do[adminwire.FailedUser](ctx, c, http.MethodPost, below(tenant, "requests", request, "dismissal"), nil, d)
}

// Request reads all that is known of one request.
func (c *Client) Request(ctx context.Context, tenant, id string) (adminwire.Explanation, error) {
	return get[adminwire.Explanation](ctx, c, below(tenant, "requests", id), nil)
}

// Explain reads the meaning of the pasted text of an error. Tokens in it are replaced
// before it is sent; redacted reports whether there were some.
func (c *Client) Explain(ctx context.Context, tenant, pasted string) (d adminwire.Diagnosis, redacted bool, err error) {
	text, redacted := errortext.Clean(pasted)
	d, err = do[adminwire.Diagnosis](ctx, c, http.MethodPost, below(tenant, "explanations"), nil, adminwire.PastedText{Text: text})
	return d, redacted, err
}

// Overview reads the state of a tenant's provisioning.
func (c *Client) Overview(ctx context.Context, tenant string) (adminwire.Overview, error) {
	return get[adminwire.Overview](ctx, c, below(tenant, "overview"), nil)
}

// Causes reads the meanings of all causes.
func (c *Client) Causes(ctx context.Context) ([]adminwire.Cause, error) {
	list, err := get[adminwire.Causes](ctx, c, "/causes", nil)
	return list.Causes, err
}
