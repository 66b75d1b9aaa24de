package attack

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/cases.jsonl
var caseFile []byte

// An attack is a hostile request and its answer.
type attack struct {
	ID       string `json:"id"`
	Category string `json:"category"`
	// Says describes what the case proves; the invariant with the same id
	// proves it.
	Says string `json:"says"`
	// Source names a published incident of the kind.
	Source string `json:"source"`
	// Setup is sent first. Wait is how many seconds pass then.
	Setup []step `json:"setup"`
	Wait  int    `json:"wait"`
	// SeatsLeft sets the seat limit so that this many seats are free.
	SeatsLeft *int `json:"seatsLeft"`
	// Parallel sends the request this many times concurrently, with {i} counted
	// from 0.
	Parallel int `json:"parallel"`
	// Fault names a fault of the table: see faults.
	Fault   string  `json:"fault"`
	Request request `json:"request"`
	// Status is the one answer; Answers has the number of answers by status,
	// for a request that is sent more than once.
	Status  int            `json:"status"`
	Answers map[string]int `json:"answers"`
	// SCIMType is the error's, or "" for an error without one.
	SCIMType string `json:"scimType"`
	// Has and HasNot are texts that the body of the answer must and must not
	// have.
	Has    string `json:"has"`
	HasNot string `json:"hasNot"`
	// Check is sent afterwards.
	Check []step `json:"check"`
}

// A step is a request beside the case's own.
type step struct {
	Request request `json:"request"`
	Status  int     `json:"status"`
	Has     string  `json:"has"`
	HasNot  string  `json:"hasNot"`
	// Save sets placeholders to members of the answer.
	Save map[string]string `json:"save"`
}

// A request is the request of a case. Its texts may have placeholders.
type request struct {
	Method string `json:"method"`
	// Path includes the query, and is sent byte by byte.
	Path text `json:"path"`
	// As is the placeholder of a token, sent as a bearer token with the media
	// type that goes with it; "" sends no credential.
	As      string          `json:"as"`
	Headers map[string]text `json:"headers"`
	Body    text            `json:"body"`
	// BodyBase64 is a body that is not text.
	BodyBase64 string `json:"bodyBase64"`
	// Raw is sent over a socket instead of a request.
	Raw string `json:"raw"`
	// CLI is a command line of rollcall instead of a request.
	CLI []string `json:"cli"`
}

// A text is a text, written out or as a list: a beginning, a part, how often
// the part is repeated, and an end. {#} in the part is its number, counted from
// 0.
type text string

// UnmarshalJSON decodes both forms.
func (t *text) UnmarshalJSON(b []byte) error {
	if b[0] != '[' {
		return json.Unmarshal(b, (*string)(t))
	}
	var before, part, after string
	var times int
	if err := json.Unmarshal(b, &[]any{&before, &part, &times, &after}); err != nil {
		return err
	}
	if !strings.Contains(part, "{#}") {
		*t = text(before + strings.Repeat(part, times) + after)
		return nil
	}
	var all strings.Builder
	all.WriteString(before)
	for i := range times {
		all.WriteString(strings.ReplaceAll(part, "{#}", fmt.Sprint(i)))
	}
	*t = text(all.String() + after)
	return nil
}

// body returns the body that is sent.
func (q *request) body() (string, error) {
	if q.BodyBase64 == "" {
		return string(q.Body), nil
	}
	decoded, err := base64.StdEncoding.DecodeString(q.BodyBase64)
	return string(decoded), err
}

// load reads the cases. A misspelled member is an error: it would prove
// nothing.
func load(t *testing.T) []*attack {
	t.Helper()
	var all []*attack
	seen := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(caseFile))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		c := &attack{}
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		require.NoErrorf(t, decoder.Decode(c), "line %d", n)
		require.Truef(t, c.ID != "" && c.Says != "" && !seen[c.ID], "line %d: a case has an id of its own and says what it proves", n)
		if (c.Status == 0) == (len(c.Answers) == 0) && len(c.Request.CLI) == 0 {
			t.Fatalf("line %d: %s: a case has one status, or answers by status", n, c.ID)
		}
		seen[c.ID] = true
		all = append(all, c)
	}
	require.NoError(t, lines.Err())
	return all
}
