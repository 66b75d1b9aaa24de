package adminapi

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/sheet"
)

// listPushAgain: GET /tenants/{tenant}/push-again lists what the identity provider must push
// again.
func (s *Service) listPushAgain(ctx context.Context, q *request) (*reply, error) {
	limit, after, err := q.list()
	if err != nil {
		return nil, err
	}
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	found, err := s.Provisioning.PushAgain(ctx, q.tenant, after, limit)
	if err != nil {
		return nil, err
	}
	page := adminwire.PushAgain{PushAgain: listOf(found.Items, pushDocument), Next: sealPosition(found.Next)}
	return inFormat(q, sheet.PushAgain, page.PushAgain, page.Next, page)
}

func pushDocument(i provlog.PushItem) adminwire.PushAgainItem {
	document := adminwire.PushAgainItem{
		Reason: string(i.Reason), Group: i.Group, GroupID: adminwire.NullableString(i.GroupID), User: i.User, UserID: i.UserID, UserState: i.State,
		Others: i.Others, Since: i.Since, IdP: adminwire.NullableString(i.IdP), SentWithoutAsking: i.SentWithoutAsking(), WhatToDo: i.WhatToDo(),
	}
	if i.Failing != nil {
		document.Cause = string(i.Failing.Cause)
	}
	return document
}

// inFormat answers a page in the requested format: its document as JSON, or its rows as CSV.
// CSV has one page as well, because no answer is larger than a page; the header Link leads
// to the next one.
func inFormat[R any](q *request, form sheet.Sheet[R], rows []R, next string, document any) (*reply, error) {
	switch format := q.parameter("format"); format {
	case "", "json":
		return ok(document)
	case "csv":
	default:
		return nil, &problem{kind: kindInvalid, detail: "format must be json or csv."}
	}
	var b bytes.Buffer
	w, err := form.To(&b)
	if err == nil {
		err = w.Write(rows)
	}
	if err != nil {
		return nil, err
	}
	r := &reply{Status: http.StatusOK, Body: b.Bytes(), MediaType: sheet.MediaType}
	if next != "" {
		query := maps.Clone(q.query)
		query.Set("after", next)
		r.Header = map[string]string{"Link": fmt.Sprintf("<?%s>; rel=\"next\"", query.Encode())}
	}
	return r, nil
}
