// Package outbound decides to which addresses the service connects: only to those of the public
// internet, because an administrator or an identity provider has named the host. It judges the
// address of each connection, so that a name that changes its address gains nothing.
//
// It sends nothing itself and knows no protocol; packages webhook and assertion do.
package outbound

import (
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// special are networks that are no part of the public internet, or that lead into another
// network, in the words of an error.
var special = []struct {
	network netip.Prefix
	name    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this machine"},
	{netip.MustParsePrefix("100.64.0.0/10"), "an address inside a provider's network"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a reserved address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "an address for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("2001::/23"), "a reserved address"},
	{netip.MustParsePrefix("2001:db8::/32"), "an address for documentation"},
	{netip.MustParsePrefix("2002::/16"), "an address of a tunnel"},
	{netip.MustParsePrefix("3fff::/20"), "an address for documentation"},
}

// public is the part of IPv6 that has the addresses of the public internet. Outside of it are
// those that contain an IPv4 address, for example 64:ff9b::/96.
var public = netip.MustParsePrefix("2000::/3")

// AddressFault says what an address is to which nothing connects, "" for an address of the
// public internet. The address of an instance's metadata is a link-local one.
// RFC 6890
func AddressFault(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return "no IP address"
	case a.IsLoopback(), a.IsUnspecified():
		return "an address of this machine"
	case a.IsPrivate():
		return "a private address"
	case a.IsLinkLocalUnicast():
		return "a link-local address"
	case a.IsMulticast():
		return "a multicast address"
	}
	for _, s := range special {
		if s.network.Contains(a) {
			return s.name
		}
	}
	if a.Is6() && !public.Contains(a) {
		return "a reserved address"
	}
	return ""
}

// IsLoopback reports whether a host names this machine. The address of a connection to it is
// judged too.
func IsLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// A Refusal reports that there is no connection to an address.
type Refusal struct {
	// Fault says what the address is, for example "a private address".
	Fault string
}

func (e *Refusal) Error() string { return "outbound: refused: " + e.Fault }

// Refuse returns a Refusal of an address, with its port, to which nothing connects; nil for an
// address of the public internet and, with loopback, for one of this machine.
func Refuse(address string, loopback bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Refusal{"no IP address"}
	}
	if loopback && at.Addr().Unmap().IsLoopback() {
		return nil
	}
	if fault := AddressFault(at.Addr()); fault != "" {
		return &Refusal{fault}
	}
	return nil
}

// Dialer returns a dialer that refuses addresses: for each connection, after the host was
// looked up, so that what the name meant before does not matter. With loopback it also connects
// to this machine, for `rollcall local`.
func Dialer(timeout time.Duration, loopback bool) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		return Refuse(address, loopback)
	}}
}
