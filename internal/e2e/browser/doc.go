// Package browsertest drives the console in a browser, as an administrator
// does. It has only tests.
package browsertest
