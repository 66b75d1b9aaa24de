package web

import (
	"fmt"
	"runtime/debug"
)

// Recovered turns a panic into an error that says where it was. The panic's value is left out:
// it may contain a value of the request. It must be deferred.
func Recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic of type %T at %s", p, debug.Stack())
	}
}
