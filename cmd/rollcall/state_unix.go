//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// ownerOf returns the id of the user that owns a file.
func ownerOf(found fs.FileInfo) (user int, ok bool) {
	s, ok := found.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}

// openPrivate opens a file to read it, and follows no symbolic link.
func openPrivate(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// refused reports whether no program listens on the address that was dialled.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// lock locks a file for this process until it is closed. It reports false if another
// process has it.
func lock(file *os.File) (bool, error) {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
