package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// settings are Go's settings of a build, so that a machine's own do not count.
var settings = []string{
	"CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOWORK=off", "GOFIPS140=off",
}

// A builder builds the parts of a release.
type builder struct {
	source
	// work is the folder for files that are not published.
	work string
	// toolchain is the release of Go that builds.
	toolchain string
	// binaries are the paths of what was built, by the names of their bills of materials.
	binaries map[string]string
}

var goDirective = regexp.MustCompile(`(?m)^go (\d+\.\d+\.\d+)$`)

func newBuilder(s source, work string) (*builder, error) {
	mod, err := os.ReadFile(filepath.Join(s.folder, "go.mod"))
	if err != nil {
		return nil, err
	}
	release := goDirective.FindSubmatch(mod)
	if release == nil {
		return nil, errors.New("go.mod names no release of Go")
	}
	return &builder{source: s, work: work, toolchain: "go" + string(release[1]), binaries: map[string]string{}}, nil
}

// run runs a program in the folder of the sources.
func (b *builder) run(ctx context.Context, stdin []byte, env []string, name string, args ...string) (stdout []byte, err error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // G204: the programs that this package names
	cmd.Dir = b.folder
	cmd.Env = slices.Concat(os.Environ(), settings, []string{"GOTOOLCHAIN=" + b.toolchain}, env)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, &said)
	}
	return out.Bytes(), nil
}

// read returns files of the sources.
func (b *builder) read(names ...string) (files []file, err error) {
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(b.folder, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: filepath.Base(name), content: content})
	}
	return files, nil
}

// write writes a file of the release.
func (b *builder) write(out, name string, content []byte) error {
	return os.WriteFile(filepath.Join(out, "rollcall_"+b.version+"_"+name), content, 0o600)
}

// legal are the files that every archive has.
var legal = []string{"LICENSE", "NOTICE", "THIRD_PARTY_LICENSES.txt"}

// command builds the command for a platform, and its archive.
func (b *builder) command(ctx context.Context, platform, out string) error {
	goos, goarch, _ := strings.Cut(platform, "/")
	name := "rollcall"
	if goos == "windows" {
		name += ".exe"
	}
	binary := filepath.Join(b.work, "command", goos+"_"+goarch, name)
	flags := fmt.Sprintf("-s -w -X main.releaseVersion=%s -X main.releaseCommit=%s -X main.releaseTime=%s", b.version, b.commit, b.time.Format(time.RFC3339))
	_, err := b.run(ctx, nil, []string{"GOOS=" + goos, "GOARCH=" + goarch}, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", binary, "./cmd/rollcall")
	if err != nil {
		return err
	}
	b.binaries["rollcall_"+goos+"_"+goarch] = binary
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	files, err := b.read(append([]string{"README.md", "CHANGELOG.md"}, legal...)...)
	if err != nil {
		return err
	}
	files = append([]file{{name: name, content: content, executable: true}}, files...)
	pack, extension := tarball, ".tar.gz"
	if goos == "windows" {
		pack, extension = zipped, ".zip"
	}
	archive, err := pack(files, b.time)
	if err != nil {
		return err
	}
	return b.write(out, goos+"_"+goarch+extension, archive)
}

var (
	// function matches the folder of a function's code in the template.
	function = regexp.MustCompile(`(?m)^      CodeUri: (\w+)$`)
	// metadata matches the beginning of the template's own metadata.
	metadata = regexp.MustCompile(`(?m)^Metadata:\n`)
)

// unchanging is the time of the files in a function's archive. It is not that of the commit,
// so that a function whose code is the same in the next version is the same archive too, and
// CloudFormation does not update it.
var unchanging = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// deployment builds the functions for a processor, and the archive with them and the template.
func (b *builder) deployment(ctx context.Context, processor, out string) error {
	lambda := map[string]string{"arm64": "arm64", "amd64": "x86_64"}[processor]
	template, names, err := b.template(ctx, lambda)
	if err != nil {
		return err
	}
	files := []file{{name: "template.yaml", content: template}}
	for _, name := range names {
		folder := filepath.Join(b.work, "lambda", lambda, name)
		if _, err := b.run(ctx, nil, nil, "make", "--no-print-directory", "build-"+name, "LAMBDA_ARCH="+processor, "ARTIFACTS_DIR="+folder); err != nil {
			return err
		}
		binary := filepath.Join(folder, "bootstrap")
		b.binaries[name+"_"+lambda] = binary
		content, err := os.ReadFile(binary)
		if err != nil {
			return err
		}
		archive, err := zipped([]file{{name: "bootstrap", content: content, executable: true}}, unchanging)
		if err != nil {
			return err
		}
		files = append(files, file{name: name + ".zip", content: archive})
	}
	others, err := b.read(append([]string{"samconfig.toml", "CHANGELOG.md", "scripts/deploy.sh"}, legal...)...)
	if err != nil {
		return err
	}
	for i := range others {
		others[i].executable = strings.HasSuffix(others[i].name, ".sh")
	}
	archive, err := zipped(append(files, others...), b.time)
	if err != nil {
		return err
	}
	return b.write(out, "lambda_"+lambda+".zip", archive)
}

// template returns the template of the deployment, whose functions are built for a processor,
// and the names of these functions.
func (b *builder) template(ctx context.Context, lambda string) ([]byte, []string, error) {
	before, err := os.ReadFile(filepath.Join(b.folder, "template.yaml"))
	if err != nil {
		return nil, nil, err
	}
	template, err := b.run(ctx, before, nil, "go", "run", "./scripts/localtemplate", lambda)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, m := range function.FindAllSubmatch(template, -1) {
		names = append(names, string(m[1]))
	}
	if len(names) == 0 || len(metadata.FindAll(template, -1)) != 1 {
		return nil, nil, errors.New("template.yaml has no functions, or no metadata")
	}
	template = function.ReplaceAll(template, []byte("      CodeUri: ${1}.zip"))
	own := fmt.Sprintf("Metadata:\n  rollcall:\n    Version: %s\n    Commit: %s\n    Former: none\n", b.version, b.commit)
	return metadata.ReplaceAll(template, []byte(own)), names, nil
}

// sbom writes the bills of materials of the binaries that were built before.
func (b *builder) sbom(ctx context.Context, out string) error {
	var files []file
	for _, name := range slices.Sorted(maps.Keys(b.binaries)) {
		bill := filepath.Join(b.work, name+".cdx.json")
		if _, err := b.run(ctx, nil, nil, filepath.Join("scripts", "sbom.sh"), b.version, bill, b.binaries[name]); err != nil {
			return err
		}
		content, err := os.ReadFile(bill)
		if err != nil {
			return err
		}
		files = append(files, file{name: filepath.Base(bill), content: content})
	}
	archive, err := zipped(files, b.time)
	if err != nil {
		return err
	}
	return b.write(out, "sbom.zip", archive)
}
