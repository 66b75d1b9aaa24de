package arch

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	// markdownLink is an inline link or image of Markdown, with its target.
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// htmlLink is the target of an HTML element in Markdown.
	htmlLink = regexp.MustCompile(`(?:src|srcset|href)="([^"]+)"`)
	// htmlAnchor is an anchor that a page declares beside its headings.
	htmlAnchor = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
	// namedPage is a page of the documentation that a text names from the root.
	namedPage = regexp.MustCompile(`\bdocs/[\w./-]+\.(?:md|json|png)\b(?:#[\w-]+)?`)
	// codeSpan is code within a line, in which nothing is a link.
	codeSpan = regexp.MustCompile("`[^`\n]*`")
)

// Every relative link in a Markdown file leads to a file that exists, and to an anchor
// that the file has.
func TestLinks_LeadSomewhere(t *testing.T) {
	links := 0
	for _, page := range textFiles(t) {
		if path.Ext(page) != ".md" {
			continue
		}
		prose := withoutCode(file(t, page))
		found := markdownLink.FindAllStringSubmatch(codeSpan.ReplaceAllString(prose, ""), -1)
		for _, m := range append(found, htmlLink.FindAllStringSubmatch(prose, -1)...) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			links++
			assert.Emptyf(t, checkTarget(t, page, m[1]), "%s: the link %s", page, m[1])
		}
	}
	assert.Truef(t, links >= 150, "%d links were found", links)
}

// Every page of docs/ that a text of the repository names (a comment, a help text, an
// error, a script) exists.
func TestPages_NamedAnywhereExist(t *testing.T) {
	pages := 0
	for _, name := range textFiles(t) {
		for _, target := range namedPage.FindAllString(file(t, name), -1) {
			pages++
			assert.Emptyf(t, checkTarget(t, "README.md", target), "%s names %s", name, target)
		}
	}
	assert.Truef(t, pages >= 100, "%d names were found", pages)
}

// Every page of the documentation is listed in its index.
func TestIndex_HasEveryPage(t *testing.T) {
	index := file(t, "docs/README.md")
	pages := 0
	for _, page := range textFiles(t) {
		kind := path.Dir(strings.TrimPrefix(page, "docs/"))
		if !slices.Contains([]string{"tutorials", "how-to", "reference", "explanation"}, kind) || path.Ext(page) != ".md" {
			continue
		}
		pages++
		assert.Containsf(t, index, "]("+strings.TrimPrefix(page, "docs/")+")", "docs/README.md does not list %s", page)
	}
	assert.Truef(t, pages >= 15, "%d pages were found", pages)
}

func TestAnchors(t *testing.T) {
	got := anchors("# Is the data sound: rollcall verify\n## `token_exposed`\n### A\n```\n# not\n```\n### A\n| <a id=\"busy\"></a>`busy` |\n")
	want := []string{"is-the-data-sound-rollcall-verify", "token_exposed", "a", "a-1", "busy"}
	assert.Truef(t, slices.Equal(got, want), "anchors are %q, want %q", got, want)
}

// checkTarget returns what is wrong with the target of a link in a page, or "".
func checkTarget(t *testing.T, page, target string) string {
	t.Helper()
	name, anchor, _ := strings.Cut(target, "#")
	if name == "" {
		name = path.Base(page)
	}
	name = path.Join(path.Dir(page), name)
	if _, err := os.Stat(filepath.Join(root(t), filepath.FromSlash(name))); err != nil {
		return "no such file"
	}
	if anchor != "" && !slices.Contains(anchors(file(t, name)), anchor) {
		return "no such anchor"
	}
	return ""
}

// anchors returns the anchors of a page, as GitHub makes them of its headings, and those that the
// page declares.
func anchors(text string) []string {
	var all []string
	prose := withoutCode(text)
	for line := range strings.Lines(prose) {
		heading := strings.TrimLeft(line, "#")
		if heading == line || !strings.HasPrefix(heading, " ") {
			continue
		}
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(heading))
		unique := anchor
		for n := 1; slices.Contains(all, unique); n++ {
			unique = anchor + "-" + strconv.Itoa(n)
		}
		all = append(all, unique)
	}
	for _, m := range htmlAnchor.FindAllStringSubmatch(prose, -1) {
		all = append(all, m[1])
	}
	return all
}

// withoutCode returns Markdown without the lines of its code blocks.
func withoutCode(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inside = !inside
			continue
		}
		if !inside {
			b.WriteString(line)
		}
	}
	return b.String()
}

// textFiles returns the repository's files that people write, by their paths from the root.
// Recorded requests and test data name the pages of others.
func textFiles(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root(t), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root(t), name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if d.IsDir() {
			if skip := relative != "." && strings.HasPrefix(d.Name(), ".") && d.Name() != ".github"; skip || d.Name() == "testdata" || d.Name() == "node_modules" || relative == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		switch path.Ext(relative) {
		case ".go", ".md", ".yaml", ".yml", ".toml", ".tsv", ".json", ".sh", ".html", ".py":
			all = append(all, relative)
		default:
			if relative == "Makefile" {
				all = append(all, relative)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Truef(t, len(all) >= 300, "%d files were found", len(all))
	return all
}
