package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	jsonv1 "encoding/json"
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
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/credential"
)

// An asking has what the commands that call a running service share.
type asking struct {
	info, stack, url string
	json             bool
}

// add adds the flags to a command.
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
	// refused is the advice if the service does not authorize a request.
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

// call calls the service, and decodes the document that it answers.
func call[D any](ctx context.Context, p place, method, path string, query url.Values, body any) (document D, err error) {
	answer, err := p.do(ctx, method, path, query, body)
	if err != nil {
		return document, err
	}
	return decoded[D](answer)
}

// connectAndCall calls the service that the flags name.
func connectAndCall[D any](a *asking, c *cobra.Command, method, path string, query url.Values, body any) (document D, err error) {
	p, err := a.connect(c.Context())
	if err != nil {
		return document, err
	}
	return call[D](c.Context(), p, method, path, query, body)
}

func decoded[D any](answer []byte) (document D, err error) {
	if err := json.Unmarshal(answer, &document, jsontext.AllowInvalidUTF8(true)); err != nil {
		return document, fmt.Errorf("the answer is not the JSON document that was expected: %w", err)
	}
	return document, nil
}

// do calls the service, and returns the body of its answer.
func (p place) do(ctx context.Context, method, path string, query url.Values, body any) ([]byte, error) {
	if credential.In(path) || credential.In(strings.Join(slices.Concat(slices.Collect(maps.Values(query))...), " ")) {
		return nil, usageError{errors.New("an argument has a token of this service in it: give an id or a name, and rotate the token")}
	}
	answer, _, err := p.client.Do(ctx, method, path, query, body)
	return answer, p.advised(ctx, path, err)
}

// tenantNotFound is how the admin API begins the detail of a request for an unknown tenant.
const tenantNotFound = "Tenant not found"

// advised returns an error with what to do about it on the command line.
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

// unknownTenant returns the error of a request for an unknown tenant: it names the nearest ones.
func (p place) unknownTenant(ctx context.Context, tenant string) string {
	detail := fmt.Sprintf("%s: %q", tenantNotFound, tenant)
	if page, err := p.client.Tenants(ctx, "", 200); err == nil {
		names := make([]string, len(page.Tenants))
		for i, t := range page.Tenants {
			names[i] = t.ID
		}
		if near := nearest(tenant, names); len(near) > 0 {
			return detail + ". Did you mean " + alternatives(near) + "?"
		}
	}
	return detail + "; 'rollcall tenant list' lists the tenants"
}

// eachPage reads a list page by page, and passes each page to use until that returns false;
// name is the member that has the documents.
func eachPage[D any](c *cobra.Command, p place, path, name string, query url.Values, use func(page []D) (more bool, err error)) error {
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "200")
	for {
		page, err := call[map[string]jsontext.Value](c.Context(), p, http.MethodGet, path, query, nil)
		if err != nil {
			return err
		}
		part, err := decoded[[]D](page[name])
		if err != nil {
			return err
		}
		if more, err := use(part); err != nil || !more || page["next"] == nil {
			return err
		}
		next, err := decoded[string](page["next"])
		if err != nil {
			return err
		}
		query.Set("after", next)
	}
}

// all reads all pages of a list; name is the member that has the documents.
func all[D any](c *cobra.Command, p place, path, name string, query url.Values) ([]D, error) {
	bar := newProgress(c.ErrOrStderr(), name)
	defer bar.end()
	list := []D{}
	err := eachPage(c, p, path, name, query, func(page []D) (more bool, err error) {
		list = append(list, page...)
		bar.at(len(list))
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// connectAndRead reads all pages of a list of the service that the flags name.
func connectAndRead[D any](a *asking, c *cobra.Command, path, name string, query url.Values) ([]D, error) {
	p, err := a.connect(c.Context())
	if err != nil {
		return nil, err
	}
	return all[D](c, p, path, name, query)
}

// tenantPath returns the path of a tenant, and of what is below it.
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
		text, err := adminwire.Marshal(document)
		if err != nil {
			return err
		}
		line, err := inertJSON(jsonv1.RawMessage(text))
		if err == nil {
			_, err = io.WriteString(c.OutOrStdout(), line)
		}
		return err
	}
	lines(c.OutOrStdout())
	return nil
}
