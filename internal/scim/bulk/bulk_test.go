package bulk

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

func bulkBody(rest string) []byte {
	return []byte(`{"schemas":["` + scim.BulkRequestURN + `"],` + rest + `}`)
}

func TestDecodeBulk_RefusesTheWholeRequest(t *testing.T) {
	for _, c := range []struct {
		name, body string
		kind       scim.ErrorType
		says       string
	}{
		{"no object", `[]`, scim.InvalidSyntax, "JSON object"},
		{"no operations", `{"schemas":["` + scim.BulkRequestURN + `"]}`, scim.InvalidSyntax, "Operations is missing"},
		{"operations are no array", string(bulkBody(`"Operations":{}`)), scim.InvalidSyntax, "Operations must be an array"},
		{"operations are null", string(bulkBody(`"Operations":null`)), scim.InvalidSyntax, "Operations must be an array"},
		{"an operation is no object", string(bulkBody(`"Operations":[{},7]`)), scim.InvalidSyntax, "Operation 2: an operation must be an object, not a number"},
		{"another schema", `{"schemas":["` + scim.PatchURN + `"],"Operations":[]}`, scim.InvalidSyntax, scim.BulkRequestURN},
		{"schemas are an object", `{"schemas":{"a":"` + scim.BulkRequestURN + `"},"Operations":[]}`, scim.InvalidSyntax, "schemas must be an array"},
		{"schemas are another one as a text", `{"schemas":"` + scim.PatchURN + `","Operations":[]}`, scim.InvalidSyntax, scim.BulkRequestURN},
		{"a misspelled failOnErrors", string(bulkBody(`"failOnError":1,"Operations":[]`)), scim.InvalidSyntax, "failOnError"},
		{"failOnErrors is a text", string(bulkBody(`"failOnErrors":"1","Operations":[]`)), scim.InvalidValue, "failOnErrors"},
		{"failOnErrors is below 0", string(bulkBody(`"failOnErrors":-1,"Operations":[]`)), scim.InvalidValue, "failOnErrors"},
		{"failOnErrors is a fraction", string(bulkBody(`"failOnErrors":1.5,"Operations":[]`)), scim.InvalidValue, "failOnErrors"},
		{"a name twice", `{"Operations":[],"operations":[]}`, scim.InvalidSyntax, "same name twice"},
		{"a name twice in data", string(bulkBody(`"Operations":[{"data":{"a":1,"A":2}}]`)), scim.InvalidSyntax, "same name twice"},
		{"too deep", string(bulkBody(`"Operations":[{"data":` + strings.Repeat(`{"a":`, 17) + `1` + strings.Repeat(`}`, 17) + `}]`)), scim.InvalidSyntax, "nests deeper than 16"},
		{"bad UTF-8", string(bulkBody(`"Operations":[{"path":"` + "\xff" + `"}]`)), scim.InvalidSyntax, "UTF-8"},
		{"something after its end", string(bulkBody(`"Operations":[]`)) + "{}", scim.InvalidSyntax, "after its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _, err := Decode([]byte(c.body))
			var e *scim.Error
			assert.Truef(t, errors.As(err, &e) && e.Type == c.kind && strings.Contains(e.Detail, c.says), "%+v, %v; want %s with %q", b, err, c.kind, c.says)
		})
	}
}

func TestDecodeBulk_ReadsWhatIsSent(t *testing.T) {
	b, notices, err := Decode([]byte(`{"SCHEMAS":["` + scim.BulkRequestURN + `"],"failonerrors":2,"operations":[
		{"Method":"POST","PATH":"/Users","bulkid":"a","data":{"userName":"x"},"version":"W/\"1\""},
		{"method":"DELETE","path":"/Users/1","version":"W/\"1\"","data":{"ignored":true}},
		{"method":"PUT","path":"/Users/1","data":"{\"userName\":\"x\"}","location":null,"maxResourceLevel":0},
		{"method":"PATCH","path":"/Users/1","data":` + strings.Repeat(`{"a":`, 16) + `1` + strings.Repeat(`}`, 16) + `}]}`))
	require.NoError(t, err)
	require.Truef(t, b.FailOnErrors == 2 && len(b.Operations) == 4, "%+v", b)
	for i, o := range b.Operations {
		assert.Nilf(t, o.Fault, "operation %d", i+1)
	}
	post, remove, put := b.Operations[0], b.Operations[1], b.Operations[2]
	if post.Method != "POST" || post.Path != "/Users" || post.BulkID != "a" || post.Data["userName"] != "x" || post.Version != nil {
		t.Errorf("POST: %+v", post)
	}
	assert.Truef(t, remove.Version != nil && *remove.Version == `W/"1"` && remove.Data == nil, "DELETE: %+v", remove)
	assert.Truef(t, put.Data["userName"] == "x", "PUT with data in a text: %+v", put)
	want := []scim.Notice{{Kind: scim.NoticeStringifiedValue, Attribute: "Operations.data"}, {Kind: scim.NoticeUnknownAttribute, Attribute: "Operations.maxResourceLevel"}}
	for _, n := range want {
		assert.Truef(t, slices.Contains(notices, n), "notices %v lack %v", notices, n)
	}
	assert.Lenf(t, notices, len(want), "notices %v, want %v", notices, want)
	if b, _, err = Decode(bulkBody(`"failOnErrors":0,"Operations":[]`)); err != nil || b.FailOnErrors != 0 {
		t.Errorf("failOnErrors 0: %+v, %v", b, err)
	}
}

func TestDecodeBulk_TellsTheFaultOfAnOperation(t *testing.T) {
	for _, c := range []struct {
		name, operation string
		kind            scim.ErrorType
		says            string
	}{
		{"no method", `{"path":"/Users","bulkId":"a","data":{}}`, scim.InvalidValue, "method"},
		{"GET", `{"method":"GET","path":"/Users/1"}`, scim.InvalidValue, "method"},
		{"a method in lower case", `{"method":"post","path":"/Users","bulkId":"a","data":{}}`, scim.InvalidValue, "upper case"},
		{"a method that is a number", `{"method":1,"path":"/Users"}`, scim.InvalidSyntax, "method must be a string"},
		{"no path", `{"method":"DELETE"}`, scim.InvalidSyntax, "path is missing"},
		{"a path that is null", `{"method":"DELETE","path":null}`, scim.InvalidSyntax, "path is missing"},
		{"a POST without bulkId", `{"method":"POST","path":"/Users","data":{}}`, scim.InvalidValue, "bulkId"},
		{"a bulkId that is too long", `{"method":"POST","path":"/Users","bulkId":"` + strings.Repeat("b", 129) + `","data":{}}`, scim.InvalidValue, "128 bytes"},
		{"a bulkId with a control character", `{"method":"POST","path":"/Users","bulkId":"a\n","data":{}}`, scim.InvalidValue, "control"},
		{"a bulkId that is a number", `{"method":"POST","path":"/Users","bulkId":1,"data":{}}`, scim.InvalidSyntax, "bulkId must be a string"},
		{"a POST without data", `{"method":"POST","path":"/Users","bulkId":"a"}`, scim.InvalidSyntax, "data is missing"},
		{"a PUT without data", `{"method":"PUT","path":"/Users/1","data":null}`, scim.InvalidSyntax, "data is missing"},
		{"a PATCH whose data is an array", `{"method":"PATCH","path":"/Users/1","data":[]}`, scim.InvalidSyntax, "an array"},
		{"data that is a text", `{"method":"PUT","path":"/Users/1","data":"x"}`, scim.InvalidSyntax, "not a string"},
		{"data that is a text with an array", `{"method":"PUT","path":"/Users/1","data":"[]"}`, scim.InvalidSyntax, "not a string"},
		{"a version that is a number", `{"method":"DELETE","path":"/Users/1","version":3}`, scim.InvalidSyntax, "version must be a string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _, err := Decode(bulkBody(`"Operations":[` + c.operation + `,{"method":"DELETE","path":"/Users/1"}]`))
			require.NoError(t, err)
			f := b.Operations[0].Fault
			assert.Truef(t, f != nil && f.Type == c.kind && strings.Contains(f.Detail, c.says), "%v, want %s with %q", f, c.kind, c.says)
			assert.Nil(t, b.Operations[1].Fault, "the other operation")
		})
	}
}

// planned decodes and plans operations.
func planned(t testing.TB, operations string) (*Plan, error) {
	t.Helper()
	b, _, err := Decode(bulkBody(`"Operations":` + operations))
	require.NoError(t, err)
	return NewPlan(b, bulkTestType)
}

var bulkTestTypes = []*schema.ResourceType{scimtest.UserType(), schema.GroupType()}

func bulkTestType(o *Operation) *schema.ResourceType {
	for _, rt := range bulkTestTypes {
		if strings.HasPrefix(o.Endpoint(), rt.Endpoint) {
			return rt
		}
	}
	return nil
}

// steps lists the steps of a plan, from 1; a second step has a +.
func steps(p *Plan) string {
	var out []string
	for _, s := range p.Steps {
		text := fmt.Sprint(s.Operation + 1)
		if s.Completes {
			text += "+"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func TestPlanBulk_Orders(t *testing.T) {
	user := func(id, rest string) string {
		return `{"method":"POST","path":"/Users","bulkId":"` + id + `","data":{"userName":"` + id + `"` + rest + `}}`
	}
	manager := func(ref string) string {
		return `,"` + scim.EnterpriseURN + `":{"manager":{"value":"bulkId:` + ref + `"}}`
	}
	for _, c := range []struct{ name, operations, want string }{
		{"nothing refers: as sent", user("a", "") + `,{"method":"DELETE","path":"/Users/1"},` + user("b", ""), "1 2 3"},
		{"backward: as sent", user("a", "") + `,` + user("b", manager("a")), "1 2"},
		{"forward: waits", user("b", manager("a")) + `,` + user("a", ""), "2 1"},
		{"forward: performed before later operations", user("b", manager("a")) + `,` + user("a", "") + `,` + user("c", ""), "2 1 3"},
		{"forward: performed after earlier operations", user("b", manager("a")) + `,{"method":"DELETE","path":"/Users/1"},` + user("a", ""), "2 3 1"},
		{"a chain of forward references", user("c", manager("b")) + `,` + user("b", manager("a")) + `,` + user("a", ""), "3 2 1"},
		{"in a path", `{"method":"DELETE","path":"/Users/bulkId:a"},` + user("a", ""), "2 1"},
		{"in the members of a group", `{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"g","members":[{"value":"x"},{"value":"bulkId:a"}]}},` + user("a", ""), "2 1"},
		{"in the $ref of a member", `{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"g","members":[{"$ref":"../Users/bulkId:a"}]}},` + user("a", ""), "2 1"},
		{"in the value of a PATCH", `{"method":"PATCH","path":"/Groups/1","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"bulkId:a"}]}]}},` + user("a", ""), "2 1"},
		{"in the filter of a PATCH", `{"method":"PATCH","path":"/Groups/1","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:a\"]"}]}},` + user("a", ""), "2 1"},
		{
			"on the same resource: in the order sent",
			`{"method":"PATCH","path":"/Groups/1","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"bulkId:a"}]}]}},{"method":"DELETE","path":"/Groups/1"},{"method":"DELETE","path":"/Groups/2"},` + user("a", ""),
			"3 4 1 2",
		},
		{"two refer to each other", user("a", manager("b")) + `,` + user("b", manager("a")), "1 2 1+"},
		{"one refers to itself", user("a", manager("a")), "1 1+"},
		{"three in a circle", user("a", manager("b")) + `,` + user("b", manager("c")) + `,` + user("c", manager("a")), "1 3 2 1+"},
		{"two circles", user("a", manager("b")) + `,` + user("b", manager("a")) + `,` + user("c", manager("d")) + `,` + user("d", manager("c")), "1 2 1+ 3 4 3+"},
		{"after a circle", `{"method":"POST","path":"/Groups","bulkId":"g","data":{"members":[{"value":"bulkId:b"}]}},` + user("a", manager("b")) + `,` + user("b", manager("a")), "2 3 2+ 1"},
		{"before a circle", user("a", manager("b")) + `,` + user("b", `,"x":{"value":"bulkId:c"},"`+scim.EnterpriseURN+`":{"manager":{"value":"bulkId:a","$ref":"/Users/bulkId:c"}}`) + `,` + user("c", ""), "1 3 2 1+"},
		{"a read-only attribute refers to nothing", user("a", `,"groups":[{"value":"bulkId:g"}]`) + `,{"method":"POST","path":"/Groups","bulkId":"g","data":{"members":[{"value":"bulkId:a"}]}}`, "1 2"},
		{"an unknown attribute refers to nothing", user("a", `,"boss":{"value":"bulkId:b"}`) + `,` + user("b", `,"boss":{"value":"bulkId:a"}`), "1 2"},
		{"a password is no reference", user("a", `,"password":"bulkId:b"`) + `,` + user("b", ""), "1 2"},
		{"a path that is refused refers to nothing", `{"method":"POST","path":"/Devices","bulkId":"d","data":{"value":"bulkId:a"}},` + user("a", ""), "1 2"},
		{"an operation with a fault is waited for all the same", user("b", manager("a")) + `,{"method":"POST","path":"/Users","bulkId":"a"}`, "2 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := planned(t, `[`+c.operations+`]`)
			require.NoError(t, err)
			assert.Equal(t, c.want, steps(p), "steps")
		})
	}
}

func TestPlanBulk_RefusesABulkIDThatIsThereTwice(t *testing.T) {
	post := `{"method":"POST","path":"/Users","bulkId":"a","data":{}}`
	_, err := planned(t, `[`+post+`,{"method":"DELETE","path":"/Users/1","bulkId":"a"},`+post+`]`)
	var e *scim.Error
	assert.Truef(t, errors.As(err, &e) && e.Type == scim.InvalidValue && strings.Contains(e.Detail, "operations 1 and 3"), "%v", err)
}

func TestBulkPlan_PutsIDsIn(t *testing.T) {
	ids := map[string]string{"a": "id-a", "b": "id-b", "": "id-empty"}
	for _, c := range []struct{ name, operation, path, body string }{
		{
			"a resource and its extensions",
			`{"method":"POST","path":"/Users","bulkId":"x","data":{"userName":"bulkId:a","title":"see bulkId:a","` + scim.EnterpriseURN + `":{"department":"bulkId","manager":{"value":"bulkId:a","$ref":"https://h/scim/v2/Users/bulkId:a","displayName":"n"}}}}`,
			"/Users",
			`{"userName":"id-a","title":"see bulkId:a","` + scim.EnterpriseURN + `":{"department":"bulkId","manager":{"value":"id-a","$ref":"https://h/scim/v2/Users/id-a","displayName":"n"}}}`,
		},
		{
			"behind the URN of the schema",
			`{"method":"PUT","path":"/Users/7","data":{"` + scim.EnterpriseURN + `:manager":{"value":"bulkId:a"},"groups":[{"value":"bulkId:a"}]}}`,
			"/Users/7",
			`{"` + scim.EnterpriseURN + `:manager":{"value":"id-a"},"groups":[{"value":"bulkId:a"}]}`,
		},
		{
			"members in all forms",
			`{"method":"POST","path":"/Groups","bulkId":"x","data":{"members":[{"value":"bulkId:a","type":"User"},"bulkId:b",{"$ref":"bulkId:b"},{"value":"c"}]}}`,
			"/Groups",
			`{"members":[{"value":"id-a","type":"User"},"id-b",{"$ref":"id-b"},{"value":"c"}]}`,
		},
		{
			"the operations of a PATCH",
			`{"method":"PATCH","path":"/Groups/bulkId:b","data":{"operations":[{"op":"add","Path":"members","Value":{"value":"bulkId:a"}},{"op":"remove","path":"members[value eq \"bulkId:a\" or value eq \"bulkId:b\"]"},{"op":"replace","path":"displayName","value":"bulkId:a"},{"op":"add","path":"password","value":"bulkId:a"},{"op":"add","value":{"password":"bulkId:a"}}]}}`,
			"/Groups/id-b",
			`{"operations":[{"op":"add","Path":"members","Value":{"value":"id-a"}},{"op":"remove","path":"members[value eq \"id-a\" or value eq \"id-b\"]"},{"op":"replace","path":"displayName","value":"id-a"},{"op":"add","path":"password","value":"bulkId:a"},{"op":"add","value":{"password":"bulkId:a"}}]}`,
		},
		{"a path alone", `{"method":"DELETE","path":"/Users/bulkId:a"}`, "/Users/id-a", ``},
		{"a path in its escaped form", `{"method":"DELETE","path":"/Users/bulkId:%61"}`, "/Users/id-a", ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			post := `{"method":"POST","path":"/Users","bulkId":"a","data":{}},{"method":"POST","path":"/Users","bulkId":"b","data":{}},`
			p, err := planned(t, `[`+post+c.operation+`]`)
			require.NoError(t, err)
			step := Step{Operation: 2}
			path, known := p.Path(step, ids)
			assert.Truef(t, path == c.path && known, "path %s, %t; want %s", path, known, c.path)
			id, missing := p.Missing(step, ids)
			assert.Falsef(t, missing, "%s is missing", id)
			body, err := p.Body(step, ids)
			assert.Truef(t, err == nil && sameJSON(t, body, []byte(c.body)), "body %s, %v;\nwant %s", body, err, c.body)
		})
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	var x, y any
	require.NoError(t, errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)))
	m, _ := json.Marshal(x)
	n, _ := json.Marshal(y)
	return string(m) == string(n)
}

func TestBulkPlan_CompletesACircle(t *testing.T) {
	p, err := planned(t, `[
		{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a","x":1,"`+scim.EnterpriseURN+`":{"department":"d","manager":{"value":"bulkId:b"}}}},
		{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"b","`+scim.EnterpriseURN+`:manager":{"value":"bulkId:a"}}}]`)
	require.Truef(t, err == nil && steps(p) == "1 2 1+", "%v, %v", p, err)
	ids := map[string]string{}
	for i, want := range []struct{ path, body string }{
		{"/Users", `{"userName":"a","x":1,"` + scim.EnterpriseURN + `":{"department":"d"}}`},
		{"/Users", `{"userName":"b","` + scim.EnterpriseURN + `:manager":{"value":"id-a"}}`},
		{"/Users/id-a", `{"schemas":["` + scim.PatchURN + `"],"Operations":[{"op":"add","path":"` + scim.EnterpriseURN + `:manager","value":{"value":"id-b"}}]}`},
	} {
		step := p.Steps[i]
		id, missing := p.Missing(step, ids)
		assert.Falsef(t, missing, "step %d: %s is missing", i+1, id)
		path, _ := p.Path(step, ids)
		body, err := p.Body(step, ids)
		if path != want.path || err != nil || !sameJSON(t, body, []byte(want.body)) {
			t.Errorf("step %d: %s %s, %v; want %s %s", i+1, path, body, err, want.path, want.body)
		}
		ids[p.Operation(step.Operation).BulkID] = "id-" + p.Operation(step.Operation).BulkID
	}
	delete(ids, "b")
	id, missing := p.Missing(p.Steps[2], ids)
	assert.Truef(t, missing && id == "b", "missing %q, %t; want b", id, missing)
}

// A group's members are added one by one: those outside the circle are present
// from the beginning.
func TestPostpone_LeavesTheOtherElements(t *testing.T) {
	data, err := scim.DecodeObject([]byte(`{"displayName":"g","members":[{"value":"1"},{"value":"bulkId:a"},{"value":"2"}]}`))
	require.NoError(t, err)
	rest, operations, err := postpone(schema.GroupType(), data, []string{"a"})
	if err != nil || !sameJSON(t, scim.EncodeValue(rest), []byte(`{"displayName":"g","members":[{"value":"1"},{"value":"2"}]}`)) ||
		!sameJSON(t, scim.EncodeValue(operations), []byte(`[{"op":"add","path":"members","value":[{"value":"bulkId:a"}]}]`)) {
		t.Errorf("%s, %s, %v", scim.EncodeValue(rest), scim.EncodeValue(operations), err)
	}
}

func TestBulkPlan_RefusesACircleThroughARequiredAttribute(t *testing.T) {
	p, err := planned(t, `[
		{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"bulkId:b"}},
		{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"b","`+scim.EnterpriseURN+`":{"manager":{"value":"bulkId:a"}}}}]`)
	require.NoError(t, err)
	var circle *CircleError
	_, err = p.Body(p.Steps[0], nil)
	assert.Truef(t, errors.As(err, &circle) && circle.Attribute == "userName", "%v, want userName's", err)
}

func TestBulkPlan_RefusesAnUnknownBulkID(t *testing.T) {
	p, err := planned(t, `[{"method":"DELETE","path":"/Users/bulkId:nobody"}]`)
	require.NoError(t, err)
	var e *scim.Error
	_, err = p.Body(p.Steps[0], nil)
	assert.Truef(t, errors.As(err, &e) && e.Type == scim.InvalidValue && strings.Contains(e.Detail, `"nobody"`), "%v", err)
}

// checkPlan checks what must be true of every plan: each operation once, each
// after those that it refers to, except for what a second step adds; no step
// refers to a later one.
func checkPlan(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, p *Plan,
) {
	t.Helper()
	done, completed := map[int]bool{}, map[int]bool{}
	for _, s := range p.Steps {
		o := &p.operations[s.Operation]
		for _, id := range o.refers {
			late := slices.Contains(o.late, id)
			j, known := p.creates[id]
			if known && late == s.Completes && !done[j] && !(late && j == s.Operation) {
				t.Fatalf("step %+v refers to %d, which is not done: %s", s, j, steps(p))
			}
		}
		if s.Completes {
			if !done[s.Operation] || completed[s.Operation] || len(o.late) == 0 {
				t.Fatalf("step %+v out of turn: %s", s, steps(p))
			}
			completed[s.Operation] = true
			continue
		}
		if done[s.Operation] {
			t.Fatalf("operation %d twice: %s", s.Operation, steps(p))
		}
		done[s.Operation] = true
	}
	if len(done) != len(p.operations) {
		t.Fatalf("%d of %d operations: %s", len(done), len(p.operations), steps(p))
	}
	for i := range p.operations {
		if completed[i] != (len(p.operations[i].late) > 0) {
			t.Fatalf("operation %d is completed %t: %s", i, completed[i], steps(p))
		}
	}
}

func TestPlanBulk_AnyReferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "operations")
		b := &Request{}
		for i := range n {
			var members []any
			for _, j := range rapid.SliceOfN(rapid.IntRange(0, n), 0, 4).Draw(t, "refers") {
				members = append(members, map[string]any{"value": fmt.Sprintf("bulkId:%d", j)})
			}
			data := map[string]any{"members": members}
			switch rapid.IntRange(0, 3).Draw(t, "method") {
			case 0:
				b.Operations = append(b.Operations, Operation{Method: Put, Path: "/Groups/1", Data: data})
			default:
				b.Operations = append(b.Operations, Operation{Method: Post, Path: "/Groups", BulkID: fmt.Sprint(i), Data: data})
			}
		}
		p, err := NewPlan(b, bulkTestType)
		require.NoError(t, err)
		checkPlan(t, p)
	})
}

func FuzzDecodeBulk(f *testing.F) {
	for _, s := range []string{
		`[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a","` + scim.EnterpriseURN + `":{"manager":{"value":"bulkId:b"}}}},{"method":"POST","path":"/Users","bulkId":"b","data":{"` + scim.EnterpriseURN + `:manager":"bulkId:a"}}]`,
		`[{"method":"PATCH","path":"/Groups/bulkId:g","version":"W/\"1\"","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:a\"]"}]}}]`,
		`[{"method":"DELETE","path":"/Users/bulkId:%61"},{"method":"PUT","data":"{}"}]`,
	} {
		f.Add(bulkBody(`"failOnErrors":1,"Operations":` + s))
	}
	for _, body := range corpus.Read(f, "../../..").Bodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, _, err := Decode(body)
		if err != nil {
			_, ok := err.(*scim.Error)
			require.Truef(t, ok, "%T: %v", err, err)
			return
		}
		if len(b.Operations) > scim.MaxBulkOperations {
			return
		}
		p, err := NewPlan(b, bulkTestType)
		if err != nil {
			_, ok := err.(*scim.Error)
			require.Truef(t, ok, "%T: %v", err, err)
			return
		}
		checkPlan(t, p)
		ids := map[string]string{}
		for id := range p.creates {
			ids[id] = "019b8d62-7a80-7000-8000-000000000001"
		}
		for _, s := range p.Steps {
			p.Path(s, ids)
			p.Missing(s, ids)
			text, err := p.Body(s, ids)
			if err != nil {
				continue
			}
			require.Falsef(t, text != nil && !json.Valid(text), "step %+v: %q", s, text)
		}
	})
}

// A reference in JSON that was sent as a string counts where a value may be
// sent that way.
func TestPlanBulk_ReferencesInTexts(t *testing.T) {
	rt := map[string]*schema.ResourceType{"/Users": scimtest.UserType(), "/Groups": schema.GroupType()}
	for _, tt := range []struct{ name, path, data, want string }{
		{"members", "/Groups", `{"displayName":"g","members":"[{\"value\":\"bulkId:a\"}]"}`, `{"displayName":"g","members":"[{\"value\":\"ID\"}]"}`},
		{"one member in an array", "/Groups", `{"displayName":"g","members":["{\"value\":\"bulkId:a\"}"]}`, `{"displayName":"g","members":["{\"value\":\"ID\"}"]}`},
		{"an extension", "/Users", `{"` + scim.EnterpriseURN + `":"{\"manager\":{\"value\":\"bulkId:a\"}}"}`, `{"` + scim.EnterpriseURN + `":"{\"manager\":{\"value\":\"ID\"}}"}`},
		{"the core schema", "/Groups", `{"` + scim.CoreGroupURN + `":"{\"members\":[{\"value\":\"bulkId:a\"}]}"}`, `{"` + scim.CoreGroupURN + `":"{\"members\":[{\"value\":\"ID\"}]}"}`},
		{"a name", "/Groups", `{"displayName":"{\"value\":\"bulkId:a\"}"}`, ""},
		{"no JSON", "/Groups", `{"members":"[bulkId:a"}`, ""},
		{"a text in a text", "/Groups", `{"members":"[\"{\\\"value\\\":\\\"bulkId:a\\\"}\"]"}`, ""},
	} {
		checkReferences(t, tt.name, "POST", tt.path, tt.data, tt.want, rt[tt.path])
	}
	patch := func(operation string) string { return `{"Operations":[` + operation + `]}` }
	for _, tt := range []struct{ name, path, operation, want string }{
		{"a whole value", "/Users", `{"op":"add","value":"{\"manager\":\"bulkId:a\"}"}`, `{"op":"add","value":"{\"manager\":\"ID\"}"}`},
		{"a value in a whole value", "/Groups", `{"op":"add","value":{"members":"[\"bulkId:a\"]"}}`, `{"op":"add","value":{"members":"[\"ID\"]"}}`},
		{"members", "/Groups", `{"op":"add","path":"members","value":"{\"value\":\"bulkId:a\"}"}`, `{"op":"add","path":"members","value":"{\"value\":\"ID\"}"}`},
		{"a manager", "/Users", `{"op":"add","path":"manager","value":"{\"value\":\"bulkId:a\"}"}`, `{"op":"add","path":"manager","value":"{\"value\":\"ID\"}"}`},
		{"a name", "/Users", `{"op":"add","path":"displayName","value":"{\"value\":\"bulkId:a\"}"}`, ""},
		{"a name in a whole value", "/Users", `{"op":"add","value":{"displayName":"{\"value\":\"bulkId:a\"}"}}`, ""},
	} {
		want := tt.want
		if want != "" {
			want = patch(want)
		}
		checkReferences(t, tt.name, "PATCH", tt.path+"/x", patch(tt.operation), want, rt[tt.path])
	}
}

// checkReferences reports a body that is not the wanted one after replacing
// bulkId:a by ID, or that refers to it at all if none is wanted.
func checkReferences(t *testing.T, name, method, path, data, want string, rt *schema.ResourceType) {
	t.Helper()
	object, err := scim.DecodeObject([]byte(data))
	require.NoErrorf(t, err, "%s", name)
	o := &Operation{Method: method, Path: path, Data: object}
	refers := o.references(rt)
	assert.Equalf(t, want != "", len(refers) > 0, "%s %s refers to %q", method, name, refers)
	if want == "" {
		want = data
	}
	wanted, err := scim.DecodeObject([]byte(want))
	require.NoErrorf(t, err, "%s", name)
	if got := o.exchanged(rt, func(string) string { return "ID" }); !reflect.DeepEqual(got, wanted) {
		t.Errorf("%s %s: %s, want %s", method, name, scim.EncodeValue(got), want)
	}
}
