// Package example runs the applications under examples/ against rollcall local, as make sdk
// prepares them.
package example
