package replay

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
)

// The ways to read a list page by page. RFC 7644 §3.4.2.4, RFC 9865 §2
const (
	byStartIndex = "startIndex"
	byCursor     = "cursor"
)

// maxPages stops a walk through a list that does not end.
const maxPages = 10_000

// walk reads a list to its end, and checks what pages finds, and that the total is
// exact.
func (r *runner) walk(w *Walk) error {
	path, err := r.vars.Expand(w.Path)
	if err != nil {
		return err
	}
	ids, pages, total, err := r.pages(w, path)
	if err != nil {
		return fmt.Errorf("page %d of %s: %w", pages, path, err)
	}
	var differ []error
	if total >= 0 && len(ids) != total {
		differ = append(differ, fmt.Errorf("%s: totalResults is %d, and %d came", path, total, len(ids)))
	}
	if pages < w.Pages {
		differ = append(differ, fmt.Errorf("%s: %d pages, want at least %d", path, pages, w.Pages))
	}
	if w.IDs != nil {
		if err := w.IDs.Check(r.vars, ids, true, nil); err != nil {
			differ = append(differ, fmt.Errorf("the list of all ids in %s %w", path, err))
		}
	}
	if w.As != "" {
		r.vars.Set(w.As, ids)
	}
	return errors.Join(differ...)
}

// pages reads all pages of a list. It checks of each that it is numbered as requested,
// as long as it says, not empty before the end, and of the same total; and that no
// resource occurs twice.
func (r *runner) pages(w *Walk, path string) (ids []any, pages, total int, err error) {
	ids, total = []any{}, -1
	seen := make(map[string]bool)
	for cursor := ""; ; {
		parameters := "startIndex=" + strconv.Itoa(len(ids)+1)
		if w.By == byCursor {
			parameters = "cursor=" + url.QueryEscape(cursor)
		}
		pages++
		page, err := r.page(join(path, parameters+"&count="+strconv.Itoa(w.Count)))
		if err != nil {
			return nil, pages, 0, err
		}
		if err := page.check(w, len(ids)+1, total); err != nil {
			return nil, pages, 0, err
		}
		total, cursor = page.total, page.next
		for _, id := range page.ids {
			if seen[id] {
				return nil, pages, 0, fmt.Errorf("%s occurs twice", id)
			}
			seen[id] = true
			ids = append(ids, id)
		}
		if w.By == byCursor && cursor == "" || w.By != byCursor && len(ids) >= total {
			return ids, pages, total, nil
		}
		if len(page.ids) == 0 || pages == maxPages {
			return nil, pages, 0, fmt.Errorf("the list does not end: %d of %d so far", len(ids), total)
		}
	}
}

func join(path, parameters string) string {
	if strings.Contains(path, "?") {
		return path + "&" + parameters
	}
	return path + "?" + parameters
}

// A page is a page of a list. total and start are -1 if they are absent.
type page struct {
	ids                     []string
	total, start, itemsPage int
	next                    string
}

func (r *runner) page(path string) (*page, error) {
	m := message{method: http.MethodGet, path: path}
	a, err := r.sendPatiently(m, nil)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%s: %d %s, want 200", m, a.status, match.Show(a.document))
	}
	if err := a.manners(); err != nil {
		return nil, fmt.Errorf("%s: %w", m, err)
	}
	document, _ := a.document.(map[string]any)
	number := func(name string) int {
		if n, ok := document[name].(float64); ok {
			return int(n)
		}
		return -1
	}
	p := &page{total: number("totalResults"), start: number("startIndex"), itemsPage: number("itemsPerPage")}
	p.next, _ = document["nextCursor"].(string)
	resources, _ := document["Resources"].([]any)
	for _, resource := range resources {
		object, _ := resource.(map[string]any)
		id, _ := object["id"].(string)
		if id == "" {
			return nil, fmt.Errorf("%s: a resource has no id: %s", m, match.Show(resource))
		}
		p.ids = append(p.ids, id)
	}
	return p, nil
}

func (p *page) check(w *Walk, start, total int) error {
	switch {
	case w.By != byCursor && p.start != start:
		return fmt.Errorf("startIndex is %d, want %d", p.start, start)
	case w.By != byCursor && p.total < 0:
		return errors.New("totalResults is missing")
	case p.itemsPage >= 0 && p.itemsPage != len(p.ids):
		return fmt.Errorf("itemsPerPage is %d, and %d are on it", p.itemsPage, len(p.ids))
	case len(p.ids) > w.Count:
		return fmt.Errorf("%d are on it, more than the %d asked for", len(p.ids), w.Count)
	case total >= 0 && p.total != total:
		return fmt.Errorf("totalResults is %d, and was %d", p.total, total)
	}
	return nil
}
