package table

import (
	"cmp"
	"strings"
	"unicode/utf8"
)

// What DynamoDB allows in one expression. rollcall stays far below.
const (
	maxConditions = 50    // conditions of one operation; each takes up to 4 of 300 operators
	maxChanges    = 300   // attributes that one Update names
	maxName       = 65535 // bytes of an attribute's name
)

// CheckTransaction returns a *LimitError for a transaction that DynamoDB
// refuses by its form. Every engine calls it first, so that what passes a test
// in memory also passes in AWS.
//
// Two things that DynamoDB would accept are refused too, because they are
// mistakes: a text that is not UTF-8, which would be stored as another text,
// and an Update that changes nothing.
func CheckTransaction(tx Transaction) error {
	switch {
	case tx.Token == "":
		return refuse(-1, "no token")
	case len(tx.Token) > MaxToken:
		return refuse(-1, "a token of more than 36 bytes")
	case !utf8.ValidString(tx.Token):
		return refuse(-1, "a token that is not UTF-8")
	case len(tx.Ops) == 0:
		return refuse(-1, "no operation")
	case len(tx.Ops) > MaxOps:
		return refuse(-1, "more than 100 operations")
	}
	seen := make(map[Key]struct{}, len(tx.Ops))
	total := 0
	for i, op := range tx.Ops {
		if reason := cmp.Or(checkKey(op.Key), checkOp(op), checkConditions(op.When)); reason != "" {
			return refuse(i, reason)
		}
		if _, ok := seen[op.Key]; ok {
			return refuse(i, "two operations on one item")
		}
		seen[op.Key] = struct{}{}
		total += op.sent()
	}
	if total > MaxTransaction {
		return refuse(-1, "items of more than 4 MB in all")
	}
	return nil
}

// sent returns the size of what an operation carries to DynamoDB, which counts
// towards the limit of a transaction.
func (op Op) sent() int {
	switch op.Kind {
	case OpPut:
		return sizeOf(op.Key, op.Attributes)
	case OpUpdate:
		n := sizeOf(op.Key, op.Change.Set)
		for name, by := range op.Change.Add {
			n += len(name) + Number(by).size()
		}
		return n
	default:
		return sizeOf(op.Key, nil)
	}
}

func checkOp(op Op) string {
	switch op.Kind {
	case OpPut:
		for name, v := range op.Attributes {
			if reason := cmp.Or(checkName(name), checkText(v.text)); reason != "" {
				return reason
			}
		}
		if op.sent() > MaxItem {
			return ReasonItemSize
		}
	case OpUpdate:
		return checkChange(op)
	case OpCheck:
		if len(op.When) == 0 {
			return "a check without a condition"
		}
	case OpDelete:
	default:
		return "an operation without a kind"
	}
	return ""
}

func checkChange(op Op) string {
	c := op.Change
	names := make(map[string]struct{}, len(c.Set)+len(c.Add)+len(c.Remove))
	add := func(name string) string {
		if reason := checkName(name); reason != "" {
			return reason
		}
		if _, ok := names[name]; ok {
			return "an update that names an attribute twice"
		}
		names[name] = struct{}{}
		return ""
	}
	for name, v := range c.Set {
		if reason := cmp.Or(add(name), checkText(v.text)); reason != "" {
			return reason
		}
	}
	for name := range c.Add {
		if reason := add(name); reason != "" {
			return reason
		}
	}
	for _, name := range c.Remove {
		if reason := add(name); reason != "" {
			return reason
		}
	}
	switch {
	case len(names) == 0:
		return "an update without a change"
	case len(names) > maxChanges:
		return "an update of more than 300 attributes"
	case op.sent() > MaxItem:
		return ReasonItemSize
	}
	return ""
}

func checkConditions(conditions []Condition) string {
	if len(conditions) > maxConditions {
		return "more than 50 conditions"
	}
	for _, c := range conditions {
		var reason string
		switch c.Kind {
		case CondAbsent, CondPresent:
		case CondIs:
			reason = cmp.Or(checkName(c.Attribute), checkText(c.Value.text))
			if reason == "" && c.Value.size() > MaxItem {
				reason = ReasonItemSize
			}
		case CondBelow:
			reason = cmp.Or(checkName(c.Attribute), checkName(c.Other))
			if reason == "" && c.Attribute == c.Other {
				reason = "a comparison of an attribute with itself"
			}
		case CondUnder:
			reason = checkName(c.Attribute)
			if reason == "" && !c.Value.isNumber {
				reason = "a comparison with a text"
			}
		default:
			reason = "a condition without a kind"
		}
		if reason != "" {
			return reason
		}
	}
	return ""
}

func checkName(name string) string {
	switch {
	case name == "":
		return "an attribute without a name"
	case name == PartitionName || name == SortName:
		return "an attribute with the name of a key"
	case len(name) > maxName:
		return "an attribute's name of more than 64 KB"
	}
	return checkText(name)
}

func checkText(s string) string {
	if !utf8.ValidString(s) {
		return "a text that is not UTF-8"
	}
	return ""
}

func checkKey(k Key) string {
	switch {
	case k.Partition == "":
		return "an empty partition key"
	case len(k.Partition) > MaxPartitionSize:
		return "a partition key of more than 2,048 bytes"
	case k.Sort == "":
		return "an empty sort key"
	}
	return cmp.Or(checkText(k.Partition), checkSort(k.Sort))
}

func checkSort(s string) string {
	if len(s) > MaxSortSize {
		return "a sort key of more than 1,024 bytes"
	}
	return checkText(s)
}

// CheckGet returns a *LimitError for keys that DynamoDB refuses to read in one
// call.
func CheckGet(keys ...Key) error {
	if len(keys) == 0 {
		return refuse(-1, "no key")
	}
	if len(keys) > MaxGetKeys {
		return refuse(-1, "more than 100 keys")
	}
	seen := make(map[Key]struct{}, len(keys))
	for i, k := range keys {
		if reason := checkKey(k); reason != "" {
			return refuse(i, reason)
		}
		if _, ok := seen[k]; ok {
			return refuse(i, "the same key twice")
		}
		seen[k] = struct{}{}
	}
	return nil
}

// CheckQuery returns a *LimitError for a query that DynamoDB refuses.
func CheckQuery(q Query) error {
	if reason := checkKey(Key{Partition: q.Partition, Sort: "-"}); reason != "" {
		return refuse(-1, reason)
	}
	for _, s := range []string{q.Prefix, q.From, q.To, q.After} {
		if reason := checkSort(s); reason != "" {
			return refuse(-1, reason)
		}
	}
	switch {
	case q.Limit < 0:
		return refuse(-1, "a negative limit")
	case q.Prefix != "" && (q.From != "" || q.To != ""):
		return refuse(-1, "a prefix together with a range")
	case q.To != "" && q.From > q.To:
		return refuse(-1, "a range that ends before it begins")
	case q.After != "" && !q.inRange(q.After):
		return refuse(-1, "a page that begins outside the range")
	}
	return nil
}

func (q Query) inRange(sort string) bool {
	return strings.HasPrefix(sort, q.Prefix) && sort >= q.From && (q.To == "" || sort <= q.To)
}

func refuse(op int, reason string) error { return &LimitError{Op: op, Reason: reason} }
