package directory_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The outcomes for a user of a request that sends isTeamAccount, or omits it.
const (
	isConflict   = "409"
	isConversion = "409 converts"
	isLinked     = "linked"
	isKept       = "kept"
)

// accountTypes is the table of account types: the user before, and the outcome
// of a POST, and of a PUT or PATCH, that sends isTeamAccount true, false or not
// at all. A type as outcome is the user's type afterwards; isKept is the type
// before.
var accountTypes = []struct {
	name    string
	linked  bool
	active  bool
	kind    tenant.AccountType
	post    map[string]string
	updates map[string]string
}{
	{
		"linked, active User", true, true, tenant.User,
		map[string]string{"true": isConflict, "false": isConflict, "omitted": isConflict},
		map[string]string{"true": "user", "false": "reader", "omitted": isKept},
	},
	{
		"linked, active Reader", true, true, tenant.Reader,
		map[string]string{"true": isConflict, "false": isConflict, "omitted": isConflict},
		map[string]string{"true": "user", "false": "reader", "omitted": isKept},
	},
	{
		"own User, active", false, true, tenant.User,
		map[string]string{"true": isLinked, "false": isConversion, "omitted": isConflict},
		map[string]string{"true": "user", "false": isConversion, "omitted": isKept},
	},
	{
		"own User, inactive", false, false, tenant.User,
		map[string]string{"true": isLinked, "false": isConversion, "omitted": isConflict},
		map[string]string{"true": "user", "false": isConversion, "omitted": isKept},
	},
	{
		"own Reader, active", false, true, tenant.Reader,
		map[string]string{"true": isConflict, "false": isConflict, "omitted": isConflict},
		map[string]string{"true": "user", "false": "reader", "omitted": isKept},
	},
	{
		"own Reader, inactive", false, false, tenant.Reader,
		map[string]string{"true": isConflict, "false": isConflict, "omitted": isConflict},
		map[string]string{"true": "user", "false": "reader", "omitted": isKept},
	},
}

// TestAccountTypes tries every cell, with licences left in the tenant and
// without. A cell that needs a licence is refused without one; all others give
// the same result.
func TestAccountTypes(t *testing.T) {
	enginetest.Each(t, enginetest.Three(), func(t *testing.T, engine enginetest.Engine) {
		values := []string{"true", "false", "omitted"}
		if engine.Name == "dynamodb" {
			values = values[:1] // what is decided does not depend on the engine
		}
		for _, row := range accountTypes {
			for _, method := range []string{"POST", "PUT", "PATCH"} {
				for _, sent := range values {
					for _, free := range []int64{1, 0} {
						want := row.updates[sent]
						if method == "POST" {
							want = row.post[sent]
						}
						t.Run(fmt.Sprintf("%s, %s %s, %d free", row.name, method, sent, free), func(t *testing.T) {
							f := newFixture(t, engine.Open, 1, 1)
							u := f.someone(row.linked, row.active, row.kind)
							l := f.ledger()
							// The licences in use are the user's own and
							// others'.
							f.fill("seat", l.Seats, free, tenant.User)
							f.fill("place", l.Readers, free, tenant.Reader)
							f.accountType(u, method, sent, want, free)
						})
					}
				}
			}
		}
	})
}

// someone creates the user of a row.
func (f *fixture) someone(linked, active bool, kind tenant.AccountType) *directory.User {
	f.t.Helper()
	if linked {
		return f.mustPost(user(alice + teamAccount(kind == tenant.User)))
	}
	return f.mustCreateInApp(directory.AppUser{UserName: "alice@example.com", Email: "alice@example.com", Type: kind, Active: &active})
}

func teamAccount(team bool) string {
	return fmt.Sprintf(`,%q:{"isTeamAccount":%t}`, extension, team)
}

// fill creates users of a type until only the free licences are left.
func (f *fixture) fill(name string, used, free int64, kind tenant.AccountType) {
	f.t.Helper()
	if used == 0 && free == 0 {
		f.mustCreateInApp(directory.AppUser{UserName: name, Type: kind})
	}
}

func (f *fixture) accountType(u *directory.User, method, sent, want string, free int64) {
	f.t.Helper()
	before := f.ledger()
	kind := u.Type
	refused := want == isConflict || want == isConversion
	if want == "user" || want == "reader" {
		kind = tenant.AccountType(want)
	}
	seats, readers := before.Seats, before.Readers
	full := false
	if !refused && u.Active && kind != u.Type {
		move := map[tenant.AccountType]int64{kind: 1, u.Type: -1}
		seats, readers = seats+move[tenant.User], readers+move[tenant.Reader]
		full = seats > before.SeatLimit || readers > before.ReaderLimit
	}
	require.Equalf(f.t, free == 0 && !refused && u.Active && kind != u.Type, full, "%d licences are free: full is %t", free, full)

	err := f.sendType(u, method, sent)
	var taken *directory.TakenError
	var convert *directory.ConvertError
	var noPlace *directory.FullError
	now := f.read(u.ID)
	switch {
	case want == isConversion && method == "POST":
		assert.Truef(f.t, errors.As(err, &taken) && taken.Conversion, "error %v, want the refusal to convert", err)
	case want == isConversion:
		assert.ErrorAsf(f.t, err, &convert, "error %v, want the refusal to convert", err)
	case want == isConflict:
		assert.Truef(f.t, errors.As(err, &taken) && !taken.Conversion && taken.HolderID == u.ID, "error %v, want TakenError with holder %s", err, u.ID)
	case full:
		assert.Truef(f.t, errors.As(err, &noPlace) && noPlace.Type == kind, "error %v, want FullError for %s", err, kind)
	case err != nil:
		f.t.Errorf("error %v, want %s", err, want)
	case now.Type != kind || now.Active != u.Active || !now.Linked || now.Origin != u.Origin || now.DeactivatedBy != u.DeactivatedBy:
		f.t.Errorf("user %+v, want it linked, of type %s, otherwise unchanged", now, kind)
	}
	if refused || full {
		seats, readers = before.Seats, before.Readers
		assert.Truef(f.t, now.Version == u.Version && now.Linked == u.Linked, "the refused request changed the user to %+v", now)
	}
	l := f.ledger()
	assert.Truef(f.t, l.Seats == seats && l.Readers == readers, "%d seats, %d readers; want %d, %d", l.Seats, l.Readers, seats, readers)
	f.check(seats)
}

// sendType sends what an identity provider sends for the user, without active.
func (f *fixture) sendType(u *directory.User, method, sent string) error {
	f.t.Helper()
	body, operations := alice, `[{"op":"add","path":"title","value":"x"}]`
	if sent != "omitted" {
		body += teamAccount(sent == "true")
		operations = fmt.Sprintf(`[{"op":"replace","path":"%s:isTeamAccount","value":%s}]`, extension, sent)
	}
	var err error
	switch method {
	case "POST":
		_, err = f.post(user(body))
	case "PUT":
		_, err = f.put(u.ID, user(body), nil)
	default:
		_, err = f.patch(u.ID, operations, nil)
	}
	return err
}

// TestAccountTypes_TwoStepConversion follows the advice of "User already
// available in the project": true links, then false converts, and the seat is
// counted at each step.
func TestAccountTypes_TwoStepConversion(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		for _, link := range []string{"POST", "PUT", "PATCH"} {
			for _, conversion := range []string{"PUT", "PATCH"} {
				f := newFixture(t, open, 1, 1)
				u := f.someone(false, true, tenant.User)
				f.check(1)
				var taken *directory.TakenError
				err := f.sendType(u, "POST", "false")
				assert.Truef(t, errors.As(err, &taken) && taken.Conversion, "POST false: %v", err)
				f.check(1)
				assert.NoErrorf(t, f.sendType(u, link, "true"), "%s true", link)
				f.check(1)
				assert.NoErrorf(t, f.sendType(u, conversion, "false"), "%s false", conversion)
				f.check(0)
				l := f.ledger()
				assert.Truef(t, l.Readers == 1 && l.Users == 1, "ledger %+v", l)
				now := f.read(u.ID)
				assert.Truef(t, now.Type == tenant.Reader && now.Linked && now.Active && now.Origin == directory.OriginManual, "user %+v", now)
			}
		}
	})
}
