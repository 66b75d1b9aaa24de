package adminapi

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// A Route is one method on one path, with its description: openapi.json is generated from
// the routes. {name} in the path stands for one segment.
type Route struct {
	Method, Path string
	// ID is the operation's id in the description.
	ID      string
	handler handler
	Summary string
	// Parameters has the parameters of the query, and the headers, as fields: a value of a
	// type of package adminwire, or nil if there is none. Requests with others are
	// refused.
	Parameters any
	// Body is a value of the type of the request's document, or nil if there is
	// none.
	Body    any
	Answers []Answer
}

// An Answer is an answer without an error.
type Answer struct {
	Status      int
	Description string
	// Document is a value of the type of the document, nil for an answer without one.
	Document any
}

// answers is a short name for the table of routes.
type answers = []Answer

// pattern returns the method and the path of requests for the route.
func (r *Route) pattern() (method, path string) { return r.Method, r.Path }

// queryNames returns the names of the parameters of the query.
func (r *Route) queryNames() []string {
	if r.Parameters == nil {
		return nil
	}
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(r.Parameters)) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && f.Tag.Get("in") != "header" {
			names = append(names, name)
		}
	}
	return names
}

// handler answers a matched request.
type handler func(s *Service, ctx context.Context, q *request) (*reply, error)

// Prefix begins the path of every resource.
const Prefix = "/admin/v1"

// Routes returns all routes of the service, in the order of the documentation.
func Routes() []Route { return routes }

// Short names for the table of routes.
const (
	get, put, post, patch, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete

	one      = Prefix + "/tenants/{tenant}"
	rotation = one + "/tokens/{token}/rotation"
	client   = one + "/clients/{client}"

	webhooks = Prefix + "/webhooks"
	webhook  = webhooks + "/{webhook}"
)

var routes = []Route{
	{
		get, Prefix + "/openapi.json", "readOpenAPI", (*Service).readOpenAPI,
		"Read this document", nil, nil,
		answers{{200, "OpenAPI 3.1", map[string]any{}}},
	},
	{
		get, Prefix + "/causes", "listCauses", (*Service).listCauses,
		"List causes: what each means, what to do, and where its requests are found",
		nil, nil,
		answers{{200, "All causes", adminwire.Causes{}}},
	},
	{
		get, Prefix + "/tenants", "listTenants", (*Service).listTenants,
		"List tenants in the order of their ids",
		adminwire.Page{},
		nil,
		answers{{200, "A page", adminwire.Tenants{}}},
	},
	{
		put, one, "putTenant", (*Service).putTenant,
		"Create a tenant, or replace all settings of one",
		adminwire.TenantMatch{},
		adminwire.TenantSettings{},
		answers{{201, "The tenant was created", adminwire.Tenant{}}, {200, "The tenant existed", adminwire.Tenant{}}},
	},
	{
		get, one, "readTenant", (*Service).readTenant,
		"Read a tenant", nil, nil,
		answers{{200, "The tenant", adminwire.Tenant{}}},
	},
	{
		patch, one, "changeTenant", (*Service).changeTenant,
		"Change some settings of a tenant",
		adminwire.Match{},
		adminwire.TenantSettings{},
		answers{{200, "The tenant", adminwire.Tenant{}}},
	},
	{
		del, one, "deleteTenant", (*Service).deleteTenant,
		"Delete a tenant and all its data for good",
		adminwire.Confirmation{},
		nil,
		answers{{202, "The tenant is being deleted: GET answers 404 when nothing is left, after some minutes", adminwire.Deleting{}}},
	},
	{
		get, one + "/usage", "readUsage", (*Service).readUsage,
		"Read the seats and Reader licences in use, and the numbers of users and groups",
		nil, nil,
		answers{{200, "The counts", adminwire.Usage{}}},
	},
	{
		get, one + "/overview", "readOverview", (*Service).readOverview,
		"Read the state of provisioning: what needs attention, seats, failing users and groups, the last sync of each identity provider, failures by cause",
		nil, nil,
		answers{{200, "The overview", adminwire.Overview{}}},
	},
	{
		get, one + "/log", "listLog", (*Service).listLog,
		"List the entries of the provisioning log, newest first",
		adminwire.LogQuery{},
		nil,
		answers{{200, "A page", adminwire.Log{}}},
	},
	{
		get, one + "/events", "listEvents", (*Service).listEvents,
		"List the events of a tenant, oldest or newest first: committed changes of users and groups, and facts about provisioning",
		adminwire.EventsQuery{},
		nil,
		answers{{200, "A page", adminwire.Events{}}},
	},
	{
		get, one + "/failed-users", "listFailedUsers", (*Service).listFailed,
		"List users and groups whose provisioning fails now, what their requests would do if sent again, and the effect of each fix",
		adminwire.FailedUsersQuery{},
		nil,
		answers{{200, "A page", adminwire.FailedUsers{}}},
	},
	{
		get, one + "/push-again", "listPushAgain", (*Service).listPushAgain,
		"List what the identity provider must push again: skipped members, groups that users lost, refused groups",
		adminwire.PushAgainQuery{},
		nil,
		answers{{200, "A page", adminwire.PushAgain{}}},
	},
	{
		get, one + "/drift", "listDrift", (*Service).listDrift,
		"List active users that no identity provider has pushed, and users and groups without a change request for a long time",
		adminwire.DriftQuery{},
		nil,
		answers{{200, "A page", adminwire.Drift{}}},
	},
	{
		get, one + "/requests/{request}", "readRequest", (*Service).readRequest,
		"Explain a request: what happened, why, what to do, and whether it is resolved",
		adminwire.RequestQuery{},
		nil,
		answers{{200, "The explanation", adminwire.Explanation{}}},
	},
	{
		post, one + "/requests/{request}/dismissal", "dismissFailure", (*Service).dismissFailure,
		"Dismiss the failure of a user or group whose last request this is: it leaves the list until the user or group fails again",
		nil,
		adminwire.NewDismissal{},
		answers{{200, "The failure, with its dismissal", adminwire.FailedUser{}}},
	},
	{
		post, one + "/explanations", "explainText", (*Service).explainText,
		"Explain the text of an error as an identity provider shows it; the text is not stored",
		nil,
		adminwire.PastedText{},
		answers{{200, "The meaning of the text", adminwire.Diagnosis{}}},
	},
	{
		get, one + "/tokens", "listTokens", (*Service).listTokens,
		"List tokens", nil, nil,
		answers{{200, "All tokens, without their texts", adminwire.Tokens{}}},
	},
	{
		post, one + "/tokens", "createToken", (*Service).createToken,
		"Create a token for an identity provider",
		nil,
		adminwire.NewToken{},
		answers{{201, "The token, with its text", adminwire.MintedToken{}}},
	},
	{
		del, one + "/tokens/{token}", "revokeToken", (*Service).revokeToken,
		"Revoke a token, which works for 10 seconds more", nil, nil,
		answers{{204, "The token is revoked", nil}},
	},
	{
		post, rotation, "startRotation", (*Service).startRotation,
		"Create a token that replaces this one; both work",
		nil,
		adminwire.NewToken{},
		answers{{201, "The new token, with its text", adminwire.MintedToken{}}},
	},
	{
		put, rotation, "completeRotation", (*Service).completeRotation,
		"Complete the rotation: revoke this token", nil, nil,
		answers{{204, "The token is revoked", nil}},
	},
	{
		del, rotation, "cancelRotation", (*Service).cancelRotation,
		"Cancel the rotation: revoke the new token", nil, nil,
		answers{{204, "The new token is revoked", nil}},
	},
	{
		post, one + "/portal-links", "createPortalLink", (*Service).createPortalLink,
		"Create a link that opens the customer's portal once, for one person",
		nil,
		adminwire.NewPortalLink{},
		answers{{201, "The link, which is shown only this once", adminwire.PortalLink{}}},
	},
	{
		get, one + "/clients", "listClients", (*Service).listClients,
		"List OAuth clients, revoked ones too", nil, nil,
		answers{{200, "All clients, without the texts of their secrets", adminwire.Clients{}}},
	},
	{
		post, one + "/clients", "createClient", (*Service).createClient,
		"Create an OAuth client for an identity provider, with a secret",
		nil,
		adminwire.NewClient{},
		answers{{201, "The client, with the text of its secret", adminwire.CreatedClient{}}},
	},
	{
		get, client, "readClient", (*Service).readClient,
		"Read an OAuth client", nil, nil,
		answers{{200, "The client", adminwire.Client{}}},
	},
	{
		patch, client, "changeClient", (*Service).changeClient,
		"Change the label of an OAuth client",
		nil,
		adminwire.ClientChange{},
		answers{{200, "The client", adminwire.Client{}}},
	},
	{
		del, client, "revokeClient", (*Service).revokeClient,
		"Revoke an OAuth client, whose access tokens work for 10 seconds more", nil, nil,
		answers{{204, "The client is revoked", nil}},
	},
	{
		post, client + "/secrets", "createClientSecret", (*Service).createClientSecret,
		"Create a secret of an OAuth client; the others still work",
		nil,
		adminwire.NewClientSecret{},
		answers{{201, "The secret, with its text", adminwire.CreatedClientSecret{}}},
	},
	{
		del, client + "/secrets/{secret}", "revokeClientSecret", (*Service).revokeClientSecret,
		"Revoke a secret, whose access tokens work for 10 seconds more", nil, nil,
		answers{{204, "The secret is revoked", nil}},
	},
	{
		put, client + "/federation", "setFederation", (*Service).setFederation,
		"Let assertions of another issuer authenticate an OAuth client (workload identity federation)",
		nil,
		adminwire.NewFederation{},
		answers{{200, "The client", adminwire.Client{}}},
	},
	{
		del, client + "/federation", "removeFederation", (*Service).removeFederation,
		"Let assertions of another issuer authenticate an OAuth client no more", nil, nil,
		answers{{204, "The federation is removed", nil}},
	},
	{
		put, client + "/keys", "setClientKeys", (*Service).setClientKeys,
		"Set the public keys whose assertions authenticate an OAuth client (private_key_jwt)",
		nil,
		adminwire.NewClientKeys{},
		answers{{200, "The client", adminwire.Client{}}},
	},
	{
		del, client + "/keys", "removeClientKeys", (*Service).removeClientKeys,
		"Remove the public keys of an OAuth client", nil, nil,
		answers{{204, "The keys are removed", nil}},
	},
	{
		get, one + "/schemas", "listSchemas", (*Service).listSchemas,
		"List the tenant's own schemas", nil, nil,
		answers{{200, "All schemas", adminwire.Schemas{}}},
	},
	{
		get, one + "/schemas/{schema}", "readSchema", (*Service).readSchema,
		"Read a schema", nil, nil,
		answers{{200, "The schema", adminwire.Schema{}}},
	},
	{
		put, one + "/schemas/{schema}", "putSchema", (*Service).putSchema,
		"Register a schema, or replace the one with its URN", nil,
		adminwire.NewSchema{},
		answers{{201, "The schema was registered", adminwire.Schema{}}, {200, "The schema replaced another one", adminwire.Schema{}}},
	},
	{
		del, one + "/schemas/{schema}", "deleteSchema", (*Service).deleteSchema,
		"Delete a schema", nil, nil,
		answers{{204, "The schema is deleted", nil}},
	},
	{
		get, one + "/users", "listUsers", (*Service).listUsers,
		"List users in the order of their creation",
		adminwire.UsersQuery{},
		nil,
		answers{{200, "A page", adminwire.Users{}}},
	},
	{
		post, one + "/users", "createUser", (*Service).createUser,
		"Create a user in the application", nil,
		adminwire.NewUser{},
		answers{{201, "The user", adminwire.User{}}},
	},
	{
		get, one + "/users/{user}", "readUser", (*Service).readUser,
		"Read a user, a deleted one too", nil, nil,
		answers{{200, "The user", adminwire.User{}}},
	},
	{
		patch, one + "/users/{user}", "changeUser", (*Service).changeUser,
		"Change, deactivate, reactivate, convert or protect a user",
		adminwire.Match{},
		adminwire.UserChange{},
		answers{{200, "The user", adminwire.User{}}},
	},
	{
		del, one + "/users/{user}", "purgeUser", (*Service).purgeUser,
		"Delete a user for good", nil, nil,
		answers{{204, "The user is deleted", nil}},
	},
	{
		get, one + "/users/{user}/offboarding", "readOffboarding", (*Service).readOffboarding,
		"Read when a user was deactivated, deleted or purged, and when each webhook acknowledged it",
		adminwire.OffboardingQuery{},
		nil,
		answers{{200, "The evidence, of purged users too, as long as the log is kept", adminwire.Offboarding{}}},
	},
	{
		get, one + "/groups", "listGroups", (*Service).listGroups,
		"List groups in the order of their creation",
		adminwire.GroupsQuery{},
		nil,
		answers{{200, "A page", adminwire.Groups{}}},
	},
	{
		get, one + "/groups/{group}", "readGroup", (*Service).readGroup,
		"Read a group", nil, nil,
		answers{{200, "The group", adminwire.Group{}}},
	},
	{
		del, one + "/groups/{group}", "deleteGroup", (*Service).deleteGroup,
		"Delete a group in the application; the identity provider gets an error that says so",
		nil, nil,
		answers{{204, "The group is deleted", nil}},
	},
	{
		get, one + "/groups/{group}/members", "listMembers", (*Service).listMembers,
		"List the members of a group, each with the failure of its own provisioning",
		adminwire.Page{},
		nil,
		answers{{200, "A page", adminwire.GroupMembers{}}},
	},
	{
		get, one + "/deleted-groups", "listDeletedGroups", (*Service).listDeletedGroups,
		"List the markers of groups that the application deleted",
		adminwire.Page{},
		nil,
		answers{{200, "A page", adminwire.DeletedGroups{}}},
	},
	{
		get, webhooks, "listWebhooks", (*Service).listWebhooks,
		"List the webhooks: the endpoints of the application that get events", nil, nil,
		answers{{200, "All webhooks, without their secrets", adminwire.Webhooks{}}},
	},
	{
		post, webhooks, "createWebhook", (*Service).createWebhook,
		"Register an endpoint of the application, which gets all events from now on",
		nil,
		adminwire.NewWebhook{},
		answers{{201, "The webhook, with its secret, which is shown only this once", adminwire.WebhookWithSecret{}}},
	},
	{
		get, webhook, "readWebhook", (*Service).readWebhook,
		"Read a webhook", nil, nil,
		answers{{200, "The webhook", adminwire.Webhook{}}},
	},
	{
		patch, webhook, "changeWebhook", (*Service).changeWebhook,
		"Change, disable or enable a webhook",
		adminwire.Match{},
		adminwire.WebhookChange{},
		answers{{200, "The webhook", adminwire.Webhook{}}},
	},
	{
		del, webhook, "deleteWebhook", (*Service).deleteWebhook,
		"Delete a webhook, with the events that wait for it and the record of its deliveries", nil, nil,
		answers{{204, "The webhook is deleted", nil}},
	},
	{
		post, webhook + "/secret", "rotateWebhookSecret", (*Service).rotateWebhookSecret,
		"Create a new secret; the one before signs too, for 24 hours", nil, nil,
		answers{{201, "The webhook, with its new secret, which is shown only this once", adminwire.WebhookWithSecret{}}},
	},
	{
		get, webhook + "/deliveries", "listDeliveries", (*Service).listDeliveries,
		"List what came of the events that were sent to a webhook, newest first, with the attempts",
		adminwire.WebhookDeliveriesQuery{},
		nil,
		answers{{200, "A page", adminwire.WebhookDeliveries{}}},
	},
	{
		post, webhook + "/test", "testWebhook", (*Service).testWebhook,
		"Send an event of the type webhook.test at once, and report what came of it", nil, nil,
		answers{{200, "The attempt", adminwire.WebhookTest{}}},
	},
	{
		post, webhook + "/redeliver", "redeliver", (*Service).redeliver,
		"Send the events of a time to a webhook again, or one event",
		nil,
		adminwire.Redelivery{},
		answers{{202, "How many events wait for the webhook now", adminwire.Redelivering{}}},
	},
}
