// Package watch turns the files under infra/ into the part of template.yaml
// that monitors a deployment: saved queries, the dashboard, alarms. Only tests
// and make use it; nothing deployed links it.
//
// CloudFormation can include files only from a bucket, so the resources are in
// template.yaml itself, and a test checks that both agree.
package watch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// The lines of template.yaml around the generated part.
const (
	first = "  # ---- monitoring: generated from infra/ by go generate; do not edit ---------\n"
	last  = "  # ---- end of the part generated from infra/ ------------------------------------\n"
)

// A Query is a saved query of CloudWatch Logs Insights: a file under
// infra/queries. Its first lines are comments: the title, where to search if
// not in the functions that serve SCIM, and what the query shows.
type Query struct {
	// Name is the name of the file, without its extension.
	Name string
	// Title is its first line.
	Title string
	// Text is the whole text.
	Text string
	// In is where to search: "", all, Api, or a function.
	In string
}

// Queries reads infra/queries.
func Queries(infra fs.FS) ([]Query, error) {
	files, err := fs.Glob(infra, "queries/*.logs")
	if err != nil {
		return nil, err
	}
	var all []Query
	for _, file := range files {
		text, err := fs.ReadFile(infra, file)
		if err != nil {
			return nil, err
		}
		q := Query{Name: strings.TrimSuffix(strings.TrimPrefix(file, "queries/"), ".logs"), Text: string(text)}
		for line := range strings.Lines(q.Text) {
			comment, ok := strings.CutPrefix(line, "# ")
			if !ok {
				break
			}
			comment = strings.TrimSpace(comment)
			if in, ok := strings.CutPrefix(comment, "in: "); ok {
				q.In = in
			} else if q.Title == "" {
				q.Title = comment
			}
		}
		if q.Title == "" {
			return nil, fmt.Errorf("watch: %s does not begin with its title", file)
		}
		all = append(all, q)
	}
	return all, nil
}

// Template returns the template with its generated part updated from infra/.
func Template(template []byte, infra fs.FS) ([]byte, error) {
	before, rest, ok := bytes.Cut(template, []byte(first))
	_, after, end := bytes.Cut(rest, []byte(last))
	if !ok || !end {
		return nil, fmt.Errorf("watch: template.yaml lacks the lines %q and %q", first, last)
	}
	block, err := block(slices.Concat(before, after), infra)
	if err != nil {
		return nil, err
	}
	return slices.Concat(before, []byte(first), block, []byte(last), after), nil
}

// names returns the resources of a template whose names end in a word.
func names(template []byte, kind string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^  ([A-Z]\w*)`+kind+`:$`).FindAllSubmatch(template, -1) {
		all = append(all, string(m[1]))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// notSCIM are the functions that serve identity providers neither SCIM nor tokens.
var notSCIM = []string{"Admin", "Sweep", "Hook", "Feed", "Deliver"}

// conditional returns the condition under which a function exists, "" for always.
func conditional(resource string) string {
	m := regexp.MustCompile(`(?m)^    Condition: (\w+)$`).FindStringSubmatch(resource)
	if m == nil {
		return ""
	}
	return m[1]
}

// groups returns the log groups that a query searches.
func groups(q Query, template []byte) ([]string, error) {
	functions := names(template, "Function")
	var wanted []string
	switch q.In {
	case "all":
		wanted = append(functions, "Api")
	case "":
		for _, f := range functions {
			if !slices.Contains(notSCIM, f) {
				wanted = append(wanted, f)
			}
		}
	default:
		wanted = []string{q.In}
	}
	there := names(template, "LogGroup")
	for i, name := range wanted {
		if !slices.Contains(there, name) {
			return nil, fmt.Errorf("watch: %s searches %sLogGroup, which template.yaml does not have", q.Name, name)
		}
		wanted[i] = name + "LogGroup"
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("watch: %s searches no log group", q.Name)
	}
	return wanted, nil
}

func block(template []byte, infra fs.FS) ([]byte, error) {
	var b bytes.Buffer
	queries, err := Queries(infra)
	if err != nil {
		return nil, err
	}
	for _, q := range queries {
		in, err := groups(q, template)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "  %sQuery:\n    Type: AWS::Logs::QueryDefinition\n    Properties:\n", camel(q.Name))
		fmt.Fprintf(&b, "      Name: !Sub ${AWS::StackName}/%s\n      LogGroupNames:\n", q.Name)
		for _, group := range in {
			fmt.Fprintf(&b, "        - !Ref %s\n", group)
		}
		fmt.Fprintf(&b, "      QueryString: |\n%s\n", indented(q.Text, 8))
	}
	dashboard, err := dashboard(template, infra, queries)
	if err != nil {
		return nil, err
	}
	b.WriteString(`  ServiceDashboard:
    Type: AWS::CloudWatch::Dashboard
    Condition: HasDashboard
    Properties:
      DashboardName: !Sub ${AWS::StackName}
      DashboardBody: !Sub
        - |
`)
	b.WriteString(indented(dashboard, 10))
	b.WriteString("        - TableName: !If [HasExistingTable, !Ref ExistingTable, !Ref Table]\n")
	for _, name := range names(template, "Function") {
		if condition := conditional(resourceOf(template, name+"Function")); condition != "" {
			fmt.Fprintf(&b, "          %[1]sFunction: !If [%[2]s, !Ref %[1]sFunction, none]\n", name, condition)
		}
	}
	b.WriteString("\n")
	alarms, err := alarms(template, infra)
	b.WriteString(alarms)
	return b.Bytes(), err
}

// alarms returns the alarms of a deployment, and of its functions.
func alarms(template []byte, infra fs.FS) (string, error) {
	text, err := fs.ReadFile(infra, "alarms.yaml")
	if err != nil {
		return "", err
	}
	_, all, _ := strings.Cut(string(text), "\n\n") // after the comment about the file
	if text, err = fs.ReadFile(infra, "function-alarms.yaml"); err != nil {
		return "", err
	}
	ofEach, err := functionAlarms(string(text), template)
	return indented(all, 2) + "\n" + indented(ofEach, 2), err
}

// An invoked function has what invokes it: an integration of API Gateway, a schedule, a mapping
// of a stream or a queue.
type invoked struct{ served, scheduled, streamed, queued bool }

// A kind of function has alarms of its own in infra/function-alarms.yaml. It reports whether a
// function is of the kind.
type kind func(by invoked) bool

var kinds = map[string]kind{
	"all":       func(by invoked) bool { return by != invoked{} },
	"served":    func(by invoked) bool { return by.served },
	"scheduled": func(by invoked) bool { return by.scheduled },
	"stream":    func(by invoked) bool { return by.streamed },
}

// invokedBy returns what invokes the function of a name.
func invokedBy(template []byte, name string) invoked {
	mapping := resourceOf(template, name+"Mapping")
	return invoked{
		served:    slices.Contains(names(template, "Integration"), name),
		scheduled: strings.Contains(resourceOf(template, name+"Function"), "\n          Type: Schedule\n"),
		streamed:  strings.Contains(mapping, "\n      StartingPosition: "),
		queued:    mapping != "" && !strings.Contains(mapping, "\n      StartingPosition: "),
	}
}

// resourceOf returns the text of a resource, with an empty line after it; "" if there is none.
func resourceOf(template []byte, name string) string {
	_, resource, ok := strings.Cut(string(template), "\n  "+name+":\n")
	if !ok {
		return ""
	}
	resource, _, _ = strings.Cut(resource, "\n\n")
	return resource + "\n"
}

// functionAlarms returns the alarms of infra/function-alarms.yaml for the functions of a template.
func functionAlarms(text string, template []byte) (string, error) {
	_, text, _ = strings.Cut(text, "\n\n") // after the comment about the file
	var b strings.Builder
	for alarm := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n\n") {
		head, alarm, _ := strings.Cut(alarm, "\n")
		is := kinds[strings.TrimPrefix(head, "# for: ")]
		if is == nil {
			return "", fmt.Errorf("watch: function-alarms.yaml: %q does not name a kind of function", head)
		}
		for _, name := range names(template, "Function") {
			if !is(invokedBy(template, name)) {
				continue
			}
			text := strings.NewReplacer("{Name}", name, "{name}", strings.ToLower(name)).Replace(alarm)
			if condition := conditional(resourceOf(template, name+"Function")); condition != "" {
				text = strings.Replace(text, "  Condition: HasAlarms\n", "  Condition: HasAlarmsAnd"+strings.TrimPrefix(condition, "Has")+"\n", 1)
			}
			b.WriteString(text + "\n\n")
		}
	}
	return b.String(), nil
}

// dashboard returns infra/dashboard.json with its queries and functions filled
// in.
func dashboard(template []byte, infra fs.FS, queries []Query) (string, error) {
	text, err := fs.ReadFile(infra, "dashboard.json")
	if err != nil {
		return "", err
	}
	var body struct {
		Widgets []map[string]any `json:"widgets"`
	}
	if err := json.Unmarshal(text, &body); err != nil {
		return "", fmt.Errorf("watch: dashboard.json: %w", err)
	}
	for _, w := range body.Widgets {
		properties, _ := w["properties"].(map[string]any)
		if named, ok := properties["query"].(string); ok {
			i := slices.IndexFunc(queries, func(q Query) bool { return "QUERY "+q.Name == named })
			if i < 0 {
				return "", fmt.Errorf("watch: dashboard.json: unknown name %s", named)
			}
			in, err := groups(queries[i], template)
			if err != nil {
				return "", err
			}
			for j, group := range in {
				in[j] = "SOURCE '${" + group + "}'"
			}
			properties["query"] = strings.Join(in, " | ") + " | " + statement(queries[i].Text)
		}
		if metrics, ok := properties["metrics"].([]any); ok {
			properties["metrics"] = ofFunctions(metrics, slices.DeleteFunc(names(template, "Function"), func(f string) bool { return f == "Hook" }))
		}
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(body); err != nil {
		return "", err
	}
	return b.String(), nil
}

// ofFunctions returns a widget's metrics with FUNCTIONS replaced by the metric of each
// function.
func ofFunctions(metrics []any, functions []string) []any {
	var all []any
	for _, m := range metrics {
		metric, _ := m.([]any)
		if len(metric) != 2 || metric[0] != "FUNCTIONS" {
			all = append(all, m)
			continue
		}
		for _, function := range functions {
			all = append(all, []any{
				"AWS/Lambda", metric[1], "FunctionName", "${" + function + "Function}",
				map[string]string{"label": fmt.Sprintf("%s %s", strings.ToLower(function), strings.ToLower(metric[1].(string)))},
			})
		}
	}
	return all
}

// statement returns a query in one line, without its comments.
func statement(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			words = append(words, strings.Fields(line)...)
		}
	}
	return strings.Join(words, " ")
}

// camel returns a file's name as a resource's name.
func camel(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func indented(text string, by int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(strings.Repeat(" ", by))
		}
		b.WriteString(line)
	}
	return b.String()
}
