// Package faults tries every write of the service with every fault at each of
// its transactions. It has no code of its own.
package faults
