package idp

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFromUserAgent(t *testing.T) {
	for agent, want := range map[string]Provider{
		"Okta SCIM Client 1.0.0": Okta, "Microsoft.Azure.SyncFabric": Entra, "OneLogin": OneLogin, "JumpCloud/1.0": JumpCloud,
		"PingOne": Ping, "SailPoint": SailPoint, "curl/8.5.0": Curl, "SCIM client/1.0": Other, "": "",
	} {
		assert.Equalf(t, want, FromUserAgent(agent), "%q", agent)
	}
}

func TestFromLabel(t *testing.T) {
	for label, want := range map[string]Provider{
		"Okta production": Okta, "entra": Entra, "Azure AD (EU)": Entra, "PingOne": Ping, "Shipping": "", "curl": "", "HR": "", "": "",
	} {
		assert.Equalf(t, want, FromLabel(label), "%q", label)
	}
}

func TestName_OfEveryProvider(t *testing.T) {
	for p, want := range map[Provider]string{Entra: "Microsoft Entra ID", Other: "Another client", "new": "new", "": ""} {
		assert.Equalf(t, want, p.Name(), "%q is named", p)
	}
}
