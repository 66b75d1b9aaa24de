package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// problem is why a request is refused: a cause, and the particulars of this
// request.
type problem struct {
	cause provlog.Cause
	// scimType is set where the cause has none of its own.
	scimType scim.ErrorType
	// what says what happened, in one or two sentences; "" takes the cause's
	// summary.
	what string
	// action replaces the cause's, when the fault tells better what to do.
	action string
	allow  []string
	ledger *directory.FullError
	// holder is the record that has what the request wanted, "" for none; member is
	// whom a refusal for a whole group concerns.
	holder, member string
	// subject names who is not there any more, "" where it is not known.
	subject string
	// internal is what only the log may tell.
	internal error
}

// Error names the cause.
func (p *problem) Error() string { return "httpapi: " + string(p.cause) }

// problemOf is the one mapper from the errors of the inner packages to what
// clients and the log are told.
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
		if invalid.Type == scim.Sensitive {
			return &problem{cause: provlog.SensitiveFilter, what: invalid.Detail}
		}
		return &problem{cause: provlog.Validation, scimType: invalid.Type, what: invalid.Detail}
	case errors.As(err, &taken):
		return takenProblem(taken)
	case errors.As(err, &full):
		return fullProblem(full)
	case errors.As(err, &deleted):
		return groupDeletedProblem(deleted.Group)
	case errors.As(err, &owner):
		return protectedProblem(owner)
	case errors.As(err, &left):
		return &problem{cause: provlog.Unfinished, internal: err}
	case errors.As(err, &members):
		return &problem{cause: provlog.MemberLimit, what: fmt.Sprintf(
			"The request would change more than %d members.", members.Limit)}
	case errors.As(err, &unknown):
		return unknownMembersProblem(unknown)
	case errors.As(err, &tooMany) && tooMany.Sought == "groups":
		return &problem{
			cause: provlog.AnswerTooLarge, what: fmt.Sprintf(
				"A user is in more than the %d groups that this answer has room for.", tooMany.Limit),
			action: "Leave the groups out with excludedAttributes=groups, or do not name them.",
		}
	case errors.As(err, &tooMany) && tooMany.Sought == "members":
		return &problem{cause: provlog.AnswerTooLarge, what: fmt.Sprintf(
			"The group has more than the %d members that this answer has room for.", tooMany.Limit)}
	case errors.As(err, &tooMany) && tooMany.Sought == "sortBy":
		return &problem{
			cause: provlog.WalkLimit, what: fmt.Sprintf(
				"Sorting by this attribute needs more records read than the %d that one request may read.", tooMany.Limit),
			action: "Sort by userName or displayName, id or meta.created, which need not be read at once, or narrow the list with a filter.",
		}
	case errors.Is(err, directory.ErrCursor):
		return problemOf(errNoCursor)
	case errors.As(err, &tooMany):
		return &problem{cause: provlog.WalkLimit, what: fmt.Sprintf(
			"The %s needs more records read than the %d that one request may read.", tooMany.Sought, tooMany.Limit)}
	case errors.As(err, &convert):
		return &problem{cause: provlog.OwnUserConversion, what: "The user is already available in the project."}
	}
	for _, form := range credentialForms {
		if errors.Is(err, form.err) {
			return &problem{cause: provlog.TokenInvalid, what: form.what, action: form.action}
		}
	}
	for _, known := range sentinels {
		if errors.Is(err, known.err) {
			return &problem{cause: known.cause, internal: err}
		}
	}
	return &problem{cause: provlog.Internal, internal: err}
}

// correction is what to do about an invalid request: what an administrator can
// change in the identity provider depends on what was asked, and of a read it is
// never the attribute mapping. "" is what the cause says.
func (q *request) correction(kind scim.ErrorType) string {
	switch {
	case kind == scim.InvalidCursor || kind == scim.ExpiredCursor:
		return "Begin again with an empty cursor, and send the others as they came, with all other parameters unchanged."
	case q.reads() && kind == scim.InvalidFilter:
		return "Correct the query: in the identity provider, the filter comes from the attribute by which it matches users and groups."
	case q.reads() && q.event.Operation == "search":
		return "Correct the search and send the request again."
	case q.reads():
		return "Correct the query and send the request again."
	case q.badQuery:
		return "Nothing was changed; correct the query and send the request again."
	case q.event.Operation == "bulk":
		return "Nothing was changed; correct the bulk request and send it again."
	case kind == scim.InvalidSyntax:
		return "Nothing was changed; send a request of the form that RFC 7644 describes."
	case kind == scim.TooMany:
		return "Nothing was changed."
	case kind == scim.InvalidFilter:
		return "Nothing was changed; correct the filter in the operation's path and send the request again."
	case q.event.Type == "Group":
		return "Correct the request, or the attribute mapping in the identity provider, and push the group again."
	}
	return ""
}

// reads reports whether the request asks for data and changes none.
func (q *request) reads() bool {
	return q.Method == http.MethodGet || q.Method == http.MethodHead || q.event.Operation == "search"
}

// credentialForms are the forms of a credential that show what somebody has typed
// into a field of the identity provider.
var credentialForms = [...]struct {
	err          error
	what, action string
}{
	{
		access.ErrTwice, "The Authorization header has the word Bearer twice.",
		"Enter the token alone in the identity provider, without the word Bearer: the identity provider adds it.",
	},
	{
		access.ErrColon, "The Authorization header has a colon after the word Bearer.",
		"Enter the token alone in the identity provider, or 'Bearer TOKEN' with a space where it asks for the whole header.",
	},
	{
		access.ErrNoScheme, "The Authorization header has the token without the word Bearer.",
		"Choose bearer token as the authentication in the identity provider, or enter 'Bearer TOKEN' where it asks for the whole header, so that it sends 'Authorization: Bearer TOKEN'.",
	},
	{
		access.ErrEmpty, "The Authorization header has the word Bearer and no token.",
		"Enter the SCIM token of this tenant in the identity provider's provisioning settings.",
	},
	{
		access.ErrQuoted, "The token was sent with quotes or brackets.",
		"Enter the token alone in the identity provider, without anything around it.",
	},
	{
		access.ErrSpaced, "The token was sent with spaces, line breaks or invisible characters in it.",
		"Copy the token again as one line, and enter it in the identity provider without spaces.",
	},
	{
		access.ErrNotBearer, "The credential was sent under another scheme than Bearer.",
		"Choose bearer token as the authentication in the identity provider, so that it sends 'Authorization: Bearer TOKEN'.",
	},
}

// sentinels are the errors without particulars. An error can wrap several: the
// first here is the one that is told.
var sentinels = [...]struct {
	err   error
	cause provlog.Cause
}{
	{access.ErrMissing, provlog.TokenMissing},
	{access.ErrMalformed, provlog.TokenInvalid},
	{access.ErrUnknown, provlog.TokenUnknown},
	{access.ErrRevoked, provlog.TokenRevoked},
	{access.ErrExpired, provlog.TokenExpired},
	{access.ErrDisabled, provlog.SCIMDisabled},
	{directory.ErrNotFound, provlog.UserNotFound},
	{directory.ErrNoGroup, provlog.GroupNotFound},
	{directory.ErrVersion, provlog.VersionMismatch},
	{directory.ErrDeactivatedInApp, provlog.DeactivatedInApp},
	{directory.ErrUnresolved, provlog.OutcomeUnknown},
	{directory.ErrUnreachable, provlog.StoreUnavailable},
	{directory.ErrBusy, provlog.Conflict},
	{context.DeadlineExceeded, provlog.Conflict},
	{context.Canceled, provlog.Conflict},
}

func takenProblem(e *directory.TakenError) *problem {
	causes := map[directory.TakenReason]provlog.Cause{
		directory.TakenActive:   provlog.Duplicate,
		directory.TakenInactive: provlog.DuplicateInactive,
		directory.TakenSeveral:  provlog.DuplicateSeveral,
		directory.TakenByApp:    provlog.DuplicateOffInApp,
		directory.TakenRehire:   provlog.ExternalIDRefused,
		directory.TakenDiffers:  provlog.IdentityDiffers,
		directory.TakenOwn:      provlog.OwnUser,
		directory.TakenGroup:    provlog.DuplicateGroup,
	}
	p := &problem{cause: causes[e.Reason], holder: e.HolderID}
	value := fmt.Sprintf("%s %q", singular(e.Kind), e.Value)
	belongs := "belongs to"
	if e.HeldAs != "" && e.HeldAs.Attribute() != e.Kind.Attribute() {
		belongs = "is the " + singular(e.HeldAs) + " of"
	}
	switch e.Reason {
	case directory.TakenActive:
		p.what = fmt.Sprintf("The %s %s the active user %s. Nothing was changed.", value, belongs, e.HolderID)
	case directory.TakenInactive:
		p.what = fmt.Sprintf("The %s %s the inactive user %s. Nothing was changed.", value, belongs, e.HolderID)
	case directory.TakenSeveral:
		p.what = fmt.Sprintf("The %s and another value sent belong to different inactive users; the first to %s. "+
			"Nothing was changed.", value, e.HolderID)
	case directory.TakenByApp:
		p.what = fmt.Sprintf("The %s %s the user %s, who was deactivated in the application.", value, belongs, e.HolderID)
	case directory.TakenDiffers:
		p.what = fmt.Sprintf("The user %s was created in the application with the %s %q, and the request has %q. Nothing was changed.",
			e.HolderID, singular(e.Kind), e.Recorded, e.Value)
	case directory.TakenRehire:
		if e.Kind == directory.ExternalID {
			p.what = fmt.Sprintf("The request activates the user %s under another externalId than the user had. Nothing was changed.", e.HolderID)
			break
		}
		p.what = fmt.Sprintf("The %s %s the inactive user %s, who has another externalId.", value, belongs, e.HolderID)
	case directory.TakenGroup:
		p.what = fmt.Sprintf("The %s belongs to the group %s. Nothing was changed.", value, e.HolderID)
	case directory.TakenOwn:
		p.what = fmt.Sprintf("The user with the %s is already available in the project.", value)
		if e.Conversion {
			p.cause = provlog.OwnUserConversion
		}
	}
	return p
}

func protectedProblem(e *directory.ProtectedError) *problem {
	p := &problem{cause: provlog.Protected, what: fmt.Sprintf(
		"The user %s is protected in the application and cannot be %s by an identity provider; nothing was changed.", e.ID, e.Refused)}
	if e.Refused == directory.RefusedLeaving {
		p.member = e.ID
	}
	return p
}

// unknownMembersProblem names the first members that are no user's.
func unknownMembersProblem(e *directory.UnknownMembersError) *problem {
	if e.Itself {
		return &problem{
			cause: provlog.UnknownMembers, what: "The group was sent as a member of itself. Members are users. Nothing was changed.",
			action: "Leave the group out of its own members.",
		}
	}
	var names []string
	for _, id := range e.IDs {
		if len(names) == 5 {
			names = append(names, "…")
			break
		}
		if directory.ValidID(id) {
			names = append(names, id)
		}
	}
	what := fmt.Sprintf("%d of the members sent are no users of this tenant", len(e.IDs))
	if e.Whole {
		what = "None of the members sent for the whole group is a user of this tenant"
	}
	if len(names) > 0 {
		what += ": " + strings.Join(names, ", ")
	}
	p := &problem{cause: provlog.UnknownMembers, what: what + "."}
	if e.Whole {
		p.what += " The group and its members stay as they are."
		p.action = "Provision the users first, then push the group again. To empty the group, send an empty list of members."
	}
	return p
}

// groupDeletedProblem says when a group was deleted in the application, and by
// whom.
func groupDeletedProblem(g directory.DeletedGroup) *problem {
	return &problem{cause: provlog.GroupDeleted, subject: g.DisplayName, what: fmt.Sprintf(
		"The group %q was deleted in the application on %s by %s.", g.DisplayName, g.Deleted.UTC().Format("2006-01-02 at 15:04:05 UTC"), g.Told())}
}

func singular(k directory.Kind) string {
	if k == directory.Email {
		return "email"
	}
	return k.Attribute()
}

func fullProblem(e *directory.FullError) *problem {
	p := &problem{cause: provlog.SeatLimit, ledger: e}
	what := "seats"
	if e.Type == tenant.Reader {
		p.cause, what = provlog.ReaderLimit, "readers' places"
	}
	p.what = fmt.Sprintf("%d of %d %s in use; nothing was changed.", e.Used, e.Limit, what)
	return p
}

// detail is what the identity provider shows its administrator: what happened,
// what to do, and the id to ask about.
func (p *problem) detail(requestID string) string {
	m := p.cause.Meaning()
	what, action := p.what, p.action
	if what == "" {
		what = m.Summary
	}
	if action == "" {
		action = m.Action
	}
	return what + " " + action + " (request " + requestID + ")"
}

// kind is the problem's scimType.
func (p *problem) kind() scim.ErrorType {
	if p.scimType != "" {
		return p.scimType
	}
	return p.cause.Meaning().Type
}

// refuse makes the answer to an error, and tells the event of it.
func (s *Service) refuse(q *request, err error) *reply {
	p := problemOf(err)
	if p.cause == provlog.Validation && p.action == "" {
		p.action = q.correction(p.kind())
	}
	status := p.cause.Meaning().Status
	detail := p.detail(q.id)
	if q.event.Subject == "" {
		q.event.Subject = p.subject
	}
	q.event.refuse(p, detail)
	return &reply{status: status, refusal: p, body: scim.ErrorDocument(status, p.kind(), detail)}
}
