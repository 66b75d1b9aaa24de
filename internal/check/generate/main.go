// Command generate writes the generated files of the repository: go generate runs it
// in the repository's folder. Tests of the packages that make the files compare them.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/assertion/assertiontest"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/check/conformance"
	"github.com/rollcall-scim/rollcall/internal/check/cost"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/check/sabotage"
	"github.com/rollcall-scim/rollcall/internal/check/supply"
	"github.com/rollcall-scim/rollcall/internal/check/watch"
	"github.com/rollcall-scim/rollcall/internal/e2e/replay/replaytest"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/guide"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/setting"
)

// A file is a generated file, with what makes it from the repository's tree.
type file struct {
	name string
	of   func(tree fs.FS) ([]byte, error)
}

// files are the generated files besides the setup pages.
var files = []file{
	{"docs/reference/causes.md", func(fs.FS) ([]byte, error) { return cause.Document(journal.Documented, setting.Documented), nil }},
	{"docs/reference/events.md", func(fs.FS) ([]byte, error) { return event.Document(), nil }},
	{"docs/reference/faulty-settings.md", func(fs.FS) ([]byte, error) { return setting.Document(), nil }},
	{"docs/reference/cost.md", cost.Page},
	{"docs/reference/hostile-assertions.md", func(fs.FS) ([]byte, error) { return assertiontest.Document(), nil }},
	{"docs/reference/dialect-places.md", func(fs.FS) ([]byte, error) { return replaytest.Document(), nil }},
	{conformance.Pages[0].Name, conformancePage(conformance.Pages[0])},
	{conformance.Pages[1].Name, conformancePage(conformance.Pages[1])},
	{"NOTICE", ofModules(supply.Notice)},
	{"THIRD_PARTY_LICENSES.txt", ofModules(supply.Licenses)},
	{"docs/testing.md", func(tree fs.FS) ([]byte, error) {
		page, err := fs.ReadFile(tree, "docs/testing.md")
		if err != nil {
			return nil, err
		}
		return sabotage.Page(page)
	}},
	{"template.yaml", func(tree fs.FS) ([]byte, error) {
		template, err := fs.ReadFile(tree, "template.yaml")
		if err != nil {
			return nil, err
		}
		infra, err := fs.Sub(tree, "infra")
		if err != nil {
			return nil, err
		}
		return watch.Template(template, infra)
	}},
	{"docs/threat-model.md", func(tree fs.FS) ([]byte, error) {
		page, err := fs.ReadFile(tree, "docs/threat-model.md")
		if err != nil {
			return nil, err
		}
		template, err := fs.ReadFile(tree, "template.yaml")
		if err != nil {
			return nil, err
		}
		return iam.Page(page, template)
	}},
}

// conformancePage returns what makes a page of requirements.
func conformancePage(page conformance.Page) func(tree fs.FS) ([]byte, error) {
	return func(tree fs.FS) ([]byte, error) {
		document, faults, err := conformance.Generate(tree, page)
		for _, fault := range faults {
			err = errors.Join(err, errors.New(fault))
		}
		return document, err
	}
}

// setupPages returns the setup page of each product that the guide knows.
func setupPages() []file {
	var pages []file
	for _, p := range guide.Products() {
		pages = append(pages, file{p.File(), func(tree fs.FS) ([]byte, error) { return setupPage(tree, p) }})
	}
	return pages
}

// setupPage makes a setup page: its steps, and its tables of failures and faulty settings if
// it has them.
func setupPage(tree fs.FS, p guide.Product) ([]byte, error) {
	page, err := fs.ReadFile(tree, p.File())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if page, err = guide.Document(p, page); err != nil || p.Whole() {
		return page, err
	}
	if page, err = cause.SetupPage(page, p.Provider); err != nil {
		return nil, err
	}
	return setting.SetupPage(page, p.Provider)
}

// ofModules returns a document about the modules that the binaries link.
func ofModules(document func([]supply.Module) []byte) func(fs.FS) ([]byte, error) {
	return func(fs.FS) ([]byte, error) {
		modules, err := supply.Modules()
		if err != nil {
			return nil, err
		}
		return document(modules), nil
	}
}

func main() {
	for _, f := range slices.Concat(files, setupPages()) {
		content, err := f.of(os.DirFS("."))
		if err == nil {
			err = os.WriteFile(f.name, content, 0o644) //nolint:gosec // G306: files of the repository are for everybody
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "generate: %s: %v\n", f.name, err)
			os.Exit(1)
		}
	}
}
