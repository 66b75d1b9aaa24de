// Package faults has the table of faults: every write of the service, with every
// fault at each of its transactions, alone and while another request runs. It
// has no code of its own.
//
// The table is a section of docs/testing.md.
package faults

//go:generate go test -count=1 -run ^TestTable$ . -update
