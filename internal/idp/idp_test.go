package idp

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFromUserAgent(t *testing.T) {
	for agent, want := range map[string]Provider{
		"Okta SCIM Client 1.0.0": Okta, "Microsoft.Azure.SyncFabric": Entra, "OneLogin": OneLogin, "JumpCloud/1.0": JumpCloud,
		"PingOne": PingOne, "PingFederate/12.1": PingFederate, "Ping": Ping, "SailPoint": SailPoint, "authentik/2026.2": Authentik, "goauthentik.io": Authentik,
		"CyberArk Identity": CyberArk, "Oracle-IDCS": Oracle, "IBM Verify": IBMVerify, "miniOrange": MiniOrange, "Rippling": Rippling, "curl/8.5.0": Curl, "SCIM client/1.0": Other, "": "",
	} {
		assert.Equalf(t, want, FromUserAgent(agent), "%q", agent)
	}
}

func TestFromLabel(t *testing.T) {
	for label, want := range map[string]Provider{
		"Okta production": Okta, "entra": Entra, "Azure AD (EU)": Entra, "PingOne": PingOne, "Ping Federate": Ping, "PingFederate EU": PingFederate,
		"IBM Verify": IBMVerify, "Oracle IAM": Oracle, "Google Workspace": Google, "CyberArk": CyberArk, "Shipping": "", "curl": "", "HR": "", "": "",
	} {
		assert.Equalf(t, want, FromLabel(label), "%q", label)
	}
}

func TestName_OfEveryProvider(t *testing.T) {
	for p, want := range map[Provider]string{Entra: "Microsoft Entra ID", Other: "Another client", "new": "new", "": ""} {
		assert.Equalf(t, want, p.Name(), "%q is named", p)
	}
}
