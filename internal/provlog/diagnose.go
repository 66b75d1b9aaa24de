package provlog

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/errortext"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Match says how a pasted text was matched.
type Match string

// The ways to match a text, the surest first; "" means that nothing matched.
const (
	// ByID: the text has the id of a request.
	ByID Match = "id"
	// ByText: the text has the detail of a failure, or its beginning.
	ByText Match = "text"
	// BySubject: the text names a subject that failed, with no other cause or status.
	BySubject Match = "subject"
	// ByWords: the text has the words of a cause.
	ByWords Match = "words"
	// ByStatus: the text shows a status alone.
	ByStatus Match = "status"
)

// Diagnosis is the meaning of a pasted text for a tenant.
type Diagnosis struct {
	Match Match
	// Explanation is that of the one request that the text is of, nil where it is not
	// known.
	Explanation *Explanation
	// Requests are the failures that the text may be of, the newest of each subject,
	// newest first; More reports that there are others.
	Requests []journal.Entry
	More     bool
	// Causes are those that the text may be of, where no request is found. Remedy is the
	// advice that fits the words best, "" for that of the causes.
	Causes []cause.Cause
	Remedy cause.Remedy
	// Text is the pasted text as it was read.
	Text errortext.Text
	// Searched is the number of failures that the text was compared with.
	Searched int
}

// The bounds of a diagnosis. Besides the explanation of the request that is found it
// takes 30 round trips at most.
const (
	diagnosedFailing  = 200
	diagnosedFailures = 100
	diagnosedNames    = 2
	maxRequests       = 10
	// leastDetail is how many letters of a detail make a match, and leastCut how many
	// where the text is cut off within it.
	leastDetail = 12
	leastCut    = 20
)

// Diagnose finds the request that a pasted text belongs to, or else the causes
// that its words suggest.
func (l *Log) Diagnose(ctx context.Context, t tenant.ID, pasted string) (Diagnosis, error) {
	d := Diagnosis{Text: errortext.Parse(pasted)}
	for _, find := range []func(context.Context, tenant.ID, *Diagnosis) error{l.byID, l.byCutID, l.byDetail} {
		if err := find(ctx, t, &d); err != nil || d.Match != "" {
			return d, err
		}
	}
	d.recognise()
	return d, nil
}

// explained makes the explanation of a request that is found. One that the log has no
// more is not found.
func (l *Log) explained(ctx context.Context, t tenant.ID, d *Diagnosis, id string, by Match) error {
	x, err := l.Explain(ctx, t, id)
	if errors.Is(err, ErrNoEntry) {
		return nil
	}
	if err == nil {
		d.Match, d.Explanation = by, &x
	}
	return err
}

// byID finds the request whose id the text has.
func (l *Log) byID(ctx context.Context, t tenant.ID, d *Diagnosis) error {
	if d.Text.RequestID != "" {
		if err := l.explained(ctx, t, d, d.Text.RequestID, ByID); err != nil || d.Match != "" {
			return err
		}
	}
	if len(d.Text.IDs) == 0 {
		return nil
	}
	// Most other ids are those of users and groups.
	entries, err := l.source.Entries(ctx, t, d.Text.IDs)
	if err != nil {
		return err
	}
	for _, id := range slices.Backward(d.Text.IDs) {
		if _, ok := entries[id]; ok {
			return l.explained(ctx, t, d, id, ByID)
		}
	}
	return nil
}

// byCutID finds the requests whose id begins as that in the text, which is cut off: a
// request's id begins with its time.
func (l *Log) byCutID(ctx context.Context, t tenant.ID, d *Diagnosis) error {
	const time32, all = len("019b8d62"), len("019b8d62-7a80-7000-8000-0000000000f1")
	begin := d.Text.CutID
	if len(begin) < time32 || len(begin) >= all {
		return nil
	}
	const first, last = "00000000-0000-7000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff"
	fill := func(with string) time.Time {
		key := begin + with[len(begin):]
		if len(begin) > len("019b8d62-7a80") {
			key = begin[:len("019b8d62-7a80")] + with[len("019b8d62-7a80"):]
		}
		return timeOfKey(key)
	}
	span := Span{From: fill(first), To: fill(last)}
	if span.From.IsZero() || span.To.IsZero() {
		return nil
	}
	var found []journal.Entry
	for range maxPages {
		page, err := l.source.EntryPage(ctx, t, span)
		if err != nil {
			return err
		}
		for _, e := range page.Items {
			if strings.HasPrefix(e.RequestID, begin) && e.Outcome == journal.Failure {
				found = append(found, e)
			}
		}
		if !page.More {
			break
		}
		span.After = page.Last
	}
	return l.choose(ctx, t, d, d.narrowed(found), ByID)
}

// choose explains the one request that is found, or lists several.
func (l *Log) choose(ctx context.Context, t tenant.ID, d *Diagnosis, found []journal.Entry, by Match) error {
	found = newestOfEach(found)
	switch {
	case len(found) == 0:
		return nil
	case len(found) == 1:
		return l.explained(ctx, t, d, found[0].RequestID, by)
	}
	d.Match, d.Requests = by, found
	if len(found) > maxRequests {
		d.Requests, d.More = found[:maxRequests], true
	}
	return nil
}

// narrowed returns the entries about a subject that the text names, or all where it names
// none of them.
func (d *Diagnosis) narrowed(entries []journal.Entry) []journal.Entry {
	named := slices.DeleteFunc(slices.Clone(entries), func(e journal.Entry) bool { return !d.names(e) })
	if len(named) > 0 {
		return named
	}
	return entries
}

// names reports whether the text names the subject of an entry.
func (d *Diagnosis) names(e journal.Entry) bool {
	return d.Text.HasName(e.Subject) || d.Text.HasName(e.ExternalID) || e.ResourceID != "" && slices.Contains(d.Text.IDs, e.ResourceID)
}

// newestOfEach returns entries sorted newest first, one of each subject.
func newestOfEach(entries []journal.Entry) []journal.Entry {
	slices.SortStableFunc(entries, func(x, y journal.Entry) int { return strings.Compare(y.Key(), x.Key()) })
	seen := map[[4]string]bool{}
	var left []journal.Entry
	for _, e := range entries {
		subject := [4]string{e.ResourceType, e.Subject, e.ExternalID, ""}
		if e.Subject == "" && e.ExternalID == "" {
			subject[3] = e.ResourceID
		}
		if !seen[subject] {
			seen[subject] = true
			left = append(left, e)
		}
	}
	return left
}

// byDetail finds the failures whose detail the text has, or whose subject it names.
func (l *Log) byDetail(ctx context.Context, t tenant.ID, d *Diagnosis) error {
	failures, err := l.failed(ctx, t, d.Text.Names)
	if err != nil {
		return err
	}
	d.Searched = len(failures)
	var covered, cut, named []journal.Entry
	d.recognise()
	causes := d.Causes
	byWords := d.Match == ByWords
	d.Match, d.Causes, d.Remedy = "", nil, ""
	for _, e := range failures {
		what := e.WhatHappened()
		letters := len(errortext.Letters(what))
		switch {
		case letters >= leastDetail && d.Text.Contains(what):
			covered = append(covered, e)
		case min(letters, leastCut) >= leastDetail && d.Text.CutOff(what) >= min(letters, leastCut):
			cut = append(cut, e)
		}
		sameStatus := d.Text.Status == 0 || d.Text.Status == e.Cause.Meaning().Status
		if d.names(e) && sameStatus && (!byWords || slices.Contains(causes, e.Cause)) {
			named = append(named, e)
		}
	}
	for _, found := range []struct {
		entries []journal.Entry
		by      Match
	}{{covered, ByText}, {cut, ByText}, {named, BySubject}} {
		if err := l.choose(ctx, t, d, d.narrowed(found.entries), found.by); err != nil || d.Match != "" {
			return err
		}
	}
	return nil
}

// failed returns the failures that a text is compared with: those of failing subjects,
// the newest of the log, and those of the names that the text has.
func (l *Log) failed(ctx context.Context, t tenant.ID, names []string) ([]journal.Entry, error) {
	newest, err := l.failures(ctx, t, Query{Outcome: journal.Failure, Limit: diagnosedFailures})
	if err != nil {
		return nil, err
	}
	failing, err := l.source.FailingPage(ctx, t, "", diagnosedFailing)
	if err != nil {
		return nil, err
	}
	of := failing.Items
	if failing.More {
		for _, name := range names[:min(len(names), diagnosedNames)] {
			found, err := l.failingSubject(ctx, t, FailingQuery{Subject: name})
			if err != nil {
				return nil, err
			}
			of = append(of, found.Failing...)
		}
	}
	entries := newest.Entries
	known := map[string]bool{}
	for _, e := range entries {
		known[e.RequestID] = true
	}
	for _, f := range of {
		if !known[f.RequestID] {
			known[f.RequestID] = true
			entries = append(entries, f.Entry())
		}
	}
	return entries, nil
}

// recognise finds the causes whose words the text has, or else those with the status
// that it shows.
func (d *Diagnosis) recognise() {
	best := 0
	for _, c := range cause.Causes() {
		m := c.Meaning()
		if m.Status == 0 || d.Text.Status != 0 && d.Text.Status != m.Status || d.Text.ScimType != "" && m.Type != "" && !strings.EqualFold(string(m.Type), d.Text.ScimType) {
			continue
		}
		score := wordsIn(d.Text, c)
		switch {
		case score == 0 || score < best:
		case score == best:
			d.Causes = append(d.Causes, c)
		default:
			best, d.Causes = score, []cause.Cause{c}
		}
	}
	if best > 0 {
		d.Match = ByWords
		if len(d.Causes) == 1 {
			d.Remedy = remedyIn(d.Text, d.Causes[0])
		}
		return
	}
	for _, c := range cause.Causes() {
		m := c.Meaning()
		if m.Status != 0 && m.Status == d.Text.Status && (d.Text.ScimType == "" || m.Type == "" && c == cause.Validation || strings.EqualFold(string(m.Type), d.Text.ScimType)) {
			d.Causes = append(d.Causes, c)
		}
	}
	if len(d.Causes) > 0 {
		d.Match = ByStatus
	}
}

// wordsIn returns how many letters of a cause's own words a text has: of what
// happened, and of what to do.
func wordsIn(text errortext.Text, c cause.Cause) int {
	happened := append([]string{c.Meaning().Summary}, phrases[c]...)
	for _, r := range c.Remedies() {
		if what := r.Happened(); what != "" {
			happened = append(happened, what)
		}
	}
	return most(text, happened) + most(text, append(c.AllAdvice(), setting.Phrases(c)...))
}

// remedyIn returns the remedy of a cause whose words a text has most of, "" for the
// cause's own.
func remedyIn(text errortext.Text, c cause.Cause) (remedy cause.Remedy) {
	best := most(text, []string{c.Meaning().Summary}) + most(text, c.Remedy().AllAdvice())
	for _, r := range c.Remedies() {
		n := most(text, r.AllAdvice())
		if what := r.Happened(); what != "" {
			n += most(text, []string{what})
		}
		if n > best {
			best, remedy = n, r
		}
	}
	return remedy
}

// most returns the largest number of letters of one of several texts that a text has, whole
// or cut off. Of a text with … in it, all parts have to be there.
func most(text errortext.Text, of []string) int {
	n := 0
	for _, words := range of {
		whole := 0
		for part := range strings.SplitSeq(words, "…") {
			if !text.Contains(part) {
				whole = 0
				break
			}
			whole += len(errortext.Letters(part))
		}
		if n = max(n, whole); whole > 0 {
			continue
		}
		if cut := text.CutOff(words); cut >= leastCut {
			n = max(n, cut)
		}
	}
	return n
}

// phrases are the constant words in the details of a cause, where they differ from
// the cause's summary; … stands for the words that vary. A test compares them with
// the details in answers.
var phrases = map[cause.Cause][]string{
	cause.TokenExposed:      {"is a token of this service", "has a token of this service in it"},
	cause.SensitiveFilter:   {"is never returned, so it cannot be used in a filter"},
	cause.MemberLimit:       {"The request would change more than"},
	cause.AnswerTooLarge:    {"groups that this answer has room for", "members that this answer has room for", "The answer is larger than 6 MB"},
	cause.WalkLimit:         {"needs more records read than the", "comparisons, and to make them with each user or group costs more than the"},
	cause.OwnUser:           {"is already available in the project", "User already available in the project"},
	cause.OwnUserConversion: {"is already available in the project", "The user is already available in the project", "User already available in the project"},
	cause.Duplicate:         {"belongs to the active user", "of the active user"},
	cause.DuplicateInactive: {"belongs to the inactive user", "of the inactive user"},
	cause.DuplicateSeveral:  {"belong to different inactive users", "belongs to the inactive user … and another value sent to another inactive user"},
	cause.DuplicateOffInApp: {"who was deactivated in the application", "which was deactivated in the application"},
	cause.DuplicateGroup:    {"belongs to the group"},
	cause.ExternalIDRefused: {
		"the inactive user … who has another externalId", "the inactive user … which has another externalId",
		"belongs to the inactive user … who has another externalId", "belongs to the inactive user … which has another externalId",
		"under another externalId than the user had", "with another externalId than before",
	},
	cause.IdentityDiffers: {"was created in the application with the", "has an account in the application with the"},
	cause.GroupDeleted:    {"was deleted in the application on"},
	cause.Protected:       {"is protected in the application and cannot be"},
	cause.UnknownMembers: {
		"of the members sent are no users of this tenant", "None of the members sent for the whole group is a user of this tenant",
		"members are not provisioned users", "member is not a provisioned user", "None of the members sent is a provisioned user",
		"The group was sent as a member of itself",
	},
	cause.SeatLimit:     {"seats in use; nothing was changed"},
	cause.ReaderLimit:   {"readers' places in use; nothing was changed", "Reader licences in use; nothing was changed"},
	cause.BulkLimit:     {"more than maxOperations"},
	cause.BulkReference: {"which this one refers to, was not done", "refers to one that refers back to it", "The request ended at its errors before", "The request had already reached failOnErrors"},
	cause.BodyTooLarge:  {"is larger than maxPayloadSize"},
}
