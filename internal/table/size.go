package table

// Size returns the size of an item in bytes as DynamoDB counts it for its
// limits and its price: the names and values of all attributes, including the
// two of the key.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func Size(item Item) int {
	return sizeOf(item.Key, item.Attributes)
}

func sizeOf(key Key, attributes Attributes) int {
	n := len(PartitionName) + len(key.Partition) + len(SortName) + len(key.Sort)
	for name, v := range attributes {
		n += len(name) + v.size()
	}
	return n
}

// size returns the length of a text; for a number one byte for every two
// significant digits, one more, and one for the sign of a negative one.
func (v Value) size() int {
	if !v.isNumber {
		return len(v.text)
	}
	n := v.number
	size := 1
	if n < 0 {
		size++
	}
	for n != 0 && n%10 == 0 {
		n /= 10 // trailing zeros are not significant
	}
	digits := 0
	for ; n != 0; n /= 10 {
		digits++
	}
	return size + (digits+1)/2
}
