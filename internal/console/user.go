package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// userRow is a user as a row, and as the head of its page.
type userRow struct {
	ID, To                           string
	UserName, DisplayName, Email     string
	ExternalID                       string
	State, ManagedBy, Holds          string
	Origin, DeactivatedBy            string
	Protected                        bool
	Created, Modified                *When
	HistoryTo                        string
	Protect, Unprotect, Stop, Resume string
}

// The states of a user.
const (
	stateActive   = "active"
	stateInactive = "inactive"
	stateDeleted  = "deleted"
)

func newUserRow(at home, u adminwire.User, now time.Time) userRow {
	r := userRow{
		ID: u.ID, To: at.of("users", u.ID), UserName: u.UserName, DisplayName: u.DisplayName.String(), Email: u.Email.String(),
		ExternalID: u.ExternalID.String(), State: stateInactive, ManagedBy: "Application", Holds: u.Holds.String(),
		Origin: origins[u.Origin], DeactivatedBy: deactivators[u.DeactivatedBy.String()], Protected: u.Protected,
		Created: whenOf(u.Created, now), Modified: whenOf(u.Modified, now), HistoryTo: historyOf(at, u.ID, "", ""),
	}
	if u.SCIMManaged {
		r.ManagedBy = "Identity provider"
	}
	switch {
	case u.Deleted:
		r.State = stateDeleted
	case u.Active:
		r.State = stateActive
	}
	for _, to := range []struct {
		name string
		link *string
	}{{"protect", &r.Protect}, {"unprotect", &r.Unprotect}, {"deactivate", &r.Stop}, {"reactivate", &r.Resume}} {
		if userChanges[to.name].possible(u) {
			*to.link = at.of("users", u.ID, to.name)
		}
	}
	return r
}

// origins and deactivators are the sides that created and deactivated users, in words.
var (
	origins      = map[string]string{"scim": "by an identity provider", "manual": "in the application", "jit": "by signing in"}
	deactivators = map[string]string{"scim": "the identity provider", "app": "the application"}
)

// userSearch is the search of the page of users.
type userSearch struct {
	Subject, State, ManagedBy, After string
	To                               string
	States, Managers                 []choice
	Wrong                            map[string]string
	Narrowed                         bool
	// Set has the labels of the filters that are set, which the folded filters show.
	Set []string
}

func (s userSearch) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"subject": s.Subject, "state": s.State, "managedBy": s.ManagedBy} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// Newest returns the address of the search's beginning.
func (s userSearch) Newest() string { return s.To + question(s.values().Encode()) }

func readUserSearch(q *request) userSearch {
	v := q.URL.Query()
	s := userSearch{
		Subject: strings.TrimSpace(v.Get("subject")), State: v.Get("state"), ManagedBy: v.Get("managedBy"), After: v.Get("after"),
		To: q.at.of("users"), Wrong: map[string]string{},
	}
	s.States = choices(s.State, "", "Active and inactive", stateActive, "Active", stateInactive, "Inactive", stateDeleted, "Deleted")
	s.Managers = choices(s.ManagedBy, "", "Anyone", "idp", "Identity provider", "app", "Application")
	s.Narrowed = s.Subject != "" || s.State != "" || s.ManagedBy != ""
	s.Set = chosenLabels(s.States, s.Managers)
	if len(s.Subject) > maxSubject {
		s.Wrong["subject"] = "A name has at most 1,024 bytes."
	}
	return s
}

// users: GET /console/t/{tenant}/users shows the users, oldest first.
func (c *site) users(q *request) (page, error) {
	s := readUserSearch(q)
	data := map[string]any{"Search": &s, "Rows": []userRow(nil), "More": "", "Nothing": (*nothing)(nil), "Failing": (*failedRow)(nil)}
	p := page{name: "users", title: "Users", here: "Users", data: data}
	if len(s.Wrong) > 0 {
		p.status = http.StatusBadRequest
		return p, nil
	}
	query := adminwire.UsersQuery{
		Subject: s.Subject, State: s.State, ManagedBy: s.ManagedBy, Page: adminwire.Page{After: s.After, Limit: pageSize},
	}
	if s.Subject != "" && s.State == "" {
		query.Deleted = "true"
	}
	found, err := q.client.Users(q.Context(), q.tenant, query)
	if err != nil {
		return page{}, err
	}
	rows := make([]userRow, len(found.Users))
	for i, u := range found.Users {
		rows[i] = newUserRow(q.at, u, c.now())
	}
	data["Rows"], data["More"] = rows, more(s.To, s.values(), found.Next)
	if len(rows) == 0 && found.Next == "" && s.Subject != "" {
		return p, c.explainNoUser(q, s, data)
	}
	return p, nil
}

// explainNoUser adds the reason why no user has the searched name: the provisioning of the
// user fails, or nothing has the name.
func (c *site) explainNoUser(q *request, s userSearch, data map[string]any) error {
	found, err := q.client.FailedUsers(q.Context(), q.tenant, adminwire.LogQuery{Subject: s.Subject, ResourceType: "User", Page: adminwire.Page{Limit: 1}})
	if err != nil {
		return err
	}
	data["Failing"], data["Nothing"] = c.firstFailing(q, found), newNothing(&search{To: s.To}, found.Nothing)
	return nil
}

// firstFailing returns the first of the failures found, nil if there are none.
func (c *site) firstFailing(q *request, found adminwire.FailedUsers) *failedRow {
	if len(found.FailedUsers) == 0 {
		return nil
	}
	return new(newFailedRow(q.at, found.FailedUsers[0], c.now()))
}

// historySize is the number of entries on the page of a user or group.
const historySize = 20

// recent reads the failure of the user or group with an id, nil if it does not fail, and
// its newest entries.
func (c *site) recent(q *request, kind, id string) (failing *failedRow, entries []entryRow, err error) {
	failed, err := q.client.FailedUsers(q.Context(), q.tenant, adminwire.LogQuery{Subject: id, ResourceType: kind, Page: adminwire.Page{Limit: 1}})
	if err != nil {
		return nil, nil, err
	}
	found, err := q.client.Log(q.Context(), q.tenant, adminwire.LogQuery{Subject: id, Page: adminwire.Page{Limit: historySize}})
	for _, e := range found.Entries {
		entries = append(entries, newEntryRow(q.at, e, c.now()))
	}
	return c.firstFailing(q, failed), entries, err
}

// user: GET /console/t/{tenant}/users/{user} shows a user, a deleted one too, with its
// failure and its history.
func (c *site) user(q *request) (page, error) {
	u, err := q.client.User(q.Context(), q.tenant, q.parameters["user"])
	if err != nil {
		return page{}, err
	}
	failing, entries, err := c.recent(q, "User", u.ID)
	if err != nil {
		return page{}, err
	}
	out, err := c.offboarding(q, u)
	if err != nil {
		return page{}, err
	}
	return page{name: "user", title: "User", here: "Users", data: map[string]any{
		"User": newUserRow(q.at, u, c.now()), "Failing": failing, "Entries": entries, "Offboarding": out,
	}}, nil
}

// userChange is a change of a user by the application.
type userChange struct {
	Title, What, Button, done string
	// Danger reports whether the change takes something from the user.
	Danger   bool
	change   adminwire.UserChange
	possible func(u adminwire.User) bool
}

// userChanges are the changes of a user, by the last segment of the path.
var userChanges = map[string]userChange{
	"protect": {
		Title: "Protect the user", What: "Identity providers can no longer deactivate, delete, rename or demote this user, or remove it from a group. A request that would do so is refused.",
		Button: "Protect user", done: "The user is protected.", change: adminwire.UserChange{Protected: adminwire.Of(true)},
		possible: func(u adminwire.User) bool { return !u.Deleted && !u.Protected },
	},
	"unprotect": {
		Title: "End the protection", What: "Identity providers can change this user again, as any other.",
		Button: "End protection", done: "The user is no longer protected.", change: adminwire.UserChange{Protected: adminwire.Of(false)},
		possible: func(u adminwire.User) bool { return !u.Deleted && u.Protected },
	},
	"deactivate": {
		Title: "Deactivate the user", What: "The user loses access to the application and frees its seat. Only the application can reactivate it: a request of an identity provider to activate it is refused.",
		Button: "Deactivate user", Danger: true, done: "The user is deactivated.", change: adminwire.UserChange{Active: adminwire.Of(false)},
		possible: func(u adminwire.User) bool { return !u.Deleted && u.Active },
	},
	"reactivate": {
		Title: "Reactivate the user", What: "The user can use the application again and takes a seat or a Reader licence. Without a free one this is refused.",
		Button: "Reactivate user", done: "The user is active.", change: adminwire.UserChange{Active: adminwire.Of(true)},
		possible: func(u adminwire.User) bool { return !u.Deleted && !u.Active },
	},
}

// confirmUser: GET /console/t/{tenant}/users/{user}/{change} asks before a user is changed.
func (c *site) confirmUser(q *request) (page, error) {
	what, ok := userChanges[q.parameters["change"]]
	if !ok {
		return noPage(), nil
	}
	u, err := q.client.User(q.Context(), q.tenant, q.parameters["user"])
	if err != nil {
		return page{}, err
	}
	back := q.at.of("users", u.ID)
	if !what.possible(u) {
		return page{status: http.StatusConflict, name: "problem", title: "Nothing to change", here: "Users", data: problem{
			What: "Nothing to change", Why: "The user is already in that state, or is deleted.", Again: back,
		}}, nil
	}
	row := newUserRow(q.at, u, c.now())
	facts := []fact{{"User", u.UserName}, {"State", row.State}, {"Managed by", row.ManagedBy}}
	if row.Holds != "" {
		facts = append(facts, fact{"Holds", row.Holds})
	}
	return page{name: "change", title: what.Title, here: "Users", data: confirmation{
		Title: what.Title, What: []string{what.What}, Button: what.Button, Danger: what.Danger, Facts: facts,
		To: q.at.of("users", u.ID, q.parameters["change"]), Back: back, Token: q.visit.formToken(),
		Fields: []field{{"version", strconv.FormatInt(u.Version, 10)}},
	}}, nil
}

// changeUser: POST /console/t/{tenant}/users/{user}/{change}
func (c *site) changeUser(q *request) (page, error) {
	what, ok := userChanges[q.parameters["change"]]
	if !ok {
		return noPage(), nil
	}
	version, _ := strconv.ParseInt(q.PostForm.Get("version"), 10, 64)
	if version < 1 {
		return problemPage(http.StatusBadRequest, "Invalid form", "Nothing was changed. Open the user's page and try again."), nil
	}
	if err := q.client.ChangeUser(q.Context(), q.tenant, q.parameters["user"], version, what.change); err != nil {
		return page{}, err
	}
	q.visit.storeNotice(what.done)
	return goOn(q.at.of("users", q.parameters["user"])), nil
}

// confirmation is the content of a page that asks before a change.
type confirmation struct {
	Title  string
	What   []string
	Button string
	Danger bool
	Facts  []fact
	// Changes are the values before and after, if there are several.
	Changes []valueChange
	// Command makes the same change, "" if there is none.
	Command  string
	To, Back string
	// Token is that of the session's forms; Fields are sent with the form.
	Token  string
	Fields []field
}

// A fact is a name with a value.
type fact struct{ Name, Value string }

// A field is a hidden field of a form.
type field struct{ Name, Value string }

// A valueChange is a setting before and after a change.
type valueChange struct{ Name, Before, After string }

// chosenLabels returns the labels of the choices other than the first of each list.
func chosenLabels(lists ...[]choice) (labels []string) {
	for _, list := range lists {
		if i := slices.IndexFunc(list, func(c choice) bool { return c.Chosen }); i > 0 {
			labels = append(labels, list[i].Label)
		}
	}
	return labels
}
