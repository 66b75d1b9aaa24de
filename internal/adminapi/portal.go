package adminapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// maxReturnURL is the longest address that the portal leads back to, in bytes.
const maxReturnURL = 2000

var (
	errNoPortal   = &problem{kind: kindState, detail: "This deployment serves no portal: deploy it with the parameter Portal set to on."}
	errNoActor    = &problem{kind: kindInvalid, detail: "actor must name the person for whom the link is, in one line of 1 to 128 bytes: the log names them."}
	errPermission = &problem{kind: kindInvalid, detail: "permissions must be a list of one or two of view and setup."}
	errReturnURL  = &problem{kind: kindInvalid, detail: "returnUrl must be an https URL of at most 2000 bytes without user name, as the application's own page has; http is accepted for this machine alone."}
)

// createPortalLink: POST /tenants/{tenant}/portal-links
func (s *Service) createPortalLink(ctx context.Context, q *request) (*reply, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	if s.Porter == nil {
		return nil, errNoPortal
	}
	var body adminwire.NewPortalLink
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	visitor, err := visitorOf(body)
	if err != nil {
		return nil, err
	}
	life := time.Duration(body.Minutes.Or(int(access.LinkTime/time.Minute))) * time.Minute
	secret, expires, err := s.Porter.Invite(ctx, q.tenant, visitor, life)
	if err != nil {
		return nil, err
	}
	q.action = "created"
	return answer(http.StatusCreated, adminwire.PortalLink{URL: s.PortalURL + "?" + url.Values{"t": {secret}}.Encode(), ExpiresAt: instant(expires)}, nil)
}

// visitorOf reads for whom a link is.
func visitorOf(body adminwire.NewPortalLink) (access.Visitor, error) {
	v := access.Visitor{Actor: strings.TrimSpace(body.Actor), Setup: slices.Contains(body.Permissions, "setup"), ReturnURL: body.ReturnURL}
	if v.Actor == "" || !isLine(v.Actor, maxActor) {
		return v, errNoActor
	}
	if n := len(body.Permissions); n == 0 || n > 2 {
		return v, errPermission
	}
	for _, p := range body.Permissions {
		if p != "view" && p != "setup" {
			return v, errPermission
		}
	}
	if v.ReturnURL != "" && !isReturnURL(v.ReturnURL) {
		return v, errReturnURL
	}
	return v, nil
}

// isReturnURL reports whether a link of the portal may lead to a URL. A script in one would run
// in the portal's name.
func isReturnURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || !isLine(text, maxReturnURL) || strings.ContainsAny(text, " \\\"'<>`") {
		return false
	}
	local := slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && local
}
