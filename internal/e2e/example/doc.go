// Package example runs the applications under examples/ against rollcall local, as make sdk
// prepares them, and the examples of docs/how-to/add-the-portal.md.
package example
