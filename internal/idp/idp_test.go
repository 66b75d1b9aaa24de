package idp

import "testing"

func TestFromUserAgent(t *testing.T) {
	for agent, want := range map[string]Provider{
		"Okta SCIM Client 1.0.0": Okta, "Microsoft.Azure.SyncFabric": Entra, "OneLogin": OneLogin, "JumpCloud/1.0": JumpCloud,
		"PingOne": Ping, "SailPoint": SailPoint, "curl/8.5.0": Curl, "SCIM client/1.0": Other, "": "",
	} {
		if got := FromUserAgent(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

func TestFromLabel(t *testing.T) {
	for label, want := range map[string]Provider{
		"Okta production": Okta, "entra": Entra, "Azure AD (EU)": Entra, "PingOne": Ping, "Shipping": "", "curl": "", "HR": "", "": "",
	} {
		if got := FromLabel(label); got != want {
			t.Errorf("%q is %q, want %q", label, got, want)
		}
	}
}

func TestName_OfEveryProvider(t *testing.T) {
	for p, want := range map[Provider]string{Entra: "Microsoft Entra ID", Other: "Another client", "new": "new", "": ""} {
		if got := p.Name(); got != want {
			t.Errorf("%q is named %q, want %q", p, got, want)
		}
	}
}
