//go:build unix && !solaris && !aix

package embedded

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// lock takes the lock that bbolt later takes again on the same open file, so
// that no other process writes to it while it is inspected.
func lock(file *os.File) error {
	const tries = 20
	for range tries {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		time.Sleep(lockWait / tries)
	}
	return ErrInUse
}
