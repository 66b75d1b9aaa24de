// Package must ends a test at the first error that it does not expect.
package must

// A T is a test: *testing.T, *testing.B, *testing.F, or *rapid.T.
type T interface {
	Helper()
	Fatal(args ...any)
}

// OK ends the test if there is an error.
func OK(t T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
