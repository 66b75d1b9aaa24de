// Package adminapi is the application's side over net/http: tenants, their tokens
// and schemas, their users and groups as the application sees them. The SaaS
// product calls it, and the command rollcall; no identity provider does.
//
// Who calls was authorized before: by API Gateway (AWS_IAM), or by the gateway of
// `rollcall local`. A request that nobody authorized is refused here once more.
package adminapi
