package watch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	rollcall "github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/logline"
)

var infra = os.DirFS(filepath.Join("..", "..", "..", "infra"))

func TestTemplate_HasWhatInfraMakes(t *testing.T) {
	want, err := Template(rollcall.Template, infra)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want, rollcall.Template), "template.yaml is out of date: make generate writes it")
	again, err := Template(want, infra)
	assert.Truef(t, err == nil && bytes.Equal(again, want), "generating it twice gives different results: %v", err)
}

// A dimension of a metric. Its value is a text or a reference.
type dimension struct {
	Name  string
	Value any
}

// A resource has the checked properties of a resource in the template.
type resource struct {
	Type       string
	Condition  string
	Properties struct {
		Namespace, MetricName string
		AlarmDescription      string
		Dimensions            []dimension
		// Metrics are those of an alarm on several, instead of one.
		Metrics []struct {
			MetricStat struct {
				Metric struct {
					Namespace, MetricName string
					Dimensions            []dimension
				}
			}
		}
		AlarmActions, OKActions any
		DashboardBody           any
		AccessLogSettings       struct{ Format string }
	}
}

func readTemplate(t *testing.T) map[string]resource {
	t.Helper()
	var template struct {
		Resources map[string]any `yaml:"Resources"`
	}
	require.NoError(t, yaml.Unmarshal(rollcall.Template, &template))
	b, err := json.Marshal(template.Resources)
	require.NoError(t, err)
	var resources map[string]resource
	require.NoError(t, json.Unmarshal(b, &resources))
	return resources
}

// Every field that a saved query uses is logged in events of that kind, and
// every cause is in the table.
func TestQueries_NameFieldsThatAreLogged(t *testing.T) {
	logged := loggedFields(t)
	logged["api.access"] = accessFields(t)
	all, err := Queries(infra)
	require.NoError(t, err)
	assert.Truef(t, len(all) >= 10, "%d queries", len(all))
	for _, q := range all {
		t.Run(q.Name, func(t *testing.T) {
			text := uncommented(q.Text)
			known := knownTo(text, logged)
			require.NotEmptyf(t, known, "nothing logs the event of %s", text)
			fields := fieldsOf(text)
			assert.NotEmpty(t, fields, "it uses no field")
			for _, field := range fields {
				assert.Truef(t, known[field], "nothing logs the field %s", field)
			}
			for _, m := range regexp.MustCompile(`cause (?:=|in) (?:"[^"]*"|\[[^\]]*\])`).FindAllString(text, -1) {
				for _, c := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(m, -1) {
					assert.Truef(t, slices.Contains(cause.Causes(), cause.Cause(c[1])), "unknown cause %s", c[1])
				}
			}
			assert.True(t, strings.Count(text, "filter") != 0 && len(q.Text) <= 10_000, "it reads every line, or is longer than CloudWatch accepts")
		})
	}
}

// knownTo returns the fields of the events that a query names, of all if it names none.
func knownTo(query string, logged map[string]map[string]bool) map[string]bool {
	events := regexp.MustCompile(`event = "([\w.]+)"`).FindAllStringSubmatch(query, -1)
	known := map[string]bool{}
	for kind, fields := range logged {
		if events == nil || slices.ContainsFunc(events, func(event []string) bool { return event[1] == kind }) {
			maps.Copy(known, fields)
		}
	}
	return known
}

func TestFieldsOf(t *testing.T) {
	got := fieldsOf(`fields @timestamp, coalesce(a, b) as c | filter d = "e f" and g like /h i/ or (not ispresent(j)) | filter k in ["l"]
| stats count(*) as n, pct(m, 95) as p95 by bin(5m), c | sort n desc | limit 20 | display @message, o`)
	want := []string{"a", "b", "d", "g", "j", "k", "m", "o"}
	assert.Truef(t, slices.Equal(got, want), "got %v, want %v", got, want)
}

var words = []string{
	"fields", "filter", "stats", "sort", "display", "limit", "by", "as", "and", "or", "not", "in", "like", "asc", "desc",
}

// fieldsOf returns the fields that a query reads, without those it computes.
func fieldsOf(text string) []string {
	text = regexp.MustCompile(`"[^"]*"|/[^/]*/`).ReplaceAllString(text, " 0 ")
	made := map[string]bool{}
	for _, m := range regexp.MustCompile(`\bas (\w+)`).FindAllStringSubmatch(text, -1) {
		made[m[1]] = true
	}
	var fields []string
	for _, m := range regexp.MustCompile(`(\d\w*|@?[A-Za-z_][\w.]*)(\(?)`).FindAllStringSubmatch(text, -1) {
		name := m[1]
		isFunction := m[2] == "(" && !slices.Contains(words, name)
		if isFunction || made[name] || slices.Contains(words, name) || name[0] == '@' || name[0] >= '0' && name[0] <= '9' {
			continue
		}
		fields = append(fields, name)
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

func uncommented(text string) string {
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(text, "")
}

// accessFields returns the fields of API Gateway's access log.
func accessFields(t *testing.T) map[string]bool {
	t.Helper()
	var line map[string]string
	format := readTemplate(t)["ApiStage"].Properties.AccessLogSettings.Format
	err := json.Unmarshal([]byte(format), &line)
	require.NoErrorf(t, err, "%v in %q", err, format)
	fields := map[string]bool{}
	for name := range line {
		fields[name] = true
	}
	return fields
}

// Alarms and the dashboard use metrics that the code emits, with their
// dimensions; never by tenant.
func TestMetrics_AreThoseThatTheCodeMakes(t *testing.T) {
	made := loggedMetrics(t)
	r := readTemplate(t)
	looked := 0
	check := func(where, name string, dimensions, values []string) {
		t.Helper()
		looked++
		assert.Truef(t, made[name+" by "+strings.Join(dimensions, ",")], "%s: nothing emits %s by %v", where, name, dimensions)
		for i, d := range dimensions {
			assert.Falsef(t, d == logline.Cause && !slices.Contains(cause.Causes(), cause.Cause(values[i])), "%s: unknown cause %s", where, values[i])
		}
	}
	for name, resource := range r {
		p := resource.Properties
		for _, m := range p.Metrics {
			if of := m.MetricStat.Metric; of.Namespace == logline.Namespace {
				dimensions, values := split(of.Dimensions)
				check(name, of.MetricName, dimensions, values)
			}
		}
		if resource.Type == "AWS::CloudWatch::Alarm" && p.Namespace == logline.Namespace {
			dimensions, values := split(p.Dimensions)
			check(name, p.MetricName, dimensions, values)
		}
		for _, m := range regexp.MustCompile(`saved query ([\w-]+)`).FindAllStringSubmatch(p.AlarmDescription, -1) {
			_, err := os.Stat(filepath.Join("..", "..", "..", "infra", "queries", m[1]+".logs"))
			assert.NoErrorf(t, err, "%s", name)
		}
	}
	for _, w := range dashboardWidgets(t, r) {
		metrics, _ := w["metrics"].([]any)
		for _, m := range metrics {
			metric, _ := m.([]any)
			if metric[0] == logline.Namespace {
				var texts []string
				for _, v := range metric[1:] {
					if text, ok := v.(string); ok {
						texts = append(texts, text)
					}
				}
				var dimensions, values []string
				for i := 1; i+1 < len(texts); i += 2 {
					dimensions, values = append(dimensions, texts[i]), append(values, texts[i+1])
				}
				check("the dashboard", texts[0], dimensions, values)
			}
			if e, ok := metric[0].(map[string]any); ok {
				m := regexp.MustCompile(`^SEARCH\('\{rollcall,([\w,]+)\} .*MetricName="(\w+)"`).FindStringSubmatch(e["expression"].(string))
				if m == nil {
					t.Errorf("the dashboard: %v", e)
					continue
				}
				check("the dashboard", m[2], strings.Split(m[1], ","), []string{"", "internal"})
			}
		}
		if query, ok := w["query"].(string); ok {
			logged := loggedFields(t)
			for _, field := range fieldsOf(regexp.MustCompile(`SOURCE '[^']*' \| `).ReplaceAllString(query, "")) {
				assert.Truef(t, knownTo(query, logged)[field], "the dashboard: nothing logs the field %s", field)
			}
		}
	}
	assert.Truef(t, looked >= 8, "only %d metrics are used", looked)
	for metric := range made {
		assert.NotContainsf(t, strings.ToLower(metric), "tenant", "a tenant is a dimension: %s", metric)
	}
}

// split returns the names and the values of dimensions.
func split(of []dimension) (names, values []string) {
	for _, d := range of {
		names, values = append(names, d.Name), append(values, fmt.Sprint(d.Value))
	}
	return names, values
}

// dashboardWidgets returns the properties of the dashboard's widgets.
func dashboardWidgets(t *testing.T, r map[string]resource) []map[string]any {
	t.Helper()
	body, _ := r["ServiceDashboard"].Properties.DashboardBody.([]any)
	require.Truef(t, len(body) == 2 && r["ServiceDashboard"].Condition == "HasDashboard", "dashboard %v", body)
	var board struct {
		Widgets []struct{ Properties map[string]any }
	}
	require.NoError(t, json.Unmarshal([]byte(body[0].(string)), &board))
	var all []map[string]any
	for _, w := range board.Widgets {
		all = append(all, w.Properties)
	}
	assert.NotEmpty(t, all, "the dashboard is empty")
	return all
}

const streamFunction = `
  ReaderFunction:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 1

  ReaderMapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      StartingPosition: LATEST

  Other:
`

// Every function has the alarms of its kind, and one that nothing invokes has none.
func TestFunctionAlarms_FollowTheKindOfFunction(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "infra", "function-alarms.yaml"))
	require.NoError(t, err)
	alarms := func(template string) []string {
		made, err := functionAlarms(string(text), []byte(template))
		require.NoError(t, err)
		return names([]byte(indented(made, 2)), "Alarm")
	}
	assert.Equal(t, []string{"ReaderBehind", "ReaderErrors", "ReaderThrottles"}, alarms(streamFunction))
	assert.Equal(t, []string{"ReaderErrors", "ReaderThrottles"}, alarms(strings.Replace(streamFunction, "StartingPosition", "BatchSize", 1)), "of a queue")
	idle := strings.Replace(streamFunction, "  ReaderMapping:", "  OtherMapping:", 1)
	assert.Empty(t, alarms(idle))
	assert.Equal(t, []string{"ReaderErrors", "ReaderMissing", "ReaderThrottles"}, alarms(strings.Replace(idle, "      Timeout: 1\n", "      Events:\n        Every:\n          Type: Schedule\n", 1)))
	assert.Equal(t, []string{"ReaderCanary", "ReaderErrors", "ReaderThrottles"}, alarms(idle+"  ReaderIntegration:\n"))
	made, err := functionAlarms(string(text), []byte(strings.Replace(streamFunction, "    Properties:", "    Condition: HasReader\n    Properties:", 1)))
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(made, "  Condition: HasAlarmsAndReader\n"), "an alarm of a function that may not exist")
	assert.NotContains(t, made, "  Condition: HasAlarms\n")
	_, err = functionAlarms("#\n\n# for: some\nA:\n", nil)
	assert.ErrorContains(t, err, "for: some")
}

// The runbook has every cause, every saved query and every alarm, and no
// others.
func TestRunbook_IsWhole(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "how-to", "runbook.md"))
	require.NoError(t, err)
	runbook := string(b)
	documented, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "reference", "log-events.md"))
	require.NoError(t, err)
	queries, err := Queries(infra)
	require.NoError(t, err)
	var saved []string
	for _, q := range queries {
		saved = append(saved, q.Name)
	}
	for _, c := range cause.Causes() {
		rows := regexp.MustCompile(`(?m)^\|[^|\n]+\|[^|\n]+\| \[`+"`"+string(c)+"`"+`\]\(\.\./reference/causes\.md#`+string(c)+`\) \|[^|\n]+\|$`).FindAllString(runbook, -1)
		if len(rows) != 1 {
			t.Errorf("the runbook has %d rows of %s, of the form | symptom | query | cause | what to do |", len(rows), c)
			continue
		}
		query := regexp.MustCompile("`([\\w-]+)`").FindStringSubmatch(strings.Split(rows[0], "|")[2])
		assert.Truef(t, query != nil && slices.Contains(saved, query[1]), "%s: unknown query %v", c, query)
	}
	for _, m := range regexp.MustCompile(`\]\(\.\./reference/causes\.md#(\w+)\)`).FindAllStringSubmatch(runbook, -1) {
		assert.Truef(t, slices.Contains(cause.Causes(), cause.Cause(m[1])), "the runbook has %s, which is not a cause", m[1])
	}
	for _, name := range saved {
		assert.Containsf(t, string(documented), "`"+name+"`", "docs/reference/log-events.md does not have the query %s", name)
	}
	alarms := 0
	for name, r := range readTemplate(t) {
		if r.Type != "AWS::CloudWatch::Alarm" {
			continue
		}
		alarms++
		assert.Truef(t, r.Properties.AlarmActions != nil && reflect.DeepEqual(r.Properties.AlarmActions, r.Properties.OKActions), "%s does not say that all is well again", name)
		assert.Containsf(t, runbook, "`"+name+"`", "the runbook does not have the alarm %s", name)
	}
	assert.Truef(t, alarms >= 10, "%d alarms", alarms)
}

// docs/reference/log-events.md has every field that is logged.
func TestFields_AreDocumented(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "reference", "log-events.md"))
	require.NoError(t, err)
	for event, fields := range loggedFields(t) {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			assert.Containsf(t, string(b), "`"+name+"`", "docs/reference/log-events.md does not have %s of %s", name, event)
		}
	}
}
