// Package adminapi is the admin API over net/http: tenants, their tokens and schemas,
// and their users and groups as the application sees them. The SaaS product and the
// command rollcall call it; identity providers never do.
//
// API Gateway (AWS_IAM), or the gateway of `rollcall local`, has authorized each
// request. One that is not authorized is refused here too.
package adminapi
