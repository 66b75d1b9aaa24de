package sim

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/assertion/assertiontest"
	"github.com/rollcall-scim/rollcall/internal/oauth"
)

// The part of a world in which identity providers get access tokens at the token endpoint, next
// to static tokens.

// An ending is the end of something that an administrator revokes.
type ending struct {
	// asked is when a request to revoke it was first sent, and done when one was answered with
	// success; zero for never.
	asked, done time.Time
}

// ask records that a request to revoke it is about to be sent.
func (e *ending) ask() {
	if e.asked.IsZero() {
		e.asked = time.Now()
	}
}

// finish records the answer to the request.
func (e *ending) finish(a *answer) {
	if a.ok() && e.done.IsZero() {
		e.done = time.Now()
	}
}

// A registration is an OAuth client of a tenant, as far as the tenant's administrator knows it.
type registration struct {
	id     string
	proofs []*proof
	// doubtful says that keys may still be set by a request that was not answered.
	doubtful bool
	ending
}

// A proof is something by which a client proves itself: a secret, or its keys.
type proof struct {
	client *registration
	// id is that of a secret, "" for keys. text is the secret itself.
	id, text string
	// expires is zero for keys.
	expires time.Time
	ending
}

// ended reports whether the proof may no longer be accepted at a time.
func (p *proof) ended(at time.Time) bool {
	over := func(e ending) bool { return !e.asked.IsZero() && !at.Before(e.asked) }
	return over(p.ending) || over(p.client.ending) || !p.expires.IsZero() && at.After(p.expires.Add(-maxSkew))
}

// isOver returns how long before a time the proof ended that is certainly known to have ended
// then, 0 for one that may be accepted.
func (p *proof) isOver(at time.Time) time.Duration {
	for _, e := range []ending{p.ending, p.client.ending} {
		if !e.done.IsZero() && at.After(e.done.Add(revocation)) {
			return at.Sub(e.done)
		}
	}
	if !p.expires.IsZero() && at.After(p.expires.Add(maxSkew)) {
		return at.Sub(p.expires)
	}
	return 0
}

// An accessToken is an access token that an identity provider got.
type accessToken struct {
	text string
	by   *proof
	// from is the earliest time of its end, and until the latest one.
	from, until time.Time
}

// A registry has the OAuth clients of a tenant, and the access tokens that they got.
type registry struct {
	clients []*registration
	tokens  map[string]*accessToken
	// assertions counts those that were signed.
	assertions int
}

// proofs returns what is not known to be ended, or everything that has ended.
func (g *registry) proofs(live bool) (found []*proof) {
	for _, client := range g.clients {
		for _, p := range client.proofs {
			// With keys that were replaced by the same ones, an assertion still proves the client.
			if over := p.ended(time.Now()); over != live && (live || p.id != "" || !client.asked.IsZero()) {
				found = append(found, p)
			}
		}
	}
	return found
}

// addOAuth starts a process that manages OAuth clients for each tenant, whose identity providers
// use access tokens from then on.
func (w *world) addOAuth() {
	for _, c := range w.customers {
		c.registry = &registry{tokens: map[string]*accessToken{}}
		steps := 6 + w.random.IntN(8)
		w.spawn(c.name+" registrar", func(p *proc) { (&registrar{proc: p, customer: c}).run(steps) })
	}
}

// A registrar is the administrator of a tenant's OAuth clients. It sends each request once: an
// answer that is lost leaves it in doubt, as a person is who closed the page.
type registrar struct {
	*proc
	customer *customer
}

func (r *registrar) ask(method, path, body string) *answer {
	return r.send(&request{
		customer: r.customer, method: method, path: "/tenants/" + r.customer.name + "/clients" + path, body: body, agent: "application", admin: true,
	})
}

// run does a number of things, while the tenant exists and there are faults.
func (r *registrar) run(steps int) {
	for r.customer.token == "" && !r.customer.deleted {
		r.sleep(time.Second)
	}
	for range steps {
		if r.customer.deleted || !r.world.calm.IsZero() {
			return
		}
		r.step()
		r.sleep(r.between(0, 12*time.Second))
	}
}

// step does one thing with the newest client, or creates one.
func (r *registrar) step() {
	all := r.customer.registry.clients
	if len(all) == 0 || !all[len(all)-1].asked.IsZero() {
		r.create()
		return
	}
	client := all[len(all)-1]
	switch x := r.random.IntN(100); {
	case x < 15:
		client.ask()
		client.finish(r.ask("DELETE", "/"+client.id, ""))
	case x < 40:
		r.addSecret(client, time.Now().Add(r.between(5*time.Second, time.Minute)))
	case x < 60:
		r.addSecret(client, time.Now().Add(time.Hour))
	case x < 80:
		r.endSecret(client)
	case x < 92 && !client.doubtful:
		r.setKeys(client)
	default:
		r.ask("GET", "", "")
	}
}

func (r *registrar) create() {
	got := r.ask("POST", "", `{"label":"Identity provider"}`)
	if !got.ok() {
		return
	}
	client := &registration{id: got.string("clientId")}
	client.proofs = []*proof{{client: client, id: got.string("secretId"), text: got.string("clientSecret"), expires: expiry(got)}}
	r.customer.registry.clients = append(r.customer.registry.clients, client)
}

// expiry returns when the secret of an answer expires.
func expiry(a *answer) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, a.string("expiresAt"))
	return at
}

func (r *registrar) addSecret(client *registration, expires time.Time) {
	got := r.ask("POST", "/"+client.id+"/secrets", fmt.Sprintf(`{"expiresAt":%q}`, expires.UTC().Format(time.RFC3339)))
	if got.ok() {
		client.proofs = append(client.proofs, &proof{client: client, id: got.string("secretId"), text: got.string("clientSecret"), expires: expiry(got)})
	}
}

// endSecret revokes the oldest secret of which that was not asked yet.
func (r *registrar) endSecret(client *registration) {
	for _, p := range client.proofs {
		if p.id != "" && p.asked.IsZero() {
			p.ask()
			p.finish(r.ask("DELETE", "/"+client.id+"/secrets/"+p.id, ""))
			return
		}
	}
}

// setKeys gives the client keys, in place of those that it has.
func (r *registrar) setKeys(client *registration) {
	var before []*proof
	for _, p := range client.proofs {
		if p.id == "" {
			p.ask()
			before = append(before, p)
		}
	}
	got := r.ask("PUT", "/"+client.id+"/keys", `{"jwks":`+assertiontest.JWKS()+`}`)
	for _, p := range before {
		p.finish(got)
	}
	if client.doubtful = !got.ok(); !client.doubtful {
		client.proofs = append(client.proofs, &proof{client: client})
	}
}

// bearer returns the token for the identity provider's next request: an access token if it can
// get one, else the static token.
func (i *idp) bearer() string {
	c := i.customer
	if c.registry == nil {
		return c.token
	}
	if i.held != nil && time.Now().Before(i.held.from) {
		return i.held.text
	}
	if i.held = i.login(); i.held == nil {
		return c.token
	}
	return i.held.text
}

// login gets an access token, nil if it gets none. Now and then it uses a proof that has ended.
func (i *idp) login() *accessToken {
	found := i.customer.registry.proofs(true)
	if old := i.customer.registry.proofs(false); len(old) > 0 && i.world.calm.IsZero() && i.chance(0.15) {
		found = old
	}
	if len(found) == 0 {
		return nil
	}
	r := i.tokenRequest(found[i.random.IntN(len(found))])
	a := i.send(r)
	if r.assertion != "" && i.chance(0.5) { // sent again, whatever the answer
		again := i.copyOf(r)
		if second := i.send(again); a == nil {
			r, a = again, second
		}
	}
	if !a.ok() || r.by.id == "" && !r.by.asked.IsZero() { // it may be of the keys that followed
		return nil
	}
	seconds, _ := a.body["expires_in"].(float64)
	life := time.Duration(seconds) * time.Second
	t := &accessToken{text: a.string("access_token"), by: r.by, from: r.sent.Add(life - maxSkew), until: time.Now().Add(life)}
	i.customer.registry.tokens[t.text] = t
	return t
}

// tokenRequest returns a request for an access token.
func (i *idp) tokenRequest(p *proof) *request {
	r := &request{customer: i.customer, method: "POST", path: oauth.EndpointPath, agent: i.dialect.agent, by: p}
	body := url.Values{"grant_type": {"client_credentials"}}
	switch g := i.customer.registry; {
	case p.id == "":
		g.assertions++
		sign := assertiontest.Signer{Issuer: p.client.id, Subject: p.client.id, Audience: host + oauth.EndpointPath, Now: time.Now()}
		r.assertion = sign.Sign(assertiontest.Claims{"jti": fmt.Sprintf("%s %d", i.name, g.assertions)})
		body.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		body.Set("client_assertion", r.assertion)
	case i.chance(0.5):
		r.basic = base64.StdEncoding.EncodeToString([]byte(p.client.id + ":" + p.text))
	default:
		body.Set("client_id", p.client.id)
		body.Set("client_secret", p.text)
	}
	r.body = body.Encode()
	return r
}

// copyOf returns a request for the same, which was not sent yet.
func (i *idp) copyOf(r *request) *request {
	return &request{customer: r.customer, method: r.method, path: r.path, body: r.body, agent: r.agent, by: r.by, assertion: r.assertion}
}

// oldAccess returns an access token whose proof has ended, "" if there is none.
func (g *registry) oldAccess() string {
	if g == nil {
		return ""
	}
	var old []string
	for text, t := range g.tokens {
		if t.by.ended(time.Now()) {
			old = append(old, text)
		}
	}
	if len(old) == 0 {
		return ""
	}
	return slices.Min(old)
}

// checkAccess checks what was accepted and refused of clients and of access tokens.
func (w *world) checkAccess() {
	issued := map[string]int{}
	for _, r := range w.requests {
		switch {
		case r.customer == nil || r.admin || r.served == nil:
			continue
		case !r.customer.goneAt.IsZero() && r.served.ok() && r.sent.After(r.customer.goneAt.Add(revocation)):
			w.fail("%s: is accepted %s after the deletion of the tenant", r, r.sent.Sub(r.customer.goneAt))
		case r.by != nil:
			w.checkTokenRequest(r, issued)
		case r.customer.registry != nil:
			if t := r.customer.registry.tokens[r.token]; t != nil {
				w.checkAccessToken(r, t)
			}
		}
	}
}

// checkTokenRequest checks the answer of the token endpoint to one request. issued counts the
// access tokens that were issued for each assertion.
func (w *world) checkTokenRequest(r *request, issued map[string]int) {
	switch {
	case r.served.ok():
		w.reached["an access token is issued"]++
		if over := r.by.isOver(r.sent); over > 0 {
			w.fail("%s: gets an access token %s after its client or its proof ended", r, over)
		}
		if issued[r.assertion]++; r.assertion != "" && issued[r.assertion] > 1 {
			w.fail("%s: is the second access token for one assertion", r)
		}
		if life := lifeOf(r.served); life <= 0 || life > time.Hour || !r.by.expires.IsZero() && r.sent.Add(life).After(r.by.expires.Add(maxSkew)) {
			w.fail("%s: gets an access token for %s", r, life)
		}
	case r.served.status == 400 || r.served.status == 401:
		w.reached["a client gets no access token"]++
		if !r.by.ended(r.began.Add(r.took)) && r.assertion == "" && !r.customer.deleted {
			w.fail("%s: is refused, and nobody has ended its client or its secret: %s", r, r.served.text)
		}
	}
}

// lifeOf returns how long an access token is valid, by the answer that has it.
func lifeOf(a *answer) time.Duration {
	_, rest, _ := strings.Cut(string(a.text), `"expires_in":`)
	seconds := 0
	_, _ = fmt.Sscanf(rest, "%d", &seconds)
	return time.Duration(seconds) * time.Second
}

// checkAccessToken checks the answer to one request with an access token.
func (w *world) checkAccessToken(r *request, t *accessToken) {
	over := max(t.by.isOver(r.sent), r.sent.Sub(t.until.Add(maxSkew)))
	switch {
	case r.served.status < 400 && over > 0:
		w.fail("%s: its access token is accepted %s after it ended", r, over)
	case r.served.status < 400:
		w.reached["an access token is accepted"]++
	case r.served.status != 401:
	case over > 0:
		w.reached["an ended access token is refused"]++
	case !t.by.ended(r.began.Add(r.took)) && r.began.Add(r.took).Before(t.from) && !r.customer.deleted:
		w.fail("%s: its access token is refused, and nobody has ended it: %s", r, r.served.text)
	}
}
