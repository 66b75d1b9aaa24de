package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
)

// The exit statuses, which 'rollcall help' lists.
const (
	exitFailure      = 1
	exitUsage        = 2
	exitUnchecked    = 2
	exitNotFound     = 3
	exitRefused      = 4
	exitUnauthorized = 5
	exitUnavailable  = 6
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// mistake returns a usageError of one or more sentences.
func mistake(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// notFoundError says that no user, group or token has a name that was given.
type notFoundError string

// Error says what was not found.
func (e notFoundError) Error() string { return string(e) }

// An ambiguousError is a name that several users, groups or tokens have.
type ambiguousError string

// Error lists the matches of the name.
func (e ambiguousError) Error() string { return string(e) }

// A noAccessError says why an OAuth client of another server gets no access token.
type noAccessError string

// Error says what the token endpoint answered.
func (e noAccessError) Error() string { return string(e) }

// exitStatus returns the exit status for an error.
func exitStatus(err error) int {
	var (
		misuse      usageError
		skipped     uncheckedError
		missing     notFoundError
		ambiguous   ambiguousError
		noAccess    noAccessError
		credentials *adminclient.CredentialsError
		problem     *adminclient.Problem
	)
	switch {
	case errors.As(err, &misuse):
		return exitUsage
	case errors.As(err, &skipped):
		return exitUnchecked
	case errors.As(err, &missing):
		return exitNotFound
	case errors.As(err, &ambiguous):
		return exitRefused
	case errors.As(err, &credentials), errors.As(err, &noAccess):
		return exitUnauthorized
	case errors.Is(err, adminclient.ErrUnreachable):
		return exitUnavailable
	case !errors.As(err, &problem):
		return exitFailure
	}
	switch problem.Status {
	case 404:
		return exitNotFound
	case 401, 403:
		return exitUnauthorized
	case 400, 409, 410, 412, 413, 415:
		return exitRefused
	case 429, 503, 504:
		return exitUnavailable
	}
	return exitFailure
}

// errorCodes are the codes of errors that are not refusals of the service.
var errorCodes = map[int]string{
	exitFailure: "failed", exitUsage: "usage", exitNotFound: "not-found", exitRefused: "ambiguous",
	exitUnauthorized: "not-authorized", exitUnavailable: "unreachable",
}

// errorDocument is an error as --json prints it.
type errorDocument struct {
	Error struct {
		ExitStatus int `json:"exitStatus"`
		// Status and RequestID are those of the service's answer, if it answered.
		Status    int    `json:"status,omitempty"`
		Code      string `json:"code"`
		Message   string `json:"message"`
		RequestID string `json:"requestId,omitempty"`
	} `json:"error"`
}

// printError prints an error on the standard error: as text, in one line
// for most, or as one JSON object.
func printError(w io.Writer, err error, asJSON bool) {
	if !asJSON {
		fmt.Fprintln(w, "rollcall:", strings.ReplaceAll(shown(err), "'rollcall ", "'"+calledAs+" "))
		return
	}
	var d errorDocument
	d.Error.ExitStatus = exitStatus(err)
	d.Error.Code, d.Error.Message = errorCodes[d.Error.ExitStatus], err.Error()
	var skipped uncheckedError
	if errors.As(err, &skipped) {
		d.Error.Code = "unchecked"
	}
	var problem *adminclient.Problem
	if errors.As(err, &problem) {
		d.Error.Status, d.Error.RequestID = problem.Status, problem.RequestID
		if kind := problem.Kind(); kind != "" {
			d.Error.Code = kind
		}
		d.Error.Message = strings.TrimSuffix(d.Error.Message, " (request "+problem.RequestID+")")
	}
	line, encodeErr := inertJSON(d)
	if encodeErr != nil {
		line = `{"error":{"exitStatus":1,"code":"failed","message":"the error cannot be printed"}}` + "\n"
	}
	_, _ = io.WriteString(w, line)
}

// shown returns an error as it is printed: it may contain texts of others, and
// what was typed.
func shown(err error) string {
	var several severalError
	if !errors.As(err, &several) {
		return visible(err.Error())
	}
	lines := make([]string, len(several))
	for i, line := range several {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

// wantsJSON reports whether --json is among the arguments of a command, even if
// the others are invalid.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.ContainsFunc(args, func(arg string) bool {
		name, value, given := strings.Cut(arg, "=")
		if name != "--json" {
			return false
		}
		on, err := strconv.ParseBool(value)
		return !given || err != nil || on
	})
}
