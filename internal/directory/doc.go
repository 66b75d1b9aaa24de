// Package directory holds the product's rules: it provisions, replaces,
// modifies, deactivates, reactivates and deletes users and groups, counts
// seats, and keeps names unique within a tenant, for identity providers and for
// the application that the users belong to.
//
// It decides. Package store turns a decision into one conditional transaction,
// and reports which condition did not hold, so that the directory decides
// again. It knows no HTTP and no AWS, and never builds a key.
//
// Each word has one meaning here:
//
//   - tenant: one customer of the SaaS product, isolated from all others.
//   - identity provider (IdP): the system that sends SCIM requests for a
//     tenant; application: the SaaS product itself, which acts through the
//     admin API.
//   - User and Reader: the account types (isTeamAccount true and false). A user
//     in lower case is a person of either type.
//   - seat: what a tenant pays for; an active User holds one. Reader licence:
//     the counterpart for an active Reader. Both are counted in the tenant's
//     ledger; its shards are the items that it is divided into while many
//     requests change it, each with its part of the limits.
//   - record: a stored user or group. live: not deleted, so readers see it;
//     active: live and not deactivated.
//   - claim: a value that a record keeps unique in its tenant (userName, unique
//     email, externalId, a group's displayName); reservation: the stored item
//     that keeps it; holder: the record that a reservation names; transfer: a
//     claim that passes from a deleted record to another one.
//   - former: the form in which an earlier version of the service compared and
//     reserved a value.
//   - provision: a POST, whether it creates a record or finds one again.
//   - deactivate, reactivate: make a live record inactive, and active again.
//   - delete: hide a record and keep it; restore: make a deleted record live
//     again; purge: remove a record for good, by the application only.
//   - linked: managed by an identity provider. An unlinked user was created by
//     the application. Identifiers with App belong to the application's side,
//     which sees both: AppUsers, CreateInApp.
//   - protected: said of a user that identity providers may not deactivate,
//     delete, rename or take out of a group. ProtectedList: all of them, as
//     read.
//   - membership: a user in a group under an epoch; mirror: its copy stored
//     with the user, a UserMembership; epoch: one complete set of memberships
//     of a group. A membership counts if its epoch is the group's current one.
//   - leaving: said of a user whose remaining memberships are being removed.
//   - owed: said of a membership that an identity provider counts as done and
//     that does not exist, so that it must push the group again: a member that
//     was skipped, or a group that a user left by a deletion or a rehire.
//   - task: stored work that outlives its transaction; the sweep finishes what
//     the request did not. at rest: a group read after its unfinished task was
//     finished.
//   - marker: what remains of a group that the application deleted.
//   - entry: one entry of the provisioning log. detail: the sentence that
//     explains the warning of an entry. notice: one tolerance applied to a
//     request.
//   - cursor: a page token; position: where a record is in the order of a list;
//     bookmark: the stored position of a page by startIndex.
//   - SeatCounts: seats and their limit, as last read; the Ledger is the stored
//     original, of licences too.
//   - PendingChange: the name of the task that finishes an accepted change of many
//     members; the stored attribute is called work.
package directory
