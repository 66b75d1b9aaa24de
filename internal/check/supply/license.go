package supply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const module = "github.com/rollcall-scim/rollcall"

// programs are the shipped programs: the functions, and the command on the platforms that
// it is built for. Go may select other packages for each.
var programs = []struct {
	name, pattern string
	tags          string // of the Makefile
	platforms     []string
}{
	{"functions", module + "/functions/...", "lambda.norpc,nethttpomithttp2", []string{"linux/arm64", "linux/amd64"}},
	{"rollcall", module + "/cmd/rollcall", "", []string{"linux/amd64", "darwin/arm64", "windows/amd64"}},
}

// A Module is another project's module, or the Go distribution, of which a program links
// packages.
type Module struct {
	Path, Version string
	// Programs are the programs that link it.
	Programs []string
	// Texts are its licence, patent and notice files, by name in the module. Those in the
	// folders of linked packages are included.
	Texts map[string]string
	// Licenses are the SPDX identifiers of its licences.
	Licenses []string
}

// licenseFile matches the names of files whose texts are passed on.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|patents|notice)`)

// identifiers are the licences that the project accepts, by a phrase that only their text
// has. Each permits use in a product that is not open.
var identifiers = []struct{ spdx, phrase string }{
	{"Apache-2.0", "Apache License Version 2.0, January 2004"},
	{"BSD-3-Clause", "Neither the name of"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files"},
	{"MIT-0", "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the \"Software\"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so. THE SOFTWARE"},
}

// licenses returns the accepted licences of a text.
func licenses(text string) []string {
	plain := strings.Join(strings.Fields(text), " ")
	var found []string
	for _, l := range identifiers {
		if strings.Contains(plain, l.phrase) {
			found = append(found, l.spdx)
		}
	}
	if slices.Contains(found, "MIT-0") {
		found = slices.DeleteFunc(found, func(l string) bool { return l == "MIT" })
	}
	return found
}

// listed is the output of go list for a package.
type listed struct {
	ImportPath, Dir string
	Standard        bool
	Module          *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// list returns the packages that a program links.
func list(pattern, tags, platform string) ([]listed, error) {
	goos, goarch, _ := strings.Cut(platform, "/")
	cmd := exec.Command("go", "list", "-tags="+tags, "-deps", "-json=ImportPath,Dir,Standard,Module", pattern) //nolint:gosec,noctx // G204: patterns of this file; it ends by itself
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w: %s", pattern, err, stderr.Bytes())
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

// Modules returns the modules that the programs link, by path, the Go distribution first. A
// module without a licence that the project accepts is an error.
func Modules() ([]Module, error) {
	found := map[string]*Module{}
	for _, program := range programs {
		for _, platform := range program.platforms {
			packages, err := list(program.pattern, program.tags, platform)
			if err != nil {
				return nil, err
			}
			for _, p := range packages {
				if err := add(found, p, program.name); err != nil {
					return nil, err
				}
			}
		}
	}
	all := make([]Module, 0, len(found))
	for _, m := range found {
		for name, text := range m.Texts {
			if strings.Contains(strings.ToUpper(text), "GENERAL PUBLIC LICENSE") {
				return nil, fmt.Errorf("%s: %s is a licence of the GNU project, which supply does not accept", m.Path, name)
			}
			m.Licenses = append(m.Licenses, licenses(text)...)
		}
		slices.Sort(m.Licenses)
		m.Licenses = slices.Compact(m.Licenses)
		if len(m.Licenses) == 0 {
			return nil, fmt.Errorf("%s has no licence that supply accepts: read it, and add it to identifiers if it may be shipped", m.Path)
		}
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// goDistribution is the path of the standard library and the runtime.
const goDistribution = "Go standard library and runtime"

// add adds the module of a package with the licences on the way from the package to the
// module's folder.
func add(found map[string]*Module, p listed, program string) error {
	var top string
	path, version := goDistribution, ""
	switch {
	case p.Standard:
		top = goRoot(p)
	case p.Module == nil || p.Module.Main:
		return nil
	default:
		path, version, top = p.Module.Path, p.Module.Version, p.Module.Dir
	}
	m := found[path]
	if m == nil {
		m = &Module{Path: path, Version: version, Texts: map[string]string{}}
		found[path] = m
	}
	if !slices.Contains(m.Programs, program) {
		m.Programs = append(m.Programs, program)
	}
	if p.Standard && !strings.HasPrefix(p.ImportPath, "vendor/") {
		return m.read(top, top) // the licence of BoringSSL beside crypto is for an experiment that is off
	}
	for folder := p.Dir; strings.HasPrefix(folder, top); folder = filepath.Dir(folder) {
		if err := m.read(folder, top); err != nil {
			return err
		}
		if folder == top {
			break
		}
	}
	return nil
}

// goRoot returns the folder of the Go distribution that a package of it lies in.
func goRoot(p listed) string {
	return filepath.Dir(strings.TrimSuffix(p.Dir, string(filepath.Separator)+filepath.FromSlash(p.ImportPath)))
}

// read adds the licences in a folder.
func (m *Module) read(folder, top string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || !licenseFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		m.Texts[filepath.ToSlash(name)] = strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))
	}
	return nil
}
