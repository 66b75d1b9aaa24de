package directory_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// refusedRequest is a request that failed, and how to send it again.
type refusedRequest struct {
	asked directory.Asked
	body  string
	again func() (journal.Action, error)
}

// troubled is a tenant in which requests fail.
type troubled struct {
	*fixture
	users, groups []string
	refused       []refusedRequest
}

// values of users: few, so that they collide.
func drawUser(t *rapid.T) (body string) {
	name := rapid.SampledFrom([]string{"anna", "bert", "cleo@x.org", "dora@x.org", "ewan"}).Draw(t, "name")
	body = `{"schemas":["` + scim.CoreUserURN + `"],"userName":"` + name + `"`
	if mail := rapid.SampledFrom([]string{"", "", "a@x.org", "cleo@x.org", "e@x.org"}).Draw(t, "mail"); mail != "" {
		body += `,"emails":[{"value":"` + mail + `","type":"work"}]`
	}
	if id := rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "externalId"); id != "" {
		body += `,"externalId":"` + id + `"`
	}
	if active := rapid.SampledFrom([]string{"", "", "true", "false"}).Draw(t, "active"); active != "" {
		body += `,"active":` + active
	}
	if team := rapid.SampledFrom([]string{"", "", "true", "false"}).Draw(t, "team"); team != "" {
		body += `,"` + extension + `":{"isTeamAccount":` + team + `}`
	}
	return body + "}"
}

func drawPatch(t *rapid.T) string {
	one := func() string {
		return rapid.SampledFrom([]string{
			`{"op":"replace","path":"active","value":true}`, `{"op":"replace","path":"active","value":false}`,
			`{"op":"replace","path":"userName","value":"anna"}`, `{"op":"replace","path":"userName","value":"dora@x.org"}`,
			`{"op":"replace","path":"externalId","value":"2"}`, `{"op":"remove","path":"externalId"}`,
			`{"op":"replace","path":"emails","value":[{"value":"cleo@x.org","primary":true}]}`, `{"op":"remove","path":"emails"}`,
			`{"op":"replace","path":"` + extension + `:isTeamAccount","value":false}`,
			`{"op":"replace","value":{"` + extension + `:isTeamAccount":true,"active":true}}`,
		}).Draw(t, "operation")
	}
	return "[" + one() + "," + one() + "]"
}

// user draws one of the users that were ever created.
func (c *troubled) user(t *rapid.T) string {
	return rapid.SampledFrom(append([]string{"nobody"}, c.users...)).Draw(t, "user")
}

func (c *troubled) group(t *rapid.T) string {
	return rapid.SampledFrom(append([]string{"nogroup"}, c.groups...)).Draw(t, "group")
}

// send sends a request of an identity provider, and keeps it if it fails.
func (c *troubled) send(asked directory.Asked, body string, once func() (journal.Action, directory.Result, directory.GroupResult, error)) {
	_, user, group, err := once()
	switch {
	case err == nil && user.User != nil:
		c.users = append(c.users, user.User.ID)
	case err == nil && group.Group != nil:
		c.groups = append(c.groups, group.Group.ID)
	case err != nil:
		asked.Values = user.Asked
		if asked.Group {
			asked.Values = group.Asked
		}
		if asked.Values == nil {
			return
		}
		asked.Values = journal.ParseAsked(asked.Values.Text())
		c.refused = append(c.refused, refusedRequest{asked: asked, body: fmt.Sprintf("%s %s %s: %v", asked.Operation, asked.ID, body, err), again: func() (journal.Action, error) {
			action, _, _, err := once()
			return action, err
		}})
	}
}

// request sends one request on a user.
func (c *troubled) request(t *rapid.T) {
	ctx := context.Background()
	switch rapid.IntRange(0, 6).Draw(t, "request") {
	case 0, 1, 2:
		body := drawUser(t)
		c.send(directory.Asked{Operation: journal.Create}, body, func() (journal.Action, directory.Result, directory.GroupResult, error) {
			r, err := c.post(body)
			return r.Action, r, directory.GroupResult{}, err
		})
	case 3:
		id, body := c.user(t), drawUser(t)
		c.send(directory.Asked{Operation: journal.Replace, ID: id}, body, func() (journal.Action, directory.Result, directory.GroupResult, error) {
			r, err := c.put(id, body, nil)
			return r.Action, r, directory.GroupResult{}, err
		})
	case 4, 5:
		id, body := c.user(t), drawPatch(t)
		c.send(directory.Asked{Operation: journal.Modify, ID: id}, body, func() (journal.Action, directory.Result, directory.GroupResult, error) {
			r, err := c.patch(id, body, nil)
			return r.Action, r, directory.GroupResult{}, err
		})
	default:
		id := c.user(t)
		c.send(directory.Asked{Operation: journal.Delete, ID: id}, "", func() (journal.Action, directory.Result, directory.GroupResult, error) {
			r, err := c.dir.Delete(ctx, c.tenant, c.by(), id, nil)
			if r.Action == journal.Unchanged {
				r.Action = journal.Deleted // a rehearsal does not distinguish them
			}
			return r.Action, r, directory.GroupResult{}, err
		})
	}
}

// groupRequest sends one request on a group.
func (c *troubled) groupRequest(t *rapid.T) {
	ctx := context.Background()
	name := rapid.SampledFrom([]string{"Design", "Sales"}).Draw(t, "name")
	member := `[{"value":"` + c.user(t) + `"}]`
	id := c.group(t)
	patch := func(operations string) {
		c.send(directory.Asked{Operation: journal.Modify, ID: id, Group: true}, operations, func() (journal.Action, directory.Result, directory.GroupResult, error) {
			r, err := c.dir.ModifyGroup(ctx, c.tenant, c.by(), id, nil, c.patchOf(operations))
			return r.Action, directory.Result{}, r, err
		})
	}
	switch rapid.IntRange(0, 5).Draw(t, "group request") {
	case 0:
		body := `{"schemas":["` + scim.CoreGroupURN + `"],"displayName":"` + name + `","members":` + member + `}`
		c.send(directory.Asked{Operation: journal.Create, Group: true}, body, func() (journal.Action, directory.Result, directory.GroupResult, error) {
			sent, _, err := resource.Decode(schema.GroupType(), []byte(body))
			require.NoError(c.t, err)
			r, err := c.dir.ProvisionGroup(ctx, c.tenant, c.by(), sent)
			return r.Action, directory.Result{}, r, err
		})
	case 1:
		patch(`{"op":"add","path":"members","value":` + member + `}`)
	case 2:
		patch(`{"op":"remove","path":"members","value":` + member + `}`)
	case 3:
		patch(`{"op":"replace","path":"members","value":` + member + `}`)
	case 4:
		patch(`{"op":"replace","path":"displayName","value":"` + name + `"}`)
	default:
		c.send(directory.Asked{Operation: journal.Delete, ID: id, Group: true}, "", func() (journal.Action, directory.Result, directory.GroupResult, error) {
			r, err := c.dir.DeleteGroup(ctx, c.tenant, c.by(), id, nil)
			return r.Action, directory.Result{}, r, err
		})
	}
}

// change changes something that identity providers do not.
func (c *troubled) change(t *rapid.T) {
	ctx := context.Background()
	flag := func() *bool { return new(rapid.Bool().Draw(t, "flag")) }
	switch rapid.IntRange(0, 8).Draw(t, "change") {
	case 0:
		r, err := c.dir.CreateInApp(ctx, c.tenant, c.by(), directory.AppUser{
			UserName: rapid.SampledFrom([]string{"anna", "cleo@x.org", "ewan"}).Draw(t, "own"), Origin: directory.OriginManual, Active: flag(), Protected: *flag(),
			Email: rapid.SampledFrom([]string{"", "e@x.org"}).Draw(t, "own mail"), Type: rapid.SampledFrom([]tenant.AccountType{tenant.User, tenant.Reader}).Draw(t, "own type"),
		})
		if err == nil {
			c.users = append(c.users, r.User.ID)
		}
	case 1:
		_, _ = c.dir.ModifyInApp(ctx, c.tenant, c.by(), c.user(t), nil, directory.AppChange{Active: flag()})
	case 2:
		_, _ = c.dir.ModifyInApp(ctx, c.tenant, c.by(), c.user(t), nil, directory.AppChange{Protected: flag()})
	case 3:
		_, _ = c.dir.Purge(ctx, c.tenant, c.by(), c.user(t))
	case 4:
		seats, readers := rapid.Int64Range(0, 4).Draw(t, "seats"), rapid.Int64Range(0, 2).Draw(t, "readers")
		before, _, err := c.store.Tenant(ctx, c.tenant)
		require.NoError(c.t, err)
		after := before
		after.MaxSeats, after.MaxReaders = seats, readers
		require.NoError(c.t, c.store.ChangeTenant(ctx, before, after, c.now))
	case 5:
		c.settings.Rehire = rapid.SampledFrom([]tenant.Rehire{tenant.RehireWarn, tenant.RehireKeep, tenant.RehireRefuse}).Draw(t, "rehire")
	case 6:
		c.settings.UnknownMembers = rapid.SampledFrom([]tenant.UnknownMembers{tenant.UnknownMembersSkip, tenant.UnknownMembersRefuse}).Draw(t, "unknown members")
	case 7: // the ledger is divided, as it is under many requests
		_, err := c.store.AddShards(ctx, c.tenant)
		require.NoError(c.t, err)
	default:
		c.settings.DeletedUsers = rapid.SampledFrom([]tenant.DeletedUsers{tenant.DeletedHidden, tenant.DeletedReadable}).Draw(t, "deleted")
	}
}

// said is the outcome of a request, as far as it is known in advance: whether an update
// changes anything depends on values that are not known, and a new record has another id.
func (c *troubled) said(action journal.Action, err error) string {
	if err == nil {
		if action == journal.Unchanged {
			action = journal.Updated
		}
		return string(action)
	}
	var taken *directory.TakenError
	if errors.As(err, &taken) {
		holder := taken.HolderID
		if !slices.Contains(c.users, holder) && !slices.Contains(c.groups, holder) {
			holder = "a new one"
		}
		return fmt.Sprintf("%v by %s: %s", err, holder, taken.Value)
	}
	return err.Error()
}

// What a rehearsal says of requests that failed is what happens when they are sent again.
func TestRehearsal_SaysWhatThenHappens(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		outcomes := map[string]int{}
		for range 4 {
			rapid.Check(t, func(rt *rapid.T) { rehearsed(t, rt, enginetest.Memory, outcomes) })
		}
		if testing.Short() {
			return // too few requests for every outcome
		}
		for _, action := range []journal.Action{journal.Created, journal.Reactivated, journal.Restored, journal.Updated} {
			require.NotZerof(t, outcomes[string(action)], "no request was %s after all: %v", action, outcomes)
		}
	})
	t.Run("dynamodb", func(t *testing.T) {
		tabletest.Endpoint(t)
		outcomes := map[string]int{}
		random := rand.NewChaCha8([32]byte{1})
		for range 5 {
			draws := make([]byte, 8<<10)
			_, _ = random.Read(draws)
			rapid.MakeFuzz(func(rt *rapid.T) { rehearsed(t, rt, tabletest.Dynamo, outcomes) })(t, draws)
		}
		require.Greater(t, len(outcomes), 5)
	})
}

// rehearsed compares, in one generated tenant, and counts the outcomes.
func rehearsed(t *testing.T, rt *rapid.T, open opener, outcomes map[string]int) {
	t.Helper()
	ctx := context.Background()
	c := &troubled{fixture: newFixture(t, open, rapid.Int64Range(0, 3).Draw(rt, "seats"), 1)}
	for range rapid.IntRange(5, 25).Draw(rt, "steps") {
		switch rapid.IntRange(0, 3).Draw(rt, "kind") {
		case 0:
			c.change(rt)
		case 1:
			c.groupRequest(rt)
		default:
			c.request(rt)
		}
	}
	for range rapid.IntRange(0, 8).Draw(rt, "fixes") {
		c.change(rt)
	}
	before := c.ledger()
	r := c.dir.Rehearse(c.tenant)
	if rapid.Bool().Draw(rt, "prepare") {
		asked := make([]directory.Asked, len(c.refused))
		for i, one := range c.refused {
			asked[i] = one.asked
		}
		require.NoError(rt, r.Prepare(ctx, asked))
	}
	want := make([]string, len(c.refused))
	for i, one := range c.refused {
		said, err := r.Send(ctx, c.by(), one.asked)
		want[i] = c.said(said.Action, err)
	}
	require.Equal(rt, before, c.ledger(), "a rehearsal writes nothing")
	for i, one := range c.refused {
		c.dir = c.directory(0) // of several active holders, hints choose the one that is named
		action, err := one.again()
		require.Equalf(rt, want[i], c.said(action, err), "%s\nvalues %v", one.body, one.asked.Values)
		outcomes[want[i]]++
	}
}

// The requests of a rehearsal meet what those before them changed, and another rehearsal
// does not.
func TestRehearsal_KeepsChangesInMemory(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 1, 1)
	ctx := t.Context()
	create := directory.Asked{Operation: journal.Create, Values: journal.Asked{journal.AskedUserName: "anna"}}
	r := f.dir.Rehearse(f.tenant)
	made, err := r.Send(ctx, f.by(), create)
	require.NoError(t, err)
	require.Equal(t, journal.Created, made.Action)
	var taken *directory.TakenError
	_, err = r.Send(ctx, f.by(), create)
	require.ErrorAs(t, err, &taken)
	require.Equal(t, made.User.ID, taken.HolderID)
	create.Values = journal.Asked{journal.AskedUserName: "bert"}
	var full *directory.FullError
	_, err = r.Send(ctx, f.by(), create)
	require.ErrorAs(t, err, &full)
	r.Allow(1, 0)
	_, err = r.Send(ctx, f.by(), create)
	require.NoError(t, err)
	_, err = r.Again().Send(ctx, f.by(), create)
	require.NoError(t, err)
	require.Zero(t, f.ledger().Users)
}
