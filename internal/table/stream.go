package table

import "time"

// A Record is the change of one item by a committed transaction, as the engine's stream has
// it. A stream has the records of an item in order; those of one transaction may lie between
// others. A consumer may get a record again.
type Record struct {
	// Sequence orders the records of an item, and names the record.
	Sequence string
	// Inserted reports that the item did not exist before.
	Inserted bool
	Key      Key
	// Item is the item after the change, nil if it was removed.
	Item *Item
	// Fault says why the record cannot be read: other software wrote the item. Item then has
	// what could be read.
	Fault error
	// Time is when the transaction was applied, rounded down: by DynamoDB to the second, by
	// DynamoDB Local to the minute.
	Time time.Time
}
