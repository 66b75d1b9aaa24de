package arch

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var (
	// span is a code span.
	span = regexp.MustCompile("`([^`\n]*)`")
	// row is a row of a table in Markdown, with its first two cells.
	row = regexp.MustCompile(`(?m)^\| ([^|\n]+) \| ([^|\n]+) \|`)
	// packagesPicture is the picture of the packages, of which an arrow means "imports".
	packagesPicture = regexp.MustCompile("(?s)```mermaid\nflowchart TD\n(.*?)```")
	// pictureLabel is a node of a picture with a label other than its name.
	pictureLabel = regexp.MustCompile(`(\w+)\["([^"]+)"\]`)
)

const architecture = "docs/explanation/architecture.md"

// Every package of internal/ is in CONTRIBUTING.md's table of folders: by its path, or in the
// row of the folder that contains it, by its name. Packages named for a test (enginetest) may
// be left out.
func TestFolders_AreDescribed(t *testing.T) {
	rows := map[string][]string{} // the names in the row of a folder
	for _, cells := range row.FindAllStringSubmatch(file(t, "CONTRIBUTING.md"), -1) {
		if names := spans(cells[1]); len(names) > 0 && strings.HasPrefix(names[0], "internal/") {
			for i, name := range names {
				if i > 0 {
					name = "internal/" + name
				}
				rows[name] = spans(cells[2])
			}
		}
	}
	for folder := range rows {
		assert.Truef(t, isFolder(t, folder), "CONTRIBUTING.md describes %s, which is not a folder", folder)
	}
	for _, name := range listPackages(t).own {
		name = strings.TrimPrefix(name, "./")
		if _, ok := rows[name]; ok || !strings.HasPrefix(name, "internal/") || strings.Contains(name, "/testdata/") || strings.HasSuffix(name, "test") {
			continue
		}
		top := strings.Join(strings.Split(name, "/")[:2], "/")
		if !slices.Contains(rows[top], path.Base(name)) {
			t.Errorf("%s is not in CONTRIBUTING.md's table of folders: name it in a row of its own, or %s in that of %s", name, path.Base(name), top)
		}
	}
}

// The packages that the page on the architecture names exist, in its table of layers and in
// its picture; and an arrow of the picture is an import.
func TestArchitecture_NamesPackages(t *testing.T) {
	text := file(t, architecture)
	found := 0
	for _, cells := range row.FindAllStringSubmatch(text[:strings.Index(text, "\n## The life of")], -1) {
		for _, name := range spans(cells[2]) {
			if found++; !isFolder(t, "internal/"+name) {
				t.Errorf("%s: there is no package internal/%s", architecture, name)
			}
		}
	}
	assert.Truef(t, found >= 15, "%s: %d packages in the table of layers", architecture, found)
	picture := arrows(packagesPicture.FindStringSubmatch(text)[1])
	assert.Truef(t, len(picture) >= 20, "%s: %d arrows in the picture of the packages", architecture, len(picture))
	graph := listPackages(t)
	for _, arrow := range picture {
		from, to := inModule(t, arrow[0]), inModule(t, arrow[1])
		assert.Falsef(t, arrow[0] != "functions/NAME" && !slices.Contains(graph.imports[from], to), "%s: %s does not import %s", architecture, from, to)
	}
}

// arrows returns the ends of each arrow in a picture.
func arrows(picture string) (all [][2]string) {
	labels := map[string]string{}
	for _, m := range pictureLabel.FindAllStringSubmatch(picture, -1) {
		labels[m[1]] = m[2]
	}
	ends := func(side string) (names []string) {
		for name := range strings.SplitSeq(side, "&") {
			name = strings.TrimSpace(name)
			if label, ok := labels[name]; ok {
				name = label
			}
			names = append(names, name)
		}
		return names
	}
	for line := range strings.Lines(pictureLabel.ReplaceAllString(picture, "$1")) {
		left, right, ok := strings.Cut(line, "-->")
		for _, from := range ends(left) {
			for _, to := range ends(right) {
				if ok {
					all = append(all, [2]string{from, to})
				}
			}
		}
	}
	return all
}

// inModule returns the package that a picture names without internal/.
func inModule(t *testing.T, name string) string {
	t.Helper()
	if folder := "internal/" + name; isFolder(t, folder) {
		return "./" + folder
	}
	return "./" + name
}

// spans returns the code spans of a text.
func spans(text string) []string {
	var all []string
	for _, m := range span.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

func isFolder(t *testing.T, name string) bool {
	t.Helper()
	info, err := os.Stat(filepath.Join(root(t), filepath.FromSlash(name)))
	return err == nil && info.IsDir()
}
