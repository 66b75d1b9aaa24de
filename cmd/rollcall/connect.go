package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/credential"
)

// An asking has what the commands that call a running service share.
type asking struct {
	info, stack, url string
	json             bool
}

// add gives a command the flags.
func (a *asking) add(c *cobra.Command) *cobra.Command {
	f := c.Flags()
	f.StringVar(&a.info, "info", "", "`FILE` of a server on this machine: its state file, or what it wrote with --info")
	f.StringVar(&a.stack, "stack", "", "`NAME` of a deployment's stack in AWS")
	f.StringVar(&a.url, "admin-url", "", "`URL` of the admin API, with the token in ROLLCALL_ADMIN_TOKEN; or ROLLCALL_ADMIN_URL")
	f.BoolVar(&a.json, "json", false, jsonUsage)
	return c
}

// A place is the address of a running service.
type place struct {
	client *adminclient.Client
	// scim is the base URL and the token of the seeded tenant, for a service on
	// this machine.
	scim info
	// refused is what to do if the service does not authorize a request.
	refused string
}

// What to do when a service does not authorize a request.
const (
	refusedToken = "the admin token is not that of this server: 'rollcall local' prints it at its start"
	refusedAWS   = "the AWS credentials need execute-api:Invoke on /admin/v1/* of this stack"
)

// connect finds the service.
func (a *asking) connect(ctx context.Context) (place, error) {
	given := 0
	for _, flag := range []string{a.info, a.stack, a.url} {
		if flag != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return place{}, usageError{errors.New("--info, --stack and --admin-url exclude each other: choose one")}
	case a.stack != "":
		return a.connectAWS(ctx)
	case a.info != "":
		return connectInfo(ctx, a.info)
	}
	base, token := a.url, os.Getenv("ROLLCALL_ADMIN_TOKEN")
	if base == "" {
		base = os.Getenv("ROLLCALL_ADMIN_URL")
	}
	switch {
	case base == "":
		return connectLocal(ctx)
	case token == "":
		return place{}, usageError{errors.New("ROLLCALL_ADMIN_TOKEN is not set: rollcall local prints it")}
	}
	client, err := adminclient.New(base, adminclient.Bearer(token))
	if err != nil {
		return place{}, usageError{err}
	}
	return place{client: client, refused: refusedToken}, nil
}

// connectLocal finds the server that runs on this machine, by its state file.
func connectLocal(ctx context.Context) (p place, err error) {
	if p.scim, err = theServer(ctx); err != nil {
		return place{}, err
	}
	p.refused = refusedToken
	p.client, err = adminclient.New(p.scim.AdminURL, adminclient.Bearer(p.scim.AdminToken))
	return p, err
}

// connectInfo finds the server that wrote a file: a state file, or that of --info.
func connectInfo(ctx context.Context, name string) (place, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return place{}, fmt.Errorf("%s cannot be read; is rollcall local --info %s running? (%w)", name, name, err)
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil || s.AdminURL == "" {
		return place{}, fmt.Errorf("%s is not a file that rollcall local writes", name)
	}
	if s.Key != "" { // another program may have the address by now
		if err := s.confirm(ctx); err != nil {
			return place{}, fmt.Errorf("%w: the server that wrote %s has ended (%w)", adminclient.ErrUnreachable, name, err)
		}
	}
	client, err := adminclient.New(s.AdminURL, adminclient.Bearer(s.AdminToken))
	return place{client: client, scim: s.info, refused: refusedToken}, err
}

// connectAWS returns a deployment.
func (a *asking) connectAWS(ctx context.Context) (place, error) {
	sign, base, err := a.signer(ctx)
	if err != nil {
		return place{}, err
	}
	client, err := adminclient.New(base, sign)
	return place{client: client, refused: refusedAWS}, err
}

// signer signs requests to a deployment for AWS (Signature Version 4); base is the
// output AdminUrl of its stack.
func (a *asking) signer(ctx context.Context) (sign adminclient.Authorize, base string, err error) {
	outputs, err := stackOutputs(ctx, a.stack)
	if err != nil {
		return nil, "", err
	}
	if base = outputs[outputAdmin]; base == "" {
		return nil, "", fmt.Errorf("the stack %s has no output %s: deploy this version first", a.stack, outputAdmin)
	}
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("the AWS configuration cannot be read: %w", err)
	}
	signer := v4.NewSigner()
	return func(r *http.Request, body []byte) error {
		credentials, err := c.Credentials.Retrieve(r.Context())
		if err != nil {
			return fmt.Errorf("there are no AWS credentials: %w", err)
		}
		sum := sha256.Sum256(body)
		return signer.SignHTTP(r.Context(), credentials, r, hex.EncodeToString(sum[:]), "execute-api", c.Region, time.Now())
	}, base, nil
}

// ask calls the service and returns the answer as a document, nil for none.
func (a *asking) ask(c *cobra.Command, method, path string, query url.Values, body any) (map[string]any, error) {
	p, err := a.connect(c.Context())
	if err != nil {
		return nil, err
	}
	return p.ask(c.Context(), method, path, query, body)
}

func (p place) ask(ctx context.Context, method, path string, query url.Values, body any) (map[string]any, error) {
	if credential.In(path) || credential.In(strings.Join(slices.Concat(slices.Collect(maps.Values(query))...), " ")) {
		return nil, usageError{errors.New("an argument has a token of this service in it: give an id or a name, and rotate the token")}
	}
	answer, _, err := p.client.Do(ctx, method, path, query, body)
	if err != nil || len(answer) == 0 {
		return nil, p.advised(ctx, path, err)
	}
	return object(answer)
}

// tenantNotFound is how the admin API begins the detail of a request for an unknown tenant.
const tenantNotFound = "Tenant not found"

// advised is an error with what to do about it on the command line.
func (p place) advised(ctx context.Context, path string, err error) error {
	var problem *adminclient.Problem
	if !errors.As(err, &problem) {
		return err
	}
	switch {
	case problem.Status == http.StatusNotFound && strings.HasPrefix(problem.Detail, tenantNotFound):
		segment, _, _ := strings.Cut(strings.TrimPrefix(path, "/tenants/"), "/")
		tenant, _ := url.PathUnescape(segment)
		problem.Detail = p.unknownTenant(ctx, tenant)
	case (problem.Status == http.StatusForbidden || problem.Status == http.StatusUnauthorized) && problem.Kind() == "":
		problem.Detail = strings.TrimPrefix(problem.Detail+": "+p.refused, ": ")
	}
	return err
}

// unknownTenant is the error of a request for an unknown tenant: it names the nearest ones.
func (p place) unknownTenant(ctx context.Context, tenant string) string {
	detail := fmt.Sprintf("%s: %q", tenantNotFound, tenant)
	answer, _, err := p.client.Do(ctx, http.MethodGet, "/tenants", url.Values{"limit": {"200"}}, nil)
	if err == nil {
		page, _ := object(answer)
		list, _ := page["tenants"].([]any)
		names := make([]string, len(list))
		for i, t := range list {
			names[i] = member(t, "id")
		}
		if near := nearest(tenant, names); len(near) > 0 {
			return detail + ". Did you mean " + alternatives(near) + "?"
		}
	}
	return detail + "; 'rollcall tenant list' lists the tenants"
}

// object decodes a JSON object, with its numbers as they are written.
func object(text []byte) (map[string]any, error) {
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("the answer is not a JSON object: %w", err)
	}
	return document, nil
}

// all reads all pages of a list.
func (a *asking) all(c *cobra.Command, path, name string, query url.Values) ([]any, error) {
	p, err := a.connect(c.Context())
	if err != nil {
		return nil, err
	}
	return p.all(c, path, name, query)
}

func (p place) all(c *cobra.Command, path, name string, query url.Values) ([]any, error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "200")
	bar := newProgress(c.ErrOrStderr(), name)
	defer bar.end()
	list := []any{}
	for {
		page, err := p.ask(c.Context(), http.MethodGet, path, query, nil)
		if err != nil {
			return nil, err
		}
		part, _ := page[name].([]any)
		list = append(list, part...)
		bar.at(len(list))
		next, more := page["next"].(string)
		if !more {
			return list, nil
		}
		query.Set("after", next)
	}
}

// tenantPath is the path of a tenant, and of what is below it.
func tenantPath(tenant string, below ...string) string {
	path := "/tenants/" + url.PathEscape(tenant)
	for _, segment := range below {
		path += "/" + url.PathEscape(segment)
	}
	return path
}

// show prints an answer: as JSON, or as lines.
func (a *asking) show(c *cobra.Command, document any, lines func(w io.Writer)) error {
	if a.json {
		line, err := inertJSON(document)
		if err == nil {
			_, err = io.WriteString(c.OutOrStdout(), line)
		}
		return err
	}
	lines(c.OutOrStdout())
	return nil
}
