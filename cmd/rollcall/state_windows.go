package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// ownerOf knows no owner: Windows keeps it in an access control list.
func ownerOf(fs.FileInfo) (user int, ok bool) { return 0, false }

// openPrivate opens a file to read it.
func openPrivate(path string) (*os.File, error) { return os.Open(path) }

// connectionRefused is WSAECONNREFUSED.
const connectionRefused syscall.Errno = 10061

// refused reports whether no program listens on the address that was dialled.
func refused(err error) bool { return errors.Is(err, connectionRefused) }
