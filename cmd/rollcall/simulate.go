package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/simulate"
)

// A sendTo has the flags by which a command reaches a SCIM server.
type sendTo struct {
	asking

	base, token, clientID, secret, endpoint string
}

func (s *sendTo) add(c *cobra.Command) *cobra.Command {
	f := c.Flags()
	f.StringVar(&s.base, "base", "", "`URL` of any SCIM server, in place of a rollcall of yours")
	f.StringVar(&s.token, "token", "", "bearer `TOKEN` of --base; or ROLLCALL_TOKEN")
	f.StringVar(&s.clientID, "client-id", "", "`ID` of an OAuth client, in place of a token")
	f.StringVar(&s.secret, "client-secret", "", "its `SECRET`; or ROLLCALL_CLIENT_SECRET")
	f.StringVar(&s.endpoint, "token-endpoint", "", "`URL` where it gets access tokens")
	return s.asking.add(c)
}

const sendToHelp = `
Without --base the requests go to the tenant of 'rollcall local' that runs on this
machine. --base sends them to any SCIM server. Secrets are better in the environment
(ROLLCALL_TOKEN, ROLLCALL_CLIENT_SECRET) than in the shell's history.

Exit status: 0 if everything was sent, whatever was refused; 1 if a trigger was
accepted that should have been refused; 2 for a mistake on the command line; 5 if the OAuth client gets no access token; 6 if the server does not
answer.`

// A target is where a command sends, and the service that can be asked about it.
type target struct {
	simulate.Target

	place  *place // nil for a server that --base names
	tenant string
}

// find returns the server.
func (s *sendTo) find(ctx context.Context) (target, error) {
	t := target{Target: simulate.Target{Client: sendClient, Base: s.base, Now: time.Now, Wait: wait}}
	token := firstOf(s.token, os.Getenv("ROLLCALL_TOKEN"))
	secret := firstOf(s.secret, os.Getenv("ROLLCALL_CLIENT_SECRET"))
	oauth := s.clientID != "" || s.endpoint != "" || s.secret != ""
	switch {
	case s.base == "" && (s.token != "" || oauth):
		return t, mistake("--token and --client-id need --base URL")
	case s.base == "":
		p, err := s.connect(ctx)
		if err != nil {
			return t, err
		}
		if p.scim.BaseURL == "" || p.scim.Token == "" {
			return t, mistake("The service is not on this machine: give its --base URL and a token")
		}
		t.place, t.tenant, t.Base, token = &p, p.scim.Tenant, p.scim.BaseURL, p.scim.Token
	case s.info != "" || s.stack != "" || s.url != "":
		return t, mistake("--base excludes --info, --stack and --admin-url: choose one")
	case !isWebURL(s.base):
		return t, mistake("--base must be a URL that begins with https:// or http://, without a query")
	case oauth && s.token != "":
		return t, mistake("--token and --client-id exclude each other: choose one")
	case oauth && (s.clientID == "" || secret == "" || !isWebURL(s.endpoint)):
		return t, mistake("an OAuth client needs --client-id, --client-secret and the URL --token-endpoint")
	case oauth:
		t.Target.Token = (&grant{id: s.clientID, secret: secret, endpoint: s.endpoint}).token
		return t, nil
	case token == "":
		return t, mistake("--base needs --token, or --client-id")
	}
	t.Target.Token = func(context.Context) (string, error) { return token, nil }
	return t, nil
}

func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.User == nil
}

// sendClient does not follow redirects: a token is not sent to another place.
var sendClient = &http.Client{
	Timeout:       time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// A grant gets access tokens by client credentials, and keeps one while it lasts.
type grant struct {
	id, secret, endpoint string

	mu     sync.Mutex // guards access and until
	access string
	until  time.Time
}

// token returns an access token. RFC 6749 §4.4
func (g *grant) token(ctx context.Context) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.until) {
		return g.access, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.endpoint, strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(g.id), url.QueryEscape(g.secret))
	response, err := sendClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"`
		Error   string `json:"error"`
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(content, &answer)
	}
	if err != nil || response.StatusCode != http.StatusOK || answer.Token == "" {
		return "", noAccessError(fmt.Sprintf("the OAuth client gets no access token: the token endpoint answered with %d %s", response.StatusCode, text(answer.Error)))
	}
	g.access, g.until = answer.Token, time.Now().Add(time.Duration(answer.Expires)*time.Second-time.Minute)
	return g.access, nil
}

func newSimulate() *cobra.Command {
	var to sendTo
	p := simulate.Plan{}
	fail := ""
	c := to.add(&cobra.Command{
		Use: "simulate IDP", Short: "send what an identity provider sends", Args: takes(1),
		Long: `Send what an identity provider sends, in its order, with its pauses and its retries.
IDP is okta, entra, onelogin or ping (PingFederate).

Scenarios, whose users --seed chooses; users who are missing are created first:
  first-sync     creates the users, then the groups with their members
  daily          changes a fifth of the users; one joins and one leaves
  leavers        deactivates a fifth of the users
  rehire         deactivates a fifth of the users and activates them again
  group-push     looks the users up and pushes the groups
  misconfigured  makes the usual mistakes of a setup, one after the other
` + sendToHelp,
		Example: "  rollcall simulate okta\n  rollcall simulate entra --users 20 --scenario daily --fail duplicate\n" +
			"  rollcall simulate okta --base https://scim.example.com/scim/v2 --speed 1",
		RunE: func(c *cobra.Command, args []string) error {
			p.Provider, p.Fail = args[0], cause.Cause(fail)
			if err := p.Check(); err != nil {
				return usageError{err}
			}
			t, err := to.find(c.Context())
			if err != nil {
				return err
			}
			t.Progress = progressOn(c.ErrOrStderr(), to.json)
			sum, err := simulate.Run(c.Context(), t.Target, p)
			return to.report(c, t, sum, err)
		},
	})
	f := c.Flags()
	f.StringVar(&p.Scenario, "scenario", "first-sync", "`NAME` of a scenario")
	f.IntVar(&p.Users, "users", 10, "`N`umber of users")
	f.IntVar(&p.Groups, "groups", 2, "`N`umber of groups")
	f.StringVar(&fail, "fail", "", "provoke a `CAUSE` in the middle of the scenario")
	f.Uint64Var(&p.Seed, "seed", 1, "`N`umber that chooses users and groups")
	f.Float64Var(&p.Speed, "speed", 100, "`X` times as fast as the identity provider; 1 is real")
	completesFlag(c, "scenario", oneOf(simulate.Scenarios()...))
	completesFlag(c, "fail", provocable)
	return completes(c, false, oneOf(simulate.Providers()...))
}

func newTrigger() *cobra.Command {
	var to sendTo
	provider, seed := "okta", ""
	c := to.add(&cobra.Command{
		Use: "trigger CAUSE", Short: "provoke a failure or a warning", Args: takes(1),
		Long: `Send the requests that have one cause of the catalogue, to see it in the console, in
events and in your monitoring. The users and groups that it takes have names of their own;
those that fill the seats are deleted again. The shell completes the causes that
SCIM requests alone can provoke.
` + sendToHelp,
		Example: "  rollcall trigger duplicate\n  rollcall trigger seat_limit --idp entra",
		RunE: func(c *cobra.Command, args []string) error {
			which := cause.Cause(args[0])
			if !simulate.CanProvoke(which) {
				return cannotProvoke(args[0])
			}
			if _, ok := providerNamed(provider); !ok {
				return mistake("--idp must be %s", alternatives(simulate.Providers()))
			}
			t, err := to.find(c.Context())
			if err != nil {
				return err
			}
			name := "trigger-" + firstOf(seed, strings.ToLower(rand.Text()[:8]))
			sum, err := simulate.Provoke(c.Context(), t.Target, provider, which, name)
			if err := to.report(c, t, sum, err); err != nil {
				return err
			}
			if !which.Warns() && sum.Total.Refused == 0 {
				return fmt.Errorf("%s did not occur: the server accepted every request", which)
			}
			return nil
		},
	})
	c.Flags().StringVar(&provider, "idp", "okta", "`IDP` that sends: okta, entra, onelogin or ping")
	c.Flags().StringVar(&seed, "seed", "", "`TEXT` in the names, in place of a random one")
	completesFlag(c, "idp", oneOf(simulate.Providers()...))
	return completes(c, false, provocable)
}

func providerNamed(name string) (string, bool) {
	for _, p := range simulate.Providers() {
		if p == name {
			return p, true
		}
	}
	return "", false
}

// provocable offers the causes that can be provoked.
func provocable(context.Context, []string) []cobra.Completion {
	var values []cobra.Completion
	for _, c := range simulate.Provocable() {
		values = append(values, cobra.CompletionWithDesc(string(c), c.Meaning().Summary))
	}
	return values
}

// cannotProvoke returns the error about a cause that SCIM requests cannot provoke.
func cannotProvoke(name string) error {
	var names []string
	for _, c := range simulate.Provocable() {
		names = append(names, string(c))
	}
	for _, c := range cause.Causes() {
		if string(c) == name {
			return mistake("SCIM requests alone cannot provoke %s. These can be: %s", name, strings.Join(names, ", "))
		}
	}
	if near := nearest(name, names); len(near) > 0 {
		return mistake("unknown cause %q. Did you mean %s?", name, alternatives(near))
	}
	return mistake("unknown cause %q. Give one of: %s", name, strings.Join(names, ", "))
}

// progressOn returns a function that draws a progress bar on a terminal, nil elsewhere.
func progressOn(w io.Writer, asJSON bool) func(done, of int) {
	f, ok := w.(*os.File)
	if asJSON || !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func(done, of int) {
		fmt.Fprint(w, bar(done, of))
		if done == of {
			fmt.Fprint(w, "\r\x1b[K")
		}
	}
}

// bar returns the line of a progress bar.
func bar(done, of int) string {
	const width = 30
	full := width * done / of
	return fmt.Sprintf("\r[%s%s] %d of %d", strings.Repeat("=", full), strings.Repeat(" ", width-full), done, of)
}

// A simulation is the result as --json prints it.
type simulation struct {
	simulate.Summary

	// Next has the commands that show what an administrator sees.
	Next []string `json:"next,omitempty"`
}

// report prints what was answered, also before an error of the connection.
func (s *sendTo) report(c *cobra.Command, t target, sum simulate.Summary, failed error) error {
	if failed != nil && sum.Total.Sent == 0 {
		return sendError(t.Base, failed)
	}
	result := simulation{Summary: sum}
	if t.place != nil && failed == nil {
		t.addCauses(c.Context(), &result.Summary)
		result.Next = []string{"rollcall failures " + t.tenant, "rollcall log " + t.tenant, "rollcall console"}
	}
	if err := s.show(c, result, func(w io.Writer) { printSimulation(w, result) }); err != nil {
		return err
	}
	return sendError(t.Base, failed)
}

// sendError returns an error of the connection with the server's address.
func sendError(base string, err error) error {
	var of *url.Error
	if !errors.As(err, &of) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %s does not answer (%w)", adminclient.ErrUnreachable, base, of.Err)
}

// addCauses asks the service for the cause of each refusal: until then one that was
// provoked has the cause that was meant. Requests without a tenant are in no log.
func (t target) addCauses(ctx context.Context, sum *simulate.Summary) {
	for i := range sum.Refusals {
		f := &sum.Refusals[i]
		if len(f.RequestIDs) == 0 {
			continue
		}
		answer, err := call[adminwire.Explanation](ctx, *t.place, http.MethodGet, tenantPath(t.tenant, "requests", f.RequestIDs[0]), nil, nil)
		if err == nil && len(answer.Entries) > 0 {
			f.Cause = cause.Cause(answer.Entries[0].Cause)
		}
	}
}

func printSimulation(w io.Writer, s simulation) {
	rows := make([][]string, 0, len(s.Requests)+1)
	for _, k := range s.Requests {
		rows = append(rows, []string{k.Kind, fmt.Sprint(k.Sent), fmt.Sprint(k.Refused)})
	}
	aligned(w, []string{"REQUESTS", "SENT", "REFUSED"}, append(rows, []string{"total", fmt.Sprint(s.Total.Sent), fmt.Sprint(s.Total.Refused)}))
	fmt.Fprintf(w, "\n%s, %d sent again after 429 or 5xx\n", s.Took, s.Retries)
	for _, f := range s.Refusals {
		fmt.Fprintf(w, "\n%d refused: %s, %d %s\n", f.Count, text(f.Kind), f.Status, strings.TrimSpace(text(firstOf(string(f.Cause), f.ScimType))))
		labelled(w, "  ", [][2]string{{"detail", text(f.Detail)}, {"requests", text(strings.Join(f.RequestIDs, ", "))}})
	}
	if len(s.Next) > 0 {
		fmt.Fprintf(w, "\nWhat an administrator sees:\n  %s\n", strings.Join(s.Next, "\n  "))
	}
}
