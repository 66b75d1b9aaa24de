package iam

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Recorder compares the calls of functions with their grants. One Recorder
// serves many tables and tests at once.
type Recorder struct {
	policies map[string]Policy

	mu      sync.Mutex
	refused map[string]bool
	used    map[string]map[grant]bool // by function
}

// grant is one action, or one pattern of leading keys, of one statement.
type grant struct {
	statement int
	what      string
}

// NewRecorder reads the policies of a template.
func NewRecorder(template []byte) (*Recorder, error) {
	policies, err := Policies(template)
	if err != nil {
		return nil, err
	}
	return &Recorder{policies: policies, refused: map[string]bool{}, used: map[string]map[grant]bool{}}, nil
}

type contextKey struct{}

// As marks calls that use the context as calls of a function, named by its
// logical id. Calls without a mark are made by the test itself, and not
// recorded.
func As(ctx context.Context, function string) context.Context {
	return context.WithValue(ctx, contextKey{}, function)
}

// Handler marks each request as served by the function that it is routed to.
func Handler(h http.Handler, route func(method, escapedPath string) (function string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(As(r.Context(), route(r.Method, r.URL.EscapedPath()))))
	})
}

// Table returns a table whose marked calls are recorded.
func (r *Recorder) Table(t table.Table) table.Table { return recorded{t, r} }

type recorded struct {
	table.Table
	r *Recorder
}

// The IAM action of each call is the one that package dynamo uses: GetItem for
// one key, BatchGetItem for several, and for a transaction the action of each
// of its operations.

func (t recorded) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	partitions := make([]string, len(keys))
	for i, k := range keys {
		partitions[i] = k.Partition
	}
	action := "BatchGetItem"
	if len(keys) == 1 {
		action = "GetItem"
	}
	t.r.record(ctx, action, partitions)
	return t.Table.Get(ctx, keys...)
}

func (t recorded) Query(ctx context.Context, q table.Query) (table.Page, error) {
	t.r.record(ctx, "Query", []string{q.Partition})
	return t.Table.Query(ctx, q)
}

// Write records each kind of operation with the partitions of the whole transaction:
// AWS does not document whether a condition sees those of one operation or of
// all, and the policies work either way.
func (t recorded) Write(ctx context.Context, tx table.Transaction) error {
	partitions := make([]string, len(tx.Ops))
	var kinds []table.OpKind
	for i, op := range tx.Ops {
		partitions[i] = op.Key.Partition
		if !slices.Contains(kinds, op.Kind) {
			kinds = append(kinds, op.Kind)
		}
	}
	for _, kind := range kinds {
		t.r.record(ctx, actions[kind], partitions)
	}
	return t.Table.Write(ctx, tx)
}

var actions = map[table.OpKind]string{
	table.OpPut: "PutItem", table.OpUpdate: "UpdateItem", table.OpDelete: "DeleteItem", table.OpCheck: "ConditionCheckItem",
}

func (r *Recorder) record(ctx context.Context, action string, partitions []string) {
	function, ok := ctx.Value(contextKey{}).(string)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	policy := r.policies[function]
	i := slices.IndexFunc(policy, func(s Statement) bool { return s.allows(action, partitions) })
	if i < 0 {
		r.refused[fmt.Sprintf("%s is not granted dynamodb:%s on %s", function, action, strings.Join(shapes(partitions), ", "))] = true
		return
	}
	used := r.used[function]
	if used == nil {
		used = map[grant]bool{}
		r.used[function] = used
	}
	used[grant{i, action}] = true
	for _, pattern := range policy[i].Keys {
		if slices.ContainsFunc(partitions, func(p string) bool { return matches(inTag(pattern, partitions), p) }) {
			used[grant{i, pattern}] = true
		}
	}
}

// shapes returns the partitions as a policy would name them, each once.
func shapes(partitions []string) []string {
	var all []string
	for _, p := range partitions {
		if parts := strings.SplitN(p, "#", 4); len(parts) > 2 {
			parts[1] = "*"
			if len(parts) > 3 {
				parts[3] = "*"
			}
			p = strings.Join(parts, "#")
		}
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return all
}

// Refused returns the calls that would have been refused in AWS.
func (r *Recorder) Refused() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]string, 0, len(r.refused))
	for text := range r.refused {
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// Unused returns the granted actions and patterns that no call needed.
func (r *Recorder) Unused() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for function, policy := range r.policies {
		for i, s := range policy {
			for _, what := range slices.Concat(s.Actions, s.Keys) {
				if !r.used[function][grant{i, what}] {
					all = append(all, fmt.Sprintf("%s never uses %s of its statement %s", function, what, s.Sid))
				}
			}
		}
	}
	slices.Sort(all)
	return all
}
