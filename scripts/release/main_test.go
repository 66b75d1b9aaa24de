package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/dev/local"
)

// here is a selection that is built quickly: the command for this machine, and the functions
// for the processor that they are deployed on by default.
var here = selection{platforms: []string{runtime.GOOS + "/" + runtime.GOARCH}, processors: []string{"arm64"}}

// sources copies the files of the repository, those that are not committed too, into another
// folder, with other times.
func sources(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "another place")
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = "../.."
	list, err := cmd.Output()
	require.NoError(t, err)
	for name := range strings.Lines(string(list)) {
		name = strings.TrimSpace(name)
		content, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join("../..", name))
		require.NoError(t, err)
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, content, info.Mode().Perm()))
	}
	return folder
}

// The same sources give the same files in another folder; they have what a release promises.
func TestRelease_IsTheSameInAnotherFolder(t *testing.T) {
	top, err := filepath.Abs("../..")
	require.NoError(t, err)
	s := source{folder: top, version: "v0.0.0-test", commit: strings.Repeat("c", 40), time: time.Date(2026, 11, 30, 12, 0, 1, 0, time.UTC)}
	first, second := t.TempDir(), t.TempDir()
	want, err := build(t.Context(), s, here, first)
	require.NoError(t, err)
	s.folder = sources(t)
	t.Setenv("TZ", "Asia/Tokyo")
	t.Setenv("GOFLAGS", "-tags=other")
	got, err := build(t.Context(), s, here, second)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	require.Len(t, strings.Split(strings.TrimSpace(want), "\n"), 2, want)
	written, err := os.ReadFile(filepath.Join(first, sums))
	require.NoError(t, err)
	assert.Equal(t, want, string(written))

	command(t, filepath.Join(first, "rollcall_v0.0.0-test_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz"))
	deployment(t, filepath.Join(first, "rollcall_v0.0.0-test_lambda_arm64.zip"))
}

// command checks the archive of the command.
func command(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	compressed, err := gzip.NewReader(f)
	require.NoError(t, err)
	archive := tar.NewReader(compressed)
	var names []string
	binary := filepath.Join(t.TempDir(), "rollcall")
	for {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		names = append(names, header.Name)
		assert.Equal(t, "2026-11-30T12:00:01Z", header.ModTime.UTC().Format(time.RFC3339), header.Name)
		assert.Empty(t, header.Uname+header.Gname, header.Name)
		if header.Name == "rollcall" {
			content, err := io.ReadAll(archive)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(binary, content, os.FileMode(header.Mode)))
		}
	}
	assert.Equal(t, []string{"rollcall", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE", "THIRD_PARTY_LICENSES.txt"}, names)
	out, err := exec.CommandContext(t.Context(), binary, "version").Output()
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(out), "rollcall v0.0.0-test, commit cccccccccccc, go"), string(out))
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	top, err := filepath.Abs("../..")
	require.NoError(t, err)
	assert.False(t, bytes.Contains(content, []byte(top)), "the binary has a path of this machine")
}

// deployment checks the archive of the deployment.
func deployment(t *testing.T, path string) {
	t.Helper()
	archive, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer func() { _ = archive.Close() }()
	files := map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		require.NoError(t, err)
		files[f.Name], err = io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, f.Name == "deploy.sh", f.Mode()&0o100 != 0, f.Name)
	}
	for _, name := range []string{"samconfig.toml", "deploy.sh", "CHANGELOG.md", "LICENSE", "NOTICE", "THIRD_PARTY_LICENSES.txt"} {
		assert.NotEmpty(t, files[name], name)
	}
	template := string(files["template.yaml"])
	assert.Contains(t, template, "Metadata:\n  rollcall:\n    Version: v0.0.0-test\n    Commit: "+strings.Repeat("c", 40)+"\n    Former: none\n")
	assert.NotContains(t, template, "CodeUri: .")
	routes, err := local.Routes([]byte(template))
	require.NoError(t, err)
	assert.NotEmpty(t, routes)

	functions := strings.Count(template, "Type: AWS::Serverless::Function\n")
	require.Equal(t, functions, strings.Count(template, "\n      CodeUri: "), "a function without code")
	for _, m := range function.FindAllStringSubmatch(strings.ReplaceAll(template, ".zip\n", "\n"), -1) {
		functions--
		code, err := zip.NewReader(bytes.NewReader(files[m[1]+".zip"]), int64(len(files[m[1]+".zip"])))
		require.NoError(t, err, m[1])
		require.Len(t, code.File, 1, m[1])
		bootstrap := code.File[0]
		assert.True(t, bootstrap.Name == "bootstrap" && bootstrap.Mode().Perm() == 0o755, "%s: %s %s", m[1], bootstrap.Name, bootstrap.Mode())
		assert.Equal(t, 1980, bootstrap.Modified.UTC().Year(), "its bytes depend on the code alone")
		r, err := bootstrap.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		binary, err := elf.NewFile(bytes.NewReader(content))
		require.NoError(t, err, m[1])
		assert.Equal(t, elf.EM_AARCH64, binary.Machine, m[1])
	}
	assert.Zero(t, functions)
}

// A release is built from a commit, under its own version.
func TestRelease_IsOfACommit(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"}, args...)
		out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	_, err := checkedOut(t.Context(), "v1.0.0")
	require.ErrorContains(t, err, "in a checkout of git")
	git("init", "-q")
	require.NoError(t, os.WriteFile("a", []byte("a"), 0o600))
	_, err = checkedOut(t.Context(), "v1.0.0")
	require.ErrorContains(t, err, "differs from its commit")
	git("add", "a")
	t.Setenv("GIT_COMMITTER_DATE", "2026-11-30T12:00:01Z")
	git("commit", "-q", "-m", "a")
	git("tag", "v1.0.0")
	s, err := checkedOut(t.Context(), "v1.0.0")
	require.NoError(t, err)
	assert.Equal(t, "2026-11-30T12:00:01Z", s.time.Format(time.RFC3339))
	assert.Len(t, s.commit, 40)
	git("commit", "-q", "--allow-empty", "-m", "b")
	_, err = checkedOut(t.Context(), "v1.0.0")
	require.ErrorContains(t, err, "check out the tag")
	_, err = checkedOut(t.Context(), "v1.0.1")
	require.NoError(t, err)
	for _, version := range []string{"", "1.0.0", "v1.0", "v01.0.0", "v1.0.0-", "v1.0.0 -X", "latest"} {
		_, err = checkedOut(t.Context(), version)
		assert.ErrorContains(t, err, "is not a version", version)
	}
}
