package cost

import (
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// userBytes is what a user takes in the table, with its reservations, memberships
// and log entries.
const userBytes = 6000

// Own describes the deployment whose bill is computed. Settings that are 0 are
// the template's.
type Own struct {
	Users       int
	IdP         string
	MemoryMB    int
	SampleReads int
	Tracing     bool
	// Webhooks is how many endpoints get all events, and Bus whether a bus gets them.
	Webhooks int
	Bus      bool
}

// IdPs are the models of traffic, by the names that Own takes.
func IdPs() []string {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = strings.ToLower(m.name)
	}
	return names
}

// Print writes the bill of a month.
func Print(w io.Writer, tree fs.FS, own Own) error {
	s, err := current(tree)
	if err != nil {
		return err
	}
	if own.MemoryMB > 0 {
		s.deployment.MemoryMB = own.MemoryMB
	}
	if own.SampleReads > 0 {
		s.deployment.SampleReads = own.SampleReads
	}
	s.deployment.Tracing = s.deployment.Tracing || own.Tracing
	at := slices.Index(IdPs(), own.IdP)
	if at < 0 || own.IdP == strings.ToLower(mixed.name) {
		return fmt.Errorf("no model of traffic for %q: use one of %s", own.IdP, strings.Join(IdPs()[1:], ", "))
	}
	m := models[at]
	requests := m.requests() * float64(own.Users) / 1000
	b := s.of(m, requests)
	fmt.Fprintf(w, "%s, %d users: %.0f requests a month, %s\n\n", m.name, own.Users, requests, s.prices.Region)
	total := b.total()
	for _, item := range items {
		fmt.Fprintf(w, "%-28s %10.2f\n", item, b[item])
	}
	for _, item := range []string{itemStorage, itemRecovery} {
		price := s.prices.Of(item) * userBytes * float64(own.Users)
		total += price
		fmt.Fprintf(w, "%-28s %10.2f\n", item, price)
	}
	events, fed, bus, hook, err := s.eventsOf(m, requests)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%-28s %10.2f\n", fmt.Sprintf("Feed, %.0f events", events), fed)
	total += fed
	if own.Bus {
		fmt.Fprintf(w, "%-28s %10.2f\n", "Bus", bus)
		total += bus
	}
	if own.Webhooks > 0 {
		hooks := hook * float64(own.Webhooks)
		fmt.Fprintf(w, "%-28s %10.2f\n", fmt.Sprintf("Webhooks, %d", own.Webhooks), hooks)
		total += hooks
	}
	fmt.Fprintf(w, "%-28s %10.2f\n", "Dollars", total)
	return nil
}

// Snapshot returns the file before.json for the code as it is.
func Snapshot(tree fs.FS, commit string) (any, error) {
	s, err := current(tree)
	return snapshot{commit, s.deployment, s.measured}, err
}
