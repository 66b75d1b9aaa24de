package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/rollcall-scim/rollcall/mirror"
)

// open returns a store in a new database.
func open(t *testing.T) (*mirror.SQL, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "app.db")+"?_pragma=busy_timeout(60000)&_pragma=synchronous(off)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s, err := mirror.NewSQL(t.Context(), db, mirror.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	return s, db
}

// query returns the rows of a query as values of JSON.
func query(t *testing.T, db *sql.DB, text string) any {
	t.Helper()
	var list string
	if err := db.QueryRow(text).Scan(&list); err != nil {
		t.Fatal(err)
	}
	return decode(t, []byte(list))
}

func decode(t *testing.T, text []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

type vector struct {
	Name   string
	Events []json.RawMessage
	Want   struct{ Users, Groups, Members json.RawMessage }
}

func vectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("../../mirror/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Mirrors []vector }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Mirrors) < 20 {
		t.Fatalf("only %d vectors", len(all.Mirrors))
	}
	return all.Mirrors
}

// compare compares the tables with what a vector wants.
func compare(t *testing.T, db *sql.DB, v vector) {
	t.Helper()
	for _, c := range []struct {
		want json.RawMessage
		text string
	}{
		{v.Want.Users, `SELECT json_group_array(json_object('id', id, 'userName', user_name, 'displayName', display_name, 'active', json(iif(active, 'true', 'false')),
			'deleted', json(iif(deleted, 'true', 'false')), 'version', version)) FROM (SELECT * FROM rollcall_users WHERE NOT purged AND version > 0 ORDER BY id)`},
		{v.Want.Groups, `SELECT json_group_array(json_object('id', id, 'displayName', display_name))
			FROM (SELECT * FROM rollcall_groups WHERE NOT deleted AND version > 0 ORDER BY id)`},
		{v.Want.Members, `SELECT json_group_array(json_array(group_id, user_id)) FROM (SELECT * FROM rollcall_members ORDER BY group_id, user_id)`},
	} {
		if got, want := query(t, db, c.text), decode(t, c.want); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", v.Name, got, want)
		}
	}
}

// The store in SQL gives what the vectors of all languages want, in order and in reverse.
func TestSQL_PassesTheVectors(t *testing.T) {
	for _, v := range vectors(t) {
		for range 2 {
			s, db := open(t)
			for _, body := range v.Events {
				e, err := mirror.DecodeEvent(body)
				if err != nil {
					t.Fatal(err)
				}
				if err := mirror.Apply(t.Context(), s, e); err != nil {
					t.Fatal(v.Name, err)
				}
			}
			compare(t, db, v)
			slices.Reverse(v.Events)
		}
	}
}

// Webhooks come at the same time: changes of one tenant wait for one another.
func TestSQL_AppliesConcurrentEvents(t *testing.T) {
	v := vectors(t)[len(vectors(t))-1]
	s, db := open(t)
	var working sync.WaitGroup
	for i := range 4 {
		working.Go(func() {
			for n := range v.Events {
				e, err := mirror.DecodeEvent(v.Events[(n+i*len(v.Events)/4)%len(v.Events)])
				if err == nil {
					err = mirror.Apply(t.Context(), s, e)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	compare(t, db, v)
}

var errFailed = errors.New("failed")

// Tables that are there are kept, a change that fails leaves nothing, and each tenant has its
// own rows and cursor.
func TestSQL_KeepsRowsByTenant(t *testing.T) {
	s, db := open(t)
	put := func(tx mirror.Tx) error {
		u, g := mirror.User{ID: "u", Version: 3, Email: "u@example.com", Active: true, SCIMManaged: true, MembershipsEnded: 2}, mirror.Group{ID: "g", Version: 1, Generation: 4}
		m := mirror.Membership{Group: "g", User: "u", Member: true, Version: 5, Generation: 4, UserVersion: 3}
		for _, err := range []error{tx.PutUser(u), tx.PutGroup(g), tx.PutMembership(m), tx.PutCursor("c")} {
			if err != nil {
				return err
			}
		}
		gotUser, _ := tx.User("u")
		gotGroup, _ := tx.Group("g")
		gotMembership, _ := tx.Membership("g", "u")
		if gotUser != u || gotGroup != g || gotMembership != m {
			t.Errorf("read %+v %+v %+v", gotUser, gotGroup, gotMembership)
		}
		return nil
	}
	if err := s.Update(t.Context(), "acme", put); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), "other", func(tx mirror.Tx) error { return errors.Join(put(tx), errFailed) }); !errors.Is(err, errFailed) {
		t.Fatal(err)
	}
	again, err := mirror.NewSQL(t.Context(), db, mirror.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[string]string{"acme": "c", "other": ""} {
		if err := again.Update(t.Context(), tenant, func(tx mirror.Tx) error {
			cursor, err := tx.Cursor()
			users, _ := tx.(mirror.Lister).UserIDs()
			groups, _ := tx.(mirror.Lister).GroupIDs()
			members, _ := tx.(mirror.Lister).MemberIDs("g")
			if n := len(want); cursor != want || len(users) != n || len(groups) != n || len(members) != n {
				t.Errorf("%s: %q %v %v %v", tenant, cursor, users, groups, members)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}
