// Package admindoc makes the documents of users, groups and events that the admin API
// serves, and that are sent to the application. It reads what an event needs when it is sent,
// through an interface; it neither decides nor sends.
package admindoc

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
)

// User returns a user as the application sees it.
func User(u *directory.User) (adminwire.User, error) {
	r, err := u.Resource()
	if err != nil {
		return adminwire.User{}, err
	}
	holds := u.Holds()
	if holds == directory.HoldsNothing {
		holds = ""
	}
	return adminwire.User{
		ID: u.ID, UserName: r.Text("userName"), Email: adminwire.NullableString(directory.UniqueEmail(r)),
		DisplayName: adminwire.NullableString(r.Text("displayName")), ExternalID: adminwire.NullableString(r.Text("externalId")),
		Origin: string(u.Origin), SCIMManaged: u.Linked, AccountType: string(u.Type), Active: u.Active,
		DeactivatedBy: adminwire.NullableString(u.DeactivatedBy), Deleted: u.Deleted, Protected: u.Protected,
		Holds: adminwire.NullableString(holds), Version: u.Version, Created: instant(u.Created), Modified: instant(u.Modified),
	}, nil
}

// Group returns a group as the application sees it, without its members.
func Group(g *directory.Group) (adminwire.Group, error) {
	r, err := g.Resource()
	if err != nil {
		return adminwire.Group{}, err
	}
	return adminwire.Group{
		ID: g.ID, DisplayName: r.Text("displayName"), ExternalID: adminwire.NullableString(r.Text("externalId")),
		Origin: string(g.Origin), Version: g.Version, Generation: g.Epoch, Created: instant(g.Created), Modified: instant(g.Modified),
	}, nil
}

// instant returns a time, nil for the zero time.
func instant(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
