// Package mirror keeps a copy of a tenant's users, groups and memberships in the
// application's own database, from the events of rollcall.
//
// [Handler] receives events as webhooks, [Puller] reads them from the admin API, and
// [Reconcile] compares everything once a night. All three end in [Apply], which writes rows
// through [Store]; [SQL] is a store on database/sql, and [Memory] one for tests. The package
// depends on the standard library only.
//
// # What is promised
//
// Events may come twice, late, and in any order, by webhook and by pull at the same time:
// once each has been applied at least once, the mirror is what the directory is. An event
// that never came is repaired by a later event about the same facts, by a pull, or by
// Reconcile.
//
// This holds because an event says what is true when it is sent, not what the change was, and
// because each row only ever grows:
//
//   - A user is the document with the highest version seen. After user.purged its row stays,
//     without personal data, and never changes again.
//   - A group is the document with the highest version seen. After group.deleted its row
//     stays, without its name, and never changes again.
//   - A membership is the fact with the highest version of the group seen: is a member, or is
//     none. Of two facts at one version, "none" wins. Its UserVersion is the highest version
//     of the user with which it was ever seen, whatever fact is kept.
//   - A user's MembershipsEnded is the highest version at which all its memberships ended: by
//     user.deleted, user.purged, an event that says membershipsEnded, or a document that says
//     deleted.
//   - A group's Generation is the highest generation of its members that an event with
//     members.replaced has named.
//
// Each of these is a maximum, so order and repetition do not matter. Whether a user is a member
// of a group is computed from the three rows, by [IsMember]: the fact says so, it was seen with
// the user at MembershipsEnded or later, it belongs to the group's Generation or a later one,
// and neither user nor group is gone. No row is removed when memberships end. Removed, it
// could not be told from one that was never there when a later fact comes before an earlier one.
//
// # Why it is enough
//
// Rollcall reads the users first, then the group, then the memberships, each with its version.
// So a fact is never older than its versions say: the membership was read after the group had
// that version, and the group after the user had its own. A user who was deleted when it was
// read has version 0 among the members, and its memberships are read like all others. Let L be the version of the group
// at which a membership last began or ended. The event of that change was sent after it, so
// its fact has a version of at least L; any fact of at least L was read after the change, and
// is right. A deletion of a user ends memberships without touching each group: a fact that was
// read before has a user version below MembershipsEnded, and one that was read after
// says "none". A replacement of all members likewise, with the generation. And a fact with the
// higher version of the group was read later than the user of a fact with a lower one, so it
// may take over that one's UserVersion; without that, a membership that began again after a
// deletion could be lost.
package mirror
