// Command release builds what a version of rollcall is published as, into one folder:
//
//	rollcall_VERSION_OS_ARCH.tar.gz    the command; .zip for Windows
//	rollcall_VERSION_lambda_ARCH.zip   the deployment: template.yaml and the functions, built
//	rollcall_VERSION_sbom.zip          the bills of materials of all binaries (CycloneDX)
//	SHA256SUMS                         the sums of these files
//
// A commit gives the same bytes on every machine: the release of Go is that of go.mod, the
// binaries have no path of the machine, and the archives have the time of the commit. make
// release runs it; docs/how-to/release.md describes the rest of a release.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sums is the name of the file with the sums of all others.
const sums = "SHA256SUMS"

// versionFormat matches a version of semantic versioning, with the v of a tag.
var versionFormat = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

// A source is the code that is built.
type source struct {
	// folder has the sources.
	folder  string
	version string
	commit  string
	// time is the time of the commit, which is the time of all files in the archives.
	time time.Time
}

// A selection is the part of a release that is built.
type selection struct {
	// platforms are the platforms of the command, as GOOS/GOARCH.
	platforms []string
	// processors are the processors of the functions, as GOARCH.
	processors []string
	// sbom reports whether bills of materials are written. Their tool may need the network.
	sbom bool
}

// everything is all of a release.
var everything = selection{
	platforms:  []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"},
	processors: []string{"arm64", "amd64"},
	sbom:       true,
}

func main() {
	version := flag.String("version", "", "`VERSION` of the release, for example v1.2.3; a tag of that name must be the commit")
	out := flag.String("out", "bin/release", "`FOLDER` for the files; what it has before is removed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *version, *out); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run builds a release of the commit that is checked out here.
func run(ctx context.Context, version, out string) error {
	s, err := checkedOut(ctx, version)
	if err != nil {
		return err
	}
	files, err := build(ctx, s, everything, out)
	if err != nil {
		return err
	}
	fmt.Printf("rollcall %s, commit %s\n%s", s.version, s.commit, files)
	return nil
}

// checkedOut returns the source in the working folder. Its files must be those of the commit,
// and a tag with the name of the version must be that commit.
func checkedOut(ctx context.Context, version string) (source, error) {
	if !versionFormat.MatchString(version) {
		return source{}, fmt.Errorf("%q is not a version: give one as VERSION=v1.2.3, or VERSION=v0.0.0-test to try", version)
	}
	git := func(args ...string) (string, error) {
		b, err := exec.CommandContext(ctx, "git", args...).Output() //nolint:gosec // G204: the arguments of this file, and a version that matches versionFormat
		return strings.TrimSpace(string(b)), err
	}
	changed, err := git("status", "--porcelain")
	if err != nil {
		return source{}, fmt.Errorf("a release is built in a checkout of git: %w", err)
	}
	if changed != "" {
		return source{}, fmt.Errorf("the checkout differs from its commit: commit or remove\n%s", changed)
	}
	folder, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		return source{}, err
	}
	head, err := git("show", "--no-patch", "--format=%H %ct", "HEAD")
	if err != nil {
		return source{}, err
	}
	commit, seconds, _ := strings.Cut(head, " ")
	if tagged, err := git("rev-parse", "--verify", "--quiet", "refs/tags/"+version+"^{commit}"); err == nil && tagged != commit {
		return source{}, fmt.Errorf("%s is the tag of the commit %s, and %s is checked out: check out the tag", version, tagged, commit)
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return source{}, fmt.Errorf("git gives no time of the commit: %w", err)
	}
	return source{folder: folder, version: version, commit: commit, time: time.Unix(unix, 0).UTC()}, nil
}

// build builds a selection of a release into a folder, and returns the text of SHA256SUMS.
func build(ctx context.Context, s source, what selection, out string) (string, error) {
	out, err := filepath.Abs(out)
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o750)); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp("", "rollcall-release-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	b, err := newBuilder(s, work)
	if err != nil {
		return "", err
	}
	for _, platform := range what.platforms {
		if err := b.command(ctx, platform, out); err != nil {
			return "", fmt.Errorf("the command for %s: %w", platform, err)
		}
	}
	for _, processor := range what.processors {
		if err := b.deployment(ctx, processor, out); err != nil {
			return "", fmt.Errorf("the functions for %s: %w", processor, err)
		}
	}
	if what.sbom {
		if err := b.sbom(ctx, out); err != nil {
			return "", fmt.Errorf("the bills of materials: %w", err)
		}
	}
	return writeSums(out)
}

// writeSums writes the sums of the files in a folder, in the format of sha256sum, and returns
// them.
func writeSums(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, name := range slices.Sorted(namesOf(entries)) {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(content), name)
	}
	return text.String(), os.WriteFile(filepath.Join(folder, sums), []byte(text.String()), 0o600)
}
