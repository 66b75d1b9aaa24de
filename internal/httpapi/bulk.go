package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/bulk"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// bulk answers POST /Bulk. Each operation is a request of its own, with its own
// id, write time and event. The answer lists the operations in the order in
// which they were sent. RFC 7644 §3.7
func (s *Service) bulk(ctx context.Context, q *request) (*reply, error) {
	q.event.Operation = journal.Bulk
	body, err := q.body()
	if err != nil {
		return nil, bulkTooLarge(err)
	}
	sent, notices, err := bulk.Decode(body)
	if err != nil {
		return nil, err
	}
	q.event.tolerated(notices)
	if err := directory.CheckNotices(q.grant.Settings, notices); err != nil {
		return nil, err
	}
	if n := len(sent.Operations); n > scim.MaxBulkOperations {
		return nil, &problem{cause: cause.BulkLimit, what: fmt.Sprintf(
			"The bulk request has %d operations, more than maxOperations (%d).", n, scim.MaxBulkOperations)}
	}
	for i := range sent.Operations {
		sent.Operations[i].Path = bulkPath(sent.Operations[i].Path)
	}
	plan, err := bulk.NewPlan(sent, func(o *bulk.Operation) *schema.ResourceType { return s.bulkType(q, o) })
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
	b.countResults()
	return &reply{status: http.StatusOK, body: b.document()}, nil
}

// bulkTooLarge names the limit that a bulk request exceeds. RFC 7644 §3.7.4
func bulkTooLarge(err error) error {
	var p *problem
	if errors.As(err, &p) && p.cause == cause.BodyTooLarge {
		return &problem{cause: p.cause, what: "The bulk request is larger than maxPayloadSize (" + strconv.Itoa(MaxBody) + " bytes)."}
	}
	return err
}

// A bulkRun is a bulk request in progress.
type bulkRun struct {
	s            *Service
	q            *request
	plan         *bulk.Plan
	failOnErrors int
	errors       int
	// results has one result for each operation, in order; nil for one that was
	// not tried.
	results []*bulkResult
	// ids has the id of the created resource for each bulkId, as far as
	// created.
	ids map[string]string
}

// A bulkResult is the result of one operation. RFC 7644 §3.7.3
type bulkResult struct {
	status            int
	location, version string
	// response is the error document, nil for a success.
	response []byte
}

func (r *bulkResult) failed() bool { return r.status >= http.StatusBadRequest }

// take runs a step, unless failOnErrors has ended the request. The second step
// of an operation that was done is run, or its failure reported, even then.
func (b *bulkRun) take(ctx context.Context, step bulk.Step) {
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
	// Operations not started for want of time are all reported, and do not
	// count as errors: the client did not cause them.
	if result.failed() && c.q.event.Cause != cause.BulkTime {
		b.errors++
	}
}

// ended reports whether the number of errors has reached the client's
// failOnErrors.
func (b *bulkRun) ended() bool { return b.failOnErrors > 0 && b.errors >= b.failOnErrors }

// timeOver reports whether no further operation may start. Operations start in
// the first half of the request's time only: the second half is longer than
// writes are retried (journal.WriteTime), so none is cut off.
func (b *bulkRun) timeOver(ctx context.Context) bool {
	return ctx.Err() != nil || b.s.Now().Sub(b.q.start) >= b.s.RequestTime/2
}

// countResults counts in the event the operations done, failed and not answered.
func (b *bulkRun) countResults() {
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
		e.Outcome, e.Cause = journal.Warning, cause.BulkPartial
	}
}

// document returns the body of the answer: the operations that were tried, in
// the order in which they were sent. RFC 7644 §3.7.3
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
