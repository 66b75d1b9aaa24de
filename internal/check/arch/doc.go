// Package arch has the rules that a compiler does not check, as tests: which
// package may import which, and what must agree with what (routes, functions,
// make targets, commands in documents). It has no code of its own.
package arch
