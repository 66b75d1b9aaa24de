package subscription

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/outbound"
)

// maxURL is the longest URL in bytes.
const maxURL = 2000

// URLFault says why events cannot be sent to a URL, in a sentence with what to do, or "".
// With loopback, http to this machine is allowed, for `rollcall local`. A name may still
// lead to a private address: that is decided for each connection.
func URLFault(text string, loopback bool) string {
	if text == "" {
		return "url is missing; send the https URL of your application that gets events."
	}
	if len(text) > maxURL {
		return "url is longer than " + strconv.Itoa(maxURL) + " bytes; shorten it."
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "url has a space or a character that is not ASCII; escape it with %, and write the host in its xn-- form."
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || !validPort(u.Port()) || strings.HasSuffix(u.Host, ":"):
		return "url is not a URL with a host, for example https://app.example.com/rollcall."
	case u.User != nil:
		return "url has a user name or password before the host; leave it out: deliveries are authenticated by their signature."
	case strings.Contains(text, "#"):
		return "url has a fragment (#), which is never sent; leave it out."
	}
	if loopback && outbound.IsLoopback(u.Hostname()) && (u.Scheme == "http" || u.Scheme == "https") {
		return ""
	}
	if u.Scheme != "https" {
		return "url must begin with https://; events have personal data, and are not sent unencrypted."
	}
	return hostFault(u.Hostname())
}

func validPort(text string) bool {
	if text == "" {
		return true
	}
	n, err := strconv.Atoi(text)
	return err == nil && n >= 1 && n <= 65535
}

// internal are the ends of names that exist only inside a network.
var internal = []string{".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa"}

// hostFault says why nothing is sent to a host, as far as the URL shows it.
func hostFault(host string) string {
	const public = " Use a host that the public internet reaches."
	if a, err := netip.ParseAddr(host); err == nil {
		if fault := outbound.AddressFault(a); fault != "" {
			return "url has " + fault + "; events are sent only to public addresses." + public
		}
		return ""
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	last := name[strings.LastIndexByte(name, '.')+1:]
	if _, err := strconv.ParseUint(last, 0, 64); err == nil || last == "" {
		return "url has a host that ends in a number and is no IP address in its usual form." + public
	}
	if last == name {
		return "url has a host without a domain, which only an internal network knows." + public
	}
	for _, end := range internal {
		if strings.HasSuffix(name, end) {
			return "url has a host that ends in " + end + ", which only an internal network knows." + public
		}
	}
	return ""
}
