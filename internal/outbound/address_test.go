package outbound_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/outbound"
)

func TestAddressFault_RefusesAllButThePublicInternet(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.170.2",
		"172.16.0.1", "172.31.255.255", "192.0.0.170", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:127.0.0.1", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "100::1",
		"2001::1", "2001:db8::1", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	} {
		assert.NotEmpty(t, outbound.AddressFault(netip.MustParseAddr(text)), text)
	}
	assert.NotEmpty(t, outbound.AddressFault(netip.Addr{}))
	for _, text := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255",
		"172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2600::1", "2a00:1450::1", "::ffff:8.8.8.8",
	} {
		assert.Empty(t, outbound.AddressFault(netip.MustParseAddr(text)), text)
	}
}

// An address is judged the same however it is written as IPv6.
func TestAddressFault_IgnoresTheFormOfAnAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		four := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
		six := netip.AddrFrom16(four.As16())
		assert.Equal(t, outbound.AddressFault(four), outbound.AddressFault(six))
	})
}

func TestIsLoopback(t *testing.T) {
	for _, host := range []string{"localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
		assert.True(t, outbound.IsLoopback(host), host)
	}
	for _, host := range []string{"", "localhost.example.com", "10.0.0.1", "0.0.0.0", "example.com", "128.0.0.1"} {
		assert.False(t, outbound.IsLoopback(host), host)
	}
}

func TestRefuse(t *testing.T) {
	for _, tt := range []struct {
		address  string
		loopback bool
		fault    string
	}{
		{"8.8.8.8:443", false, ""},
		{"[2600::1]:443", false, ""},
		{"127.0.0.1:443", false, "an address of this machine"},
		{"127.0.0.1:443", true, ""},
		{"[::1]:8080", true, ""},
		{"[::ffff:127.0.0.1]:80", true, ""},
		{"10.0.0.1:443", true, "a private address"},
		{"169.254.169.254:80", true, "a link-local address"},
		{"example.com:443", false, "no IP address"},
		{"8.8.8.8", false, "no IP address"},
	} {
		err := outbound.Refuse(tt.address, tt.loopback)
		if tt.fault == "" {
			require.NoError(t, err, tt.address)
			continue
		}
		var refused *outbound.Refusal
		require.True(t, errors.As(err, &refused), tt.address)
		assert.Equal(t, tt.fault, refused.Fault, tt.address)
		assert.ErrorContains(t, err, tt.fault)
	}
}

// The dialer asks for the address of each connection.
func TestDialer_Refuses(t *testing.T) {
	_, err := outbound.Dialer(time.Second, false).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	var refused *outbound.Refusal
	require.ErrorAs(t, err, &refused)
	_, err = outbound.Dialer(time.Second, true).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	require.Error(t, err)
	require.False(t, errors.As(err, &refused))
}
