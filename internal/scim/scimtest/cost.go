package scimtest

import "runtime"

// Allocated makes a call twice, and returns what the second one allocates: the first
// may fill caches.
func Allocated(call func()) (objects, bytes uint64) {
	var before, after runtime.MemStats
	call()
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
}
