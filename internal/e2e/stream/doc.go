// Package stream changes users and groups in all ways that there are, and looks at what the
// table's stream has of it, on both engines, and at what the feed makes of it. The records that
// DynamoDB's stream had are under events/feed.
package stream
