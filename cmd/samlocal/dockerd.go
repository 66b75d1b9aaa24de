package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An errNoDocker is the reason for which containers cannot be run here.
type errNoDocker struct{ reason, remedy string }

func (e errNoDocker) Error() string { return e.reason + ": " + e.remedy }

// needDocker finds a Docker daemon that answers, or starts one for this run.
func (s *session) needDocker(ctx context.Context) error {
	if err := s.has(docker); err != nil {
		return errNoDocker{"docker not found", docker.install}
	}
	if err := s.askDocker(ctx); err == nil {
		return s.tellSAM(ctx)
	} else if ctx.Err() != nil {
		return ctx.Err()
	}
	path, err := s.find("dockerd")
	switch {
	case s.system != "linux":
		return errNoDocker{"docker is installed and no daemon answers", "start Docker"}
	case err != nil:
		return errNoDocker{"docker is installed and no daemon answers", "start Docker, or install dockerd; scripts/docker.sh does on Debian"}
	case !s.machine.root:
		return errNoDocker{"docker is installed and no daemon answers", "start it (sudo systemctl start docker), and be in the group docker"}
	}
	return s.startDocker(ctx, path)
}

func (s *session) askDocker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := s.output(ctx, s.command(ctx, "docker", "version", "--format", "{{.Server.Version}}"))
	return err
}

// tellSAM passes Docker's address to SAM, which reads only DOCKER_HOST; the
// docker command also reads its context.
func (s *session) tellSAM(ctx context.Context) error {
	host := s.env("DOCKER_HOST")
	if host == "" {
		var err error
		host, err = s.output(ctx, s.command(ctx, "docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"))
		if err != nil || host == "" {
			return ctx.Err()
		}
	}
	var err error
	s.samDocker, err = s.startRelay(host)
	return err
}

// startDocker starts a daemon for this run only, with its own containers and
// images. It leaves the machine's firewall and forwarding unchanged: containers
// that talk only to this machine do not need them.
func (s *session) startDocker(ctx context.Context, path string) error {
	dir, err := os.MkdirTemp("", "rollcall-docker-*")
	if err != nil {
		return err
	}
	s.atEnd(func(ctx context.Context) { s.removeDocker(ctx, dir) })
	network, err := s.addBridge(ctx)
	if err != nil {
		return errNoDocker{"no network can be created for containers:  " + err.Error(), "run it as root of the machine, or start Docker"}
	}
	socket := "unix://" + filepath.Join(dir, "docker.sock")
	s.say("starting a Docker daemon for this run (dockerd)")
	var said bytes.Buffer
	cmd := s.command(context.WithoutCancel(ctx), path,
		"--host", socket, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--bridge", network, "--iptables=false", "--ip-forward=false", "--ip-masq=false")
	cmd.Stdout, cmd.Stderr = &said, &said
	daemon, err := s.start(cmd)
	if err != nil {
		return err
	}
	s.environment = append(s.environment, "DOCKER_HOST="+socket)
	err = daemon.until(ctx, time.Minute, func(ctx context.Context) bool { return s.askDocker(ctx) == nil })
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		daemon.stop(ctx)
		return errNoDocker{"the Docker daemon does not start here", "run it on a machine where it does\n" + tail(said.Bytes())}
	}
	s.samDocker, err = s.startRelay(socket)
	return err
}

// removeDocker removes a daemon's folder, and what is still mounted in it.
func (s *session) removeDocker(ctx context.Context, dir string) {
	if mounts, err := os.ReadFile("/proc/self/mounts"); err == nil {
		for _, path := range mountsBelow(string(mounts), dir) {
			_ = s.command(ctx, "umount", "--lazy", path).Run()
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		s.say("%s remains: %v", dir, err)
	}
}

// mountsBelow returns the mount points below a folder, the deepest first.
func mountsBelow(mounts, dir string) []string {
	var below []string
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			below = append([]string{fields[1]}, below...)
		}
	}
	return below
}

// addBridge creates a network for the daemon of this run. On Docker's own
// network, the containers of two daemons would get the same addresses.
func (s *session) addBridge(ctx context.Context) (name string, err error) {
	if err := s.has(iproute); err != nil {
		return "", err
	}
	inUse, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	name = "rollcall" + strings.ToLower(rand.Text()[:6]) // the longest name has 15 characters
	s.atEnd(func(ctx context.Context) { _ = s.command(ctx, "ip", "link", "delete", name).Run() })
	for _, args := range [][]string{
		{"link", "add", "name", name, "type", "bridge"},
		{"address", "add", freeNetwork(inUse, rand.Reader), "dev", name},
		{"link", "set", name, "up"},
	} {
		if err := s.quietly(ctx, s.command(ctx, "ip", args...)); err != nil {
			return "", err
		}
	}
	return name, nil
}

// freeNetwork returns the address of a bridge in a network of 254 addresses
// that overlaps none of the machine's.
func freeNetwork(inUse []net.Addr, random io.Reader) string {
	for {
		var b [2]byte
		_, _ = io.ReadFull(random, b[:]) // never fails
		network := net.IPNet{IP: net.IPv4(10, 192+b[0]%64, b[1], 0), Mask: net.CIDRMask(24, 32)}
		if !slices.ContainsFunc(inUse, func(a net.Addr) bool {
			other, ok := a.(*net.IPNet)
			return ok && (network.Contains(other.IP) || other.Contains(network.IP))
		}) {
			return fmt.Sprintf("10.%d.%d.1/24", 192+b[0]%64, b[1])
		}
	}
}

// removeContainers removes the containers of this run that sam local left.
func (s *session) removeContainers(ctx context.Context) {
	all, err := s.output(ctx, s.command(ctx, "docker", "ps", "--all", "--quiet", "--filter", "label="+samLabel))
	ids := strings.Fields(all)
	if err != nil || len(ids) == 0 {
		return
	}
	format := `{{.Id}}{{range .Mounts}} {{.Source}}{{end}}`
	listed, err := s.output(ctx, s.command(ctx, "docker", append([]string{"inspect", "--format", format}, ids...)...))
	var gone *exec.ExitError // a container that ended in the meantime
	if err != nil && !errors.As(err, &gone) {
		return
	}
	if ours := containersOf(listed, s.dir); len(ours) > 0 {
		if err := s.quietly(ctx, s.command(ctx, "docker", append([]string{"rm", "--force"}, ours...)...)); err != nil {
			s.say("containers remain: %v", err)
		}
	}
}

// samLabel is on every container that sam local creates for a function.
const samLabel = "sam.cli.container.type=lambda"

// containersOf returns the ids of the containers, listed as ID MOUNTED…, that
// have a folder of the run mounted. Docker on a Mac prefixes a path of its own
// to ours.
func containersOf(listed, dir string) []string {
	var ids []string
	for line := range strings.Lines(listed) {
		id, mounted, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.Contains(mounted+"/", dir+"/") {
			ids = append(ids, id)
		}
	}
	return ids
}

// notRun returns a text, too large to overlook, for a run without Docker.
func notRun(what string, e errNoDocker) string {
	return fmt.Sprintf(`
!!!! NOT RUN: %s
!!!!
!!!! why  %s
!!!! how  %s
`, what, e.reason, strings.ReplaceAll(e.remedy, "\n", "\n!!!!      "))
}
