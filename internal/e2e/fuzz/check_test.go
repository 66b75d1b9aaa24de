package fuzz

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/store"
)

// The bounds of the work of one request: twenty times what any seed needs, and for memory what
// a body of 1 MiB may need.
const (
	maxTrips     = 400
	maxAllocated = 64 << 20
	maxTime      = 15 * time.Second
	maxLine      = 32 << 10
)

// A question is what check must know of a request.
type question struct {
	function, method string
	// plain is set if the request has the canary only as a secret.
	plain bool
	// tenants are those that the credential belongs to.
	tenants []string
	// claimed are those that a credential only names: whether they have it may be read.
	claimed []string
	// operator is set if the caller is authorized for the admin API.
	operator bool
}

// looksUp reports whether a call reads whether a token exists that the request names, or is one
// about the client of a token request.
func (q question) looksUp(c call) bool {
	if q.function == "OAuthFunction" { // a client is named, and then proves itself; an entry has what was refused
		return !c.write || recorded(c.partition) || strings.HasSuffix(c.partition, "#JTI")
	}
	return !c.write && strings.HasPrefix(c.sort, "TOKEN#") && slices.Contains(q.claimed, tenantOf(c.partition))
}

// check fails the test unless the answer, the log and the table are as they must be after any
// request.
func (r *result) check(t *testing.T, w *world, q question) {
	t.Helper()
	body := text(t, r.response)
	r.checkAnswer(t, q, body)
	r.checkLog(t, q)
	r.checkTable(t, q)
	r.checkSecrets(t, q, body)
	assert.Empty(t, w.grants.Refused(), "the function's role does not grant it")
	assert.LessOrEqual(t, r.trips, maxTrips, "round trips")
	assert.LessOrEqual(t, r.allocated, uint64(maxAllocated), "bytes allocated")
	assert.Less(t, r.took, maxTime)
}

// text returns the body of a response, decoded.
func text(t testing.TB, response lambdahttp.Response) string {
	t.Helper()
	if !response.IsBase64Encoded {
		return response.Body
	}
	body, err := base64.StdEncoding.DecodeString(response.Body)
	require.NoError(t, err)
	if response.Headers["Content-Encoding"] == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		require.NoError(t, err)
		body, err = io.ReadAll(z)
		require.NoError(t, err)
	}
	return string(body)
}

// checkAnswer checks status, media type and document.
func (r *result) checkAnswer(t *testing.T, q question, body string) {
	t.Helper()
	status, kind := r.response.StatusCode, r.response.Headers["Content-Type"]
	assert.True(t, status >= 200 && status < 500 || status == http.StatusNotImplemented, "status %d: %s", status, body)
	if q.method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified {
		assert.True(t, body == "" || q.method == http.MethodHead, "%d has a body: %s", status, body)
		return
	}
	var document map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &document), "%d %s", status, body)
	id := r.response.Headers["X-Request-Id"]
	detail, _ := document["detail"].(string)
	switch {
	case q.function == "OAuthFunction" && kind == "application/json":
		description, _ := document["error_description"].(string)
		assert.True(t, status < 400 || document["error"] != nil && strings.HasSuffix(description, "(request "+id+")"), body)
	case status >= 400 && kind == "application/scim+json":
		assert.Equal(t, fmt.Sprint(status), document["status"], body)
		assert.Equal(t, []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, document["schemas"], body)
		assert.True(t, strings.HasSuffix(detail, "(request "+id+")") && id != "", body)
	case status >= 400:
		assert.Equal(t, "AdminFunction", q.function, "an answer of %s", kind)
		assert.Equal(t, "application/problem+json", kind, body)
		assert.EqualValues(t, status, document["status"], body)
		assert.True(t, detail != "" && document["title"] != nil && document["requestId"] == id, body)
	case q.function == "AdminFunction":
		assert.Equal(t, "application/json", kind, body)
	default:
		assert.Equal(t, "application/scim+json", kind, body)
		checkResource(t, document, true)
	}
}

// checkResource checks a resource, or a list of them.
func checkResource(t *testing.T, document map[string]any, whole bool) {
	t.Helper()
	schemas, _ := document["schemas"].([]any)
	assert.NotEmpty(t, schemas, "%v", document)
	resources, isList := document["Resources"].([]any)
	_, isBulk := document["Operations"]
	if whole && (isList || isBulk || document["totalResults"] != nil) {
		for _, r := range resources {
			one, ok := r.(map[string]any)
			require.True(t, ok, "%v", r)
			checkResource(t, one, false)
		}
		return
	}
	if meta, ok := document["meta"].(map[string]any); ok && meta["location"] != nil {
		location, _ := meta["location"].(string)
		assert.True(t, strings.HasPrefix(location, fixture.BaseURL), "%v", meta)
	}
}

// checkLog checks that each line is one printable JSON object, and that the request has one.
func (r *result) checkLog(t *testing.T, q question) {
	t.Helper()
	id, own := r.response.Headers["X-Request-Id"], 0
	for _, line := range r.lines {
		var fields map[string]any
		require.NoError(t, json.Unmarshal(line, &fields), "%s", line)
		assert.Equal(t, -1, bytes.IndexFunc(line, func(c rune) bool { return !unicode.IsPrint(c) }), "an invisible character in %q", line)
		assert.LessOrEqual(t, len(line), maxLine, "the bytes of a line")
		event, _ := fields["event"].(string)
		if fields["requestId"] == id && (strings.HasSuffix(event, ".request") || strings.HasPrefix(event, "oauth.")) {
			own++
			assert.EqualValues(t, r.response.StatusCode, fields["status"], "%s", line)
		}
	}
	assert.Equal(t, 1, own, "lines of the request %s: %s", id, bytes.Join(r.lines, []byte("\n")))
}

// checkTable checks whose items were touched, that a refused request changed nothing, and
// that the data is valid.
func (r *result) checkTable(t *testing.T, q question) {
	t.Helper()
	admin := q.function == "AdminFunction" && q.operator
	changed := map[string]bool{}
	for _, c := range r.calls {
		name := tenantOf(c.partition)
		assert.True(t, admin || name == "" && !c.write || slices.Contains(q.tenants, name) || c.partition == "DUE" || q.looksUp(c),
			"%s is touched", c.partition)
		if !c.write || recorded(c.partition) {
			continue
		}
		changed[name] = true
		assert.True(t, r.response.StatusCode < 400, "%d, and %s %q was written: %s", r.response.StatusCode, c.partition, c.sort, r.response.Body)
		assert.False(t, q.method == http.MethodGet || q.method == http.MethodHead, "a read wrote %s %q", c.partition, c.sort)
	}
	delete(changed, "")
	assert.LessOrEqual(t, len(changed), 1, "tenants that one request changed")
	for name := range changed {
		if tokens[name] == "" {
			continue // the operator created it
		}
		faults, err := r.app.Store.Audit(t.Context(), stage.ID(t, name))
		faults = slices.DeleteFunc(faults, func(f store.Fault) bool { return f.Unfinished && admin })
		require.NoError(t, err)
		assert.Empty(t, faults)
	}
}

// checkSecrets checks that no credential and no password is in the log, the table or the
// answer, and nothing of another tenant in the answer.
func (r *result) checkSecrets(t *testing.T, q question, body string) {
	t.Helper()
	log := string(bytes.Join(r.lines, []byte("\n")))
	answer := body + fmt.Sprint(r.response.Headers, r.response.MultiValueHeaders, r.response.Cookies)
	var stored strings.Builder
	for _, c := range r.calls {
		if c.write {
			stored.WriteString(c.sort + " " + c.values + "\n")
		}
	}
	assert.False(t, credential.In(log), "a credential is in the log: %s", log)
	for _, token := range []string{fixture.Token, fixture.FullToken, fixture.RevokedToken, fixture.ClientSecret, fixture.ExpiredSecret} {
		secret := strings.Split(token, "_")[3]
		for what, text := range map[string]string{"log": log, "answer": answer, "table": stored.String()} {
			assert.NotContains(t, text, secret, "a token is in the %s", what)
		}
	}
	if q.plain {
		for what, text := range map[string]string{"log": log, "answer": answer, "table": stored.String()} {
			assert.NotContains(t, text, canary, "a password or cookie is in the %s", what)
		}
	}
	if q.function == "AdminFunction" && q.operator {
		return
	}
	assert.NotContains(t, answer, "arn:")
	for name, marker := range markers {
		if !slices.Contains(q.tenants, name) {
			assert.NotContains(t, answer+log, marker, "data of another tenant")
		}
	}
}
