package console

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// files are the pages' templates, their stylesheet and their script.
//
//go:embed templates/*.html style.css script.js icon.svg
var files embed.FS

// A site has the pages, and what they are made of. The console and the portal each have one,
// behind a door of their own.
type site struct {
	door door
	// root begins the path of every page, and name is what the log calls the site.
	root, name string
	brand      Brand
	// place names the service in the foot of the page, "" for nothing.
	place  string
	log    *slog.Logger
	now    func() time.Time
	routes []route
	router *web.Router[route]
	pages  map[string]*template.Template
	// policy is the Content-Security-Policy of every answer.
	policy string

	mu     sync.Mutex
	causes []adminwire.Cause
}

// A door decides who gets pages.
type door interface {
	// enter answers a request that gets no page: a link, a file, a refusal. ok is true for
	// one of a live session: it then has a visit and rights, and, where the session is of
	// one tenant, the tenant with its home and its client.
	enter(q *request) (p page, ok bool)
	// sent reports whether a page of this session sent a form that was read.
	sent(q *request) bool
	// locate sets the tenant of a request whose route was found, and its home.
	locate(q *request)
	// problem returns the page for an error of the service, and the fault to log where the page
	// does not name it.
	problem(q *request, err error) (p page, fault error)
	// dress sets what the frame around a page has of the session.
	dress(q *request, f *frame)
}

// A visit is what pages know of the session in which they are shown.
type visit interface {
	// formToken returns the token of the session's forms. Only a page of the session has it.
	formToken() string
	// storeNotice stores a notice for the next page, and takeNotice returns it, or "", and
	// removes it.
	storeNotice(notice string)
	takeNotice() string
	// keep stores what is shown once, and shown returns it, or nil, and removes it.
	keep(m minted)
	shown(tenant string, kind mintedKind) *minted
}

// open sets up the site: its templates and the routes.
func (c *site) open(d door, routes []route) (err error) {
	c.door = d
	if c.now == nil {
		// Links and sessions end while the machine sleeps, too.
		c.now = func() time.Time { return time.Now().Round(0) }
	}
	if c.pages, err = c.parsePages(); err != nil {
		return err
	}
	c.routes, c.router = routes, web.NewRouter(web.Exact, routes, (*route).pattern)
	return nil
}

// handler returns the page that answers a request of a live session, or an error that a
// problem page is made of.
type handler func(q *request) (page, error)

// request is a request on its way.
type request struct {
	*http.Request
	event *event
	visit visit
	// rights are those of the visitor.
	rights rights
	// client reads the service, and at is where the tenant's pages are.
	client *adminclient.Client
	at     home
	// tenant is that of the path or of the session, parameters are the values of the route's
	// names.
	tenant     string
	parameters map[string]string
	// cookies are those that the answer sets.
	cookies []*http.Cookie
}

// Context returns the request's context.
func (q *request) Context() context.Context { return q.Request.Context() }

// operates reports whether the visitor may do everything.
func (q *request) operates() bool { return q.rights >= operate }

// event is the log line of a request, without its query and without the values in its path.
type event struct {
	web.Event
	// Tenant and Actor are those of a session of the portal.
	Tenant string `log:"tenant"`
	Actor  string `log:"actor"`
	Error  error  `log:"error"`
}

// ServeHTTP answers a request, and logs it in one line.
func (c *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, event: &event{Event: web.NewEvent(c.name+".request", "", r.Method, c.now())}}
	answer, err := c.answer(q)
	if answer == nil {
		answer = plainText(http.StatusInternalServerError, "Internal error of the "+c.name+". The log of rollcall has the error.")
	}
	for name, value := range header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Security-Policy", c.policy)
	for _, one := range q.cookies {
		http.SetCookie(w, one)
	}
	answer.Send(w, r, "")
	q.event.Error = err
	q.event.Finish(answer.Status, c.now())
	q.event.Log(r.Context(), c.log, false, q.event)
}

// answer returns the answer to a request. An error is only logged, unless there is no answer.
func (c *site) answer(q *request) (a *web.Answer, err error) {
	defer web.Recovered(&err)
	p, err := c.page(q)
	var fault error
	if err != nil {
		p, fault = c.door.problem(q, err)
	}
	a, err = c.render(q, p)
	return a, errors.Join(fault, err)
}

// page returns the page that answers a request.
func (c *site) page(q *request) (page, error) {
	if p, ok := c.door.enter(q); !ok {
		return p, nil
	}
	found, parameters, allowed := c.router.Find(q.Method, q.URL.EscapedPath())
	switch {
	case found != nil && !found.gives(q.rights, parameters["change"]):
		return noPage(), nil
	case found == nil && len(allowed) > 0:
		p := problemPage(http.StatusMethodNotAllowed, "Method not allowed", "Go back, and follow a link or a button of the page.")
		p.allow = allowed
		return p, nil
	case found == nil:
		return noPage(), nil
	}
	q.event.Route = found.method + " " + found.path
	q.parameters = parameters
	c.door.locate(q)
	if q.Method == http.MethodPost {
		if p, ok := c.checkForm(q); !ok {
			return p, nil
		}
	}
	return found.handler(q)
}

// checkForm reads a form and reports whether a page of this session sent it; p is
// shown otherwise.
func (c *site) checkForm(q *request) (p page, ok bool) {
	if p, ok := q.readForm(); !ok {
		return p, false
	}
	if !c.door.sent(q) {
		return problemPage(http.StatusForbidden, "The form did not come from this "+c.name, "Nothing was changed. Open the page again, here, and send the form from there."), false
	}
	return page{}, true
}

// readForm reads a form within bounds.
func (q *request) readForm() (p page, ok bool) {
	q.Body = http.MaxBytesReader(nil, q.Body, maxBody)
	if web.MediaType(q.Request) != "application/x-www-form-urlencoded" {
		return problemPage(http.StatusUnsupportedMediaType, "Unsupported media type", "Go back to the page and send its form."), false
	}
	if err := q.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return problemPage(http.StatusRequestEntityTooLarge, "The form is too large", "Nothing was changed. Go back and send less."), false
		}
		return problemPage(http.StatusBadRequest, "Invalid form", "Nothing was changed. Go back to the page and send its form again."), false
	}
	return page{}, true
}

// offers returns whether a visitor with some rights gets the page at an escaped path, or may send
// its form.
func (c *site) offers(to rights) func(path string) bool {
	return func(path string) bool {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if found, parameters, _ := c.router.Find(method, path); found != nil && found.gives(to, parameters["change"]) {
				return true
			}
		}
		return false
	}
}

// question returns a query with its question mark.
func question(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}

// static returns the answer with one of the files that are the same for every session.
func (q *request) static(root string) (p page, ok bool) {
	if q.Method != http.MethodGet {
		return page{}, false
	}
	switch q.URL.Path {
	case root + "/style.css":
		return q.file(root, "style.css", "text/css; charset=utf-8"), true
	case root + "/script.js":
		return q.file(root, "script.js", "text/javascript; charset=utf-8"), true
	case root + "/icon.svg":
		return q.file(root, "icon.svg", "image/svg+xml"), true
	}
	return page{}, false
}

// file answers with a file that is the same for every session.
func (q *request) file(root, name, mediaType string) page {
	q.event.Route = "GET " + root + "/" + name
	text, _ := files.ReadFile(name) // it is embedded
	return page{answer: &web.Answer{Status: http.StatusOK, Body: text, MediaType: mediaType}}
}
