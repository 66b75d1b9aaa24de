// Package arch holds the rules that no compiler knows, as tests: which package
// may see which, and what must stay in step with what (routes, functions, make
// targets, the commands that documents name). It has no code of its own.
package arch
