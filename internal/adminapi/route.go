package adminapi

import (
	"context"
	"net/http"
)

// A Route is one method on one path, as in the API's description. {name} in the path stands
// for one segment.
type Route struct {
	Method, Path string
	// ID is the operation's id in the description.
	ID      string
	handler handler
}

// pattern is what a request is matched with.
func (r *Route) pattern() (method, path string) { return r.Method, r.Path }

// handler answers a matched request.
type handler func(s *Service, ctx context.Context, q *request) (*reply, error)

// Prefix begins the path of every resource.
const Prefix = "/admin/v1"

// Routes are all routes of the service, in the order of the documentation.
func Routes() []Route {
	const (
		get, put, post, patch, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete

		one = Prefix + "/tenants/{tenant}"
	)
	return []Route{
		{get, Prefix + "/openapi.json", "readOpenAPI", (*Service).readOpenAPI},
		{get, Prefix + "/causes", "listCauses", (*Service).listCauses},
		{get, Prefix + "/tenants", "listTenants", (*Service).listTenants},
		{put, one, "putTenant", (*Service).putTenant},
		{get, one, "readTenant", (*Service).readTenant},
		{patch, one, "changeTenant", (*Service).changeTenant},
		{del, one, "deleteTenant", (*Service).deleteTenant},
		{get, one + "/usage", "readUsage", (*Service).readUsage},
		{get, one + "/overview", "readOverview", (*Service).readOverview},
		{get, one + "/log", "listLog", (*Service).listLog},
		{get, one + "/failed-users", "listFailedUsers", (*Service).listFailed},
		{get, one + "/requests/{request}", "readRequest", (*Service).readRequest},
		{post, one + "/explanations", "explainText", (*Service).explainText},
		{get, one + "/tokens", "listTokens", (*Service).listTokens},
		{post, one + "/tokens", "createToken", (*Service).createToken},
		{del, one + "/tokens/{token}", "revokeToken", (*Service).revokeToken},
		{post, one + "/tokens/{token}/rotation", "startRotation", (*Service).startRotation},
		{put, one + "/tokens/{token}/rotation", "completeRotation", (*Service).completeRotation},
		{del, one + "/tokens/{token}/rotation", "cancelRotation", (*Service).cancelRotation},
		{get, one + "/schemas", "listSchemas", (*Service).listSchemas},
		{get, one + "/schemas/{schema}", "readSchema", (*Service).readSchema},
		{put, one + "/schemas/{schema}", "putSchema", (*Service).putSchema},
		{del, one + "/schemas/{schema}", "deleteSchema", (*Service).deleteSchema},
		{get, one + "/users", "listUsers", (*Service).listUsers},
		{post, one + "/users", "createUser", (*Service).createUser},
		{get, one + "/users/{user}", "readUser", (*Service).readUser},
		{patch, one + "/users/{user}", "changeUser", (*Service).changeUser},
		{del, one + "/users/{user}", "purgeUser", (*Service).purgeUser},
		{get, one + "/groups", "listGroups", (*Service).listGroups},
		{get, one + "/groups/{group}", "readGroup", (*Service).readGroup},
		{del, one + "/groups/{group}", "deleteGroup", (*Service).deleteGroup},
		{get, one + "/deleted-groups", "listDeletedGroups", (*Service).listDeletedGroups},
	}
}
