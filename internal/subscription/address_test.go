package subscription_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/subscription"
)

func TestAddressFault_RefusesAllButThePublicInternet(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.170.2",
		"172.16.0.1", "172.31.255.255", "192.0.0.170", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:127.0.0.1", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "100::1",
		"2001::1", "2001:db8::1", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	} {
		assert.NotEmpty(t, subscription.AddressFault(netip.MustParseAddr(text)), text)
	}
	assert.NotEmpty(t, subscription.AddressFault(netip.Addr{}))
	for _, text := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255",
		"172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2600::1", "2a00:1450::1", "::ffff:8.8.8.8",
	} {
		assert.Empty(t, subscription.AddressFault(netip.MustParseAddr(text)), text)
	}
}

// An address is judged the same however it is written as IPv6.
func TestAddressFault_IgnoresTheFormOfAnAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		four := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
		six := netip.AddrFrom16(four.As16())
		assert.Equal(t, subscription.AddressFault(four), subscription.AddressFault(six))
	})
}

func TestURLFault_SaysWhatToDo(t *testing.T) {
	for text, want := range map[string]string{
		"": "missing",
		"https://a.example/" + strings.Repeat("x", 2000): "longer than 2000 bytes",
		"https://a.example/ü":                            "not ASCII",
		"https://a.example/a b":                          "a space",
		"https://bücher.example/":                        "xn--",
		"https://a.example/\n":                           "a space",
		"a.example/hook":                                 "not a URL with a host",
		"https:///hook":                                  "not a URL with a host",
		"https:a.example":                                "not a URL with a host",
		"https://a.example:0/":                           "not a URL with a host",
		"https://a.example:70000/":                       "not a URL with a host",
		"https://a.example:/":                            "not a URL with a host",
		"https://[::1/":                                  "not a URL with a host",
		"https://%zz/":                                   "not a URL with a host",
		"https://me:pw@a.example/":                       "user name or password",
		"https://@a.example/":                            "user name or password",
		"https://a.example/#top":                         "fragment",
		"https://a.example/#":                            "fragment",
		"http://a.example/":                              "https://",
		"ftp://a.example/":                               "https://",
		"HTTP://a.example/":                              "https://",
		"http://localhost/":                              "https://",
		"https://10.1.2.3/":                              "a private address",
		"https://[fd00::1]/":                             "a private address",
		"https://[::ffff:169.254.169.254]":               "a link-local address",
		"https://169.254.169.254/latest":                 "a link-local address",
		"https://127.0.0.1/":                             "of this machine",
		"https://127.1/":                                 "ends in a number",
		"https://2130706433/":                            "ends in a number",
		"https://0x7f000001/":                            "ends in a number",
		"https://0177.0.0.1/":                            "ends in a number",
		"https://10.0.0.1./":                             "ends in a number",
		"https://a..":                                    "ends in a number",
		"https://localhost/":                             "without a domain",
		"https://LOCALHOST./":                            "without a domain",
		"https://app/":                                   "without a domain",
		"https://app.localhost/":                         ".localhost",
		"https://metadata.google.internal":               ".internal",
		"https://nas.Local/":                             ".local",
	} {
		fault := subscription.URLFault(text, false)
		require.Contains(t, fault, want, text)
		require.True(t, strings.HasPrefix(fault, "url ") && strings.HasSuffix(fault, "."), fault)
	}
	for _, text := range []string{
		"https://app.example.com", "https://app.example.com/hooks?a=b", "https://app.example.com:8443/", "HTTPS://App.Example.com./", "https://xn--bcher-kva.example/",
		"https://8.8.8.8/", "https://[2600::1]:8443/x", "https://a.example/%20",
	} {
		require.Empty(t, subscription.URLFault(text, false), text)
	}
}

func TestURLFault_AllowsLoopbackLocally(t *testing.T) {
	for _, text := range []string{"http://127.0.0.1:3000/hook", "http://localhost:3000", "http://[::1]:3000/", "https://localhost/", "http://127.0.0.53/"} {
		require.Empty(t, subscription.URLFault(text, true), text)
		require.NotEmpty(t, subscription.URLFault(text, false), text)
	}
	for _, text := range []string{
		"http://a.example/", "http://10.0.0.1/", "https://10.0.0.1/", "ftp://127.0.0.1/", "http://u@127.0.0.1/", "http://localhost.a.example/", "http://0.0.0.0/",
	} {
		require.NotEmpty(t, subscription.URLFault(text, true), text)
	}
}
