package adminapi

import (
	"context"
	"fmt"
	"strconv"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/effect"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// foreseen are the parts of a list of failures that say what would happen.
type foreseen struct {
	check, effect bool
	seats         int64
}

// maxMoreSeats is the largest number of seats that an effect adds.
const maxMoreSeats = 100_000

// foreseen reads what the query asks to foresee.
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

// foresee adds to a page of failures what the query asks to foresee. first reports that it is
// the first page.
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

// skipped reads which members requests for groups have skipped, the newest of the log.
func (s *Service) skipped(ctx context.Context, t tenant.ID) (all []effect.Skipped, err error) {
	found, err := s.Provisioning.Find(ctx, t, provlog.Query{Cause: cause.UnknownMembers, Outcome: journal.Warning, Type: journal.TypeGroup, Limit: maxLimit})
	for _, e := range found.Entries {
		for _, id := range e.Skipped {
			all = append(all, effect.Skipped{Group: effect.Record{Type: journal.TypeGroup, ID: e.ResourceID, Name: e.Subject}, Member: id})
		}
	}
	return all, err
}

// blocked says why each request of the tenant is refused now, or "".
func (s *Service) blocked(ctx context.Context, t tenant.Tenant) (string, error) {
	if t.Settings.SCIMDisabled {
		return cause.SCIMDisabled.Meaning().Summary + " " + cause.SCIMDisabled.Advice("", ""), nil
	}
	tokens, err := s.Tokens.Tokens(ctx, t.ID)
	if err != nil {
		return "", err
	}
	for _, token := range tokens {
		if token.Revoked.IsZero() && (token.Expires.IsZero() || token.Expires.After(s.Now())) {
			return "", nil
		}
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
