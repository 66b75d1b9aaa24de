package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// bulk: POST /Bulk. Every operation is done as a request of its own, with an id, a
// time to write and an event of its own. The answer has them in the order in which
// they were sent. RFC 7644 §3.7
func (s *Service) bulk(ctx context.Context, q *request) (*reply, error) {
	q.event.Operation = "bulk"
	body, err := q.body()
	if err != nil {
		return nil, bulkTooLarge(err)
	}
	sent, notices, err := scim.DecodeBulk(body)
	if err != nil {
		return nil, err
	}
	q.event.tolerated(notices)
	if err := directory.CheckNotices(q.grant.Settings, notices); err != nil {
		return nil, err
	}
	if n := len(sent.Operations); n > scim.MaxBulkOperations {
		return nil, &problem{cause: provlog.BulkLimit, what: fmt.Sprintf(
			"The bulk request has %d operations, more than maxOperations (%d).", n, scim.MaxBulkOperations)}
	}
	for i := range sent.Operations {
		sent.Operations[i].Path = bulkPath(sent.Operations[i].Path)
	}
	plan, err := scim.PlanBulk(sent, func(o *scim.BulkOperation) *scim.ResourceType { return s.bulkType(q, o) })
	if err != nil {
		return nil, err
	}
	b := &bulkRun{
		s: s, q: q, plan: plan, failOnErrors: sent.FailOnErrors,
		results: make([]*bulkResult, len(sent.Operations)), ids: map[string]string{},
	}
	for _, step := range plan.Steps {
		b.take(ctx, step)
	}
	b.tell()
	return &reply{status: http.StatusOK, body: b.document()}, nil
}

// bulkTooLarge says the limit of a bulk request by its name. RFC 7644 §3.7.4
func bulkTooLarge(err error) error {
	var p *problem
	if errors.As(err, &p) && p.cause == provlog.BodyTooLarge {
		return &problem{cause: p.cause, what: "The bulk request is larger than maxPayloadSize (" + strconv.Itoa(MaxBody) + " bytes)."}
	}
	return err
}

// bulkRun is a bulk request on its way.
type bulkRun struct {
	s            *Service
	q            *request
	plan         *scim.BulkPlan
	failOnErrors int
	errors       int
	// results are the operations' by their places; nil for one that was not tried.
	results []*bulkResult
	// ids are what bulkIds stand for, as far as it was created.
	ids map[string]string
}

// bulkResult is what became of an operation. RFC 7644 §3.7.3
type bulkResult struct {
	status            int
	location, version string
	// response is the error document, nil for a success.
	response []byte
}

func (r *bulkResult) failed() bool { return r.status >= http.StatusBadRequest }

// take does a step, unless failOnErrors has ended the request. A second step is
// told of even then, since the first one has been done.
func (b *bulkRun) take(ctx context.Context, step scim.BulkStep) {
	i := step.Operation
	if step.Completes {
		if b.results[i] == nil || b.results[i].failed() {
			return
		}
	} else if b.ended() {
		return
	}
	c := b.begin(step)
	result := c.do(ctx)
	if step.Completes {
		first := b.results[i]
		result.location = first.location
		if result.failed() {
			result.version = first.version
		} else {
			result.status = first.status
		}
	}
	b.results[i] = result
	// What was not begun for want of time is told of each, however many: it is not
	// an error of the client's.
	if result.failed() && provlog.Cause(c.q.event.Cause) != provlog.BulkTime {
		b.errors++
	}
}

// ended tells whether as many errors have come as the client accepts.
func (b *bulkRun) ended() bool { return b.failOnErrors > 0 && b.errors >= b.failOnErrors }

// timeOver tells whether no further operation may begin. It begins in the first
// half of the request's time, so that it has the other half: longer than its
// writes are sent again (directory.WriteTime), and so none is cut off.
func (b *bulkRun) timeOver(ctx context.Context) bool {
	return ctx.Err() != nil || b.s.Now().Sub(b.q.start) >= b.s.RequestTime/2
}

// tell says in the event what became of the operations.
func (b *bulkRun) tell() {
	e := b.q.event
	for _, r := range b.results {
		switch {
		case r == nil:
			e.BulkLeft++
		case r.failed():
			e.BulkFailed++
		default:
			e.BulkDone++
		}
	}
	if e.BulkFailed+e.BulkLeft > 0 {
		e.Outcome, e.Cause = outcomeWarning, string(provlog.BulkPartial)
	}
}

// document is the answer: the operations that were tried, in the order in which
// they were sent. RFC 7644 §3.7.3
func (b *bulkRun) document() []byte {
	d := []byte(`{"schemas":["` + scim.BulkResponseURN + `"],"Operations":[`)
	first := true
	for i, r := range b.results {
		if r == nil {
			continue
		}
		if !first {
			d = append(d, ',')
		}
		first = false
		o := b.plan.Operation(i)
		fields := map[string]any{"status": strconv.Itoa(r.status)}
		for name, value := range map[string]string{"method": o.Method, "bulkId": o.BulkID, "location": r.location, "version": r.version} {
			if value != "" {
				fields[name] = value
			}
		}
		entry := scim.EncodeValue(fields)
		if r.response != nil {
			entry = scim.SpliceAttribute(entry, "response", r.response)
		}
		d = append(d, entry...)
	}
	return append(d, "]}"...)
}
