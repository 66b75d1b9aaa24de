package assertion

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/outbound"
)

// Hosts are the hosts from which keys are read.
type Hosts struct {
	names    []string
	loopback bool
}

// NewHosts returns Hosts of names, each with a port unless it is 443. With loopback, a host of this
// machine may be among them, also without encryption, for `rollcall local`.
func NewHosts(names []string, loopback bool) Hosts {
	h := Hosts{loopback: loopback}
	for _, name := range names {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			h.names = append(h.names, strings.TrimSuffix(name, ":443"))
		}
	}
	return h
}

// Fault returns why keys are not read from a URI, as the end of a sentence about it; "" if they are.
// Others could make the deployment send requests to its own network.
func (h Hosts) Fault(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return "is not a URL, for example https://login.microsoftonline.com/TENANT_ID/discovery/v2.0/keys."
	case len(uri) > maxURI:
		return fmt.Sprintf("has more than %d bytes.", maxURI)
	case u.User != nil:
		return "has a user name in it; keys are public, and need none."
	case u.Fragment != "":
		return "has a fragment (#), which is never sent."
	}
	host := strings.ToLower(u.Host)
	local := h.loopback && outbound.IsLoopback(u.Hostname())
	if u.Scheme != "https" && !(local && u.Scheme == "http") {
		return "does not begin with https://."
	}
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	switch {
	case slices.Contains(h.names, host):
		return ""
	case net.ParseIP(u.Hostname()) != nil:
		return "names an address and not a host."
	case len(h.names) == 0:
		return fmt.Sprintf("has the host %s, and this deployment fetches no keys (JwksHosts).", host)
	}
	return fmt.Sprintf("has the host %s, and this deployment fetches keys only from %s (JwksHosts).", host, strings.Join(h.names, ", "))
}
