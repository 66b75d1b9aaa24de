// Package system has the tests of the whole service: every function's handler
// over a table, as app puts them together. It has no code of its own.
package system
