package httpapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/cause/causetest"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/bulk"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// each has samples of every error with which the inner packages can answer a
// SCIM request.
var each = map[string][]error{
	"access.ErrMissing":             {access.ErrMissing},
	"access.ErrNotBearer":           {access.ErrNotBearer},
	"access.ErrMalformed":           {access.ErrMalformed},
	"access.ErrNoScheme":            {access.ErrNoScheme},
	"access.ErrColon":               {access.ErrColon},
	"access.ErrTwice":               {access.ErrTwice},
	"access.ErrEmpty":               {access.ErrEmpty},
	"access.ErrQuoted":              {access.ErrQuoted},
	"access.ErrSpaced":              {access.ErrSpaced},
	"access.ErrCut":                 {access.ErrCut},
	"access.ErrTokenID":             {access.ErrTokenID},
	"access.ErrEntra":               {access.ErrEntra},
	"access.ErrJWT":                 {access.ErrJWT},
	"access.ErrOktaToken":           {access.ErrOktaToken},
	"access.ErrBasic":               {access.ErrBasic},
	"access.ErrGUID":                {access.ErrGUID},
	"access.ErrClientSecret":        {access.ErrClientSecret},
	"access.ErrURL":                 {access.ErrURL},
	"access.ErrMasked":              {access.ErrMasked},
	"access.ErrHeaderName":          {access.ErrHeaderName},
	"access.ErrForeign":             {access.ErrForeign},
	"access.ErrOwnSecret":           {access.ErrOwnSecret},
	"access.ErrOwnClient":           {access.ErrOwnClient},
	"access.ErrAccessCut":           {access.ErrAccessCut},
	"access.ErrAccessExpired":       {access.ErrAccessExpired},
	"access.ErrProofEnded":          {access.ErrProofEnded},
	"access.ErrClientRevoked":       {access.ErrClientRevoked},
	"access.ErrStaticRefused":       {access.ErrStaticRefused},
	"access.ErrElsewhere":           {access.ErrElsewhere},
	"access.ErrUnknown":             {access.ErrUnknown},
	"access.ErrCrowded":             {access.ErrCrowded},
	"access.ErrRevoked":             {access.ErrRevoked},
	"access.ErrExpired":             {access.ErrExpired},
	"access.ErrDisabled":            {access.ErrDisabled},
	"directory.ErrNotFound":         {directory.ErrNotFound},
	"directory.ErrNoGroup":          {directory.ErrNoGroup},
	"directory.ErrVersion":          {directory.ErrVersion},
	"directory.ErrDeactivatedInApp": {directory.ErrDeactivatedInApp},
	"directory.ErrBusy":             {directory.ErrBusy},
	"directory.ErrUnresolved":       {directory.ErrUnresolved},
	"directory.ErrUnreachable":      {directory.ErrUnreachable},
	"directory.ErrCursor":           {directory.ErrCursor},
	"directory.ConvertError":        {&directory.ConvertError{ID: "u1"}},
	"directory.MembersError":        {&directory.MembersError{Limit: 1}},
	"directory.UnknownMembersError": {&directory.UnknownMembersError{IDs: []string{"a", "<b>"}}},
	"directory.UnfinishedError":     {&directory.UnfinishedError{Err: directory.ErrBusy}, &directory.UnfinishedError{Err: errors.New("x")}},
	"directory.GroupDeletedError":   {&directory.GroupDeletedError{Group: directory.DeletedGroup{ID: "g1", Deleted: time.Now()}}},
	"directory.FullError":           {&directory.FullError{Type: tenant.User, Used: 1, Limit: 1}, &directory.FullError{Type: tenant.Reader}},
	"directory.TooManyError":        {tooMany("filter"), tooMany("comparisons"), tooMany("sortBy"), tooMany("startIndex"), tooMany("members"), tooMany("groups")},
	"directory.TakenError":          taken(slices.Collect(maps.Values(reasons))...),
	"directory.ProtectedError":      protected(slices.Collect(maps.Values(refusals))...),
	"scim.Error":                    invalid(slices.Collect(maps.Values(types))...),
	"scim.CircleError":              {bulkProblem(&bulk.CircleError{Attribute: "members"})},
	"context.DeadlineExceeded":      {context.DeadlineExceeded},
	"context.Canceled":              {context.Canceled},
}

// inside are errors that never answer a SCIM request, and why.
var inside = map[string]string{
	"directory.ErrStale":            "the directory decides again",
	"directory.CommitError":         "the directory decides again",
	"directory.ErrInProgress":       "only a rehearsal ends with it",
	"directory.ProtectedLimitError": "adminapi",
	"access.ErrNoToken":             "adminapi",
	"access.ErrRotation":            "adminapi",
	"access.ErrTooManyTokens":       "adminapi",
	"access.ErrPast":                "adminapi",
	"access.ErrKeys":                "adminapi",
	"access.ErrClientMalformed":     "oauth",
	"access.ErrUnknownClient":       "oauth",
	"access.ErrSecretMalformed":     "oauth",
	"access.ErrSecretUnknown":       "oauth",
	"access.ErrSecretExpired":       "oauth",
	"access.ErrSecretRevoked":       "oauth",
	"access.ErrReplayed":            "oauth",
	"access.ErrLinkTime":            "adminapi",
	"access.ErrNoLink":              "portal",
	"access.ErrNoVisit":             "portal",
	"access.ErrTooManyLinks":        "portal",
	"access.ErrNoClient":            "clients",
	"access.ErrNoSecret":            "clients",
	"access.ErrTooManyClients":      "clients",
	"access.ErrTooManySecrets":      "clients",
	"access.ErrTooFar":              "clients",
	"access.ErrClientChanged":       "clients",
}

var (
	reasons = map[string]directory.TakenReason{
		"TakenActive": directory.TakenActive, "TakenInactive": directory.TakenInactive, "TakenSeveral": directory.TakenSeveral,
		"TakenByApp": directory.TakenByApp, "TakenRehire": directory.TakenRehire, "TakenDiffers": directory.TakenDiffers, "TakenGroup": directory.TakenGroup, "TakenUnlinked": directory.TakenUnlinked,
	}
	refusals = map[string]directory.Refusal{
		"RefusedDeactivation": directory.RefusedDeactivation, "RefusedDeletion": directory.RefusedDeletion, "RefusedRenaming": directory.RefusedRenaming,
		"RefusedReader": directory.RefusedReader, "RefusedUser": directory.RefusedUser, "RefusedActivation": directory.RefusedActivation,
		"RefusedEmail": directory.RefusedEmail, "RefusedExternalID": directory.RefusedExternalID, "RefusedLeaving": directory.RefusedLeaving,
	}
	types = map[string]scim.ErrorType{
		"InvalidFilter": scim.InvalidFilter, "TooMany": scim.TooMany, "NotUnique": scim.NotUnique, "NotMutable": scim.NotMutable,
		"InvalidSyntax": scim.InvalidSyntax, "InvalidPath": scim.InvalidPath, "NoTarget": scim.NoTarget, "InvalidValue": scim.InvalidValue,
		"InvalidVers": scim.InvalidVers, "Sensitive": scim.Sensitive, "InvalidCursor": scim.InvalidCursor, "ExpiredCursor": scim.ExpiredCursor,
		"InvalidCount": scim.InvalidCount,
	}
)

func tooMany(sought string) error { return &directory.TooManyError{Sought: sought, Limit: 1} }

func taken(all ...directory.TakenReason) (errs []error) {
	for _, reason := range all {
		errs = append(errs,
			&directory.TakenError{Kind: directory.UserName, Value: "a", HolderID: "u1", Reason: reason},
			&directory.TakenError{Kind: directory.Email, Value: "a", HolderID: "u1", Reason: reason, Conversion: true})
	}
	return errs
}

func protected(all ...directory.Refusal) (errs []error) {
	for _, refused := range all {
		errs = append(errs, &directory.ProtectedError{ID: "u1", Refused: refused})
	}
	return errs
}

func invalid(all ...scim.ErrorType) (errs []error) {
	for _, kind := range all {
		errs = append(errs, &scim.Error{Type: kind, Detail: "It is wrong."})
	}
	return errs
}

func TestProblemOf_HasACauseForEveryError(t *testing.T) {
	causes := cause.Causes()
	for name, errs := range each {
		assert.NotEmptyf(t, errs, "%s has no sample", name)
		for _, err := range errs {
			for _, err := range []error{err, fmt.Errorf("on the way: %w", err)} {
				p := problemOf(err)
				assert.Truef(t, p.cause != cause.Internal && slices.Contains(causes, p.cause), "%s %+v: the cause is %q", name, err, p.cause)
				m := p.cause.Meaning()
				assert.Truef(t, m.Status >= 400, "%s: %s has the status %d", name, p.cause, m.Status)
				detail := p.detail("", "", "id")
				assert.Truef(t, strings.HasSuffix(detail, ". (request id)") && !strings.Contains(detail, "  "), "%s: detail %q", name, detail)
			}
		}
	}
	for _, kind := range types {
		if p := problemOf(&scim.Error{Type: kind}); p.kind() != kind {
			t.Errorf("%s is reported as %s", kind, p.kind())
		}
	}
	p := problemOf(errors.New("it is in neither table"))
	assert.Equalf(t, cause.Internal, p.cause, "an unknown error is %s", p.cause)
}

// Every new error, reason or type has a sample, so that the test above checks
// it.
func TestProblemOf_KnowsEveryError(t *testing.T) {
	for _, folder := range []string{"../directory", "../access", "../scim"} {
		for _, name := range causetest.Errors(t, folder) {
			_, answered := each[name]
			why, never := inside[name]
			assert.NotEqualf(t, never, answered, "%s: answered %t, kept inside %t", name, answered, never)
			assert.Falsef(t, why == "adminapi" && !saidIn(t, "../adminapi", name), "%s is the application's side's, which does not know it", name)
		}
	}
	for kind, known := range map[string][]string{
		"../directory TakenReason": slices.Sorted(maps.Keys(reasons)),
		"../directory Refusal":     slices.Sorted(maps.Keys(refusals)),
		"../scim ErrorType":        slices.Sorted(maps.Keys(types)),
	} {
		folder, name, _ := strings.Cut(kind, " ")
		there := causetest.Constants(t, folder, name)
		assert.Truef(t, slices.Equal(there, known), "%s: the code has %v, the samples have %v", kind, there, known)
	}
}

// A cause of warnings only is in the table too.
func TestWarnings_AreCauses(t *testing.T) {
	for _, warning := range []cause.Cause{cause.ExternalIDChanged, cause.IdentityChanged, cause.UnknownMembers} {
		assert.Truef(t, slices.Contains(cause.Causes(), warning), "%s is not a cause", warning)
	}
}

// Every cause is used by a refusal or a warning.
func TestCauses_AreAllUsed(t *testing.T) {
	said := source(t, ".")
	values := causetest.Values(t, "../cause", "Cause")
	names := slices.Collect(maps.Keys(values))
	if len(names) != len(cause.Causes()) {
		t.Fatalf("%d names of %d causes", len(names), len(cause.Causes()))
	}
	for _, name := range names {
		if cause.Cause(values[name]).OnlyOAuth() {
			continue // package oauth's
		}
		if name == "ExternalIDChanged" || name == "IdentityChanged" || name == "BadEvent" {
			continue // warnings of package directory and the refusal of package lambdahttp, tested there
		}
		assert.Containsf(t, said, "cause."+name, "nothing is refused with cause.%s", name)
	}
}

func saidIn(t *testing.T, folder, text string) bool {
	t.Helper()
	return strings.Contains(source(t, folder), text)
}

// source returns the text of a package without its tests.
func source(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	var b strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		b.Write(text)
	}
	return b.String()
}
