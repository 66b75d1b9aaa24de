package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
)

const testAbout = `samlocal test tries the functions under SAM: the commands of docs/how-to/sam-local.md as they
are typed, one event for each function by sam local invoke, then the requests of identity providers by sam local start-api, and compares the
answers with those of 'rollcall local' on the same DynamoDB. Before, it builds and tries the image of rollcall local.`

// tried are the events with which samlocal test invokes the functions, one for
// each.
var tried = []string{
	"events/okta/create_user.json",
	"events/okta/add_members.json",
	"events/rfc/bulk_references.json",
	"events/admin/get_tenant.json",
	"events/entra/schemas.json",
	"events/oauth/basic.json",
	"events/portal/unknown_link.json",
	"events/sweep/schedule.json",
	"events/feed/user_deactivated.json",
	"events/deliver/schedule.json",
}

func runTest(ctx context.Context, args []string, m machine, stdout, stderr io.Writer) error {
	o, err := parseTest(args, m, stderr)
	if err != nil {
		return err
	}
	s, err := newSession(m, stdout, stderr)
	if err != nil {
		return err
	}
	defer s.end()
	// Under SAM a function answers forty requests a second, which does not
	// exceed the template's rate limit.
	s.rate = httpapi.MinRate
	begun := time.Now()
	var t tally
	err = s.test(ctx, o, &t)
	var none errNoDocker
	if errors.As(err, &none) {
		fmt.Fprint(stdout, notRun("sam local invoke of each function, sam local start-api with the replay, SAM's own commands as they are typed, rollcall local in a container", none))
		if o.without == "report" {
			return nil
		}
		return errReported
	}
	if err != nil {
		return err
	}
	s.say("took %s", time.Since(begun).Round(time.Second))
	fmt.Fprintf(stdout, "%d passed, %d failed\n", t.passed, t.failed)
	if t.failed > 0 {
		return errReported
	}
	return nil
}

// test runs the parts of the test.
func (s *session) test(ctx context.Context, o testOptions, t *tally) error {
	if o.only != "container" {
		return s.testSAM(ctx, o, t)
	}
	if err := s.needDocker(ctx); err != nil {
		return err
	}
	return s.testContainer(ctx, t)
}

// testSAM tries the functions under SAM, after rollcall local's own image if nothing else was
// chosen: Docker runs by then.
func (s *session) testSAM(ctx context.Context, o testOptions, t *tally) error {
	var c *typed
	err := s.prepare(ctx, o.options, func(ctx context.Context) (err error) {
		if c, err = s.newTyped(ctx); err != nil {
			return err
		}
		return c.build(ctx)
	})
	if err == nil && o.only == "" {
		err = s.testContainer(ctx, t)
	}
	if err == nil {
		err = s.testTyped(ctx, c, t)
	}
	if err == nil {
		err = s.testInvoke(ctx, t)
	}
	if err == nil && o.only == "" {
		err = s.testAPI(ctx, t)
	}
	return err
}

// A testOptions has the options of samlocal test.
type testOptions struct {
	options
	without, only string
}

func parseTest(args []string, m machine, stderr io.Writer) (o testOptions, err error) {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	o.register(flags, m)
	flags.StringVar(&o.without, "without-docker", "fail", "`WHAT` to do without Docker: fail, or report it, on machines known to have none")
	flags.StringVar(&o.only, "only", "", "`PART` of the test: invoke, one event for each function, in about a minute, or container, the image of rollcall local; by default all of it")
	if err := parse(flags, testAbout, args, stderr); err != nil {
		return o, err
	}
	if o.without != "fail" && o.without != "report" {
		return o, usageError{fmt.Errorf("--without-docker %q: choose fail or report", o.without)}
	}
	if o.only != "" && o.only != "invoke" && o.only != "container" {
		return o, usageError{fmt.Errorf("--only %q: the parts are invoke and container", o.only)}
	}
	return o, o.check()
}

// testInvoke invokes each function with an event.
func (s *session) testInvoke(ctx context.Context, t *tally) error {
	for _, name := range tried {
		e, err := readEvent(filepath.Join(s.root, name))
		if err != nil {
			return err
		}
		if e.function, err = functionOf(e.payload, ""); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		a, err := s.invoke(ctx, e)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && e.want == nil:
			err = errors.New("has no expected answer")
		case err == nil:
			err = a.check(e)
		}
		if err != nil {
			t.fail(s.stdout, name, err.Error())
			continue
		}
		t.pass()
		fmt.Fprintf(s.stdout, "pass %s by sam local invoke %s\n", name, e.function)
	}
	return nil
}

// testAPI sends the replay, and the requests that SAM is known to answer
// differently, to rollcall local and to sam local start-api.
func (s *session) testAPI(ctx context.Context, t *tally) error {
	cases, err := replay.Cases()
	if err != nil {
		return err
	}
	name := temporaryTable()
	if err := s.openTable(ctx, name, true); err != nil {
		return err
	}
	here, err := s.addPairs(ctx, "local")
	there, err2 := s.addPairs(ctx, "sam")
	port, err3 := freePort(ctx)
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	s.say("sending the replay to rollcall local")
	var local []replay.Result
	statuses := make([]int, len(differences))
	err = s.serveLocally(ctx, func(ctx context.Context, base string) {
		local = replayAll(ctx, base, here, cases)
		for i, d := range differences {
			statuses[i] = d.status(ctx, base, here[0].token)
		}
	})
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	a, err := s.startAPI(ctx, port, name, there[0].token)
	if err != nil {
		return err
	}
	s.say("sending the replay to sam local start-api")
	sam := replayAll(ctx, a.base, there, cases)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed := t.failed
	t.compare(s.stdout, local, sam, differences)
	for i, d := range differences {
		if d.method != "" {
			t.answered(s.stdout, d, statuses[i], d.status(ctx, a.base, there[0].token))
		}
	}
	if t.failed > failed {
		s.say("the end of what SAM and the functions said:\n%s", a.log.last())
	}
	return ctx.Err()
}
