package kill

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A volume is a place for data whose room can be taken away and given back.
type volume struct {
	name   string
	folder string
	// fill leaves the process as little room as possible, and free gives it back.
	fill, free func(t *testing.T, s *server)
}

// limitedFile is a process that may not make a file larger than a number of kilobytes: no
// privilege is needed. The kernel's error is "file too large".
func limitedFile(t *testing.T) volume {
	t.Helper()
	data := filepath.Join(folder(t), "data")
	limit := func(t *testing.T, s *server, bytes uint64) {
		t.Helper()
		require.NoError(t, unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil))
	}
	return volume{
		name: "a limit of the file's size", folder: data,
		fill: func(t *testing.T, s *server) {
			// The pages that are in use may be written; the file cannot grow, and its
			// second half cannot be written.
			info, err := os.Stat(filepath.Join(data, "rollcall.db"))
			require.NoError(t, err)
			limit(t, s, uint64(info.Size())/2)
		},
		free: func(t *testing.T, s *server) { limit(t, s, unix.RLIM_INFINITY) },
	}
}

// smallDisk is a file system in memory of a few megabytes, which only root may mount; nil
// if this process may not. The kernel's error is "no space left on device".
func smallDisk(t *testing.T) *volume {
	t.Helper()
	disk := t.TempDir()
	err := syscall.Mount("rollcall-test", disk, "tmpfs", 0, "size=8m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return nil
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, 0)) })
	ballast := filepath.Join(disk, "ballast")
	return &volume{
		name: "a full file system", folder: filepath.Join(disk, "data"),
		fill: func(t *testing.T, _ *server) {
			file, err := os.Create(ballast)
			require.NoError(t, err)
			for err == nil {
				_, err = file.Write(make([]byte, 4096))
			}
			require.ErrorIs(t, err, syscall.ENOSPC)
			require.NoError(t, file.Close())
		},
		free: func(t *testing.T, _ *server) { require.NoError(t, os.Remove(ballast)) },
	}
}

// TestLocal_SurvivesAFullDisk takes the room on the disk away while clients change users
// and groups, and gives it back. Writes that find no room are answered 503 with
// Retry-After, and the log names the disk; reads are answered; nothing that was
// acknowledged is lost, and afterwards everything works without a restart.
func TestLocal_SurvivesAFullDisk(t *testing.T) {
	t.Parallel()
	volumes := []volume{limitedFile(t)}
	if disk := smallDisk(t); disk != nil {
		volumes = append(volumes, *disk)
	} else {
		t.Log("a full file system is not tried: this user may not mount one")
	}
	for _, v := range volumes {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			fullDisk(t, v)
		})
	}
}

func fullDisk(t *testing.T, v volume) {
	info := filepath.Join(t.TempDir(), "info.json")
	s, err := serve(t, launch(t, localArgs(v.folder, info)...), info)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may have ended
		<-s.ended
	})
	since := time.Now()
	own := newTenancy(s.newTenant(t, "acme"), since, 0, 4, *seed, mostUser)
	fill(t, s, []*tenancy{own})
	for range 3 {
		v.fill(t, s)
		for _, c := range own.clients {
			steps := 0
			for c.step(t.Context(), s) {
				steps++
				require.Less(t, steps, 400, "every write finds room")
			}
			assert.Empty(t, c.faults)
			assert.Zero(t, c.answers[-1], "no answer")
		}
		readOnFullDisk(t, s, own)
		v.free(t, s)
		require.Empty(t, own.check(t.Context(), s, adminOf{s.admin}), "with room again")
		for _, c := range own.clients {
			for range 5 {
				require.True(t, c.step(t.Context(), s), "with room again: %v", c.faults)
			}
		}
		require.Empty(t, own.check(t.Context(), s, adminOf{s.admin}))
	}
	logged := s.stderr.String()
	assert.Regexp(t, `rollcall\.db: (no space left on device|file too large)`, logged)
	assert.NotContains(t, logged, "panic")
	s.kill(t)
	assert.Empty(t, verify(t, v.folder, "acme", true).Faults)
}

// readOnFullDisk reads the users from a server without room. A group whose change is
// unfinished cannot be read then, since its reader would have to finish it.
func readOnFullDisk(t *testing.T, s *server, own *tenancy) {
	t.Helper()
	found, err := reader{own.account, s}.list(t.Context(), "/Users", "")
	require.NoError(t, err)
	want := 0
	for _, c := range own.clients {
		want += len(c.state.users)
	}
	// Each client has one change whose outcome is not known, of at most three users.
	assert.InDelta(t, want, len(found.Resources), float64(3*len(own.clients)))
}
