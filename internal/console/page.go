package console

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/guide"
	"github.com/rollcall-scim/rollcall/internal/text"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// page is the answer of a handler.
type page struct {
	// status is 200 when 0.
	status int
	// answer is the whole answer, if it is not a page of the console.
	answer *web.Answer
	// name is the template's, title the page's.
	name, title string
	data        any
	// here is the entry of the tenant's navigation that the page belongs to.
	here string
	// allow and retryAfter are those of the answer.
	allow      []string
	retryAfter int
}

// goOn redirects the browser to another page.
func goOn(to string) page { return page{answer: web.Redirect(http.StatusSeeOther, to)} }

// frame is the frame around a page.
type frame struct {
	// Name is the page's template.
	Name   string
	Title  string
	Tenant string
	// Links are the tenant's pages.
	Links  []link
	Notice string
	// Form is the token of the session's forms, "" outside of a session.
	Form  string
	Place string
	Brand Brand
	// First is the first page, and Tenants that of all tenants, "" for visitors of one tenant.
	First, Tenants string
	// Actor is whom the log names, Until the end of the session, and Back where it leads back
	// to: of a visitor of the portal.
	Actor string
	Until *When
	Back  string
	Data  any
}

// link is a link of the navigation.
type link struct {
	Name, To string
	Here     bool
}

// pageNames are the templates of pages.
var pageNames = []string{"tenants", "overview", "failed", "push", "explain", "diagnosis", "dismiss", "dismissed", "log", "users", "user", "groups", "group", "settings", "change", "events", "webhook", "tested", "secret", "tokens", "minted", "confirm", "clients", "client", "client-secret", "causes", "cause", "problem", "outside", "open", "connections", "connection"}

// parsePages reads the templates, each page's own within the frame.
func (c *site) parsePages() (map[string]*template.Template, error) {
	frame, err := template.New("frame.html").Funcs(template.FuncMap{
		"name": nameText, "text": detailText, "label": label, "number": amount.Number, "plain": text.Field, "kind": kind, "idp": idpName, "breaks": breaks, "spans": guide.Spans, "root": func() string { return c.root },
		"count": func(n int, noun string) string { return amount.Count(int64(n), noun) },
	}).ParseFS(files, "templates/frame.html", "templates/parts.html", "templates/effect.html")
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

// render returns the answer with a page, whole or not at all.
func (c *site) render(q *request, p page) (*web.Answer, error) {
	if p.answer != nil {
		return p.answer, nil
	}
	a := &web.Answer{
		Status: cmp.Or(p.status, http.StatusOK), MediaType: "text/html; charset=utf-8", Allow: p.allow, RetryAfter: p.retryAfter,
	}
	f := frame{Name: p.name, Title: p.title, Place: c.place, Brand: c.brand, First: c.root, Data: p.data}
	switch p.name {
	case "outside":
	case "open":
		// The address has the link's secret.
		a.Header = map[string]string{"Referrer-Policy": "strict-origin"}
	default:
		a.Header = map[string]string{"Referrer-Policy": formReferrer}
		f.Form = q.visit.formToken()
		if q.Method != http.MethodHead {
			f.Notice = q.visit.takeNotice()
		}
	}
	c.door.dress(q, &f)
	if q.tenant != "" {
		f.Tenant = q.tenant
		for _, l := range []link{
			{Name: "Overview", To: q.at.of()},
			{Name: "Failed users", To: q.at.of("failed")},
			{Name: "Push again", To: q.at.of("push-again")},
			{Name: "Log", To: q.at.of("log")},
			{Name: "Users", To: q.at.of("users")},
			{Name: "Groups", To: q.at.of("groups")},
			{Name: "Events", To: q.at.of("events")},
			{Name: "Connect", To: q.at.of("connect")},
			{Name: "Tokens", To: q.at.of("tokens")},
			{Name: "Clients", To: q.at.of("clients")},
			{Name: "Settings", To: q.at.of("settings")},
		} {
			if l.To != "" {
				l.Here = l.Name == p.here
				f.Links = append(f.Links, l)
			}
		}
	}
	var b bytes.Buffer
	if err := c.pages[p.name].ExecuteTemplate(&b, "frame.html", f); err != nil {
		return nil, fmt.Errorf("the page %s: %w", p.name, err)
	}
	a.Body = b.Bytes()
	return a, nil
}

// plainText returns an answer for a request that gets no page.
func plainText(status int, text string) *web.Answer {
	return &web.Answer{Status: status, Body: []byte(text + "\n"), MediaType: "text/plain; charset=utf-8"}
}

// outside is the content of a page without a session.
type outside struct {
	What, Do string
	// Fresh reports whether a new link is needed.
	Fresh bool
}

// refuse answers a request without a session.
func refuse(q *request, status int) page {
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
	if status == http.StatusForbidden && !q.URL.Query().Has(secretParameter) {
		o.What = "The console needs a link"
	}
	return page{status: status, name: "outside", title: o.What, data: o}
}
