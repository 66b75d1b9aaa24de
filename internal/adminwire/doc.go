// Package adminwire has the documents of the admin API: what its requests and answers
// contain. The service, its client, the console and the command share these types, and
// openapi.json is generated from them: the comment of a type or field is its description
// there, and the tag jsonschema has its limits. The package contains no behaviour beside
// encoding.
package adminwire
