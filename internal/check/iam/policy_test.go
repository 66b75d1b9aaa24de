package iam

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/table"
)

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"DUE", "DUE", true},
		{"DUE", "DUES", false},
		{"T#*", "T#acme", true},
		{"T#*", "T#acme#USERS", true},
		{"T#*", "DUE", false},
		{"T#*#USERS", "T#acme#USERS", true},
		{"T#*#USERS", "T#acme", false},
		{"T#*#USERS", "T#acme#USERS#", false},
		{"T#*#G#*", "T#acme#G#1#2", true},
		{"T#*#G#*", "T#acme#GROUPS", false},
		{"*A*A", "AxxAyA", true},
		{"*A*A", "AxxAy", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"", "", true},
		{"*", "", true},
		{"?", "", false},
	} {
		assert.Equalf(t, tt.want, matches(tt.pattern, tt.text), "matches(%q, %q)", tt.pattern, tt.text)
	}
}

// The roles in template.yaml allow no function to write the partitions of the admin
// function, or of another function.
func TestPolicies_OfTheTemplate(t *testing.T) {
	policies, err := Policies(rollcall.Template)
	require.NoError(t, err)
	all := []string{"UsersFunction", "GroupsFunction", "BulkFunction", "DiscoveryFunction", "OAuthFunction", "AdminFunction", "SweepFunction", "FeedFunction", "DeliverFunction", "PortalFunction"}
	for _, tt := range []struct {
		action, partition string
		allowed           []string
	}{
		{"PutItem", "T#acme", []string{"AdminFunction", "PortalFunction"}}, // settings and tokens
		{"UpdateItem", "T#acme", []string{"AdminFunction", "PortalFunction"}},
		{"DeleteItem", "T#acme", []string{"AdminFunction", "SweepFunction", "PortalFunction"}}, // of a tenant that is deleted
		{"Query", "TENANTS", []string{"AdminFunction", "SweepFunction"}},
		{"PutItem", "TENANTS", []string{"AdminFunction"}},
		{"DeleteItem", "TENANTS", []string{"AdminFunction", "SweepFunction"}},
		{"PutItem", "T#acme#MARKERS", []string{"AdminFunction"}},
		{"PutItem", "T#acme#USED", []string{"UsersFunction", "GroupsFunction", "BulkFunction", "DiscoveryFunction", "AdminFunction"}},
		{"UpdateItem", "T#acme#USED", []string{"UsersFunction", "GroupsFunction", "BulkFunction", "DiscoveryFunction", "AdminFunction"}},
		{"PutItem", "T#acme#JTI", []string{"OAuthFunction", "AdminFunction"}},
		{"DeleteItem", "T#acme#JTI", []string{"AdminFunction", "SweepFunction"}},
		{"PutItem", "T#acme#LOG", []string{"UsersFunction", "GroupsFunction", "BulkFunction", "OAuthFunction", "AdminFunction", "SweepFunction"}},
		{"Query", "T#acme#LOG", []string{"UsersFunction", "GroupsFunction", "BulkFunction", "AdminFunction", "SweepFunction", "FeedFunction", "DeliverFunction", "PortalFunction"}},
		{"Scan", "T#acme#USERS", nil},
		{"BatchWriteItem", "T#acme#USERS", nil},
		{"Query", "DUE", []string{"AdminFunction", "SweepFunction"}},
		{"Query", "EXPIRING", []string{"SweepFunction"}},
		{"PutItem", "EXPIRING", []string{"AdminFunction", "SweepFunction", "PortalFunction"}},
		{"BatchGetItem", "T#acme", all},
		{"PutItem", "T#acme#USERS", []string{"UsersFunction", "GroupsFunction", "BulkFunction", "AdminFunction", "SweepFunction"}},
		{"PutItem", "T#acme#MAILS", []string{"UsersFunction", "BulkFunction", "AdminFunction"}},
		{"UpdateItem", "T#acme#LEDGER", []string{"UsersFunction", "GroupsFunction", "BulkFunction", "AdminFunction"}},
		{"PutItem", "T#acme#LEDGER", []string{"UsersFunction", "GroupsFunction", "BulkFunction", "AdminFunction"}},                     // shards of it
		{"DeleteItem", "T#acme#LEDGER", []string{"UsersFunction", "GroupsFunction", "BulkFunction", "AdminFunction", "SweepFunction"}}, // merged shards
		{"PutItem", "elsewhere", nil},
		{"Query", "WEBHOOKS", []string{"AdminFunction", "FeedFunction", "DeliverFunction", "SweepFunction"}},
		// A lease is taken in a transaction that checks the endpoint's registration.
		{"PutItem", "WEBHOOKS", []string{"AdminFunction", "DeliverFunction"}},
		{"PutItem", "W#019b#PENDING", []string{"AdminFunction", "FeedFunction", "DeliverFunction", "SweepFunction"}},
		{"PutItem", "W#019b#SENT", []string{"AdminFunction", "DeliverFunction"}},
		{"DeleteItem", "W#019b#PENDING", []string{"AdminFunction", "DeliverFunction", "SweepFunction"}},
		{"PutItem", "T#acme#USERS", []string{"UsersFunction", "GroupsFunction", "BulkFunction", "AdminFunction", "SweepFunction"}},
	} {
		for _, function := range all {
			if got, want := policies[function].Allows(tt.action, tt.partition), slices.Contains(tt.allowed, function); got != want {
				t.Errorf("%s may %s %s: %t", function, tt.action, tt.partition, got)
			}
		}
	}
	assert.False(t, policies["UsersFunction"].Allows("BatchGetItem", "T#acme", "DUE"), "a granted key lets in one that is not granted")
}

// A session of the portal reaches the items of its tenant and no others, and changes none of its
// users: AWS refuses what a fault of the code asks for.
func TestSessionPolicy_ReachesOneTenant(t *testing.T) {
	policy, err := SessionPolicy(rollcall.Template, "PortalTenantRole", "acme")
	require.NoError(t, err)
	functions, err := Policies(rollcall.Template)
	require.NoError(t, err)
	reads, writes := []string{"GetItem", "BatchGetItem", "Query"}, []string{"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}
	parts := []string{"", "#USERS", "#GONE", "#NAMES#user", "#GROUPS", "#G#1#2", "#LOG", "#INDEX", "#LEDGER", "#FAILING", "#USED", "#PORTAL", "#U#1", "#"}
	for _, part := range parts {
		for _, action := range reads {
			assert.True(t, policy.Allows(action, "T#acme"+part), "%s %s", action, part)
		}
		for _, action := range writes {
			assert.Equal(t, part == "" || part == "#PORTAL", policy.Allows(action, "T#acme"+part), "%s %s", action, part)
		}
	}
	others := []string{"TENANTS", "DUE", "WEBHOOKS", "W#e#STATE", "KEYS", "T#", "T", "acme", "#acme"}
	for _, other := range []string{"acme2", "acm", "acme-2", "a", "beta", "Acme", "*", "ac*", "?cme", "acme*"} {
		for _, part := range parts {
			others = append(others, "T#"+other+part)
		}
	}
	for _, partition := range others {
		for _, action := range append(reads, writes...) {
			assert.False(t, policy.Allows(action, partition), "%s %s", action, partition)
			assert.False(t, policy.Allows(action, "T#acme", partition), "%s T#acme and %s", action, partition)
		}
	}
	for _, action := range reads {
		assert.False(t, policy.Allows(action, "EXPIRING"), action)
	}
	for _, action := range []string{"Scan", "BatchWriteItem", "PartiQLSelect", "DescribeTable"} {
		assert.False(t, policy.Allows(action, "T#acme"), action)
	}
	// Without the tenant's role the function has the deployment's keys alone.
	assert.True(t, functions["PortalFunction"].Allows("GetItem", "KEYS"))
	_, err = SessionPolicy(rollcall.Template, "AdminRole", "acme")
	require.Error(t, err)
}

const example = `
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {Role: !GetAtt R.Arn}
  R:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - {Sid: Log, Effect: Allow, Action: 'logs:PutLogEvents', Resource: '*'}
              - Sid: Stream
                Effect: Allow
                Action: ['dynamodb:GetRecords', 'dynamodb:ListStreams']
                Resource: !If [HasExistingTable, !Sub 'arn:a:table/${ExistingTable}/stream/*', !Sub '${Table.Arn}/stream/*']
              - Sid: Table
                Effect: Allow
                Action: ['dynamodb:GetItem', 'dynamodb:PutItem']
                Resource: !GetAtt Table.Arn
                Condition:
                  ForAllValues:StringLike:
                    dynamodb:LeadingKeys: ['A#*', B]
`

func TestPolicies_RefuseWhatCannotBeJudged(t *testing.T) {
	_, err := Policies([]byte(example))
	require.NoError(t, err)
	for _, change := range []struct{ from, to string }{
		{"Role: !GetAtt R.Arn", "Policies: [AdministratorAccess]"},
		{"Role: !GetAtt R.Arn", "Role: !GetAtt R.Arn, Policies: [AdministratorAccess]"},
		{"Policies:\n        - Pol", "ManagedPolicyArns: [a]\n      Policies:\n        - Pol"},
		{"!Sub '${Table.Arn}/stream/*'", "!Sub '${Table.Arn}/*'"},
		{"table/${ExistingTable}/stream/*", "table/*"},
		{"'dynamodb:GetRecords'", "'dynamodb:Scan'"},
		{"'dynamodb:GetRecords'", "'dynamodb:*'"},
		{"Sid: Stream\n                Effect: Allow", "Sid: Stream\n                Effect: Deny"},
		{"'dynamodb:GetItem'", "'dynamodb:*'"},
		{"'logs:PutLogEvents'", "'*'"},
		{"'dynamodb:GetItem'", "'logs:PutLogEvents'"},
		{"Effect: Allow\n", "Effect: Deny\n"},
		{"!GetAtt Table.Arn", "'*'"},
		{"!GetAtt Table.Arn", "!If [HasExistingTable, !Sub 'arn:aws:dynamodb:*:*:table/*', !GetAtt Table.Arn]"},
		{"!GetAtt Table.Arn", "!If [HasExistingTable, !Sub 'arn:aws:dynamodb:${ExistingTable}', !GetAtt Table.Arn]"},
		{"!GetAtt Table.Arn", "!If [HasExistingTable, !Sub 'arn:aws:dynamodb:a:b:table/${ExistingTable}', '*']"},
		{"ForAllValues:StringLike", "ForAnyValue:StringLike"},
		{"dynamodb:LeadingKeys", "dynamodb:Attributes"},
		{"dynamodb:LeadingKeys: ['A#*', B]", "dynamodb:LeadingKeys: []"},
		{"dynamodb:LeadingKeys: ['A#*', B]", "dynamodb:LeadingKeys: ['A#*', B, B]"},
		{"AWS::Serverless::Function", "AWS::Lambda::Function"},
		{"Resources:", "- Resources:"},
	} {
		text := strings.Replace(example, change.from, change.to, 1)
		require.NotEqualf(t, example, text, "%q is not in the example", change.from)
		p, err := Policies([]byte(text))
		assert.Errorf(t, err, "with %q: %v", change.to, p)
	}
	_, err = Policies([]byte(example + strings.Replace(example[strings.Index(example, "  F:"):strings.Index(example, "  R:")], "F:", "G:", 1)))
	assert.Error(t, err, "two functions share a role")
}

// nothing is an empty table.
type nothing struct{}

func (nothing) Get(context.Context, ...table.Key) (map[table.Key]table.Item, error) {
	return map[table.Key]table.Item{}, nil
}
func (nothing) Query(context.Context, table.Query) (table.Page, error) { return table.Page{}, nil }

func (nothing) Write(context.Context, table.Transaction) error { return errors.ErrUnsupported }

func TestRecorder(t *testing.T) {
	r, err := NewRecorder([]byte(example))
	require.NoError(t, err)
	recorded, ctx := r.Table(nothing{}), As(t.Context(), "F")
	want := []string{
		"F never uses A#* of its statement Table", "F never uses B of its statement Table",
		"F never uses GetItem of its statement Table", "F never uses PutItem of its statement Table",
	}
	got := r.Unused()
	assert.Truef(t, slices.Equal(got, want), "at first, unused are %q", got)
	_, _ = recorded.Get(t.Context(), table.Key{Partition: "elsewhere"}) // the test's own
	_, _ = recorded.Get(ctx, table.Key{Partition: "A#1"})
	_ = recorded.Write(ctx, table.Transaction{Ops: []table.Op{{Kind: table.OpPut, Key: table.Key{Partition: "B"}}}})
	got = r.Unused()
	assert.Emptyf(t, got, "unused are %q", got)
	got = r.Refused()
	assert.Emptyf(t, got, "refused are %q", got)
	_, _ = recorded.Get(ctx, table.Key{Partition: "A#1"}, table.Key{Partition: "A#2"})
	_, _ = recorded.Query(ctx, table.Query{Partition: "A#1"})
	_, _ = recorded.Get(ctx, table.Key{Partition: "T#acme#G#1#2"})
	_ = recorded.Write(ctx, table.Transaction{Ops: []table.Op{
		{Kind: table.OpPut, Key: table.Key{Partition: "B"}}, {Kind: table.OpDelete, Key: table.Key{Partition: "B"}},
	}})
	_, _ = recorded.Get(As(ctx, "H"), table.Key{Partition: "A#1"})
	want = []string{
		"F is not granted dynamodb:BatchGetItem on A#1, A#2", "F is not granted dynamodb:DeleteItem on B",
		"F is not granted dynamodb:GetItem on T#*#G#*", "F is not granted dynamodb:Query on A#1",
		"H is not granted dynamodb:GetItem on A#1",
	}
	got = r.Refused()
	assert.Truef(t, slices.Equal(got, want), "refused are %q", got)
}
