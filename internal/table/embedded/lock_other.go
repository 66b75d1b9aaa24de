//go:build !unix || solaris || aix

package embedded

import "os"

// lock does nothing: bbolt locks the file after it was inspected.
func lock(*os.File) error { return nil }
