// Package eventfile reads the events under events/ and compares the answers of
// functions with the expected ones. events/README.md describes the files.
//
// It knows nothing of the service: events and answers are JSON.
package eventfile
