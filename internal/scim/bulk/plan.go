package bulk

import (
	"fmt"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Plan is the order in which the operations of a bulk request are
// performed: as they were sent, except that an operation waits for those that
// it refers to, and for earlier ones on the same resource. RFC 7644 §3.7
type Plan struct {
	Steps      []Step
	operations []plannedOperation
	creates    map[string]int
}

// Step is one request that a bulk request performs.
type Step struct {
	// Operation is the operation's index, from 0.
	Operation int
	// Completes marks the second step of an operation in a circle of
	// references: the first step created the resource without them, this one
	// adds them. RFC 7644 §3.7.1
	Completes bool
}

type plannedOperation struct {
	Operation
	rt *schema.ResourceType
	// refers are the bulkIds that it refers to; late are those of them that the
	// second step adds.
	refers, late []string
	// needs are the operations that must be performed before it.
	needs []int
	// unknown is a bulkId that it refers to and that no POST has.
	unknown *string
}

// NewPlan orders the operations of a bulk request. typeOf returns the resource
// type of an operation, nil for a path that is refused.
func NewPlan(b *Request, typeOf func(*Operation) *schema.ResourceType) (*Plan, error) {
	p := &Plan{operations: make([]plannedOperation, len(b.Operations)), creates: map[string]int{}}
	for i := range b.Operations {
		o := b.Operations[i]
		if o.Method == Post && o.BulkID != "" {
			if first, ok := p.creates[o.BulkID]; ok {
				return nil, &scim.Error{Type: scim.InvalidValue, Detail: fmt.Sprintf(
					"The operations %d and %d have the same bulkId %s: each POST needs its own.", first+1, i+1, ShortID(o.BulkID))}
			}
			p.creates[o.BulkID] = i
		}
		p.operations[i].Operation = o
	}
	known := func(id string) bool { _, ok := p.creates[id]; return ok }
	latest := map[string]int{} // the last operation on each resource
	for i := range p.operations {
		o := &p.operations[i]
		o.unescapePath(known)
		o.rt = typeOf(&o.Operation)
		o.refers = o.references(o.rt)
		for _, id := range o.refers {
			if j, ok := p.creates[id]; ok {
				o.need(j)
			} else if o.unknown == nil {
				o.unknown = &id
			}
		}
		if o.rt == nil || o.Method == Post {
			continue
		}
		if j, ok := latest[o.Path]; ok {
			o.need(j)
		}
		latest[o.Path] = i
	}
	p.openCircles()
	p.order()
	return p, nil
}

func (o *plannedOperation) need(i int) {
	if !slices.Contains(o.needs, i) {
		o.needs = append(o.needs, i)
	}
}

// openCircles finds the operations that wait for themselves. Only POSTs can:
// nothing else can be referred to. The first operation of a circle is performed
// without the references that close it.
func (p *Plan) openCircles() {
	for i := range p.operations {
		o := &p.operations[i]
		waiting := p.waitingFor(i)
		o.needs = slices.DeleteFunc(o.needs, func(j int) bool {
			closes := waiting[j]
			if closes {
				o.late = append(o.late, p.operations[j].BulkID)
			}
			return closes
		})
	}
}

// waitingFor returns the operations that cannot be performed before an
// operation, including itself.
func (p *Plan) waitingFor(i int) []bool {
	neededBy := make([][]int, len(p.operations))
	for j := range p.operations {
		for _, k := range p.operations[j].needs {
			neededBy[k] = append(neededBy[k], j)
		}
	}
	waiting := make([]bool, len(p.operations))
	waiting[i] = true
	for next := []int{i}; len(next) > 0; {
		j := next[len(next)-1]
		next = next[:len(next)-1]
		for _, k := range neededBy[j] {
			if !waiting[k] {
				waiting[k] = true
				next = append(next, k)
			}
		}
	}
	return waiting
}

// order repeatedly takes the first operation that waits for nothing. There
// always is one, because no circle is left.
func (p *Plan) order() {
	done := make([]bool, len(p.operations))
	ready := func(o plannedOperation) bool {
		return !slices.ContainsFunc(o.needs, func(i int) bool { return !done[i] })
	}
	completed := func(o plannedOperation) bool {
		return !slices.ContainsFunc(o.late, func(id string) bool { return !done[p.creates[id]] })
	}
	var open []int // performed, to be completed
	for range p.operations {
		for i, o := range p.operations {
			if done[i] || !ready(o) {
				continue
			}
			done[i] = true
			p.Steps = append(p.Steps, Step{Operation: i})
			if len(o.late) > 0 {
				open = append(open, i)
			}
			break
		}
		open = slices.DeleteFunc(open, func(i int) bool {
			if !completed(p.operations[i]) {
				return false
			}
			p.Steps = append(p.Steps, Step{Operation: i, Completes: true})
			return true
		})
	}
}

// Operation returns an operation of the request by its index, from 0.
func (p *Plan) Operation(i int) *Operation { return &p.operations[i].Operation }

// Missing returns the first bulkId that a step refers to and that has no id,
// because the operation that was to create the resource failed.
func (p *Plan) Missing(s Step, ids map[string]string) (bulkID string, missing bool) {
	o := &p.operations[s.Operation]
	for _, id := range o.refers {
		if _, ok := ids[id]; !ok && slices.Contains(o.late, id) == s.Completes {
			return id, true
		}
	}
	return "", false
}

// Path returns the path of a step's request. known is false if it refers to a
// resource that was not created; the path then has the placeholder "id"
// instead.
func (p *Plan) Path(s Step, ids map[string]string) (path string, known bool) {
	o := &p.operations[s.Operation]
	if s.Completes {
		return o.Path + "/" + ids[o.BulkID], true
	}
	before, bulkID, refers := o.cutPath()
	if !refers {
		return o.Path, true
	}
	id, known := ids[bulkID]
	if !known {
		return o.Endpoint(), false
	}
	return before + id, true
}

// Body returns the body of a step's request, with ids in place of bulkIds; nil
// for a DELETE. RFC 7644 §3.7.2
func (p *Plan) Body(s Step, ids map[string]string) ([]byte, error) {
	o := &p.operations[s.Operation]
	switch {
	case o.Fault != nil:
		return nil, o.Fault
	case o.unknown != nil:
		return nil, &scim.Error{Type: scim.InvalidValue, Detail: "No POST of this bulk request has the bulkId " + ShortID(*o.unknown) +
			", which the operation refers to."}
	}
	id := func(bulkID string) string { return ids[bulkID] }
	data := o.Data
	if len(o.late) > 0 {
		rest, operations, err := postpone(o.rt, data, o.late)
		if err != nil {
			return nil, err
		}
		if s.Completes {
			patch := map[string]any{"schemas": []any{scim.PatchURN}, "Operations": operations}
			return scim.EncodeValue(exchangePatch(o.rt, patch, id)), nil
		}
		data = rest
	}
	if data == nil {
		return nil, nil
	}
	resolved := o.Operation
	resolved.Data = data
	return scim.EncodeValue(resolved.exchanged(o.rt, id)), nil
}
