package adminapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
)

// maxReason is the longest reason of a dismissal, in bytes.
const maxReason = 500

// dismissFailure: POST /tenants/{tenant}/requests/{request}/dismissal removes a failure
// from the list of failures until the user or group fails again.
func (s *Service) dismissFailure(ctx context.Context, q *request) (*reply, error) {
	var body adminwire.NewDismissal
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	reason := strings.TrimSpace(body.Reason)
	switch {
	case credential.In(reason):
		return nil, &problem{kind: kindInvalid, detail: "reason" + exposed}
	case reason == "" || !isLine(reason, maxReason):
		return nil, &problem{kind: kindInvalid, detail: fmt.Sprintf("reason must be one line of text of at most %d bytes.", maxReason)}
	}
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	id := q.about("request")
	if !provlog.IsRequestID(id) {
		return nil, noEntry(id, t.Settings)
	}
	failing, err := s.Store.Dismiss(ctx, q.tenant, journal.Dismissal{
		RequestID: id, Time: q.start, Who: q.who(), Reason: reason, ID: q.id, Expires: q.start.Add(t.Settings.LogRetention()),
	})
	if err != nil {
		return nil, err
	}
	q.action = string(journal.Dismissed)
	return answer(http.StatusOK, failingDocument(failing), nil)
}
