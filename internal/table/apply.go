package table

import (
	"maps"
	"math"
)

// Holds reports whether the condition holds for an item, which is nil if it
// does not exist. It defines every condition; an engine that does not use it
// must agree with it.
func (c Condition) Holds(item *Item) bool {
	if c.Kind == CondAbsent {
		return item == nil
	}
	if item == nil {
		return false
	}
	switch c.Kind {
	case CondPresent:
		return true
	case CondIs:
		v, ok := item.Attributes[c.Attribute]
		return ok && v == c.Value
	case CondBelow:
		a, b := item.Attributes[c.Attribute], item.Attributes[c.Other]
		return a.isNumber && b.isNumber && a.number < b.number
	case CondUnder:
		a := item.Attributes[c.Attribute]
		return a.isNumber && a.number < c.Value.number
	default:
		return false
	}
}

// After returns the item after the operation, given the one before it (nil if
// there was none), or nil if the operation leaves none. It ignores the
// conditions, and changes none of its arguments. What DynamoDB refuses only
// when it sees the item is a *LimitError with the operation unset: an addition
// to a text, an item that grows beyond MaxItem.
func (op Op) After(before *Item) (*Item, error) {
	switch op.Kind {
	case OpPut:
		return &Item{Key: op.Key, Attributes: op.Attributes}, nil
	case OpDelete:
		return nil, nil
	case OpUpdate:
		return op.Change.after(op.Key, before)
	default:
		return before, nil
	}
}

func (c Change) after(key Key, before *Item) (*Item, error) {
	after := &Item{Key: key, Attributes: Attributes{}}
	if before != nil {
		maps.Copy(after.Attributes, before.Attributes)
	}
	for _, name := range c.Remove {
		delete(after.Attributes, name)
	}
	for name, n := range c.Add {
		v, ok := after.Attributes[name]
		if ok && !v.isNumber {
			return nil, &LimitError{Op: -1, Reason: ReasonNotNumber}
		}
		if (n > 0 && v.number > math.MaxInt64-n) || (n < 0 && v.number < math.MinInt64-n) {
			return nil, &LimitError{Op: -1, Reason: "a sum beyond 64 bits"}
		}
		after.Attributes[name] = Number(v.number + n)
	}
	maps.Copy(after.Attributes, c.Set)
	if Size(*after) > MaxItem {
		return nil, &LimitError{Op: -1, Reason: ReasonItemSize}
	}
	return after, nil
}
