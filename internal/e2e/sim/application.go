package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// An application is the product that a tenant's users belong to: it creates
// the tenant, and uses the admin API.
type application struct {
	*proc
	customer *customer
	// deletes says that it deletes the tenant in the end.
	deletes bool
}

// ask sends a request to the admin API until it has an answer that decides it.
func (a *application) ask(method, path, body string) *answer {
	for try := 1; ; try++ {
		got := a.send(&request{customer: a.customer, method: method, path: "/tenants/" + a.customer.name + path, body: body, agent: "application", admin: true})
		if got != nil && got.status < 500 && got.status != 429 {
			return got
		}
		if a.world.calm.IsZero() && try >= 6 && path != "" && !strings.HasPrefix(path, "/tokens") && !strings.HasPrefix(path, "?confirm") {
			return nil
		}
		a.sleep(time.Duration(min(try, 30))*time.Second + a.between(0, time.Second))
	}
}

// run creates the tenant, and then does a number of things.
func (a *application) run(settings string, steps int) {
	a.ask("PUT", "", settings)
	a.newToken()
	for range steps {
		a.sleep(a.between(0, 5*time.Second))
		a.step()
	}
	if a.deletes {
		a.customer.deleted = true
		if got := a.ask("DELETE", "?confirm="+a.customer.name, ""); got != nil && (got.status == 202 || got.status == 404) {
			a.customer.gone, a.customer.goneAt = true, time.Now()
		} else {
			a.world.fail("%s is not deleted: %+v", a.customer, got)
		}
	}
}

// newToken creates a token, which the identity providers use from then on.
func (a *application) newToken() {
	got := a.ask("POST", "/tokens", `{"label":"new"}`)
	if got.ok() {
		a.use(got)
		return
	}
	// There are too many whose texts were lost with their answers.
	listed, _ := a.ask("GET", "/tokens", "").body["tokens"].([]any)
	for _, one := range listed {
		token, _ := one.(map[string]any)
		if id, _ := token["id"].(string); token["state"] == "live" && !strings.Contains(a.customer.token, id) {
			a.ask("DELETE", "/tokens/"+id, "")
		}
	}
	if got = a.ask("POST", "/tokens", `{"label":"new"}`); got.ok() {
		a.use(got)
	}
}

// use makes the token of an answer the current one.
func (a *application) use(got *answer) { a.customer.token = got.string("token") }

func (a *application) step() {
	c := a.customer
	switch x := a.random.IntN(100); {
	case x < 20:
		a.create()
	case x < 40 && len(c.users) > 0:
		a.change(c.users[a.random.IntN(len(c.users))])
	case x < 50:
		if id := a.anyone(); id != "" {
			a.change(id)
		}
	case x < 58:
		if id := a.anyone(); id != "" {
			c.purged[id] = true
			a.ask("DELETE", "/users/"+id, "")
		}
	case x < 70:
		a.ask("PATCH", "", a.limit())
	case x < 76:
		a.ask("PATCH", "", fmt.Sprintf(`{"rehire":%q,"unknownMembers":%q}`, a.one("warn", "keep", "refuse"), a.one("skip", "refuse")))
	case x < 84:
		a.rotate()
	case x < 89 && len(c.groups) > 0:
		a.ask("DELETE", "/groups/"+c.groups[a.random.IntN(len(c.groups))], "")
	default:
		a.ask("GET", a.one("", "/usage", "/overview", "/log", "/failed-users", "/failed-users?effect=true&check=true", "/tokens", "/users", "/groups"), "")
	}
}

// limit returns the change of a limit: below or above what is in use, far above it, or
// none.
func (a *application) limit() string {
	value := a.one("null", "40", fmt.Sprint(1+a.random.IntN(12)), fmt.Sprint(1+a.random.IntN(12)))
	if a.chance(0.4) {
		return fmt.Sprintf(`{"maxReaders":%s}`, value)
	}
	return fmt.Sprintf(`{"maxSeats":%s}`, value)
}

func (a *application) one(choices ...string) string { return choices[a.random.IntN(len(choices))] }

// anyone returns the id of someone whom an identity provider has provisioned.
func (a *application) anyone() string {
	if len(a.customer.idps) == 0 {
		return ""
	}
	people := a.customer.idps[a.random.IntN(len(a.customer.idps))].people
	return people[a.random.IntN(len(people))].id
}

// create creates a user, sometimes one whom an identity provider provisions too.
func (a *application) create() {
	name := fmt.Sprintf("app%d@%s.%s.example", a.random.IntN(20), a.customer.name, strings.Trim(a.customer.mark, "."))
	if len(a.customer.idps) > 0 && a.chance(0.3) {
		people := a.customer.idps[0].people
		name = people[a.random.IntN(len(people))].userName
	}
	got := a.ask("POST", "/users", fmt.Sprintf(`{"userName":%q,"email":%q,"displayName":%q,"accountType":%q,"protected":%t}`,
		name, name, "App "+a.customer.mark, a.one("user", "user", "reader"), a.chance(0.2)))
	if got.ok() {
		a.customer.users = append(a.customer.users, got.string("id"))
		a.customer.touched[got.string("id")] = true
	}
}

// change changes a user as the application may.
func (a *application) change(id string) {
	a.customer.touched[id] = true
	a.ask("PATCH", "/users/"+id, a.one(
		`{"active":false}`, `{"active":true}`, `{"protected":true}`, `{"protected":false}`,
		`{"accountType":"reader"}`, `{"accountType":"user"}`, fmt.Sprintf(`{"displayName":%q}`, fmt.Sprintf("Shown %d %s", a.random.IntN(1000), a.customer.mark))))
}

// rotate replaces the token: both work for a while, then the old one is revoked.
func (a *application) rotate() {
	got := a.ask("GET", "/tokens", "")
	if !got.ok() || a.customer.token == "" {
		return
	}
	old := a.customer.token
	id := strings.Split(old, "_")[2]
	if got = a.ask("POST", "/tokens/"+id+"/rotation", `{}`); !got.ok() {
		// An answer may have been lost: the new token's text is lost with it.
		a.ask("DELETE", "/tokens/"+id+"/rotation", "")
		return
	}
	a.use(got)
	a.sleep(a.between(0, 3*time.Second))
	if got = a.ask("PUT", "/tokens/"+id+"/rotation", ""); got.ok() {
		a.customer.revoked[old] = time.Now()
	} else {
		a.newToken()
	}
}

// oldest returns the token that was revoked first.
func oldest(revoked map[string]time.Time) string {
	return slices.SortedFunc(maps.Keys(revoked), func(x, y string) int { return revoked[x].Compare(revoked[y]) })[0]
}
