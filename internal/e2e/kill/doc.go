// Package kill tries what remains of the service's promises when processes, disks and
// networks fail: real processes of `rollcall local` and of the Lambda functions are killed,
// frozen and starved of disk space under mixed traffic, and data files are damaged.
//
// Each client of the traffic knows what it was answered. Afterwards every acknowledged
// change must be there, every unacknowledged one whole or absent, and the log must have an
// entry for each change and no other.
//
// It has tests only.
package kill
