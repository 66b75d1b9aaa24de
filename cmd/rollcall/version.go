package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// A build describes how this binary was built.
type build struct {
	Module  string `json:"module"`
	Version string `json:"version"`
	// Commit is "" for a binary that was built outside of a checkout, from a release.
	Commit string `json:"commit,omitempty"`
	// Modified reports that the checkout had changes that are not in the commit.
	Modified bool   `json:"modified,omitzero"`
	Time     string `json:"time,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// The linker sets these in the binaries of a release (scripts/release).
var releaseVersion, releaseCommit, releaseTime string

// thisBuild returns how this binary was built: the release that it is of, or else what the
// Go tools wrote into it. `go install …@version` records the version, a build in a checkout
// the commit too.
func thisBuild() build {
	info, _ := debug.ReadBuildInfo()
	b := buildOf(info)
	if releaseVersion != "" {
		b.Version, b.Commit, b.Time, b.Modified = releaseVersion, releaseCommit, releaseTime, false
	}
	return b
}

func buildOf(info *debug.BuildInfo) build {
	b := build{Module: "github.com/rollcall-scim/rollcall", Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return b
	}
	if info.Main.Path != "" {
		b.Module = info.Main.Path
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	// The version of a commit that has no tag ends in the commit.
	if parts := strings.Split(strings.TrimSuffix(b.Version, "+dirty"), "-"); b.Commit == "" && len(parts) > 2 && len(parts[len(parts)-1]) == 12 {
		b.Commit = parts[len(parts)-1]
	}
	return b
}

// String returns the build in one line.
func (b build) String() string {
	commit := ""
	if b.Commit != "" {
		commit = ", commit " + b.Commit[:min(len(b.Commit), 12)]
		if b.Modified {
			commit += " with changes"
		}
	}
	return fmt.Sprintf("rollcall %s%s, %s, %s", b.Version, commit, b.Go, b.Platform)
}

func newVersion() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use: "version", Short: "print the version, the commit, and the version of Go", Args: takes(0),
		Example: `  rollcall version
  rollcall version --json`,
		RunE: func(c *cobra.Command, _ []string) error {
			b := thisBuild()
			o := asking{json: asJSON}
			return o.show(c, b, func(w io.Writer) { fmt.Fprintln(w, b) })
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, jsonUsage)
	return c
}
