package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// The log and the list of failing subjects keep the name of the advice. What an earlier
// version wrote, the text itself, is read with the cause's own advice.
func TestLog_KeepsTheRemedy(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), testLog_KeepsTheRemedy)
}

func testLog_KeepsTheRemedy(t *testing.T, open func(testing.TB) table.Table) {
	f := sweepFixture(t, open(t))
	const id = "019b8d62-7a80-7000-8000-0000000000f1"
	about := journal.Subject{Type: journal.TypeGroup, ID: id}
	entry := &journal.Entry{
		RequestID: id, Time: f.now(), IdP: idp.Okta, Operation: journal.Modify, ResourceType: about.Type, ResourceID: id,
		Outcome: journal.Failure, Cause: cause.UnknownMembers, Remedy: cause.WholeSetUnknown, About: about,
	}
	f.must(f.store.Record(t.Context(), f.tenant, journal.Record{
		Entry: entry, Fails: about, Expires: f.now().Add(time.Hour), NotAfter: f.now().Add(journal.WriteTime),
	}))
	advised := func(want string) {
		t.Helper()
		entries, err := f.store.Entries(t.Context(), f.tenant, []string{id})
		f.must(err)
		assert.Equal(t, want, entries[id].WhatToDo(), "the entry advises")
		failing, err := f.store.FailingOf(t.Context(), f.tenant, []journal.Subject{about})
		f.must(err)
		assert.Equal(t, want, failing[about].WhatToDo(), "the failing subject advises")
	}
	advised(cause.WholeSetUnknown.Advice(idp.Okta))

	older := table.Change{Set: table.Attributes{"todo": table.Text("Provision the users first.")}, Remove: []string{attrRemedy}}
	f.write(table.Update(logItem(f.tenant, *entry, f.now()).Key, older), table.Update(failingKey(f.tenant, subjectName(about)), older))
	advised(cause.UnknownMembers.Advice("", idp.Okta))
}
