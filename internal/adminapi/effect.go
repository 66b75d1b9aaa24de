package adminapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/effect"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// foreseen selects what a list of failures says of requests that are sent again.
type foreseen struct {
	check, effect bool
	seats         int64
}

// maxMoreSeats is the largest number of seats that an effect adds.
const maxMoreSeats = 100_000

// foreseen reads check, effect and seats of the query.
func (q *request) foreseen() (f foreseen, err error) {
	if f.check, err = q.flag("check"); err != nil {
		return f, err
	}
	if f.effect, err = q.flag("effect"); err != nil {
		return f, err
	}
	if text := q.parameter("seats"); text != "" {
		f.seats, err = strconv.ParseInt(text, 10, 64)
		if err != nil || f.seats < 1 || f.seats > maxMoreSeats || !f.effect {
			return f, &problem{kind: kindInvalid, detail: fmt.Sprintf("seats must be a number from 1 to %d, and needs effect=true.", maxMoreSeats)}
		}
	}
	return f, nil
}

// foresee adds the selected checks to a page of failures, and the selected effects to the
// first page.
func (s *Service) foresee(ctx context.Context, f foreseen, t tenant.Tenant, failing []journal.Failing, first bool, page *adminwire.FailedUsers) (err error) {
	if !f.check && !f.effect {
		return nil
	}
	if page.Blocked, err = s.blocked(ctx, t); err != nil {
		return err
	}
	if f.check {
		verdicts, err := s.Effects.Check(ctx, t, failing)
		if err != nil {
			return err
		}
		for i, v := range verdicts {
			page.FailedUsers[i].Check = new(checkDocument(v, failing[i]))
		}
	}
	if !f.effect || !first {
		return nil
	}
	all, err := s.Provisioning.Failing(ctx, t.ID, provlog.FailingQuery{Limit: effect.MaxFailing})
	if err != nil {
		return err
	}
	effects, err := s.Effects.Effects(ctx, t, all.Failing, f.seats, func(ctx context.Context) ([]effect.Skipped, error) { return s.skipped(ctx, t.ID) })
	if err != nil {
		return err
	}
	page.Effects, page.EffectsMore = listOf(effects, effectDocument), all.Next != ""
	return nil
}

// skipped returns the members that requests for groups have skipped, from the newest page of
// such entries.
func (s *Service) skipped(ctx context.Context, t tenant.ID) (all []effect.Skipped, err error) {
	found, err := s.Provisioning.Find(ctx, t, provlog.Query{Cause: cause.UnknownMembers, Outcome: journal.Warning, Type: journal.TypeGroup, Limit: maxLimit})
	for _, e := range found.Entries {
		for _, id := range e.Skipped {
			all = append(all, effect.Skipped{Group: effect.Record{Type: journal.TypeGroup, ID: e.ResourceID, Name: e.Subject}, Member: id})
		}
	}
	return all, err
}

// blocked returns why every request of the tenant is refused now, "" if a request can be
// accepted.
func (s *Service) blocked(ctx context.Context, t tenant.Tenant) (string, error) {
	if t.Settings.SCIMDisabled {
		return cause.SCIMDisabled.Meaning().Summary + " " + cause.SCIMDisabled.Advice("", ""), nil
	}
	clients, err := s.Clients.Clients(ctx, t.ID)
	if err != nil || slices.ContainsFunc(clients, func(c access.Client) bool { return c.Live(s.Now()) }) {
		return "", err
	}
	if t.Settings.StaticTokens == tenant.StaticRefuse {
		return "The tenant refuses static tokens and has no valid client. " + cause.ClientRevoked.Advice("", ""), nil
	}
	tokens, err := s.Tokens.Tokens(ctx, t.ID)
	if err != nil || slices.ContainsFunc(tokens, func(r access.Record) bool { return r.Live(s.Now()) }) {
		return "", err
	}
	return "The tenant has no valid token. " + cause.TokenRevoked.Advice("", ""), nil
}

func checkDocument(v effect.Verdict, of journal.Failing) adminwire.Check {
	document := adminwire.Check{
		Result: string(v.Result), Reason: string(v.Reason), Text: v.Text(), Action: string(v.Action), ResourceID: v.ID, Warning: string(v.Warning),
		Seats: max(v.Seats, 0), Readers: max(v.Readers, 0), Cause: string(v.Refused.Cause), Holder: holderDocument(v.Holder),
	}
	if v.Refused.Cause != "" {
		document.WhatToDo = v.Refused.Cause.Advice(v.Refused.Remedy, of.IdP)
	}
	return document
}

func holderDocument(r *effect.Record) *adminwire.Holder {
	if r == nil {
		return nil
	}
	document := &adminwire.Holder{ResourceType: r.Type, ID: r.ID, Name: r.Name, State: r.State}
	if r.Type == journal.TypeUser {
		document.DeactivatedInApp, document.Linked, document.Protected = adminwire.Of(r.InApp), adminwire.Of(r.Linked), adminwire.Of(r.Protected)
	}
	return document
}

func effectDocument(e effect.Effect) adminwire.Effect {
	return adminwire.Effect{
		Fix: string(e.Fix), Text: e.Text(), Licences: e.Licences, Record: holderDocument(e.Record),
		Fixed: listOf(e.Fixed, effectOn), Left: listOf(e.Left, effectOn), Open: listOf(e.Open, effectOn),
		Push: listOf(e.Push, func(r effect.Record) adminwire.Holder { return *holderDocument(&r) }),
	}
}

func effectOn(c effect.Checked) adminwire.EffectOn {
	return adminwire.EffectOn{
		ResourceType: c.Type, ResourceID: adminwire.NullableString(c.ID), Subject: adminwire.NullableString(c.Name),
		ExternalID: adminwire.NullableString(c.ExternalID), RequestID: c.RequestID, Check: checkDocument(c.Verdict, c.Failing),
	}
}
