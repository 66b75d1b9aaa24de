package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// An identity provider adds the resource to the base URL that an administrator has
// entered, so a wrong base URL shows in the path of its requests.

// endpoints are the names after the version in the path of a request.
var endpoints = []string{"Users", "Groups", "Bulk", "Schemas", "ResourceTypes", "ServiceProviderConfig", "ServiceProviderConfigs"}

func isEndpoint(segment string) bool { return indexOf(endpoints, segment) >= 0 }

// indexOf returns the index of a name in a list, in any letter case, or -1.
func indexOf(list []string, name string) int {
	return slices.IndexFunc(list, func(other string) bool { return scim.EqualName(other, name) })
}

// pages are the beginnings of the paths of web pages.
var pages = []string{"console", "portal", "docs", "login", "sso", "saml", "app", "index.html"}

// unserved returns why a path has no route: /Me and other versions of the
// protocol are not supported, and most others come from a wrong base URL.
// RFC 7644 §3.11, §3.13
func unserved(escapedPath string) *problem {
	path := web.Segments(escapedPath)
	if len(path) == 0 {
		return &problem{cause: cause.NoRoute}
	}
	if len(path) >= 3 && scim.EqualName(path[0], "scim") {
		switch number, isVersion := strings.CutPrefix(strings.ToLower(path[1]), "v"); {
		case number == "2" && len(path) == 3 && scim.EqualName(path[2], "Me"):
			return &problem{cause: cause.NotSupported}
		case isVersion && number != "2" && number != "" && strings.Trim(number, "0123456789.") == "":
			return &problem{cause: cause.ProtocolVersion}
		}
	}
	return &problem{cause: cause.NoRoute, remedy: addressFault(path)}
}

// addressFault returns what is wrong with the base URL of a request to a path, "" if the
// path does not show it.
func addressFault(path []string) cause.Remedy {
	is := func(i int, name string) bool { return i < len(path) && scim.EqualName(path[i], name) }
	count := func(name string) int {
		n := 0
		for _, segment := range path {
			if scim.EqualName(segment, name) {
				n++
			}
		}
		return n
	}
	resource := slices.IndexFunc(path, isEndpoint)
	base := indexOf(path, "scim")
	switch {
	case is(0, "admin"):
		return cause.AddressAdmin
	case base < 0 && indexOf(pages, path[0]) >= 0:
		return cause.AddressPage
	case base < 0 && (resource == 0 || is(0, "v2") && resource == 1):
		return cause.AddressPrefix
	case count("scim") > 1, base >= 0 && count("v2") > 1:
		return cause.AddressTwice
	case base == 0 && is(1, "v2") && resource == 2 && len(path) > 3 && isEndpoint(path[3]):
		return cause.AddressResource
	case base == 0 && resource == 1:
		return cause.AddressVersion
	case base >= 0 && is(base+1, "v2") && (base > 0 || resource == 3):
		return cause.AddressExtra
	}
	return ""
}

// misled returns why a request is refused though its path has a route: its base URL is
// wrong in a way that leads to another resource than the one that was meant, or to all
// of them. It is nil for any other request.
func misled(route *Route, id string, u *url.URL) *problem {
	switch {
	case isEndpoint(id) && (route.Function == functionUsers || route.Function == functionGroups):
		return &problem{cause: cause.NoRoute, remedy: cause.AddressResource}
	case route.Path == Prefix && resourceInQuery(u.RawQuery):
		return &problem{cause: cause.NoRoute, remedy: cause.AddressQuery}
	}
	return nil
}

// withPaths are the parameters of SCIM whose values can contain a slash.
var withPaths = []string{"filter", "attributes", "excludedAttributes", "sortBy"}

// resourceInQuery reports whether a query begins with a base URL's own query, to which
// the path of a resource was added: aadOptscim062020/Users?filter=…
func resourceInQuery(query string) bool {
	first, _, _ := strings.Cut(query, "&")
	if name, _, _ := strings.Cut(first, "="); indexOf(withPaths, name) >= 0 {
		return false
	}
	_, path, found := strings.Cut(first, "/")
	path, _, _ = strings.Cut(path, "?")
	segments := web.Segments(path)
	return found && len(segments) > 0 && isEndpoint(segments[0])
}

// notAllowed returns the refusal of a method that a path does not support.
func notAllowed(method string, u *url.URL, allowed []string) *problem {
	p := &problem{cause: cause.MethodNotAllowed, allow: allowed}
	path := web.Segments(u.EscapedPath())
	switch {
	case len(path) == 2 && resourceInQuery(u.RawQuery):
		return &problem{cause: cause.NoRoute, remedy: cause.AddressQuery}
	case len(path) == 2 && method != http.MethodGet && method != http.MethodHead:
		p.remedy = cause.AddressBase
	case len(path) == 4 && isEndpoint(path[2]) && isEndpoint(path[3]):
		return &problem{cause: cause.NoRoute, remedy: cause.AddressResource}
	}
	return p
}
