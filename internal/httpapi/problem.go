package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A problem is the reason for which a request is refused: a cause, and the
// particulars of this request.
type problem struct {
	cause cause.Cause
	// scimType is set where the cause has none.
	scimType scim.ErrorType
	// what says what happened, in one or two sentences; "" means the cause's
	// summary.
	what string
	// remedy names advice that fits better than the cause's own, or is "".
	remedy cause.Remedy
	// faults are the faulty settings that the refusal shows.
	faults []setting.Finding
	allow  []string
	// retryAfter is the number of seconds to wait, 0 for those of the cause.
	retryAfter int
	ledger     *directory.FullError
	// holder is the record that has what the request wanted, or "".
	holder string
	// subject names the group that the application deleted, or is "" if
	// unknown.
	subject string
	// users are the ids of the users that cause the refusal. named returns the
	// sentence about them once their names are known.
	users []string
	named func(names []string) string
	// rule is the error about the request's content, or nil.
	rule *scim.Error
	// internal is for the log only, never for the client.
	internal error
}

// Error returns the cause.
func (p *problem) Error() string { return "httpapi: " + string(p.cause) }

// problemOf maps an error of the inner packages to what clients and the log see.
// Nothing else does.
func problemOf(err error) *problem {
	var (
		known   *problem
		invalid *scim.Error
		taken   *directory.TakenError
		full    *directory.FullError
		tooMany *directory.TooManyError
		convert *directory.ConvertError
		members *directory.MembersError
		unknown *directory.UnknownMembersError
		left    *directory.UnfinishedError
		owner   *directory.ProtectedError
		deleted *directory.GroupDeletedError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &invalid):
		return invalidProblem(invalid)
	case errors.As(err, &taken):
		return takenProblem(taken)
	case errors.As(err, &full):
		return fullProblem(full)
	case errors.As(err, &deleted):
		return groupDeletedProblem(deleted.Group)
	case errors.As(err, &owner):
		return protectedProblem(owner)
	case errors.As(err, &left):
		return &problem{cause: cause.Unfinished, internal: err}
	case errors.As(err, &members):
		return &problem{cause: cause.MemberLimit, what: fmt.Sprintf(
			"The request would change more than %d members. Nothing was changed.", members.Limit)}
	case errors.As(err, &unknown):
		return unknownMembersProblem(unknown)
	case errors.Is(err, directory.ErrCursor):
		return problemOf(errNoCursor)
	case errors.As(err, &tooMany):
		return tooManyProblem(tooMany)
	case errors.As(err, &convert):
		return &problem{cause: cause.OwnUserConversion, what: "User already available in the project: the application created this user."}
	}
	for _, known := range sentinels {
		if errors.Is(err, known.err) {
			return &problem{cause: known.cause, what: known.what, remedy: known.remedy, internal: err}
		}
	}
	return &problem{cause: cause.Internal, internal: err}
}

func invalidProblem(e *scim.Error) *problem {
	if e.Type == scim.Sensitive {
		return &problem{cause: cause.SensitiveFilter, what: e.Detail}
	}
	return &problem{cause: cause.Validation, scimType: e.Type, what: e.Detail, rule: e}
}

func tooManyProblem(e *directory.TooManyError) *problem {
	switch e.Sought {
	case "groups":
		return &problem{
			cause: cause.AnswerTooLarge, remedy: cause.AnswerGroups,
			what: fmt.Sprintf("A user is in more than the %d groups that this answer has room for.", e.Limit),
		}
	case "members":
		return &problem{cause: cause.AnswerTooLarge, what: fmt.Sprintf(
			"The group has more than the %d members that this answer has room for.", e.Limit)}
	case "sortBy":
		return &problem{
			cause: cause.WalkLimit, remedy: cause.WalkSort,
			what: fmt.Sprintf("Sorting by this attribute needs more records read than the %d that one request may read.", e.Limit),
		}
	}
	if e.Sought == "comparisons" {
		return &problem{
			cause: cause.WalkLimit, remedy: cause.WalkFilter,
			what: fmt.Sprintf("The filter has %d comparisons, and to make them with each user or group costs more than the %d units of work of one request.", e.Terms, e.Limit),
		}
	}
	return &problem{cause: cause.WalkLimit, what: fmt.Sprintf(
		"The %s needs more records read than the %d that one request may read.", e.Sought, e.Limit)}
}

// correction returns the advice about an invalid request. What an administrator
// can correct in the identity provider depends on the operation; for a read it
// is never the attribute mapping. untouched means that the detail also says
// that nothing was changed.
func (q *request) correction(kind scim.ErrorType) (remedy cause.Remedy, untouched bool) {
	switch {
	case kind == scim.InvalidCursor || kind == scim.ExpiredCursor:
		return cause.InvalidCursor, false
	case q.reads() && kind == scim.InvalidFilter:
		return cause.InvalidLookup, false
	case q.reads() && q.event.Operation == journal.Search:
		return cause.InvalidSearch, false
	case q.reads():
		return cause.InvalidQuery, false
	case q.badQuery:
		return cause.InvalidQuery, true
	case q.event.Operation == journal.Bulk:
		return cause.InvalidBulk, true
	case kind == scim.InvalidSyntax:
		return cause.InvalidForm, true
	case kind == scim.TooMany:
		return cause.TooMuch, true
	case kind == scim.InvalidFilter:
		return cause.InvalidPath, true
	case q.event.Type == journal.TypeGroup:
		return cause.InvalidGroup, false
	}
	return "", false
}

// reads reports whether the request only reads.
func (q *request) reads() bool {
	return q.Method == http.MethodGet || q.Method == http.MethodHead || q.event.Operation == journal.Search
}

// sentinels are the errors without particulars, the malformed credentials first: they show
// what was typed into a field of the identity provider. An error can wrap several: the first
// one here is reported.
var sentinels = [...]struct {
	err    error
	cause  cause.Cause
	what   string
	remedy cause.Remedy
}{
	{err: access.ErrTwice, cause: cause.TokenInvalid, remedy: cause.TokenTwice},
	{err: access.ErrColon, cause: cause.TokenInvalid, remedy: cause.TokenColon},
	{err: access.ErrNoScheme, cause: cause.TokenInvalid, remedy: cause.TokenNoScheme},
	{err: access.ErrEmpty, cause: cause.TokenInvalid, remedy: cause.TokenEmpty},
	{err: access.ErrQuoted, cause: cause.TokenInvalid, remedy: cause.TokenQuoted},
	{err: access.ErrSpaced, cause: cause.TokenInvalid, remedy: cause.TokenSpaced},
	{err: access.ErrAccessCut, cause: cause.TokenInvalid, remedy: cause.TokenAccessCut},
	{err: access.ErrCut, cause: cause.TokenInvalid, remedy: cause.TokenCut},
	{err: access.ErrTokenID, cause: cause.TokenInvalid, remedy: cause.TokenOfID},
	{err: access.ErrEntra, cause: cause.TokenInvalid, remedy: cause.TokenOfEntra},
	{err: access.ErrJWT, cause: cause.TokenInvalid, remedy: cause.TokenJWT},
	{err: access.ErrOktaToken, cause: cause.TokenInvalid, remedy: cause.TokenOfOkta},
	{err: access.ErrBasic, cause: cause.TokenInvalid, remedy: cause.TokenBasic},
	{err: access.ErrGUID, cause: cause.TokenInvalid, remedy: cause.TokenGUID},
	{err: access.ErrClientSecret, cause: cause.TokenInvalid, remedy: cause.TokenClientSecret},
	{err: access.ErrURL, cause: cause.TokenInvalid, remedy: cause.TokenURL},
	{err: access.ErrMasked, cause: cause.TokenInvalid, remedy: cause.TokenMasked},
	{err: access.ErrHeaderName, cause: cause.TokenInvalid, remedy: cause.TokenHeaderName},
	{err: access.ErrOwnSecret, cause: cause.TokenInvalid, remedy: cause.TokenOwnSecret},
	{err: access.ErrOwnClient, cause: cause.TokenInvalid, remedy: cause.TokenOwnClient},
	{err: access.ErrForeign, cause: cause.TokenInvalid, remedy: cause.TokenForeign},
	{err: access.ErrNotBearer, cause: cause.TokenInvalid, remedy: cause.TokenNotBearer},
	{err: access.ErrMissing, cause: cause.TokenMissing},
	{err: access.ErrMalformed, cause: cause.TokenInvalid},
	{err: access.ErrElsewhere, cause: cause.TokenUnknown, remedy: cause.TokenElsewhere},
	{err: access.ErrUnknown, cause: cause.TokenUnknown},
	{err: access.ErrCrowded, cause: cause.RateLimit, what: "Too many requests with unknown tokens name this tenant, so the token of this one was not checked."},
	{err: access.ErrRevoked, cause: cause.TokenRevoked},
	{err: access.ErrExpired, cause: cause.TokenExpired},
	{err: access.ErrAccessExpired, cause: cause.AccessExpired},
	{err: access.ErrProofEnded, cause: cause.AccessEnded},
	{err: access.ErrClientRevoked, cause: cause.ClientRevoked},
	{err: access.ErrStaticRefused, cause: cause.StaticRefused},
	{err: access.ErrDisabled, cause: cause.SCIMDisabled},
	{err: directory.ErrNotFound, cause: cause.UserNotFound},
	{err: directory.ErrNoGroup, cause: cause.GroupNotFound},
	{err: directory.ErrVersion, cause: cause.VersionMismatch},
	{err: directory.ErrDeactivatedInApp, cause: cause.DeactivatedInApp},
	{err: directory.ErrUnresolved, cause: cause.OutcomeUnknown},
	{err: directory.ErrUnreachable, cause: cause.StoreUnavailable},
	{err: directory.ErrBusy, cause: cause.Conflict},
	{err: context.DeadlineExceeded, cause: cause.Conflict},
	{err: context.Canceled, cause: cause.Conflict},
}

func takenProblem(e *directory.TakenError) *problem {
	p := &problem{holder: e.HolderID}
	value := fmt.Sprintf("%s %q", singular(e.Kind), e.Value)
	belongs := "belongs to"
	if e.HeldAs != "" && e.HeldAs.Attribute() != e.Kind.Attribute() {
		belongs = "is the " + singular(e.HeldAs) + " of"
	}
	switch e.Reason {
	case directory.TakenActive:
		p.cause, p.what = cause.Duplicate, fmt.Sprintf("This user exists: the %s %s the active user %s. Nothing was changed.", value, belongs, e.HolderID)
		p.remedy = duplicateRemedies[e.Kind]
	case directory.TakenInactive:
		p.cause, p.what = cause.DuplicateInactive, fmt.Sprintf("This user exists: the %s %s the inactive user %s. Nothing was changed.", value, belongs, e.HolderID)
	case directory.TakenSeveral:
		p.cause, p.what = cause.DuplicateSeveral, fmt.Sprintf("The %s belongs to the inactive user %s, and another value sent to another inactive user. "+
			"Nothing was changed.", value, e.HolderID)
	case directory.TakenByApp:
		p.cause, p.what = cause.DuplicateOffInApp, fmt.Sprintf("This user exists: the %s %s the user %s, which was deactivated in the application.", value, belongs, e.HolderID)
	case directory.TakenDiffers:
		p.cause, p.what = cause.IdentityDiffers, fmt.Sprintf("The user %s has an account in the application with the %s %q, and the request has %q. Nothing was changed.",
			e.HolderID, singular(e.Kind), e.Recorded, e.Value)
		if e.Kind == directory.UserName {
			p.remedy = cause.IdentityUserName
		}
	case directory.TakenRehire:
		if p.cause = cause.ExternalIDRefused; e.NoExternalID {
			p.remedy = cause.RefusedIDMissing
		}
		if e.Kind == directory.ExternalID {
			p.what = fmt.Sprintf("The request activates the user %s with another externalId than before. Nothing was changed.", e.HolderID)
			break
		}
		p.what = fmt.Sprintf("The %s %s the inactive user %s, which has another externalId. Nothing was changed.", value, belongs, e.HolderID)
	case directory.TakenGroup:
		p.cause, p.what = cause.DuplicateGroup, fmt.Sprintf("This group exists: the %s belongs to the group %s. Nothing was changed.", value, e.HolderID)
		if e.Kind == directory.GroupExternalID {
			p.remedy = cause.GroupExternalID
		}
	case directory.TakenUnlinked:
		p.cause, p.what = cause.OwnUser, fmt.Sprintf("User already available in the project: the %s has an account in the application.", value)
		switch {
		case e.Conversion:
			p.cause = cause.OwnUserConversion
		case e.Reader:
			p.remedy = cause.OwnReader
		}
	}
	return p
}

// duplicateRemedies are the remedies for a POST with a value of an active user, by the kind
// of the value. A userName has the cause's own.
var duplicateRemedies = map[directory.Kind]cause.Remedy{
	directory.Email: cause.DuplicateEmail, directory.ExternalID: cause.DuplicateExternalID,
}

// protectedRemedies are the remedies for refused changes of a protected user.
var protectedRemedies = map[directory.Refusal]cause.Remedy{
	directory.RefusedDeactivation: cause.ProtectedDeactivation, directory.RefusedDeletion: cause.ProtectedDeactivation,
	directory.RefusedRenaming: cause.ProtectedIdentity, directory.RefusedEmail: cause.ProtectedIdentity, directory.RefusedExternalID: cause.ProtectedIdentity,
	directory.RefusedReader: cause.ProtectedType, directory.RefusedUser: cause.ProtectedType,
	directory.RefusedLeaving: cause.ProtectedMember,
}

func protectedProblem(e *directory.ProtectedError) *problem {
	p := &problem{cause: cause.Protected, remedy: protectedRemedies[e.Refused], users: []string{e.ID}}
	p.named = func(names []string) string {
		return fmt.Sprintf("The user %s is protected in the application and cannot be %s by an identity provider; nothing was changed.", names[0], e.Refused)
	}
	p.what = p.named(p.users)
	return p
}

// maxNamed is how many members a detail names.
const maxNamed = 5

// unknownMembersProblem returns a problem that names the first members that are
// not users.
func unknownMembersProblem(e *directory.UnknownMembersError) *problem {
	p := &problem{cause: cause.UnknownMembers}
	if e.Itself {
		p.what, p.remedy = "The group was sent as a member of itself. Members are users. Nothing was changed.", cause.GroupInItself
		return p
	}
	for _, id := range e.IDs {
		if len(p.users) == maxNamed {
			break
		}
		if directory.ValidID(id) { // any other value is the client's text
			p.users = append(p.users, id)
		}
	}
	what, after := fmt.Sprintf("%d members are not provisioned users", len(e.IDs)), "."
	if len(e.IDs) == 1 {
		what = "1 member is not a provisioned user"
	}
	p.remedy = directory.RemedyOfMembers(e.IDs, e.Groups)
	if e.Whole {
		p.remedy = cmp.Or(p.remedy, cause.WholeSetUnknown)
		what, after = "None of the members sent is a provisioned user", ". The group and its members stay as they are."
	}
	more := len(p.users) == maxNamed && len(e.IDs) > maxNamed
	p.named = func(names []string) string {
		list := strings.Join(names, ", ")
		if more {
			list += ", …"
		}
		if list != "" {
			list = ": " + list
		}
		return what + list + after
	}
	p.what = p.named(p.users)
	return p
}

// groupDeletedProblem says when a group was deleted in the application, and who
// deleted it.
func groupDeletedProblem(g directory.DeletedGroup) *problem {
	return &problem{cause: cause.GroupDeleted, subject: g.DisplayName, what: fmt.Sprintf(
		"The group %q was deleted in the application on %s by %s.", g.DisplayName, g.Deleted.UTC().Format("2006-01-02 at 15:04:05 UTC"), g.DeletedBy())}
}

func singular(k directory.Kind) string {
	if k == directory.Email {
		return "email"
	}
	return k.Attribute()
}

func fullProblem(e *directory.FullError) *problem {
	p := &problem{cause: cause.SeatLimit, ledger: e}
	what := "seats"
	if e.Type == tenant.Reader {
		p.cause, what = cause.ReaderLimit, "Reader licences"
	}
	p.what = fmt.Sprintf("%d of %d %s in use; nothing was changed.", e.Used, e.Limit, what)
	p.remedy = fullRemedy(e)
	return p
}

// fullRemedy returns the remedy for a lack of seats or Reader licences, "" for the cause's
// own.
func fullRemedy(e *directory.FullError) cause.Remedy {
	isNew := e.Action == journal.Created || e.Action == ""
	returns := e.Action == journal.Reactivated || e.Action == journal.Restored
	switch {
	case isNew:
		return ""
	case returns && e.Type == tenant.User:
		return cause.SeatReactivation
	case returns:
		return ""
	case e.Type == tenant.User:
		return cause.SeatConversion
	}
	return cause.ReaderConversion
}

// detail returns what the identity provider shows its administrator: what
// happened, what to do there, and the request id for support.
func (p *problem) detail(by idp.Provider, resourceType, requestID string) string {
	entry := journal.Entry{Outcome: journal.Failure, IdP: by, ResourceType: resourceType, Cause: p.cause, Remedy: p.remedy, Faults: p.faults}
	return p.happened() + " " + entry.WhatToDo() + " (request " + requestID + ")"
}

// happened returns the sentences that say what happened.
func (p *problem) happened() string {
	return cmp.Or(p.what, p.remedy.Happened(), p.cause.Meaning().Summary)
}

// kind returns the problem's scimType.
func (p *problem) kind() scim.ErrorType {
	if p.scimType != "" {
		return p.scimType
	}
	return p.cause.Meaning().Type
}

// nameUsers adds the users' names to a refusal that has their ids:
// administrators find users in the identity provider by name.
func (s *Service) nameUsers(ctx context.Context, q *request, p *problem) {
	if s.Journal == nil || p.named == nil || len(p.users) == 0 {
		return
	}
	who, err := s.Journal.WhoAre(ctx, q.grant.Tenant, p.users)
	if err != nil {
		return // the detail keeps the ids
	}
	names := make([]string, len(p.users))
	for i, id := range p.users {
		if names[i] = id; who[id].Subject != "" {
			names[i] = who[id].Subject + " (" + id + ")"
		}
	}
	p.what = p.named(names)
}

// refuse returns the answer to an error, and records it in the event.
func (s *Service) refuse(q *request, err error) *reply {
	p := problemOf(err)
	changes := q.event.Operation == journal.Replace || q.event.Operation == journal.Modify
	switch {
	case p.cause == cause.Duplicate && changes:
		p.remedy = cause.DuplicateChange
	case p.remedy != "":
	case p.cause == cause.Validation:
		var untouched bool
		if p.remedy, untouched = q.correction(p.kind()); untouched && !strings.Contains(p.what, "Nothing was changed.") {
			p.what += " Nothing was changed."
		}
	case p.cause == cause.DuplicateGroup && changes:
		p.remedy = cause.GroupRename
	case p.cause == cause.DuplicateInactive && changes:
		p.remedy = cause.InactiveChange
	case p.cause == cause.UserNotFound && q.event.Operation == journal.Delete:
		p.remedy = cause.UserGone
	case p.cause == cause.GroupNotFound && q.event.Operation == journal.Delete:
		p.remedy = cause.GroupGone
	case p.cause == cause.BodyTooLarge && q.event.Type == journal.TypeGroup:
		p.remedy = cause.GroupTooLarge
	}
	status := p.cause.Meaning().Status
	p.faults = q.findings(p)
	q.event.Faults = setting.Names(p.faults)
	detail := p.detail(q.event.IdP, q.event.Type, q.id)
	if q.event.Subject == "" {
		q.event.Subject = p.subject
	}
	q.event.refuse(p, detail)
	return &reply{status: status, refusal: p, body: scim.ErrorDocument(status, p.kind(), detail)}
}
