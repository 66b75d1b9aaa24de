package console

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/amount"
)

// page is the answer of a handler.
type page struct {
	// status is 200 when 0.
	status int
	// to is the address to which the browser is redirected, "" for a page.
	to string
	// name is the template's, title the page's.
	name, title string
	data        any
	// here is the entry of the tenant's navigation that the page belongs to.
	here string
}

// goOn redirects the browser to another page.
func goOn(to string) page { return page{to: to} }

// frame is the frame around a page.
type frame struct {
	Title  string
	Tenant string
	// Links are the tenant's pages.
	Links  []link
	Notice string
	// Form is the token of the session's forms, "" outside of a session.
	Form  string
	Place string
	Data  any
}

// link is a link of the navigation.
type link struct {
	Name, To string
	Here     bool
}

// pageNames are the templates of pages.
var pageNames = []string{"tenants", "overview", "failed", "explain", "diagnosis", "log", "groups", "tokens", "minted", "confirm", "causes", "cause", "problem", "outside"}

// parsePages reads the templates, each page's own within the frame.
func parsePages() (map[string]*template.Template, error) {
	frame, err := template.New("frame.html").Funcs(template.FuncMap{
		"name": nameText, "text": detailText, "label": label, "number": amount.Number, "plain": plain, "kind": kind, "idp": idpName,
		"count": func(n int, noun string) string { return amount.Count(int64(n), noun) },
	}).ParseFS(files, "templates/frame.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, name := range pageNames {
		own, err := frame.Clone()
		if err != nil {
			return nil, err
		}
		if pages[name], err = own.ParseFS(files, "templates/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// show answers with a page, within a session.
func (c *Console) show(q *request, p page) error {
	if p.to != "" {
		q.w.Header().Set("Location", p.to)
		q.w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	f := frame{Title: p.title, Place: c.place, Data: p.data}
	if p.name != "outside" {
		q.w.Header().Set("Referrer-Policy", formReferrer)
		f.Form = c.sessions.formToken(q.cookie)
		if q.Method != http.MethodHead {
			f.Notice = c.sessions.told(q.cookie)
		}
	}
	if q.tenant != "" {
		f.Tenant = q.tenant
		for _, l := range []link{
			{Name: "Overview", To: of(q.tenant)},
			{Name: "Failed users", To: of(q.tenant, "failed")},
			{Name: "Log", To: of(q.tenant, "log")},
			{Name: "Groups", To: of(q.tenant, "groups")},
			{Name: "Tokens", To: of(q.tenant, "tokens")},
		} {
			l.Here = l.Name == p.here
			f.Links = append(f.Links, l)
		}
	}
	return c.write(q.w, p, f)
}

// write writes a page whole or not at all.
func (c *Console) write(w http.ResponseWriter, p page, f frame) error {
	var b bytes.Buffer
	if err := c.pages[p.name].ExecuteTemplate(&b, "frame.html", f); err != nil {
		http.Error(w, "Internal error of the console. The log of rollcall has the error.", http.StatusInternalServerError)
		return fmt.Errorf("the page %s: %w", p.name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.status != 0 {
		w.WriteHeader(p.status)
	} else {
		w.WriteHeader(http.StatusOK)
	}
	// A browser that has gone gets nothing.
	_, _ = w.Write(b.Bytes())
	return nil
}

// file answers with a file that is the same for every session.
func (*Console) file(w http.ResponseWriter, name, mediaType string) error {
	text, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text)
	return nil
}

// outside is the content of a page without a session.
type outside struct {
	What, Do string
	// Fresh reports whether a new link is needed.
	Fresh bool
}

// refuse answers a request without a session.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, status int) error {
	o := outside{
		What: "Link already used or session expired", Fresh: true,
		Do: "A link to the console works once, within ten minutes. A session ends after four hours without use.",
	}
	switch status {
	case http.StatusRequestURITooLong:
		o = outside{What: "The address is too long", Do: "Go back, and search for less."}
	case http.StatusTooManyRequests:
		o = outside{What: "Too many wrong links", Do: "Wait a minute, then open the link that rollcall printed."}
	case http.StatusServiceUnavailable:
		o = outside{What: "Link not opened ahead of time", Do: "Open it yourself: it works once."}
	case http.StatusMethodNotAllowed:
		o = outside{What: "Method not allowed", Do: "Open the link that rollcall printed in a browser."}
	}
	if status == http.StatusForbidden && !r.URL.Query().Has(secretParameter) {
		o.What = "The console needs a link"
	}
	return c.write(w, page{status: status, name: "outside", title: o.What, data: o}, frame{Title: o.What, Place: c.place, Data: o})
}
