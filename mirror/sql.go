package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Dialect is the way in which a database writes SQL.
type Dialect int

// The dialects.
const (
	SQLite Dialect = iota
	PostgreSQL
)

// SQL is a store in tables of the application's own database, which the application reads as
// it likes:
//
//   - rollcall_users: a row for each user; purged ones are rows without personal data.
//   - rollcall_members: the users of each group, with the group's name: a view.
//   - rollcall_groups, rollcall_memberships and rollcall_cursors: what the mirror knows besides.
//
// Only the mirror writes to them. It is safe for concurrent use.
type SQL struct {
	db      *sql.DB
	dialect Dialect
}

// NewSQL returns a store, and creates its tables if they are not there.
func NewSQL(ctx context.Context, db *sql.DB, dialect Dialect) (*SQL, error) {
	for _, statement := range tables {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("mirror: create the tables: %w", err)
		}
	}
	// No statement creates a view that is not there in both dialects.
	const read = "SELECT COUNT(*) FROM rollcall_members WHERE tenant = ''"
	var n int
	if db.QueryRowContext(ctx, read).Scan(&n) == nil {
		return &SQL{db: db, dialect: dialect}, nil
	}
	_, failed := db.ExecContext(ctx, membersView)
	if err := db.QueryRowContext(ctx, read).Scan(&n); err != nil {
		return nil, fmt.Errorf("mirror: create the view rollcall_members: %w", errors.Join(failed, err))
	}
	return &SQL{db: db, dialect: dialect}, nil
}

// tables are the statements that create the tables.
var tables = []string{
	`CREATE TABLE IF NOT EXISTS rollcall_users (
		tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL,
		user_name TEXT NOT NULL, email TEXT NOT NULL, display_name TEXT NOT NULL, external_id TEXT NOT NULL,
		origin TEXT NOT NULL, scim_managed BOOLEAN NOT NULL, account_type TEXT NOT NULL,
		active BOOLEAN NOT NULL, deactivated_by TEXT NOT NULL, deleted BOOLEAN NOT NULL, protected BOOLEAN NOT NULL,
		purged BOOLEAN NOT NULL, memberships_ended BIGINT NOT NULL, PRIMARY KEY (tenant, id))`,
	`CREATE TABLE IF NOT EXISTS rollcall_groups (
		tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL,
		display_name TEXT NOT NULL, external_id TEXT NOT NULL, origin TEXT NOT NULL,
		deleted BOOLEAN NOT NULL, generation BIGINT NOT NULL, PRIMARY KEY (tenant, id))`,
	`CREATE TABLE IF NOT EXISTS rollcall_memberships (
		tenant TEXT NOT NULL, group_id TEXT NOT NULL, user_id TEXT NOT NULL, member BOOLEAN NOT NULL,
		version BIGINT NOT NULL, generation BIGINT NOT NULL, user_version BIGINT NOT NULL,
		PRIMARY KEY (tenant, group_id, user_id))`,
	`CREATE INDEX IF NOT EXISTS rollcall_memberships_of_user ON rollcall_memberships (tenant, user_id)`,
	`CREATE TABLE IF NOT EXISTS rollcall_cursors (tenant TEXT NOT NULL PRIMARY KEY, position TEXT NOT NULL)`,
}

// membersView is IsMember.
const membersView = `CREATE VIEW rollcall_members AS
	SELECT m.tenant, m.group_id, g.display_name AS group_name, m.user_id FROM rollcall_memberships m
	JOIN rollcall_users u ON u.tenant = m.tenant AND u.id = m.user_id
	JOIN rollcall_groups g ON g.tenant = m.tenant AND g.id = m.group_id
	WHERE m.member AND m.user_version >= u.memberships_ended AND m.generation >= g.generation
		AND u.version > 0 AND g.version > 0 AND NOT u.purged AND NOT g.deleted`

// Update runs change in a transaction. It writes the row of the tenant's cursor first, which
// makes changes of one tenant wait for one another.
func (s *SQL) Update(ctx context.Context, tenant string, change func(Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a Commit it does nothing
	t := &sqlTx{ctx: ctx, tx: tx, tenant: tenant, dialect: s.dialect}
	if err := t.exec("INSERT INTO rollcall_cursors (tenant, position) VALUES (?, '') ON CONFLICT (tenant) DO UPDATE SET tenant = excluded.tenant", tenant); err != nil {
		return err
	}
	if err := change(t); err != nil {
		return err
	}
	return tx.Commit()
}

type sqlTx struct {
	ctx     context.Context //nolint:containedctx // of the transaction that it lives in
	tx      *sql.Tx
	tenant  string
	dialect Dialect
}

// A rowTable is a table whose rows have a key of the first columns.
type rowTable struct {
	name    string
	key     int
	columns string
}

var (
	usersTable = rowTable{"rollcall_users", 2, "tenant, id, version, user_name, email, display_name, external_id, origin, scim_managed, account_type, active, deactivated_by, deleted, protected, purged, memberships_ended"}

	groupsTable      = rowTable{"rollcall_groups", 2, "tenant, id, version, display_name, external_id, origin, deleted, generation"}
	membershipsTable = rowTable{"rollcall_memberships", 3, "tenant, group_id, user_id, member, version, generation, user_version"}
)

// read is the statement that reads a row by its key.
func (r rowTable) read() string {
	return "SELECT " + r.columns + " FROM " + r.name + " WHERE " + strings.Join(strings.Split(r.columns, ", ")[:r.key], " = ? AND ") + " = ?"
}

// write is the statement that writes a row.
func (r rowTable) write() string {
	columns := strings.Split(r.columns, ", ")
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
	set := make([]string, 0, len(columns))
	for _, column := range columns[r.key:] {
		set = append(set, column+" = excluded."+column)
	}
	return "INSERT INTO " + r.name + " (" + r.columns + ") VALUES (" + marks + ") ON CONFLICT (" + strings.Join(columns[:r.key], ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// text returns a statement in the dialect.
func (t *sqlTx) text(statement string) string {
	if t.dialect != PostgreSQL {
		return statement
	}
	var b strings.Builder
	for i, part := range strings.Split(statement, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	return b.String()
}

func (t *sqlTx) exec(statement string, values ...any) error {
	_, err := t.tx.ExecContext(t.ctx, t.text(statement), values...)
	return err
}

// row reads a row into to, or leaves them as they are without one.
func (t *sqlTx) row(statement string, key []any, to ...any) error {
	err := t.tx.QueryRowContext(t.ctx, t.text(statement), key...).Scan(to...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func (t *sqlTx) ids(statement string, values ...any) (ids []string, err error) {
	rows, err := t.tx.QueryContext(t.ctx, t.text(statement), values...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (t *sqlTx) User(id string) (User, error) {
	u := User{ID: id}
	var tenant string
	err := t.row(usersTable.read(), []any{t.tenant, id}, &tenant, &u.ID, &u.Version, &u.UserName, &u.Email, &u.DisplayName, &u.ExternalID, &u.Origin,
		&u.SCIMManaged, &u.AccountType, &u.Active, &u.DeactivatedBy, &u.Deleted, &u.Protected, &u.Purged, &u.MembershipsEnded)
	return u, err
}

func (t *sqlTx) PutUser(u User) error {
	return t.exec(usersTable.write(), t.tenant, u.ID, u.Version, u.UserName, u.Email, u.DisplayName, u.ExternalID, u.Origin,
		u.SCIMManaged, u.AccountType, u.Active, u.DeactivatedBy, u.Deleted, u.Protected, u.Purged, u.MembershipsEnded)
}

func (t *sqlTx) Group(id string) (Group, error) {
	g := Group{ID: id}
	var tenant string
	err := t.row(groupsTable.read(), []any{t.tenant, id}, &tenant, &g.ID, &g.Version, &g.DisplayName, &g.ExternalID, &g.Origin, &g.Deleted, &g.Generation)
	return g, err
}

func (t *sqlTx) PutGroup(g Group) error {
	return t.exec(groupsTable.write(), t.tenant, g.ID, g.Version, g.DisplayName, g.ExternalID, g.Origin, g.Deleted, g.Generation)
}

func (t *sqlTx) Membership(group, user string) (Membership, error) {
	m := Membership{Group: group, User: user}
	var tenant string
	err := t.row(membershipsTable.read(), []any{t.tenant, group, user}, &tenant, &m.Group, &m.User, &m.Member, &m.Version, &m.Generation, &m.UserVersion)
	return m, err
}

func (t *sqlTx) PutMembership(m Membership) error {
	return t.exec(membershipsTable.write(), t.tenant, m.Group, m.User, m.Member, m.Version, m.Generation, m.UserVersion)
}

func (t *sqlTx) Cursor() (cursor string, err error) {
	err = t.row("SELECT position FROM rollcall_cursors WHERE tenant = ?", []any{t.tenant}, &cursor)
	return cursor, err
}

func (t *sqlTx) PutCursor(cursor string) error {
	return t.exec("UPDATE rollcall_cursors SET position = ? WHERE tenant = ?", cursor, t.tenant)
}

func (t *sqlTx) UserIDs() ([]string, error) {
	return t.ids("SELECT id FROM rollcall_users WHERE tenant = ? AND NOT purged", t.tenant)
}

func (t *sqlTx) GroupIDs() ([]string, error) {
	return t.ids("SELECT id FROM rollcall_groups WHERE tenant = ? AND NOT deleted", t.tenant)
}

func (t *sqlTx) MemberIDs(group string) ([]string, error) {
	return t.ids("SELECT user_id FROM rollcall_memberships WHERE tenant = ? AND group_id = ? AND member", t.tenant, group)
}
