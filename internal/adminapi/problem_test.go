package adminapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause/causetest"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// each has samples of every error that the inner packages can answer a request of
// the application with.
var each = map[string][]error{
	"access.ErrNoToken":             {access.ErrNoToken},
	"access.ErrRotation":            {access.ErrRotation},
	"access.ErrTooManyTokens":       {access.ErrTooManyTokens},
	"access.ErrPast":                {access.ErrPast},
	"access.ErrLinkTime":            {access.ErrLinkTime},
	"access.ErrKeys":                {access.ErrKeys},
	"access.ErrNoClient":            {access.ErrNoClient},
	"access.ErrNoSecret":            {access.ErrNoSecret},
	"access.ErrTooManyClients":      {access.ErrTooManyClients},
	"access.ErrTooManySecrets":      {access.ErrTooManySecrets},
	"access.ErrTooFar":              {access.ErrTooFar},
	"access.ErrClientChanged":       {access.ErrClientChanged},
	"access.ErrClientRevoked":       {access.ErrClientRevoked},
	"directory.ErrNotFound":         {directory.ErrNotFound},
	"directory.ErrNoGroup":          {directory.ErrNoGroup},
	"directory.GroupDeletedError":   {&directory.GroupDeletedError{}},
	"directory.ErrVersion":          {directory.ErrVersion},
	"directory.ErrBusy":             {directory.ErrBusy},
	"directory.ErrUnresolved":       {directory.ErrUnresolved},
	"directory.ErrUnreachable":      {directory.ErrUnreachable},
	"directory.TakenError":          {&directory.TakenError{Kind: directory.UserName, Reason: directory.TakenActive}},
	"directory.FullError":           {&directory.FullError{Type: tenant.User}, &directory.FullError{Type: tenant.Reader}},
	"directory.ConvertError":        {&directory.ConvertError{}},
	"directory.ProtectedLimitError": {&directory.ProtectedLimitError{Limit: 1}},
	"scim.Error":                    {&scim.Error{Type: scim.InvalidValue, Detail: "It is wrong."}},
	"tenant.ErrNotFound":            {tenant.ErrNotFound},
	"tenant.ErrVersion":             {tenant.ErrVersion},
	"tenant.ErrEnding":              {tenant.ErrEnding},
	"tenant.ErrBusy":                {tenant.ErrBusy},
	"context":                       {context.DeadlineExceeded, context.Canceled},
}

// inside are errors that no request of the application is answered with, and why.
var inside = map[string]string{
	"access.ErrMissing":             "bearer tokens are the SCIM side's",
	"access.ErrNotBearer":           "bearer tokens are the SCIM side's",
	"access.ErrMalformed":           "bearer tokens are the SCIM side's",
	"access.ErrNoScheme":            "bearer tokens are the SCIM side's",
	"access.ErrColon":               "bearer tokens are the SCIM side's",
	"access.ErrTwice":               "bearer tokens are the SCIM side's",
	"access.ErrEmpty":               "bearer tokens are the SCIM side's",
	"access.ErrQuoted":              "bearer tokens are the SCIM side's",
	"access.ErrSpaced":              "bearer tokens are the SCIM side's",
	"access.ErrCut":                 "bearer tokens are the SCIM side's",
	"access.ErrTokenID":             "bearer tokens are the SCIM side's",
	"access.ErrEntra":               "bearer tokens are the SCIM side's",
	"access.ErrJWT":                 "bearer tokens are the SCIM side's",
	"access.ErrOktaToken":           "bearer tokens are the SCIM side's",
	"access.ErrBasic":               "bearer tokens are the SCIM side's",
	"access.ErrGUID":                "bearer tokens are the SCIM side's",
	"access.ErrClientSecret":        "bearer tokens are the SCIM side's",
	"access.ErrURL":                 "bearer tokens are the SCIM side's",
	"access.ErrMasked":              "bearer tokens are the SCIM side's",
	"access.ErrHeaderName":          "bearer tokens are the SCIM side's",
	"access.ErrForeign":             "bearer tokens are the SCIM side's",
	"access.ErrElsewhere":           "bearer tokens are the SCIM side's",
	"access.ErrUnknown":             "bearer tokens are the SCIM side's",
	"access.ErrCrowded":             "bearer tokens are the SCIM side's",
	"access.ErrRevoked":             "bearer tokens are the SCIM side's",
	"access.ErrExpired":             "bearer tokens are the SCIM side's",
	"access.ErrDisabled":            "bearer tokens are the SCIM side's",
	"access.ErrAccessCut":           "bearer tokens are the SCIM side's",
	"access.ErrOwnClient":           "bearer tokens are the SCIM side's",
	"access.ErrOwnSecret":           "bearer tokens are the SCIM side's",
	"access.ErrStaticRefused":       "bearer tokens are the SCIM side's",
	"access.ErrAccessExpired":       "bearer tokens are the SCIM side's",
	"access.ErrProofEnded":          "bearer tokens are the SCIM side's",
	"access.ErrClientMalformed":     "authentication of clients is the token endpoint's",
	"access.ErrUnknownClient":       "authentication of clients is the token endpoint's",
	"access.ErrSecretMalformed":     "authentication of clients is the token endpoint's",
	"access.ErrSecretUnknown":       "authentication of clients is the token endpoint's",
	"access.ErrSecretExpired":       "authentication of clients is the token endpoint's",
	"access.ErrSecretRevoked":       "authentication of clients is the token endpoint's",
	"access.ErrNoLink":              "links are opened at the portal",
	"access.ErrNoVisit":             "sessions are the portal's",
	"access.ErrTooManyLinks":        "links are opened at the portal",
	"access.ErrReplayed":            "authentication of clients is the token endpoint's",
	"directory.ErrStale":            "the directory decides again",
	"directory.ErrInProgress":       "only a rehearsal ends with it",
	"directory.CommitError":         "the directory decides again",
	"directory.ErrDeactivatedInApp": "the application may reactivate",
	"directory.ProtectedError":      "the application may change a protected user",
	"directory.ErrCursor":           "the cursor is made of an id here",
	"directory.TooManyError":        "lists are walked in the order of ids, a page at a time",
	"directory.MembersError":        "no route changes members",
	"directory.UnknownMembersError": "no route changes members",
	"directory.UnfinishedError":     "no route changes members",
	"scim.CircleError":              "there is no bulk request",
	"tenant.ErrInvalidID":           "parseTenant tells it",
	"tenant.ErrExists":              "putTenant reads the tenant that is there",
	"tenant.ErrChanged":             "the registry's caller decides again",
}

func TestProblemOf_HasAKindForEveryError(t *testing.T) {
	for _, folder := range []string{"../directory", "../access", "../scim", "../tenant"} {
		for _, name := range causetest.Errors(t, folder) {
			_, answered := each[name]
			_, never := inside[name]
			assert.NotEqualf(t, never, answered, "%s: answered %t, kept inside %t", name, answered, never)
		}
	}
	for name, errs := range each {
		for _, err := range errs {
			p := problemOf(fmt.Errorf("on the way: %w", err))
			assert.Truef(t, p.kind != kindInternal && p.detail != "", "%s: %+v", name, p)
		}
	}
	p := problemOf(errors.New("nobody knows it"))
	assert.Equalf(t, kindInternal, p.kind, "an unknown error is %s", p.kind)
}

func TestKinds_AreThoseOfTheTable(t *testing.T) {
	declared := causetest.Constants(t, ".", "kind")
	assert.Lenf(t, declared, len(kinds), "%d kinds are declared, the table has %d", len(declared), len(kinds))
	for k, m := range kinds {
		assert.Truef(t, m.status >= 400 && m.title != "" && slices.Equal(strings.Fields(string(k)), []string{string(k)}), "%s is %+v", k, m)
	}
}
