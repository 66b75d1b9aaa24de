package sabotage

// promises are the sabotages of everything but the conditions of transactions.
func promises() []Sabotage {
	var all []Sabotage
	for _, p := range broken {
		all = append(all, Sabotage{Name: p.name, Breaks: p.breaks, File: p.file, Edits: p.edits, Package: "./" + p.in, Test: p.test})
	}
	return all
}

// otherTenant is the code by which a handler lets the client name its tenant.
func otherTenant(text string) string {
	return "if other, err := tenant.ParseID(" + text + "); err == nil {\n\t\tq.grant.Tenant = other\n\t}\n"
}

// withTenant imports package tenant into package httpapi's file of requests.
var withTenant = Edit{"", "\t\"github.com/rollcall-scim/rollcall/internal/table\"\n", "\t\"github.com/rollcall-scim/rollcall/internal/table\"\n\t\"github.com/rollcall-scim/rollcall/internal/tenant\"\n"}

// sameKey seals the cursors of all tenants with one key.
const sameKey = "[]byte(\"0123456789abcdef0123456789abcdef\")"

// broken are the promises in the order of the layers, from the edge inwards.
var broken = []struct {
	name, breaks, file string
	edits              []Edit
	in, test           string
}{
	// The tenant.
	{
		"tenant from a header", "A client chooses its tenant by a header.", "internal/httpapi/service.go",
		[]Edit{withTenant, {"authenticate", "q.grant = grant\n", "q.grant = grant\n\t" + otherTenant("q.Header.Get(\"X-Tenant\")")}},
		"internal/httpapi", "TestTenant_IsTheTokens",
	},
	{
		"tenant from the query", "A client chooses its tenant by a parameter of the URL.", "internal/httpapi/service.go",
		[]Edit{withTenant, {"authenticate", "q.grant = grant\n", "q.grant = grant\n\t" + otherTenant("q.URL.Query().Get(\"tenant\")")}},
		"internal/httpapi", "TestTenant_IsTheTokens",
	},
	{
		"tenant from the body", "A client chooses its tenant by a member of the body.", "internal/httpapi/users.go",
		[]Edit{{"resource", "decoded, err := resource.DecodeWhole(rt, body)\n", "decoded, err := resource.DecodeWhole(rt, body)\n\tif at := strings.Index(string(body), `\"tenant\":\"`); at > 0 {\n\t\tname, _, _ := strings.Cut(string(body)[at+10:], `\"`)\n\t\t" + otherTenant("name") + "\t}\n"}, {"", "\t\"net/http\"\n", "\t\"net/http\"\n\t\"strings\"\n"}},
		"internal/httpapi", "TestTenant_IsTheTokens",
	},
	{
		"tenant made in a handler", "A handler turns a text of a request into a tenant.", "internal/httpapi/users.go",
		[]Edit{{"resource", "body, err := q.body()\n", "body, err := q.body()\n\t_, _ = tenant.ParseID(string(body))\n"}},
		"internal/check/arch", "TestTenant_IsNeverTakenFromABody",
	},
	{
		"token's record of any tenant", "A token's text names a tenant, and its record is looked up in the cache without it.", "internal/access/authenticate.go",
		[]Edit{{"cacheKey", "t.String() + \"_\" + id", "id"}},
		"internal/access", "TestAuthenticate_KeepsTenantsTokensApart",
	},
	{
		"a recount of one reading", "A recount loses a user whose transaction is not visible as a whole yet.", "internal/store/recount.go",
		[]Edit{{"countTwice", "return again, err == nil && again.same(c), err", "_ = again\n\treturn c, true, err"}},
		"internal/store", "TestRecount_CountsAUserThatIsNotVisibleYet",
	},
	{
		"a rebuild that takes sides", "Of two live users with a name, a rebuild gives it to one.", "internal/store/audit.go",
		[]Edit{{"isContested", "if a.contested[d] || len(wanting) > 1 {\n\t\treturn true", "if a.contested[d] || len(wanting) > 1 {\n\t\treturn false"}},
		"internal/store", "TestRebuildNames_RepairsEachDamage",
	},
	{
		"reads on their way use nothing", "Parallel reads use more read units than the limit.", "internal/table/meter/limit.go",
		[]Edit{{"reserve", "l.reserved += units", "_ = units"}},
		"internal/table/meter", "TestLimit_NeverExceedsTheLimitByMoreThanOnePage",
	},
	{
		"no tenant in a key", "Without a tenant, all tenants' items would be reached.", "internal/store/layout.go",
		[]Edit{{"partition", "panic(\"store: no tenant\")", "_ = t"}},
		"internal/store", "TestPartition_RefusesNoTenant",
	},
	{
		"deletion of a tenant whose name begins alike", "The deletion of acme forgets the tasks of acme-2.", "internal/store/purge.go",
		[]Edit{{"all", "t.String()+\"#\"", "t.String()"}},
		"internal/store", "TestEndTenant_TakesAllAwayWhereverItIsKilled",
	},
	// Cursors.
	{
		"cursor of another tenant", "A cursor continues in another tenant's list.", "internal/httpapi/cursor.go",
		[]Edit{{"seal", "q.grant.CursorKey", sameKey}, {"open", "q.grant.CursorKey", sameKey}, {"walk", " + q.grant.Tenant.String()", ""}},
		"internal/httpapi", "TestTenant_IsTheTokens",
	},
	{
		"cursor of another list", "A cursor continues in a list with another filter.", "internal/httpapi/cursor.go",
		[]Edit{{"walk", "b = append(b, query.Filter.String()...)", "_ = query"}},
		"internal/httpapi", "TestCursor_IsRefusedElsewhere",
	},
	{
		"cursor that is not authenticated", "A client makes its own cursors.", "internal/httpapi/cursor.go",
		[]Edit{{"seal", "sealer.Seal(nil, nil, b, q.walk(of, query))", "append(sealer.Seal(nil, nil, nil, nil)[:0], b...)"}, {"open", "b, err := sealer.Open(nil, nil, sealed, q.walk(of, query))", "b, _ := sealed, sealer.Overhead()"}},
		"internal/httpapi", "TestCursor_IsRefusedElsewhere",
	},
	// Tokens.
	{
		"secret compared by its beginning", "A secret whose hash begins like the stored one is accepted.", "internal/access/token.go",
		[]Edit{{"matches", "[]byte(hash(t.secret)), []byte(stored)", "[]byte(hash(t.secret))[:8], []byte(stored + \"00000000\")[:8]"}},
		"internal/access", "TestAuthenticate_ComparesTheWholeHash",
	},
	{
		"secret compared as long as it is equal", "The time of an answer shows how much of a guess is right.", "internal/access/token.go",
		[]Edit{{"matches", "subtle.ConstantTimeCompare([]byte(hash(t.secret)), []byte(stored)) == 1", "hash(t.secret) == stored"}, {"", "\t\"crypto/subtle\"\n", ""}},
		"internal/check/arch", "TestSecrets_AreComparedInConstantTime",
	},
	{
		"hash cut off", "A part of the hash of a secret is stored.", "internal/access/token.go",
		[]Edit{{"hash", "sum[:]", "sum[:16]"}},
		"internal/access", "TestMint_StoresTheWholeHash",
	},
	{
		"secret stored", "The table has secrets.", "internal/access/token.go",
		[]Edit{{"mint", "Hash: hash(secret)", "Hash: secret"}},
		"internal/access", "TestMint_KeepsNoSecret",
	},
	{
		"secret of few bits", "Secrets can be guessed.", "internal/access/token.go",
		[]Edit{{"mint", "secret := randomText(random, 32)", "secret := randomText(random, 1) + base32Lower.EncodeToString(make([]byte, 32))[2:]"}},
		"internal/access", "TestMint_StoresTheWholeHash",
	},
	{
		"token with a wrong checksum", "Every invented token costs a read.", "internal/access/token.go",
		[]Edit{{"takeEnd", "end == checksum(body)", "len(end) == checksumSize"}},
		"internal/access", "TestParse_RefusesOtherTexts",
	},
	{
		"token with a wrong mark", "Every invented token costs a read of the tenant that it names.", "internal/access/screen.go",
		[]Edit{{"minted", "case ok && key.marked(token):", "case ok && key.ID != \"\":"}},
		"internal/access", "TestScreen_RefusesWhatWasNotMintedHereWithoutARead",
	},
	{
		"any number of unknown tokens", "Invented tokens of the former form use up the partition of the tenant that they name.", "internal/access/screen.go",
		[]Edit{{"pass", "if spent.DelayFrom(now) > 0 {", "if false {"}},
		"internal/access", "TestScreen_LooksUpFewTokensWithoutAMark",
	},
	{
		"wrong secret", "Any secret is accepted.", "internal/access/authenticate.go",
		[]Edit{{"check", "case !t.matches(found.record.Hash):", "case false:"}},
		"internal/access", "TestAuthenticate_ComparesTheWholeSecret",
	},
	{
		"wrong client secret", "Any client secret is accepted that names one.", "internal/access/secret.go",
		[]Edit{{"checkSecret", "!named.matches(found.Hash) || !ok", "!ok"}},
		"internal/access", "TestCheckSecret_ComparesTheWholeSecret",
	},
	{
		"client secret of another tenant", "A client secret is accepted for a client of another tenant.", "internal/access/secret.go",
		[]Edit{{"checkSecret", " || named.Tenant != t", ""}},
		"internal/access", "TestCheckSecret_ComparesTheWholeSecret",
	},
	{
		"expired client secret", "An expired client secret is accepted.", "internal/access/secret.go",
		[]Edit{{"checkSecret", "case !now.Before(found.Expires):", "case false:"}},
		"internal/access", "TestAuthenticate_AccessTokensFollowTheModel",
	},
	{
		"revoked client secret", "A revoked client secret is accepted.", "internal/access/secret.go",
		[]Edit{{"checkSecret", "case !found.Revoked.IsZero():", "case false:"}},
		"internal/access", "TestIssue_TokensEndWithWhatGotThem",
	},
	{
		"forged access token", "An access token is accepted whoever has written it.", "internal/access/ticket.go",
		[]Edit{{"isOf", "hmac.Equal([]byte(c.code(k.signed)), []byte(k.code))", "len(k.code) > 0"}},
		"internal/access", "TestIssue_TokensEndWithWhatGotThem",
	},
	{
		"access token of an ended secret", "An access token outlives the secret that got it.", "internal/access/ticket.go",
		[]Edit{{"check", "case !k.proof.holds(c):", "case false:"}},
		"internal/access", "TestIssue_TokensEndWithWhatGotThem",
	},
	{
		"access token of a revoked client", "An access token outlives its client.", "internal/access/ticket.go",
		[]Edit{{"check", "case !c.Revoked.IsZero():", "case false:"}},
		"internal/access", "TestIssue_TokensEndWithWhatGotThem",
	},
	{
		"access token for ever", "An access token is accepted after its hour.", "internal/access/ticket.go",
		[]Edit{{"check", "case !now.Before(k.expires):", "case false:"}},
		"internal/access", "TestIssue_TokensEndWithWhatGotThem",
	},
	{
		"access token longer than its secret", "An access token is accepted after the secret that got it has expired.", "internal/access/issuer.go",
		[]Edit{{"Issue", "if !p.expires.IsZero() && p.expires.Before(expires) {", "if false {"}},
		"internal/e2e/sim", "TestSimulation",
	},
	{
		"assertion for another audience", "A client is proved by an assertion that was made for another service.", "internal/assertion/verify.go",
		[]Edit{{"", "case !slices.ContainsFunc(p.Audience, func(a string) bool { return a != \"\" && slices.Contains(want.Audiences, a) }):", "case !slices.ContainsFunc(p.Audience, func(string) bool { return true }):"}},
		"internal/oauth", "TestToken_RefusedAssertions",
	},
	{
		"assertion of anybody", "A client is proved by an assertion whoever has signed it.", "internal/assertion/verify.go",
		[]Edit{{"Verify", "if err := p.verify(text, all); err != nil {", "if err := p.verify(text, all); err != nil && len(all) == 0 {"}},
		"internal/oauth", "TestToken_RefusedAssertions",
	},
	{
		"expired assertion", "A client is proved by an assertion after its end.", "internal/assertion/verify.go",
		[]Edit{{"checkTime", "case !now.Before(p.Expires.Add(Leeway)):", "case false:"}},
		"internal/oauth", "TestToken_RefusedAssertions",
	},
	{
		"assertion used again", "An assertion that somebody has copied proves the client again.", "internal/oauth/assertion.go",
		[]Edit{{"checkAssertion", "if verified.HasID || c.method == privateKey {", "if false {"}},
		"internal/oauth", "TestToken_IsIssuedForOwnAssertions",
	},
	{
		"assertion for a revoked client", "A revoked client gets access tokens by assertions.", "internal/oauth/assertion.go",
		[]Edit{{"checkAssertion", "case !r.Client.Revoked.IsZero():", "case false:"}},
		"internal/oauth", "TestToken_RefusedAssertions",
	},
	{
		"static token refused", "A tenant that takes no static tokens takes them.", "internal/access/authenticate.go",
		[]Edit{{"Authenticate", "case token.ticket == nil && found.owner.Settings.StaticTokens == tenant.StaticRefuse:", "case false:"}},
		"internal/access", "TestAuthenticate_RefusesStaticTokensOfATenantThatChoseTo",
	},
	{
		"seats reported twice", "A tenant is told twice that its seats are full.", "internal/watch/seat.go",
		[]Edit{{"seats", "err != nil || !reported", "err != nil || reported || !reported"}, {"seatsOnce", "if full == (was == seatsFull) {", "if !full && was != seatsFull {"}},
		"internal/watch", "TestWatch_ReportsFullSeats",
	},
	{
		"deactivations counted twice are unusual", "A batch of the stream that comes again rings an alarm.", "internal/watch/deactivation.go",
		[]Edit{{"unusual", "n, since := int64(len(found.Users)), latest", "n, since := sum, latest"}},
		"internal/watch", "TestWatch_VerifiesDeactivationsInTheLog",
	},
	{
		"a report of deactivations for each batch", "An application gets an event for each batch while deactivations go on.", "internal/watch/deactivation.go",
		[]Edit{{"unusual", "d.Last != nil && latest.Before(time.UnixMilli(d.Last.At).Add(deactivationSpan))", "false"}},
		"internal/watch", "TestWatch_ReportsUnusualDeactivationsOnceAnHour",
	},
	{
		"the application's deactivations are unusual", "An application that deactivates users itself rings an alarm.", "internal/journal/unusual.go",
		[]Edit{{"Departs", "e.By != ByApplication && ", ""}},
		"internal/watch", "TestWatch_CountsDeactivationsOfIdentityProviders",
	},
	{
		"seats never reported", "Nobody is told that the seats of a tenant are full.", "internal/feed/handler.go",
		[]Edit{{"watch", "if h.c.Watcher == nil {", "if true {"}},
		"internal/feed", "TestHandle_LetsTheWatcherLookAtWhatWasHandedOn",
	},
	{
		"revoked token", "A revoked token is accepted.", "internal/access/authenticate.go",
		[]Edit{{"check", "case !found.record.Revoked.IsZero():", "case false:"}},
		"internal/access", "TestAuthenticate",
	},
	{
		"expired token", "An expired token is accepted.", "internal/access/authenticate.go",
		[]Edit{{"check", "case !found.record.Expires.IsZero() && !now.Before(found.record.Expires):", "case false:"}},
		"internal/access", "TestAuthenticate",
	},
	{
		"tenant without SCIM", "A tenant that has SCIM disabled is changed.", "internal/access/authenticate.go",
		[]Edit{{"Authenticate", "case found.owner.Settings.SCIMDisabled:", "case false:"}},
		"internal/access", "TestAuthenticate",
	},
	{
		"token cached for a minute", "A revoked token is accepted for a minute.", "internal/access/authenticate.go",
		[]Edit{{"", "const CacheTime = 10 * time.Second", "const CacheTime = time.Minute"}},
		"internal/access", "TestCacheTime_IsTenSeconds",
	},
	{
		"token cached while the process is frozen", "A revoked token is accepted after a thaw.", "internal/access/authenticate.go",
		[]Edit{{"NewAuthenticator", "now().Round(0)", "now()"}},
		"internal/access", "TestAuthenticate_CacheExpiresByTheTimeOfDay",
	},
	// Requests.
	{
		"no rate limit", "One tenant takes what the others need.", "internal/throttle/throttle.go",
		[]Edit{{"Take", "if l.rate == 0 {", "if true {"}},
		"internal/throttle", "TestTake_HoldsTheRateOverInstances",
	},
	{
		"one rate limit for all tenants", "The requests of one tenant count for the others.", "internal/throttle/throttle.go",
		[]Edit{{"share", "s, ok := l.tenants[t]", "t = tenant.ID{}\n\ts, ok := l.tenants[t]"}},
		"internal/throttle", "TestTake_KeepsTenantsApart",
	},
	{
		"a rate limit of each instance", "A tenant gets its rate from each of the instances that a storm starts.", "internal/throttle/throttle.go",
		[]Edit{{"beyond", "if l.buckets == nil || now.Before(s.openUntil) {", "if true {"}},
		"internal/throttle", "TestTake_HoldsTheRateOverInstances",
	},
	{
		"a limit that refuses without the table", "While the table is busy, a tenant that keeps its rate is refused.", "internal/throttle/throttle.go",
		[]Edit{{"lease", "s.openUntil = now.Add(openTime)", "s.emptyUntil = now.Add(openTime)"}},
		"internal/throttle", "TestTake_RefusesNothingWithoutTheTable",
	},
	{
		"any work of a filter", "One search takes the processor for many seconds.", "internal/directory/list.go",
		[]Edit{{"worked", "f.Work() > MaxFilterWork", "f.Work() < 0"}},
		"internal/e2e/storm", "TestFilter_EndsWithinItsBudget",
	},
	{
		"no limit of a body", "A body of any size is read into memory.", "internal/web/body.go",
		[]Edit{{"ReadBody", "http.MaxBytesReader(nil, r.Body, most)", "r.Body"}},
		"internal/web", "TestReadBody_StopsAtTheLimit",
	},
	{
		"token in a body", "A token that was sent in a body is stored and shown.", "internal/httpapi/request.go",
		[]Edit{{"body", "return body, exposedInBody(body)", "return body, nil"}},
		"internal/httpapi", "TestToken_IsNeverStored",
	},
	{
		"secret in the log", "A line of the log has the secret of a token.", "internal/httpapi/service.go",
		[]Edit{{"authenticate", "q.event.Tenant, q.event.TokenID = grant.Tenant.String(), grant.TokenID", "q.event.Tenant, q.event.TokenID = grant.Tenant.String(), value[max(0, len(value)-61):]"}},
		"internal/httpapi", "TestLog_HasNoSecret",
	},
	{
		"secret in the text of a token", "A token that is printed shows its secret.", "internal/access/token.go",
		[]Edit{{"String", "\"token \" + t.ID", "\"token \" + t.secret"}},
		"internal/access", "TestMint_KeepsNoSecret",
	},
	{
		"credentials not redacted", "A token that was sent as a name is stored in the log.", "internal/credential/credential.go",
		[]Edit{{"Redact", "b.WriteString(text[kept:from])", "b.WriteString(text[kept:to])"}},
		"internal/credential", "TestRedact",
	},
	{
		"credentials in a log line", "A token that is part of an error is logged.", "internal/logline/logline.go",
		[]Edit{{"form", "text.Cut(credential.Redact(v), MaxText)", "text.Cut(v, MaxText)"}},
		"internal/logline", "TestHandler_LeavesOutCredentials",
	},
	{
		"hostile text in a log line", "A name that a client sent moves the cursor of a terminal.", "internal/text/text.go",
		[]Edit{{"LogLine", "if bytes.IndexFunc(document, markup) < 0 {", "if true {"}},
		"internal/text", "TestHostileTexts_AreInertOnEveryTarget",
	},
	{
		"If-Match ignored by PATCH and PUT of a user", "A change overwrites another that its sender has not seen.", "internal/directory/user_update.go",
		[]Edit{{"decideUpdate", "if !match.Allow(before.Version) {", "if false {"}},
		"internal/directory", "TestUpdate_Preconditions",
	},
	{
		"If-Match ignored by DELETE of a user", "A deletion of a user that has changed since.", "internal/directory/user_delete.go",
		[]Edit{{"Delete", "case !match.Allow(before.Version):", "case false:"}},
		"internal/directory", "TestUpdate_Preconditions",
	},
	{
		"If-Match ignored by PATCH and PUT of a group", "A change of a group overwrites another.", "internal/directory/group_update.go",
		[]Edit{{"refuse", "if w.match.Allow(e.Before.Version) {", "if true {"}},
		"internal/httpapi", "TestGroups_Refusals",
	},
	{
		"If-Match ignored by DELETE of a group", "A deletion of a group that has changed since.", "internal/directory/group_delete.go",
		[]Edit{{"deleteGroup", "if !match.Allow(before.Version) {", "if false {"}},
		"internal/httpapi", "TestGroups_Refusals",
	},
	// The console and the admin API.
	{
		"page without a session", "Anyone who reaches the port administers all tenants.", "internal/console/console.go",
		[]Edit{{"enter", "case !c.sessions.known(cookie):", "case false:"}},
		"internal/console", "TestSession_IsNeededForEveryPage",
	},
	{
		"form of another site", "A page of another site sends a form in the administrator's name.", "internal/console/console.go",
		[]Edit{{"sent", "ownForm(q.Request, \"http://\"+q.Host) && ", ""}},
		"internal/console", "TestForms_AreAcceptedFromThisConsoleOnly",
	},
	{
		"form without its token", "A form needs no page of the session.", "internal/console/console.go",
		[]Edit{{"sent", " && c.sessions.isForm(c.cookieOf(q.Request), q.PostForm.Get(\"form\"))", ""}},
		"internal/console", "TestForms_AreAcceptedFromThisConsoleOnly",
	},
	{
		"console under another name", "A page that resolves its name to this machine reads the console.", "internal/console/console.go",
		[]Edit{{"enter", "if !c.knownHost(q.Request) {", "if false {"}},
		"internal/console", "TestHost_OfAnotherNameIsRefused",
	},
	{
		"link that works twice", "A link from the shell's history begins a session.", "internal/console/session.go",
		[]Edit{{"enter", "delete(s.links, sent)\n", ""}},
		"internal/console", "TestLink_WorksOnce",
	},
	{
		"pages without a content security policy", "A script that got into a page would run.", "internal/console/guard.go",
		[]Edit{{"policyOf", "return \"default-src 'none'; ", "return \""}},
		"internal/console", "TestHeaders_AreOnEveryAnswer",
	},
	{
		"portal link that works twice", "A link from a browser's history, or from an e-mail that was forwarded, lets in whoever has it.", "internal/store/portal.go",
		[]Edit{{"OpenLink", "table.Delete(linkKey(t, link), table.Present()), ", ""}},
		"internal/portal", "TestLink_WorksOnce",
	},
	{
		"portal link used up by a look", "A scanner that opens the links of an e-mail uses the link up.", "internal/console/portal.go",
		[]Edit{{"useLink", "case http.MethodGet, http.MethodHead:\n\t\treturn p.showLink(q, q.URL.Query().Get(secretParameter))", "case http.MethodGet, http.MethodHead:\n\t\t_, _, _ = p.porter.Open(q.Context(), q.URL.Query().Get(secretParameter), addressOf(q.Request))\n\t\treturn p.showLink(q, q.URL.Query().Get(secretParameter))"}},
		"internal/portal", "TestLink_WorksOnce",
	},
	{
		"portal without the tenant's bounds", "A fault in a page shows the users of another customer.", "internal/store/confine.go",
		[]Edit{{"isWithin", "return name == own || strings.HasPrefix(name, own+\"#\")", "return strings.HasPrefix(name, own)"}},
		"internal/store", "TestConfined_ReachesOneTenant",
	},
	{
		"viewer who sets up", "Who may only look creates a token.", "internal/console/route.go",
		[]Edit{{"gives", "to >= operate || to >= r.least", "to >= operate || to >= view"}},
		"internal/portal", "TestPermissions_AreKept",
	},
	{
		"portal form of another site", "A page of another site creates a token in the visitor's name.", "internal/console/portal.go",
		[]Edit{{"sent", "ownForm(q.Request, p.origin) && ", ""}},
		"internal/portal", "TestForms_AreTheSessionsOwn",
	},
	{
		"portal session without its secret", "Who knows the id of a session, which logs have, is in it.", "internal/access/visit.go",
		[]Edit{{"Session", "!token.matches(session.Hash) || ", ""}},
		"internal/access", "TestPorter_NeedsTheWholeSecret",
	},
	{
		"console change without its confirmation", "A form of settings changes them before anyone has seen what it changes.", "internal/console/setting.go",
		[]Edit{{"changeSettings", "case q.PostForm.Get(\"confirmed\") != \"yes\":", "case q.PostForm.Get(\"confirmed\") == \"no\":"}},
		"internal/console", "TestSettings_AreShownReviewedAndChanged",
	},
	{
		"console change of another version", "A change overwrites one that somebody else made meanwhile.", "internal/adminclient/tenant.go",
		[]Edit{{"change", ", \"If-Match\", `W/\"`+version+`\"`)", ")"}},
		"internal/adminclient", "TestClient_ChangesOneVersion",
	},
	{
		"hostile name as markup", "A name that a client sent is markup of the administrator's page.", "internal/console/page.go",
		[]Edit{{"parsePages", "\"name\": nameText,", "\"name\": func(s string) template.HTML { return template.HTML(s) },"}},
		"internal/console", "TestHostileValues_AreInert",
	},
	{
		"admin API without a signature", "A request that API Gateway did not authorize is answered.", "internal/adminapi/service.go",
		[]Edit{{"answer", "if q.operator == \"\" {", "if false {"}},
		"internal/adminapi", "TestRoutes_RefuseUnsignedRequests",
	},
	{
		"operator from a header", "A client names itself as the operator.", "internal/lambdahttp/request.go",
		[]Edit{{"request", "r.Header.Del(web.OperatorHeader)", "_ = web.OperatorHeader"}},
		"internal/lambdahttp", "TestHandler_OperatorIsAuthorizedByAPIGateway",
	},
	{
		"path that climbs", "An id of dots leads to another resource.", "internal/lambdahttp/request.go",
		[]Edit{{"escapeSegment", "return \"%2E%2E\"", "return \"..\""}},
		"internal/lambdahttp", "TestHandler_PathLeadsToTheRoutedResource",
	},
	// Users and seats.
	{
		"refusal from one read of the shards", "A user is refused a seat although one was free at every moment.", "internal/store/shard_commit.go",
		[]Edit{{"refused", "if !read.isWhole() || now != full {", "if false {"}},
		"internal/store", "TestLedger_HistoriesHaveAnOrder",
	},
	{
		"refusal for a seat that moves", "A user is refused a seat that is on its way from one shard to another.", "internal/store/shard_commit.go",
		[]Edit{{"refused", "!read.isWhole() || ", ""}},
		"internal/store", "TestCommit_IsNotRefusedForASeatThatMoves",
	},
	{
		"full shard as a full ledger", "A user is refused a seat although another shard has one.", "internal/store/shard_commit.go",
		[]Edit{{"refused", "w.store.shards.learn(w.tenant, item.Attributes) == 1", "w.store.shards.learn(w.tenant, item.Attributes) > 0"}},
		"internal/store", "TestLedger_GrantsAllSeatsUnderContention",
	},
	{
		"lowered limit of several shards", "A seat is granted while the use is above the limit.", "internal/store/limit.go",
		[]Edit{{"changeLimits", "n > 1 && !before.canRise(after)", "n > 1 && !before.canRise(after) && after.seats > 5"}},
		"internal/store", "TestLedger_HistoriesHaveAnOrder",
	},
	{
		"shard that passes for the one before it", "A merge adds the counts of a shard that was merged before.", "internal/store/shard_growth.go",
		[]Edit{{"grow", "table.Number(s.pick(maxFirstMoves))", "table.Number(0 * s.pick(maxFirstMoves))"}},
		"internal/store", "TestMerge_KnowsAShardThatWasAddedAgain",
	},
	{
		"write of a shard that is not counted", "Two reads of shards that changed look the same.", "internal/store/ledger.go",
		[]Edit{{"add", "attrMoves: 1", "attrMoves: 0"}},
		"internal/store", "TestLedger_HistoriesHaveAnOrder",
	},
	{
		"freed seat of a full shard", "A user is refused a seat although one was free in between.", "internal/store/ledger.go",
		[]Edit{{"add", "add[attrFrees] = 1", "add[attrFrees] = 0"}},
		"internal/store", "TestCommit_RefusalIsProvedWhileOtherCountsMove",
	},
	{
		"ledger that does not grow", "Creates at 200 a second wait for one item.", "internal/store/shard_commit.go",
		[]Edit{{"leave", "if len(read) <= w.known && ", "if false && "}},
		"internal/store", "TestLedger_GrowsUnderContention",
	},
	{
		"seat freed twice", "A deactivation frees two seats.", "internal/store/ledger.go",
		[]Edit{{"countsOf", "return -1", "return -2"}},
		"internal/directory", "TestModify_MovesTheSeat",
	},
	{
		"seat not freed", "A deactivated user keeps the seat.", "internal/store/ledger.go",
		[]Edit{{"countsOf", "case was && !is:", "case false:"}},
		"internal/directory", "TestModify_MovesTheSeat",
	},
	{
		"Reader holds a seat", "A Reader is counted as a User.", "internal/directory/seat.go",
		[]Edit{{"Holds", "return HoldsReader", "return HoldsSeat"}},
		"internal/directory", "TestAccountTypes",
	},
	{
		"inactive user holds a seat", "A deactivation frees no seat.", "internal/directory/seat.go",
		[]Edit{{"Holds", "!u.Active || ", ""}},
		"internal/directory", "TestModify_MovesTheSeat",
	},
	{
		"deleted user is readable", "A deleted user is served.", "internal/store/user.go",
		[]Edit{{"User", "item, ok, err := s.read(ctx, userKey(t, id))\n", "item, ok, err := s.read(ctx, userKey(t, id))\n\tif !ok && err == nil {\n\t\titem, ok, err = s.read(ctx, goneKey(t, id))\n\t}\n"}},
		"internal/directory", "TestDelete_HidesAndKeeps",
	},
	{
		"deletion that hides nothing", "A deleted user is listed as inactive.", "internal/directory/user_delete.go",
		[]Edit{{"Delete", "after.Deleted = by.Settings.DeletedUsers != tenant.DeletedReadable", "after.Deleted = by.Settings.DeletedUsers == \"\""}},
		"internal/directory", "TestDelete_HidesAndKeeps",
	},
	{
		"deletion that keeps memberships", "A name given to another person inherits groups.", "internal/directory/user_delete.go",
		[]Edit{{"Delete", "if err := w.endMemberships(ctx, &made.change, MaxJoined); err != nil {\n\t\t\treturn decision{}, err\n\t\t}\n", ""}},
		"internal/directory", "TestGroups_DeletedUser",
	},
	{
		"reactivation by PATCH of a user that the application deactivated", "An identity provider reactivates a user that the application deactivated.", "internal/directory/user_update.go",
		[]Edit{{"updated", "if before.DeactivatedBy == journal.ByApplication {", "if false {"}},
		"internal/directory", "TestModifyInApp",
	},
	{
		"reactivation by POST of a user that the application deactivated", "An identity provider reactivates a user that the application deactivated.", "internal/directory/user_provision.go",
		[]Edit{{"decideProvision", "if u.DeactivatedBy == journal.ByApplication {\n\t\t\treturn decision{}, taken(sent, holders, u, TakenByApp)\n\t\t}\n\t\tif !active {", "if !active {"}},
		"internal/directory", "TestProvision_DeactivatedInApplication",
	},
	{
		"protected user changed", "An identity provider renames or deactivates the owner.", "internal/directory/protect.go",
		[]Edit{{"refuseProtected", "if !before.Protected {", "if true {"}},
		"internal/directory", "TestProtected_RefusesIdentityProviders",
	},
	{
		"protected user deleted", "An identity provider deletes the owner.", "internal/directory/user_delete.go",
		[]Edit{{"Delete", "case before.Protected:", "case false:"}},
		"internal/directory", "TestProtected_RefusesIdentityProviders",
	},
	{
		"protected user taken out of a group", "A whole new set of members leaves out the owner.", "internal/directory/protect.go",
		[]Edit{{"checkProtected", "if member[id] {", "if member[id] && false {"}},
		"internal/directory", "TestProtected_StaysInGroups",
	},
	{
		"link that changes a user's identity", "A POST with another's address takes over the application's user.", "internal/directory/user_provision.go",
		[]Edit{{"decideLink", "if d, ok := disagreement(before, sent); ok {", "if d, ok := disagreement(before, sent); ok && false {"}},
		"internal/directory", "TestLink_ByPostKeepsIdentity",
	},
	{
		"rehire that keeps memberships", "A recycled address inherits the groups of the person before.", "internal/directory/user_provision.go",
		[]Edit{{"reactivate", "ends = w.by.Settings.Rehire != tenant.RehireKeep && !u.Deleted", "ends = false"}},
		"internal/directory", "TestRehire",
	},
	{
		"names that look alike", "A name with an invisible character is another name.", "internal/scim/fold/fold.go",
		[]Edit{{"dropIgnorable", "return -1", "return r"}},
		"internal/scim/fold", "TestFold_DropsInvisibleCharacters",
	},
	{
		"membership of a former epoch", "A member of a set that was replaced is still one.", "internal/directory/member.go",
		[]Edit{{"current", "have[UserMembership{Group: g.ID, Epoch: g.Epoch}]", "have[UserMembership{Group: g.ID, Epoch: g.Epoch}] || slices.ContainsFunc(memberships, func(m UserMembership) bool { return m.Group == g.ID })"}},
		"internal/httpapi", "TestUsers_AreInNoGroupByAnotherSetOfMembers",
	},
	// Items that many requests need.
	{
		"one lane for all that is staged", "A PUT of many members conflicts with itself.", "internal/store/task.go",
		[]Edit{{"StageMembers", "epochTask(group, epoch), lane), table.Present())", "epochTask(group, epoch), lane-lane), table.Present())"}},
		"internal/e2e/contention", "TestAlone_MeetsNoConflict",
	},
	{
		"lanes of an epoch that is given up", "Members are staged that no task ends.", "internal/store/task.go",
		[]Edit{{"GiveUpEpoch", "append(endLanesOps(t, task), endStagedOp(taskKey(t, taskSort(task))))...", "endStagedOp(taskKey(t, taskSort(task)))"}},
		"internal/store", "TestGroups_AreStoredAs",
	},
	{
		"lanes of an epoch that is the group's", "A late transaction adds a member that nobody asked for.", "internal/store/task.go",
		[]Edit{{"takeEpochOps", "endLanesOps(t, task)...", "endLanesOps(t, task)[:0]..."}},
		"internal/store", "TestGroups_AreStoredAs",
	},
	{
		"ledger that never grows", "A tenant that provisions fast is answered 503.", "internal/store/shard_growth.go",
		[]Edit{{"grow", "len(read) >= s.mostShards", "len(read) >= 1"}},
		"internal/e2e/contention", "TestStorm_GrowsTheLedger",
	},
	{
		"waits after a conflict double", "Requests that have waited for long lose the item to new ones.", "internal/table/retry.go",
		[]Edit{{"longestWait", "longest / retrySlowly", "longest"}},
		"internal/e2e/contention", "TestStorm_DoesNotCollapseAtTheCapacityOfOneItem",
	},

	// The log, and what is written when.
	{
		"change of a user without its entry", "A change is missing in the log and in the change feed.", "internal/store/commit.go",
		[]Edit{{"Commit", "[]operation{{Op: logOp(t, c.Entry, historyOf(c.Before), c.Expires)}},", ""}},
		"internal/httpapi", "TestChanges_AreWrittenWithTheirEntry",
	},
	{
		"change of a group without its entry", "A change is missing in the log and in the change feed.", "internal/store/group.go",
		[]Edit{{"editOps", "ops := []operation{{Op: logOp(t, e.Entry, e.Before.History, e.Expires)}}", "var ops []operation"}},
		"internal/httpapi", "TestChanges_AreWrittenWithTheirEntry",
	},
	{
		"entry without its change", "The log has a change that was refused.", "internal/store/commit.go",
		[]Edit{
			{"Commit", "[]operation{{Op: logOp(t, c.Entry, historyOf(c.Before), c.Expires)}},", ""},
			{"Commit", "return s.commitCounted(ctx, t, c.NotAfter, operations, countsOf(c.Before, c.After))", "if err := s.write(ctx, c.NotAfter, logOp(t, c.Entry, historyOf(c.Before), c.Expires)); err != nil {\n\t\treturn writeError(err)\n\t}\n\treturn s.commitCounted(ctx, t, c.NotAfter, operations, countsOf(c.Before, c.After))"},
		},
		"internal/httpapi", "TestChanges_AreWrittenWithTheirEntry",
	},
	{
		"event without its commit", "The application is notified of a change that was not made.", "internal/event/derive.go",
		[]Edit{{"ofUser", "ok := actions[e.Action]; ok && e.Version > 0", "ok := actions[e.Action]; ok"}},
		"internal/directory", "TestEvents_AreOfCommits",
	},
	{
		"event of a request that changed nothing", "The application is notified of each request.", "internal/event/derive.go",
		[]Edit{{"", "journal.Repaired:    UserUpdated,", "journal.Repaired:    UserUpdated,\n\tjournal.Unchanged:   UserUpdated,"}},
		"internal/event", "TestOf_CausesTheEventOfWhatWasDone",
	},
	{
		"commit without its event", "A user who was hired again keeps groups in the application.", "internal/store/member.go",
		[]Edit{{"leaveLaterOps", "if !a.Has(attrKeep) || len(groups) == 0 {", "if a.Has(attrKeep) || len(groups) == 0 {"}},
		"internal/directory", "TestEvents_AreOfCommits",
	},
	{
		"event hidden by its outcome", "A change whose answer was too large is missing in the application.", "internal/event/derive.go",
		[]Edit{{"ofUser", "ok && e.Version > 0", "ok && e.Version > 0 && e.Outcome != journal.Failure"}},
		"internal/event", "TestOf_CausesTheEventOfWhatWasDone",
	},
	{
		"new set of members without its ids", "The application loses all members of a group.", "internal/store/signal.go",
		[]Edit{{"setOps", "slices.Chunk(ids, setSize)", "slices.Chunk(ids[:0], setSize)"}},
		"internal/directory", "TestEvents_AreOfCommits",
	},
	{
		"value lost without an event", "A deleted user has a name in the application that is another user's.", "internal/directory/decision.go",
		[]Edit{{"change", "e.Changed, e.Lost = changed, losses(transfers)", "e.Changed = changed"}},
		"internal/directory", "TestEvents_AreOfCommits",
	},
	{
		"failure that is renamed reported as fixed", "The application is notified that a user is fixed who still fails.", "internal/httpapi/journal.go",
		[]Edit{{"recordOf", "r.Renamed = append(r.Renamed, s)", "r.Resolved = append(r.Resolved, s)"}},
		"internal/e2e/system", "TestPull_HasEachFailureAndFixOnce",
	},
	{
		"write at any time", "A reader that follows the log misses a late change.", "internal/directory/decision.go",
		[]Edit{{"change", "NotAfter: w.by.Time.Add(journal.WriteTime),\n", ""}},
		"internal/httpapi", "TestEntries_AreWrittenWithinEightSeconds",
	},
	{
		"write within a minute", "A reader that follows the log misses a late change.", "internal/journal/policy.go",
		[]Edit{{"", "const WriteTime = 8 * time.Second", "const WriteTime = time.Minute"}},
		"internal/httpapi", "TestEntries_AreWrittenWithinEightSeconds",
	},
	{
		"cursor of events without its seal", "A cursor of another tenant, or a made-up one, skips events without notice.", "internal/adminapi/events.go",
		[]Edit{{"open", "if !hmac.Equal(sealed[:cursorMAC], c.mac(position)) {", "if false {"}},
		"internal/e2e/system", "TestPull_RefusesOtherCursorsTypesAndLimits",
	},
	{
		"cursor of events older than the log", "A reader that was away for long misses events without notice.", "internal/tenant/tenant.go",
		[]Edit{{"KeepsLogSince", "kept = min(kept, days(s.EarlierLogDays))", ""}},
		"internal/tenant", "TestKeepsLogSince_KnowsEarlierRetentions",
	},
	{
		"events listed too early", "A reader of the events misses a late change.", "internal/journal/policy.go",
		[]Edit{{"", "const SettleTime = WriteTime + ClockDifference + LongestCall", "const SettleTime = 5 * time.Second"}},
		"internal/e2e/system", "TestPull_MissesNoLateCommit",
	},
	{
		"write that is sent too late", "A transaction is sent after its time.", "internal/table/retry.go",
		[]Edit{{"tooLate", "return !tx.NotAfter.IsZero() && ", "return false && "}},
		"internal/table", "TestRetrying_ObeysNotAfter",
	},
	{
		"unknown outcome sent with another token", "A change whose answer was lost is applied twice.", "internal/table/retry.go",
		[]Edit{{"Write", "err := r.table.Write(ctx, tx)\n", "if try > 0 {\n\t\t\ttx.Token += \"+\"\n\t\t}\n\t\terr := r.table.Write(ctx, tx)\n"}},
		"internal/table", "TestRetrying_Write",
	},
	{
		"unknown outcome reported as refused", "A change that was applied is reported as not made.", "internal/table/retry.go",
		[]Edit{{"Write", "case lost != nil:", "case false:"}},
		"internal/table", "TestRetrying_Write",
	},
	{
		"failed condition sent again", "A decision that is known to be wrong is sent until it fits.", "internal/table/retry.go",
		[]Edit{{"Write", "case decides(err):\n\t\t\treturn err\n", ""}, {"Write", "if !(errors.Is(err, ErrConflict) ||", "var failed *ConditionError\n\t\tif err == nil {\n\t\t\treturn nil\n\t\t}\n\t\tif !(errors.As(err, &failed) || errors.Is(err, ErrConflict) ||"}},
		"internal/table", "TestRetrying_Write",
	},
	{
		"token of a transaction forgotten", "A transaction that is sent again is applied again.", "internal/table/embedded/write.go",
		[]Edit{{"replayed", "return errReplayed", "return nil"}},
		"internal/table/embedded", "TestEmbeddedContract",
	},
	{
		"token of another transaction accepted", "Another transaction is reported as applied.", "internal/table/embedded/write.go",
		[]Edit{{"replayed", "return table.ErrTokenReused", "return errReplayed"}},
		"internal/table/embedded", "TestEmbeddedContract",
	},
	{
		"limit that is reached is below", "One seat too many is granted.", "internal/table/apply.go",
		[]Edit{{"Holds", "a.number < b.number", "a.number <= b.number"}},
		"internal/table/embedded", "TestEmbeddedContract",
	},
	{
		"signature of a webhook not checked", "Anybody who knows the URL writes the application's users.", "mirror/signature.go",
		[]Edit{{"Verify", "hmac.Equal(got, want)", "len(got) == len(want)"}},
		"mirror", "TestVectors",
	},
	{
		"old signature accepted", "A request that was recorded is accepted again years later.", "mirror/signature.go",
		[]Edit{{"Verify", "d > Tolerance || d < -Tolerance", "d < -Tolerance"}},
		"mirror", "TestVectors",
	},
	{
		"event of an older version applied", "A deactivated user is active again in the application.", "mirror/row.go",
		[]Edit{{"", "u.Purged || document.Version < u.Version", "u.Purged"}},
		"mirror", "TestApply_MirrorEqualsTheDirectoryAfterAnyHistory",
	},
	{
		"older fact about a member applied", "A former member has the group's role again.", "mirror/row.go",
		[]Edit{{"", "fact.Version > m.Version || fact.Version == m.Version && !fact.Member", "true"}},
		"mirror", "TestApply_MirrorEqualsTheDirectoryAfterAnyHistory",
	},
	{
		"end of memberships ignored", "A user who was deleted and restored has its former groups.", "mirror/row.go",
		[]Edit{{"IsMember", "m.UserVersion >= u.MembershipsEnded && ", ""}},
		"mirror", "TestApply_MirrorEqualsTheDirectoryAfterAnyHistory",
	},
	{
		"replacement of members ignored", "Who is left out of a new set of members stays one.", "mirror/row.go",
		[]Edit{{"IsMember", " && m.Generation >= g.Generation", ""}},
		"mirror", "TestApply_MirrorEqualsTheDirectoryAfterAnyHistory",
	},
	{
		"version of a member forgotten", "A user who came back and joined again is no member.", "mirror/row.go",
		[]Edit{{"", "m.UserVersion = userVersion", "_ = userVersion"}},
		"mirror", "TestApply_MirrorEqualsTheDirectoryAfterAnyHistory",
	},
	{
		"deleted member reported as none", "The application loses a membership that began again after a deletion.", "internal/admindoc/event.go",
		[]Edit{{"membership", "g == nil || !directory.ValidID(user)", "g == nil || n.memberVersion(user) == 0"}},
		"internal/admindoc", "TestEvents_ReportMembershipThatBeganAfterTheUserWasRead",
	},
	{
		"event acknowledged before it is applied", "An event that the application's database refused is never sent again.", "mirror/handler.go",
		[]Edit{{"receive", "\tcase err != nil:\n\t\treturn http.StatusServiceUnavailable, err\n", ""}},
		"mirror", "TestHandler_Answers/the_store_fails",
	},
	{
		"expired cursor replaced without a list", "What changed before the new cursor stays unknown.", "mirror/puller.go",
		[]Edit{{"resync", "if _, err := p.Reconcile(ctx); err != nil {\n\t\treturn err\n\t}\n\t", ""}},
		"mirror", "TestPull_MirrorEqualsTheDirectoryAfterAnyHistory",
	},
	{
		"wrong deployment believed", "A mirror that asks another deployment removes all users.", "mirror/reconcile.go",
		[]Edit{{"lost", "len(gone) > max(10, all/10) && !r.AllowLoss", "false"}},
		"mirror", "TestReconcile_RefusesAnUnusualLoss",
	},
	{
		"expired item served", "An entry is shown after the retention that the tenant chose.", "internal/store/store.go",
		[]Edit{{"expired", "return a.Has(table.ExpiryName) && a.Number(table.ExpiryName) <= now.Unix()", "return false"}},
		"internal/store", "TestExpired_IsNotRead",
	},
	{
		"dismissal that outlives the next failure", "A user who fails again is on no list.", "internal/store/dismiss.go",
		[]Edit{{"decodeDismissal", " || a.Text(attrDismissed) != a.Text(attrRequest)", ""}},
		"internal/store", "TestDismiss_EndsWithTheNextFailure",
	},
	{
		"failure by a name that is kept like the log", "A name that never comes again stays on the list of failures.", "internal/journal/dismissal.go",
		[]Edit{{"FailureExpires", "if end := failed.Add(NamedFailureKept); end.Before(entries) {\n\t\treturn end\n\t}", ""}},
		"internal/store", "TestDismiss_EndsWithTheNextFailure",
	},
	{
		"first request of a kind that waits for others", "A deactivation that came is reported as absent.", "internal/httpapi/activity.go",
		[]Edit{{"day", "written, ok := a.kinds[kindOf{of, today, kind}]", "written, ok := a.kinds[kindOf{of, today, journal.Creations}]"}},
		"internal/httpapi", "TestActivity_WritesTheFirstOfEachKind",
	},
	{
		"kinds that are lost with their write", "A deactivation that came is reported as absent.", "internal/httpapi/activity.go",
		[]Edit{{"lost", "a.lostDay(dayOf{q.grant.Tenant, day.IdP}, day)", "_ = day"}},
		"internal/httpapi", "TestActivity_LostDaysAreWrittenAgain",
	},
	{
		"partition left by the deletion of a tenant", "Data of a deleted tenant stays.", "internal/store/purge.go",
		[]Edit{{"recordPartitions", "\"FAILING\", ", ""}},
		"internal/store", "TestRecordPartitions_AreAllThatHaveKeys",
	},
	{
		"joined group stays owed", "The list of what must be pushed again has a member that is there.", "internal/store/member.go",
		[]Edit{{"joinOps", ", Remove: []string{owedName(group)}", ""}},
		"internal/e2e/system", "TestPushAgain",
	},
	{
		"groups of a deletion forgotten", "A restored user misses groups, and nobody knows which.", "internal/store/user.go",
		[]Edit{{"userItem", "\tkeepOwed(a, u)\n", ""}},
		"internal/e2e/system", "TestPushAgain_IsWhatIsOwed",
	},
	{
		"removed member stays owed", "The list does not get shorter when the identity provider removes a member that was skipped.", "internal/store/group.go",
		[]Edit{{"UpdateGroup", "owedOf(c.GroupEdit, c.Add, c.AlreadyMembers, c.Remove, c.NotMembers)", "owedOf(c.GroupEdit)"}},
		"internal/e2e/system", "TestPushAgain_IsWhatIsOwed",
	},
	{
		"whole set leaves groups owed", "The list has users that the identity provider left out of the group.", "internal/directory/owed.go",
		[]Edit{{"forgetOwed", "range w.owed", "range map[string][]string{}"}},
		"internal/e2e/system", "TestPushAgain_IsWhatIsOwed",
	},
	// Deliveries to webhooks.
	{
		"event settled without an acknowledgement", "An event that the application never got counts as delivered.", "internal/webhook/run.go",
		[]Edit{{"judge", "if acknowledges(res.attempt) {", "if acknowledges(res.attempt) || p.Attempts > 0 {"}},
		"internal/webhook", "TestWake_KilledAnywhereLosesNothing",
	},
	{
		"events of one user at once", "The application gets the changes of a user in another order.", "internal/webhook/run.go",
		[]Edit{{"take", "case r.busy[key]:", "case r.busy[key] && key == \"\":"}},
		"internal/webhook", "TestWake_KeepsTheOrderOfAResource",
	},
	{
		"endpoint that is never paused", "A dead endpoint gets a request for every event.", "internal/webhook/run.go",
		[]Edit{{"failed", "case s.Streak >= MaxStreak && s.Paused.IsZero():", "case s.Streak < 0:"}},
		"internal/webhook", "TestWake_DeadEndpointCostsABoundedNumberOfAttempts",
	},
	{
		"probe of the same event", "One event that always fails keeps a working endpoint paused.", "internal/webhook/run.go",
		[]Edit{{"probe", "(chosen == nil || p.Attempts < chosen.Attempts)", "chosen == nil"}},
		"internal/webhook", "TestWake_PauseEndsAlthoughAnEventFailsAlways",
	},
	{
		"backlog in memory", "A backlog is read as a whole.", "internal/webhook/run.go",
		[]Edit{{"pass", " && r.loaded < pageSize/2", ""}},
		"internal/webhook", "TestWake_Backlog",
	},
	{
		"wake-up lost at a release", "An event waits for a minute because another call was about to end.", "internal/webhook/deliverer.go",
		[]Edit{{"wake", "if len(late) == 0 {", "if len(late) <= 1 {"}},
		"internal/webhook", "TestWake_FindsWhatWasStoredBeforeTheRelease",
	},
	{
		"event of another tenant", "An endpoint that is limited to a tenant gets events of another one.", "internal/webhook/attempt.go",
		[]Edit{{"outside", "slices.Contains(e.Tenants, of)", "len(e.Tenants) < 99"}, {"", "\t\"slices\"\n", ""}},
		"internal/webhook", "TestWake_SendsNoEventOfAnotherTenant",
	},
	{
		"lease of two processes", "Two processes deliver to an endpoint at once.", "internal/store/delivery.go",
		[]Edit{{"AcquireLease", "Add(leaseSkew)) {", "Add(leaseSkew)) && endpoint == \"\" {"}},
		"internal/store", "TestLease_IsOfOneProcess",
	},
	{
		"acknowledgement of a departure overwritten", "The evidence says that the application learned of a departure later than it did.", "internal/store/delivery.go",
		[]Edit{{"departureOps", "if items[key].Attributes.Has(attrDelivered) {", "if items[key].Attributes.Has(attrDetails) {"}},
		"internal/store", "TestSettle_KeepsTheFirstAcknowledgementOfADeparture",
	},
	{
		"internal address", "A webhook reaches the services of the deployment's own network.", "internal/outbound/address.go",
		[]Edit{{"Refuse", "fault != \"\" {", "fault == \"-\" {"}},
		"internal/webhook", "TestSend_RefusesANameThatChangesItsAddress",
	},
	{
		"redirect followed", "A webhook is led to another address.", "internal/webhook/http.go",
		[]Edit{{"newHTTP", "return http.ErrUseLastResponse", "return nil"}},
		"internal/webhook", "TestSend_FollowsNoRedirect",
	},
}
