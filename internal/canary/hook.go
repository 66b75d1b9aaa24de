// Package canary tries new versions of the functions before they get any
// traffic: it invokes each with requests that change nothing, compares the
// answers with those expected, and reports the result to CodeDeploy.
//
// It sends no tenant's token and knows nothing of users or the table.
package canary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"
)

// A Deployment is what CodeDeploy sends to a hook: the alias that it is about
// to move, and the step that waits for the hook's result.
type Deployment struct {
	ID   string `json:"DeploymentId"`
	Step string `json:"LifecycleEventHookExecutionId"`
}

// An Invoker invokes a version of a function, by its ARN, and returns the
// function's answer. A function that failed is an error.
type Invoker interface {
	Invoke(ctx context.Context, version string, event []byte) (answer []byte, err error)
}

// A Reporter reports the result of a hook to CodeDeploy, which then moves the
// alias, or fails the deployment.
type Reporter interface {
	Report(ctx context.Context, d Deployment, succeeded bool) error
}

// A Hook tries versions of functions.
type Hook struct {
	// Versions has the ARN of each function's new version, by the function's
	// folder under functions/.
	Versions map[string]string
	// Events has the requests and the expected answers: FUNCTION_NAME.json and
	// FUNCTION_NAME.want.json.
	Events   fs.FS
	Invoker  Invoker
	Reporter Reporter
	Log      *slog.Logger
}

// reporting is the time that a hook leaves of its invocation to report, so that
// CodeDeploy does not wait for a hook that Lambda has ended.
const reporting = 10 * time.Second

// Handle tries every version and reports whether all answers were as expected.
// Only a result that could not be reported is an error.
func (h *Hook) Handle(ctx context.Context, d Deployment) error {
	trying := ctx
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		trying, cancel = context.WithDeadline(ctx, end.Add(-reporting))
		defer cancel()
	}
	tried, faults := h.try(trying)
	level, attrs := slog.LevelInfo, []slog.Attr{
		slog.String("event", "deploy.hook"), slog.String("deployment", d.ID), slog.Int("tried", tried), slog.Int("failed", len(faults)),
	}
	if len(faults) > 0 {
		level, attrs = slog.LevelError, append(attrs, slog.String("error", errors.Join(faults...).Error()))
	}
	h.Log.LogAttrs(ctx, level, "deploy.hook", attrs...)
	if err := h.Reporter.Report(ctx, d, len(faults) == 0); err != nil {
		return fmt.Errorf("report to CodeDeploy: %w", err)
	}
	return nil
}

// try invokes the functions with all events, and returns how many events there
// were, and what was not as expected. No events, or a function without one, is
// a fault too: nothing was tried.
func (h *Hook) try(ctx context.Context) (tried int, faults []error) {
	names, err := fs.Glob(h.Events, "*.json")
	if err != nil {
		return 0, []error{err}
	}
	asked := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, wantSuffix) {
			continue
		}
		tried++
		function, _, _ := strings.Cut(name, "_")
		asked[function] = true
		if err := h.tryEvent(ctx, function, name); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", strings.TrimSuffix(name, path.Ext(name)), err))
		}
	}
	for function := range h.Versions {
		if !asked[function] {
			faults = append(faults, fmt.Errorf("no event for the function %s", function))
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return tried, faults
}

const wantSuffix = ".want.json"

// tryEvent invokes a function with one event.
func (h *Hook) tryEvent(ctx context.Context, function, name string) error {
	version := h.Versions[function]
	if version == "" {
		return fmt.Errorf("no version of the function %s", function)
	}
	event, err := fs.ReadFile(h.Events, name)
	if err != nil {
		return err
	}
	text, err := fs.ReadFile(h.Events, strings.TrimSuffix(name, path.Ext(name))+wantSuffix)
	if err != nil {
		return err
	}
	var want expected
	if err := json.Unmarshal(text, &want); err != nil {
		return err
	}
	answer, err := h.Invoker.Invoke(ctx, version, event)
	if err != nil {
		return err
	}
	return want.compare(answer)
}
