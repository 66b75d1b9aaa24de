package dynamo

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// expression collects the placeholders of one operation. Names and values never
// occur in an expression themselves: no name can be a reserved word, and
// nothing that a client sent is ever parsed.
type expression struct {
	names        map[string]string
	values       map[string]types.AttributeValue
	placeholders map[string]string // of names
}

func (e *expression) name(name string) string {
	if p, ok := e.placeholders[name]; ok {
		return p
	}
	if e.names == nil {
		e.names, e.placeholders = map[string]string{}, map[string]string{}
	}
	p := "#" + strconv.Itoa(len(e.names))
	e.names[p], e.placeholders[name] = name, p
	return p
}

func (e *expression) value(v types.AttributeValue) string {
	if e.values == nil {
		e.values = map[string]types.AttributeValue{}
	}
	p := ":" + strconv.Itoa(len(e.values))
	e.values[p] = v
	return p
}

// condition returns nil if there are no conditions.
func (e *expression) condition(conditions []table.Condition) *string {
	if len(conditions) == 0 {
		return nil
	}
	terms := make([]string, len(conditions))
	for i, c := range conditions {
		terms[i] = e.term(c)
	}
	return aws.String(strings.Join(terms, " AND "))
}

func (e *expression) term(c table.Condition) string {
	switch c.Kind {
	case table.CondAbsent:
		return "attribute_not_exists(" + e.name(table.PartitionName) + ")"
	case table.CondIs:
		// An attribute of an item that does not exist equals nothing.
		return e.name(c.Attribute) + " = " + e.value(encodeValue(c.Value))
	case table.CondBelow:
		// DynamoDB also orders texts; it answers false for two different types.
		number := e.value(&types.AttributeValueMemberS{Value: "N"})
		a := e.name(c.Attribute)
		return "attribute_type(" + a + ", " + number + ") AND " + a + " < " + e.name(c.Other)
	case table.CondUnder:
		// DynamoDB answers false for an attribute of another type.
		return e.name(c.Attribute) + " < " + e.value(encodeValue(c.Value))
	default:
		return "attribute_exists(" + e.name(table.PartitionName) + ")"
	}
}

func (e *expression) update(c table.Change) *string {
	var clauses []string
	add := func(verb string, actions []string) {
		if len(actions) > 0 {
			clauses = append(clauses, verb+" "+strings.Join(actions, ", "))
		}
	}
	// In the order of names, so that the same change is the same request for
	// the token.
	var set, plus, remove []string
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		set = append(set, e.name(name)+"="+e.value(encodeValue(c.Set[name])))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Add)) {
		plus = append(plus, e.name(name)+" "+e.value(encodeValue(table.Number(c.Add[name]))))
	}
	for _, name := range c.Remove {
		remove = append(remove, e.name(name))
	}
	add("SET", set)
	add("ADD", plus)
	add("REMOVE", remove)
	return aws.String(strings.Join(clauses, " "))
}

// transactItems returns the operations of a transaction. Each one with a
// condition requests the item that failed it.
func (t *Table) transactItems(ops []table.Op) []types.TransactWriteItem {
	items := make([]types.TransactWriteItem, len(ops))
	for i, op := range ops {
		var e expression
		condition := e.condition(op.When)
		var failed types.ReturnValuesOnConditionCheckFailure
		if condition != nil {
			failed = types.ReturnValuesOnConditionCheckFailureAllOld
		}
		switch op.Kind {
		case table.OpPut:
			items[i].Put = &types.Put{
				TableName: &t.name, Item: encodeItem(op.Key, op.Attributes), ConditionExpression: condition,
				ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
				ReturnValuesOnConditionCheckFailure: failed,
			}
		case table.OpUpdate:
			update := e.update(op.Change)
			items[i].Update = &types.Update{
				TableName: &t.name, Key: encodeKey(op.Key), UpdateExpression: update, ConditionExpression: condition,
				ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
				ReturnValuesOnConditionCheckFailure: failed,
			}
		case table.OpDelete:
			items[i].Delete = &types.Delete{
				TableName: &t.name, Key: encodeKey(op.Key), ConditionExpression: condition,
				ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
				ReturnValuesOnConditionCheckFailure: failed,
			}
		case table.OpCheck:
			items[i].ConditionCheck = &types.ConditionCheck{
				TableName: &t.name, Key: encodeKey(op.Key), ConditionExpression: condition,
				ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
				ReturnValuesOnConditionCheckFailure: failed,
			}
		}
	}
	return items
}
