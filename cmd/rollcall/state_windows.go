package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// ownerOf knows no owner: Windows keeps it in an access control list.
func ownerOf(fs.FileInfo) (user int, ok bool) { return 0, false }

// openPrivate opens a file to read it.
func openPrivate(path string) (*os.File, error) { return os.Open(path) }

// connectionRefused is WSAECONNREFUSED.
const connectionRefused syscall.Errno = 10061

// refused reports whether no program listens on the address that was dialled.
func refused(err error) bool { return errors.Is(err, connectionRefused) }

// lock locks a file for this process until it is closed. It reports false if another
// process has it.
func lock(file *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
