package replay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
)

// maxFill is the largest number of users created to fill a tenant's seats.
const maxFill = 2_000

// takeSeat creates a user that takes a seat, whatever the tenant's default
// account type. It reports whether a seat was free; id is the user's.
func (r *runner) takeSeat() (id string, ok bool, err error) {
	attributes := json.RawMessage(`{"schemas":["` + userURN + `","{{extUrn}}"],"{{extUrn}}":{"isTeamAccount":true}}`)
	path, body, err := r.resource(r.vars, "user", attributes)
	if err != nil {
		return "", false, err
	}
	m := message{method: http.MethodPost, path: path, body: body}
	a, err := r.sendPatiently(m, nil)
	if err != nil {
		return "", false, err
	}
	resource, _ := a.document.(map[string]any)
	detail, _ := resource["detail"].(string)
	switch {
	case a.status == http.StatusCreated && a.id() != "":
		return a.id(), true, nil
	case a.status == http.StatusForbidden && strings.Contains(detail, "seats"):
		return "", false, nil
	}
	return "", false, fmt.Errorf("%s: %d %s, want 201, or 403 and a detail about seats", m, a.status, match.Show(a.document))
}

func (r *runner) freeSeat(id string) error {
	m := message{method: http.MethodDelete, path: "/Users/" + id}
	a, err := r.sendPatiently(m, nil)
	if err == nil && a.status != http.StatusNoContent {
		err = fmt.Errorf("%s: %d %s, want 204", m, a.status, match.Show(a.document))
	}
	return err
}

// leaveSeats takes seats until the service refuses, and frees the wanted number
// again. A client cannot do it otherwise: it sees neither the limit nor the
// use.
func (r *runner) leaveSeats(free int) error {
	for {
		id, ok, err := r.takeSeat()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if r.fillers = append(r.fillers, id); len(r.fillers) == maxFill {
			return unfitError{fmt.Sprintf("needs the tenant's seats full, and %d users did not fill them: use a tenant with fewer seats", maxFill)}
		}
	}
	if len(r.fillers) < free {
		return unfitError{fmt.Sprintf("needs %d free seats, and the tenant has %d", free, len(r.fillers))}
	}
	for range free {
		last := len(r.fillers) - 1
		if err := r.freeSeat(r.fillers[last]); err != nil {
			return err
		}
		r.fillers = r.fillers[:last]
	}
	return nil
}

// freeSeats checks that this many seats are free, and leaves them free.
func (r *runner) freeSeats(want int) error {
	var free []string
	for len(free) <= want {
		id, ok, err := r.takeSeat()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		free = append(free, id)
	}
	for _, id := range free {
		if err := r.freeSeat(id); err != nil {
			return err
		}
	}
	switch {
	case len(free) > want:
		return fmt.Errorf("more than %d seats are free", want)
	case len(free) < want:
		return fmt.Errorf("%d seats are free, want %d", len(free), want)
	}
	return nil
}
