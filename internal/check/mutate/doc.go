// Command mutate reports which mistakes in a package no test notices. It makes small
// changes, called mutants, to the package's source, for example "<" to "<=" or a
// condition of a transaction removed, and runs the fast tests that reach each of them.
// A mutant is killed if a test fails, and survives otherwise.
//
// All mutants of a package are compiled into one test binary, each chosen by a number in
// the environment: compiling once per mutant would take hours. The changed source reaches
// the compiler as an overlay, so no file of the tree changes.
//
//	go run ./internal/check/mutate [-list] [-again] [-own] [-match REGEXP] PACKAGE…
//
// PACKAGE is a folder below internal, for example store. accepted.txt names the mutants
// that may survive, each with the reason.
package main
