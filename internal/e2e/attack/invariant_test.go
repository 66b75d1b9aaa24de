package attack

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/logline"
)

// waiting has the cases that do not hold yet, with what they wait for. A case
// that passes fails the test until it is removed here.
var waiting = map[string]string{}

// invariants check the state after the request of each case, in addition to the checks
// for all cases.
var invariants = map[string]func(r *run){
	// Credentials.
	"auth-001": func(r *run) {
		r.unauthenticated("token_missing")
		r.want(!strings.Contains(r.body(), "Resources"), "data: %s", r.body())
	},
	"auth-003": func(r *run) { r.unauthenticated("token_invalid") },
	"auth-005": func(r *run) { r.unauthenticated("token_repeated") },
	"auth-006": func(r *run) { r.wantCause("token_revoked"); r.readNothing() },
	"auth-008": func(r *run) { r.unauthenticated("token_invalid") },
	"auth-009": func(r *run) { r.unauthenticated("token_invalid") },
	"auth-010": func(r *run) { r.unauthenticated("token_invalid") },
	"auth-011": func(r *run) { r.unauthenticated("token_missing") },
	"auth-012": func(r *run) { r.unauthenticated("token_invalid") },
	"auth-013": func(r *run) { r.notAdmin(); r.admin(404, "GET", "/tenants/t9", "") },
	"auth-014": func(r *run) { r.wantCause("scim_disabled"); r.readNothing() },
	"path-001": func(r *run) {
		r.unauthenticated("token_missing")
		a := r.get("/scim/v2/%55sers")
		r.want(a.status == 200 || a.status == 404, "with a token: %d", a.status)
	},
	"path-002": func(r *run) { r.unauthenticated("token_missing") },
	"path-006": nothingChanged,
	"path-007": nothingChanged,
	"path-008": nothingChanged,
	"path-009": func(r *run) {
		a := r.w.send(r.w.request("GET", string(r.Request.Path), "", ""))
		r.want(a.status == 401, "without a token: %d", a.status)
	},
	"path-011":  func(r *run) { r.want(!strings.Contains(r.body(), "Bearer "), "the credential is echoed: %s", r.body()) },
	"smug-001":  func(r *run) { r.oneAnswer(); nothingChanged(r); r.notAdmin() },
	"smug-002":  func(r *run) { r.oneAnswer(); r.unheard() },
	"smug-004":  func(r *run) { r.oneAnswer(); r.unheard() },
	"smug-005":  func(r *run) { r.oneAnswer(); r.notAdmin(); r.unheard() },
	"smug-007":  func(r *run) { r.oneAnswer(); r.unauthenticated("token_repeated") },
	"smug-008":  func(r *run) { r.oneAnswer(); r.notAdmin(); r.unheard() },
	"route-001": func(r *run) { r.notAdmin() },
	"route-003": func(r *run) { r.notAdmin() },
	"route-004": func(r *run) { r.notAdmin() },
	"route-006": func(r *run) { r.notAdmin() },
	"route-007": func(r *run) { nothingChanged(r); r.wantUser(r.w.vars["T1_USER"], "active", true) },
	"tok-001":   func(r *run) { r.unauthenticated("token_repeated") },
	"tok-002":   func(r *run) { r.unauthenticated("token_invalid") },
	"tok-004": func(r *run) {
		nothingChanged(r)
		r.want(strings.Contains(r.body(), "rotate"), "the detail does not say what to do: %s", r.body())
		log := r.admin(200, "GET", "/tenants/{T1}/log?limit=5", "")
		for _, secret := range r.w.secrets() {
			r.want(!strings.Contains(log.body, secret), "a token is in the stored log: %s", log.body)
		}
	},
	"tok-005": func(r *run) { r.want(r.line()["idpRequestId"] == nil, "logged: %v", r.line()) },
	"tok-006": func(r *run) { r.notAdmin() },

	// OAuth clients.
	"oauth-001": func(r *run) { r.unauthenticated("token_invalid") },
	"oauth-002": func(r *run) { r.notAdmin(); r.admin(404, "GET", "/tenants/t9", "") },
	"oauth-003": func(r *run) { r.wantCause("secret_unknown"); r.ownClient() },
	"oauth-004": func(r *run) { r.wantCause("oauth_request"); r.unread() },
	"oauth-005": func(r *run) { r.wantCause("oauth_request"); r.unread() },
	"oauth-006": func(r *run) { r.wantCause("oauth_request"); r.unread() },
	"oauth-007": func(r *run) { r.wantCause("assertion_refused"); r.ownClient() },
	"oauth-008": func(r *run) { r.wantCause("secret_unknown"); r.ownClient() },
	"oauth-009": func(r *run) { r.wantCause("client_revoked"); r.readNothing() },
	"oauth-010": func(r *run) { r.wantCause("client_revoked"); r.ownClient() },
	"oauth-011": func(r *run) {
		r.wantCause("grant_unsupported")
		r.want(r.answers[0].header.Get("Set-Cookie") == "", "a header of the client's: %v", r.answers[0].header)
	},
	"oauth-012": func(r *run) { r.wantCause("oauth_request"); r.unread() },

	// Tenants.
	"ten-002": victimSame,
	"ten-003": victimSame,
	"ten-005": func(r *run) {
		r.want(r.document()["id"] == r.w.vars["T1_USER"], "the answer is of %v", r.document()["id"])
		r.wantUser(r.w.vars["T1_OTHER_USER"], "userName", "bob@example.com")
	},
	"ten-006": func(r *run) { r.notMember(r.w.vars["T2_USER"]); r.wantCause("unknown_members") },
	"ten-007": func(r *run) {
		victimSame(r)
		r.want(r.document()["id"] != r.w.vars["T2_USER"], "it is the other tenant's user")
	},
	"ten-008": func(r *run) { r.onlyOwn() },
	"ten-010": func(r *run) {
		r.onlyOwn()
		r.lacks("tenantId", "TENANT#t2", "urn:example:internal")
		r.wantUsage(1, 1)
	},
	"ten-011": func(r *run) { r.wantTotal(0) },
	"ten-012": nothingChanged,
	"ten-013": func(r *run) {
		r.onlyOwn()
		r.wantTotalOf(usersBy(r, `userName eq "x#TENANT#t2#USER#victim.{N}"`), 1)
	},
	"ten-014": func(r *run) {
		r.onlyOwn()
		for _, name := range []string{"admin.{N}@example.com", "USERNAME#admin.{N}@example.com"} {
			a := r.w.send(r.w.request("POST", "/scim/v2/Users", r.w.vars["T1_TOKEN"], userBody(r.w.fill(`"userName":"`+name+`"`))))
			r.want(a.status == 201, "the userName %s is taken: %d %s", name, a.status, a.body)
		}
	},
	"xten-001": func(r *run) { r.notMember(r.w.vars["T2_USER"]); r.wantCause("unknown_members") },
	"xten-003": func(r *run) { r.wantTotal(0) },
	"xten-004": func(r *run) { r.wantTotal(0) },
	"xten-006": func(r *run) { victimSame(r); r.asUnknown() },
	"xten-007": func(r *run) { r.opaqueManager() },
	"xten-009": func(r *run) { r.want(!strings.Contains(r.body(), victim), "another tenant's: %s", r.body()) },
	"misc-007": func(r *run) { r.opaqueManager() },
	"cur-001":  func(r *run) { r.want(r.document()["Resources"] == nil, "data: %s", r.body()) },
	"cur-003":  func(r *run) { r.want(r.document()["Resources"] == nil, "data: %s", r.body()) },
	"cur-004":  func(r *run) { r.want(r.document()["Resources"] == nil, "data: %s", r.body()) },

	// Rights.
	"priv-002": nothingChanged,
	"priv-004": func(r *run) {
		r.wantUsage(1, 1)
		seen := r.admin(200, "GET", "/tenants/{T1}/users/"+r.id(), "").document()
		r.want(seen["accountType"] == "user" && seen["protected"] == false, "it has rights: %v", seen)
	},
	"priv-005": func(r *run) { r.wantUsage(1, 1); r.lacks("isAdmin", "emailVerified", "mfaEnabled", "seatExempt") },
	"priv-007": func(r *run) {
		nothingChanged(r)
		r.wantCause("protected")
		r.wantUser(r.w.vars["T1_OWNER"], "active", true)
		r.want(strings.Contains(r.body(), "owner of the application"), "the detail does not say who can: %s", r.body())
	},
	"priv-009": func(r *run) {
		nothingChanged(r)
		r.want(strings.Contains(r.get("/scim/v2/Groups/{T1_ADMIN_GROUP}").body, r.w.vars["T1_OWNER"]), "the owner is not a member any more")
	},
	"priv-012": func(r *run) {
		for _, secret := range r.w.secrets() {
			r.want(!strings.Contains(r.body(), secret), "a secret: %s", r.body())
		}
		r.want(!credential.MatchString(r.body()), "a hash: %s", r.body())
		tokens, _ := r.document()["tokens"].([]any)
		r.want(len(tokens) > 0, "no token is listed: %s", r.body())
	},
	"own-001": func(r *run) { r.ownerSame() },
	"own-003": func(r *run) { r.ownerSame() },
	"own-005": func(r *run) { r.wantUsage(0, 0) },
	"own-006": func(r *run) { r.want(r.statuses() == "403 403 403", "the operations: %s", r.statuses()); r.ownerSame() },
	"mass-001": func(r *run) {
		r.onlyOwn()
		r.want(r.document()["id"] != "evil", "the id was accepted")
		r.notMember(r.id())
		seen := r.admin(200, "GET", "/tenants/{T1}/users/"+r.id(), "").document()
		r.want(seen["protected"] == false && seen["origin"] == "scim" && seen["deleted"] == false && seen["holds"] == "seat", "taken: %v", seen)
	},
	"sch-001": func(r *run) {
		a := r.admin(200, "GET", "/tenants/{T1}/schemas", "")
		r.want(!strings.Contains(a.body, "rollcall:2.0:user"), "registered: %s", a.body)
	},
	"sort-001": func(r *run) { r.want(r.document()["Resources"] == nil, "data: %s", r.body()) },
	"leak-001": func(r *run) { r.want(strings.Contains(r.body(), "the application"), "by nobody: %s", r.body()) },
	"con-001": func(r *run) {
		a := r.w.send(r.w.request("GET", "/console/", "", ""))
		r.want(a.status == http.StatusMisdirectedRequest, "another host: %d", a.status)
		r.want(r.answers[0].header.Get("Content-Security-Policy") != "", "no policy")
	},

	// Filters and pages.
	"filt-001": refusedAtOnce,
	"filt-002": func(r *run) {
		refusedAtOnce(r)
		r.want(r.get("/scim/v2/Users?count=0").status == 200, "the service does not answer")
	},
	"filt-003": func(r *run) {
		refusedAtOnce(r)
		r.want(r.allocated < 64<<20, "%d bytes were allocated", r.allocated)
	},
	"filt-004": refusedAtOnce,
	"filt-005": func(r *run) {
		r.readNothing()
		r.want(!strings.Contains(r.body(), "unterminated"), "echoed: %s", r.body())
	},
	"filt-006": func(r *run) { r.readNothing() },
	"filt-007": func(r *run) { r.onlyOwn() },
	"filt-008": func(r *run) { r.readNothing() },
	"filt-010": func(r *run) { r.readNothing(); r.want(r.document()["Resources"] == nil, "data: %s", r.body()) },
	"filt-011": func(r *run) {
		r.onlyOwn()
		r.want(number(r.document()["itemsPerPage"]) <= 100, "a page of %v", r.document()["itemsPerPage"])
	},
	"filt-012": func(r *run) { r.readNothing() },
	"filt-013": func(r *run) { r.readNothing(); r.want(r.document()["Resources"] == nil, "data: %s", r.body()) },
	"page-001": func(r *run) {
		config := r.get("/scim/v2/ServiceProviderConfig").document()
		filter, _ := config["filter"].(map[string]any)
		largest := number(filter["maxResults"])
		r.want(largest > 0 && number(r.document()["itemsPerPage"]) <= largest, "a page of %v, at most %v", r.document()["itemsPerPage"], largest)
	},
	"page-003": func(r *run) {
		reads := 0
		for _, c := range r.calls {
			if strings.HasSuffix(c.partition, "#USERS") {
				reads++
			}
		}
		r.want(reads <= 1, "the users were read %d times", reads)
		r.want(number(r.document()["itemsPerPage"]) == 0, "a page of %v", r.document()["itemsPerPage"])
	},
	"page-005": func(r *run) { r.readNothing() },
	"dos-101": func(r *run) {
		r.w.many()
		r.answers = []answer{r.measured(func() answer { return r.w.send(r.w.of(r.Request)) })}
		r.wantTotal(0)
		// One pass over the items, twenty times; a fold in every comparison
		// would be 180 times.
		r.want(r.allocated < 20*150*3000, "%d bytes were allocated, in %s", r.allocated, r.elapsed)
	},

	// Bodies.
	"json-002": nothingChanged,
	"json-003": func(r *run) {
		nothingChanged(r)
		r.want(strings.Contains(r.body(), "userName"), "the detail does not name it: %s", r.body())
	},
	"json-004": nothingChanged,
	"json-005": nothingChanged,
	"json-006": func(r *run) { r.want(r.document()["userName"] == "bom@x", "created: %s", r.body()) },
	"json-012": nothingChanged,
	"json-013": nothingChanged,
	"json-014": nothingChanged,
	"json-020": nothingChanged,
	"json-021": func(r *run) { r.lacks("900719925474099", "urn:example:ext") },
	"json-022": func(r *run) { r.wantUser(r.id(), "active", false); r.wantUsage(1, 0) },
	"json-025": nothingChanged,
	"json-026": func(r *run) {
		r.want(strings.Count(r.get("/scim/v2/Users/"+r.id()).body, `"primary":true`) == 1, "stored: %s", r.body())
	},
	"json-027": userSame,
	"json-028": nothingChanged,
	"json-030": nothingChanged,
	"json-031": nothingChanged,
	"dos-103":  refusedAtOnce,
	"dos-104":  nothingChanged,

	// Names.
	"uni-001": func(r *run) {
		nothingChanged(r)
		a := r.get(usersBy(r, `userName eq "ATK.{N}@EXAMPLE.COM"`))
		r.want(strings.Contains(a.body, r.w.fill(`"userName":"atk.{N}@example.com"`)), "stored: %s", a.body)
	},
	"uni-002": nothingChanged,
	"uni-004": func(r *run) { r.wantUsage(1, 1); r.foundAs("ırem.{N}@example.com") },
	"uni-005": func(r *run) {
		nothingChanged(r)
		r.wantTotalOf(usersBy(r, `userName eq "straße.{N}@example.com"`), 1)
	},
	"uni-006":   nothingChanged,
	"uni-007":   nothingChanged,
	"uni-008":   nothingChanged,
	"uni-009":   func(r *run) { r.wantUsage(1, 1); r.foundAs("аdmin.{N}@example.com") },
	"uni-010":   nothingChanged,
	"uni-011":   nothingChanged,
	"uni-012":   nothingChanged,
	"uni-013":   nothingChanged,
	"uni-014":   nothingChanged,
	"uni-015":   nothingChanged,
	"uni-020":   func(r *run) { r.want(r.document()["externalId"] == nil, "stored: %s", r.body()); r.wantUsage(1, 1) },
	"idn-001":   nothingChanged,
	"idn-003":   nothingChanged,
	"ign-001":   nothingChanged,
	"ign-003":   nothingChanged,
	"ign-004":   nothingChanged,
	"ign-006":   nothingChanged,
	"ign-007":   nothingChanged,
	"idn-004":   nothingChanged,
	"grp-101":   nothingChanged,
	"grp-103":   nothingChanged,
	"ident-001": func(r *run) { nothingChanged(r); r.wantUser(r.w.vars["T1_OTHER_USER"], "emails", nil) },
	"ident-003": func(r *run) {
		nothingChanged(r)
		r.wantTotalOf(usersBy(r, `userName eq "off.{N}@example.com" and active eq false`), 1)
	},
	"reh-002": func(r *run) { nothingChanged(r); r.wantUser(r.w.vars["OLD"], "active", false) },
	"reh-004": func(r *run) { r.want(r.id() == r.w.vars["OLD"], "another user"); r.notMember(r.w.vars["OLD"]) },

	// Log.
	"log-001": func(r *run) { nothingChanged(r); r.want(len(r.lines) == 1, "%d lines: %v", len(r.lines), r.lines) },
	"log-002": func(r *run) {
		for _, line := range r.lines {
			r.want(line["_aws"] == nil && line["CloudWatchMetrics"] == nil, "a metric: %v", line)
		}
		r.wantUser(r.id(), "displayName", `{"_aws":{"CloudWatchMetrics":[{"Namespace":"Evil"}]}}`)
	},
	"log-004": func(r *run) { r.readNothing() },
	"log-005": func(r *run) { r.shownAsText("<img src=x onerror=alert(1)>") },
	"log-007": asCommand,
	"log-009": func(r *run) {
		meta, _ := r.document()["meta"].(map[string]any)
		location, _ := meta["location"].(string)
		r.want(strings.HasPrefix(location, "https://scim.test/scim/v2/Users/"), "the location is %q", location)
		r.want(!strings.Contains(r.body()+fmt.Sprint(r.answers[0].header), "evil.test"), "the host is echoed: %s", r.body())
	},
	"log-010": func(r *run) {
		for name := range r.answers[0].header {
			r.want(!strings.HasPrefix(name, "Access-Control-"), "the header %s", name)
		}
	},

	// Changes.
	"pat-001": userSame,
	"pat-002": func(r *run) {
		userSame(r)
		r.want(r.answers[0].header.Get("ETag") == r.get("/scim/v2/Users/{T1_USER}").header.Get("ETag"), "another version")
	},
	"pat-004": userSame,
	"pat-006": func(r *run) { userSame(r); r.want(r.elapsed < 5*time.Second, "it took %s", r.elapsed) },
	"pat-007": userSame,
	"pat-009": func(r *run) {
		r.wantUsage(0, -1)
		r.want(r.w.send(r.w.of(r.Request)).status == 200, "sent again it fails")
		r.wantUsage(0, -1)
	},
	"pat-011": func(r *run) {
		r.want(number(r.line()["membersRemoved"]) == 1, "logged: %v", r.line())
		r.notMember(r.w.vars["T1_OTHER_USER"])
	},
	"pat-012": func(r *run) { r.wantUser(r.w.vars["T1_USER"], "active", true); r.wantUsage(0, 0) },
	"grp-001": func(r *run) {
		nothingChanged(r)
		r.want(strings.Contains(r.body(), "20000"), "the detail does not say how many: %s", r.body())
	},
	"grp-002": func(r *run) {
		r.want(strings.Count(r.group("{T1_GROUP}"), `"value":"`+r.w.vars["T1_USER"]+`"`) == 1, "members: %s", r.group("{T1_GROUP}"))
	},
	"grp-003": func(r *run) { r.notMember(r.w.vars["T1_GROUP"]) },
	"grp-004": func(r *run) {
		r.want(strings.Count(r.group("{T1_GROUP_150}"), `"value":`) == 151, "%d members", strings.Count(r.group("{T1_GROUP_150}"), `"value":`))
	},
	"grp-005": func(r *run) {
		for _, c := range r.calls {
			r.want(!strings.Contains(c.partition, "#G#"), "members were read: %s", c.partition)
		}
		r.want(!strings.Contains(r.body(), `"members"`), "members: %s", r.body())
	},
	"misc-001": func(r *run) {
		r.want(r.statuses() == "201 201", "the operations: %s", r.statuses())
		config := r.get("/scim/v2/ServiceProviderConfig").document()
		bulk, _ := config["bulk"].(map[string]any)
		r.want(bulk["supported"] == true, "bulk is not announced: %v", config)
	},
	"misc-006": func(r *run) {
		a := r.get("/scim/v2/Users/{T1_USER}?attributes=password")
		r.want(a.document()["id"] == r.w.vars["T1_USER"] && a.document()["schemas"] != nil && a.document()["password"] == nil, "with attributes alone: %s", a.body)
		b := r.get("/scim/v2/Users/{T1_USER}?excludedAttributes=id,schemas")
		r.want(b.document()["id"] == r.w.vars["T1_USER"] && b.document()["schemas"] != nil, "with excludedAttributes alone: %s", b.body)
	},

	// Seats and races.
	"seat-001": nothingChanged,
	"seat-003": nothingChanged,
	"seat-004": nothingChanged,
	"seat-006": nothingChanged,
	"seat-007": func(r *run) {
		nothingChanged(r)
		r.want(r.statuses() == "403 403 403 403 403", "the operations: %s", r.statuses())
	},
	"race-001": func(r *run) { r.wantUsage(1, 1) },
	"race-002": func(r *run) { r.wantUsage(10, 10) },
	"race-003": func(r *run) {
		r.wantUsage(1, 1)
		for _, filter := range []string{`userName eq "lost.{N}@example.com"`, `externalId eq "ext-{N}"`} {
			r.wantTotalOf(usersBy(r, filter), 1)
		}
	},
	"race-006": func(r *run) {
		nothingChanged(r)
		r.wantUser(r.w.vars["T1_USER"], "active", false)
		r.want(strings.Contains(r.body(), "seats in use"), "the detail does not say why: %s", r.body())
	},
	"race-007": func(r *run) {
		group := r.group("{T1_GROUP}")
		for _, id := range r.racers {
			r.want(strings.Contains(group, id), "%s is no member", id)
		}
		r.want(strings.Count(group, `"value":`) == len(r.racers)+1, "%d members", strings.Count(group, `"value":`))
	},
	"race-008": func(r *run) {
		r.wantUsage(1, 1)
		r.wantTotalOf(usersBy(r, `userName eq "tx.{N}@example.com"`), 1)
	},
	"race-009": func(r *run) {
		r.wantUsage(1, 1)
		r.wantTotalOf(usersBy(r, `userName eq "tx2.{N}@example.com"`), 1)
	},
	"race-010": func(r *run) {
		nothingChanged(r)
		r.want(r.answers[0].header.Get("Retry-After") != "", "no Retry-After")
	},
}

// nothingChanged checks that users, seats and groups are as many as before, and
// that nothing was written.
func nothingChanged(r *run) {
	after := r.usage()
	r.want(after == r.before, "%+v in use, was %+v", after, r.before)
	for _, c := range r.calls {
		r.want(!c.write || logPartition(c.partition), "written: %s %s", c.partition, c.sort)
	}
}

// refusedAtOnce checks that nothing was read for the request, and that it took
// no time.
func refusedAtOnce(r *run) {
	r.readNothing()
	r.want(r.elapsed < 5*time.Second, "it took %s", r.elapsed)
}

// userSame checks that {T1_USER} is as it was created.
func userSame(r *run) {
	nothingChanged(r)
	r.wantUser(r.w.vars["T1_USER"], "title", "before")
}

// victimSame checks that the other tenant's user is byte by byte the same.
func victimSame(r *run) {
	now := r.w.must(200, r.w.request("GET", "/scim/v2/Users/"+r.w.vars["T2_USER"], r.w.vars["T2_TOKEN"], "")).body
	r.want(now == r.w.victimWas, "the other tenant's user is %s, was %s", now, r.w.victimWas)
}

// asCommand requests the log as rollcall log does.
func asCommand(r *run) {
	client, err := adminclient.New("http://127.0.0.1:"+r.w.port+adminapi.Prefix, adminclient.Bearer(adminToken))
	require.NoError(r.w.t, err)
	user := r.Request.CLI[slices.Index(r.Request.CLI, "--user")+1]
	found, err := client.Log(r.w.t.Context(), r.w.fill(r.Request.CLI[1]), adminwire.LogQuery{Subject: user})
	r.want(err == nil && len(found.Entries) == 0, "found %v, %v", found.Entries, err)
}

// document returns the body of the first answer.
func (r *run) document() map[string]any { return r.answers[0].document() }

// id returns the id of the resource in the first answer.
func (r *run) id() string {
	id, _ := r.document()["id"].(string)
	return id
}

// line returns the one event of the request.
func (r *run) line() map[string]any {
	for _, line := range r.lines {
		if line["event"] == "scim.request" || line["event"] == logline.OAuth {
			return line
		}
	}
	return nil
}

func (r *run) wantCause(cause string) {
	r.want(r.line()["cause"] == cause, "the cause is %v, want %s", r.line()["cause"], cause)
}

// unauthenticated checks for a challenge and a cause, and that no table was
// read.
func (r *run) unauthenticated(cause string) {
	r.wantCause(cause)
	challenge := r.answers[0].header.Get("WWW-Authenticate")
	r.want(strings.HasPrefix(challenge, "Bearer "), "the challenge is %q", challenge)
	r.want(len(r.calls) == 0, "the table was read: %v", r.calls)
}

// notAdmin checks that the admin API was not called.
func (r *run) notAdmin() {
	for _, line := range r.lines {
		r.want(line["event"] != "admin.request", "the application's side was asked: %v", line)
	}
	for _, c := range r.calls {
		r.want(c.partition != "TENANTS", "the tenants were listed")
	}
}

// unheard checks that no handler was called.
func (r *run) unheard() {
	r.want(len(r.lines) == 0 && len(r.calls) == 0, "a handler was called: %v, %v", r.lines, r.calls)
}

// oneAnswer checks that the connection had one answer.
func (r *run) oneAnswer() { r.want(len(r.answers) == 1, "%d answers", len(r.answers)) }

// readNothing checks that only the tenant and its ledger were read.
func (r *run) readNothing() {
	for _, c := range r.calls {
		own := c.partition == "T#"+r.w.vars["T1"] || c.partition == "T#"+r.w.vars["T1"]+"#LEDGER"
		r.want(own || logPartition(c.partition), "read: %s", c.partition)
	}
}

// onlyOwn checks that every item that was touched is the tenant's.
func (r *run) onlyOwn() {
	for _, c := range r.calls {
		r.want(of(r.w.vars["T1"], c.partition), "touched: %s", c.partition)
	}
	r.want(!strings.Contains(r.body(), victim+"@example.com"), "another tenant's: %s", r.body())
}

// ownClient checks that every item that was touched is the tenant's, or one of the keys of the
// deployment, which any token request may read.
func (r *run) ownClient() {
	for _, c := range r.calls {
		r.want(of(r.w.vars["T1"], c.partition) || c.partition == "KEYS" && !c.write, "touched: %s %s", c.partition, c.sort)
	}
}

// unread checks that the table was not read.
func (r *run) unread() { r.want(len(r.calls) == 0, "the table was read: %v", r.calls) }

// asUnknown checks that the answer is that to an unknown id.
func (r *run) asUnknown() {
	q := r.Request
	q.Path = "/scim/v2/Users/01900000-0000-7000-8000-00000000beef"
	a := r.w.send(r.w.of(q))
	plain := func(a answer) string { return strings.ReplaceAll(a.body, a.header.Get("X-Request-Id"), "") }
	r.want(plain(a) == plain(r.answers[0]), "%s is not %s", plain(r.answers[0]), plain(a))
}

// get sends a read of the tenant.
func (r *run) get(path string) answer {
	return r.w.send(r.w.request("GET", r.w.fill(path), r.w.vars["T1_TOKEN"], ""))
}

// admin sends a request to the admin API.
func (r *run) admin(status int, method, path, body string) answer {
	return r.w.must(status, r.w.request(method, adminapi.Prefix+r.w.fill(path), adminToken, body))
}

// group returns a group with its members.
func (r *run) group(id string) string { return r.get("/scim/v2/Groups/" + id).body }

// notMember checks that the id is not in {T1_GROUP}.
func (r *run) notMember(id string) {
	group := r.get("/scim/v2/Groups/{T1_GROUP}?attributes=members").body
	_, members, _ := strings.Cut(group, `"members":`)
	r.want(id != "" && !strings.Contains(members, id), "%s is a member: %s", id, group)
}

// wantUser compares an attribute of a user.
func (r *run) wantUser(id, attribute string, want any) {
	d := r.get("/scim/v2/Users/" + id).document()
	r.want(d != nil && fmt.Sprint(d[attribute]) == fmt.Sprint(want), "%s is %v, want %v", attribute, d[attribute], want)
}

// wantUsage checks how many users and seats were added.
func (r *run) wantUsage(users, seats float64) {
	after := r.usage()
	r.want(after.Users == r.before.Users+users && after.Seats == r.before.Seats+seats,
		"%+v in use, was %+v, want %v users and %v seats more", after, r.before, users, seats)
}

// wantTotal checks the number of resources in the list.
func (r *run) wantTotal(n float64) {
	r.want(number(r.document()["totalResults"]) == n, "%v found, want %v", r.document()["totalResults"], n)
}

func (r *run) wantTotalOf(path string, n float64) {
	d := r.get(path).document()
	r.want(d["totalResults"] == n, "%s: %v found, want %v", path, d["totalResults"], n)
}

// usersBy returns the path of a search for users.
func usersBy(r *run, filter string) string {
	return "/scim/v2/Users?filter=" + url.QueryEscape(r.w.fill(filter))
}

// foundAs checks that a userName finds exactly the created user.
func (r *run) foundAs(name string) {
	a := r.get(usersBy(r, `userName eq "`+name+`"`))
	r.want(number(a.document()["totalResults"]) == 1 && strings.Contains(a.body, r.id()), "found by %s: %s", name, a.body)
}

// lacks checks that texts are neither in the answer nor in the user as read
// again.
func (r *run) lacks(texts ...string) {
	read := r.get("/scim/v2/Users/" + r.id())
	r.want(read.status == 200, "read again: %d", read.status)
	for _, text := range texts {
		r.want(!strings.Contains(r.body()+read.body, text), "%s was stored: %s", text, read.body)
	}
}

// opaqueManager checks that the manager is the id that was sent, without a
// name.
func (r *run) opaqueManager() {
	r.onlyOwn()
	read := r.get("/scim/v2/Users/" + r.id()).body
	r.want(strings.Contains(read, `"manager":{"value":"`+r.w.vars["T2_USER"]+`"}`), "stored: %s", read)
}

// ownerSame checks that the protected user keeps its identity and is active.
func (r *run) ownerSame() {
	nothingChanged(r)
	owner := r.get("/scim/v2/Users/{T1_OWNER}").body
	for _, text := range []string{`"userName":"owner@example.com"`, `"externalId":"owner"`, `"value":"owner.mail@example.com"`, `"active":true`} {
		r.want(strings.Contains(owner, text), "the protected user lacks %s: %s", text, owner)
	}
}

// statuses returns the statuses of a bulk request's operations.
func (r *run) statuses() string {
	var all []string
	operations, _ := r.document()["Operations"].([]any)
	for _, o := range operations {
		all = append(all, fmt.Sprint(o.(map[string]any)["status"]))
	}
	return strings.Join(all, " ")
}

// shownAsText checks that the console's page of the tenant's groups shows a
// name as text, under a policy that runs no script but the console's own.
func (r *run) shownAsText(name string) {
	r.w.group(name)
	linked := r.w.send(r.w.page(r.w.console.Link(""), ""))
	cookie, _, _ := strings.Cut(linked.header.Get("Set-Cookie"), ";")
	a := r.w.send(r.w.page("/console/t/"+r.w.vars["T1"]+"/groups", cookie))
	r.want(a.status == 200 && strings.Contains(a.body, "&lt;img"), "the page: %d %s", a.status, a.body)
	others := strings.Replace(a.body, `<script src="/console/script.js" defer="defer"></script>`, "", 1)
	r.want(!strings.Contains(others, "<img src=x") && !strings.Contains(others, "<script"), "markup: %s", a.body)
	r.want(strings.HasPrefix(a.header.Get("Content-Security-Policy"), "default-src 'none'"), "the policy is %q", a.header.Get("Content-Security-Policy"))
}

// number returns a number of a JSON document.
func number(v any) float64 {
	n, _ := v.(float64)
	return n
}
