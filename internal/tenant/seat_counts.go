package tenant

import "time"

// SeatCounts are a tenant's seats as they were at a time.
type SeatCounts struct {
	Seats, SeatLimit int64
	// Read is when they were read, zero for never.
	Read time.Time
}
