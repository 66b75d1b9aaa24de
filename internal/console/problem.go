package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
)

// problem is the content of a page that says why another one cannot be shown.
type problem struct {
	What string
	Why  string
	Do   []string
	// Request is the id to ask about, or "" if there is none.
	Request string
	// Again is the address to try again, "" where that would not help.
	Again string
}

func problemPage(status int, what, do string) page {
	return page{status: status, name: "problem", title: what, data: problem{What: what, Do: []string{do}}}
}

func noPage() page {
	return problemPage(http.StatusNotFound, "Page not found", "Go to the first page.")
}

// problemOf returns the page for an error of the service, and the fault to log where
// the page does not name it.
func problemOf(q *request, err error) (p page, fault error) {
	var refusal *adminclient.Problem
	var credentials *adminclient.CredentialsError
	v := problem{}
	status := http.StatusBadGateway
	switch {
	case errors.As(err, &refusal):
		status = refusal.Status
		v.Why, v.Request = refusal.Detail, refusal.RequestID
		v.What, v.Do = explainRefusal(refusal)
		if status < http.StatusBadRequest || status == http.StatusUnauthorized {
			status = http.StatusBadGateway
		}
	case errors.As(err, &credentials):
		v.What = "The request could not be signed"
		v.Do = []string{"The AWS credentials of this machine have expired or are missing. Renew them, as for other AWS tools, and try again. The log of rollcall console has the error."}
		fault = err
	case errors.Is(err, context.Canceled):
		return problemPage(http.StatusServiceUnavailable, "The request was cancelled", "Try again."), nil
	case errors.Is(err, adminclient.ErrUnreachable):
		v.What = "The service does not answer"
		v.Do = []string{
			"On this machine: check that rollcall local is running at the same address. Start it, and then rollcall console again.",
			"In AWS: check the network and that the stack is deployed, and try again.",
		}
		fault = err
	default:
		v.What = "The service's answer cannot be read"
		v.Do = []string{"Check that rollcall console and the service have the same version. The log of rollcall console has the error."}
		fault = err
	}
	if q.Method == http.MethodGet && status != http.StatusNotFound {
		v.Again = q.URL.EscapedPath() + question(q.URL.RawQuery)
	}
	return page{status: status, name: "problem", title: v.What, data: v}, fault
}

// explainRefusal returns what a refusal of the service means here, and what to do.
func explainRefusal(p *adminclient.Problem) (what string, do []string) {
	if p.Kind() == "store-unavailable" {
		return "The service's database cannot be reached", []string{"Try again in a moment. If it fails again, report the request ID to the operator of the service."}
	}
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "Access denied by the service", []string{
			"On this machine: rollcall local may have restarted with another admin token. Start rollcall console again.",
			"In AWS: your identity needs execute-api:Invoke on /admin/v1/* of the API. Ask an administrator of the account.",
		}
	case http.StatusNotFound:
		return "Not found", []string{"Check the address, or go to the tenant's overview. It may have been deleted or have expired."}
	case http.StatusBadRequest:
		return "Invalid request", []string{"Nothing was changed. Go back, correct it, and send it again."}
	case http.StatusConflict:
		return "Not possible now", []string{"Nothing was changed. Check the current state and decide again."}
	case http.StatusPreconditionFailed:
		return "Changed meanwhile", []string{"Nothing was changed: somebody else has changed it since the page was shown. Open the page again, and decide again."}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "The service is busy", []string{"Try again in a moment."}
	}
	return "Internal error of the service", []string{"Try again. If it fails again, report the request ID."}
}
