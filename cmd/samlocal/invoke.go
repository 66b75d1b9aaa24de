package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/e2e/eventfile"
)

const invokeAbout = `samlocal invoke gives a function one event, by sam local invoke, with a table that
internal/dev/fixture has filled. It prints the answer and, when FILE's .want.json lies
beside it, whether that is what is expected.`

func runInvoke(ctx context.Context, args []string, m machine, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("invoke", flag.ContinueOnError)
	o.register(flags, m)
	file := flags.String("event", "", "`FILE` of the event, for example events/okta/create_user.json")
	name := flags.String("function", "", "`NAME` of the function, for example UsersFunction; by default that of the event's route")
	if err := parse(flags, invokeAbout, args, stderr); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if *file == "" {
		return usageError{errors.New("no event: give --event FILE; events/ has many")}
	}
	e, err := readEvent(*file)
	if err != nil {
		return usageError{err}
	}
	if e.function, err = functionOf(e.payload, *name); err != nil {
		return usageError{fmt.Errorf("%s: %w", *file, err)}
	}
	s, err := newSession(m, stdout, stderr)
	if err != nil {
		return err
	}
	defer s.end()
	if err := s.prepare(ctx, o, s.build); err != nil {
		return err
	}
	a, err := s.invoke(ctx, e)
	if err != nil {
		return err
	}
	fmt.Fprint(stderr, a.said)
	printAnswer(stdout, a.payload)
	if e.want == nil {
		fmt.Fprintf(stdout, "\nNot compared: %s does not exist.\n", eventfile.WantPath(*file))
		return nil
	}
	if err := a.check(e); err != nil {
		fmt.Fprintf(stdout, "\nnot as expected (%s):\n  %s\n", eventfile.WantPath(*file), strings.ReplaceAll(err.Error(), "\n", "\n  "))
		return errReported
	}
	fmt.Fprintf(stdout, "\nas expected: %s\n", e.want.About)
	return nil
}

// An event is the file of an event.
type event struct {
	path     string // absolute
	payload  []byte
	function string
	want     *eventfile.Want // nil without one
}

func readEvent(file string) (event, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return event{}, err
	}
	read, err := eventfile.Read(path)
	if err == nil {
		return event{path: path, payload: read.Payload, want: &read.Want}, nil
	}
	if _, missing := os.Stat(eventfile.WantPath(path)); !errors.Is(missing, fs.ErrNotExist) {
		return event{}, err
	}
	payload, err := os.ReadFile(path)
	return event{path: path, payload: payload}, err
}

// invoked are the functions without routes: a schedule, the stream or the queue invokes them.
var invoked = []string{"DeliverFunction", "FeedFunction", "SweepFunction"}

// functionOf returns the function for an event: the named one, or that of the
// event's route in the template. Events without a route show it by their source.
func functionOf(payload []byte, name string) (string, error) {
	routes, err := local.Routes(rollcall.Template)
	if err != nil {
		return "", err
	}
	functions := map[string]bool{}
	for _, name := range invoked {
		functions[name] = true
	}
	for _, r := range routes {
		functions[r.Function] = true
	}
	if name != "" {
		for f := range functions {
			if strings.EqualFold(name, f) || strings.EqualFold(name+"Function", f) {
				return f, nil
			}
		}
		return "", fmt.Errorf("unknown function %s; the functions are %s", name, strings.Join(slices.Sorted(maps.Keys(functions)), ", "))
	}
	var event struct {
		RouteKey string `json:"routeKey"`
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return "", fmt.Errorf("the event is not a JSON object: %w", err)
	}
	for _, r := range routes {
		if r.Key() == event.RouteKey {
			return r.Function, nil
		}
	}
	if f := eventfile.FunctionOf(payload); functions[f] {
		return f, nil
	}
	if event.RouteKey == "" {
		return "", errors.New("the event has no routeKey: name the function with --function")
	}
	return "", fmt.Errorf("template.yaml has no route %s: correct the event's routeKey, or name the function with --function", event.RouteKey)
}

// An answer is a function's answer to an event.
type answer struct {
	payload []byte
	// said is the output of SAM and the function beside it.
	said string
}

// invoke invokes a function with an event, in a container and with its own
// filled table.
func (s *session) invoke(ctx context.Context, e event) (answer, error) {
	name := temporaryTable()
	if err := s.openTable(ctx, name, true); err != nil {
		return answer{}, err
	}
	if err := fixture.Fill(ctx, s.table); err != nil {
		return answer{}, err
	}
	variables, err := s.variables(name, fixture.BaseURL)
	if err != nil {
		return answer{}, err
	}
	cmd, err := s.samLocal(ctx, variables, "invoke", e.function, "--event", e.path)
	if err != nil {
		return answer{}, err
	}
	s.say("invoking %s with %s (sam local invoke)", e.function, s.relative(e.path))
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return answer{}, ctx.Err()
	case err != nil:
		return answer{}, fmt.Errorf("%s: %w\n%s", shown(cmd), err, tail(said.Bytes()))
	}
	return answer{payload: bytes.TrimSpace(out.Bytes()), said: said.String()}, nil
}

// relative returns a path relative to the checkout.
func (s *session) relative(path string) string {
	if short, err := filepath.Rel(s.root, path); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return path
}

// check compares an answer with the expected one. SAM sometimes stops listening
// before it has passed on the log of a container that ends at once: without a
// log line only the answer is compared.
func (a answer) check(e event) error {
	want, lines := e.want, logged(a.said)
	if len(lines) == 0 {
		want.Log = nil
	}
	return want.Check(a.payload, lines, fixture.BaseURL)
}

// logged returns the events that a function logged, among the output of SAM and
// Lambda's runtime.
func logged(said string) []map[string]any {
	var lines []map[string]any
	for line := range strings.Lines(said) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err == nil && fields["event"] != nil {
			lines = append(lines, fields)
		}
	}
	return lines
}

// printAnswer prints a function's answer as a client would see it.
func printAnswer(w io.Writer, payload []byte) {
	r, err := eventfile.DecodeResponse(payload)
	if err != nil || r.StatusCode == 0 {
		fmt.Fprintf(w, "\n%s\n", payload)
		return
	}
	fmt.Fprintf(w, "\n%d %s\n", r.StatusCode, http.StatusText(r.StatusCode))
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		fmt.Fprintf(w, "%s: %s\n", http.CanonicalHeaderKey(name), r.Headers[name])
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(r.Body), "", "  "); err != nil {
		pretty.Reset()
		pretty.WriteString(r.Body)
	}
	if pretty.Len() > 0 {
		fmt.Fprintf(w, "\n%s\n", pretty.Bytes())
	}
}
