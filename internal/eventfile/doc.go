// Package eventfile reads the events under events/ and compares what a function
// answers with what is expected of it. events/README.md describes the files.
//
// It knows nothing of the service: events and answers are JSON.
package eventfile
