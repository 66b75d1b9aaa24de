// Package cost computes what a deployment costs: what each operation uses,
// measured through the real handlers on the engine in memory, times the traffic
// of identity providers, times dated prices. It writes docs/reference/cost.md.
//
// Nothing here was measured in AWS. What only AWS can show is a parameter of
// the model, and the page says so.
package cost
