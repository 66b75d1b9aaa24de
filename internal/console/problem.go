package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
)

// problem is what a page says that cannot be shown.
type problem struct {
	What string
	Why  string
	Do   []string
	// Request is the id to ask about, "" for none.
	Request string
	// Again is the address to try again, "" where that would not help.
	Again string
}

func problemPage(status int, what, do string) page {
	return page{status: status, name: "problem", title: what, data: problem{What: what, Do: []string{do}}}
}

func noPage() page {
	return problemPage(http.StatusNotFound, "There is no such page", "The address is none of the console's. Begin at the first page.")
}

// problemOf is the page for an error of the service; fault is for the log, where the
// page does not say it.
func (c *Console) problemOf(q *request, err error) (p page, fault error) {
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
		v.Do = []string{"The AWS credentials of this machine have ended, or are not there: renew them, as for other AWS tools, and try again. The log of rollcall console says more."}
		fault = err
	case errors.Is(err, context.Canceled):
		return problemPage(http.StatusServiceUnavailable, "The question was given up", "Try again."), nil
	case errors.Is(err, adminclient.ErrUnreachable):
		v.What = "The service does not answer"
		v.Do = []string{
			"On this machine: is rollcall local still running, at the same address? Start it, and then rollcall console again.",
			"In AWS: is there a way to the network, and is the stack deployed? Try again in a moment.",
		}
		fault = err
	default:
		v.What = "The answer of the service cannot be read"
		v.Do = []string{"Is rollcall console of the same version as the service? The log of rollcall console says more."}
		fault = err
	}
	if q.Method == http.MethodGet && status != http.StatusNotFound {
		v.Again = q.URL.EscapedPath() + question(q.URL.RawQuery)
	}
	return page{status: status, name: "problem", title: v.What, data: v}, fault
}

// explainRefusal says what a refusal of the service means here, and what to do.
func explainRefusal(p *adminclient.Problem) (what string, do []string) {
	if p.Kind() == "store-unavailable" {
		return "The service's database cannot be reached", []string{"Try again in a moment. If it fails again, report the request id to the operator of the service."}
	}
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "The service does not let you in", []string{
			"On this machine: rollcall local may have been started again, with another admin token. Start rollcall console again.",
			"In AWS: who asks needs execute-api:Invoke on /admin/v1/* of the API. Ask who administers the account.",
		}
	case http.StatusNotFound:
		return "It is not there", []string{"Check the address, or begin with the tenant's overview. What was there may have been deleted, or its time may be over."}
	case http.StatusBadRequest:
		return "That cannot be asked", []string{"Go back, correct it, and send it again. Nothing was changed."}
	case http.StatusConflict:
		return "That cannot be done now", []string{"Nothing was changed. Look at its state, and decide again."}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "The service is busy", []string{"Try again in a moment."}
	}
	return "The service failed", []string{"Try again. If it fails again, report the request id."}
}
