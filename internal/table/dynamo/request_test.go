package dynamo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// recorder answers every request with an empty document and keeps it.
type recorder struct{ targets, bodies []string }

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	_, target, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	r.targets, r.bodies = append(r.targets, target), append(r.bodies, string(body))
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2, Request: request,
	}, nil
}

func recorded(t *testing.T) (table.Table, *recorder) {
	t.Helper()
	r := &recorder{}
	client, err := dynamo.NewLocalClient(t.Context(), "http://dynamodb.invalid", func(http.RoundTripper) http.RoundTripper { return r })
	require.NoError(t, err)
	return dynamo.New(client, "tenants"), r
}

// DynamoDB Local always reads consistently; AWS does so only on request.
func TestReads_AreConsistent(t *testing.T) {
	tbl, r := recorded(t)
	one, two := table.Key{Partition: "p", Sort: "1"}, table.Key{Partition: "p", Sort: "2"}
	_, err1 := tbl.Get(t.Context(), one)
	_, err2 := tbl.Get(t.Context(), one, two)
	_, err3 := tbl.Query(t.Context(), table.Query{Partition: "p"})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	want := []string{"GetItem", "BatchGetItem", "Query"}
	assert.Truef(t, slices.Equal(r.targets, want), "sent %q, want %q", r.targets, want)
	for i, body := range r.bodies {
		assert.Containsf(t, body, `"ConsistentRead":true`, "%s does not read consistently", r.targets[i])
	}
}

func TestWrite_IsOneTransactionWithTheTokenAndOldItems(t *testing.T) {
	tbl, r := recorded(t)
	k := func(sort string) table.Key { return table.Key{Partition: "p", Sort: sort} }
	tx := table.Transaction{Token: tabletest.NewToken(), Ops: []table.Op{
		table.Put(table.Item{Key: k("1"), Attributes: table.Attributes{"name": table.Text("value")}}, table.Absent()),
		table.Update(k("2"), table.Change{Add: map[string]int64{"name": 1}}, table.Below("name", "limit")),
		table.Delete(k("3"), table.Is("name", table.Text("value"))),
		table.Check(k("4"), table.Present()),
		table.Delete(k("5")),
	}}
	for range 2 {
		require.NoError(t, tbl.Write(t.Context(), tx))
	}
	want := []string{"TransactWriteItems", "TransactWriteItems"}
	require.Truef(t, slices.Equal(r.targets, want), "sent %q, want %q", r.targets, want)
	var sent [2]struct {
		ClientRequestToken string
		TransactItems      []map[string]map[string]any
	}
	for i := range sent {
		require.NoError(t, json.Unmarshal([]byte(r.bodies[i]), &sent[i]))
	}
	first, err := json.Marshal(sent[0])
	require.NoError(t, err)
	second, err := json.Marshal(sent[1])
	require.NoError(t, err)
	assert.Truef(t, string(first) == string(second) && sent[0].ClientRequestToken == tx.Token, "sent again as\n%s, was\n%s", second, first)
	for i, kind := range []string{"Put", "Update", "Delete", "ConditionCheck", "Delete"} {
		op, ok := sent[0].TransactItems[i][kind]
		if !ok {
			t.Errorf("operation %d is %v, want %s", i, sent[0].TransactItems[i], kind)
			continue
		}
		want := any("ALL_OLD")
		if i == 4 {
			want = nil
		}
		got := op["ReturnValuesOnConditionCheckFailure"]
		assert.Truef(t, got == want, "operation %d returns %v, want %v", i, got, want)
		for _, field := range []string{"ConditionExpression", "UpdateExpression"} {
			s, _ := op[field].(string)
			assert.Truef(t, !strings.Contains(s, "name") && !strings.Contains(s, "value"), "operation %d: a name or a value is in %s %q", i, field, s)
		}
	}
}
