package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// A check is one check of the doctor.
type check struct {
	Name   string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// newDoctor returns the command that checks whether a service can be used:
// clock, connection, permissions, token, and the provisioning of a user.
func newDoctor() *cobra.Command {
	var a asking
	var tenant string
	c := a.add(&cobra.Command{
		Use: "doctor --tenant ID", Short: "check that a service works, with a temporary user", Args: takes(0),
		Long: `Check that a service answers and accepts your credentials, that the clocks agree, that SCIM is
turned on for the tenant, that a token works, that an OAuth client gets access tokens, that
no client's last secret ends within 30 days, and that a user can be created, found,
changed and deleted. The user is inactive and takes no seat. The user is deleted, and
the token and the client are revoked at the end.`,
		Example: "  rollcall doctor --tenant acme",
		RunE: func(c *cobra.Command, _ []string) error {
			if tenant == "" {
				return usageError{errors.New("--tenant ID is missing: the tenant to check with")}
			}
			d := doctor{ctx: c.Context(), tenant: tenant}
			d.examine(&a)
			failed := 0
			for _, one := range d.checks {
				if !one.OK {
					failed++
				}
			}
			if err := a.show(c, struct {
				Checks []check `json:"checks"`
			}{d.checks}, func(w io.Writer) {
				rows := make([][]string, len(d.checks))
				for i, one := range d.checks {
					rows[i] = []string{map[bool]string{true: "ok", false: "FAILED"}[one.OK], one.Name, visible(one.Detail)}
				}
				aligned(w, []string{"RESULT", "CHECK", "DETAIL"}, rows)
			}); err != nil {
				return err
			}
			if failed > 0 {
				return fmt.Errorf("%d of %d checks failed", failed, len(d.checks))
			}
			return nil
		},
	})
	c.Flags().StringVar(&tenant, "tenant", "", "`ID` of a tenant")
	completesFlag(c, "tenant", a.tenants)
	return completes(c, false)
}

// A doctor is one run of the checks.
type doctor struct {
	ctx    context.Context //nolint:containedctx // of the one examination
	tenant string
	place  place
	base   string
	checks []check
	// last deletes what was created for the checks.
	last []func()
}

// note records the result of a check, and reports whether to continue.
func (d *doctor) note(name string, err error, detail string) bool {
	if err != nil {
		detail = strings.Join(strings.Fields(err.Error()), " ")
	}
	d.checks = append(d.checks, check{Name: name, OK: err == nil, Detail: detail})
	return err == nil
}

// maxSkew is the largest difference of two clocks: AWS accepts signatures that
// are five minutes old.
const maxSkew = time.Minute

func (d *doctor) examine(a *asking) {
	var err error
	d.place, err = a.connect(d.ctx)
	if !d.note("configuration", err, "") {
		return
	}
	t, err := call[adminwire.Tenant](d.ctx, d.place, http.MethodGet, tenantPath(d.tenant), nil, nil)
	var problem *adminclient.Problem
	if errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		d.note("admin API and permissions", nil, "")
		d.note("tenant", err, "")
		return
	}
	if !d.note("admin API and permissions", err, "") {
		return
	}
	if !t.SCIMEnabled {
		err = errors.New("SCIM is turned off: rollcall tenant set " + d.tenant + " scimEnabled=true")
	}
	d.base = t.BaseURL
	if !d.note("tenant", err, "SCIM is on") {
		return
	}
	usage, err := call[adminwire.Usage](d.ctx, d.place, http.MethodGet, tenantPath(d.tenant, "usage"), nil, nil)
	d.note("seats", err, fmt.Sprintf("%d in use, limit %s", usage.Seats.Used, limitText(usage.Seats.Limit)))
	bearer := d.oauth(t)
	if t.StaticTokens != staticRefused {
		bearer = d.token()
	}
	if bearer != "" {
		d.user(bearer)
	}
	d.cleanUp()
}

// staticRefused is the setting staticTokens of a tenant that takes only access tokens.
const staticRefused = "refuse"

// token creates a temporary token: "" if it cannot.
func (d *doctor) token() string {
	token, err := call[adminwire.MintedToken](d.ctx, d.place, http.MethodPost, tenantPath(d.tenant, "tokens"), nil,
		adminwire.NewToken{Label: "rollcall doctor"})
	if d.note("token can be created", err, "") {
		d.after("token can be revoked", "tokens", token.ID)
	}
	return token.Text
}

// after deletes something that was created for the checks at their end.
func (d *doctor) after(name string, below ...string) {
	d.last = append(d.last, func() {
		_, err := d.place.do(d.ctx, http.MethodDelete, tenantPath(d.tenant, below...), nil, nil)
		d.note(name, err, "")
	})
}

// cleanUp deletes what was created for the checks.
func (d *doctor) cleanUp() {
	for _, do := range d.last {
		do()
	}
}

// user provisions a temporary user as identity providers do.
func (d *doctor) user(token string) {
	name := "rollcall-doctor-" + strings.ToLower(rand.Text())
	status, header, answer, err := d.scim(http.MethodPost, "/Users", token, map[string]any{
		"schemas": []string{scim.CoreUserURN}, "userName": name, "active": false,
	})
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("POST /Users was answered with %d: %s", status, text(answer["detail"]))
	}
	if date, dateErr := http.ParseTime(header.Get("Date")); dateErr == nil {
		skew := time.Since(date).Abs()
		var apart error
		if skew > maxSkew {
			apart = fmt.Errorf("this machine's clock and the service's are %s apart: set this machine's", skew.Round(time.Second))
		}
		d.note("clock", apart, "")
	}
	if !d.note("token works, user can be created", err, "") {
		return
	}
	id, _ := answer["id"].(string)
	for _, step := range []struct {
		name, method, path string
		body               any
		status             int
	}{
		{"user can be found", http.MethodGet, "/Users?filter=userName%20eq%20%22" + name + "%22", nil, http.StatusOK},
		{"user can be changed", http.MethodPatch, "/Users/" + id, map[string]any{
			"schemas": []string{scim.PatchURN}, "Operations": []any{map[string]any{"op": "add", "path": "title", "value": "doctor"}},
		}, http.StatusOK},
		{"user can be deleted", http.MethodDelete, "/Users/" + id, nil, http.StatusNoContent},
	} {
		status, _, answer, err := d.scim(step.method, step.path, token, step.body)
		if err == nil && status != step.status {
			err = fmt.Errorf("%s was answered with %d: %s", step.method, status, text(answer["detail"]))
		}
		if total, there := answer["totalResults"]; err == nil && there && text(total) != "1" {
			err = fmt.Errorf("%s users were found by the userName of one", text(total))
		}
		d.note(step.name, err, "")
	}
	_, err = d.place.do(d.ctx, http.MethodDelete, tenantPath(d.tenant, "users", id), nil, nil)
	d.note("user can be purged", err, "")
}

// scim sends a SCIM request.
func (d *doctor) scim(method, path, token string, body any) (status int, header http.Header, answer map[string]any, err error) {
	var sent []byte
	if body != nil {
		if sent, err = json.Marshal(body); err != nil {
			return 0, nil, nil, err
		}
	}
	r, err := http.NewRequestWithContext(d.ctx, method, d.base+path, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if sent != nil {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	return d.send(r)
}

// send sends a request, and decodes its answer.
func (d *doctor) send(r *http.Request) (status int, header http.Header, answer map[string]any, err error) {
	ctx, cancel := context.WithTimeout(d.ctx, 35*time.Second)
	defer cancel()
	r.Header.Set("User-Agent", "rollcall doctor")
	response, err := http.DefaultClient.Do(r.WithContext(ctx))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("%s does not answer: %w", d.base, errors.Unwrap(err))
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, nil, nil, err
	}
	if len(text) > 0 {
		err = json.Unmarshal(text, &answer)
	}
	return response.StatusCode, response.Header, answer, err
}
