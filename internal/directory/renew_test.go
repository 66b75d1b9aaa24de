package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// age turns a record into what an earlier version stored: names in their former
// form, and no reservation of a userName that is an address.
func (f *fixture) age(raw table.Table, partition, id string) {
	f.t.Helper()
	key := table.Key{Partition: "T#acme#" + partition, Sort: id}
	items, err := raw.Get(f.t.Context(), key)
	item, ok := items[key]
	if err != nil || !ok {
		f.t.Fatal(err, ok)
	}
	u := &directory.User{Doc: []byte(item.Attributes.Text("doc"))}
	r, err := u.Resource()
	require.NoError(f.t, err)
	former := directory.FormerClaims(r)
	if partition == "GROUPS" {
		former = directory.FormerGroupClaims(r)
	}
	change := table.Change{Set: table.Attributes{"crt": item.Attributes["crt"]}}
	var ops []table.Op
	reservation := func(kind directory.Kind, value string) table.Key {
		return table.Key{Partition: "T#acme#NAMES#" + string(kind.Space()), Sort: value}
	}
	for kind, value := range former {
		now := item.Attributes.Text("held." + string(kind))
		change.Set["held."+string(kind)] = table.Text(value)
		ops = append(ops, table.Delete(reservation(kind, now)),
			table.Put(table.Item{Key: reservation(kind, value), Attributes: table.Attributes{"uid": table.Text(id)}}))
	}
	if address := item.Attributes.Text("held.addr"); address != "" {
		change.Remove = append(change.Remove, "held.addr")
		ops = append(ops, table.Delete(reservation(directory.Address, address)))
	}
	mail := func(value string) table.Key { return table.Key{Partition: "T#acme#MAILS", Sort: value + "\x00" + id} }
	mails, formerMails := directory.OtherEmails(r), directory.FormerOtherEmails(r)
	for i := range mails {
		if mails[i] != formerMails[i] {
			ops = append(ops, table.Delete(mail(mails[i])), table.Put(table.Item{Key: mail(formerMails[i])}))
		}
	}
	ops = append(ops, table.Update(key, change))
	require.NoError(f.t, raw.Write(f.t.Context(), table.Transaction{Token: newID(), Ops: ops}))
}

// faults returns the faults of the tenant's data as text, and how many are
// renewable.
func (f *fixture) faults() (text string, renewable int) {
	f.t.Helper()
	faults, err := f.store.Audit(f.t.Context(), f.tenant)
	require.NoError(f.t, err)
	for _, fault := range faults {
		text += fault.String() + "\n"
		if fault.Renewable {
			renewable++
		}
	}
	return text, renewable
}

func (f *fixture) renew() (records, kept int) {
	f.t.Helper()
	renewed, err := f.store.RenewNames(f.t.Context(), f.tenant)
	require.NoError(f.t, err)
	return renewed.Records, renewed.Kept
}

func (f *fixture) finds(filter, id string) {
	f.t.Helper()
	found, err := f.search(filter, 1, 10)
	assert.Truef(f.t, err == nil && found.Total == 1 && found.Records[0].ID == id, "%s finds %+v, %v; want %s", filter, found.Records, err, id)
}

func (f *fixture) groupQuery(filter string) directory.Query {
	f.t.Helper()
	compiled, err := match.CompileFilter(schema.GroupType(), filter)
	require.NoError(f.t, err)
	return directory.Query{Filter: compiled, StartIndex: 1, Count: 10}
}

// Records that an earlier version stored are found, changed and deleted as
// usual. A reservation that it did not make is added if the value is free, and
// reported if another record has it.
func TestRenewNames(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		raw := table.Retrying(open(t))
		f := newFixtureOn(t, raw, 99, 9)
		create := func(partition, attributes string) string {
			t.Helper()
			if partition == "GROUPS" {
				id := f.mustPostGroup(group(attributes))
				f.age(raw, partition, id)
				return id
			}
			id := f.mustPost(user(attributes)).ID
			if partition == "GONE" {
				f.mustRemove(id)
			}
			f.age(raw, partition, id)
			return id
		}
		alias := create("USERS", `"userName":"x@a.test","emails":[{"value":"alias@a.test"}]`)
		domain := create("USERS", `"userName":"mx@xn--bcher-kva.test","emails":[{"value":"MX@XN--BCHER-KVA.test"},{"value":"other@xn--bcher-kva.test"}]`)
		joiner := create("USERS", `"userName":"ig`+"\u034f"+`n","externalId":"e-ign"`)
		create("USERS", `"userName":"ign"`)
		name := create("USERS", `"userName":"both@a.test","emails":[{"value":"name@a.test"}]`)
		mail := create("USERS", `"userName":"mail","emails":[{"value":"both@a.test"}]`)
		lost := create("GONE", `"userName":"lo`+"\u2060"+`st"`)
		create("USERS", `"userName":"lost"`)
		taker := create("USERS", `"userName":"taken@a.test","emails":[{"value":"taker@a.test"}]`)
		gone := create("GONE", `"userName":"gone","emails":[{"value":"taken@a.test"}]`)
		heart := create("GROUPS", "Sales \u2764\ufe0f")
		family := create("GROUPS", "Team \U0001f468\u200d\U0001f469")

		text, renewable := f.faults()
		n := strings.Count(text, "\n")
		assert.Truef(t, renewable != 0 && n > renewable, "%d faults, of which %d are renewable:\n%s", n, renewable, text)
		for _, both := range [][2]string{{name, mail}} {
			assert.Containsf(t, text, "user "+both[0]+": has a userName that is the email of user "+both[1], "%s are not reported:\n%s", both, text)
		}

		// Before the renewal, users are found as they were sent, and can be
		// changed.
		f.finds(`userName eq "mx@xn--bcher-kva.test"`, domain)
		f.finds(`userName sw "mx@xn--bcher-kva"`, domain)
		f.finds(`emails eq "mx@xn--bcher-kva.test"`, domain)
		f.finds(`emails eq "other@xn--bcher-kva.test"`, domain)
		f.finds(`userName eq "ig`+"\u034f"+`n" and externalId eq "e-ign"`, joiner)
		found, err := f.dir.SearchGroups(t.Context(), f.tenant, f.by(), f.groupQuery(`displayName eq "Sales `+"\u2764\ufe0f"+`"`))
		assert.Truef(t, err == nil && found.Total == 1, "the group by its name: %+v, %v", found, err)
		for _, id := range []string{alias, domain, joiner, name, mail, taker} {
			f.mustPatch(id, `[{"op":"replace","path":"title","value":"x"}]`)
			f.mustPatch(id, deactivate)
			f.mustPatch(id, activate)
		}
		for _, sent := range []string{`"userName":"mx@xn--bcher-kva.test"`, `"userName":"new","emails":[{"value":"mx@xn--bcher-kva.test"}]`, `"userName":"ig` + "\u034f" + `n"`} {
			_, err := f.post(user(sent))
			assert.Errorf(t, err, "POST %s creates a second user", sent)
		}
		f.mustPatchGroup(heart, fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, alias))
		_, err = f.postGroup(group("Sales \u2764\ufe0f"))
		assert.Error(t, err, "POST creates a second group")
		_, err = f.putGroup(family, group("Team \U0001f468\u200d\U0001f469", alias))
		assert.NoError(t, err, "PUT of a group")

		versions := f.read(name).Version + f.read(mail).Version + f.read(joiner).Version
		records, kept := f.renew()
		assert.Truef(t, records >= 4 && kept == 2, "renewed %d, kept %d", records, kept)
		text, renewable = f.faults()
		if renewable != 0 || strings.Count(text, "\n") != 2 || !strings.Contains(text, "user "+name+": has a userName that is the email of user "+mail) ||
			!strings.Contains(text, "user "+joiner+": has a userName that looks like that of user ") {
			t.Errorf("afterwards %d renewable:\n%s", renewable, text)
		}
		assert.Equal(t, versions, f.read(name).Version+f.read(mail).Version+f.read(joiner).Version, "a record that could not be renewed was changed")
		if records, kept := f.renew(); records != 0 || kept != 2 {
			t.Errorf("renewed again %d, kept %d", records, kept)
		}

		// After the renewal the value is refused to others, and found in any
		// spelling.
		for _, sent := range []string{
			`"userName":"n1","emails":[{"value":"x@a.test"}]`, `"userName":"mx@bücher.test"`, `"userName":"n2","emails":[{"value":"MX@bücher.test"}]`,
			`"userName":"n3","emails":[{"value":"taken@a.test"}]`,
		} {
			_, err := f.post(user(sent))
			assert.Errorf(t, err, "POST %s is accepted", sent)
		}
		f.finds(`userName eq "mx@BÜCHER.test"`, domain)
		f.finds(`emails eq "other@bücher.test"`, domain)
		for _, lookalike := range []string{"sales \u2764", "Team \U0001f468\U0001f469"} {
			_, err := f.postGroup(group(lookalike))
			assert.Errorf(t, err, "POST of the group %q is accepted", lookalike)
		}
		u := f.read(gone)
		assert.Truef(t, u.Held[directory.Email] == "" && u.Held[directory.UserName] == "gone", "the deleted holder has %v", u.Held)
		u = f.read(lost)
		assert.Emptyf(t, u.Held[directory.UserName], "the deleted look-alike has %v", u.Held)

		// When the other record gives up the value, the conflict ends.
		f.mustPatch(mail, `[{"op":"replace","path":"emails","value":[{"value":"else@a.test"}]}]`)
		f.mustPatch(joiner, `[{"op":"replace","path":"userName","value":"other"}]`)
		if records, kept := f.renew(); records != 1 || kept != 0 {
			t.Errorf("renewed at last %d, kept %d", records, kept)
		}
		f.check(f.active())
	})
}

// Requests concurrent with a renewal are not lost, and are not overwritten by
// it.
func TestRenewNames_BesideRequests(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		raw := table.Retrying(open(t))
		f := newFixtureOn(t, raw, 99, 9)
		var ids []string
		for i := range 8 {
			ids = append(ids, f.mustPost(user(fmt.Sprintf(`"userName":"u%d@a.test","emails":[{"value":"m%d@a.test"}]`, i, i))).ID)
			f.age(raw, "USERS", ids[i])
		}
		done := make(chan error)
		go func() {
			var err error
			for i := range ids {
				_, failed := f.patch(ids[i], fmt.Sprintf(`[{"op":"replace","value":{"title":"t%d","userName":"n%d@a.test"}}]`, i, i%4*2), nil)
				err = errors.Join(err, failed)
			}
			done <- err
		}()
		f.renew()
		err := <-done
		f.renew()
		renamed := 0
		for i, id := range ids {
			if o := object(t, f.read(id)); o["title"] == fmt.Sprintf("t%d", i) {
				renamed++
			}
		}
		var taken *directory.TakenError
		assert.Truef(t, renamed == 4 && errors.As(err, &taken), "%d of 8 were renamed to 4 names: %v", renamed, err)
		f.check(8)
	})
}
