package dynamo

import (
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// errForeign: other software wrote to the table.
var errForeign = errors.New("dynamo: an item that rollcall did not write: keys must be texts, its attributes texts or whole numbers of 64 bits")

func encodeKey(key table.Key) map[string]types.AttributeValue {
	return encodeItem(key, nil)
}

func encodeItem(key table.Key, attributes table.Attributes) map[string]types.AttributeValue {
	item := make(map[string]types.AttributeValue, len(attributes)+2)
	item[table.PartitionName] = &types.AttributeValueMemberS{Value: key.Partition}
	item[table.SortName] = &types.AttributeValueMemberS{Value: key.Sort}
	for name, v := range attributes {
		item[name] = encodeValue(v)
	}
	return item
}

func encodeValue(v table.Value) types.AttributeValue {
	if v.IsNumber() {
		return &types.AttributeValueMemberN{Value: strconv.FormatInt(v.Number(), 10)}
	}
	return &types.AttributeValueMemberS{Value: v.Text()}
}

func decodeItem(raw map[string]types.AttributeValue) (table.Item, error) {
	item := table.Item{Attributes: make(table.Attributes, len(raw))}
	for name, v := range raw {
		value, err := decodeValue(v)
		if err != nil {
			return table.Item{}, err
		}
		switch name {
		case table.PartitionName:
			item.Partition = value.Text()
		case table.SortName:
			item.Sort = value.Text()
		default:
			item.Attributes[name] = value
		}
	}
	if item.Partition == "" || item.Sort == "" {
		return table.Item{}, errForeign
	}
	return item, nil
}

func decodeValue(v types.AttributeValue) (table.Value, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return table.Text(v.Value), nil
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			return table.Value{}, errForeign
		}
		return table.Number(n), nil
	default:
		return table.Value{}, errForeign
	}
}
