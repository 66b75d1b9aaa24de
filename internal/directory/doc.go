// Package directory is what the product promises: it provisions, replaces,
// modifies, deactivates, reactivates and deletes users, counts their seats, and
// keeps their names unique within a tenant: for identity providers, and for the
// application, whose users they are.
//
// It decides; package store makes a decision one conditional transaction, and
// says which condition did not hold, so that it is decided again. It knows no
// HTTP and no AWS, and never builds a key.
//
// The words, each with one meaning:
//
//   - tenant: one customer of the SaaS product, whose users are apart from all
//     others.
//   - User and Reader: the account types. An active User holds a seat, an active
//     Reader does not.
//   - seat: what the tenant pays for; seats used = active Users.
//   - claim: a value that a record keeps unique in its tenant (userName, unique
//     email, externalId); reservation: the stored item that keeps it.
//   - record: a user as stored, deleted ones too; live or readable: not deleted;
//     active: live and not deactivated.
//   - provision: what a POST asks for, whether a record is made or found again.
//   - deactivate, reactivate: a live record loses or takes back its activity;
//     delete: it is hidden and kept; restore: a deleted record is live again.
//   - linked: a user that an identity provider manages; own: one that the
//     application made and none has linked.
//   - purge: the record is removed for good, by the application alone.
//   - protected: a user whom identity providers cannot turn off.
//   - marker: what stays of a group that the application deleted.
//   - identity provider (IdP): the system that sends the SCIM requests.
package directory
