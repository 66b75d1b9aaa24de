// An application whose table of users follows rollcall. `node app.ts` serves it, and
// `node app.ts reconcile` compares everything, each night by cron. Node.js 22.18 or later.
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { buffer } from "node:stream/consumers";
import { Client, Mirror, verify, WebhookVerificationError, type Records, type Store } from "@rollcall/mirror";

const { ROLLCALL_ADMIN_URL = "", ROLLCALL_ADMIN_TOKEN = "", WEBHOOK_SECRET = "", TENANT = "acme", DATABASE = "app.db", PORT = "3000" } = process.env;
const db = new DatabaseSync(DATABASE);
db.exec(`PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT, name TEXT, active INTEGER, role TEXT);
  CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, user TEXT);
  CREATE TABLE IF NOT EXISTS mirror (key TEXT PRIMARY KEY, value TEXT)`);

// Where the mirror keeps what it knows.
const records: Records = {
  get: (key) => db.prepare("SELECT value FROM mirror WHERE key = ?").get(key)?.["value"] as string | undefined,
  set: (key, value) => void db.prepare("INSERT OR REPLACE INTO mirror VALUES (?, ?)").run(key, value),
  delete: (key) => void db.prepare("DELETE FROM mirror WHERE key = ?").run(key),
  keys: (prefix) => db.prepare("SELECT key FROM mirror WHERE key >= ? AND key < ? || '~'").all(prefix, prefix).map((row) => String(row["key"])),
};
const store: Store = {
  async transaction(work) {
    db.exec("BEGIN IMMEDIATE");
    try {
      const result = await work(records);
      db.exec("COMMIT");
      return result;
    } catch (error) {
      db.exec("ROLLBACK");
      throw error;
    }
  },
};

// What a change means here: a row, a role by the group, and no session without access.
const mirror = new Mirror(store, {
  changed({ id, user, groups }) {
    const role = groups.some((group) => group.displayName === "Admins") ? "admin" : "member";
    if (!user?.active) db.prepare("DELETE FROM sessions WHERE user = ?").run(id);
    if (!user) db.prepare("DELETE FROM users WHERE id = ?").run(id);
    else db.prepare("INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?)").run(id, user.email, user.displayName, Number(user.active), role);
  },
});

const client = new Client({ url: ROLLCALL_ADMIN_URL, token: ROLLCALL_ADMIN_TOKEN });
await mirror.pull(client, TENANT); // what was missed while the application was down
if (process.argv[2] === "reconcile") console.log(`${await mirror.reconcile(client, TENANT)} records differed`);
else
  createServer(async (request, response) => {
    if (request.method === "GET") return void response.end(JSON.stringify(db.prepare("SELECT * FROM users ORDER BY email").all()) + "\n");
    try {
      await mirror.apply(verify(WEBHOOK_SECRET, request.headers, await buffer(request)));
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(error instanceof WebhookVerificationError ? 401 : 500).end(String(error));
    }
  }).listen(Number(PORT), "127.0.0.1", () => console.log(`serving on http://127.0.0.1:${PORT}`));
