package guide

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// A CheckKind is what a check is about.
type CheckKind string

// The checks, in the order in which they pass.
const (
	// Connected: a request with a valid credential came.
	Connected CheckKind = "connection"
	// FirstUser: a user was provisioned.
	FirstUser CheckKind = "user"
	// GroupPush: a group was provisioned.
	GroupPush CheckKind = "group"
	// Deactivated: a user was deactivated or deleted.
	Deactivated CheckKind = "deactivation"
)

// CheckKinds are all kinds of checks, in their order.
var CheckKinds = [...]CheckKind{Connected, FirstUser, GroupPush, Deactivated}

// Title returns the name of the check.
func (k CheckKind) Title() string {
	switch k {
	case Connected:
		return "Connection"
	case FirstUser:
		return "First user"
	case GroupPush:
		return "Group push"
	}
	return "Deactivation"
}

// Tries say what to do in a product to make each check pass. A product has no check that it
// has no way to pass.
type Tries map[CheckKind]string

// A State is the state of a check.
type State string

// The states.
const (
	// Waiting: nothing has come yet.
	Waiting State = "waiting"
	// Passed: a request shows that it works.
	Passed State = "passed"
	// Failing: what came was refused.
	Failing State = "failing"
)

// A Check is one check of a connection.
type Check struct {
	Kind  CheckKind
	State State
	// Time is the time of the request that decided, nil if it is not known, and RequestID
	// its id, "" if the log does not have the request.
	Time      *time.Time
	RequestID string
	// Subject is the userName or the displayName, "" if the request is of no single one.
	Subject string
	// Text says in sentences what came, or what to wait for, and Cause is the cause of
	// a failure or of a warning.
	Text, Cause string
	// Detail is what the error says that the product received, without what to do.
	Detail string
	// Try says what to do in the product to make the check pass, with the marks of a guide, and
	// WhatToDo is the service's advice, without any.
	Try, WhatToDo string
	// Documentation explains the cause.
	Documentation string
}

// Known is what the admin API knows of a tenant, as its documents.
type Known struct {
	Overview adminwire.Overview
	Tokens   []adminwire.Token
	Clients  []adminwire.Client
	// Entries are those that Searches find.
	Entries []adminwire.Entry
	Causes  []adminwire.Cause
}

// maxEntries is the most entries that one search of the log returns.
const maxEntries = 200

// Searches are the searches of the log whose entries the checks need: the newest changes of
// users and of groups, and the newest refusals, which may be of neither.
func Searches() []adminwire.LogQuery {
	page := adminwire.Page{Limit: maxEntries}
	return []adminwire.LogQuery{
		{Page: page, ResourceType: "User"}, {Page: page, ResourceType: "Group"}, {Page: page, Outcome: "failure"},
	}
}

// Checks returns how far a connection of a product is set up. credential is the id of the
// token or of the client that was created for it, "" to consider all requests of the
// product.
func Checks(p Product, c Connection, credential string, known Known) []Check {
	b := board{product: p, connection: c, known: known, credential: credential}
	b.read()
	var checks []Check
	for _, kind := range CheckKinds {
		if p.Tries[kind] == "" {
			continue
		}
		if kind == Connected {
			checks = append(checks, b.connected())
			continue
		}
		checks = append(checks, b.changed(kind))
	}
	return checks
}

// A board has what the checks of a connection are decided by.
type board struct {
	product    Product
	connection Connection
	known      Known
	credential string
	// chain has the short ids of the credential and of those that it replaces or that
	// replace it, and others those of the tenant's other live ones.
	chain, others []string
	// entries are those of the connection, newest first.
	entries []adminwire.Entry
}

// read sorts the documents by whether they are about the connection.
func (b *board) read() {
	b.chain = chainOf(b.credential, b.known.Tokens)
	for _, t := range b.known.Tokens {
		if t.State == live && !slices.Contains(b.chain, t.ID) {
			b.others = append(b.others, t.ID)
		}
	}
	for _, c := range b.known.Clients {
		if c.State == live && c.ClientID != b.credential {
			b.others = append(b.others, shortID(c.ClientID))
		}
	}
	seen := map[string]bool{}
	for _, e := range b.known.Entries {
		if !seen[e.ID] && e.By == byIdP && b.owns(e.TokenID, e.IdP) {
			seen[e.ID] = true
			b.entries = append(b.entries, e)
		}
	}
	slices.SortStableFunc(b.entries, func(x, y adminwire.Entry) int { return y.Time.Compare(x.Time) })
}

// The words of the documents.
const (
	live    = "live"
	byIdP   = "idp"
	failure = "failure"
	user    = "User"
	group   = "Group"
)

// shortID returns the id by which log entries name a client.
func shortID(clientID string) string { return clientID[strings.LastIndex(clientID, "_")+1:] }

// chainOf returns the ids of a credential and of those in its rotations.
func chainOf(credential string, tokens []adminwire.Token) []string {
	if credential == "" {
		return nil
	}
	chain := []string{shortID(credential), credential}
	for grew := true; grew; {
		grew = false
		for _, t := range tokens {
			related := slices.Contains(chain, t.Replaces) || slices.Contains(chain, t.ReplacedBy)
			if related && !slices.Contains(chain, t.ID) {
				chain, grew = append(chain, t.ID), true
			}
		}
	}
	return chain
}

// owns reports whether a request with a credential of an identity provider is the
// connection's. A request of the product with a credential that no longer works is: the
// product may have kept it.
func (b *board) owns(tokenID, idp string) bool {
	switch {
	case b.credential == "":
		return b.product.owns(idp)
	case slices.Contains(b.chain, tokenID):
		return true
	case slices.Contains(b.others, tokenID):
		return false
	}
	return b.product.owns(idp)
}

// newest returns the newest entry of the connection that a rule accepts.
func (b *board) newest(is func(adminwire.Entry) bool) (adminwire.Entry, bool) {
	if i := slices.IndexFunc(b.entries, is); i >= 0 {
		return b.entries[i], true
	}
	return adminwire.Entry{}, false
}

// credentialCauses are the causes of requests that are refused before they are handled, so
// that nothing works.
var credentialCauses = []string{
	"token_revoked", "token_expired", "static_token_refused", "access_token_ended", "client_revoked", "secret_unknown",
	"secret_expired", "secret_revoked", "assertion_refused", "oauth_request", "grant_unsupported", "scim_disabled",
}

// refused reports whether an entry is of a request that was refused for its credential.
func refused(e adminwire.Entry) bool {
	return e.Outcome == failure && slices.Contains(credentialCauses, e.Cause)
}

// connected decides whether the product reaches the service.
func (b *board) connected() Check {
	check := Check{Kind: Connected}
	if n, ok := b.notice("scim_off"); ok {
		return check.noticed(n)
	}
	accepted := b.accepted()
	bad, isBad := b.newest(refused)
	switch {
	case isBad && (accepted.Time == nil || bad.Time.After(*accepted.Time)):
		return b.failed(check, bad)
	case b.ended() != "":
		check.State, check.Text = Failing, b.ended()
		check.WhatToDo = "Create another credential here, and enter it in " + b.product.inside() + "."
		return check
	case accepted.Time != nil:
		return accepted
	}
	check.State, check.Try = Waiting, b.product.Tries[Connected]
	check.Text = "No request with a valid credential has been received from " + b.product.inside() + ". " +
		"A request with an incomplete or unknown credential, or to another address, is not shown here, because it names no customer: " +
		"if " + b.product.inside() + " reports status 401, copy the credential again; if it reports 404, copy the base URL again."
	return check
}

// inside returns the name of the product within a sentence.
func (p Product) inside() string {
	if p.Provider == "" {
		return "the identity provider"
	}
	return p.Name
}

// accepted returns the check with the newest request that was accepted, if there is one.
func (b *board) accepted() Check {
	check := Check{Kind: Connected, State: Passed, Text: "A request with a valid credential was received."}
	if e, ok := b.newest(func(e adminwire.Entry) bool { return !refused(e) && e.Operation != "token" }); ok {
		check.Time, check.RequestID = &e.Time, e.RequestID
	}
	for _, s := range b.known.Overview.LastSeen {
		// LastSeen is to the minute: an entry of the same minute says more.
		if b.owns(s.TokenID, string(s.IdP)) && (check.Time == nil || s.Time.Sub(*check.Time) >= time.Minute) {
			check.Time, check.RequestID = &s.Time, ""
		}
	}
	if used := b.lastUsed(); check.Time == nil && used != nil {
		check.Time = used
	}
	return check
}

// lastUsed returns when the credential was last used, to the hour, nil for never.
func (b *board) lastUsed() *time.Time {
	for _, t := range b.known.Tokens {
		if t.ID == b.credential {
			return t.LastUsedAt
		}
	}
	for _, c := range b.known.Clients {
		if c.ClientID == b.credential {
			return c.LastUsedAt
		}
	}
	return nil
}

// ended says why the credential does not work any more, "" if it works.
func (b *board) ended() string {
	for _, t := range b.known.Tokens {
		// In a rotation the other token works.
		if t.ID == b.credential && t.State != live && t.ReplacedBy == "" {
			return "This token is " + t.State + "."
		}
	}
	for _, c := range b.known.Clients {
		if c.ClientID != b.credential {
			continue
		}
		if c.State != live {
			return "This client is " + c.State + "."
		}
		if len(c.Methods()) == 0 {
			return "No secret of this client works any more, and it has neither a federation nor keys."
		}
	}
	return ""
}

// failed returns the check as failing by the request of an entry.
func (b *board) failed(check Check, e adminwire.Entry) Check {
	check.State, check.Time, check.RequestID, check.Subject, check.Detail = Failing, &e.Time, e.RequestID, e.Subject, whatHappened(e)
	check.explain(b, e)
	return check
}

// whatHappened returns an entry's detail without what to do and without the id of the
// request.
func whatHappened(e adminwire.Entry) string {
	what, _, _ := strings.Cut(e.Detail, " (request ")
	if e.WhatToDo != "" {
		what, _, _ = strings.Cut(what, e.WhatToDo)
	}
	return strings.TrimSpace(what)
}

// explain adds the explanation of an entry's cause, and what to do in the product.
func (check *Check) explain(b *board, e adminwire.Entry) {
	check.Cause, check.WhatToDo, check.Documentation = e.Cause, e.WhatToDo, e.Documentation
	for _, c := range b.known.Causes {
		if c.Cause != e.Cause {
			continue
		}
		check.Text = c.Summary
		// The entry's advice is for the screens of the sender that it names.
		if !b.product.owns(e.IdP) || e.WhatToDo == "" {
			check.WhatToDo = cmp.Or(c.Advice[string(b.product.Provider)], c.WhatToDo)
		}
	}
	check.Text = cmp.Or(check.Text, e.Detail)
}

// noticed returns the check as failing by a notice of the overview.
func (check Check) noticed(n adminwire.Notice) Check {
	check.State, check.Text, check.Cause, check.WhatToDo, check.Documentation = Failing, n.Text, n.Cause, n.WhatToDo, n.Documentation
	check.Time = n.Last
	return check
}

// notice returns the overview's notice of one of some kinds that is about the connection.
func (b *board) notice(kinds ...string) (adminwire.Notice, bool) {
	for _, n := range b.known.Overview.Notices {
		if slices.Contains(kinds, n.Kind) && (n.IdP == "" || b.product.owns(n.IdP)) {
			return n, true
		}
	}
	return adminwire.Notice{}, false
}

// absences are the overview's notices that explain why a check waits.
var absences = map[CheckKind][]string{
	FirstUser: {"users_absent"}, GroupPush: {"groups_absent", "members_absent"}, Deactivated: {"deactivations_absent", "only_creations"},
}

// changed decides a check by the changes that came.
func (b *board) changed(kind CheckKind) Check {
	check := Check{Kind: kind}
	if e, ok := b.newest(func(e adminwire.Entry) bool { return shows(kind, e) }); ok {
		check.State, check.Time, check.RequestID, check.Subject = Passed, &e.Time, e.RequestID, e.Subject
		if e.Cause != "" {
			check.explain(b, e)
		}
		check.Text = strings.TrimSpace(passedText(kind, e.Action) + " " + check.Text)
		return check
	}
	if e, ok := b.newest(func(e adminwire.Entry) bool { return e.Outcome == failure && wanted(kind, e) }); ok {
		return b.failed(check, e)
	}
	check.State, check.Text, check.Try = Waiting, waitingText(kind), b.product.Tries[kind]
	if n, ok := b.notice(absences[kind]...); ok {
		check.Text, check.WhatToDo, check.Documentation = n.Text, n.WhatToDo, n.Documentation
	}
	return check
}

// The actions of the log that show that a user or group was provisioned, and those that a
// departure has.
var (
	arrivals   = []string{"created", "linked", "reactivated", "restored", "updated"}
	departures = []string{"deactivated", "deleted"}
)

// shows reports whether an entry is of a request that makes a check pass.
func shows(kind CheckKind, e adminwire.Entry) bool {
	if e.Outcome == failure {
		return false
	}
	switch kind {
	case FirstUser:
		return e.ResourceType == user && slices.Contains(arrivals, e.Action)
	case GroupPush:
		return e.ResourceType == group && slices.Contains(arrivals, e.Action)
	}
	return e.ResourceType == user && slices.Contains(departures, e.Action)
}

// wanted reports whether an entry of a failure is of a request that a check waits for. That a
// change of a user was to deactivate shows only in a refusal because of it.
func wanted(kind CheckKind, e adminwire.Entry) bool {
	if refused(e) || e.Cause == "rate_limit" {
		return false
	}
	leaves := e.Operation == "delete" || e.Cause == "protected" && e.Operation != "create"
	switch kind {
	case FirstUser:
		return e.ResourceType == user && e.Operation != "delete"
	case GroupPush:
		return e.ResourceType == group
	}
	return e.ResourceType == user && leaves && e.Cause != "user_not_found"
}

// passedText says what the request of a passed check did.
func passedText(kind CheckKind, action string) string {
	if kind == GroupPush {
		return "The group was " + action + "."
	}
	return "The user was " + action + "."
}

// waitingText says what a check waits for.
func waitingText(kind CheckKind) string {
	switch kind {
	case FirstUser:
		return "No user has been provisioned yet."
	case GroupPush:
		return "No group has been provisioned yet."
	}
	return "No user has been deactivated yet."
}
