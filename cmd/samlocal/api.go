package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/httpapi"
)

const apiAbout = `samlocal api serves the service under sam local start-api: the routes of
template.yaml, the functions in containers. It makes a tenant with a token, prints
both, and serves until Ctrl-C.`

func runAPI(ctx context.Context, args []string, m machine, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("api", flag.ContinueOnError)
	o.register(flags, m)
	port := flags.Int("port", 3000, "`PORT` of 127.0.0.1 to serve on")
	table := flags.String("table", "rollcall", "`NAME` of the DynamoDB table, created if it does not exist")
	name := flags.String("tenant", "acme", "`ID` of the tenant")
	seats := flags.Int64("seats", 50, "`NUMBER` of seats of the tenant, if it does not exist")
	if err := parse(flags, apiAbout, args, stderr); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if err := portIsFree(ctx, *port); err != nil {
		return err
	}
	s, err := newSession(m, stdout, stderr)
	if err != nil {
		return err
	}
	defer s.end()
	if err := s.prepare(ctx, o, s.build); err != nil {
		return err
	}
	if err := s.openTable(ctx, *table, false); err != nil {
		return err
	}
	token, err := s.addTenant(ctx, *name, *seats)
	if err != nil {
		return err
	}
	api, err := s.startAPI(ctx, *port, *table, token)
	if err != nil {
		return err
	}
	printStart(stdout, api.base, *name, token, s.dynamodb)
	api.log.open(stderr)
	select {
	case <-ctx.Done():
		s.say("stopping: the containers, DynamoDB Local")
		return nil
	case <-api.ended:
		return fmt.Errorf("sam local start-api ended: %w", api.err)
	}
}

func printStart(w io.Writer, base, tenant, token, endpoint string) {
	fmt.Fprintf(w, `
sam local serves SCIM 2.0 for the tenant %s.

  base URL  %s
  token     %s
  data      DynamoDB at %s

Try it:

  curl -s -H 'Authorization: Bearer %s' '%s/Users'

What the functions log follows. Ctrl-C stops it.
`, tenant, base, token, endpoint, token, base)
}

// An api is a running sam local start-api.
type api struct {
	*process
	base string
	log  *log
}

// starting is how long SAM may take to build the image and start the
// containers.
const starting = 3 * time.Minute

// startTries is how often SAM is started. It starts the containers in parallel,
// each on a port that it has just found free, and two of them may find the same
// one.
const startTries = 4

// portTaken is Docker's error in that case.
const portTaken = "port is already allocated"

// startAPI starts sam local start-api and waits until a function that has read
// the table answers.
func (s *session) startAPI(ctx context.Context, port int, table, token string) (*api, error) {
	for try := 1; ; try++ {
		a, err := s.tryAPI(ctx, port, table, token)
		if !startsAgain(try, err) {
			return a, err
		}
		s.say("two containers got the same port; starting them again")
	}
}

func startsAgain(try int, err error) bool {
	return err != nil && try < startTries && strings.Contains(err.Error(), portTaken)
}

func (s *session) tryAPI(ctx context.Context, port int, table, token string) (*api, error) {
	a := &api{base: baseURL(net.JoinHostPort("127.0.0.1", strconv.Itoa(port))), log: &log{}}
	variables, err := s.variables(table, a.base)
	if err != nil {
		return nil, err
	}
	cmd, err := s.samLocal(context.WithoutCancel(ctx), variables, "start-api", "--port", strconv.Itoa(port), "--warm-containers", "EAGER")
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = a.log, a.log
	s.say("starting the containers (sam local start-api)")
	if a.process, err = s.start(cmd); err != nil {
		return nil, err
	}
	status := 0
	err = a.until(ctx, starting, func(ctx context.Context) bool {
		status = statusOf(ctx, a.base+"/Users?count=0", token)
		return status != 0
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w\n%s", err, a.log.last())
	case status != http.StatusOK:
		return nil, fmt.Errorf("the functions answer %d: do they reach DynamoDB? It has to listen on all interfaces (%s)\n%s",
			status, s.dynamodb, a.log.last())
	}
	return a, nil
}

// statusOf sends a GET and returns the status of the answer, or 0 if no answer
// came.
func statusOf(ctx context.Context, url, token string) int {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	q.Header.Set("Authorization", "Bearer "+token)
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0
	}
	_ = r.Body.Close()
	return r.StatusCode
}

// portIsFree returns an error that says what to do if the port is in use,
// before anything is built.
func portIsFree(ctx context.Context, port int) error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%s is in use: stop the program that listens there, or choose another port with --port", address)
	}
	return l.Close()
}

// freePort returns a port on which no program listens.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.Join(errors.New("no port"), l.Close())
	}
	return address.Port, l.Close()
}

// baseURL returns the SCIM base URL of an address.
func baseURL(address string) string { return "http://" + address + httpapi.Prefix }
