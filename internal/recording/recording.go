// Package recording has the recorded requests of identity providers: what each
// really sends, with the source in which it was seen. Tests replay them against
// the service, and the simulator fills them in with its own users and groups.
//
// It holds the text only; package replay describes the format.
package recording

import (
	_ "embed"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// Requests has one recorded request a line, as a JSON object.
//
//go:embed requests.jsonl
var Requests []byte

// UserAgents are the user agents of identity providers. Okta's is documented.
// Entra's is the name of its provisioning service's principal: Microsoft
// documents none. OneLogin's and PingFederate's are assumed.
var UserAgents = map[idp.Provider]string{
	idp.Okta:         "Okta SCIM Client 1.0.0",
	idp.Entra:        "Microsoft.Azure.SyncFabric",
	idp.OneLogin:     "OneLogin SCIM Client",
	idp.Ping:         "PingOne",
	idp.PingFederate: "PingFederate",
	idp.SailPoint:    "SailPoint",
}
