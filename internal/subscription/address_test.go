package subscription_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/subscription"
)

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
