// An application whose users follow rollcall. With `reconcile`, each night by cron, it compares everything.
package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"
	"github.com/rollcall-scim/rollcall/mirror"
)

// The mirror keeps its own tables up to date; a user's role comes from a group.
const schema = `CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, user TEXT);
	CREATE VIEW IF NOT EXISTS users AS SELECT id, email, display_name AS name, CAST(active AS INTEGER) AS active,
		CASE WHEN EXISTS (SELECT 1 FROM rollcall_members m WHERE m.user_id = u.id AND group_name = 'Admins')
		THEN 'admin' ELSE 'member' END AS role FROM rollcall_users u WHERE NOT purged`

func main() {
	ctx, tenant, port := context.Background(), cmp.Or(os.Getenv("TENANT"), "acme"), cmp.Or(os.Getenv("PORT"), "3000")
	db := must(sql.Open("sqlite3", "file:"+cmp.Or(os.Getenv("DATABASE"), "app.db")+"?_pragma=busy_timeout(5000)"))
	store := must(mirror.NewSQL(ctx, db, mirror.SQLite))
	must(db.Exec(schema))
	endSessions := func() error {
		_, err := db.Exec("DELETE FROM sessions WHERE user NOT IN (SELECT id FROM users WHERE active)")
		return err
	}
	api := &mirror.API{URL: os.Getenv("ROLLCALL_ADMIN_URL"), Authorize: mirror.Bearer(os.Getenv("ROLLCALL_ADMIN_TOKEN"))}
	puller := &mirror.Puller{API: api, Store: store, Tenant: tenant, After: func(context.Context, []mirror.Event) error { return endSessions() }}
	must(0, puller.Pull(ctx)) // what was missed while the application was down
	if len(os.Args) > 1 && os.Args[1] == "reconcile" {
		report := must(puller.Reconcile(ctx))
		must(0, endSessions())
		fmt.Println(report.Repaired, "records differed")
		return
	}
	go func() { _ = puller.Follow(ctx, time.Minute, func(err error) { log.Print(err) }) }()
	http.Handle("POST /", &mirror.Handler{
		Store: store, Secrets: mirror.FixedSecrets(os.Getenv("WEBHOOK_SECRET")),
		Then: func(context.Context, mirror.Event) error { return endSessions() },
	})
	http.HandleFunc("GET /users", func(w http.ResponseWriter, _ *http.Request) {
		const all = `SELECT json_group_array(json_object('id', id, 'email', email, 'name', name, 'active', active, 'role', role)) FROM
			(SELECT * FROM users ORDER BY email)`
		var list string
		must(0, db.QueryRow(all).Scan(&list))
		fmt.Fprintln(w, list)
	})
	fmt.Println("serving on http://127.0.0.1:" + port)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
