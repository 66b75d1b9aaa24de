package lambdaruntime

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

const module = "github.com/rollcall-scim/rollcall"

// BuildFlags returns the flags of go build with which the Makefile builds a
// function.
func BuildFlags() []string {
	return []string{"-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-tags", "lambda.norpc,nethttpomithttp2"}
}

// Functions are the folders of the deployed functions that use the table.
var Functions = []string{"functions/users", "functions/groups", "functions/bulk", "functions/admin", "functions/discovery", "functions/oauth", "functions/portal", "functions/sweep", "functions/feed", "functions/deliver"}

// Hook is the folder of the function that a deployment invokes, and no client.
const Hook = "functions/hook"

// FunctionName returns the name in template.yaml of the function in a folder:
// UsersFunction for functions/users.
func FunctionName(folder string) string {
	name := path.Base(folder)
	if name == "oauth" {
		return "OAuthFunction"
	}
	return strings.ToUpper(name[:1]) + name[1:] + "Function"
}

// Bootstrap returns the path of a function's binary below a folder that sam
// build, or Build, has filled.
func Bootstrap(dir, folder string) string {
	return filepath.Join(dir, FunctionName(folder), "bootstrap")
}

// Build builds the programs in some of this module's folders as the Makefile
// builds a function, each to its Bootstrap in dir. A system and an architecture
// of "" are this machine's. It works anywhere inside the module, and needs the
// go command.
func Build(ctx context.Context, dir, system, architecture string, folders ...string) error {
	if system == "" {
		system = runtime.GOOS
	}
	if architecture == "" {
		architecture = runtime.GOARCH
	}
	// One command for all, so that shared packages are compiled once.
	built, err := os.MkdirTemp(dir, ".build-*")
	if err != nil {
		return fmt.Errorf("lambdaruntime: %w", err)
	}
	defer func() { _ = os.RemoveAll(built) }() // it is empty by now
	args := append([]string{"build"}, BuildFlags()...)
	args = append(args, "-o", built+string(filepath.Separator))
	for _, folder := range folders {
		args = append(args, path.Join(module, folder))
	}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the folders are the caller's to choose
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("lambdaruntime: go build: %w\n%s", err, stderr.Bytes())
	}
	for _, folder := range folders {
		to := Bootstrap(dir, folder)
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return fmt.Errorf("lambdaruntime: %w", err)
		}
		if err := os.Rename(filepath.Join(built, path.Base(folder)), to); err != nil {
			return fmt.Errorf("lambdaruntime: %w", err)
		}
	}
	return nil
}
