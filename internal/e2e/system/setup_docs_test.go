package system

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A setupDoc is a guide for the administrators of one identity provider, and the page of
// its requests: the tables of both, and the requests with their answers.
type setupDoc struct {
	name  string
	text  string
	steps []setupStep
	// tables are the tables, with rows by the headings of their columns.
	tables []setupTable
}

// A setupStep is one request or check in a guide, in its order.
type setupStep struct {
	page string
	line int
	// given describes the situation that the reader is to imagine.
	given string
	// the request, and the wanted answer
	method, path, body string
	headers            http.Header
	want               *setupAnswer
	// seats is the number of seats in use afterwards, or -1 if the guide has
	// none.
	seats int64
}

type setupAnswer struct {
	status  int
	headers http.Header
	body    string
}

type setupTable struct {
	columns []string
	rows    []map[string]string
}

var (
	seatsInUse  = regexp.MustCompile(`Seats in use: (\d+)\.`)
	givenLine   = regexp.MustCompile(`^<!-- given: (.*) -->$`)
	placeholder = regexp.MustCompile(`[A-Z]+_ID`)
	wasMade     = regexp.MustCompile(`^(\S+) was made in the application$`)
	seatsOf     = regexp.MustCompile(`rollcall init --tenant acme --seats (\d+)`)
)

// loadSetup reads a guide. It fails the test if a request has no answer, or an
// answer no request.
func loadSetup(t *testing.T, name string) *setupDoc {
	t.Helper()
	doc := &setupDoc{name: name}
	for _, page := range []string{"how-to/" + name, "reference/" + strings.TrimPrefix(strings.TrimSuffix(name, ".md"), "connect-") + "-requests.md"} {
		text, err := os.ReadFile("../../../docs/" + page)
		require.NoError(t, err)
		doc.text += string(text)
		first := len(doc.steps)
		doc.read(t, strings.Split(string(text), "\n"))
		for i := range doc.steps[first:] {
			doc.steps[first+i].page = page
		}
	}
	for _, step := range doc.steps {
		require.Falsef(t, step.method != "" && step.want == nil, "%s:%d: the request has no answer", step.page, step.line)
	}
	return doc
}

// read adds the steps and tables of a page's lines.
func (d *setupDoc) read(t *testing.T, lines []string) {
	t.Helper()
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case line == "```http":
			first := i + 1
			for i++; lines[i] != "```"; i++ {
			}
			d.block(t, first, lines[first:i])
		case strings.HasPrefix(line, "| "):
			first := i
			for ; strings.HasPrefix(lines[i], "|"); i++ {
			}
			d.tables = append(d.tables, readTable(t, first+1, lines[first:i]))
		case givenLine.MatchString(line):
			d.steps = append(d.steps, setupStep{line: i + 1, given: givenLine.FindStringSubmatch(line)[1], seats: -1})
		default:
			if m := seatsInUse.FindStringSubmatch(line); m != nil {
				seats, _ := strconv.ParseInt(m[1], 10, 64)
				d.steps = append(d.steps, setupStep{line: i + 1, seats: seats})
			}
		}
	}
}

// block reads a request, or the answer to the previous one.
func (d *setupDoc) block(t *testing.T, line int, lines []string) {
	t.Helper()
	head, body, _ := strings.Cut(strings.Join(lines, "\n"), "\n\n")
	first, rest, _ := strings.Cut(head, "\n")
	headers := http.Header{}
	for s := bufio.NewScanner(strings.NewReader(rest)); s.Scan(); {
		name, value, ok := strings.Cut(s.Text(), ": ")
		if !ok {
			t.Fatalf("%s:%d: %q is not a header", d.name, line, s.Text())
		}
		headers.Set(name, value)
	}
	require.Falsef(t, body != "" && !json.Valid([]byte(body)), "%s:%d: the body is not JSON", d.name, line)
	if status, ok := strings.CutPrefix(first, "HTTP/1.1 "); ok {
		code, reason, _ := strings.Cut(status, " ")
		n, err := strconv.Atoi(code)
		require.Truef(t, err == nil && reason == http.StatusText(n), "%s:%d: unknown status %q", d.name, line, status)
		if len(d.steps) == 0 || d.steps[len(d.steps)-1].method == "" || d.steps[len(d.steps)-1].want != nil {
			t.Fatalf("%s:%d: the answer has no request", d.name, line)
		}
		d.steps[len(d.steps)-1].want = &setupAnswer{status: n, headers: headers, body: body}
		return
	}
	method, path, ok := strings.Cut(first, " ")
	require.Truef(t, ok && strings.HasPrefix(path, "/"), "%s:%d: %q is not a request", d.name, line, first)
	d.steps = append(d.steps, setupStep{line: line, method: method, path: path, body: body, headers: headers, seats: -1})
}

// readTable reads a table. Backticks around cells are removed.
func readTable(t *testing.T, line int, lines []string) setupTable {
	t.Helper()
	cells := func(row string) []string {
		out := strings.Split(strings.TrimSuffix(strings.TrimPrefix(row, "|"), "|"), "|")
		for i := range out {
			out[i] = strings.TrimSpace(out[i])
			if bare := strings.TrimSuffix(strings.TrimPrefix(out[i], "`"), "`"); !strings.Contains(bare, "`") {
				out[i] = bare
			}
		}
		return out
	}
	table := setupTable{columns: cells(lines[0])}
	for i, row := range lines[2:] {
		values := cells(row)
		require.Lenf(t, values, len(table.columns), "line %d: %d cells, want %d", line+i+2, len(values), len(table.columns))
		named := map[string]string{}
		for j, c := range table.columns {
			named[c] = values[j]
		}
		table.rows = append(table.rows, named)
	}
	return table
}

// having returns the rows of all tables that have a column of each name.
func (d *setupDoc) having(t *testing.T, columns ...string) []map[string]string {
	t.Helper()
	var rows []map[string]string
	for _, table := range d.tables {
		if !slices.ContainsFunc(columns, func(c string) bool { return !slices.Contains(table.columns, c) }) {
			rows = append(rows, table.rows...)
		}
	}
	require.NotEmptyf(t, rows, "%s has no table of %q", d.name, columns)
	return rows
}

// field returns the value that the guide has for a field.
func (d *setupDoc) field(t *testing.T, name string) string {
	t.Helper()
	for _, row := range d.having(t, "field", "value") {
		if row["field"] == name {
			return row["value"]
		}
	}
	t.Fatalf("%s does not say what to enter in %s", d.name, name)
	return ""
}

func eachSetup(t *testing.T, run func(*testing.T, *setupDoc)) {
	for _, name := range []string{"connect-okta.md", "connect-entra.md"} {
		t.Run(name, func(t *testing.T) { t.Parallel(); run(t, loadSetup(t, name)) })
	}
}

// Every request in the guides is answered as shown, in order, in one tenant
// with as many seats as they give it; and the seats in use are as they say.
func TestSetupDocs_RequestsAnswerAsShown(t *testing.T) {
	eachSetup(t, func(t *testing.T, doc *setupDoc) {
		m := seatsOf.FindStringSubmatch(doc.text)
		require.NotNil(t, m, "no tenant is made with seats")
		seats, err := strconv.ParseInt(m[1], 10, 64)
		require.NoError(t, err)
		w := &setupWalk{service: newService(t, enginetest.Memory(t), seats, app.Options{}), doc: doc, ids: map[string]string{}, limit: seats}
		requests, counts := 0, 0
		for _, step := range doc.steps {
			switch {
			case step.given != "":
				w.setUp(step)
			case step.seats >= 0:
				counts++
				w.check(step.seats)
			default:
				requests++
				w.ask(step)
			}
			require.Falsef(t, t.Failed(), "docs/%s:%d: as above", step.page, step.line)
		}
		assert.Truef(t, requests >= 30 && counts >= 6, "%d requests and %d counts of seats were read, of more", requests, counts)
	})
}

// A setupWalk is a run through a guide. ids has the values of the placeholders.
type setupWalk struct {
	*service
	doc     *setupDoc
	ids     map[string]string
	limit   int64
	fillers []string
}

func (w *setupWalk) setUp(step setupStep) {
	w.t.Helper()
	made := wasMade.FindStringSubmatch(step.given)
	switch {
	case step.given == "all seats are in use":
		for w.ledger().Seats < w.limit {
			name := fmt.Sprintf(`"userName":"filler%d@example.com"`, len(w.fillers))
			w.fillers = append(w.fillers, w.must(201, "POST", "/Users", userBody(name)))
		}
	case step.given == "seats are free":
		for _, id := range w.fillers {
			w.must(204, "DELETE", "/Users/"+id, "")
		}
		w.fillers = nil
	case made != nil:
		w.own(made[1])
	default:
		w.t.Fatalf("docs/%s:%d: nobody knows how it comes that %s", step.page, step.line, step.given)
	}
}

// own stores a User of the application, which no identity provider created.
func (s *service) own(userName string) {
	s.t.Helper()
	types := directory.Types("").User
	r := scim.Resource{
		"userName": userName, "active": true, "id": uuid.Must(uuid.NewV7()).String(),
		scim.RollcallURN: map[string]any{"isTeamAccount": true},
	}
	now := time.Now()
	u := &directory.User{
		ID: r.Text("id"), Version: 1, Created: now, Modified: now, Active: true, Type: tenant.User,
		Origin: directory.OriginManual, Held: directory.ClaimsOf(r), Doc: resource.Encode(types, r),
	}
	err := s.app.Store.Commit(s.t.Context(), s.tenant, directory.Change{
		After: u, Entry: journal.Entry{RequestID: uuid.Must(uuid.NewV7()).String(), Time: now, ResourceID: u.ID}, Expires: now.Add(time.Hour),
	})
	require.NoError(s.t, err)
}

// fill replaces placeholders with ids.
func (w *setupWalk) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		if id, ok := w.ids[name]; ok {
			return id
		}
		return name
	})
}

// setupAgents are the user agents of the guides' identity providers: an error
// has the advice for their screens.
var setupAgents = map[string]string{"connect-okta.md": "Okta SCIM Client 1.0.0", "connect-entra.md": "Microsoft.Azure.SyncFabric"}

func (w *setupWalk) ask(step setupStep) {
	w.t.Helper()
	path, body := w.fill(step.path), w.fill(step.body)
	left := placeholder.FindString(path + body)
	require.Emptyf(w.t, left, "docs/%s:%d: no answer before has %s", step.page, step.line, left)
	headers := []string{"User-Agent", setupAgents[w.doc.name]}
	for name, values := range step.headers {
		headers = append(headers, name, values[0])
	}
	a := w.send(step.method, path, body, headers...)
	if a.status != step.want.status {
		w.t.Fatalf("docs/%s:%d: %s %s: %d %v, want %d", step.page, step.line, step.method, path, a.status, a.body, step.want.status)
	}
	for name, values := range step.want.headers {
		got := a.header.Get(name)
		assert.Truef(w.t, strings.HasPrefix(got, values[0]), "docs/%s:%d: %s is %q, want %q", step.page, step.line, name, got, values[0])
	}
	if step.want.body == "" {
		return
	}
	var want any
	require.NoError(w.t, json.Unmarshal([]byte(step.want.body), &want))
	w.compare(fmt.Sprintf("docs/%s:%d", step.page, step.line), want, any(a.body))
}

// compare finds what a guide shows in an answer, which may have more members.
// Arrays must be equal. A new placeholder gets the value in its place.
func (w *setupWalk) compare(at string, want, got any) {
	w.t.Helper()
	switch want := want.(type) {
	case map[string]any:
		got, _ := got.(map[string]any)
		for name, value := range want {
			w.compare(at+"/"+name, value, got[name])
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			w.t.Errorf("%s: %v, want %v", at, got, want)
			return
		}
		for i := range want {
			w.compare(fmt.Sprintf("%s/%d", at, i), want[i], got[i])
		}
	case string:
		text, _ := got.(string)
		pattern, names := "^", []string{}
		for rest := w.fill(want); ; {
			found := placeholder.FindStringIndex(rest)
			if found == nil {
				pattern += regexp.QuoteMeta(rest) + "$"
				break
			}
			names = append(names, rest[found[0]:found[1]])
			pattern += regexp.QuoteMeta(rest[:found[0]]) + `([0-9A-Za-z-]{36})`
			rest = rest[found[1]:]
		}
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			w.t.Errorf("%s: %q, want %q", at, got, w.fill(want))
			return
		}
		for i, name := range names {
			if name != "REQUEST_ID" {
				w.ids[name] = m[i+1]
			}
		}
	default:
		assert.Truef(w.t, got == want, "%s: %v, want %v", at, got, want)
	}
}

// The base URL is that of the routes, with or without Entra's flag, and the
// attribute by which users are found is unique.
func TestSetupDocs_ConnectionMatchesTheServer(t *testing.T) {
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	okta, entra := loadSetup(t, "connect-okta.md"), loadSetup(t, "connect-entra.md")
	for _, text := range []string{okta.field(t, "SCIM connector base URL"), entra.field(t, "Tenant URL")} {
		base, err := url.Parse(text)
		if err != nil || base.Scheme != "https" || base.Path != httpapi.Prefix {
			t.Errorf("%s: the path is %q, want %q (%v)", text, base.Path, httpapi.Prefix, err)
		}
		path := "/Users?" + strings.TrimPrefix(base.RawQuery+"&filter=userName+eq+%22nobody%22", "&")
		a := s.send("GET", path, "")
		assert.Truef(t, a.status == 200 && a.body["totalResults"] == 0.0, "GET %s: %d %v", path, a.status, a.body)
	}
	key := okta.field(t, "Unique identifier field for users")
	a := schemaAttribute(t, s, setupTarget{schema: scim.CoreUserURN, name: key})
	assert.Truef(t, a != nil && a["uniqueness"] == "server", "people are looked up by %s, which is not unique: %v", key, a)
	for _, doc := range []*setupDoc{okta, entra} {
		for _, m := range regexp.MustCompile(`rct_([a-z0-9-]+)_`).FindAllStringSubmatch(doc.text, -1) {
			assert.Equalf(t, "acme", m[1], "%s: a token is of the tenant %s", doc.name, m[1])
		}
	}
	text, _ := access.Mint(s.tenant)
	assert.True(t, strings.HasPrefix(text, "rct_acme_"), "tokens do not start as the guides show them")
}

// The failures in the guides are those of the table of causes; package cause
// compares the advice.
func TestSetupDocs_FailuresMatchTheTable(t *testing.T) {
	eachSetup(t, func(t *testing.T, doc *setupDoc) {
		rows := doc.having(t, "status", "cause", "what it means", "do")
		for _, row := range rows {
			c := cause.Cause(row["cause"])
			meaning := c.Meaning()
			if !slices.Contains(cause.Causes(), c) || row["status"] != "warning" && strconv.Itoa(meaning.Status) != row["status"] {
				t.Errorf("%s is %d, want %s", c, meaning.Status, row["status"])
			}
		}
		assert.Truef(t, len(rows) >= 35, "%d causes", len(rows))
		warnings := doc.text[strings.LastIndex(doc.text, "In the log, `outcome` is `warning`"):]
		for _, m := range regexp.MustCompile("`([a-z_]+)` for").FindAllStringSubmatch(warnings, -1) {
			assert.Truef(t, slices.Contains(cause.Causes(), cause.Cause(m[1])), "unknown cause %s", m[1])
		}
		assert.NotEqual(t, 0, cause.RateLimit.Meaning().RetryAfter, "429 has no Retry-After")
		rates := fmt.Sprintf("%d requests a second unless the deployment sets another rate; at least %d are always allowed", app.DefaultTenantRate, httpapi.MinRate)
		assert.Containsf(t, strings.Join(strings.Fields(doc.text), " "), rates, "the guide does not say that a tenant may send %s", rates)
	})
}

// The settings that the guides recommend are a tenant's defaults, and the
// dialects of the identity provider are refused where the guides say so.
func TestSetupDocs_SettingsAreDefaults(t *testing.T) {
	d := tenant.DefaultSettings()
	defaults := map[string]string{
		"scimEnabled": strconv.FormatBool(!d.SCIMDisabled), "dialect": string(d.Dialects), "unknownAttributes": string(d.UnknownAttributes),
		"unknownMembers": string(d.UnknownMembers), "defaultAccountType": string(d.DefaultAccountType),
		"deletedUsers": string(d.DeletedUsers), "rehire": string(d.Rehire),
	}
	eachSetup(t, func(t *testing.T, doc *setupDoc) {
		rows := doc.having(t, "setting", "leave it at")
		for _, row := range rows {
			want := defaults[row["setting"]]
			assert.Equalf(t, row["leave it at"], want, "%s is %q by default, want %q", row["setting"], want, row["leave it at"])
		}
		assert.Lenf(t, rows, len(defaults), "%d settings, want %d", len(rows), len(defaults))
	})
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	strict := d
	strict.Dialects = tenant.DialectsRefuse
	_, text := stage.TenantWith(t, s.app.Store, "strict", 5, strict, time.Now())
	s.token = text
	user := s.must(201, "POST", "/Users", userBody(`"userName":"alice"`))
	s.must(400, "PATCH", "/Users/"+user, patchBody(`[{"op":"Replace","path":"active","value":"False"}]`))
	s.must(200, "PATCH", "/Users/"+user, patchBody(`[{"op":"replace","path":"active","value":false}]`))
}

// The requests in a guide have forms that were recorded from its identity
// provider, in internal/e2e/replay or under events/: the method, the resource, the
// names in the query, and of each operation its op, path and kind of value. A
// read by id is common to all.
func TestSetupDocs_RequestsHaveRecordedForms(t *testing.T) {
	cases, err := replay.Cases()
	require.NoError(t, err)
	eachSetup(t, func(t *testing.T, doc *setupDoc) {
		idp := strings.TrimSuffix(strings.TrimPrefix(doc.name, "connect-"), ".md")
		recorded := map[string]bool{}
		for _, c := range cases {
			if c.IdP == idp {
				for _, form := range forms(c.Method, c.Path, c.Body) {
					recorded[form] = true
				}
			}
		}
		for _, e := range loadEvents(t) {
			if !strings.HasPrefix(e.Name, idp+"/") {
				continue
			}
			var sent struct {
				RawPath, RawQueryString, Body string
				IsBase64Encoded               bool
				RequestContext                struct{ HTTP struct{ Method string } }
			}
			require.NoError(t, json.Unmarshal(e.Payload, &sent))
			body := []byte(sent.Body)
			if decoded, err := base64.StdEncoding.DecodeString(sent.Body); sent.IsBase64Encoded && err == nil {
				body = decoded
			}
			for _, form := range forms(sent.RequestContext.HTTP.Method, strings.TrimPrefix(sent.RawPath, httpapi.Prefix)+"?"+sent.RawQueryString, body) {
				recorded[form] = true
			}
		}
		for _, step := range doc.steps {
			for _, form := range forms(step.method, step.path, []byte(step.body)) {
				byID := strings.HasPrefix(form, "GET ") && strings.HasSuffix(form, "/id ")
				assert.Falsef(t, !recorded[form] && !byID, "docs/%s:%d: %s was not recorded of %s", step.page, step.line, form, idp)
			}
		}
	})
}

// forms returns the forms of a request: one, or one for each of its operations.
func forms(method, path string, body []byte) []string {
	if method == "" {
		return nil
	}
	path, query, _ := strings.Cut(path, "?")
	resource, id, one := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	form := method + " " + strings.ToLower(resource)
	if one && id != "" {
		form += "/id"
	}
	var names []string
	for name := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(name, "=")
		if name == "filter" {
			name += " " + regexp.MustCompile(`^\w+`).FindString(value)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	form += " " + strings.Join(names, ",")
	var patch struct {
		Operations []struct {
			Op, Path string
			Value    any
		}
	}
	if method != "PATCH" || json.Unmarshal(body, &patch) != nil {
		return []string{form}
	}
	var all []string
	for _, o := range patch.Operations {
		where := "nowhere"
		switch {
		case strings.HasPrefix(o.Path, "urn:"), strings.HasPrefix(o.Path, "{{extUrn}}"):
			where = "extension"
		case strings.Contains(o.Path, "["):
			where = "element"
		case o.Path == "active", o.Path == "members":
			where = o.Path
		case o.Path != "":
			where = "attribute"
		}
		all = append(all, fmt.Sprintf("%s%s at %s %T", form, strings.ToLower(o.Op), where, o.Value))
	}
	return all
}
